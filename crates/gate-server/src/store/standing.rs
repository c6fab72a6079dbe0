//! How things stand, for whoever watches the server: what is open, what waits to be told, how far
//! the log is signed.

use jiff::Timestamp;

use super::columns::{count, get, time};
use super::sql::query;
use super::{Connection, StoreError, log, server};

/// How things stand.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) epoch: u64,
    /// How many requests can still change, by status.
    pub(crate) requests: Vec<(String, u64)>,
    pub(crate) outbox: u64,
    /// How many deliveries are kept, by channel and state.
    pub(crate) deliveries: Vec<(String, String, u64)>,
    pub(crate) log_size: u64,
    /// Over how many records the newest checkpoint is, and when it was signed.
    pub(crate) checkpoint: Option<(u64, Timestamp)>,
    pub(crate) witnesses: Vec<Witnessed>,
}

/// What a witness signed last.
#[derive(Clone, Debug)]
pub(crate) struct Witnessed {
    pub(crate) label: String,
    pub(crate) size: u64,
    pub(crate) at: Timestamp,
}

/// Returns how things stand.
pub(crate) async fn now(connection: &mut Connection) -> Result<Standing, StoreError> {
    Ok(Standing {
        epoch: server::epoch(connection).await?,
        requests: requests(connection).await?,
        outbox: outbox(connection).await?,
        deliveries: deliveries(connection).await?,
        log_size: log::head(connection).await?.tree.size(),
        checkpoint: log::last_checkpoint(connection).await?,
        witnesses: witnesses(connection).await?,
    })
}

async fn requests(connection: &mut Connection) -> Result<Vec<(String, u64)>, StoreError> {
    let mut found = Vec::new();
    // Each by the index of the status, so that those that ended cost nothing.
    for status in ["pending", "approved", "claimed", "started"] {
        let row = query("SELECT CAST(count(*) AS BIGINT) AS number FROM requests WHERE status = ?")
            .bind(status)
            .fetch_one(connection)
            .await?;
        found.push((status.to_owned(), count(&row, "number")?));
    }
    Ok(found)
}

async fn outbox(connection: &mut Connection) -> Result<u64, StoreError> {
    let row = query("SELECT CAST(count(*) AS BIGINT) AS number FROM outbox")
        .fetch_one(connection)
        .await?;
    count(&row, "number")
}

async fn deliveries(connection: &mut Connection) -> Result<Vec<(String, String, u64)>, StoreError> {
    let rows = query(
        "SELECT channel, state, CAST(count(*) AS BIGINT) AS number FROM deliveries
         GROUP BY channel, state ORDER BY channel, state",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok((
                get(row, "channel")?,
                get(row, "state")?,
                count(row, "number")?,
            ))
        })
        .collect()
}

async fn witnesses(connection: &mut Connection) -> Result<Vec<Witnessed>, StoreError> {
    let rows = query("SELECT witness, size, at FROM log_cosignatures ORDER BY witness")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Witnessed {
                label: get(row, "witness")?,
                size: count(row, "size")?,
                at: time(row, "at")?,
            })
        })
        .collect()
}

/// When each channel delivered last.
pub(crate) async fn last_delivered(
    connection: &mut Connection,
) -> Result<Vec<(String, Timestamp)>, StoreError> {
    let rows = query(
        "SELECT channel, max(done_at) AS at FROM deliveries
         WHERE state = 'delivered' AND done_at IS NOT NULL GROUP BY channel ORDER BY channel",
    )
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| Ok((get(row, "channel")?, time(row, "at")?)))
        .collect()
}
