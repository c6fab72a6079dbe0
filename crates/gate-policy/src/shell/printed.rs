//! What of the variables that are secrets a command may print: their values,
//! and what a script puts together from parts of them.

use std::collections::BTreeMap;

use super::calculation::is_well_written;
use super::expand::Field;
use super::names::is_letter;
use super::run::Runner;
use super::scope::{Scope, Value};
use super::syntax::{Piece, Word};
use crate::command_line::Environment;
use crate::effect::Effect;
use crate::invocation::Place;
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
/// Programs of databases, and the letters of their options behind which the
/// next word is no login but a statement or another value.
const LOGGING_IN: &[(&[u8], &[u8])] = &[
    (b"mongosh", b"f"),
    (b"mysql", b"eDhPSuUGO"),
    (b"psql", b"cvfoLPFRThpU"),
    (b"redis-cli", b"hpsundriDtX"),
];
/// The shortest value of a variable that is looked for in a text.
const SHORTEST_SECRET: usize = 4;
/// The shortest one that is looked for in another variable.
const LONG_SECRET: usize = 8;
/// The words of a script and of a function, by their names.
const WORDS: &[u8] = b"123456789@*";

/// The variables that are secrets.
pub(super) struct Secrets {
    /// Those from outside, with their values.
    values: Vec<(Vec<u8>, Vec<u8>)>,
    /// Others that hold such a value or a part of it, each with the variable
    /// that it comes from.
    carriers: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Secrets {
    pub(super) fn new(env: &Environment, place: Place) -> Self {
        let mut values = Vec::new();
        let mut carriers = BTreeMap::new();
        if place != Place::Here {
            return Self { values, carriers };
        }
        let bytes = |word: &std::ffi::OsStr| word.as_encoded_bytes().to_vec();
        let all = || env.iter().filter(|(_, value)| !value.is_empty());
        let secret = all().filter(|(name, _)| names_a_secret(name.as_encoded_bytes()));
        values.extend(secret.map(|(name, value)| (bytes(name), bytes(value))));
        for (name, value) in all().filter(|_| !values.is_empty()) {
            let value = value.as_encoded_bytes();
            let source = held(&values, value, LONG_SECRET);
            if let Some(source) = source.or_else(|| same(&values, value)) {
                carriers.insert(bytes(name), source.to_vec());
            }
        }
        Self { values, carriers }
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the variable whose value stands in a text, or that the text
    /// names behind a `$`.
    fn in_text(&self, text: &[u8]) -> Option<&[u8]> {
        held(&self.values, text, SHORTEST_SECRET).or_else(|| {
            let mut names = self.values.iter().map(|(name, _)| &**name);
            names.find(|name| refers(text, name))
        })
    }
}

/// Returns the variable whose value stands in a text.
fn held<'v>(values: &'v [(Vec<u8>, Vec<u8>)], text: &[u8], shortest: usize) -> Option<&'v [u8]> {
    let holds = |value: &[u8]| text.windows(value.len()).any(|window| window == value);
    let mut values = values.iter();
    values
        .find(|(_, value)| value.len() >= shortest && holds(value))
        .map(|(name, _)| &**name)
}

/// Returns another variable with the same value.
fn same<'v>(values: &'v [(Vec<u8>, Vec<u8>)], text: &[u8]) -> Option<&'v [u8]> {
    let mut values = values.iter().filter(|(_, value)| value == text);
    values.next().map(|(name, _)| &**name)
}

/// Tells whether a text as it is written names a variable.
fn refers(text: &[u8], name: &[u8]) -> bool {
    let mut dollars = text.iter().enumerate().filter(|(_, byte)| **byte == b'$');
    dollars.any(|(at, _)| {
        let rest = text.get(at + 1..).unwrap_or_default();
        let rest = rest.strip_prefix(b"{").unwrap_or(rest);
        let behind = rest.strip_prefix(name);
        behind.is_some_and(|behind| !behind.first().is_some_and(|byte| is_letter(*byte)))
    })
}

