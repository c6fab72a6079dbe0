//! Words become fields: the values of variables that are known, the commands
//! in substitutions, and what can't be known.

use std::ffi::OsStr;
use std::ops::Range;

use super::calculation::is_well_written;
use super::feed::{prints_folder, prints_number};
use super::names::is_letter;
use super::parser::Dialect;
use super::run::{Frame, Runner};
use super::scope::{Scope, Value, word_of};
use super::syntax::{Arithmetic, List, Piece, Word};
use crate::effect::Effect;
use crate::invocation::{EnvironmentAction, EnvironmentNote, Place, SecretPlace, SecretSpan};
use crate::read::secret_names::names_a_secret;
use crate::read::words::shown;

/// Commands that take their words and print none of them.
const SILENT: &[&[u8]] = &[
    b":",
    b"builtin",
    b"command",
    b"declare",
    b"eval",
    b"exec",
    b"export",
    b"false",
    b"local",
    b"readonly",
    b"set",
    b"true",
    b"typeset",
];
/// Programs that a secret in their words logs in to a database, as in its URL.
const LOGGING_IN: &[&[u8]] = &[b"mongosh", b"mysql", b"psql", b"redis-cli"];
/// The shortest value of a variable that is looked for in a text.
const SHORTEST_SECRET: usize = 4;

/// One word of a command, after expansion.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// What it is, or what was written where that is not known.
    pub(super) bytes: Vec<u8>,
    pub(super) is_known: bool,
    /// Whether it is a number where it is not known: `$?`, `$((…))`.
    pub(super) is_number: bool,
    /// Where it stands in the script; empty where it doesn't.
    pub(super) range: Range<usize>,
}

/// A word under expansion.
#[derive(Default)]
struct Growing {
    bytes: Vec<u8>,
    /// Whether it is a word even where it is empty.
    is_there: bool,
    is_unknown: bool,
    /// Whether something in it is not a number.
    has_more: bool,
    /// Where a value was split: the fields before.
    done: Vec<Vec<u8>>,
}

