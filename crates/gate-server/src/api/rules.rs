//! `/v1/rules`: the rules in force.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use gate_protocol::page::Cursor;
use gate_protocol::problem::Problem;
use gate_protocol::rules::{
    ProposedRules, PutRules, RULES_MESSAGE_LIMIT_BYTES, RulesText, RulesVersionPage, SignedRules,
};

use super::extract::{JsonUpTo, Name, Query, Reply};
use super::paging::PageQuery;
use super::tag::Known;
use crate::identity::{AnyRole, Caller, Operator, Watching};
use crate::problem::Failure;
use crate::rules::Put;
use crate::service::{Channel, Seen};
use crate::state::Server;
use crate::store::rules;

/// Returns the rules in force, signed.
#[utoipa::path(get, path = "/v1/rules", tag = "rules",
    params(("If-None-Match" = Option<String>, Header, description = "The tag that is known")),
    responses((status = 200, body = SignedRules), (status = 304), (status = 404, body = Problem)))]
pub(super) async fn current(
    State(server): State<Server>,
    _caller: Caller<AnyRole>,
    known: Known,
) -> Result<Response, Failure> {
    let rules = server.rules().await?.ok_or_else(Failure::not_found)?;
    let tag = rules.etag()?;
    let body = serde_json::to_vec(&rules).map_err(|error| Failure::internal(&error))?;
    Ok(known.answer_as(&tag, body))
}

/// Puts new rules in force. What lets more pass than those in force waits for a second admin,
/// unless the settings trust the caller with it: then the answer is 201 with what waits.
#[utoipa::path(put, path = "/v1/rules", tag = "rules", request_body = PutRules,
    params(("If-Match" = Option<String>, Header,
            pattern = r#"^(\*|(W/)?"[^",]*"(, ?(W/)?"[^",]*")*)$"#, description = "The tag that was seen")),
    responses((status = 200, body = SignedRules), (status = 201, body = ProposedRules),
        (status = 400, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem),
        (status = 413, body = Problem), (status = 428, body = Problem)))]
pub(super) async fn activate(
    State(server): State<Server>,
    caller: Caller<Operator>,
    seen: Seen,
    JsonUpTo(put): JsonUpTo<PutRules, RULES_MESSAGE_LIMIT_BYTES>,
) -> Result<Response, Failure> {
    let put = server
        .put_rules(&caller.actor, Channel::Api, put, &seen)
        .await?;
    Ok(match put {
        Put::InForce(rules) => Reply(StatusCode::OK, rules).into_response(),
        Put::Proposed(proposed) => Reply(StatusCode::CREATED, proposed).into_response(),
    })
}

/// Returns the rules that wait for a second admin.
#[utoipa::path(get, path = "/v1/rules/proposal", tag = "rules",
    params(("If-None-Match" = Option<String>, Header, description = "The tag that is known")),
    responses((status = 200, body = ProposedRules), (status = 304), (status = 404, body = Problem)))]
pub(super) async fn proposal(
    State(server): State<Server>,
    _caller: Caller<Watching>,
    known: Known,
) -> Result<Response, Failure> {
    let proposed = server.proposed_rules().await?;
    known.answer(&proposed.ok_or_else(Failure::not_found)?)
}

/// Puts in force, as a second admin, the rules that wait for one.
#[utoipa::path(post, path = "/v1/rules/proposal/{id}/confirm", tag = "rules",
    params(("id" = String, Path, description = "What waits, by its id")),
    responses((status = 200, body = SignedRules), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn confirm(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Name(id): Name<String>,
) -> Result<Reply<SignedRules>, Failure> {
    let rules = server
        .confirm_rules(&caller.actor, Channel::Api, &id)
        .await?;
    Ok(Reply(StatusCode::OK, rules))
}

/// Takes back the rules that wait for a second admin.
#[utoipa::path(delete, path = "/v1/rules/proposal/{id}", tag = "rules",
    params(("id" = String, Path, description = "What waits, by its id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn withdraw(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Name(id): Name<String>,
) -> Result<StatusCode, Failure> {
    server.withdraw_rules(&caller.actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the versions of the rules, newest first.
#[utoipa::path(get, path = "/v1/rules/versions", tag = "rules",
    params(("cursor" = Option<Cursor>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 100,
            description = "The most things of the page; 50 without")),
    responses((status = 200, body = RulesVersionPage), (status = 400, body = Problem)))]
pub(super) async fn versions(
    State(server): State<Server>,
    _caller: Caller<Watching>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<RulesVersionPage>, Failure> {
    let paging = query.paging("rules")?;
    Ok(Reply(
        StatusCode::OK,
        server.rules_version_page(&paging).await?,
    ))
}

/// Returns one version of the rules with its text, in force or not.
#[utoipa::path(get, path = "/v1/rules/versions/{version}", tag = "rules",
    params(("version" = u64, Path, description = "Its number"),
        ("If-None-Match" = Option<String>, Header, description = "The tag that is known")),
    responses((status = 200, body = RulesText), (status = 304), (status = 404, body = Problem)))]
pub(super) async fn version(
    State(server): State<Server>,
    _caller: Caller<Watching>,
    Name(version): Name<u64>,
    known: Known,
) -> Result<Response, Failure> {
    let mut reader = server.store.read().await?;
    let found = rules::find(reader.connection(), version)
        .await?
        .ok_or_else(Failure::not_found)?;
    let text = RulesText {
        version: found.version,
        sha256: found.sha256(),
        text: found.text,
        activated_at: found.activated_at,
    };
    known.answer(&text)
}
