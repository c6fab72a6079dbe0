//! `/v1/audit`: the log and its proofs.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use gate_protocol::canonical::Digest;
use gate_protocol::log::{ProofError, TlogProof, consistency_proof, inclusion_proof};
use gate_protocol::problem::{Problem, ProblemCode};
use gate_protocol::server::{LogProof, RecordPage};
use serde::Deserialize;

use super::extract::{Query, Reply};
use crate::identity::{AnyRole, Caller, Keeper};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::log;
use crate::subtrees::SubtreesFailure;

/// The most records of one page; fewer where they are large.
const PAGE: u64 = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordsQuery {
    from: Option<u64>,
    limit: Option<u64>,
}

/// Returns records byte for byte, from an index on.
#[utoipa::path(get, path = "/v1/audit/records", tag = "audit",
    params(("from" = Option<u64>, Query, description = "The first index; 0 without"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000,
            description = "The most records of the page; 100 without")),
    responses((status = 200, body = RecordPage), (status = 400, body = Problem)))]
pub(super) async fn records(
    State(server): State<Server>,
    _caller: Caller<Keeper>,
    Query(query): Query<RecordsQuery>,
) -> Result<Reply<RecordPage>, Failure> {
    let from = query.from.unwrap_or(0);
    if i64::try_from(from).is_err() {
        return Err(Failure::bad_request("no log is as long as `from` says"));
    }
    let limit = query.limit.unwrap_or(100);
    if !(1..=PAGE).contains(&limit) {
        let detail = format!("`limit` must be from 1 to {PAGE}");
        return Err(Failure::bad_request(detail));
    }
    let mut reader = server.store.read().await?;
    let size = log::head(reader.connection()).await?.tree.size();
    let records = log::page(reader.connection(), from, limit).await?;
    let next = from.saturating_add(records.len() as u64);
    Ok(Reply(
        StatusCode::OK,
        RecordPage {
            records,
            next,
            size,
        },
    ))
}

pub(super) fn text(body: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}

/// Returns the signed head of the log as it is now.
#[utoipa::path(get, path = "/v1/audit/checkpoint", tag = "audit",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn checkpoint(
    State(server): State<Server>,
    _caller: Caller<Keeper>,
) -> Result<Response, Failure> {
    let mut reader = server.store.read().await?;
    let head = log::head(reader.connection()).await?;
    // Signing the same head again gives the same bytes, so nothing is stored.
    let note = server
        .sign_head(&head)
        .map_err(|error| Failure::internal(&error))?;
    Ok(text(note))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceiptQuery {
    index: u64,
}

/// Returns a receipt: the proof of one record's place, with the signed head. It
/// says nothing of what is in the record, so everybody who is signed in may ask:
/// who keeps what the server handed out finds out whether it is still there.
#[utoipa::path(get, path = "/v1/audit/inclusion", tag = "audit",
    params(("index" = u64, Query, description = "The record's index")),
    responses((status = 200, body = String, content_type = "text/plain"),
        (status = 400, body = Problem)))]
pub(super) async fn receipt(
    State(server): State<Server>,
    _caller: Caller<AnyRole>,
    Query(query): Query<ReceiptQuery>,
) -> Result<Response, Failure> {
    let mut reader = server.store.read().await?;
    let head = log::head(reader.connection()).await?;
    let size = head.tree.size();
    let proved = server
        .subtrees
        .inclusion(reader.connection(), query.index, size)
        .await;
    let proof = TlogProof {
        extra: None,
        index: query.index,
        hashes: proved.map_err(|failure| match failure {
            SubtreesFailure::Proof(error) => Failure::bad_request(error.to_string()),
            SubtreesFailure::Store(error) => error.into(),
        })?,
        checkpoint: server
            .sign_head(&head)
            .map_err(|error| Failure::internal(&error))?,
    };
    Ok(text(proof.to_string()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InclusionQuery {
    index: u64,
    size: u64,
}

/// Proves that a record is in the log of a size.
#[utoipa::path(get, path = "/v1/audit/proof/inclusion", tag = "audit",
    params(("index" = u64, Query, description = "The record's index"),
        ("size" = u64, Query, description = "The size of the log")),
    responses((status = 200, body = LogProof), (status = 400, body = Problem)))]
pub(super) async fn inclusion(
    State(server): State<Server>,
    _caller: Caller<Keeper>,
    Query(query): Query<InclusionQuery>,
) -> Result<Reply<LogProof>, Failure> {
    let InclusionQuery { index, size } = query;
    let hashes = prove(&server, size, move |leaves| inclusion_proof(leaves, index)).await?;
    Ok(Reply(StatusCode::OK, LogProof { hashes }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsistencyQuery {
    from: u64,
    to: u64,
}

/// Proves that the log of one size is the beginning of the log of another.
#[utoipa::path(get, path = "/v1/audit/proof/consistency", tag = "audit",
    params(("from" = u64, Query, description = "The smaller size"),
        ("to" = u64, Query, description = "The larger size")),
    responses((status = 200, body = LogProof), (status = 400, body = Problem)))]
pub(super) async fn consistency(
    State(server): State<Server>,
    _caller: Caller<Keeper>,
    Query(query): Query<ConsistencyQuery>,
) -> Result<Reply<LogProof>, Failure> {
    let ConsistencyQuery { from, to } = query;
    let hashes = prove(&server, to, move |leaves| consistency_proof(leaves, from)).await?;
    Ok(Reply(StatusCode::OK, LogProof { hashes }))
}

/// Makes a proof about the log of a size that it has reached, beside the threads that
/// answer: every leaf is hashed. So many at a time, the others wait.
async fn prove(
    server: &Server,
    size: u64,
    proof: impl FnOnce(&[Digest]) -> Result<Vec<Digest>, ProofError> + Send + 'static,
) -> Result<Vec<Digest>, Failure> {
    let busy = || Failure::new(ProblemCode::Unavailable, "the server is stopping");
    let turn = server.proofs.acquire().await.map_err(|_| busy())?;
    let mut reader = server.store.read().await?;
    let leaves = log::leaves(reader.connection(), size).await?;
    drop(reader);
    if leaves.len() as u64 != size {
        let detail = format!("the log has {} records, not {size}", leaves.len());
        return Err(Failure::bad_request(detail));
    }
    let proven = tokio::task::spawn_blocking(move || proof(&leaves))
        .await
        .map_err(|error| Failure::internal(&error))?;
    drop(turn);
    proven.map_err(|error| Failure::bad_request(error.to_string()))
}