impl Runner<'_> {
    /// Expands words, and runs what stands in them.
    pub(super) fn fields(
        &mut self,
        words: &[Word],
        scope: &mut Scope,
        frame: &Frame,
    ) -> Vec<Field> {
        let mut fields = Vec::new();
        for word in words {
            if let Some(list) = positional(word, scope) {
                fields.extend(list.iter().map(|bytes| Field {
                    bytes: bytes.clone(),
                    is_known: true,
                    is_number: false,
                    range: 0..0,
                }));
                continue;
            }
            let grown = self.grow(word, scope, frame, true);
            if grown.is_unknown {
                fields.push(Field {
                    bytes: frame.raw(word),
                    is_known: false,
                    is_number: !grown.has_more,
                    range: word.range.clone(),
                });
                continue;
            }
            let range = if grown.done.is_empty() {
                word.range.clone()
            } else {
                0..0
            };
            let last = (grown.is_there || !grown.bytes.is_empty()).then_some(grown.bytes);
            let all = grown.done.into_iter().chain(last);
            fields.extend(all.map(|bytes| Field {
                bytes,
                is_known: true,
                is_number: false,
                range: range.clone(),
            }));
        }
        fields
    }

    /// Expands a word that stays one: a value, the text of a here-document.
    pub(super) fn value(&mut self, word: &Word, scope: &mut Scope, frame: &Frame) -> Value {
        let grown = self.grow(word, scope, frame, false);
        if !grown.is_unknown {
            Value::Known(grown.bytes)
        } else if grown.has_more {
            Value::Unknown
        } else {
            Value::Number
        }
    }

    fn grow(&mut self, word: &Word, scope: &mut Scope, frame: &Frame, splits: bool) -> Growing {
        let mut grown = Growing::default();
        let is_alone = word.pieces.len() == 1;
        for (index, piece) in word.pieces.iter().enumerate() {
            match piece {
                Piece::Literal { bytes, is_quoted } => {
                    grown.is_there = true;
                    grown.has_more |= !bytes.iter().all(u8::is_ascii_digit);
                    let mut bytes = &**bytes;
                    if !is_quoted {
                        if index == 0 && bytes.first() == Some(&b'~') {
                            bytes = home(bytes, is_alone, scope, &mut grown);
                        }
                        // The command `[` is no pattern.
                        let is_command = is_alone && bytes == b"[";
                        grown.is_unknown |=
                            splits && !is_command && self.expands(bytes, index == 0);
                        grown.is_unknown |= !splits && has_tilde(bytes);
                    }
                    grown.bytes.extend_from_slice(bytes);
                }
                Piece::Parameter { name, is_quoted } => {
                    let is_kept = *is_quoted || !splits;
                    grown.is_there |= *is_quoted;
                    let value = self.lookup(name, scope);
                    put(self.dialect, value, (is_kept, is_alone), scope, &mut grown);
                }
                Piece::Default {
                    name,
                    value,
                    is_quoted,
                } => {
                    let is_kept = *is_quoted || !splits;
                    grown.is_there |= *is_quoted;
                    grown.has_more |= !value.iter().all(u8::is_ascii_digit);
                    let found = or_default(self.lookup(name, scope), value);
                    put(self.dialect, found, (is_kept, is_alone), scope, &mut grown);
                }
                Piece::Substitution(list) => self.printed(list, scope, frame, &mut grown),
                Piece::Process(list) => {
                    self.step_aside(list, scope, frame);
                    grown.is_unknown = true;
                    grown.has_more = true;
                }
                Piece::Opaque(words) => {
                    // Whether a shell looks at them depends on the operator.
                    let mut aside = scope.clone();
                    for word in words {
                        self.grow(word, &mut aside, frame, false);
                    }
                    scope.forget(&aside);
                    grown.is_unknown = true;
                    grown.has_more = true;
                }
                Piece::Arithmetic(arithmetic) => {
                    self.calculate(arithmetic, scope);
                    grown.is_unknown = true;
                }
            }
        }
        grown.is_unknown |= splits && has_braces(word);
        grown
    }

    /// Runs the commands of a substitution, and adds what they print.
    fn printed(&mut self, list: &List, scope: &Scope, frame: &Frame, grown: &mut Growing) {
        if prints_folder(list, scope) {
            grown.bytes.extend(folder(scope));
            grown.has_more = true;
            return;
        }
        self.step_aside(list, scope, frame);
        grown.is_unknown = true;
        grown.has_more |= !prints_number(list, scope);
    }

    /// Tells whether letters out of quotes stand for something else: for the
    /// names of files, or in zsh for the path of a program.
    fn expands(&self, bytes: &[u8], is_first: bool) -> bool {
        let is_pattern = |byte: &u8| matches!(byte, b'*' | b'?' | b'[');
        let is_zsh = self.dialect == Dialect::Zsh && is_first && bytes.first() == Some(&b'=');
        bytes.iter().any(is_pattern) || is_zsh || has_tilde(bytes)
    }

    /// Returns what a name behind a `$` stands for.
    fn lookup(&mut self, name: &[u8], scope: &Scope) -> Value {
        match name {
            [b'0'..=b'9', ..] => word_number(name, scope),
            b"?" | b"#" | b"$" | b"!" => Value::Number,
            [byte] if !is_letter(*byte) => Value::Unknown,
            _ => {
                self.note_use(name, scope);
                scope.get(name)
            }
        }
    }

    /// Looks at the names of a calculation: their values are calculations too,
    /// and one with a subscript can run a command.
    pub(super) fn calculate(&mut self, arithmetic: &Arithmetic, scope: &mut Scope) {
        let mut may_fail = arithmetic.may_fail;
        for name in &arithmetic.names {
            let value = self.lookup(name, scope);
            if !is_number(&value) {
                self.unknown("a calculation with a value that is not known can run a command");
            }
            // A number that begins with 0 is an octal one; nothing is an
            // operand that is missing, behind a `$`.
            may_fail |= match &value {
                Value::Known(value) if value.is_empty() => arithmetic.expands,
                Value::Known(value) => value != b"0" && !matches!(value.first(), Some(b'1'..=b'9')),
                Value::Number | Value::Unknown => false,
            };
            may_fail |= arithmetic.assigns && self.is_read_only(name, scope);
        }
        if may_fail {
            self.may_drop(scope);
        }
        for name in arithmetic.names.iter().filter(|_| arithmetic.assigns) {
            scope.set(name, Value::Number);
        }
    }

    /// Adds the effect of a command that may print its words, if only to say
    /// that one is not as it must be, where one of them holds the value of a
    /// variable that is a secret.
    pub(super) fn note_printed(&mut self, fields: &[Field]) {
        let Some((name, words)) = fields.split_first() else {
            return;
        };
        let program = name.bytes.rsplit(|byte| *byte == b'/').next();
        let program = program.unwrap_or_default();
        let is_test = matches!(program, b"test" | b"[") && is_well_written(words);
        if !is_test && !SILENT.contains(&program) && !LOGGING_IN.contains(&program) {
            self.note_words(words);
        }
    }

    pub(super) fn note_words(&mut self, words: &[Field]) {
        for word in words {
            self.note_shown(&word.bytes);
        }
    }

    /// The same of a text that a command gets: one that is known, or as it is
    /// written.
    pub(super) fn note_shown(&mut self, text: &[u8]) {
        if self.place != Place::Here || self.line.env.iter().next().is_none() {
            return;
        }
        let holds = |part: &[u8]| text.windows(part.len().max(1)).any(|window| window == part);
        let is_shown = |(name, value): (&OsStr, &OsStr)| {
            let (name, value) = (name.as_encoded_bytes(), value.as_encoded_bytes());
            names_a_secret(name)
                && !value.is_empty()
                && (value.len() >= SHORTEST_SECRET && holds(value)
                    || holds(&[b"$", name].concat())
                    || holds(&[b"${", name].concat()))
        };
        if let Some((name, _)) = self
            .line
            .env
            .iter()
            .find(|(name, value)| is_shown((name, value)))
        {
            let name = shown(name.as_encoded_bytes());
            self.effect(Effect::Secret, &format!("it prints the value of `{name}`"));
        }
    }

    /// The value of a variable from outside is part of what is approved.
    fn note_use(&mut self, name: &[u8], scope: &Scope) {
        let name = word_of(name);
        let Some(value) = self.line.env.get(&name) else {
            return;
        };
        let is_used = self.place == Place::Here && scope.is_outside(name.as_encoded_bytes());
        let mut notes = self.invocation.environment.iter();
        if !is_used || notes.any(|note| note.name == name) {
            return;
        }
        if names_a_secret(name.as_encoded_bytes()) && !value.is_empty() {
            self.invocation.secrets.push(SecretSpan {
                place: SecretPlace::Env(name.clone()),
                range: 0..value.len(),
                kind: "password".to_owned(),
            });
        }
        self.invocation.environment.push(EnvironmentNote {
            name,
            action: EnvironmentAction::Binds,
            why: "the script takes its value".to_owned(),
        });
    }
}

