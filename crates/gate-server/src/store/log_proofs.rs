//! What proves the log to others: its leaves, its signed heads, the signatures of witnesses.

use std::ops::Range;

use gate_protocol::canonical::Digest;
use jiff::Timestamp;

use super::columns::{count, get, integer};
use super::sql::query;
use super::{Connection, StoreError};

/// Returns the leaf hashes of a stretch of records.
pub(crate) async fn leaves(
    connection: &mut Connection,
    range: Range<u64>,
) -> Result<Vec<Digest>, StoreError> {
    let rows = query("SELECT leaf FROM log_records WHERE seq >= ? AND seq < ? ORDER BY seq")
        .bind(integer(range.start))
        .bind(integer(range.end))
        .fetch_all(connection)
        .await?;
    let mut leaves = Vec::with_capacity(rows.len());
    for row in &rows {
        let bytes: Vec<u8> = get(row, "leaf")?;
        let bytes = bytes.try_into();
        leaves.push(Digest::from_bytes(
            bytes.map_err(|_| StoreError::Unreadable { what: "leaf" })?,
        ));
    }
    Ok(leaves)
}

/// Returns the size and the note of the newest checkpoint that was stored.
pub(crate) async fn newest(
    connection: &mut Connection,
) -> Result<Option<(u64, String)>, StoreError> {
    let row = query("SELECT size, note FROM log_checkpoints ORDER BY size DESC LIMIT 1")
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok((count(&row, "size")?, get(&row, "note")?)))
        .transpose()
}

/// Returns the size and the note of the newest checkpoint that a witness signed, with all such
/// signatures.
pub(crate) async fn cosigned(
    connection: &mut Connection,
) -> Result<Option<(u64, String)>, StoreError> {
    let rows = query(
        "SELECT log_checkpoints.size, note, line FROM log_checkpoints
         JOIN log_cosignatures ON log_cosignatures.size = log_checkpoints.size
         WHERE log_checkpoints.size = (SELECT max(size) FROM log_cosignatures)
         ORDER BY witness",
    )
    .fetch_all(connection)
    .await?;
    let mut signed: Option<(u64, String)> = None;
    for row in &rows {
        let line: String = get(row, "line")?;
        let (size, note) = match signed {
            Some(signed) => signed,
            None => (count(row, "size")?, get(row, "note")?),
        };
        signed = Some((size, note + &line));
    }
    Ok(signed)
}

/// Returns the size that a witness signed last; 0 where it signed nothing.
pub(crate) async fn cosigned_by(
    connection: &mut Connection,
    witness: &str,
) -> Result<u64, StoreError> {
    let row = query("SELECT size FROM log_cosignatures WHERE witness = ?")
        .bind(witness)
        .fetch_optional(connection)
        .await?;
    row.map_or(Ok(0), |row| count(&row, "size"))
}

/// Keeps what a witness signed, in the place of what it signed before.
pub(crate) async fn put_cosignature(
    connection: &mut Connection,
    witness: &str,
    (size, line): (u64, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO log_cosignatures (witness, size, line, at) VALUES (?, ?, ?, ?)
         ON CONFLICT (witness) DO UPDATE
         SET size = excluded.size, line = excluded.line, at = excluded.at",
    )
    .bind(witness)
    .bind(integer(size))
    .bind(line)
    .bind(now.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}
