//! What changed and must still be told, written in the transaction of the change.

use gate_protocol::id::RequestId;
use gate_protocol::request::ApprovalStatus;
use jiff::Timestamp;

use super::columns::{count, get, integer, name, parse};
use super::sql::query;
use super::{Connection, StoreError};

/// One change of a request.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    pub(crate) seq: i64,
    pub(crate) request: RequestId,
    /// The request's version after it.
    pub(crate) version: u64,
    /// The request's status after it.
    pub(crate) status: ApprovalStatus,
    /// What is told of beside that.
    pub(crate) occasion: Option<String>,
}

/// Writes down that a request is now as it is, and what is told of beside that.
pub(crate) async fn note(
    connection: &mut Connection,
    request: RequestId,
    occasion: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO outbox (request, version, status, occasion, at)
         SELECT id, version, status, ?2, ?3 FROM requests WHERE id = ?1",
    )
    .bind(request.to_string())
    .bind(occasion)
    .bind(now.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes down every open request, and every message that shows an older
/// version than there is: what a stop in the middle could have left untold.
pub(crate) async fn note_untold(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO outbox (request, version, status, at)
         SELECT r.id, r.version, r.status, ?1 FROM requests r
         WHERE r.status IN ('pending', 'approved', 'claimed', 'started')
            OR EXISTS (SELECT 1 FROM channel_messages m
                       WHERE m.request = r.id AND m.version < r.version)
         ORDER BY r.id",
    )
    .bind(now.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the oldest changes that were not told.
pub(crate) async fn oldest(
    connection: &mut Connection,
    limit: u64,
) -> Result<Vec<Changed>, StoreError> {
    let rows =
        query("SELECT seq, request, version, status, occasion FROM outbox ORDER BY seq LIMIT ?")
            .bind(integer(limit))
            .fetch_all(connection)
            .await?;
    rows.iter()
        .map(|row| {
            Ok(Changed {
                seq: get(row, "seq")?,
                request: parse(row, "request")?,
                version: count(row, "version")?,
                status: name(row, "status")?,
                occasion: get(row, "occasion")?,
            })
        })
        .collect()
}

/// Forgets the changes up to this one: what follows of them is written down.
pub(crate) async fn forget_through(
    connection: &mut Connection,
    seq: i64,
) -> Result<(), StoreError> {
    query("DELETE FROM outbox WHERE seq <= ?")
        .bind(seq)
        .execute(connection)
        .await?;
    Ok(())
}
