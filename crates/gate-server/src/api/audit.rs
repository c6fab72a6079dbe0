//! `/v1/audit`: the log and its proofs.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use gate_protocol::erasure::{Erase, Erased};
use gate_protocol::log::TlogProof;
use gate_protocol::problem::Problem;
use gate_protocol::server::{LogProof, RecordPage};
use serde::Deserialize;

use super::extract::{Json, Query, Reply};
use crate::history::{AsOf, Past, Reading};
use crate::identity::{AnyRole, Caller, Keeper, Operator};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::{Connection, StoreError, log, log_proofs, payloads};
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
    params(("from" = Option<u64>, Query, maximum = 9_223_372_036_854_775_807_i64,
            description = "The first index; 0 without"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000,
            description = "The most records of the page; 100 without")),
    responses((status = 200, body = RecordPage), (status = 400, body = Problem)))]
pub(super) async fn records(
    State(server): State<Server>,
    _caller: Caller<Keeper>,
    Query(query): Query<RecordsQuery>,
) -> Result<(Option<AsOf>, Reply<RecordPage>), Failure> {
    let from = query.from.unwrap_or(0);
    if i64::try_from(from).is_err() {
        return Err(Failure::bad_request("no log is as long as `from` says"));
    }
    let limit = query.limit.unwrap_or(100);
    if !(1..=PAGE).contains(&limit) {
        let detail = format!("`limit` must be from 1 to {PAGE}");
        return Err(Failure::bad_request(detail));
    }
    let (mut page, as_of) = server.past(&Stretch { from, limit }).await?;
    if let Some(as_of) = as_of {
        // How long the log is, is never for a standby to say.
        page.size = as_of.of;
    }
    Ok((as_of, Reply(StatusCode::OK, page)))
}

/// A stretch of records, of which one page is read.
struct Stretch {
    from: u64,
    limit: u64,
}

impl Reading for Stretch {
    type Found = RecordPage;

    fn past(&self) -> Past {
        Past::Records(self.from.saturating_add(self.limit))
    }

    async fn read(&self, connection: &mut Connection) -> Result<RecordPage, StoreError> {
        let size = log::head(connection).await?.tree.size();
        let first = log::pruned(connection).await?;
        let records = if self.from < first {
            // It says where to go on.
            Vec::new()
        } else {
            log::page(connection, self.from, self.limit).await?
        };
        let next = self.from.saturating_add(records.len() as u64);
        let payloads = payloads::of(connection, self.from..next).await?;
        Ok(RecordPage {
            records,
            next,
            size,
            first,
            payloads,
        })
    }
}

/// Erases what stands beside the records about a request, or of a person. The records stay,
/// and one more says what was erased, by whom and why. What a person said is erased a
/// thousand records at a time: `more` says to ask again.
#[utoipa::path(post, path = "/v1/audit/erasures", tag = "audit", request_body = Erase,
    responses((status = 200, body = Erased), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn erase(
    State(server): State<Server>,
    caller: Caller<Operator>,
    Json(wanted): Json<Erase>,
) -> Result<Reply<Erased>, Failure> {
    let erased = server.erase(&caller.actor, wanted).await?;
    Ok(Reply(StatusCode::OK, erased))
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
    let note = server.sign_head(reader.connection(), &head).await?;
    Ok(text(note))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceiptQuery {
    index: u64,
    #[serde(default)]
    cosigned: bool,
}

/// Returns a receipt: the proof of one record's place, with the signed head. It
/// says nothing of what is in the record, so everybody who is signed in may ask:
/// who keeps what the server handed out finds out whether it is still there.
#[utoipa::path(get, path = "/v1/audit/inclusion", tag = "audit",
    params(("index" = u64, Query, description = "The record's index"),
        ("cosigned" = Option<bool>, Query, description = "Under the newest head that witnesses \
            signed, with their signatures, where it has the record; not the head of now")),
    responses((status = 200, body = String, content_type = "text/plain"),
        (status = 400, body = Problem)))]
pub(super) async fn receipt(
    State(server): State<Server>,
    _caller: Caller<AnyRole>,
    Query(query): Query<ReceiptQuery>,
) -> Result<Response, Failure> {
    let mut reader = server.store.read().await?;
    let cosigned = if query.cosigned {
        log_proofs::cosigned(reader.connection()).await?
    } else {
        None
    };
    let (size, checkpoint) = match cosigned {
        Some((size, note)) if query.index < size => (size, note),
        Some(_) | None => {
            let head = log::head(reader.connection()).await?;
            let note = server.sign_head(reader.connection(), &head).await?;
            (head.tree.size(), note)
        }
    };
    let subtrees = &server.subtrees;
    let proved = subtrees
        .inclusion(reader.connection(), query.index, size)
        .await;
    let proof = TlogProof {
        extra: None,
        index: query.index,
        hashes: proved.map_err(unproved)?,
        checkpoint,
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
    let mut reader = server.store.read().await?;
    reached(reader.connection(), size).await?;
    let subtrees = &server.subtrees;
    let proved = subtrees.inclusion(reader.connection(), index, size).await;
    let hashes = proved.map_err(unproved)?;
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
    let mut reader = server.store.read().await?;
    reached(reader.connection(), to).await?;
    let subtrees = &server.subtrees;
    let proved = subtrees.consistency(reader.connection(), from, to).await;
    let hashes = proved.map_err(unproved)?;
    Ok(Reply(StatusCode::OK, LogProof { hashes }))
}

/// Refuses a size that the log has not.
async fn reached(connection: &mut Connection, size: u64) -> Result<(), Failure> {
    let reached = log::head(connection).await?.tree.size();
    if size > reached {
        let detail = format!("the log has {reached} records, not {size}");
        return Err(Failure::bad_request(detail));
    }
    Ok(())
}

fn unproved(failure: SubtreesFailure) -> Failure {
    match failure {
        SubtreesFailure::Proof(error) => Failure::bad_request(error.to_string()),
        SubtreesFailure::Store(error) => error.into(),
    }
}
