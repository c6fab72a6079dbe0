//! Loops, functions and scripts that are left before their end: what is known
//! behind them is what is the same wherever they can be left.

use super::run::Runner;
use super::scope::Scope;

/// A loop or a function that can be left before its end.
pub(super) struct Exit {
    is_loop: bool,
    /// What is known at all of the places where it is.
    state: Option<Scope>,
}

impl Runner<'_> {
    /// Begins a loop, or a function.
    pub(super) fn enter(&mut self, is_loop: bool) {
        let state = None;
        self.exits.push(Exit { is_loop, state });
    }

    /// Leaves so many loops that are being run, or the function.
    pub(super) fn exit(&mut self, loops: Option<usize>, scope: &Scope) {
        let left = self.exits.iter_mut().rev();
        let left: Vec<&mut Exit> = match loops {
            Some(loops) => left.filter(|exit| exit.is_loop).take(loops).collect(),
            None => left.filter(|exit| !exit.is_loop).take(1).collect(),
        };
        for exit in left {
            match &mut exit.state {
                Some(state) => state.forget(scope),
                state @ None => *state = Some(scope.clone()),
            }
        }
    }

    /// Forgets what is not the same where the loop or the function was left.
    pub(super) fn rejoin(&self, scope: &mut Scope) {
        if let Some(state) = self.exits.last().and_then(|exit| exit.state.as_ref()) {
            scope.forget(state);
        }
    }

    /// Ends a loop or a function.
    pub(super) fn leave(&mut self, scope: &mut Scope) {
        self.rejoin(scope);
        self.exits.pop();
    }
}
