//! What ends where the data comes from a copy: everything that is good once, or that somebody may
//! have used or taken back since the copy was made.

use gate_protocol::id::{RequestId, StandingGrantId};
use jiff::Timestamp;

use super::columns::parse;
use super::sql::query;
use super::{Connection, StoreError};

/// Lets time end each request that could still be claimed, or whose claim was not followed by a
/// start, and returns them: they may have run since.
pub(crate) async fn end_open_claims(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<Vec<RequestId>, StoreError> {
    let rows = query("SELECT id FROM requests WHERE status IN ('approved', 'claimed') ORDER BY id")
        .fetch_all(&mut *connection)
        .await?;
    query("UPDATE requests SET deadline_at = ? WHERE status IN ('approved', 'claimed')")
        .bind(now.as_millisecond())
        .execute(connection)
        .await?;
    rows.iter().map(|row| parse(row, "id")).collect()
}

/// Returns the standing grants that nobody has taken back and that have not ended.
pub(crate) async fn standing_grants(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<Vec<StandingGrantId>, StoreError> {
    let rows = query(
        "SELECT id FROM standing_grants WHERE revoked_at IS NULL AND ends_at > ? ORDER BY id",
    )
    .bind(now.as_millisecond())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| parse(row, "id")).collect()
}

/// Signs every browser out, and returns how many were signed in.
pub(crate) async fn end_sessions(connection: &mut Connection) -> Result<u64, StoreError> {
    let done = query("DELETE FROM sessions").execute(connection).await?;
    Ok(done.rows_affected())
}

/// Makes every code and link void that is good once: it may have been used since.
pub(crate) async fn end_codes(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<(), StoreError> {
    for table in [
        "UPDATE login_codes SET used_at = ? WHERE used_at IS NULL",
        "UPDATE link_codes SET used_at = ? WHERE used_at IS NULL",
        "UPDATE invitations SET used_at = ? WHERE used_at IS NULL",
    ] {
        query(table)
            .bind(now.as_millisecond())
            .execute(&mut *connection)
            .await?;
    }
    for table in ["DELETE FROM device_codes", "DELETE FROM sign_in_attempts"] {
        query(table).execute(&mut *connection).await?;
    }
    Ok(())
}
