//! Domain values as columns: times in milliseconds, names as on the wire, the
//! rest as JSON.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};

use super::StoreError;
use super::sql::Row;

/// Reads one column, naming it where it does not read back.
pub(crate) fn get<'r, T>(row: &'r Row, column: &'static str) -> Result<T, StoreError>
where
    T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
{
    let value = match row {
        Row::Sqlite(row) => row.try_get(column),
        Row::Postgres(row) => row.try_get(column),
    };
    value.map_err(|_| StoreError::Unreadable { what: column })
}

/// Reads a column through `FromStr`.
pub(super) fn parse<T: std::str::FromStr>(
    row: &Row,
    column: &'static str,
) -> Result<T, StoreError> {
    get::<&str>(row, column)?
        .parse()
        .map_err(|_| StoreError::Unreadable { what: column })
}

/// Reads a column of JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(get(row, column)?).map_err(|_| StoreError::Unreadable { what: column })
}

/// Reads a column that holds a wire name of an enum.
pub(super) fn name<T: DeserializeOwned>(row: &Row, column: &'static str) -> Result<T, StoreError> {
    let text: String = get(row, column)?;
    serde_json::from_value(text.into()).map_err(|_| StoreError::Unreadable { what: column })
}

/// Reads a time.
pub(super) fn time(row: &Row, column: &'static str) -> Result<Timestamp, StoreError> {
    timestamp(get(row, column)?, column)
}

/// Reads a time that may be missing.
pub(super) fn time_if_any(
    row: &Row,
    column: &'static str,
) -> Result<Option<Timestamp>, StoreError> {
    get::<Option<i64>>(row, column)?
        .map(|ms| timestamp(ms, column))
        .transpose()
}

fn timestamp(ms: i64, what: &'static str) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(ms).map_err(|_| StoreError::Unreadable { what })
}

/// Reads a count, which is never negative.
pub(super) fn count(row: &Row, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(get::<i64>(row, column)?).map_err(|_| StoreError::Unreadable { what: column })
}

/// Writes a count. The database's integers end at 2^63, far beyond any count here.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Writes JSON.
pub(super) fn text<T: Serialize>(value: &T, what: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Unreadable { what })
}
