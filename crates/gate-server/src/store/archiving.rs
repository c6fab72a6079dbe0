//! Which of the oldest records can be archived, and how their bodies are dropped.

use std::ops::Range;

use gate_protocol::canonical::Digest;
use gate_protocol::id::RequestId;
use gate_protocol::log::AuditRecord;
use jiff::Timestamp;

use super::columns::{count, get, integer, parse};
use super::sql::{Row, query};
use super::{Connection, StoreError};

/// What is left of a record: no record is so short.
const DROPPED: &[u8] = b"{}";

/// Returns the record of an index; none where it is not there any more, or not yet.
pub(crate) async fn record(
    connection: &mut Connection,
    seq: u64,
) -> Result<Option<AuditRecord>, StoreError> {
    let row = query("SELECT record FROM log_records WHERE seq = ?")
        .bind(integer(seq))
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let bytes: Vec<u8> = get(&row, "record")?;
    if bytes == DROPPED {
        return Ok(None);
    }
    AuditRecord::parse(&bytes)
        .map(Some)
        .map_err(|_| StoreError::Unreadable { what: "record" })
}

/// How many records one statement looks at, which may take no longer than any other.
const STRIDE: u64 = 20_000;

/// Returns the index of the first record of a stretch that is not older than a time; none where all
/// are. Each is looked at, some at a time: the clock can have gone back, and then an old record stands
/// behind a young one.
pub(crate) async fn first_young(
    connection: &mut Connection,
    stretch: Range<u64>,
    before: Timestamp,
) -> Result<Option<u64>, StoreError> {
    let mut from = stretch.start;
    while from < stretch.end {
        let to = from.saturating_add(STRIDE).min(stretch.end);
        if let Some(young) = first_young_within(connection, from..to, before).await? {
            return Ok(Some(young));
        }
        from = to;
    }
    Ok(None)
}

async fn first_young_within(
    connection: &mut Connection,
    stretch: Range<u64>,
    before: Timestamp,
) -> Result<Option<u64>, StoreError> {
    let second = before.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let record_text = connection.record_text();
    let mut from = stretch.start;
    loop {
        let mut query = query("SELECT seq FROM log_records WHERE seq >= ");
        query.push_bind(integer(from)).push(" AND seq < ");
        query.push_bind(integer(stretch.end));
        query.push(" AND substr(json_extract(").push(record_text);
        query.push(", '$.ts'), 1, 19) >= ").push_bind(&second);
        query.push(" ORDER BY seq LIMIT 1");
        let Some(row) = query.fetch_optional(&mut *connection).await? else {
            return Ok(None);
        };
        let seq = count(&row, "seq")?;
        // The fraction of the second has no fixed length, so it is not compared as text.
        let found = record(connection, seq).await?;
        if found.is_none_or(|found| found.at() >= before) {
            return Ok(Some(seq));
        }
        from = seq + 1;
    }
}

/// Returns the index of the first record that tells of a request which has not ended, or of a
/// break-glass whose review is open; none where there is no such request.
pub(crate) async fn first_open(connection: &mut Connection) -> Result<Option<u64>, StoreError> {
    let record_text = connection.record_text();
    let mut query = query(
        "SELECT CAST(min(log_records.seq) AS BIGINT) AS seq, CAST(count(*) AS BIGINT) AS found
         FROM requests JOIN log_records ON json_extract(",
    );
    query.push(record_text).push(
        ", '$.body.request') = requests.id
         WHERE requests.status IN ('pending', 'approved', 'claimed', 'started')
           OR CAST(json_extract(requests.particulars, '$.break_glass.is_open') AS TEXT)
             IN ('1', 'true')",
    );
    let row = query.fetch_one(connection).await?;
    if count(&row, "found")? == 0 {
        return Ok(None);
    }
    count(&row, "seq").map(Some)
}

/// Says that the bodies below an index are dropped from now on.
pub(crate) async fn begin(connection: &mut Connection, to: u64) -> Result<(), StoreError> {
    query("UPDATE log_head SET pruned = ?")
        .bind(integer(to))
        .execute(connection)
        .await?;
    Ok(())
}

/// Tells whether a body below an index is still there.
pub(crate) async fn is_left_below(
    connection: &mut Connection,
    below: u64,
) -> Result<bool, StoreError> {
    let row =
        query("SELECT seq FROM log_records WHERE seq < ? AND octet_length(record) > ? LIMIT 1")
            .bind(integer(below))
            .bind(integer(DROPPED.len() as u64))
            .fetch_optional(connection)
            .await?;
    Ok(row.is_some())
}

/// Drops at most so many bodies, the oldest first, with what stands beside them, and returns which
/// requests were created by them, and how many there were.
pub(crate) async fn drop_some(
    connection: &mut Connection,
    below: u64,
    limit: u64,
) -> Result<(Vec<RequestId>, u64), StoreError> {
    let rows = query(
        "SELECT seq, record FROM log_records WHERE seq < ? AND octet_length(record) > ?
         ORDER BY seq LIMIT ?",
    )
    .bind(integer(below))
    .bind(integer(DROPPED.len() as u64))
    .bind(integer(limit))
    .fetch_all(&mut *connection)
    .await?;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Ok((Vec::new(), 0));
    };
    let (first, last) = (count(first, "seq")?, count(last, "seq")?);
    let created = rows.iter().filter_map(|row| created(row).transpose());
    let created = created.collect::<Result<Vec<RequestId>, StoreError>>()?;
    query("UPDATE log_records SET record = ? WHERE seq >= ? AND seq <= ?")
        .bind(DROPPED)
        .bind(integer(first))
        .bind(integer(last))
        .execute(&mut *connection)
        .await?;
    query("DELETE FROM log_payloads WHERE seq <= ?")
        .bind(integer(last))
        .execute(connection)
        .await?;
    Ok((created, rows.len() as u64))
}

fn created(row: &Row) -> Result<Option<RequestId>, StoreError> {
    let bytes: Vec<u8> = get(row, "record")?;
    let record = AuditRecord::parse(&bytes);
    let record = record.map_err(|_| StoreError::Unreadable { what: "record" })?;
    let is_created = record.record_type().as_str() == "request.created";
    let id = record.body().get("request").and_then(|id| id.as_str());
    Ok(id.filter(|_| is_created).and_then(|id| id.parse().ok()))
}

/// Returns the hash of the record before an index: what the record at the index names.
pub(crate) async fn hash_before(
    connection: &mut Connection,
    seq: u64,
) -> Result<Digest, StoreError> {
    if let Some(record) = record(connection, seq).await? {
        return Ok(record.prev());
    }
    let row = query("SELECT prev FROM log_head")
        .fetch_optional(connection)
        .await?;
    row.map_or(Ok(Digest::ZERO), |row| parse(&row, "prev"))
}
