//! `/v1/groups`, `/v1/accounts` and `/v1/invitations`: who is who.

use axum::extract::State;
use axum::http::StatusCode;
use gate_protocol::account::{
    AccountEntry, AccountName, ChangePrincipal, CreateInvitation, CreatedInvitation, Group,
    LinkAccount,
};
use gate_protocol::principal::Principal;
use gate_protocol::problem::Problem;
use serde::Deserialize;

use super::extract::{Json, Name, Query, Reply};
use crate::identity::{Caller, Operator};
use crate::problem::Failure;
use crate::state::Server;

/// Changes a principal's groups, or the person whose account a user is.
#[utoipa::path(patch, path = "/v1/principals/{name}", tag = "principals",
    request_body = ChangePrincipal,
    params(("name" = String, Path, description = "The principal")),
    responses((status = 200, body = Principal), (status = 400, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn change_principal(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Name(name): Name<String>,
    Json(wanted): Json<ChangePrincipal>,
) -> Result<Reply<Principal>, Failure> {
    let by = caller.actor.name();
    let changed = server.change_principal(by, &name, &wanted).await?;
    Ok(Reply(StatusCode::OK, changed))
}

/// Lists the groups that somebody is in, by name.
#[utoipa::path(get, path = "/v1/groups", tag = "principals",
    responses((status = 200, body = Vec<Group>)))]
pub(super) async fn groups(
    State(server): State<Server>,
    _caller: Caller<Operator>,
) -> Result<Reply<Vec<Group>>, Failure> {
    Ok(Reply(StatusCode::OK, server.groups().await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountsQuery {
    principal: Option<String>,
}

/// Lists accounts elsewhere and whose they are.
#[utoipa::path(get, path = "/v1/accounts", tag = "principals",
    params(("principal" = Option<String>, Query, description = "Only those of this user")),
    responses((status = 200, body = Vec<AccountEntry>), (status = 400, body = Problem)))]
pub(super) async fn list(
    State(server): State<Server>,
    _caller: Caller<Operator>,
    Query(query): Query<AccountsQuery>,
) -> Result<Reply<Vec<AccountEntry>>, Failure> {
    let accounts = server.accounts(query.principal.as_deref()).await?;
    Ok(Reply(StatusCode::OK, accounts))
}

/// Makes an account elsewhere a user's.
#[utoipa::path(post, path = "/v1/accounts", tag = "principals", request_body = LinkAccount,
    responses((status = 201, body = AccountEntry), (status = 400, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn link(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Json(wanted): Json<LinkAccount>,
) -> Result<Reply<AccountEntry>, Failure> {
    let linked = server.link_account(caller.actor.name(), &wanted).await?;
    Ok(Reply(StatusCode::CREATED, linked))
}

/// Ends a link.
#[utoipa::path(post, path = "/v1/accounts/unlink", tag = "principals",
    request_body = AccountName,
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn unlink(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Json(name): Json<AccountName>,
) -> Result<StatusCode, Failure> {
    server.unlink_account(caller.actor.name(), &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a link by which a user sets a password, once.
#[utoipa::path(post, path = "/v1/invitations", tag = "principals",
    request_body = CreateInvitation,
    responses((status = 201, body = CreatedInvitation), (status = 400, body = Problem)))]
pub(super) async fn invite(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Json(wanted): Json<CreateInvitation>,
) -> Result<Reply<CreatedInvitation>, Failure> {
    let created = server.invite(caller.actor.name(), &wanted).await?;
    Ok(Reply(StatusCode::CREATED, created))
}
