//! Loops, functions and scripts that are left before their end: what is known
//! behind them is what is the same wherever they can be left.

use super::run::Runner;
use super::scope::Scope;

/// What can be left before its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Loop,
    Function,
    /// A script that the shell takes in.
    Script,
}

/// A part of a script that is being run.
pub(super) struct Exit {
    part: Part,
    /// What is known at all of the places where it is.
    state: Option<Scope>,
}

impl Runner<'_> {
    /// Begins a loop, a function or another script.
    pub(super) fn enter(&mut self, part: Part) {
        let state = None;
        self.exits.push(Exit { part, state });
    }

    pub(super) fn is_in_function(&self) -> bool {
        self.exits.iter().any(|exit| exit.part == Part::Function)
    }

    /// Leaves so many loops that are being run, or the function.
    pub(super) fn exit(&mut self, loops: Option<usize>, scope: &Scope) {
        let left = self.exits.iter_mut().rev();
        let left: Vec<&mut Exit> = match loops {
            Some(loops) => left
                .filter(|exit| exit.part == Part::Loop)
                .take(loops)
                .collect(),
            None => left
                .filter(|exit| exit.part != Part::Loop)
                .take(1)
                .collect(),
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
