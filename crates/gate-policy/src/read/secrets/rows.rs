//! Values whose column is named elsewhere: `(name, password) IN (('bob', 'V'))`, a derived table
//! with names behind it, what a query in an `INSERT` takes its rows from, and `MERGE`.
//!
//! Where it is not followed which column of an inner query becomes which of an outer one, all
//! strings in its rows are taken for secrets.

use super::columns::{self, Columns};
use super::looks;
use super::statement::Statements;
use super::tokens::Kind;

/// How many rows that are read may stand in each other.
const DEEP: usize = 8;
/// The most tokens of a derived table whose columns are told apart.
const LONG: usize = 2_000;

/// What is known of rows on the way through a text.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Where the rows end that were read, each in the one before it.
    ends: Vec<usize>,
    /// Whether the rows of every derived table of the statement are secret.
    are_secret: bool,
    /// Up to where derived tables were looked for backwards.
    looked: usize,
}

impl Rows {
    /// Ends a statement.
    pub(super) fn end(&mut self) {
        self.are_secret = false;
    }
}

/// Reads `INSERT` that no `INTO` follows: that of a `MERGE`, and one of `MySQL`.
pub(super) fn read_insert(statements: &mut Statements<'_, '_>, start: usize) {
    if statements.is_sign(start, b'(') {
        return columns::read_inserted(statements, start, false);
    }
    let mut at = start;
    while [
        &b"low_priority"[..],
        b"delayed",
        b"high_priority",
        b"ignore",
        b"overwrite",
    ]
    .iter()
    .any(|word| statements.is_word(at, word))
    {
        at += 1;
    }
    if statements.kind(at) == Some(Kind::Word) && !statements.is_word(at, b"into") {
        columns::read_insert(statements, at);
    }
}

/// Notes that all rows of derived tables of this statement are secret, and marks those of the
/// common tables that stood before.
pub(super) fn expect(statements: &mut Statements<'_, '_>) {
    statements.rows.are_secret = true;
    let Some((_, end)) = statements.closed else {
        return;
    };
    let first = statements.first.unwrap_or_default();
    let start = statements.rows.looked.max(first);
    statements.rows.looked = end;
    let is_with = statements.is_word(first, b"with");
    for index in start..end {
        looks::add(1);
        let is_string = matches!(statements.kind(index), Some(Kind::String | Kind::Body));
        if is_with && is_string {
            statements.mark(index);
        }
    }
}

/// Reads an opened bracket: a list of columns that rows are compared with, or rows whose columns
/// were named before.
pub(super) fn read_opened(statements: &mut Statements<'_, '_>, open: usize) {
    if statements.rows.are_secret && is_derived(statements, open) {
        statements.mark_list(open + 1);
    }
    if let Some((start, _)) = common_table(statements, open) {
        if let Some((secret, _)) = columns::named(statements, start + 1) {
            read_rows(statements, open + 1, &secret);
        }
        return;
    }
    let Some((secret, behind)) = columns::named(statements, open + 1) else {
        return;
    };
    let mut at = behind + usize::from(statements.is_word(behind, b"not"));
    let is_in = statements.is_word(at, b"in");
    let signs = at;
    while matches!(
        statements.kind(at),
        Some(Kind::Sign(b'=' | b'<' | b'>' | b'!'))
    ) {
        at += 1;
    }
    if !is_in && at == signs {
        return;
    }
    at += usize::from(is_in);
    let is_any = [&b"any"[..], b"all", b"some"]
        .iter()
        .any(|word| statements.is_word(at, word));
    at += usize::from(is_any);
    at += usize::from(statements.is_word(at, b"row"));
    if !statements.is_sign(at, b'(') {
        return;
    }
    if (is_in && secret.len() == 1) || !may_read(statements, at) {
        return statements.mark_list(at + 1);
    }
    let end = if is_in || is_any {
        read_rows(statements, at + 1, &secret)
    } else {
        let start = at + 1 + usize::from(statements.is_word(at + 1, b"select"));
        columns::row(statements, start, &secret)
    };
    statements.rows.ends.push(end);
}

/// Reads a closed bracket: a derived table whose columns are named behind it.
pub(super) fn read_closed(statements: &mut Statements<'_, '_>, start: usize, end: usize) {
    statements.closed = Some((start, end));
    if !starts_rows(statements, start + 1) {
        return;
    }
    let at = end + 1 + usize::from(statements.is_word(end + 1, b"as"));
    if statements.kind(at) != Some(Kind::Word) || !statements.is_sign(at + 1, b'(') {
        return;
    }
    let Some((secret, _)) = columns::named(statements, at + 2) else {
        return;
    };
    if end - start > LONG {
        for index in start..end {
            if matches!(statements.kind(index), Some(Kind::String | Kind::Body)) {
                statements.mark(index);
            }
        }
        return;
    }
    read_rows(statements, start + 1, &secret);
}

/// Tells whether a derived table or a query starts here.
fn starts_rows(statements: &Statements<'_, '_>, at: usize) -> bool {
    statements.is_word(at, b"values") || statements.is_word(at, b"select")
}

/// Tells whether a bracket holds the rows of a derived table.
fn is_derived(statements: &Statements<'_, '_>, open: usize) -> bool {
    let Some(before) = open.checked_sub(1) else {
        return false;
    };
    let names = [&b"from"[..], b"join", b"lateral", b"using"];
    let is_source = statements.is_sign(before, b',')
        || names.iter().any(|word| statements.is_word(before, word));
    is_source && starts_rows(statements, open + 1)
}

/// Returns the brackets with the columns of a common table whose query is opened here:
/// `WITH t (a, b) AS (`.
fn common_table(statements: &Statements<'_, '_>, open: usize) -> Option<(usize, usize)> {
    let mut at = open.checked_sub(1)?;
    if statements.is_word(at, b"materialized") {
        at = at.checked_sub(1)?;
        if statements.is_word(at, b"not") {
            at = at.checked_sub(1)?;
        }
    }
    let columns = statements.closed?;
    (statements.is_word(at, b"as") && columns.1 + 1 == at).then_some(columns)
}

/// Reads rows of values or of a query; returns where they end.
fn read_rows(statements: &mut Statements<'_, '_>, start: usize, secret: &Columns) -> usize {
    if statements.is_word(start, b"select") {
        return columns::row(statements, start + 1, secret);
    }
    let is_values = statements.is_word(start, b"values");
    columns::rows(statements, start + usize::from(is_values), secret)
}

/// Tells whether rows may be read from here on: so many in each other are nobody's statement, and
/// each would be read again.
fn may_read(statements: &mut Statements<'_, '_>, at: usize) -> bool {
    statements.rows.ends.retain(|end| *end > at);
    statements.rows.ends.len() < DEEP
}
