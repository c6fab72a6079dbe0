//! The server's own names: made once, part of every signature.

use super::columns::get;
use super::sql::query;
use super::{Connection, StoreError};
use jiff::Timestamp;

/// The names that grants, rules and the log are made out by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) audience: String,
    pub(crate) log_origin: String,
}

/// Returns the names, or none where the store was never initialised.
pub(crate) async fn names(connection: &mut Connection) -> Result<Option<Names>, StoreError> {
    let row = query("SELECT audience, log_origin FROM server")
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(Names {
            audience: get(&row, "audience")?,
            log_origin: get(&row, "log_origin")?,
        })
    })
    .transpose()
}

/// Stores the names, for good.
pub(crate) async fn name(
    connection: &mut Connection,
    names: &Names,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("INSERT INTO server (one, audience, log_origin, created_at) VALUES (1, ?, ?, ?)")
        .bind(&names.audience)
        .bind(&names.log_origin)
        .bind(now.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}
