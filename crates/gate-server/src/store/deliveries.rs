//! What goes to channels, how often it was tried and what came of it.

use gate_protocol::channel::{DeliveryEntry, DeliveryState};
use gate_protocol::id::RequestId;
use jiff::Timestamp;

use super::columns::{count, get, integer, name, time, time_if_any};
use super::sql::{Row, query};
use super::{Connection, StoreError};

/// A delivery that is about to be stored, or to take the place of the one in
/// the same slot.
#[derive(Clone, Debug)]
pub(crate) struct NewDelivery<'a> {
    pub(crate) id: &'a str,
    pub(crate) channel: &'a str,
    pub(crate) slot: &'a str,
    pub(crate) request: RequestId,
    pub(crate) version: u64,
    pub(crate) event: &'a str,
}

/// A delivery that somebody took to carry out.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) id: String,
    pub(crate) request: Option<RequestId>,
    pub(crate) version: u64,
    pub(crate) event: String,
    /// How often it was tried, this time included.
    pub(crate) attempts: u32,
}

/// What came of trying.
#[derive(Clone, Debug)]
pub(crate) struct Tried<'a> {
    pub(crate) state: DeliveryState,
    pub(crate) next_at: Timestamp,
    pub(crate) answer: &'a str,
}

/// Which deliveries are listed.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) channel: &'a str,
    pub(crate) state: Option<DeliveryState>,
    pub(crate) before: Option<&'a str>,
    pub(crate) limit: u64,
}

fn attempts(row: &Row) -> Result<u32, StoreError> {
    let count = count(row, "attempts")?;
    u32::try_from(count).map_err(|_| StoreError::Unreadable { what: "attempts" })
}

fn request(row: &Row) -> Result<Option<RequestId>, StoreError> {
    let text: Option<&str> = get(row, "request")?;
    text.map(|text| {
        text.parse()
            .map_err(|_| StoreError::Unreadable { what: "request" })
    })
    .transpose()
}

fn entry(row: &Row) -> Result<DeliveryEntry, StoreError> {
    Ok(DeliveryEntry {
        id: get(row, "id")?,
        channel: get(row, "channel")?,
        event: get(row, "event")?,
        request: request(row)?,
        version: count(row, "version")?,
        state: name(row, "state")?,
        attempts: attempts(row)?,
        next_at: time(row, "next_at")?,
        created_at: time(row, "created_at")?,
        done_at: time_if_any(row, "done_at")?,
        answer: get(row, "answer")?,
    })
}

/// Stores a delivery. One in the same slot is replaced where it tells less: a
/// message is brought to the newest version, never to each in between.
pub(crate) async fn put(
    connection: &mut Connection,
    delivery: &NewDelivery<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO deliveries
           (id, channel, slot, request, version, event, state, attempts, next_at, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'waiting', 0, ?7, ?7)
         ON CONFLICT (channel, slot) DO UPDATE SET
           version = excluded.version, event = excluded.event, state = 'waiting',
           attempts = 0, next_at = excluded.next_at, done_at = NULL
         WHERE deliveries.version < excluded.version",
    )
    .bind(delivery.id)
    .bind(delivery.channel)
    .bind(delivery.slot)
    .bind(delivery.request.to_string())
    .bind(integer(delivery.version))
    .bind(delivery.event)
    .bind(now.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the next delivery that is due for a channel, so that nobody else does
/// before `until`.
pub(crate) async fn take(
    connection: &mut Connection,
    channel: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Taken>, StoreError> {
    let row = query(
        "UPDATE deliveries SET state = 'sending', attempts = attempts + 1, next_at = ?3
         WHERE id = (SELECT id FROM deliveries
                     WHERE channel = ?1 AND state = 'waiting' AND next_at <= ?2
                     ORDER BY next_at, id LIMIT 1)
         RETURNING id, request, version, event, attempts",
    )
    .bind(channel)
    .bind(now.as_millisecond())
    .bind(until.as_millisecond())
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Taken {
            id: get(&row, "id")?,
            request: request(&row)?,
            version: count(&row, "version")?,
            event: get(&row, "event")?,
            attempts: attempts(&row)?,
        })
    })
    .transpose()
}

/// Writes down what came of it, unless a newer one took its place meanwhile, or
/// somebody else took it since.
pub(crate) async fn settle(
    connection: &mut Connection,
    taken: &Taken,
    tried: &Tried<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let is_done = matches!(tried.state, DeliveryState::Delivered | DeliveryState::Dead);
    query(
        "UPDATE deliveries SET state = ?1, next_at = ?2, answer = ?3, done_at = ?4
         WHERE id = ?5 AND version = ?6 AND state = 'sending' AND attempts = ?7",
    )
    .bind(tried.state.as_str())
    .bind(tried.next_at.as_millisecond())
    .bind(tried.answer)
    .bind(is_done.then(|| now.as_millisecond()))
    .bind(&taken.id)
    .bind(integer(taken.version))
    .bind(i64::from(taken.attempts))
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts back what was on its way when a server stopped: all of it, or what its
/// server has had for longer than it could take.
pub(crate) async fn put_back(
    connection: &mut Connection,
    overdue_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    query(
        "UPDATE deliveries SET state = 'waiting'
         WHERE state = 'sending' AND (?1 IS NULL OR next_at <= ?1)",
    )
    .bind(overdue_at.map(Timestamp::as_millisecond))
    .execute(connection)
    .await?;
    Ok(())
}

/// Tells whether a server has had a delivery for longer than it could take.
pub(crate) async fn is_any_overdue(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let row = query(
        "SELECT EXISTS (SELECT 1 FROM deliveries
         WHERE state = 'sending' AND next_at <= ?) AS overdue",
    )
    .bind(now.as_millisecond())
    .fetch_one(connection)
    .await?;
    get(&row, "overdue")
}

