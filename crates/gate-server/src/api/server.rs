//! What the server says of itself, and of the caller.

use axum::extract::State;
use axum::http::StatusCode;
use gate_protocol::id::Nonce;
use gate_protocol::principal::Whoami;
use gate_protocol::problem::Problem;
use gate_protocol::server::{Health, ServerIdentity};
use gate_protocol::server_proof::{ServerProof, SignedServerProof};
use serde::Deserialize;

use super::extract::{Query, Reply, parse_parameter};
use crate::clock;
use crate::identity::{AnyRole, Caller, Ending};
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofQuery {
    nonce: Option<String>,
}

/// Proves that this server has the key that it is pinned by, before a client sends anything secret.
#[utoipa::path(get, path = "/v1/server/proof", tag = "server", security(()),
    params(("nonce" = Nonce, Query, description = "What the proof is to name: 32 random hex digits")),
    responses((status = 200, body = SignedServerProof), (status = 400, body = Problem)))]
pub(super) async fn proof(
    State(server): State<Server>,
    ending: Ending,
    Query(query): Query<ProofQuery>,
) -> Result<Reply<SignedServerProof>, Failure> {
    let nonce = parse_parameter("nonce", query.nonce.as_deref())?
        .ok_or_else(|| Failure::bad_request("`nonce` is missing"))?;
    let certificate = match ending {
        Ending::Here => server.certificate,
        Ending::AtAProxy => None,
    };
    let proof = ServerProof { nonce, certificate };
    let statements = server.key_statements.to_vec();
    let signed = SignedServerProof::sign(proof, &server.keys.grant, statements)?;
    Ok(Reply(StatusCode::OK, signed))
}

/// Returns whom the token speaks for.
#[utoipa::path(get, path = "/v1/whoami", tag = "server",
    responses((status = 200, body = Whoami), (status = 401, body = Problem)))]
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
