//! Requests, their reviews and their idempotency keys.

use gate_protocol::canonical::Digest;
use gate_protocol::event::RunOutcome;
use gate_protocol::id::RequestId;
use gate_protocol::invocation::BoundInvocation;
use gate_protocol::request::{ApprovalStatus, Circumstances, Particulars, Requester, Terms};
use gate_protocol::review::Review;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::columns::{count, get, integer, json, name, parse, text, time, time_if_any};
use super::sql::{Row, query};
use super::{Connection, StoreError};
use crate::clock;
use crate::lifecycle::{Answered, Claimed, RequestState};

/// A request as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) id: RequestId,
    pub(crate) version: u64,
    pub(crate) invocation: BoundInvocation,
    pub(crate) circumstances: Circumstances,
    pub(crate) terms: Terms,
    pub(crate) reason: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) outcome: Option<RunOutcome>,
    /// The answer to the claim, byte for byte.
    pub(crate) claim_answer: Option<String>,
    /// The token that it came with, where it came with one.
    pub(crate) token: Option<String>,
    /// What is out of the ordinary about it.
    pub(crate) particulars: Particulars,
    pub(crate) state: RequestState,
}

/// Which requests are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    /// Only those of this principal.
    pub(crate) requester: Option<String>,
    /// Only those in this status.
    pub(crate) status: Option<ApprovalStatus>,
    /// Only those for this digest.
    pub(crate) digest: Option<Digest>,
    /// Only those older than this one.
    pub(crate) before: Option<RequestId>,
    /// The most of one page.
    pub(crate) limit: u64,
    /// A page ends once what is stored of its requests has this many bytes; the
    /// first always fits, so a reader gets on.
    pub(crate) limit_bytes: u64,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) requests: Vec<Request>,
    /// Whether there are older ones.
    pub(crate) has_more: bool,
}

fn request(row: &Row, reviews: Vec<Answered>) -> Result<Request, StoreError> {
    let invocation: BoundInvocation = json(row, "invocation")?;
    let terms: Terms = json(row, "terms")?;
    let outcome: Option<RunOutcome> = optional_json(row, "outcome")?;
    let particulars: Particulars = optional_json(row, "particulars")?.unwrap_or_default();
    let created_at = time(row, "created_at")?;
    let nonce: Option<&str> = get(row, "claim_nonce")?;
    let claim = match (nonce, time_if_any(row, "claim_not_after")?) {
        (Some(_), Some(not_after)) => Some(Claimed {
            nonce: parse(row, "claim_nonce")?,
            not_after,
        }),
        _ => None,
    };
    Ok(Request {
        id: parse(row, "id")?,
        version: count(row, "version")?,
        circumstances: json(row, "circumstances")?,
        reason: get(row, "reason")?,
        created_at,
        claim_answer: get(row, "claim_answer")?,
        token: get(row, "token")?,
        state: RequestState {
            status: name(row, "status")?,
            requester: Requester {
                name: get(row, "requester")?,
                kind: name(row, "requester_kind")?,
                owner: get(row, "requester_owner")?,
                person: get(row, "requester_person")?,
            },
            digest: parse(row, "digest")?,
            runner_key: invocation.runner_key,
            requirements: terms.requirements.clone(),
            permit_ttl_seconds: terms.permit_ttl_seconds,
            reviews,
            created_at,
            answer_by: clock::after(created_at, terms.request_ttl_seconds),
            is_observed: particulars.observed,
            expires_at: time(row, "expires_at")?,
            deadline_at: time_if_any(row, "deadline_at")?,
            claim,
            has_outcome: outcome.is_some(),
        },
        invocation,
        terms,
        outcome,
        particulars,
    })
}

fn optional_json<T: DeserializeOwned>(
    row: &Row,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    match get::<Option<&str>>(row, column)? {
        Some(_) => json(row, column).map(Some),
        None => Ok(None),
    }
}

