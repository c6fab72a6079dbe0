//! `/v1/principals` and `/v1/tokens`: who may act.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate_protocol::account::PrincipalChanges;
use gate_protocol::page::Cursor;
use gate_protocol::principal::{CreateToken, CreatedToken, Principal, PrincipalPage, TokenPage};
use gate_protocol::problem::Problem;
use serde::Deserialize;

use super::extract::{Json, Name, Query, Reply};
use super::paging::PageQuery;
use super::tag::Known;
use crate::identity::{Caller, Operator};
use crate::problem::Failure;
use crate::service::{Channel, Seen};
use crate::state::Server;

/// Lists principals, by name.
#[utoipa::path(get, path = "/v1/principals", tag = "principals",
    params(("cursor" = Option<Cursor>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 100,
            description = "The most things of the page; 50 without")),
    responses((status = 200, body = PrincipalPage), (status = 400, body = Problem)))]
pub(super) async fn list(
    State(server): State<Server>,
    _caller: Caller<Operator>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<PrincipalPage>, Failure> {
    let paging = query.paging("principals")?;
    Ok(Reply(StatusCode::OK, server.principal_page(&paging).await?))
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

/// Shows a principal.
#[utoipa::path(get, path = "/v1/principals/{name}", tag = "principals",
    params(("name" = String, Path, description = "The principal"),
        ("If-None-Match" = Option<String>, Header, description = "The tag that is known")),
    responses((status = 200, body = Principal), (status = 304), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(server): State<Server>,
    _caller: Caller<Operator>,
    Name(name): Name<String>,
    known: Known,
) -> Result<Response, Failure> {
    known.answer(&server.principal_named(&name).await?)
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
            description = "Only this account, and not every account of the same person"),
        ("If-Match" = Option<String>, Header,
            pattern = r#"^(\*|(W/)?"[^",]*"(, ?(W/)?"[^",]*")*)$"#, description = "The tag that was seen")),
    responses((status = 200, body = Principal), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 412, body = Problem)))]
pub(super) async fn disable(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Name(name): Name<String>,
    Query(query): Query<DisableQuery>,
    seen: Seen,
) -> Result<Reply<Principal>, Failure> {
    let by = caller.actor.name();
    let disabled = server
        .disable_principal(by, &name, query.only_this, &seen)
        .await?;
    Ok(Reply(StatusCode::OK, disabled))
}

/// Lets a principal act again.
#[utoipa::path(post, path = "/v1/principals/{name}/enable", tag = "principals",
    params(("name" = String, Path, description = "The principal"),
        ("If-Match" = Option<String>, Header,
            pattern = r#"^(\*|(W/)?"[^",]*"(, ?(W/)?"[^",]*")*)$"#, description = "The tag that was seen")),
    responses((status = 200, body = Principal), (status = 404, body = Problem),
        (status = 412, body = Problem)))]
pub(super) async fn enable(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Name(name): Name<String>,
    seen: Seen,
) -> Result<Reply<Principal>, Failure> {
    let enabled = server
        .enable_principal(caller.actor.name(), &name, &seen)
        .await?;
    Ok(Reply(StatusCode::OK, enabled))
}

/// Shows what others changed of an account lately and no second admin has confirmed: in approvals
/// of what was asked before, or so long, it counts for nothing.
#[utoipa::path(get, path = "/v1/principals/{name}/changes", tag = "principals",
    params(("name" = String, Path, description = "The principal"),
        ("If-None-Match" = Option<String>, Header, description = "The tag that is known")),
    responses((status = 200, body = PrincipalChanges), (status = 304),
        (status = 404, body = Problem)))]
pub(super) async fn changes(
    State(server): State<Server>,
    _caller: Caller<Operator>,
    Name(name): Name<String>,
    known: Known,
) -> Result<Response, Failure> {
    known.answer(&server.principal_changes(&name).await?)
}

/// Confirms as a second admin what others changed of an account: it counts from then on.
#[utoipa::path(post, path = "/v1/principals/{name}/confirm", tag = "principals",
    params(("name" = String, Path, description = "The principal"),
        ("If-Match" = Option<String>, Header,
            pattern = r#"^(\*|(W/)?"[^",]*"(, ?(W/)?"[^",]*")*)$"#, description = "The tag of the changes that were seen")),
    responses((status = 200, body = PrincipalChanges), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 412, body = Problem)))]
pub(super) async fn confirm(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Name(name): Name<String>,
    seen: Seen,
) -> Result<Reply<PrincipalChanges>, Failure> {
    let confirmed = server
        .confirm_principal(&caller.actor, Channel::Api, &name, &seen)
        .await?;
    Ok(Reply(StatusCode::OK, confirmed))
}

/// Lists tokens, the oldest first: whose, for what, until when. None of
/// them shows the token itself.
#[utoipa::path(get, path = "/v1/tokens", tag = "principals",
    params(("cursor" = Option<Cursor>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 100,
            description = "The most things of the page; 50 without")),
    responses((status = 200, body = TokenPage), (status = 400, body = Problem)))]
pub(super) async fn list_tokens(
    State(server): State<Server>,
    _caller: Caller<Operator>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<TokenPage>, Failure> {
    let paging = query.paging("tokens")?;
    Ok(Reply(StatusCode::OK, server.token_page(&paging).await?))
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
