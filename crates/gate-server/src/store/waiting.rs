//! What waits for people, fairly: of each owner so much, so that nobody's flood
//! hides what others ask.

use gate_protocol::id::RequestId;

use super::columns::{count, integer, parse};
use super::requests::{self, Request};
use super::sql::query;
use super::{Connection, StoreError};

/// The start of what waits.
#[derive(Clone, Debug)]
pub(crate) struct Fair {
    /// Newest first.
    pub(crate) requests: Vec<Request>,
    /// How many wait in all.
    pub(crate) waiting: u64,
    /// Whether somebody has more of them than were wanted of each.
    pub(crate) is_crowded: bool,
}

/// Bounds of a [`Fair`] list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most of one owner, with all of their agents and workloads.
    pub(crate) each: u64,
    /// The most in all.
    pub(crate) limit: u64,
    /// The list ends once what is stored of its requests has this many bytes; the
    /// first always fits.
    pub(crate) bytes: u64,
}

/// Returns the newest of each owner.
pub(crate) async fn fair(connection: &mut Connection, bounds: Bounds) -> Result<Fair, StoreError> {
    let rows = query(
        "WITH waiting AS (
           SELECT id, row_number() OVER (
               PARTITION BY coalesce(requester_owner, requester) ORDER BY id DESC) AS nth,
             CAST(octet_length(invocation) + octet_length(circumstances)
               + octet_length(terms) + coalesce(octet_length(reason), 0) AS BIGINT) AS bytes
           FROM requests WHERE status = 'pending')
         SELECT id, bytes, (SELECT count(*) FROM waiting) AS waiting,
           (SELECT count(*) FROM waiting WHERE nth > ?1) AS beyond
         FROM waiting WHERE nth <= ?1 ORDER BY id DESC LIMIT ?2",
    )
    .bind(integer(bounds.each))
    .bind(integer(bounds.limit))
    .fetch_all(&mut *connection)
    .await?;
    let mut fair = Fair {
        requests: Vec::with_capacity(rows.len()),
        waiting: 0,
        is_crowded: false,
    };
    let mut bytes = 0;
    for row in rows {
        fair.waiting = count(&row, "waiting")?;
        fair.is_crowded = count(&row, "beyond")? > 0;
        if bytes >= bounds.bytes {
            break;
        }
        bytes += count(&row, "bytes")?;
        let id: RequestId = parse(&row, "id")?;
        fair.requests.extend(requests::find(connection, id).await?);
    }
    Ok(fair)
}
