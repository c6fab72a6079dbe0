//! `/v1/device` and `/v1/workload-token`: how who has no token yet gets one. Of
//! the role requester, whoever lets them in.

use axum::extract::State;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, StatusCode};
use gate_protocol::principal::CreatedToken;
use gate_protocol::problem::Problem;
use gate_protocol::sign_in::{
    DeviceState, ExchangeWorkloadToken, PollDevice, PolledDevice, StartDevice, StartedDevice,
};

use super::extract::{Json, Reply};
use crate::identity::{CallerAddress, Secret};
use crate::problem::Failure;
use crate::service::Asker;
use crate::state::Server;

/// Begins to sign a terminal in: its code is typed into the page by somebody who
/// is signed in there.
#[utoipa::path(post, path = "/v1/device", tag = "sign-in", request_body = StartDevice,
    security(()),
    responses((status = 201, body = StartedDevice), (status = 400, body = Problem),
        (status = 429, body = Problem)))]
pub(super) async fn start(
    State(server): State<Server>,
    CallerAddress(address): CallerAddress,
    headers: HeaderMap,
    Json(wanted): Json<StartDevice>,
) -> Result<Reply<StartedDevice>, Failure> {
    let agent = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    let asker = Asker {
        host: &wanted.host,
        address: &address,
        agent: agent.unwrap_or("unknown"),
    };
    let started = server.start_device(&asker).await?;
    Ok(Reply(StatusCode::CREATED, started))
}

/// Asks where it stands; the token is in the answer, once.
#[utoipa::path(post, path = "/v1/device/token", tag = "sign-in", request_body = PollDevice,
    security(()),
    responses((status = 200, body = PolledDevice), (status = 400, body = Problem)))]
pub(super) async fn poll(
    State(server): State<Server>,
    Json(wanted): Json<PollDevice>,
) -> Result<Reply<PolledDevice>, Failure> {
    let polled = match Secret::parse(&wanted.device_code) {
        Some(code) => server.poll_device(&code).await?,
        None => PolledDevice {
            state: DeviceState::Expired,
            interval_seconds: 0,
            token: None,
        },
    };
    Ok(Reply(StatusCode::OK, polled))
}

/// Exchanges the token that a CI job's issuer made for one of this server.
#[utoipa::path(post, path = "/v1/workload-token", tag = "sign-in",
    request_body = ExchangeWorkloadToken, security(()),
    responses((status = 201, body = CreatedToken), (status = 400, body = Problem),
        (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(super) async fn exchange(
    State(server): State<Server>,
    Json(wanted): Json<ExchangeWorkloadToken>,
) -> Result<Reply<CreatedToken>, Failure> {
    let created = server.exchange_workload_token(&wanted.token).await?;
    Ok(Reply(StatusCode::CREATED, created))
}
