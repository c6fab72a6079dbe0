//! Idempotency keys: a retry is answered as the first time.

use gate_protocol::canonical::Digest;
use gate_protocol::id::RequestId;
use jiff::Timestamp;

use super::columns::{get, parse};
use super::sql::query;
use super::{Connection, StoreError};

/// An idempotency key: whose it is, and what it came with.
#[derive(Debug)]
pub(crate) struct Key<'a> {
    pub(crate) principal: &'a str,
    pub(crate) text: &'a str,
    pub(crate) body_hash: Digest,
}

/// What an idempotency key was used for.
#[derive(Debug)]
pub(crate) struct KeyUse {
    pub(crate) body_hash: Digest,
    pub(crate) request: RequestId,
    /// Whether the request was made by it, and not found standing.
    pub(crate) is_first: bool,
}

/// Returns what an idempotency key was used for.
pub(crate) async fn keyed(
    connection: &mut Connection,
    key: &Key<'_>,
) -> Result<Option<KeyUse>, StoreError> {
    // A request is stored in one change with the key that it came with, so that key is the first of
    // its keys. Rows are numbered as they come; a span of times, because only these have an index.
    let row = query(
        "SELECT used.body_hash, used.request, NOT EXISTS (
             SELECT 1 FROM idempotency_keys earlier
             WHERE earlier.request = used.request AND earlier.rowid < used.rowid
             AND earlier.created_at BETWEEN requests.created_at AND used.created_at
         ) AS is_first
         FROM idempotency_keys used JOIN requests ON requests.id = used.request
         WHERE used.principal = ? AND used.key = ?",
    )
    .bind(key.principal)
    .bind(key.text)
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(KeyUse {
            body_hash: parse(&row, "body_hash")?,
            request: parse(&row, "request")?,
            is_first: get(&row, "is_first")?,
        })
    })
    .transpose()
}

/// Remembers an idempotency key.
pub(crate) async fn remember_key(
    connection: &mut Connection,
    key: &Key<'_>,
    id: RequestId,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO idempotency_keys (principal, key, body_hash, request, created_at)
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(key.principal)
    .bind(key.text)
    .bind(key.body_hash.to_string())
    .bind(id.to_string())
    .bind(now.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets the idempotency keys that are older than `before`.
pub(crate) async fn forget_keys(
    connection: &mut Connection,
    before: Timestamp,
) -> Result<(), StoreError> {
    query("DELETE FROM idempotency_keys WHERE created_at < ?")
        .bind(before.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}
