//! `/v1/rules`: the rules in force.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate_protocol::page::Cursor;
use gate_protocol::problem::Problem;
use gate_protocol::rules::{
    PutRules, RULES_MESSAGE_LIMIT_BYTES, RulesText, RulesVersionPage, SignedRules,
};

use super::extract::{JsonUpTo, Name, Query, Reply};
use super::paging::PageQuery;
use super::tag::Known;
use crate::identity::{AnyRole, Caller, Operator, Watching};
use crate::problem::Failure;
use crate::service::Seen;
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

/// Puts new rules in force.
#[utoipa::path(put, path = "/v1/rules", tag = "rules", request_body = PutRules,
    params(("If-Match" = Option<String>, Header, description = "The tag that was seen")),
    responses((status = 200, body = SignedRules), (status = 400, body = Problem),
        (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 413, body = Problem), (status = 428, body = Problem)))]
pub(super) async fn activate(
    State(server): State<Server>,
    caller: Caller<Operator>,
    seen: Seen,
    JsonUpTo(put): JsonUpTo<PutRules, RULES_MESSAGE_LIMIT_BYTES>,
) -> Result<Reply<SignedRules>, Failure> {
    let rules = server
        .activate_rules(caller.actor.name(), put, &seen)
        .await?;
    Ok(Reply(StatusCode::OK, rules))
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
