//! The server's own names: made once, part of every signature.

use gate_protocol::canonical::Digest;
use jiff::Timestamp;

use super::columns::{get, parse};
use super::sql::query;
use super::{Connection, StoreError};

/// The names that grants, rules and the log are made out by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) audience: String,
    pub(crate) log_origin: String,
    /// The keys that it signs by, as `Keys::print` has them; none where that was not kept.
    pub(crate) keys: Option<Digest>,
}

/// Returns the names, or none where the store was never initialised.
pub(crate) async fn names(connection: &mut Connection) -> Result<Option<Names>, StoreError> {
    let row = query("SELECT audience, log_origin, keys FROM server")
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(Names {
            audience: get(&row, "audience")?,
            log_origin: get(&row, "log_origin")?,
            keys: match get::<Option<&str>>(&row, "keys")? {
                Some(_) => Some(parse(&row, "keys")?),
                None => None,
            },
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
    query(
        "INSERT INTO server (one, audience, log_origin, keys, created_at) VALUES (1, ?, ?, ?, ?)",
    )
    .bind(&names.audience)
    .bind(&names.log_origin)
    .bind(names.keys.map(|keys| keys.to_string()))
    .bind(now.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}
