//! `/v1/standing-grants` and `/v1/break-glass`: what is approved for a while, and
//! what was approved past the rules.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate_protocol::break_glass::{BreakGlassPage, ReviewBreakGlass};
use gate_protocol::id::{RequestId, StandingGrantId};
use gate_protocol::page::Cursor;
use gate_protocol::problem::Problem;
use gate_protocol::request::ApprovalRequest;
use gate_protocol::standing_grant::{ProposeStandingGrant, StandingGrant, StandingGrantPage};
use serde::Deserialize;

use super::extract::{Json, Name, Query, Reply};
use super::paging::{PageQuery, paging};
use super::tag::Known;
use crate::identity::{AnyRole, Approver, Caller, Reviewing, Watching};
use crate::problem::Failure;
use crate::service::Channel;
use crate::state::Server;

/// Lists standing grants, newest first: a requester's own, all for the others.
#[utoipa::path(get, path = "/v1/standing-grants", tag = "standing grants",
    params(("cursor" = Option<Cursor>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 100,
            description = "The most things of the page; 50 without")),
    responses((status = 200, body = StandingGrantPage), (status = 400, body = Problem)))]
pub(super) async fn list(
    State(server): State<Server>,
    caller: Caller<AnyRole>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<StandingGrantPage>, Failure> {
    let paging = query.paging("standing-grants")?;
    let page = server.standing_grants(&caller.actor, &paging).await?;
    Ok(Reply(StatusCode::OK, page))
}

/// Shows a standing grant.
#[utoipa::path(get, path = "/v1/standing-grants/{id}", tag = "standing grants",
    params(("id" = StandingGrantId, Path, description = "The standing grant"),
        ("If-None-Match" = Option<String>, Header, description = "The tag that is known")),
    responses((status = 200, body = StandingGrant), (status = 304),
        (status = 404, body = Problem)))]
pub(super) async fn show(
    State(server): State<Server>,
    caller: Caller<AnyRole>,
    Name(id): Name<StandingGrantId>,
    known: Known,
) -> Result<Response, Failure> {
    known.answer(&server.standing_grant(&caller.actor, id).await?)
}

/// Proposes a standing grant, which the one who proposes it confirms as the first.
/// It holds once as many have confirmed it as the rule and the server want.
#[utoipa::path(post, path = "/v1/standing-grants", tag = "standing grants",
    request_body = ProposeStandingGrant,
    responses((status = 201, body = StandingGrant), (status = 400, body = Problem),
        (status = 403, body = Problem), (status = 429, body = Problem)))]
pub(super) async fn propose(
    State(server): State<Server>,
    caller: Caller<Approver>,
    Json(wanted): Json<ProposeStandingGrant>,
) -> Result<Reply<StandingGrant>, Failure> {
    let proposed = server
        .propose_standing_grant(&caller.actor, wanted, Channel::Api)
        .await?;
    Ok(Reply(StatusCode::CREATED, proposed))
}

/// Confirms a standing grant as one more person.
#[utoipa::path(post, path = "/v1/standing-grants/{id}/confirm", tag = "standing grants",
    params(("id" = StandingGrantId, Path, description = "The standing grant")),
    responses((status = 200, body = StandingGrant), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn confirm(
    State(server): State<Server>,
    caller: Caller<Approver>,
    Name(id): Name<StandingGrantId>,
) -> Result<Reply<StandingGrant>, Failure> {
    let confirmed = server
        .confirm_standing_grant(&caller.actor, id, Channel::Api)
        .await?;
    Ok(Reply(StatusCode::OK, confirmed))
}

/// Takes a standing grant back, with what it approved and nobody has claimed;
/// twice is as once.
#[utoipa::path(post, path = "/v1/standing-grants/{id}/revoke", tag = "standing grants",
    params(("id" = StandingGrantId, Path, description = "The standing grant")),
    responses((status = 200, body = StandingGrant), (status = 404, body = Problem)))]
pub(super) async fn revoke(
    State(server): State<Server>,
    caller: Caller<AnyRole>,
    Name(id): Name<StandingGrantId>,
) -> Result<Reply<StandingGrant>, Failure> {
    let revoked = server.revoke_standing_grant(&caller.actor, id).await?;
    Ok(Reply(StatusCode::OK, revoked))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BreakGlassQuery {
    open: Option<bool>,
    cursor: Option<Cursor>,
    limit: Option<u64>,
}

/// Lists uses of break-glass, newest first; with `open`, those that nobody has
/// reviewed yet.
#[utoipa::path(get, path = "/v1/break-glass", tag = "break-glass",
    params(("open" = Option<bool>, Query, description = "Only those that are not reviewed"),
        ("cursor" = Option<Cursor>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 100,
            description = "The most things of the page; 50 without")),
    responses((status = 200, body = BreakGlassPage), (status = 400, body = Problem)))]
pub(super) async fn break_glass(
    State(server): State<Server>,
    _caller: Caller<Watching>,
    Query(query): Query<BreakGlassQuery>,
) -> Result<Reply<BreakGlassPage>, Failure> {
    let paging = paging("break-glass", query.cursor.as_ref(), query.limit)?;
    let page = server
        .break_glass_uses(query.open.unwrap_or(false), &paging)
        .await?;
    Ok(Reply(StatusCode::OK, page))
}

/// Closes the review of a break-glass, as an auditor or approver who had no part in it.
#[utoipa::path(post, path = "/v1/requests/{id}/break-glass-review", tag = "break-glass",
    request_body = ReviewBreakGlass,
    params(("id" = RequestId, Path, description = "The request")),
    responses((status = 200, body = ApprovalRequest), (status = 400, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn review_break_glass(
    State(server): State<Server>,
    caller: Caller<Reviewing>,
    Name(id): Name<RequestId>,
    Json(review): Json<ReviewBreakGlass>,
) -> Result<Reply<ApprovalRequest>, Failure> {
    let request = server
        .review_break_glass(&caller.actor, id, review, Channel::Api)
        .await?;
    Ok(Reply(StatusCode::OK, request))
}
