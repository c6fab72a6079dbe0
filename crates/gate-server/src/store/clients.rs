//! Clients, the epochs of their spools, their events, and what is missing.

use std::collections::BTreeMap;

use gate_protocol::canonical::Digest;
use gate_protocol::id::{ClientId, EpochId};
use jiff::Timestamp;

use super::columns::{count, get, integer, parse};
use super::sql::{Value, insert_rows, query};
use super::{Connection, StoreError};

/// A client as it is known.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) principal: String,
    /// The epoch that it last began.
    pub(crate) epoch: EpochId,
}

/// One sequence of events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence {
    pub(crate) client: ClientId,
    pub(crate) epoch: EpochId,
}

/// The links of an event that was stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) prev: Digest,
    pub(crate) hash: Digest,
}

/// A stretch of a sequence, both ends included, of which `missing` events never came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) missing: u64,
}

/// Returns what is known of a client.
pub(crate) async fn find(
    connection: &mut Connection,
    client: ClientId,
) -> Result<Option<Client>, StoreError> {
    let row = query("SELECT principal, epoch FROM clients WHERE client = ?")
        .bind(client.to_string())
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(Client {
            principal: get(&row, "principal")?,
            epoch: parse(&row, "epoch")?,
        })
    })
    .transpose()
}

/// Stores a client under the principal that it belongs to from now on, or the
/// epoch that it began.
pub(crate) async fn put(
    connection: &mut Connection,
    sequence: Sequence,
    principal: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO clients (client, principal, epoch, first_seen_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (client) DO UPDATE SET epoch = excluded.epoch",
    )
    .bind(sequence.client.to_string())
    .bind(principal)
    .bind(sequence.epoch.to_string())
    .bind(now.as_millisecond())
    .execute(&mut *connection)
    .await?;
    query("INSERT INTO client_epochs (client, epoch, through, opened_at) VALUES (?, ?, 0, ?)")
        .bind(sequence.client.to_string())
        .bind(sequence.epoch.to_string())
        .bind(now.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns the highest `seq` that came; none where the sequence is new.
pub(crate) async fn through(
    connection: &mut Connection,
    sequence: Sequence,
) -> Result<Option<u64>, StoreError> {
    let row = query("SELECT through FROM client_epochs WHERE client = ? AND epoch = ?")
        .bind(sequence.client.to_string())
        .bind(sequence.epoch.to_string())
        .fetch_optional(connection)
        .await?;
    row.map(|row| count(&row, "through")).transpose()
}

/// Stores the highest `seq` that came.
pub(crate) async fn set_through(
    connection: &mut Connection,
    sequence: Sequence,
    through: u64,
) -> Result<(), StoreError> {
    query("UPDATE client_epochs SET through = ? WHERE client = ? AND epoch = ?")
        .bind(integer(through))
        .bind(sequence.client.to_string())
        .bind(sequence.epoch.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns the links of the events of a stretch that came, by their `seq`.
pub(crate) async fn links(
    connection: &mut Connection,
    sequence: Sequence,
    (first, last): (u64, u64),
) -> Result<BTreeMap<u64, Link>, StoreError> {
    let rows = query(
        "SELECT seq, prev, hash FROM client_events
         WHERE client = ? AND epoch = ? AND seq >= ? AND seq <= ?",
    )
    .bind(sequence.client.to_string())
    .bind(sequence.epoch.to_string())
    .bind(integer(first))
    .bind(integer(last))
    .fetch_all(connection)
    .await?;
    let link = |row| {
        let link = Link {
            prev: parse(row, "prev")?,
            hash: parse(row, "hash")?,
        };
        Ok((count(row, "seq")?, link))
    };
    rows.iter().map(link).collect()
}

/// Stores the links of events, whose content is in the log.
pub(crate) async fn insert_events(
    connection: &mut Connection,
    sequence: Sequence,
    events: &[(u64, Link)],
) -> Result<(), StoreError> {
    let (client, epoch) = (sequence.client.to_string(), sequence.epoch.to_string());
    let row = |(seq, link): &(u64, Link)| -> [Value; 5] {
        [
            (&client).into(),
            (&epoch).into(),
            integer(*seq).into(),
            link.prev.to_string().into(),
            link.hash.to_string().into(),
        ]
    };
    let insert = "INSERT INTO client_events (client, epoch, seq, prev, hash) VALUES";
    insert_rows(connection, insert, events.iter().map(row).collect()).await
}

/// Stores a gap of which nothing came yet.
pub(crate) async fn open_gap(
    connection: &mut Connection,
    sequence: Sequence,
    (first, last): (u64, u64),
) -> Result<(), StoreError> {
    query("INSERT INTO client_gaps (client, epoch, first, last, missing) VALUES (?, ?, ?, ?, ?)")
        .bind(sequence.client.to_string())
        .bind(sequence.epoch.to_string())
        .bind(integer(first))
        .bind(integer(last))
        .bind(integer(last - first + 1))
        .execute(connection)
        .await?;
    Ok(())
}

/// Counts the late event at `seq` and returns the gap that it was missing from.
pub(crate) async fn fill_gap(
    connection: &mut Connection,
    sequence: Sequence,
    seq: u64,
) -> Result<Option<Gap>, StoreError> {
    let row = query(
        "UPDATE client_gaps SET missing = missing - 1
         WHERE client = ?1 AND epoch = ?2 AND first <= ?3 AND last >= ?3 AND missing > 0
         RETURNING first, last, missing",
    )
    .bind(sequence.client.to_string())
    .bind(sequence.epoch.to_string())
    .bind(integer(seq))
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Gap {
            first: count(&row, "first")?,
            last: count(&row, "last")?,
            missing: count(&row, "missing")?,
        })
    })
    .transpose()
}

/// Remembers an event that was refused for not continuing the chain; false
/// where it is known already.
pub(crate) async fn insert_fork(
    connection: &mut Connection,
    sequence: Sequence,
    seq: u64,
    hash: Digest,
) -> Result<bool, StoreError> {
    let done = query(
        "INSERT INTO client_forks (client, epoch, seq, hash) VALUES (?, ?, ?, ?)
         ON CONFLICT DO NOTHING",
    )
    .bind(sequence.client.to_string())
    .bind(sequence.epoch.to_string())
    .bind(integer(seq))
    .bind(hash.to_string())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
