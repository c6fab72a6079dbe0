//! What stands beside records and can be erased.

use std::collections::BTreeMap;
use std::ops::Range;

use gate_protocol::canonical::Digest;
use gate_protocol::id::RequestId;
use gate_protocol::log::{Erasure, KeptPayload, Payload, RecordPayload};
use jiff::Timestamp;
use serde_json::Value;

use super::columns::{count, get, integer, json, text, time_if_any};
use super::sql::{Row, query};
use super::{Connection, StoreError};

/// Keeps what stands beside the record of an index.
pub(crate) async fn insert(
    connection: &mut Connection,
    seq: u64,
    owner: Option<&str>,
    payload: &KeptPayload,
) -> Result<(), StoreError> {
    query("INSERT INTO log_payloads (seq, owner, key, parts) VALUES (?, ?, ?, ?)")
        .bind(integer(seq))
        .bind(owner)
        .bind(payload.key.as_bytes().as_slice())
        .bind(text(&payload.parts, "parts")?)
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns what stands beside the records of a stretch, in their order.
pub(crate) async fn of(
    connection: &mut Connection,
    range: Range<u64>,
) -> Result<Vec<RecordPayload>, StoreError> {
    let rows = query(
        "SELECT seq, key, parts, erased_at, erased_by, erased_in FROM log_payloads
         WHERE seq >= ? AND seq < ? ORDER BY seq",
    )
    .bind(integer(range.start))
    .bind(integer(range.end))
    .fetch_all(connection)
    .await?;
    rows.iter().map(payload).collect()
}

fn payload(row: &Row) -> Result<RecordPayload, StoreError> {
    let payload = if let Some(at) = time_if_any(row, "erased_at")? {
        Payload::Erased(Erasure {
            at,
            by: get(row, "erased_by")?,
            record: count(row, "erased_in")?,
        })
    } else {
        let key: [u8; 32] = get::<&[u8]>(row, "key")?
            .try_into()
            .map_err(|_| StoreError::Unreadable { what: "key" })?;
        let parts: BTreeMap<String, Value> = json(row, "parts")?;
        Payload::Kept(KeptPayload {
            key: Digest::from_bytes(key),
            parts,
        })
    };
    Ok(RecordPayload {
        seq: count(row, "seq")?,
        payload,
    })
}

/// A record beside which something stands that is not erased.
#[derive(Clone, Debug)]
pub(crate) struct Erasable {
    pub(crate) seq: u64,
    /// The record as text.
    pub(crate) record: String,
}

fn erasable(row: &Row) -> Result<Erasable, StoreError> {
    let record = String::from_utf8(get(row, "record")?);
    Ok(Erasable {
        seq: count(row, "seq")?,
        record: record.map_err(|_| StoreError::Unreadable { what: "record" })?,
    })
}

/// Returns the records about a request beside which something stands.
pub(crate) async fn about(
    connection: &mut Connection,
    request: RequestId,
) -> Result<Vec<Erasable>, StoreError> {
    let record_text = connection.record_text();
    let mut query = query(
        "SELECT log_records.seq, record FROM log_records
         JOIN log_payloads ON log_payloads.seq = log_records.seq
         WHERE erased_at IS NULL AND json_extract(",
    );
    query.push(record_text).push(", '$.body.request') = ");
    query.push_bind(request.to_string());
    query.push(" ORDER BY log_records.seq");
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(erasable).collect()
}

/// Returns at most so many of the records beside which something of a person or an account stands.
pub(crate) async fn of_owner(
    connection: &mut Connection,
    owner: &str,
    from: u64,
    limit: u64,
) -> Result<Vec<Erasable>, StoreError> {
    let rows = query(
        "SELECT log_records.seq, record FROM log_payloads
         JOIN log_records ON log_records.seq = log_payloads.seq
         WHERE erased_at IS NULL AND owner = ? AND log_payloads.seq >= ?
         ORDER BY log_payloads.seq LIMIT ?",
    )
    .bind(owner)
    .bind(integer(from))
    .bind(integer(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(erasable).collect()
}

/// Erases what stands beside a record, and its key.
pub(crate) async fn erase(
    connection: &mut Connection,
    seq: u64,
    by: (&str, u64, Timestamp),
) -> Result<(), StoreError> {
    let (name, record, at) = by;
    query(
        "UPDATE log_payloads SET key = NULL, parts = NULL, owner = NULL, erased_at = ?,
           erased_by = ?, erased_in = ?
         WHERE seq = ? AND erased_at IS NULL",
    )
    .bind(at.as_millisecond())
    .bind(name)
    .bind(integer(record))
    .bind(integer(seq))
    .execute(connection)
    .await?;
    Ok(())
}