/// Returns when the next delivery of a channel is due.
pub(crate) async fn next_due(
    connection: &mut Connection,
    channel: &str,
) -> Result<Option<Timestamp>, StoreError> {
    let row = query(
        "SELECT min(next_at) AS next_at FROM deliveries WHERE channel = ? AND state = 'waiting'",
    )
    .bind(channel)
    .fetch_one(connection)
    .await?;
    time_if_any(&row, "next_at")
}

/// Returns the id of the first delivery about a request to a channel that tells each thing by itself,
/// of those that are still known.
pub(crate) async fn first_of(
    connection: &mut Connection,
    channel: &str,
    request: RequestId,
) -> Result<Option<String>, StoreError> {
    // Their slots begin with the request and `/`, behind which `0` comes next.
    let row = query(
        "SELECT min(id) AS id FROM deliveries WHERE channel = ?1 AND slot >= ?2 AND slot < ?3",
    )
    .bind(channel)
    .bind(format!("{request}/"))
    .bind(format!("{request}0"))
    .fetch_one(connection)
    .await?;
    get(&row, "id")
}

/// Stores a delivery that is over already: a test's.
pub(crate) async fn insert_test(
    connection: &mut Connection,
    id: &str,
    channel: &str,
    tried: &Tried<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO deliveries
           (id, channel, slot, version, event, state, attempts, next_at, created_at, done_at, answer)
         VALUES (?1, ?2, ?1, 0, 'test', ?3, 1, ?4, ?4, ?4, ?5)",
    )
    .bind(id)
    .bind(channel)
    .bind(tried.state.as_str())
    .bind(now.as_millisecond())
    .bind(tried.answer)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns a page of deliveries, newest first.
pub(crate) async fn list(
    connection: &mut Connection,
    wanted: &Wanted<'_>,
) -> Result<Vec<DeliveryEntry>, StoreError> {
    let rows = query(
        "SELECT * FROM deliveries
         WHERE channel = ?1 AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR id < ?3)
         ORDER BY id DESC LIMIT ?4",
    )
    .bind(wanted.channel)
    .bind(wanted.state.map(DeliveryState::as_str))
    .bind(wanted.before)
    .bind(integer(wanted.limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(entry).collect()
}

/// Returns the delivery of this id.
pub(crate) async fn find(
    connection: &mut Connection,
    id: &str,
) -> Result<Option<DeliveryEntry>, StoreError> {
    let row = query("SELECT * FROM deliveries WHERE id = ?")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(entry).transpose()
}

/// Lets a delivery that was given up be tried again; false where it was not.
pub(crate) async fn revive(
    connection: &mut Connection,
    id: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done = query(
        "UPDATE deliveries SET state = 'waiting', attempts = 0, next_at = ?, done_at = NULL
         WHERE id = ? AND state = 'dead' AND request IS NOT NULL",
    )
    .bind(now.as_millisecond())
    .bind(id)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets what was delivered or given up in a slot be tried once more.
pub(crate) async fn take_up_again(
    connection: &mut Connection,
    channel: &str,
    slot: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "UPDATE deliveries SET state = 'waiting', attempts = 0, next_at = ?, done_at = NULL
         WHERE channel = ? AND slot = ? AND state IN ('delivered', 'dead')",
    )
    .bind(now.as_millisecond())
    .bind(channel)
    .bind(slot)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns how many deliveries of a channel wait and how many were given up.
pub(crate) async fn counts(
    connection: &mut Connection,
    channel: &str,
) -> Result<(u64, u64), StoreError> {
    let row = query(
        "SELECT count(*) FILTER (WHERE state IN ('waiting', 'sending')) AS waiting,
                count(*) FILTER (WHERE state = 'dead' AND request IS NOT NULL) AS dead
         FROM deliveries WHERE channel = ?",
    )
    .bind(channel)
    .fetch_one(connection)
    .await?;
    Ok((count(&row, "waiting")?, count(&row, "dead")?))
}

/// Forgets what ended before `before`.
pub(crate) async fn forget(
    connection: &mut Connection,
    before: Timestamp,
) -> Result<(), StoreError> {
    query(
        "DELETE FROM deliveries WHERE state IN ('delivered', 'dead') AND created_at < ?1
         AND done_at < ?1",
    )
    .bind(before.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}
