//! `/v1/audit`: archives of the log's oldest records.

use axum::extract::State;
use axum::http::StatusCode;
use gate_protocol::archive::{Archivable, LogStart, Prune, Pruned};
use gate_protocol::problem::Problem;
use jiff::Timestamp;
use serde::Deserialize;

use super::extract::{Json, Query, Reply};
use crate::identity::{Caller, Keeper, Operator};
use crate::problem::Failure;
use crate::state::Server;

/// Returns where the records that are here begin: those before were archived.
#[utoipa::path(get, path = "/v1/audit/start", tag = "audit",
    responses((status = 200, body = LogStart)))]
pub(super) async fn start(
    State(server): State<Server>,
    _caller: Caller<Keeper>,
) -> Result<Reply<LogStart>, Failure> {
    Ok(Reply(StatusCode::OK, server.log_start().await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ArchivableQuery {
    before: Timestamp,
}

/// Returns which of the oldest records can be archived.
#[utoipa::path(get, path = "/v1/audit/archivable", tag = "audit",
    params(("before" = String, Query, format = DateTime, description = "Only records from before this time")),
    responses((status = 200, body = Archivable), (status = 400, body = Problem)))]
pub(super) async fn archivable(
    State(server): State<Server>,
    _caller: Caller<Keeper>,
    Query(query): Query<ArchivableQuery>,
) -> Result<Reply<Archivable>, Failure> {
    let archivable = server.archivable(query.before).await?;
    Ok(Reply(StatusCode::OK, archivable))
}

/// Drops the bodies of records that were archived. Their hashes stay, and so does what was
/// signed for. That it was done is a record.
#[utoipa::path(post, path = "/v1/audit/prunings", tag = "audit", request_body = Prune,
    responses((status = 200, body = Pruned), (status = 400, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn prune(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Json(wanted): Json<Prune>,
) -> Result<Reply<Pruned>, Failure> {
    let pruned = server.prune(&caller.actor, &wanted).await?;
    Ok(Reply(StatusCode::OK, pruned))
}
