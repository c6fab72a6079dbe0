//! `/v1/channels` and `/v1/deliveries`: where people hear of requests.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate_protocol::channel::{
    ChannelEntry, ChannelPage, CreateChannel, DeliveryEntry, DeliveryPage, DeliveryState,
    TestedChannel,
};
use gate_protocol::page::Cursor;
use gate_protocol::problem::Problem;
use serde::Deserialize;

use super::extract::{Json, Name, Query, Reply};
use super::paging::{PageQuery, paging};
use super::tag::Known;
use crate::identity::{Caller, Operator};
use crate::problem::Failure;
use crate::service::Seen;
use crate::state::Server;

/// Lists channels, by name, without their secrets.
#[utoipa::path(get, path = "/v1/channels", tag = "channels",
    params(("cursor" = Option<Cursor>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 100,
            description = "The most things of the page; 50 without")),
    responses((status = 200, body = ChannelPage), (status = 400, body = Problem)))]
pub(super) async fn list(
    State(server): State<Server>,
    _caller: Caller<Operator>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<ChannelPage>, Failure> {
    let paging = query.paging("channels")?;
    Ok(Reply(StatusCode::OK, server.channel_page(&paging).await?))
}

/// Makes a channel. Its secrets are stored encrypted and never shown.
#[utoipa::path(post, path = "/v1/channels", tag = "channels", request_body = CreateChannel,
    responses((status = 201, body = ChannelEntry), (status = 400, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn create(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Json(wanted): Json<CreateChannel>,
) -> Result<Reply<ChannelEntry>, Failure> {
    let created = server.create_channel(caller.actor.name(), wanted).await?;
    Ok(Reply(StatusCode::CREATED, created))
}

/// Shows a channel, without its secrets.
#[utoipa::path(get, path = "/v1/channels/{name}", tag = "channels",
    params(("name" = String, Path, description = "The channel"),
        ("If-None-Match" = Option<String>, Header, description = "The tag that is known")),
    responses((status = 200, body = ChannelEntry), (status = 304), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(server): State<Server>,
    _caller: Caller<Operator>,
    Name(name): Name<String>,
    known: Known,
) -> Result<Response, Failure> {
    known.answer(&server.channel_named(&name).await?)
}

/// Takes a channel away, with what waits for it.
#[utoipa::path(delete, path = "/v1/channels/{name}", tag = "channels",
    params(("name" = String, Path, description = "The channel"),
        ("If-Match" = Option<String>, Header,
            pattern = r#"^(\*|(W/)?"[^",]*"(, ?(W/)?"[^",]*")*)$"#, description = "The tag that was seen")),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem)))]
pub(super) async fn delete(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Name(name): Name<String>,
    seen: Seen,
) -> Result<StatusCode, Failure> {
    let by = caller.actor.name();
    server.delete_channel(by, &name, &seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a message that says it is a test, and returns what the other side said.
#[utoipa::path(post, path = "/v1/channels/{name}/test", tag = "channels",
    params(("name" = String, Path, description = "The channel")),
    responses((status = 200, body = TestedChannel), (status = 404, body = Problem)))]
pub(super) async fn test(
    State(server): State<Server>,
    _caller: Caller<Operator>,
    Name(name): Name<String>,
) -> Result<Reply<TestedChannel>, Failure> {
    let tested = server.test_channel_named(&name).await?;
    Ok(Reply(StatusCode::OK, tested))
}

/// Which deliveries are listed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveriesQuery {
    state: Option<DeliveryState>,
    cursor: Option<Cursor>,
    limit: Option<u64>,
}

/// Lists what a channel delivered, newest first.
#[utoipa::path(get, path = "/v1/channels/{name}/deliveries", tag = "channels",
    params(("name" = String, Path, description = "The channel"),
        ("state" = Option<DeliveryState>, Query, description = "Only those in this state"),
        ("cursor" = Option<Cursor>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 100,
            description = "The most things of the page; 50 without")),
    responses((status = 200, body = DeliveryPage), (status = 400, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn deliveries(
    State(server): State<Server>,
    _caller: Caller<Operator>,
    Name(name): Name<String>,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Reply<DeliveryPage>, Failure> {
    let paging = paging("deliveries", query.cursor.as_ref(), query.limit)?;
    let page = server
        .channel_deliveries(&name, query.state, &paging)
        .await?;
    Ok(Reply(StatusCode::OK, page))
}

/// Shows a delivery.
#[utoipa::path(get, path = "/v1/deliveries/{id}", tag = "channels",
    params(("id" = String, Path, description = "The delivery"),
        ("If-None-Match" = Option<String>, Header, description = "The tag that is known")),
    responses((status = 200, body = DeliveryEntry), (status = 304),
        (status = 404, body = Problem)))]
pub(super) async fn delivery(
    State(server): State<Server>,
    _caller: Caller<Operator>,
    Name(id): Name<String>,
    known: Known,
) -> Result<Response, Failure> {
    known.answer(&server.delivery(&id).await?)
}

/// Tries a delivery again that was given up.
#[utoipa::path(post, path = "/v1/deliveries/{id}/retry", tag = "channels",
    params(("id" = String, Path, description = "The delivery")),
    responses((status = 200, body = DeliveryEntry), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn retry(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Name(id): Name<String>,
) -> Result<Reply<DeliveryEntry>, Failure> {
    let retried = server.retry_delivery(caller.actor.name(), &id).await?;
    Ok(Reply(StatusCode::OK, retried))
}
