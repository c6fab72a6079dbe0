//! `/v1/audit`: the log and its proofs.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use gate_protocol::canonical::Digest;
use gate_protocol::log::{ProofError, TlogProof, consistency_proof, inclusion_proof};
use gate_protocol::problem::Problem;
use gate_protocol::server::RecordPage;
use serde::{Deserialize, Serialize};

use super::extract::{Query, Reply};
use crate::identity::{AnyRole, Caller, Keeper};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::log;

/// The most records of one page; fewer where they are large.
const PAGE: u64 = 1_000;
/// A page ends once it has this many bytes.
const PAGE_BYTES: usize = 4 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordsQuery {
    from: Option<u64>,
    limit: Option<u64>,
}

/// Returns records byte for byte, from an index on.
#[utoipa::path(get, path = "/v1/audit/records", tag = "audit",
    params(("from" = Option<u64>, Query, description = "The first index; 0 without"),
        ("limit" = Option<u64>, Query, description = "From 1 to 1,000; 100 without")),
    responses((status = 200, body = RecordPage)))]
pub(super) async fn records(
    State(server): State<Server>,
    _caller: Caller<Keeper>,
    Query(query): Query<RecordsQuery>,
) -> Result<Reply<RecordPage>, Failure> {
    let from = query.from.unwrap_or(0);
    let limit = query.limit.unwrap_or(100).clamp(1, PAGE);
    let mut reader = server.store.read().await?;
    let size = log::head(reader.connection()).await?.tree.size();
    let mut records = log::page(reader.connection(), from, limit).await?;
    let mut bytes = 0;
    // The first record always fits, so a reader gets on.
    let fits = records
        .iter()
        .take_while(|record| {
            let before = bytes;
            bytes += record.len();
            before < PAGE_BYTES
        })
        .count();
    records.truncate(fits);
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
    let leaves = log::leaves(reader.connection(), head.tree.size()).await?;
    let proof = TlogProof {
        extra: None,
        index: query.index,
        hashes: inclusion_proof(&leaves, query.index).map_err(out_of_range)?,
        checkpoint: server
            .sign_head(&head)
            .map_err(|error| Failure::internal(&error))?,
    };
    Ok(text(proof.to_string()))
}

fn out_of_range(error: ProofError) -> Failure {
    Failure::bad_request(error.to_string())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InclusionQuery {
    index: u64,
    size: u64,
}

/// The hashes of a proof.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Proof {
    /// From the leaf's end of the tree to the root's.
    #[schema(value_type = Vec<String>)]
    hashes: Vec<Digest>,
}

/// Proves that a record is in the log of a size.
#[utoipa::path(get, path = "/v1/audit/proof/inclusion", tag = "audit",
    params(("index" = u64, Query, description = "The record's index"),
        ("size" = u64, Query, description = "The size of the log")),
    responses((status = 200, body = Proof), (status = 400, body = Problem)))]
pub(super) async fn inclusion(
    State(server): State<Server>,
    _caller: Caller<Keeper>,
    Query(query): Query<InclusionQuery>,
) -> Result<Reply<Proof>, Failure> {
    let leaves = leaves(&server, query.size).await?;
    let hashes = inclusion_proof(&leaves, query.index).map_err(out_of_range)?;
    Ok(Reply(StatusCode::OK, Proof { hashes }))
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
    responses((status = 200, body = Proof), (status = 400, body = Problem)))]
pub(super) async fn consistency(
    State(server): State<Server>,
    _caller: Caller<Keeper>,
    Query(query): Query<ConsistencyQuery>,
) -> Result<Reply<Proof>, Failure> {
    let leaves = leaves(&server, query.to).await?;
    let hashes = consistency_proof(&leaves, query.from).map_err(out_of_range)?;
    Ok(Reply(StatusCode::OK, Proof { hashes }))
}

/// Returns the leaves of the log of a size that it has reached.
async fn leaves(server: &Server, size: u64) -> Result<Vec<Digest>, Failure> {
    let mut reader = server.store.read().await?;
    let leaves = log::leaves(reader.connection(), size).await?;
    if leaves.len() as u64 != size {
        let detail = format!("the log has {} records, not {size}", leaves.len());
        return Err(Failure::bad_request(detail));
    }
    Ok(leaves)
}
