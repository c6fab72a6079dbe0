//! What is to happen to a pending request by time alone, beside its end: it is
//! in a table, so that it happens after a restart too, and once.

use gate_protocol::id::RequestId;
use jiff::Timestamp;

use super::columns::{get, parse, time, time_if_any};
use super::sql::query;
use super::{Connection, StoreError};

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimerKind {
    /// A second group joins.
    Escalate,
    /// People are reminded.
    Remind,
}

impl TimerKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Escalate => "escalate",
            Self::Remind => "remind",
        }
    }
}

/// One thing that is to happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer {
    pub(crate) request: RequestId,
    pub(crate) kind: TimerKind,
    pub(crate) at: Timestamp,
}

/// Sets a timer; one that is set already stays.
pub(crate) async fn set(connection: &mut Connection, timer: Timer) -> Result<(), StoreError> {
    query("INSERT INTO request_timers (request, kind, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
        .bind(timer.request.to_string())
        .bind(timer.kind.as_str())
        .bind(timer.at.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes a timer away; false where it was not set any more.
pub(crate) async fn unset(connection: &mut Connection, timer: Timer) -> Result<bool, StoreError> {
    let done = query("DELETE FROM request_timers WHERE request = ? AND kind = ? AND at = ?")
        .bind(timer.request.to_string())
        .bind(timer.kind.as_str())
        .bind(timer.at.as_millisecond())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns what is due at `now`, the oldest first.
pub(crate) async fn due(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<Vec<Timer>, StoreError> {
    let rows =
        query("SELECT request, kind, at FROM request_timers WHERE at <= ? ORDER BY at LIMIT 100")
            .bind(now.as_millisecond())
            .fetch_all(connection)
            .await?;
    let timer = |row| {
        let kind = match get(row, "kind")? {
            "escalate" => TimerKind::Escalate,
            "remind" => TimerKind::Remind,
            _ => return Err(StoreError::Unreadable { what: "kind" }),
        };
        Ok(Timer {
            request: parse(row, "request")?,
            kind,
            at: time(row, "at")?,
        })
    };
    rows.iter().map(timer).collect()
}

/// Returns when the next is due.
pub(crate) async fn next(connection: &mut Connection) -> Result<Option<Timestamp>, StoreError> {
    let row = query("SELECT min(at) AS at FROM request_timers")
        .fetch_one(connection)
        .await?;
    time_if_any(&row, "at")
}