/// Tells whether a value is a number, or none at all, which counts as zero.
pub(super) fn is_number(value: &Value) -> bool {
    match value {
        Value::Known(value) => value
            .strip_prefix(b"-")
            .unwrap_or(value)
            .iter()
            .all(u8::is_ascii_digit),
        Value::Number => true,
        Value::Unknown => false,
    }
}

/// Returns a value, or what stands for one that is empty.
fn or_default(found: Value, value: &[u8]) -> Value {
    match found {
        Value::Known(found) if found.is_empty() => Value::Known(value.to_vec()),
        found @ (Value::Known(_) | Value::Number | Value::Unknown) => found,
    }
}

/// Adds a value to a word, and splits it where a shell does.
fn put(
    dialect: Dialect,
    value: Value,
    (is_kept, is_alone): (bool, bool),
    scope: &Scope,
    grown: &mut Growing,
) {
    grown.has_more |= !is_number(&value);
    let Value::Known(value) = value else {
        grown.is_unknown = true;
        return;
    };
    if is_kept {
        grown.bytes.extend(value);
        return;
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n');
    let is_plain = !value
        .iter()
        .any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'(' | b'\\'));
    let has_blank = value.iter().any(is_blank);
    let is_usual = scope.is_outside(b"IFS");
    if !is_plain || !is_usual || (has_blank && (!is_alone || dialect == Dialect::Zsh)) {
        grown.is_unknown = true;
    } else if has_blank {
        let parts = value.split(is_blank).filter(|part| !part.is_empty());
        grown.done.extend(parts.map(<[u8]>::to_vec));
    } else {
        grown.bytes.extend(value);
    }
}

