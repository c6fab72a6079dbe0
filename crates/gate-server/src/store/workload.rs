//! Tokens of CI jobs that were taken.

use jiff::Timestamp;

use super::sql::query;
use super::{Connection, StoreError};
use crate::identity::TokenHash;

/// Remembers a token; false where it was taken before.
pub(crate) async fn use_once(
    connection: &mut Connection,
    hash: TokenHash,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let done = query(
        "INSERT INTO used_workload_tokens (hash, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(hash.as_bytes())
    .bind(expires_at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets the tokens that are over by themselves.
pub(crate) async fn forget(connection: &mut Connection, now: Timestamp) -> Result<(), StoreError> {
    query("DELETE FROM used_workload_tokens WHERE expires_at <= ?")
        .bind(now.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}
