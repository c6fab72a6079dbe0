//! Values by the place of their column: `INSERT INTO t (a, password) SELECT …`,
//! `SET (a, password) = (…)`, and every value of a table that holds secrets.

use super::looks;
use super::statement::Statements;
use super::tokens::Kind;
use crate::read::secret_names::names_something_else;

/// What of a column's values is secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    /// Its strings: the table says so, and a number there is an id or a date.
    Strings,
    /// All of it: the column says so.
    All,
}

/// Which columns of a row are secret.
struct Columns {
    listed: Vec<Held>,
    /// What is not listed.
    others: Held,
}

impl Columns {
    /// Those of a table of which no column is named.
    fn of_table(holds_secrets: bool) -> Self {
        Self {
            listed: Vec::new(),
            others: if holds_secrets {
                Held::Strings
            } else {
                Held::Nothing
            },
        }
    }

    fn held(&self, column: usize) -> Held {
        self.listed.get(column).copied().unwrap_or(self.others)
    }

    fn hold_any(&self) -> bool {
        let mut all = self.listed.iter().chain([&self.others]);
        all.any(|held| *held != Held::Nothing)
    }
}

/// Reads from the table of an `INSERT INTO` on.
pub(super) fn read_insert(statements: &mut Statements<'_, '_>, start: usize) {
    let (table, mut at) = table(statements, start);
    if statements.is_word(at, b"as") {
        at += 2;
    }
    let holds_secrets = statements.is_secret_table(table);
    let mut secret = Columns::of_table(holds_secrets);
    if statements.is_sign(at, b'(') && !statements.is_word(at + 1, b"select") {
        let Some((listed, behind)) = columns(statements, at + 1, holds_secrets) else {
            return;
        };
        (secret, at) = (listed, behind);
    }
    if !secret.hold_any() {
        return;
    }
    // `OVERRIDING SYSTEM VALUE`.
    if statements.is_word(at, b"overriding") {
        at += 3;
    }
    let query = at + usize::from(statements.is_sign(at, b'('));
    if statements.is_word(query, b"select") {
        row(statements, query + 1, &secret);
        return;
    }
    if !(statements.is_word(at, b"values") || statements.is_word(at, b"value")) {
        return;
    }
    at += 1;
    while statements.is_sign(at, b'(') {
        at = row(statements, at + 1, &secret);
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
    if !secret.hold_any() || !statements.is_sign(at, b'=') {
        return;
    }
    at += 1;
    at += usize::from(statements.is_word(at, b"row"));
    if statements.is_sign(at, b'(') {
        at += 1;
        at += usize::from(statements.is_word(at, b"select"));
        row(statements, at, &secret);
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

/// Returns which of the columns in a bracket are secret, and where it ends. An
/// item that is no plain name is: what it names is not known.
fn columns(
    statements: &Statements<'_, '_>,
    start: usize,
    holds_secrets: bool,
) -> Option<(Columns, usize)> {
    let mut listed = Vec::new();
    let mut at = start;
    loop {
        let name = at;
        // No name has a bracket in it: what opens one is read for itself.
        while !matches!(
            statements.kind(at),
            None | Some(Kind::Sign(b',' | b'(' | b')' | b';'))
        ) {
            at += 1;
        }
        looks::add(at - name);
        let is_plain = at == name + 1 && statements.kind(name) == Some(Kind::Word);
        listed.push(if !is_plain || statements.names_a_secret(name) {
            Held::All
        } else if holds_secrets && !names_something_else(statements.slice(name)) {
            Held::Strings
        } else {
            Held::Nothing
        });
        if statements.is_sign(at, b')') {
            let others = Held::Nothing;
            return Some((Columns { listed, others }, at + 1));
        }
        if !statements.is_sign(at, b',') {
            return None;
        }
        at += 1;
    }
}

/// Marks the secret values of one row; returns where it ends.
fn row(statements: &mut Statements<'_, '_>, start: usize, secret: &Columns) -> usize {
    let mut column = 0;
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(kind) = statements.kind(at) {
        match kind {
            Kind::Sign(b'(' | b'[') => depth += 1,
            Kind::Sign(b')' | b']') if depth == 0 => return at + 1,
            Kind::Sign(b')' | b']') => depth -= 1,
            Kind::Sign(b',') if depth == 0 => column += 1,
            Kind::Sign(b';') => return at,
            Kind::Word if starts_another(statements, at) => return at,
            Kind::Word if depth == 0 && is_behind_values(statements, at) => return at,
            // The next row of `SELECT … UNION ALL SELECT …`.
            Kind::Word if depth == 0 && statements.is_word(at, b"select") => column = 0,
            Kind::String | Kind::Body if secret.held(column) != Held::Nothing => {
                statements.mark(at);
            }
            Kind::Number if secret.held(column) == Held::All => statements.mark(at),
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