/// Expands `~/`; returns what follows.
fn home<'b>(bytes: &'b [u8], is_alone: bool, scope: &Scope, grown: &mut Growing) -> &'b [u8] {
    let rest = bytes.get(1..).unwrap_or_default();
    let is_own = rest.first() == Some(&b'/') || (rest.is_empty() && is_alone);
    match scope.get(b"HOME") {
        Value::Known(home) if is_own && !home.is_empty() => grown.bytes.extend(home),
        Value::Known(_) | Value::Number | Value::Unknown => grown.is_unknown = true,
    }
    rest
}

/// Returns the working folder as it is called.
fn folder(scope: &Scope) -> &[u8] {
    let cwd = scope.cwd.as_ref();
    cwd.map_or(&[], |cwd| cwd.as_os_str().as_encoded_bytes())
}

/// Returns the words that `"$@"` stands for.
fn positional<'s>(word: &Word, scope: &'s Scope) -> Option<&'s [Vec<u8>]> {
    match &*word.pieces {
        // The empty letters that begin a quote are a piece of their own.
        [
            Piece::Literal {
                bytes,
                is_quoted: true,
            },
            Piece::Parameter {
                name,
                is_quoted: true,
            },
        ] if bytes.is_empty() && name == b"@" => scope.words.as_ref()?.get(1..),
        _ => None,
    }
}

fn word_number(name: &[u8], scope: &Scope) -> Value {
    let number = std::str::from_utf8(name)
        .ok()
        .and_then(|digits| digits.parse::<usize>().ok());
    let (Some(number), Some(words)) = (number, &scope.words) else {
        return Value::Unknown;
    };
    match words.get(number) {
        Some(word) => Value::Known(word.clone()),
        None if number == 0 => Value::Unknown,
        None => Value::Known(Vec::new()),
    }
}

/// Tells whether a `~` may stand for a folder inside of a word.
fn has_tilde(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|two| two == b"=~" || two == b":~")
}

/// Tells whether braces stand for several words.
fn has_braces(word: &Word) -> bool {
    let mut text = Vec::new();
    for piece in &word.pieces {
        match piece {
            Piece::Literal {
                bytes,
                is_quoted: false,
            } => text.extend_from_slice(bytes),
            Piece::Literal { .. }
            | Piece::Parameter { .. }
            | Piece::Default { .. }
            | Piece::Opaque(_)
            | Piece::Substitution(_)
            | Piece::Process(_)
            | Piece::Arithmetic(_) => text.push(b'x'),
        }
    }
    let open = text.iter().position(|byte| *byte == b'{');
    let close = text.iter().rposition(|byte| *byte == b'}');
    let inside = open
        .zip(close)
        .and_then(|(open, close)| text.get(open..close));
    inside.is_some_and(|inside| inside.contains(&b',') || inside.windows(2).any(|two| two == b".."))
}
