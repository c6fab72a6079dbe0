//! `/v1/principals` and `/v1/tokens`: who may act.

use axum::extract::State;
use axum::http::StatusCode;
use gate_protocol::principal::{CreateToken, CreatedToken, Principal, TokenEntry};
use gate_protocol::problem::Problem;
use serde::Deserialize;

use super::extract::{Json, Name, Query, Reply};
use crate::identity::{Caller, Operator};
use crate::problem::Failure;
use crate::state::Server;

/// Lists all principals, by name.
#[utoipa::path(get, path = "/v1/principals", tag = "principals",
    responses((status = 200, body = Vec<Principal>)))]
pub(super) async fn list(
    State(server): State<Server>,
    _caller: Caller<Operator>,
) -> Result<Reply<Vec<Principal>>, Failure> {
    Ok(Reply(StatusCode::OK, server.principals().await?))
}

/// Makes a principal known.
#[utoipa::path(post, path = "/v1/principals", tag = "principals", request_body = Principal,
    responses((status = 201, body = Principal), (status = 400, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn create(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Json(principal): Json<Principal>,
) -> Result<Reply<Principal>, Failure> {
    let created = server
        .create_principal(caller.actor.name(), principal)
        .await?;
    Ok(Reply(StatusCode::CREATED, created))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DisableQuery {
    #[serde(default)]
    only_this: bool,
}

/// Stops a principal, and what it owns, from acting; of a user, every account of
/// the same person. Its tokens, sessions and unused approvals are gone for good.
#[utoipa::path(post, path = "/v1/principals/{name}/disable", tag = "principals",
    params(("name" = String, Path, description = "The principal"),
        ("only_this" = Option<bool>, Query,
            description = "Only this account, and not every account of the same person")),
    responses((status = 200, body = Principal), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn disable(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Name(name): Name<String>,
    Query(query): Query<DisableQuery>,
) -> Result<Reply<Principal>, Failure> {
    let by = caller.actor.name();
    let disabled = server.disable_principal(by, &name, query.only_this).await?;
    Ok(Reply(StatusCode::OK, disabled))
}

/// Lets a principal act again.
#[utoipa::path(post, path = "/v1/principals/{name}/enable", tag = "principals",
    params(("name" = String, Path, description = "The principal")),
    responses((status = 200, body = Principal), (status = 404, body = Problem)))]
pub(super) async fn enable(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Name(name): Name<String>,
) -> Result<Reply<Principal>, Failure> {
    let enabled = server.enable_principal(caller.actor.name(), &name).await?;
    Ok(Reply(StatusCode::OK, enabled))
}

/// Lists all tokens, the oldest first: whose, for what, until when. None of
/// them shows the token itself.
#[utoipa::path(get, path = "/v1/tokens", tag = "principals",
    responses((status = 200, body = Vec<TokenEntry>)))]
pub(super) async fn list_tokens(
    State(server): State<Server>,
    _caller: Caller<Operator>,
) -> Result<Reply<Vec<TokenEntry>>, Failure> {
    Ok(Reply(StatusCode::OK, server.tokens().await?))
}

/// Makes a token. This answer is the only one that shows it.
#[utoipa::path(post, path = "/v1/tokens", tag = "principals", request_body = CreateToken,
    responses((status = 201, body = CreatedToken), (status = 400, body = Problem),
        (status = 403, body = Problem)))]
pub(super) async fn create_token(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Json(wanted): Json<CreateToken>,
) -> Result<Reply<CreatedToken>, Failure> {
    let created = server.create_token(caller.actor.name(), &wanted).await?;
    Ok(Reply(StatusCode::CREATED, created))
}

/// Takes a token back.
#[utoipa::path(delete, path = "/v1/tokens/{id}", tag = "principals",
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn revoke_token(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Name(id): Name<String>,
) -> Result<StatusCode, Failure> {
    server.revoke_token(caller.actor.name(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
