//! The server's own names: made once, part of every signature.

use gate_protocol::canonical::Digest;
use jiff::Timestamp;

use super::columns::{count, get, parse};
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

/// Returns how often the server was begun anew, from 1.
pub(crate) async fn epoch(connection: &mut Connection) -> Result<u64, StoreError> {
    let made = epoch_and_keys(connection).await?;
    made.map(|(epoch, _)| epoch)
        .ok_or(StoreError::Unreadable { what: "epoch" })
}

/// Returns the epoch with the keys that the server signs by, where these were kept; none where the
/// store was never initialised.
pub(crate) async fn epoch_and_keys(
    connection: &mut Connection,
) -> Result<Option<(u64, Option<Digest>)>, StoreError> {
    let row = query("SELECT CAST(epoch AS BIGINT) AS epoch, keys FROM server")
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        let keys = match get::<Option<&str>>(&row, "keys")? {
            Some(_) => Some(parse(&row, "keys")?),
            None => None,
        };
        Ok((count(&row, "epoch")?, keys))
    })
    .transpose()
}

/// Begins the next epoch and returns its number.
pub(crate) async fn begin_epoch(connection: &mut Connection) -> Result<u64, StoreError> {
    query("UPDATE server SET epoch = epoch + 1")
        .execute(&mut *connection)
        .await?;
    epoch(connection).await
}

/// Writes, and changes nothing: a disk that is full, or a database that only reads, says so.
pub(crate) async fn try_to_write(connection: &mut Connection) -> Result<(), StoreError> {
    query("UPDATE server SET epoch = epoch")
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns the number of the last migration that made the tables.
pub(crate) async fn migration(connection: &mut Connection) -> Result<i64, StoreError> {
    let row = query("SELECT CAST(max(version) AS BIGINT) AS version FROM _sqlx_migrations")
        .fetch_one(connection)
        .await?;
    get(&row, "version")
}

/// Keeps which keys the server signs by.
pub(crate) async fn put_keys(connection: &mut Connection, keys: Digest) -> Result<(), StoreError> {
    query("UPDATE server SET keys = ?")
        .bind(keys.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns the database's own clock in milliseconds since 1970; none where it is this machine's.
pub(crate) async fn clock_ms(connection: &mut Connection) -> Result<Option<i64>, StoreError> {
    if matches!(connection, Connection::Sqlite(_)) {
        return Ok(None);
    }
    let row = query("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now")
        .fetch_one(connection)
        .await?;
    get(&row, "now").map(Some)
}

/// Returns what of the database's own settings lets a crash of its machine destroy it.
pub(crate) async fn perils(connection: &mut Connection) -> Result<Vec<&'static str>, StoreError> {
    if matches!(connection, Connection::Sqlite(_)) {
        return Ok(Vec::new());
    }
    let row = query(
        "SELECT current_setting('fsync') AS fsync,
           current_setting('full_page_writes') AS full_page_writes",
    )
    .fetch_one(connection)
    .await?;
    let mut perils = Vec::new();
    for (setting, peril) in [
        ("fsync", "fsync = off"),
        ("full_page_writes", "full_page_writes = off"),
    ] {
        if get::<&str>(&row, setting)? == "off" {
            perils.push(peril);
        }
    }
    Ok(perils)
}

/// Returns the settings of the last start, as JSON; none where that was not kept.
pub(crate) async fn settings_seen(
    connection: &mut Connection,
) -> Result<Option<String>, StoreError> {
    let row = query("SELECT settings FROM settings_seen WHERE id = 1")
        .fetch_optional(connection)
        .await?;
    row.map(|row| get(&row, "settings")).transpose()
}

/// Keeps the settings of this start.
pub(crate) async fn keep_settings(
    connection: &mut Connection,
    settings: &str,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO settings_seen (id, settings) VALUES (1, ?)
         ON CONFLICT (id) DO UPDATE SET settings = excluded.settings",
    )
    .bind(settings)
    .execute(connection)
    .await?;
    Ok(())
}