async fn reviews(connection: &mut Connection, id: &str) -> Result<Vec<Answered>, StoreError> {
    let rows = query(
        "SELECT reviewer, answer, comment, at, channel, groups, void, token,
           coalesce(person, reviewer) AS person FROM reviews
         WHERE request = ? ORDER BY at, reviewer",
    )
    .bind(id)
    .fetch_all(connection)
    .await?;
    let answered = |row: &Row| {
        Ok(Answered {
            review: Review {
                reviewer: get(row, "reviewer")?,
                answer: name(row, "answer")?,
                comment: get(row, "comment")?,
                at: time(row, "at")?,
                channel: get(row, "channel")?,
                void: get(row, "void")?,
            },
            person: get(row, "person")?,
            groups: json(row, "groups")?,
            token: get(row, "token")?,
        })
    };
    rows.iter().map(answered).collect()
}

async fn with_reviews(connection: &mut Connection, row: &Row) -> Result<Request, StoreError> {
    let answered = reviews(connection, get(row, "id")?).await?;
    request(row, answered)
}

/// Returns the request of this id.
pub(crate) async fn find(
    connection: &mut Connection,
    id: RequestId,
) -> Result<Option<Request>, StoreError> {
    let row = query("SELECT * FROM requests_asked WHERE id = ?")
        .bind(id.to_string())
        .fetch_optional(&mut *connection)
        .await?;
    match row {
        Some(row) => with_reviews(connection, &row).await.map(Some),
        None => Ok(None),
    }
}

/// The little of a request that tells whether it is worth reading.
#[derive(Clone, Debug)]
pub(crate) struct Glance {
    pub(crate) requester: String,
    pub(crate) version: u64,
    pub(crate) status: ApprovalStatus,
}

/// Returns the little of a request that a waiter needs.
pub(crate) async fn glance(
    connection: &mut Connection,
    id: RequestId,
) -> Result<Option<Glance>, StoreError> {
    let row = query("SELECT requester, version, status FROM requests WHERE id = ?")
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(Glance {
            requester: get(&row, "requester")?,
            version: count(&row, "version")?,
            status: name(&row, "status")?,
        })
    })
    .transpose()
}

/// Returns the requests of a principal for one digest that may still stand for
/// another one like it, newest first: the open ones, and those that were denied,
/// since a denial is given again for a while.
pub(crate) async fn standing_for(
    connection: &mut Connection,
    requester: &str,
    digest: Digest,
) -> Result<Vec<Request>, StoreError> {
    let rows = query(
        "SELECT * FROM requests_asked WHERE requester = ? AND digest = ?
         AND status IN ('pending', 'approved', 'denied') ORDER BY id DESC LIMIT 100",
    )
    .bind(requester)
    .bind(digest.to_string())
    .fetch_all(&mut *connection)
    .await?;
    let mut requests = Vec::with_capacity(rows.len());
    for row in rows {
        requests.push(with_reviews(connection, &row).await?);
    }
    Ok(requests)
}

/// Returns how many requests of a principal are open at `now`.
pub(crate) async fn count_open(
    connection: &mut Connection,
    requester: &str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let row = query(
        "SELECT count(*) AS open FROM requests WHERE requester = ?
         AND status IN ('pending', 'approved') AND deadline_at > ?",
    )
    .bind(requester)
    .bind(now.as_millisecond())
    .fetch_one(connection)
    .await?;
    count(&row, "open")
}

/// Returns how many requests of everybody are open at `now`.
pub(crate) async fn count_all_open(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let row = query(
        "SELECT count(*) AS open FROM requests
         WHERE status IN ('pending', 'approved') AND deadline_at > ?",
    )
    .bind(now.as_millisecond())
    .fetch_one(connection)
    .await?;
    count(&row, "open")
}

