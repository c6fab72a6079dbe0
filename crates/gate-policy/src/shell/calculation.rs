//! Commands of the shell that may calculate with their words: a calculation
//! with a subscript can run a command.

use super::expand::{Field, is_number};
use super::names::{is_letter, is_name};
use super::parser::Dialect;
use super::run::{Frame, Runner};
use super::scope::{Scope, Value};
use super::syntax::Word;
use crate::effect::Effect;
use crate::read::words::shown;

/// The operators of a test that calculate, or look into an array.
const CALCULATES: &[&[u8]] = &[b"-eq", b"-ne", b"-lt", b"-le", b"-gt", b"-ge", b"-v"];

/// Tells whether a word of a test is such an operator. ksh and zsh calculate
/// the number of a descriptor, too.
fn calculates(word: &[u8], dialect: Dialect) -> bool {
    CALCULATES.contains(&word) || (dialect == Dialect::Zsh && word == b"-t")
}

impl Runner<'_> {
    /// Does what changes nothing, whatever its words: but for a calculation in
    /// one of them, which can run a command, `jobs -x`, which is one, and
    /// `wait -p`, which sets a variable.
    pub(super) fn harmless(&mut self, name: &[u8], words: &[Field]) {
        let has = |letter: u8| {
            let mut options = words.iter().filter(|word| word.bytes.starts_with(b"-"));
            options.any(|word| word.bytes.contains(&letter))
        };
        let is_plain = |word: &Field| is_plain(word) && !word.bytes.contains(&b'(');
        let is_fine = match name {
            b":" | b"true" | b"false" | b"echo" => true,
            b"printf"
                if words
                    .first()
                    .is_some_and(|format| counts_into(&format.bytes)) =>
            {
                false
            }
            b"printf" if self.dialect != Dialect::Zsh => true,
            b"printf" => words.split_first().is_none_or(|(format, rest)| {
                let counts = counts(&format.bytes);
                format.is_known && (!counts || rest.iter().all(is_digits))
            }),
            b"exit" | b"return" | b"shift" | b"logout" => {
                self.dialect == Dialect::Bash || words.iter().all(is_digits)
            }
            b"jobs" => !has(b'x') && words.iter().all(is_plain),
            b"wait" => !has(b'p') && words.iter().all(is_plain),
            _ => words.iter().all(is_plain),
        };
        if is_fine {
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
        let looks = words
            .iter()
            .any(|word| calculates(&word.bytes, self.dialect));
        let is_fixed = match &*words {
            [] | [_] => true,
            [operator, _] => operator.is_known,
            [_, operator, _] => operator.is_known && !operator.bytes.starts_with(b"-a"),
            all => all.iter().all(|word| word.is_known),
        };
        let stays_one = |word: &&Field| word.is_known || word.is_number || is_quoted(&word.bytes);
        if !is_fixed
            || !words.iter().all(stays_one)
            || (looks && !words.iter().all(|word| is_plain(word)))
            || (self.dialect != Dialect::Bash && calculates_with_name(&words, self.dialect))
        {
            self.unknown("a test with a word that is not known can run a command");
        } else {
            self.effect(Effect::Read, "the shell does it itself");
        }
    }

    /// `[[ … ]]`: a comparison of numbers calculates, and a calculation can run
    /// a command.
    pub(super) fn test(&mut self, words: &[Word], scope: &mut Scope, frame: &Frame) {
        let mut looks = false;
        let mut is_plain = true;
        let mut names = Vec::new();
        let mut values = Vec::new();
        for word in words {
            let literal = word.literal();
            looks |= literal
                .as_deref()
                .is_some_and(|word| calculates(word, self.dialect));
            let value = self.value(word, scope, frame);
            is_plain &= match &value {
                Value::Known(value) => {
                    let is_operator = calculates(value, self.dialect);
                    names.extend(names_in(value).filter(|_| !is_operator));
                    !value.contains(&b'[')
                }
                Value::Number | Value::PerhapsNumber => true,
                Value::Unknown => false,
            };
            values.push(value);
        }
        // What is no number is printed.
        for (word, value) in words.iter().zip(&values).filter(|_| looks) {
            self.note_value(word, value, scope);
        }
        // A name in a calculation stands for its value, which is one too.
        is_plain &= names.iter().all(|name| is_number(&scope.get(name)));
        if looks && !is_plain {
            self.unknown("a calculation with a value that is not known can run a command");
        } else {
            self.effect(Effect::Read, "the shell does it itself");
        }
    }
}

