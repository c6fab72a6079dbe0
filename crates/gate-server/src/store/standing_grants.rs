//! Standing grants and who confirmed them.

use std::collections::BTreeMap;

use gate_protocol::id::{RequestId, StandingGrantId};
use gate_protocol::request::Requirement;
use gate_protocol::review::{Answer, Review};
use gate_protocol::standing_grant::StandingGrantStatus;
use jiff::Timestamp;

use super::columns::{count, get, integer, json, parse, text, time, time_if_any};
use super::sql::{Row, query};
use super::{Connection, StoreError};
use crate::lifecycle::Answered;

/// A standing grant as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) id: StandingGrantId,
    pub(crate) rule: String,
    pub(crate) target: BTreeMap<String, String>,
    pub(crate) principal: String,
    pub(crate) uses: u32,
    pub(crate) used: u32,
    pub(crate) ttl_seconds: u64,
    pub(crate) reason: String,
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) proposed_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    pub(crate) confirmed_at: Option<Timestamp>,
    pub(crate) revoked_by: Option<String>,
    /// Who confirmed it, the one who proposed it first.
    pub(crate) confirmations: Vec<Answered>,
}

impl Stored {
    /// Returns where it stands at `now`.
    pub(crate) fn status(&self, now: Timestamp) -> StandingGrantStatus {
        if self.revoked_by.is_some() {
            StandingGrantStatus::Revoked
        } else if now >= self.ends_at {
            StandingGrantStatus::Ended
        } else if self.confirmed_at.is_none() {
            StandingGrantStatus::Proposed
        } else if self.used >= self.uses {
            StandingGrantStatus::UsedUp
        } else {
            StandingGrantStatus::Active
        }
    }
}

fn small(row: &Row, column: &'static str) -> Result<u32, StoreError> {
    u32::try_from(count(row, column)?).map_err(|_| StoreError::Unreadable { what: column })
}

async fn stored(connection: &mut Connection, row: &Row) -> Result<Stored, StoreError> {
    let id: &str = get(row, "id")?;
    let confirmed = query(
        "SELECT reviewer, person, groups, at, channel, token FROM standing_grant_confirmations
         WHERE standing_grant = ? ORDER BY at, reviewer",
    )
    .bind(id)
    .fetch_all(connection)
    .await?;
    let answered = |row: &Row| {
        Ok(Answered {
            review: Review {
                reviewer: get(row, "reviewer")?,
                answer: Answer::Approve,
                comment: None,
                at: time(row, "at")?,
                channel: get(row, "channel")?,
                void: None,
            },
            person: get(row, "person")?,
            groups: json(row, "groups")?,
            token: get(row, "token")?,
        })
    };
    let confirmations: Result<Vec<Answered>, StoreError> = confirmed.iter().map(answered).collect();
    Ok(Stored {
        id: parse(row, "id")?,
        rule: get(row, "rule")?,
        target: json(row, "target")?,
        principal: get(row, "principal")?,
        uses: small(row, "uses")?,
        used: small(row, "used")?,
        ttl_seconds: count(row, "ttl_seconds")?,
        reason: get(row, "reason")?,
        requirements: json(row, "requirements")?,
        proposed_at: time(row, "proposed_at")?,
        ends_at: time(row, "ends_at")?,
        confirmed_at: time_if_any(row, "confirmed_at")?,
        revoked_by: get(row, "revoked_by")?,
        confirmations: confirmations?,
    })
}

async fn all_of(connection: &mut Connection, rows: &[Row]) -> Result<Vec<Stored>, StoreError> {
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.push(stored(connection, row).await?);
    }
    Ok(found)
}

/// Returns the standing grant of this id.
pub(crate) async fn find(
    connection: &mut Connection,
    id: StandingGrantId,
) -> Result<Option<Stored>, StoreError> {
    let row = query("SELECT * FROM standing_grants WHERE id = ?")
        .bind(id.to_string())
        .fetch_optional(&mut *connection)
        .await?;
    match row {
        Some(row) => stored(connection, &row).await.map(Some),
        None => Ok(None),
    }
}

/// Returns so many, newest first, older than `before`: with a principal, those that
/// are about it.
pub(crate) async fn list(
    connection: &mut Connection,
    principal: Option<&str>,
    before: Option<&str>,
    limit: u64,
) -> Result<Vec<Stored>, StoreError> {
    let rows = query(
        "SELECT * FROM standing_grants WHERE (?1 IS NULL OR principal = ?1)
           AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
    )
    .bind(principal)
    .bind(before)
    .bind(integer(limit))
    .fetch_all(&mut *connection)
    .await?;
    all_of(connection, &rows).await
}