/// Returns when a request for this digest was last denied, whoever asked.
pub(crate) async fn last_denial(
    connection: &mut Connection,
    digest: Digest,
) -> Result<Option<Timestamp>, StoreError> {
    let row = query(
        "SELECT max(reviews.at) AS at FROM requests JOIN reviews ON reviews.request = requests.id
         WHERE requests.digest = ? AND requests.status = 'denied' AND reviews.answer = 'deny'",
    )
    .bind(digest.to_string())
    .fetch_one(connection)
    .await?;
    time_if_any(&row, "at")
}

/// Returns the open requests that this account has approved.
pub(crate) async fn approved_by(
    connection: &mut Connection,
    reviewer: &str,
) -> Result<Vec<RequestId>, StoreError> {
    let rows = query(
        "SELECT requests.id FROM reviews JOIN requests ON requests.id = reviews.request
         WHERE reviews.reviewer = ? AND reviews.answer = 'approve' AND reviews.void IS NULL
           AND requests.status IN ('pending', 'approved')",
    )
    .bind(reviewer)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| parse(row, "id")).collect()
}

/// Returns a page of requests, newest first. Of what does not fit only the sizes are read.
pub(crate) async fn list(
    connection: &mut Connection,
    selection: &Selection,
) -> Result<Listed, StoreError> {
    let rows = query(
        "WITH sizes AS (
           SELECT id, octet_length(invocation) + octet_length(circumstances)
             + octet_length(terms) + coalesce(octet_length(reason), 0) AS bytes
           FROM requests
           WHERE (?1 IS NULL OR requester = ?1) AND (?2 IS NULL OR status = ?2)
             AND (?3 IS NULL OR id < ?3) AND (?4 IS NULL OR digest = ?4)
           ORDER BY id DESC LIMIT ?5 + 1),
         places AS (
           SELECT id, row_number() OVER newest AS place, sum(bytes) OVER newest - bytes AS before
           FROM sizes WINDOW newest AS (ORDER BY id DESC ROWS UNBOUNDED PRECEDING))
         SELECT asked.*, (SELECT count(*) FROM sizes) AS found
         FROM places JOIN requests_asked asked ON asked.id = places.id
         WHERE place <= ?5 AND before < ?6 ORDER BY asked.id DESC",
    )
    .bind(&selection.requester)
    .bind(selection.status.map(ApprovalStatus::as_str))
    .bind(selection.before.map(|id| id.to_string()))
    .bind(selection.digest.map(|digest| digest.to_string()))
    .bind(integer(selection.limit))
    .bind(integer(selection.limit_bytes))
    .fetch_all(&mut *connection)
    .await?;
    let found = match rows.first() {
        Some(row) => count(row, "found")?,
        None => 0,
    };
    let mut requests = Vec::with_capacity(rows.len());
    for row in rows {
        requests.push(with_reviews(connection, &row).await?);
    }
    Ok(Listed {
        has_more: found > requests.len() as u64,
        requests,
    })
}

