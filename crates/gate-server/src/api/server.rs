//! What the server says of itself, and of the caller.

use axum::extract::State;
use axum::http::StatusCode;
use gate_protocol::principal::Whoami;
use gate_protocol::server::{Health, ServerIdentity};

use super::extract::Reply;
use crate::clock;
use crate::identity::{AnyRole, Caller};
use crate::problem::Failure;
use crate::state::Server;

/// Tells whether the server is well.
#[utoipa::path(get, path = "/v1/health", tag = "server", security(()),
    responses((status = 200, body = Health)))]
pub(super) async fn health(State(server): State<Server>) -> Result<Reply<Health>, Failure> {
    // A server whose store does not answer is not well.
    drop(server.store.look_up().await?);
    let status = if server.is_stopping() {
        "stopping"
    } else {
        "ok"
    };
    Ok(Reply(
        StatusCode::OK,
        Health {
            status: status.to_owned(),
            now: clock::now(),
        },
    ))
}

/// Returns what a client pins.
#[utoipa::path(get, path = "/v1/server", tag = "server", security(()),
    responses((status = 200, body = ServerIdentity)))]
pub(super) async fn identity(State(server): State<Server>) -> Reply<ServerIdentity> {
    Reply(
        StatusCode::OK,
        ServerIdentity {
            audience: server.names.audience.clone(),
            grant_key: server.keys.grant.verifier().to_string(),
            log_key: server.keys.log.verifier().to_string(),
            log_origin: server.names.log_origin.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            device_sign_in: true,
            workload_sign_in: !server.settings.identity.workloads.is_empty(),
            key_statements: server.key_statements.to_vec(),
        },
    )
}

/// Returns whom the token speaks for.
#[utoipa::path(get, path = "/v1/whoami", tag = "server",
    responses((status = 200, body = Whoami), (status = 401, body = gate_protocol::problem::Problem)))]
pub(super) async fn whoami(caller: Caller<AnyRole>) -> Reply<Whoami> {
    let actor = caller.actor;
    Reply(
        StatusCode::OK,
        Whoami {
            principal: actor.principal,
            role: actor.role,
            expires_at: actor.expires_at,
        },
    )
}