/// Returns those of a principal under a rule that can approve at `now`, the
/// one that ends first before the others.
pub(crate) async fn in_force(
    connection: &mut Connection,
    principal: &str,
    rule: &str,
    now: Timestamp,
) -> Result<Vec<Stored>, StoreError> {
    let rows = query(
        "SELECT * FROM standing_grants WHERE principal = ? AND rule = ?
         AND confirmed_at IS NOT NULL AND revoked_at IS NULL AND used < uses AND ends_at > ?
         ORDER BY ends_at, id LIMIT 100",
    )
    .bind(principal)
    .bind(rule)
    .bind(now.as_millisecond())
    .fetch_all(&mut *connection)
    .await?;
    all_of(connection, &rows).await
}

/// Returns how many proposals of others for a principal wait, or are in force.
pub(crate) async fn count_open(
    connection: &mut Connection,
    principal: &str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let row = query(
        "SELECT count(*) AS open FROM standing_grants
         WHERE principal = ? AND revoked_at IS NULL AND ends_at > ?",
    )
    .bind(principal)
    .bind(now.as_millisecond())
    .fetch_one(connection)
    .await?;
    count(&row, "open")
}

/// Stores a new one.
pub(crate) async fn insert(connection: &mut Connection, new: &Stored) -> Result<(), StoreError> {
    query(
        "INSERT INTO standing_grants (id, rule, target, principal, uses, used, ttl_seconds,
           reason, requirements, proposed_at, ends_at)
         VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)",
    )
    .bind(new.id.to_string())
    .bind(&new.rule)
    .bind(text(&new.target, "target")?)
    .bind(&new.principal)
    .bind(i64::from(new.uses))
    .bind(integer(new.ttl_seconds))
    .bind(&new.reason)
    .bind(text(&new.requirements, "requirements")?)
    .bind(new.proposed_at.as_millisecond())
    .bind(new.ends_at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores one person's confirmation.
pub(crate) async fn confirm(
    connection: &mut Connection,
    id: StandingGrantId,
    answered: &Answered,
) -> Result<(), StoreError> {
    let review = &answered.review;
    query(
        "INSERT INTO standing_grant_confirmations
           (standing_grant, reviewer, person, groups, at, channel, token)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING",
    )
    .bind(id.to_string())
    .bind(&review.reviewer)
    .bind(&answered.person)
    .bind(text(&answered.groups, "groups")?)
    .bind(review.at.as_millisecond())
    .bind(&review.channel)
    .bind(&answered.token)
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts it in force until `ends_at`.
pub(crate) async fn activate(
    connection: &mut Connection,
    id: StandingGrantId,
    now: Timestamp,
    ends_at: Timestamp,
) -> Result<(), StoreError> {
    query("UPDATE standing_grants SET confirmed_at = ?, ends_at = ? WHERE id = ?")
        .bind(now.as_millisecond())
        .bind(ends_at.as_millisecond())
        .bind(id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Counts one use, if there is one left; returns which it is.
pub(crate) async fn take_use(
    connection: &mut Connection,
    id: StandingGrantId,
    now: Timestamp,
) -> Result<Option<u32>, StoreError> {
    let row = query(
        "UPDATE standing_grants SET used = used + 1 WHERE id = ? AND used < uses
         AND confirmed_at IS NOT NULL AND revoked_at IS NULL AND ends_at > ? RETURNING used",
    )
    .bind(id.to_string())
    .bind(now.as_millisecond())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(|row| small(row, "used")).transpose()
}

/// Takes it back; false where that was done before.
pub(crate) async fn revoke(
    connection: &mut Connection,
    id: StandingGrantId,
    by: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done = query(
        "UPDATE standing_grants SET revoked_at = ?, revoked_by = ?
         WHERE id = ? AND revoked_at IS NULL",
    )
    .bind(now.as_millisecond())
    .bind(by)
    .bind(id.to_string())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns the requests that it approved and that nobody has claimed.
pub(crate) async fn unclaimed(
    connection: &mut Connection,
    id: StandingGrantId,
) -> Result<Vec<RequestId>, StoreError> {
    let rows = query("SELECT id FROM requests WHERE standing_grant = ? AND status = 'approved'")
        .bind(id.to_string())
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| parse(row, "id")).collect()
}

/// Returns those that are for an account, or that it confirmed, and that nobody revoked.
pub(crate) async fn of_account(
    connection: &mut Connection,
    name: &str,
) -> Result<Vec<StandingGrantId>, StoreError> {
    let rows = query(
        "SELECT id FROM standing_grants WHERE revoked_at IS NULL AND (principal = ?1 OR id IN
           (SELECT standing_grant FROM standing_grant_confirmations WHERE reviewer = ?1))",
    )
    .bind(name)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| parse(row, "id")).collect()
}

/// Returns those that were confirmed with a token, and that nobody revoked.
pub(crate) async fn confirmed_with(
    connection: &mut Connection,
    token: &str,
) -> Result<Vec<StandingGrantId>, StoreError> {
    let rows = query(
        "SELECT id FROM standing_grants WHERE revoked_at IS NULL AND id IN
           (SELECT standing_grant FROM standing_grant_confirmations WHERE token = ?)",
    )
    .bind(token)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| parse(row, "id")).collect()
}
