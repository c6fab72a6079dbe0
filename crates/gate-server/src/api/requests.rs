//! `/v1/requests`: ask, look, wait, review, cancel, claim.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use gate_protocol::canonical::Digest;
use gate_protocol::claim::{ClaimRequest, SignedGrant};
use gate_protocol::id::RequestId;
use gate_protocol::page::Cursor;
use gate_protocol::principal::Role;
use gate_protocol::problem::{Problem, ProblemCode};
use gate_protocol::request::{ApprovalRequest, ApprovalStatus, RequestPage, SubmitRequest};
use gate_protocol::review::SubmitReview;
use serde::Deserialize;

use super::extract::{Json, Name, Query, Reply, json_bytes, parse_parameter};
use super::paging::paging;
use super::tag::Known;
use crate::history::AsOf;
use crate::identity::{AnyRole, Caller, Requester};
use crate::problem::Failure;
use crate::service::{Channel, Listing, Submitted, Wait, etag};
use crate::state::Server;
use crate::store::search::Wanted;

/// Asks for approval.
///
/// 201 where a person is asked, 200 where the same caller asks for the same
/// already: pending, or approved and not claimed. A retry with the same key is
/// answered as the first time, with the request as it is now.
#[utoipa::path(post, path = "/v1/requests", tag = "requests", request_body = SubmitRequest,
    params(("Idempotency-Key" = String, Header, pattern = "^[!-~]{1,200}$", description = "The same key asks once")),
    responses((status = 201, body = ApprovalRequest), (status = 200, body = ApprovalRequest),
        (status = 400, body = Problem), (status = 409, body = Problem),
        (status = 429, body = Problem)))]
pub(super) async fn submit(
    State(server): State<Server>,
    caller: Caller<Requester>,
    headers: HeaderMap,
    Json(submission): Json<SubmitRequest>,
) -> Result<Reply<ApprovalRequest>, Failure> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let (Some(Ok(key)), None) = (keys.next().map(|key| key.to_str()), keys.next()) else {
        return Err(Failure::bad_request(
            "give one `Idempotency-Key`, so that a retry does not ask twice",
        ));
    };
    let tool = &submission.invocation.tool.name;
    if !caller.actor.may_ask_for(tool) {
        let tools = caller.actor.tools.join(", ");
        let detail = format!(
            "this token may be used to ask for {tools}, and not for `{}`",
            gate_protocol::inert::inert(tool)
        );
        return Err(Failure::new(ProblemCode::Forbidden, detail));
    }
    match server.submit(&caller.actor, key, submission).await? {
        Submitted::Created(request) => Ok(Reply(StatusCode::CREATED, request)),
        Submitted::Existing(request) => Ok(Reply(StatusCode::OK, request)),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    status: Option<ApprovalStatus>,
    digest: Option<String>,
    waits_for_me: Option<bool>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    effect: String,
    #[serde(default)]
    principal: String,
    #[serde(default)]
    tool: String,
    #[serde(default)]
    target: String,
    from: Option<String>,
    to: Option<String>,
    cursor: Option<Cursor>,
    limit: Option<u64>,
}

impl ListQuery {
    fn listing(self) -> Result<Listing, Failure> {
        let wanted = Wanted {
            status: self.status,
            digest: parse_parameter("digest", self.digest.as_deref())?,
            principal: self.principal.trim().to_owned(),
            tool: self.tool.trim().to_owned(),
            effect: self.effect,
            target: self.target.trim().to_owned(),
            text: self.text,
            from: parse_parameter("from", self.from.as_deref())?,
            to: parse_parameter("to", self.to.as_deref())?,
            ..Wanted::default()
        };
        wanted.refuse_long().map_err(Failure::bad_request)?;
        Ok(Listing {
            wanted,
            waits_for_me: self.waits_for_me.unwrap_or(false),
        })
    }
}

/// Lists requests, newest first: a requester's own, everything for the others.
///
/// With `waits_for_me` only those in which a yes of whoever asks would count now, as the page's
/// inbox has them. A page of these can be short, or of nothing, and go on: by `next` alone one
/// sees the end. A search reads every request, and one is done at a time.
#[utoipa::path(get, path = "/v1/requests", tag = "requests",
    params(("status" = Option<ApprovalStatus>, Query, description = "Only those in this status"),
        ("digest" = Option<Digest>, Query, description = "Only those for this digest"),
        ("waits_for_me" = Option<bool>, Query,
            description = "Only those that wait for an answer of whoever asks; they are pending"),
        ("text" = Option<String>, Query, max_length = 400,
            description = "At most 8 words, each of which stands in the command, the reason, the requester's name or the id"),
        ("effect" = Option<String>, Query, description = "Only those of this effect"),
        ("principal" = Option<String>, Query, max_length = 400,
            description = "Only what this principal asked, or an agent or workload of theirs"),
        ("tool" = Option<String>, Query, max_length = 400, description = "Only those of this tool"),
        ("target" = Option<String>, Query, max_length = 400,
            description = "Only those with this in a value of the target"),
        ("from" = Option<String>, Query, format = DateTime,
            description = "Only those that were asked at this time or later"),
        ("to" = Option<String>, Query, format = DateTime,
            description = "Only those that were asked before this time"),
        ("cursor" = Option<Cursor>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 100,
            description = "The most things of the page; 50 without")),
    responses((status = 200, body = RequestPage), (status = 400, body = Problem),
        (status = 503, body = Problem)))]
