//! Statements and rows that do not say which database they are for.
//!
//! Each statement of the store stands once, in what both databases understand, with `?` or `?1`
//! for a value. `Any` of sqlx was not taken: it has fewer types than either database.

use std::borrow::Cow;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query as Prepared;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Postgres, SqlSafeStr as _, SqlStr, Sqlite, Transaction};

use super::StoreError;
use super::postgres::{Bounded, answered};

/// What every query runs on: one transaction.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Bounded),
}

impl Connection {
    /// Returns the text of an audit record, as the indexes have it to the letter.
    pub(crate) const fn record_text(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "CAST(record AS TEXT)",
            Self::Postgres(_) => "record_text(record)",
        }
    }
}

/// A value that goes into a statement.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Integer(Option<i64>),
    Boolean(bool),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

/// One row of an answer; `columns` reads it.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a statement did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    rows: u64,
}

impl Done {
    /// Returns how many rows were changed.
    pub(crate) const fn rows_affected(self) -> u64 {
        self.rows
    }
}

/// A statement with its values.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    text: Cow<'static, str>,
    values: Vec<Value>,
}

/// Begins a statement.
pub(crate) fn query(text: &'static str) -> Query {
    Query {
        text: Cow::Borrowed(text),
        values: Vec::new(),
    }
}

/// How many rows one statement inserts: of few sizes, so that few statements are prepared, and so
/// many values that both databases take them.
const ROWS_AT_ONCE: [usize; 4] = [64, 16, 4, 1];

/// Inserts rows, many with each statement. `text` is the statement up to `VALUES`.
pub(crate) async fn insert_rows<const COLUMNS: usize>(
    connection: &mut Connection,
    text: &'static str,
    rows: Vec<[Value; COLUMNS]>,
) -> Result<(), StoreError> {
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let fits = ROWS_AT_ONCE.into_iter().find(|size| *size <= rows.len());
        let mut query = query(text);
        for (index, row) in rows.by_ref().take(fits.unwrap_or(1)).enumerate() {
            query.push(if index == 0 { " (" } else { ", (" });
            for (column, value) in row.into_iter().enumerate() {
                if column > 0 {
                    query.push(", ");
                }
                query.push_bind(value);
            }
            query.push(")");
        }
        query.execute(connection).await?;
    }
    Ok(())
}

impl Query {
    /// Adds the value of the next placeholder.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Adds text to the statement: of this program, never of anybody else.
    pub(crate) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// Adds a placeholder with its value to the statement.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.text.to_mut().push('?');
        self.values.push(value.into());
        self
    }

    /// Returns the rows.
    pub(crate) async fn fetch_all(
        self,
        connection: &mut Connection,
    ) -> Result<Vec<Row>, StoreError> {
        match connection {
            Connection::Sqlite(transaction) => {
                let rows = self.for_sqlite().fetch_all(&mut **transaction).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Connection::Postgres(bounded) => {
                let (patience, connection) = bounded.parts();
                let rows = self.for_postgres().fetch_all(connection);
                let rows = answered(patience, rows).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Returns the first row, if there is any.
    pub(crate) async fn fetch_optional(
        self,
        connection: &mut Connection,
    ) -> Result<Option<Row>, StoreError> {
        match connection {
            Connection::Sqlite(transaction) => {
                let row = self.for_sqlite().fetch_optional(&mut **transaction).await?;
                Ok(row.map(Row::Sqlite))
            }
            Connection::Postgres(bounded) => {
                let (patience, connection) = bounded.parts();
                let row = self.for_postgres().fetch_optional(connection);
                let row = answered(patience, row).await?;
                Ok(row.map(Row::Postgres))
            }
        }
    }

    /// Returns the first row, which is always there.
    pub(crate) async fn fetch_one(self, connection: &mut Connection) -> Result<Row, StoreError> {
        match connection {
            Connection::Sqlite(transaction) => {
                let row = self.for_sqlite().fetch_one(&mut **transaction).await?;
                Ok(Row::Sqlite(row))
            }
            Connection::Postgres(bounded) => {
                let (patience, connection) = bounded.parts();
                let row = self.for_postgres().fetch_one(connection);
                let row = answered(patience, row).await?;
                Ok(Row::Postgres(row))
            }
        }
    }

    /// Runs it and returns what it did.
    pub(crate) async fn execute(self, connection: &mut Connection) -> Result<Done, StoreError> {
        match connection {
            Connection::Sqlite(transaction) => {
                let done = self.for_sqlite().execute(&mut **transaction).await?;
                Ok(Done {
                    rows: done.rows_affected(),
                })
            }
            Connection::Postgres(bounded) => {
                let (patience, connection) = bounded.parts();
                let done = self.for_postgres().execute(connection);
                let done = answered(patience, done).await?;
                Ok(Done {
                    rows: done.rows_affected(),
                })
            }
        }
    }

    fn for_sqlite(self) -> Prepared<'static, Sqlite, SqliteArguments> {
        let prepared = sqlx::query(safe(self.text));
        self.values
            .into_iter()
            .fold(prepared, |prepared, value| match value {
                Value::Integer(value) => prepared.bind(value),
                Value::Boolean(value) => prepared.bind(value),
                Value::Text(value) => prepared.bind(value),
                Value::Bytes(value) => prepared.bind(value),
            })
    }

    fn for_postgres(self) -> Prepared<'static, Postgres, PgArguments> {
        let prepared = sqlx::query(safe(Cow::Owned(numbered(&self.text))));
        self.values
            .into_iter()
            .fold(prepared, |prepared, value| match value {
                Value::Integer(value) => prepared.bind(value),
                Value::Boolean(value) => prepared.bind(value),
                Value::Text(value) => prepared.bind(value),
                Value::Bytes(value) => prepared.bind(value),
            })
    }
}

/// Returns the statement with `$1` where it has `?` or `?1`, as `PostgreSQL` wants it. Text in
/// quotes stays as it is.
fn numbered(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut characters = text.chars().peekable();
    let (mut next, mut is_quoted) = (1, false);
    while let Some(character) = characters.next() {
        is_quoted ^= character == '\'';
        if character != '?' || is_quoted {
            out.push(character);
            continue;
        }
        out.push('$');
        if !characters.peek().is_some_and(char::is_ascii_digit) {
            out.push_str(&next.to_string());
            next += 1;
        }
    }
    out
}

/// Only `&'static str` goes into a statement, so what it is put together from is this program's.
fn safe(text: Cow<'static, str>) -> SqlStr {
    match text {
        Cow::Borrowed(text) => text.into_sql_str(),
        Cow::Owned(text) => AssertSqlSafe(text).into_sql_str(),
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.clone())
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<&Vec<u8>> for Value {
    fn from(value: &Vec<u8>) -> Self {
        Self::Bytes(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn placeholders_are_numbered_and_quoted_text_is_left_alone() {
        assert_eq!(numbered("a = ? AND b = ?"), "a = $1 AND b = $2");
        assert_eq!(numbered("a = ?2 OR b > ?1 + ?12"), "a = $2 OR b > $1 + $12");
        assert_eq!(numbered("a = '?' AND b = ?"), "a = '?' AND b = $1");
    }
}
