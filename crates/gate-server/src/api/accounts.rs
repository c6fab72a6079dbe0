//! `/v1/groups`, `/v1/accounts` and `/v1/invitations`: who is who.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate_protocol::account::{
    AccountEntry, AccountName, AccountPage, ChangePrincipal, CreateInvitation, CreatedInvitation,
    Group, GroupPage, LinkAccount,
};
use gate_protocol::page::Cursor;
use gate_protocol::principal::Principal;
use gate_protocol::problem::Problem;
use serde::Deserialize;

use super::extract::{Json, Name, Query, Reply};
use super::paging::{PageQuery, paging};
use super::tag::Known;
use crate::identity::{Caller, Operator};
use crate::problem::Failure;
use crate::service::Seen;
use crate::state::Server;

/// Changes a principal's groups, or the person whose account a user is.
#[utoipa::path(patch, path = "/v1/principals/{name}", tag = "principals",
    request_body = ChangePrincipal,
    params(("name" = String, Path, description = "The principal"),
        ("If-Match" = Option<String>, Header,
            pattern = r#"^(\*|(W/)?"[^",]*"(, ?(W/)?"[^",]*")*)$"#, description = "The tag that was seen")),
    responses((status = 200, body = Principal), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 412, body = Problem)))]
pub(super) async fn change_principal(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Name(name): Name<String>,
    seen: Seen,
    Json(wanted): Json<ChangePrincipal>,
) -> Result<Reply<Principal>, Failure> {
    let by = caller.actor.name();
    let changed = server.change_principal(by, &name, &wanted, &seen).await?;
    Ok(Reply(StatusCode::OK, changed))
}

/// Lists the groups that somebody is in, by name.
#[utoipa::path(get, path = "/v1/groups", tag = "principals",
    params(("cursor" = Option<Cursor>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 100,
            description = "The most things of the page; 50 without")),
    responses((status = 200, body = GroupPage), (status = 400, body = Problem)))]
pub(super) async fn groups(
    State(server): State<Server>,
    _caller: Caller<Operator>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<GroupPage>, Failure> {
    let paging = query.paging("groups")?;
    Ok(Reply(StatusCode::OK, server.group_page(&paging).await?))
}

/// Shows a group and who is in it.
#[utoipa::path(get, path = "/v1/groups/{name}", tag = "principals",
    params(("name" = String, Path, description = "The group"),
        ("If-None-Match" = Option<String>, Header, description = "The tag that is known")),
    responses((status = 200, body = Group), (status = 304), (status = 404, body = Problem)))]
pub(super) async fn group(
    State(server): State<Server>,
    _caller: Caller<Operator>,
    Name(name): Name<String>,
    known: Known,
) -> Result<Response, Failure> {
    let groups = server.groups().await?;
    let found = groups.into_iter().find(|group| group.name == name);
    known.answer(&found.ok_or_else(Failure::not_found)?)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountsQuery {
    principal: Option<String>,
    cursor: Option<Cursor>,
    limit: Option<u64>,
}

/// Lists accounts elsewhere and whose they are, by provider, tenant and subject.
#[utoipa::path(get, path = "/v1/accounts", tag = "principals",
    params(("principal" = Option<String>, Query, description = "Only those of this user"),
        ("cursor" = Option<Cursor>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 100,
            description = "The most things of the page; 50 without")),
    responses((status = 200, body = AccountPage), (status = 400, body = Problem)))]
pub(super) async fn list(
    State(server): State<Server>,
    _caller: Caller<Operator>,
    Query(query): Query<AccountsQuery>,
) -> Result<Reply<AccountPage>, Failure> {
    let paging = paging("accounts", query.cursor.as_ref(), query.limit)?;
    let page = server
        .account_page(query.principal.as_deref(), &paging)
        .await?;
    Ok(Reply(StatusCode::OK, page))
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
