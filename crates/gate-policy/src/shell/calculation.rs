//! Commands of the shell that may calculate with their words: a calculation
//! with a subscript can run a command.

use super::expand::Field;
use super::parser::{Dialect, is_name};
use super::run::{Frame, Runner};
use super::scope::{Scope, Value};
use super::syntax::{Piece, Word};
use crate::effect::Effect;
use crate::read::words::shown;

/// The operators of a test that calculate, or look into an array.
const CALCULATES: &[&[u8]] = &[b"-eq", b"-ne", b"-lt", b"-le", b"-gt", b"-ge", b"-v"];

impl Runner<'_> {
    /// Does what changes nothing, whatever its words: but for a calculation in
    /// one of them, which can run a command, and `jobs -x`, which is one.
    pub(super) fn harmless(&mut self, name: &[u8], words: &[Field]) {
        let prints: [&[u8]; 4] = [b":", b"true", b"false", b"echo"];
        let prints_all =
            prints.contains(&name) || (name == b"printf" && self.dialect != Dialect::Zsh);
        let is_plain = |word: &Field| {
            is_count(&word.bytes)
                || (word.is_known && !word.bytes.iter().any(|byte| b"[(".contains(byte)))
        };
        let starts = |word: &Field| word.bytes.starts_with(b"-x") || word.bytes.starts_with(b"-p");
        if prints_all || (words.iter().all(is_plain) && !words.iter().any(starts)) {
            self.effect(Effect::Read, "the shell does it itself");
        } else {
            let name = shown(name);
            self.unknown(&format!("what `{name}` makes of its words is not followed"));
        }
    }

    /// `test -v` looks into an array, and where `[[` is a word a comparison of
    /// numbers calculates: both can run a command. A word that is not known
    /// must not become such an operator.
    pub(super) fn plain_test(&mut self, words: &[Field]) {
        let mut words: Vec<&Field> = words.iter().collect();
        words.retain(|word| !(word.is_known && matches!(&*word.bytes, b"!" | b"]" | b"]]")));
        let looks = words.iter().any(|word| CALCULATES.contains(&&*word.bytes));
        let is_fixed = match &*words {
            [] | [_] => true,
            [operator, _] => operator.is_known,
            [_, operator, _] => operator.is_known && !operator.bytes.starts_with(b"-a"),
            all => all.iter().all(|word| word.is_known),
        };
        let stays_one = |word: &&Field| word.is_known || is_quoted(&word.bytes);
        if !is_fixed
            || !words.iter().all(stays_one)
            || (looks && !words.iter().all(|word| is_plain(word)))
            || (looks && self.dialect == Dialect::Zsh && words.iter().any(|word| has_name(word)))
        {
            self.unknown("a test with a word that is not known can run a command");
        } else {
            self.effect(Effect::Read, "the shell does it itself");
        }
    }

    /// `[[ … ]]`: a comparison of numbers calculates, and a calculation can run
    /// a command.
    pub(super) fn test(&mut self, words: &[Word], scope: &Scope, frame: &Frame) {
        let mut calculates = false;
        let mut is_plain = true;
        let mut names = Vec::new();
        for word in words {
            let literal = word.literal();
            calculates |= literal
                .as_deref()
                .is_some_and(|word| CALCULATES.contains(&word));
            let value = self.value(word, scope, frame);
            is_plain &= match &value {
                Value::Known(value) => {
                    let is_operator = CALCULATES.contains(&&**value);
                    names.extend(names_in(value).filter(|_| !is_operator));
                    !value.contains(&b'[')
                }
                Value::Number => true,
                Value::Unknown => is_number(word),
            };
        }
        // A name in a calculation stands for its value, which is one too.
        is_plain &= names.iter().all(|name| match scope.get(name) {
            Value::Known(value) => value.iter().all(u8::is_ascii_digit),
            Value::Number => true,
            Value::Unknown => false,
        });
        if calculates && !is_plain {
            self.unknown("a calculation with a value that is not known can run a command");
        } else {
            self.effect(Effect::Read, "the shell does it itself");
        }
    }
}

/// Returns what can be names of variables in a word.
fn names_in(word: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let parts = word.split(move |byte| !is_letter(byte));
    let names = parts.filter(|part| is_name(part));
    names.map(<[u8]>::to_vec).collect::<Vec<_>>().into_iter()
}

/// Tells whether a word that is no operator can hold the name of a variable.
fn has_name(word: &Field) -> bool {
    !CALCULATES.contains(&&*word.bytes) && word.bytes.iter().any(u8::is_ascii_alphabetic)
}

/// Tells whether a word has no subscript, or is a number of the shell's.
fn is_plain(word: &Field) -> bool {
    (word.is_known && !word.bytes.contains(&b'[')) || is_count(&word.bytes)
}

/// Tells whether a word that is not known stays one word.
fn is_quoted(raw: &[u8]) -> bool {
    is_count(raw) || (raw.len() > 1 && raw.starts_with(b"\"") && raw.ends_with(b"\""))
}

fn is_count(raw: &[u8]) -> bool {
    matches!(raw, b"$?" | b"$#" | b"$$" | b"$!" | b"\"$?\"" | b"\"$#\"")
}

/// Tells whether what is not known of a word is a number: `$#`, `$?`.
fn is_number(word: &Word) -> bool {
    word.pieces.iter().all(|piece| match piece {
        Piece::Parameter { name, .. } => matches!(&**name, b"#" | b"?" | b"$" | b"!"),
        Piece::Literal { bytes, .. } => !bytes.contains(&b'['),
        Piece::Arithmetic(_) => true,
        Piece::Default { .. } | Piece::Opaque(_) | Piece::Substitution(_) | Piece::Process(_) => {
            false
        }
    })
}
