//! Channels that were made by the API.

use gate_protocol::channel::ChannelSpec;
use jiff::Timestamp;

use super::columns::{get, json, text};
use super::sql::query;
use super::{Connection, StoreError};

/// A channel with its secrets as they are stored: encrypted.
#[derive(Clone, Debug)]
pub(crate) struct StoredChannel {
    pub(crate) spec: ChannelSpec,
    pub(crate) sealed: Vec<u8>,
}

/// Returns all channels by name.
pub(crate) async fn all(connection: &mut Connection) -> Result<Vec<StoredChannel>, StoreError> {
    let rows = query("SELECT spec, sealed FROM channels ORDER BY name")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(StoredChannel {
                spec: json(row, "spec")?,
                sealed: get(row, "sealed")?,
            })
        })
        .collect()
}

/// Stores a channel; false where the name is taken.
pub(crate) async fn insert(
    connection: &mut Connection,
    channel: &StoredChannel,
    by: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done = query(
        "INSERT INTO channels (name, spec, sealed, created_at, created_by)
         VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&channel.spec.name)
    .bind(text(&channel.spec, "spec")?)
    .bind(&channel.sealed)
    .bind(now.as_millisecond())
    .bind(by)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts the secrets of a channel in the place of what was stored.
pub(crate) async fn reseal(
    connection: &mut Connection,
    name: &str,
    sealed: &[u8],
) -> Result<(), StoreError> {
    query("UPDATE channels SET sealed = ? WHERE name = ?")
        .bind(sealed)
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes a channel, what waits for it, and where its messages stand; false
/// where there was none.
pub(crate) async fn remove(connection: &mut Connection, name: &str) -> Result<bool, StoreError> {
    let done = query("DELETE FROM channels WHERE name = ?")
        .bind(name)
        .execute(&mut *connection)
        .await?;
    for statement in [
        "DELETE FROM deliveries WHERE channel = ?",
        "DELETE FROM channel_messages WHERE channel = ?",
    ] {
        query(statement)
            .bind(name)
            .execute(&mut *connection)
            .await?;
    }
    Ok(done.rows_affected() == 1)
}