/// Returns the ids whose deadline is at or before `now`, the oldest first.
pub(crate) async fn due(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<Vec<RequestId>, StoreError> {
    let rows =
        query("SELECT id FROM requests WHERE deadline_at <= ? ORDER BY deadline_at LIMIT 100")
            .bind(now.as_millisecond())
            .fetch_all(connection)
            .await?;
    rows.iter().map(|row| parse(row, "id")).collect()
}

/// Returns the next deadline of all.
pub(crate) async fn next_deadline(
    connection: &mut Connection,
) -> Result<Option<Timestamp>, StoreError> {
    let row = query("SELECT min(deadline_at) AS deadline FROM requests")
        .fetch_one(connection)
        .await?;
    time_if_any(&row, "deadline")
}

/// Stores a new request.
pub(crate) async fn insert(
    connection: &mut Connection,
    request: &Request,
) -> Result<(), StoreError> {
    let state = &request.state;
    query(
        "INSERT INTO requests (id, status, version, requester, requester_kind, requester_owner,
           digest, invocation, circumstances, terms, reason, created_at, expires_at, deadline_at,
           token, particulars)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(request.id.to_string())
    .bind(state.status.as_str())
    .bind(integer(request.version))
    .bind(&state.requester.name)
    .bind(state.requester.kind.as_str())
    .bind(&state.requester.owner)
    .bind(state.digest.to_string())
    .bind(text(&request.invocation, "invocation")?)
    .bind(text(&request.circumstances, "circumstances")?)
    .bind(text(&request.terms, "terms")?)
    .bind(&request.reason)
    .bind(request.created_at.as_millisecond())
    .bind(state.expires_at.as_millisecond())
    .bind(state.deadline_at.map(Timestamp::as_millisecond))
    .bind(&request.token)
    .bind(particulars(request)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what is out of the ordinary; nothing for most.
fn particulars(request: &Request) -> Result<Option<String>, StoreError> {
    if request.particulars.is_ordinary() {
        return Ok(None);
    }
    text(&request.particulars, "particulars").map(Some)
}

/// Writes what is out of the ordinary of a request that was just stored.
pub(crate) async fn put_particulars(
    connection: &mut Connection,
    request: &Request,
) -> Result<(), StoreError> {
    query("UPDATE requests SET particulars = ? WHERE id = ?")
        .bind(particulars(request)?)
        .bind(request.id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Replaces what can change of a request, if it is still at the version and in
/// the status that it was read in: the one compare-and-swap. False where it is not.
pub(crate) async fn swap(
    connection: &mut Connection,
    before: &Request,
    after: &Request,
) -> Result<bool, StoreError> {
    let state = &after.state;
    let outcome = match &after.outcome {
        Some(outcome) => Some(text(outcome, "outcome")?),
        None => None,
    };
    let done = query(
        "UPDATE requests SET status = ?, version = ?, expires_at = ?, deadline_at = ?,
           claim_nonce = ?, claim_not_after = ?, claim_answer = ?, outcome = ?,
           particulars = ?, standing_grant = ?
         WHERE id = ? AND version = ? AND status = ? AND digest = ?",
    )
    .bind(state.status.as_str())
    .bind(integer(after.version))
    .bind(state.expires_at.as_millisecond())
    .bind(state.deadline_at.map(Timestamp::as_millisecond))
    .bind(state.claim.map(|claim| claim.nonce.to_string()))
    .bind(state.claim.map(|claim| claim.not_after.as_millisecond()))
    .bind(&after.claim_answer)
    .bind(outcome)
    .bind(particulars(after)?)
    .bind(
        after
            .particulars
            .standing_grant
            .as_ref()
            .map(|used| used.id.to_string()),
    )
    .bind(before.id.to_string())
    .bind(integer(before.version))
    .bind(before.state.status.as_str())
    .bind(before.state.digest.to_string())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores one person's answer in place of the one before, by
/// whichever account; the log keeps both.
pub(crate) async fn put_review(
    connection: &mut Connection,
    id: RequestId,
    answered: &Answered,
) -> Result<(), StoreError> {
    let review = &answered.review;
    query(
        "DELETE FROM reviews WHERE request = ?
         AND reviewer IN (SELECT name FROM principals WHERE person = ?)",
    )
    .bind(id.to_string())
    .bind(&answered.person)
    .execute(&mut *connection)
    .await?;
    query(
        "INSERT INTO reviews (request, reviewer, answer, comment, at, channel, groups, person, void,
           token)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (request, reviewer) DO UPDATE SET answer = excluded.answer,
           comment = excluded.comment, at = excluded.at, channel = excluded.channel,
           groups = excluded.groups, person = excluded.person, void = excluded.void,
           token = excluded.token",
    )
    .bind(id.to_string())
    .bind(&review.reviewer)
    .bind(review.answer.as_str())
    .bind(&review.comment)
    .bind(review.at.as_millisecond())
    .bind(&review.channel)
    .bind(text(&answered.groups, "groups")?)
    .bind(&answered.person)
    .bind(&review.void)
    .bind(&answered.token)
    .execute(connection)
    .await?;
    Ok(())
}