/// Returns what can be names of variables in a word.
fn names_in(word: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let parts = word.split(|byte| !is_letter(*byte));
    let names = parts.filter(|part| is_name(part));
    names.map(<[u8]>::to_vec).collect::<Vec<_>>().into_iter()
}

/// Tells whether a name may stand beside an operator that calculates.
fn calculates_with_name(words: &[&Field], dialect: Dialect) -> bool {
    let has_name = |word: &&Field| word.bytes.iter().any(u8::is_ascii_alphabetic);
    let is_operator = |word: &&Field| calculates(&word.bytes, dialect);
    words.windows(2).any(|two| match two {
        [before, behind] if is_operator(before) => has_name(behind),
        [before, behind] if is_operator(behind) => has_name(before),
        _ => false,
    })
}

/// Tells whether a test is surely well written: else a shell prints the word
/// that it does not understand, as one that should be a number.
pub(super) fn is_well_written(words: &[Field]) -> bool {
    let is = |word: &Field, one_of: &[&[u8]]| word.is_known && one_of.contains(&&*word.bytes);
    let words: Vec<&Field> = words
        .iter()
        .filter(|word| !is(word, &[b"!", b"]"]))
        .collect();
    let mut parts = words.split(|word| is(word, &[b"-a", b"-o"]));
    parts.all(|part| match part {
        [_] => true,
        [operator, _] => operator.is_known && operator.bytes.starts_with(b"-"),
        [_, operator, _] => is(operator, &[b"=", b"==", b"!="]),
        _ => false,
    })
}

/// Tells whether a word has no subscript, or is a number of the shell's.
fn is_plain(word: &Field) -> bool {
    (word.is_known && !word.bytes.contains(&b'[')) || word.is_number
}

/// Tells whether a word is a number, or nothing.
pub(super) fn is_digits(word: &Field) -> bool {
    let digits = word.bytes.strip_prefix(b"-").unwrap_or(&word.bytes);
    word.is_number || (word.is_known && digits.iter().all(u8::is_ascii_digit))
}

/// Tells whether a word that is not known stays one word.
pub(super) fn is_quoted(raw: &[u8]) -> bool {
    let inside = raw.strip_prefix(b"\"");
    let inside = inside.and_then(|raw| raw.strip_suffix(b"\""));
    inside.is_some_and(|inside| !inside.contains(&b'"') && !inside.contains(&b'@'))
}

/// Tells whether the format of `printf` sets a variable to how much was printed:
/// `%n`.
fn counts_into(format: &[u8]) -> bool {
    let mut rest = format;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        rest = rest.get(at + 1..).unwrap_or_default();
        let is_between = |byte: &u8| b"#0- +'*.123456789hlLjqtz".contains(byte);
        let length = rest.iter().take_while(|byte| is_between(byte)).count();
        let kind = rest.get(length);
        if kind == Some(&b'n') {
            return true;
        }
        rest = rest.get(length + 1..).unwrap_or_default();
    }
    false
}

/// Tells whether the format of `printf` may have a place for a number.
fn counts(format: &[u8]) -> bool {
    let mut parts = format.split(|byte| *byte == b'%');
    parts.next();
    let takes_text = |part: &[u8]| {
        let kind = part.iter().find(|byte| !b"-0123456789.".contains(byte));
        // Nothing stands between both of `%%`.
        kind.is_none_or(|kind| b"sbqc".contains(kind))
    };
    !parts.all(takes_text)
}
