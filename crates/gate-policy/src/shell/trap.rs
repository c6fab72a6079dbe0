//! What a shell runs at its end or at a signal. Until then variables, functions
//! and the folder can have changed, so it is read with what stays the same.

use super::expand::Field;
use super::feed::Feed;
use super::parser::Dialect;
use super::run::Runner;
use super::scope::{Scope, Value};
use crate::effect::Effect;

/// The texts that traps run.
#[derive(Default)]
pub(super) struct Traps {
    texts: Vec<Vec<u8>>,
    /// What did not change since the first of them was set.
    lasting: Option<Scope>,
}

impl Traps {
    /// Notes the state behind a command.
    pub(super) fn see(&mut self, scope: &Scope) {
        if let Some(lasting) = &mut self.lasting {
            lasting.forget(scope);
        }
    }
}

impl Runner<'_> {
    pub(super) fn trap(&mut self, words: &[Field], scope: &mut Scope) {
        self.effect(Effect::Read, "the shell does it itself");
        let words = match words {
            [dashes, rest @ ..] if dashes.is_known && dashes.bytes == b"--" => rest,
            words => words,
        };
        let Some((text, conditions)) = words.split_first() else {
            return;
        };
        if !text.is_known {
            self.unknown("what `trap` runs is not known");
            return;
        }
        if matches!(&*text.bytes, b"-" | b"" | b"-l" | b"-p") {
            return;
        }
        let ends = |word: &Field| word.is_known && matches!(&*word.bytes, b"EXIT" | b"0");
        // In zsh the end of a function is one, too.
        if self.dialect == Dialect::Zsh || !conditions.iter().all(ends) {
            self.loosen(&text.bytes, scope);
        }
        if !self.is_dry && !self.traps.texts.contains(&text.bytes) {
            self.traps.lasting.get_or_insert_with(|| scope.clone());
            self.traps.texts.push(text.bytes.clone());
        }
    }

    /// What a trap assigns to can change between any two commands from here on.
    fn loosen(&mut self, text: &[u8], scope: &mut Scope) {
        let before = scope.emptied();
        let mut inside = before.clone();
        self.dry(|runner| runner.deeper_text(text, &mut inside, &Feed::Unknown));
        for name in inside.assigned() {
            scope.fix(name);
            scope.set(name, Value::Unknown);
        }
        if !inside.is_placed_like(&before) {
            self.unknown("what a trap changes of the shell is not followed");
        }
    }

    /// Reads what the traps of a script run, behind all of it.
    pub(super) fn run_traps(&mut self) {
        let mut done = 0;
        while let Some(texts) = self.traps.texts.get(done..).map(<[_]>::to_vec) {
            if texts.is_empty() {
                return;
            }
            done += texts.len();
            // One trap can change what another one needs.
            self.dry(|runner| while runner.run_each(&texts) {});
            self.run_each(&texts);
        }
    }

    /// Runs texts; tells whether less is known behind them than before.
    fn run_each(&mut self, texts: &[Vec<u8>]) -> bool {
        let Some(before) = self.traps.lasting.clone() else {
            return false;
        };
        for text in texts {
            let lasting = self.traps.lasting.as_ref();
            let mut inside = lasting.unwrap_or(&before).clone();
            self.deeper_text(text, &mut inside, &Feed::Unknown);
        }
        let lasting = self.traps.lasting.as_ref();
        lasting.is_some_and(|lasting| !lasting.is_like(&before))
    }
}
