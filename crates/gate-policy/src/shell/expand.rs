//! Words become fields: the values of variables that are known, the commands
//! in substitutions, and what can't be known.

use std::ops::Range;

use super::feed::{prints_folder, prints_number};
use super::names::is_letter;
use super::parser::Dialect;
use super::run::{Frame, Runner};
use super::scope::{Scope, Value, word_of};
use super::syntax::{Arithmetic, List, Piece, Word};
use crate::invocation::{EnvironmentAction, EnvironmentNote, Place, SecretPlace, SecretSpan};
use crate::read::secret_names::names_a_secret;

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
    /// The secret variable from which a part of it comes.
    pub(super) carries: Option<Vec<u8>>,
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
            let carries = self.carried(word, scope);
            if let Some(list) = positional(word, scope) {
                fields.extend(list.iter().map(|bytes| Field {
                    bytes: bytes.clone(),
                    is_known: true,
                    is_number: false,
                    range: 0..0,
                    carries: carries.clone(),
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
                    carries,
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
                carries: carries.clone(),
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
        } else if word
            .pieces
            .iter()
            .any(|piece| self.may_be_nothing(piece, scope))
        {
            Value::PerhapsNumber
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
                        let place = (index == 0, is_alone, splits);
                        bytes = self.letters(bytes, place, scope, &mut grown);
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
                Piece::Opaque {
                    words, is_message, ..
                } => {
                    self.aside(words, *is_message, scope, frame);
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
        // Two numbers together can be one that begins with 0.
        let is_empty =
            |piece: &&Piece| matches!(piece, Piece::Literal { bytes, .. } if bytes.is_empty());
        let parts = word.pieces.iter().filter(|piece| !is_empty(piece));
        grown.has_more |= parts.count() > 1;
        grown
    }

    /// Reads letters out of quotes; returns those that stay.
    fn letters<'b>(
        &self,
        mut bytes: &'b [u8],
        (is_first, is_alone, splits): (bool, bool, bool),
        scope: &Scope,
        grown: &mut Growing,
    ) -> &'b [u8] {
        if is_first && bytes.first() == Some(&b'~') {
            bytes = home(bytes, is_alone, scope, grown);
        }
        // The command `[` is no pattern.
        let is_command = is_alone && bytes == b"[";
        grown.is_unknown |= splits && !is_command && self.expands(bytes, is_first);
        grown.is_unknown |= !splits && has_tilde(bytes);
        bytes
    }

    /// Expands the words behind an operator. Whether a shell looks at them
    /// depends on it.
    fn aside(&mut self, words: &[Word], is_message: bool, scope: &mut Scope, frame: &Frame) {
        let mut aside = scope.clone();
        for word in words {
            self.grow(word, &mut aside, frame, false);
            if is_message {
                self.note_value(word, &Value::Unknown, scope);
            }
        }
        scope.forget(&aside);
    }

    /// Tells whether a part of a word may be nothing instead of a number.
    fn may_be_nothing(&mut self, piece: &Piece, scope: &Scope) -> bool {
        let value = match piece {
            Piece::Parameter { name, .. } => self.lookup(name, scope),
            Piece::Default { name, value, .. } => or_default(self.lookup(name, scope), value),
            Piece::Literal { .. }
            | Piece::Opaque { .. }
            | Piece::Substitution(_)
            | Piece::Process(_)
            | Piece::Arithmetic(_) => return false,
        };
        value == Value::PerhapsNumber
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
            self.note_calculated(name, scope);
            if !is_number(&value) {
                self.unknown("a calculation with a value that is not known can run a command");
            }
            // A number that begins with 0 is an octal one; nothing is an
            // operand that is missing, behind a `$`.
            may_fail |= match &value {
                Value::Known(value) if value.is_empty() => arithmetic.expands,
                Value::Known(value) => value != b"0" && !matches!(value.first(), Some(b'1'..=b'9')),
                Value::PerhapsNumber => arithmetic.expands,
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
            why: "the script takes its value".into(),
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
        Value::Number | Value::PerhapsNumber => true,
        Value::Unknown => false,
    }
}

/// Returns a value, or what stands for one that is empty.
fn or_default(found: Value, value: &[u8]) -> Value {
    match found {
        Value::Known(found) if found.is_empty() => Value::Known(value.to_vec()),
        Value::PerhapsNumber if matches!(value, b"0" | [b'1'..=b'9', ..]) => Value::Number,
        Value::PerhapsNumber if !value.is_empty() => Value::Unknown,
        found @ (Value::Known(_) | Value::Number | Value::PerhapsNumber | Value::Unknown) => found,
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
        Value::Known(_) | Value::Number | Value::PerhapsNumber | Value::Unknown => {
            grown.is_unknown = true;
        }
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
            | Piece::Opaque { .. }
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