pub(super) async fn list(
    State(server): State<Server>,
    caller: Caller<AnyRole>,
    Query(query): Query<ListQuery>,
) -> Result<(Option<AsOf>, Reply<RequestPage>), Failure> {
    let paging = paging("requests", query.cursor.as_ref(), query.limit)?;
    let listing = query.listing()?;
    let (page, as_of) = server.list(&caller.actor, listing, &paging).await?;
    Ok((as_of, Reply(StatusCode::OK, page)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowQuery {
    wait: Option<u64>,
    after: Option<u64>,
}

/// Shows a request, at once or when it has changed.
///
/// With `wait` the answer comes when the version is above `after`, and with the
/// state of then when the wait is over.
#[utoipa::path(get, path = "/v1/requests/{id}", tag = "requests",
    params(("id" = RequestId, Path, description = "The request"),
        ("wait" = Option<u64>, Query, description = "Seconds, at most 60"),
        ("after" = Option<u64>, Query, description = "The version that is known"),
        ("If-None-Match" = Option<String>, Header, description = "The tag that is known")),
    responses((status = 200, body = ApprovalRequest), (status = 304),
        (status = 404, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn show(
    State(server): State<Server>,
    caller: Caller<AnyRole>,
    Name(id): Name<RequestId>,
    Query(query): Query<ShowQuery>,
    known: Known,
) -> Result<Response, Failure> {
    let mut numbers = [query.wait, query.after].into_iter().flatten();
    if numbers.any(|number| i64::try_from(number).is_err()) {
        let detail = "`wait` is a number of seconds up to 60, and `after` the version of the request that was seen last";
        return Err(Failure::bad_request(detail));
    }
    let wait = Wait {
        at_most: Duration::from_secs(query.wait.unwrap_or(0)),
        after: query.after.unwrap_or(0),
    };
    let request = server.look(&caller, id, wait).await?;
    let body = serde_json::to_vec(&request).map_err(|error| Failure::internal(&error))?;
    // Weak, and by the version: how many seconds are left is in every answer, and
    // who may review comes and goes with time, and what is production with the settings.
    let beside = serde_json::to_vec(&(&request.may_review, &request.production));
    let beside = beside.map_err(|error| Failure::internal(&error))?;
    let tag = format!(
        "W/\"{}-{}",
        request.version,
        etag(&beside).trim_start_matches('"')
    );
    Ok(known.answer_as(&tag, body))
}

/// Answers a request as an approver.
#[utoipa::path(post, path = "/v1/requests/{id}/reviews", tag = "requests",
    request_body = SubmitReview,
    params(("id" = RequestId, Path, description = "The request")),
    responses((status = 200, body = ApprovalRequest), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn review(
    State(server): State<Server>,
    caller: Caller<AnyRole>,
    Name(id): Name<RequestId>,
    review: Result<Json<SubmitReview>, Failure>,
) -> Result<Reply<ApprovalRequest>, Failure> {
    // Another role is refused on the record, so it is not for the extractor to say.
    if caller.actor.role != Role::Approver {
        let channel = Channel::Api;
        return server.refuse_role(&caller.actor, id, channel).await;
    }
    let Json(review) = review?;
    let request = server
        .review(&caller.actor, id, review, Channel::Api)
        .await?;
    Ok(Reply(StatusCode::OK, request))
}

/// Takes a request back, as long as it is not claimed.
#[utoipa::path(post, path = "/v1/requests/{id}/cancel", tag = "requests",
    params(("id" = RequestId, Path, description = "The request")),
    responses((status = 200, body = ApprovalRequest), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn cancel(
    State(server): State<Server>,
    caller: Caller<Requester>,
    Name(id): Name<RequestId>,
) -> Result<Reply<ApprovalRequest>, Failure> {
    let request = server.cancel(&caller.actor, id).await?;
    Ok(Reply(StatusCode::OK, request))
}

/// Turns an approved request into a grant, once.
#[utoipa::path(post, path = "/v1/requests/{id}/claim", tag = "requests",
    request_body = ClaimRequest,
    params(("id" = RequestId, Path, description = "The request")),
    responses((status = 200, body = SignedGrant), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn claim(
    State(server): State<Server>,
    caller: Caller<Requester>,
    Name(id): Name<RequestId>,
    Json(claim): Json<ClaimRequest>,
) -> Result<Response, Failure> {
    let answer = server.claim(&caller.actor, id, claim).await?;
    Ok(json_bytes(StatusCode::OK, answer))
}
