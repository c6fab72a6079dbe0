//! Which uses of break-glass there were. The rest of each is in its request.

use gate_protocol::id::RequestId;
use jiff::Timestamp;

use super::columns::{integer, parse, time};
use super::sql::query;
use super::{Connection, StoreError};

/// Writes down that a request was used as break-glass.
pub(crate) async fn note_use(
    connection: &mut Connection,
    id: RequestId,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("UPDATE requests SET break_glass_used_at = ? WHERE id = ?")
        .bind(now.as_millisecond())
        .bind(id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns so many uses, newest first, each with its time, older than `before`: with
/// `is_open`, those that nobody has reviewed yet.
pub(crate) async fn uses(
    connection: &mut Connection,
    is_open: bool,
    before: Option<(Timestamp, RequestId)>,
    limit: u64,
) -> Result<Vec<(RequestId, Timestamp)>, StoreError> {
    let rows = query(
        "SELECT id, break_glass_used_at FROM requests WHERE break_glass_used_at IS NOT NULL
         AND (NOT ?1 OR
           CAST(json_extract(particulars, '$.break_glass.is_open') AS TEXT) IN ('1', 'true'))
         AND (?2 IS NULL OR (break_glass_used_at, id) < (?2, ?3))
         ORDER BY break_glass_used_at DESC, id DESC LIMIT ?4",
    )
    .bind(is_open)
    .bind(before.map(|(at, _)| at.as_millisecond()))
    .bind(before.map(|(_, id)| id.to_string()))
    .bind(integer(limit))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| Ok((parse(row, "id")?, time(row, "break_glass_used_at")?)))
        .collect()
}
