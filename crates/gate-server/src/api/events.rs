//! `/v1/events`: clients deliver what happened.

use axum::extract::State;
use axum::http::StatusCode;
use gate_protocol::event::{BatchReceipt, EventBatch};
use gate_protocol::problem::Problem;

use super::extract::{Json, Reply};
use crate::identity::{Caller, Requester};
use crate::problem::Failure;
use crate::state::Server;

/// Takes a batch of events, each counted once however often it comes.
#[utoipa::path(post, path = "/v1/events", tag = "events", request_body = EventBatch,
    responses((status = 200, body = BatchReceipt), (status = 403, body = Problem),
        (status = 409, body = Problem)))]
pub(super) async fn deliver(
    State(server): State<Server>,
    caller: Caller<Requester>,
    Json(batch): Json<EventBatch>,
) -> Result<Reply<BatchReceipt>, Failure> {
    let receipt = server.deliver(&caller.actor, &batch).await?;
    Ok(Reply(StatusCode::OK, receipt))
}