impl Runner<'_> {
    /// Returns the secret variable that a name stands for, or holds a part of.
    pub(super) fn secret_behind(&self, name: &[u8], scope: &Scope) -> Option<Vec<u8>> {
        if self.secrets.is_empty() {
            return None;
        }
        let mut values = self.secrets.values.iter();
        let is_secret = |known: &(Vec<u8>, Vec<u8>)| known.0 == name && scope.is_outside(name);
        let own = values.find(|known| is_secret(known)).map(|known| &known.0);
        own.or_else(|| self.secrets.carriers.get(name)).cloned()
    }

    /// Returns the secret variable from which a part of a word comes.
    pub(super) fn carried(&self, word: &Word, scope: &Scope) -> Option<Vec<u8>> {
        if self.secrets.is_empty() {
            return None;
        }
        word.pieces.iter().find_map(|piece| match piece {
            Piece::Parameter { name, .. } | Piece::Default { name, .. } => {
                self.secret_behind(name, scope)
            }
            Piece::Opaque { name, words, .. } => {
                let mut words = words.iter();
                self.secret_behind(name, scope)
                    .or_else(|| words.find_map(|word| self.carried(word, scope)))
            }
            Piece::Arithmetic(arithmetic) => {
                let mut names = arithmetic.names.iter();
                names.find_map(|name| self.secret_behind(name, scope))
            }
            Piece::Literal { .. } | Piece::Substitution(_) | Piece::Process(_) => None,
        })
    }

    /// Returns the secret variable from which a part of an expanded word comes.
    fn carried_by(&self, field: &Field) -> Option<Vec<u8>> {
        let in_text = || self.secrets.in_text(&field.bytes).map(<[u8]>::to_vec);
        field.carries.clone().or_else(in_text)
    }

    /// A variable that gets such a word carries it on.
    pub(super) fn carry(&mut self, name: &[u8], source: Option<Vec<u8>>) {
        if let Some(source) = source {
            self.secrets.carriers.insert(name.to_vec(), source);
        }
    }

    pub(super) fn carry_field(&mut self, name: &[u8], field: &Field) {
        if !self.secrets.is_empty() {
            self.carry(name, self.carried_by(field));
        }
    }

    /// So do the words of a script or a function that are set to such words.
    pub(super) fn carry_words(&mut self, fields: &[Field]) {
        if self.secrets.is_empty() {
            return;
        }
        if let Some(source) = fields.iter().find_map(|field| self.carried_by(field)) {
            for name in WORDS {
                self.carry(&[*name], Some(source.clone()));
            }
        }
    }

    /// Adds the effect of a command that may print its words, if only to say
    /// that one is not as it must be, where one of them holds the value of a
    /// variable that is a secret.
    pub(super) fn note_printed(&mut self, fields: &[Field]) {
        let Some((name, words)) = fields.split_first().filter(|_| !self.secrets.is_empty()) else {
            return;
        };
        let program = name.bytes.rsplit(|byte| *byte == b'/').next();
        let program = program.unwrap_or_default();
        let is_test = matches!(program, b"test" | b"[") && is_well_written(words);
        if is_test || SILENT.contains(&program) {
            return;
        }
        for (index, word) in words.iter().enumerate() {
            let before = words.get(..index).unwrap_or_default();
            if !logs_in(program, before, word) {
                self.note_words(std::slice::from_ref(word));
            }
        }
    }

    pub(super) fn note_words(&mut self, words: &[Field]) {
        if !self.secrets.is_empty() {
            for word in words {
                self.note_source(self.carried_by(word));
            }
        }
    }

    /// The same of a word that a command gets otherwise, with its value.
    pub(super) fn note_value(&mut self, word: &Word, value: &Value, scope: &Scope) {
        if self.secrets.is_empty() {
            return;
        }
        let in_text = match value {
            Value::Known(text) => self.secrets.in_text(text).map(<[u8]>::to_vec),
            Value::Number | Value::PerhapsNumber | Value::Unknown => None,
        };
        self.note_source(in_text.or_else(|| self.carried(word, scope)));
    }

    /// A calculation shows its value, or says that it is none.
    pub(super) fn note_calculated(&mut self, name: &[u8], scope: &Scope) {
        self.note_source(self.secret_behind(name, scope));
    }

    fn note_source(&mut self, source: Option<Vec<u8>>) {
        if let Some(source) = source {
            let name = shown(&source);
            self.effect(Effect::Secret, &format!("it prints the value of `{name}`"));
        }
    }
}

/// Tells whether a word logs a program in to a database, as a URL with a
/// password or an option for one: of what it says no part is printed.
fn logs_in(program: &[u8], before: &[Field], word: &Field) -> bool {
    let Some((_, letters)) = LOGGING_IN.iter().find(|(name, _)| *name == program) else {
        return false;
    };
    let previous = before.last().map_or(&b""[..], |field| &field.bytes);
    let is_password = match (program, previous) {
        (b"redis-cli", b"-a" | b"--pass") | (b"mongosh", b"-p" | b"--password") => true,
        (b"redis-cli", name) => before.len() == 1 && name.eq_ignore_ascii_case(b"auth"),
        _ => false,
    };
    let text = word.bytes.strip_prefix(b"\"").unwrap_or(&word.bytes);
    let names_password = match program {
        b"psql" => {
            let starts: [&[u8]; 3] = [b"postgres://", b"postgresql://", b"--dbname="];
            let is_conninfo = text.starts_with(b"password=") || contains(text, b" password=");
            starts.iter().any(|start| text.starts_with(start)) || is_conninfo
        }
        b"mysql" => text.starts_with(b"-p") || text.starts_with(b"--password="),
        b"mongosh" => text.starts_with(b"mongodb") || text.starts_with(b"--password="),
        _ => contains(text, b"://") && previous == b"-u",
    };
    is_password || (names_password && leaves_next(previous, letters))
}

/// Tells whether the word behind this one is none that it takes for something
/// else than a login.
fn leaves_next(word: &[u8], letters: &[u8]) -> bool {
    match word {
        b"-d" | b"--dbname" => true,
        [b'-', b'-', rest @ ..] => rest.contains(&b'='),
        [b'-', rest @ ..] => !rest.iter().any(|letter| letters.contains(letter)),
        _ => true,
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
