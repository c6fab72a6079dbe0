//! Values by the place of their column: `INSERT INTO t (a, password) SELECT …`,
//! `SET (a, password) = (…)`, and every value of a table that holds secrets.

use super::statement::Statements;
use super::tokens::Kind;
use crate::read::secret_names::names_something_else;

/// The most columns that are told apart.
const COLUMNS: u32 = 64;

/// Which columns of a row are secret.
#[derive(Clone, Copy, Default)]
struct Secret {
    bits: u64,
    /// What is not listed is secret too.
    all: bool,
}

impl Secret {
    fn is(self, column: u32) -> bool {
        self.all
            || self
                .bits
                .checked_shr(column)
                .is_some_and(|bits| bits & 1 == 1)
    }

    fn is_any(self) -> bool {
        self.all || self.bits != 0
    }
}

/// Reads from the table of an `INSERT INTO` on.
pub(super) fn read_insert(statements: &mut Statements<'_, '_>, start: usize) {
    let (table, mut at) = table(statements, start);
    if statements.is_word(at, b"as") {
        at += 2;
    }
    let holds_secrets = statements.is_secret_table(table);
    let mut secret = Secret {
        bits: 0,
        all: holds_secrets,
    };
    if statements.is_sign(at, b'(') {
        let Some((listed, behind)) = columns(statements, at + 1, holds_secrets) else {
            return;
        };
        (secret, at) = (listed, behind);
    }
    if !secret.is_any() {
        return;
    }
    // `OVERRIDING SYSTEM VALUE`.
    if statements.is_word(at, b"overriding") {
        at += 3;
    }
    if statements.is_word(at, b"select") {
        row(statements, at + 1, secret);
        return;
    }
    if !(statements.is_word(at, b"values") || statements.is_word(at, b"value")) {
        return;
    }
    at += 1;
    while statements.is_sign(at, b'(') {
        at = row(statements, at + 1, secret);
        if !statements.is_sign(at, b',') {
            return;
        }
        at += 1;
    }
}

/// Reads from the table of an `UPDATE` on: of a table that holds secrets every
/// value is one that a column does not say to be something else.
pub(super) fn read_update(statements: &mut Statements<'_, '_>, start: usize) {
    let start = start + usize::from(statements.is_word(start, b"only"));
    let (table, mut at) = table(statements, start);
    if !statements.is_secret_table(table) {
        return;
    }
    let mut column = table;
    at += usize::from(statements.is_word(at, b"set"));
    loop {
        match statements.kind(at) {
            None | Some(Kind::Sign(b';')) => return,
            Some(Kind::Word)
                if is_behind_values(statements, at) || starts_another(statements, at) =>
            {
                return;
            }
            Some(Kind::Word) if statements.is_sign(at + 1, b'=') => column = at,
            Some(Kind::String | Kind::Body)
                if !names_something_else(statements.slice(column)) || column == table =>
            {
                statements.mark(at);
            }
            Some(_) => {}
        }
        at += 1;
    }
}

/// Reads `SET (a, password) = ROW ('x', 'V')` behind its first bracket.
pub(super) fn read_set(statements: &mut Statements<'_, '_>, start: usize) {
    let Some((secret, mut at)) = columns(statements, start, false) else {
        return;
    };
    if !secret.is_any() || !statements.is_sign(at, b'=') {
        return;
    }
    at += 1;
    at += usize::from(statements.is_word(at, b"row"));
    if statements.is_sign(at, b'(') {
        at += 1;
        at += usize::from(statements.is_word(at, b"select"));
        row(statements, at, secret);
    }
}

/// Returns the last part of a table's name, and where reading goes on.
fn table(statements: &Statements<'_, '_>, start: usize) -> (usize, usize) {
    let start = start + usize::from(statements.is_word(start, b"table"));
    let mut at = start;
    while statements.is_sign(at + 1, b'.') {
        at += 2;
    }
    (at, at + 1)
}

/// Returns which of the columns in a bracket are secret, and where it ends.
fn columns(
    statements: &Statements<'_, '_>,
    start: usize,
    holds_secrets: bool,
) -> Option<(Secret, usize)> {
    let mut secret = Secret::default();
    let mut at = start;
    for column in 0..COLUMNS {
        if statements.kind(at) != Some(Kind::Word) {
            return None;
        }
        let is_other = names_something_else(statements.slice(at));
        if statements.names_a_secret(at) || (holds_secrets && !is_other) {
            secret.bits |= 1 << column;
        }
        if statements.is_sign(at + 1, b')') {
            return Some((secret, at + 2));
        }
        if !statements.is_sign(at + 1, b',') {
            return None;
        }
        at += 2;
    }
    None
}

/// Marks the secret values of one row; returns where it ends.
fn row(statements: &mut Statements<'_, '_>, start: usize, secret: Secret) -> usize {
    let mut column = 0;
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(kind) = statements.kind(at) {
        match kind {
            Kind::Sign(b'(') => depth += 1,
            Kind::Sign(b')') if depth == 0 => return at + 1,
            Kind::Sign(b')') => depth -= 1,
            Kind::Sign(b',') if depth == 0 => column += 1,
            Kind::Sign(b';') => return at,
            Kind::Word if starts_another(statements, at) => return at,
            Kind::Word if depth == 0 && is_behind_values(statements, at) => return at,
            Kind::String | Kind::Body if secret.is(column) => statements.mark(at),
            Kind::Word | Kind::String | Kind::Body | Kind::Number | Kind::Sign(_) => {}
        }
        at += 1;
    }
    at
}

/// Tells whether a word ends the list of values.
fn is_behind_values(statements: &Statements<'_, '_>, at: usize) -> bool {
    [&b"where"[..], b"from", b"returning", b"on"]
        .iter()
        .any(|word| statements.is_word(at, word))
}

/// Tells whether a statement starts that is read for itself: what is open is
/// read no further, so that no text is read again and again.
fn starts_another(statements: &Statements<'_, '_>, at: usize) -> bool {
    [&b"into"[..], b"update", b"set"]
        .iter()
        .any(|word| statements.is_word(at, word))
}
