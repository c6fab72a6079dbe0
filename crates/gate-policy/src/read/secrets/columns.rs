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
pub(super) struct Columns {
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

    /// How many are listed.
    pub(super) fn len(&self) -> usize {
        self.listed.len()
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
    read_inserted(statements, at, statements.is_secret_table(table));
}

/// Reads what is inserted, from the list of columns on.
pub(super) fn read_inserted(
    statements: &mut Statements<'_, '_>,
    start: usize,
    holds_secrets: bool,
) {
    let mut at = start;
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
    let mut query = at;
    while statements.is_sign(query, b'(') {
        query += 1;
    }
    if statements.is_word(query, b"select") {
        let mut end = row(statements, query + 1, &secret);
        while let Some(next) = behind_union(statements, end) {
            end = row(statements, next, &secret);
        }
        statements.expect_rows();
        return;
    }
    if statements.is_word(query, b"table") || statements.is_word(at, b"with") {
        return statements.expect_rows();
    }
    if !(statements.is_word(at, b"values") || statements.is_word(at, b"value")) {
        return;
    }
    rows(statements, at + 1, &secret);
}

/// Reads rows in brackets, between commas.
pub(super) fn rows(statements: &mut Statements<'_, '_>, start: usize, secret: &Columns) -> usize {
    let mut at = start;
    loop {
        at += usize::from(statements.is_word(at, b"row"));
        if !statements.is_sign(at, b'(') {
            return at;
        }
        at = row(statements, at + 1, secret);
        if !statements.is_sign(at, b',') {
            return at;
        }
        at += 1;
    }
}

/// Returns where the next row of `(SELECT …) UNION ALL (SELECT …)` begins.
fn behind_union(statements: &Statements<'_, '_>, end: usize) -> Option<usize> {
    let mut at = end;
    let is_set = [&b"union"[..], b"intersect", b"except"]
        .iter()
        .any(|word| statements.is_word(at, word));
    if !is_set {
        return None;
    }
    at += 1;
    at += usize::from(statements.is_word(at, b"all") || statements.is_word(at, b"distinct"));
    while statements.is_sign(at, b'(') {
        at += 1;
    }
    (statements.is_word(at, b"select")).then_some(at + 1)
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

/// Returns the columns in a bracket where they are plain names and one of them is that of a
/// secret, and where it ends.
pub(super) fn named(statements: &Statements<'_, '_>, start: usize) -> Option<(Columns, usize)> {
    let (listed, end) = columns(statements, start, false)?;
    let mut inside = start..end - 1;
    let is_plain =
        inside.all(|at| matches!(statements.kind(at), Some(Kind::Word | Kind::Sign(b','))));
    (is_plain && listed.hold_any()).then_some((listed, end))
}

/// Marks the secret values of one row; returns where it ends.
pub(super) fn row(statements: &mut Statements<'_, '_>, start: usize, secret: &Columns) -> usize {
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
