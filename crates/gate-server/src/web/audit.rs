//! The audit log on pages: whether it holds, and what is in it.

use askama::Template;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::unfold;
use gate_protocol::log::{AuditRecord, RecordType};
use serde::Deserialize;
use serde_json::Value;

use super::chain::{self, Verified};
use super::moment;
use super::page::{Refused, render};
use super::session::{Keeper, Visitor};
use super::shown::Shown;
use crate::history::{Past, Reading};
use crate::state::Server;
use crate::store::log::{self, WantedRecords};
use crate::store::{Connection, StoreError, payloads};

/// How many records are on a page.
const PAGE: u64 = 50;
/// How much of a record's body stands in the list, in bytes.
const BODY_LIMIT: usize = 400;
/// How many records are read at once for a download.
const DOWNLOAD_STEP: u64 = 200;

/// One record.
struct Entry {
    seq: u64,
    iso: String,
    at: String,
    record_type: Shown,
    request: Option<String>,
    body: Shown,
    cut_bytes: usize,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    visitor: Option<Visitor>,
    state: Option<Verified>,
    size: u64,
    checkpoint: Option<(u64, String, String)>,
    types: Vec<(&'static str, bool)>,
    request: String,
    is_filtered: bool,
    entries: Vec<Entry>,
    older: Option<String>,
}

/// What the address asks for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AuditQuery {
    r#type: String,
    request: String,
    before: Option<u64>,
}

/// Shows the log, newest first.
pub(super) async fn audit(
    State(server): State<Server>,
    Keeper(visitor): Keeper,
    query: Result<Query<AuditQuery>, QueryRejection>,
) -> Result<Response, Refused> {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let wanted = WantedRecords {
        record_type: some(&query.r#type),
        request: some(&query.request),
        before: query.before,
        limit: PAGE + 1,
    };
    let state = chain::verified(&server).await;
    let mut reader = server.store.read().await?;
    let size = log::head(reader.connection()).await?.tree.size();
    let checkpoint = log::last_checkpoint(reader.connection()).await?;
    drop(reader);
    let ((entries, has_more), as_of) = server.past(&Entries(&wanted)).await?;
    let last = entries.last().filter(|_| has_more);
    let older = last.map(|last| {
        format!(
            "/audit?type={}&request={}&before={}",
            plain(&query.r#type),
            plain(&query.request),
            last.seq
        )
    });
    let page = AuditPage {
        state,
        size,
        checkpoint: checkpoint.map(|(size, at)| (size, at.to_string(), moment::utc(at))),
        types: RecordType::KNOWN
            .iter()
            .map(|one| (one.as_str(), one.as_str() == query.r#type))
            .collect(),
        is_filtered: wanted.record_type.is_some() || wanted.request.is_some(),
        request: query.request,
        entries,
        older,
        visitor: Some(visitor),
    };
    Ok((as_of, render(StatusCode::OK, &page)).into_response())
}

/// A page of entries, and whether there are more.
struct Entries<'w>(&'w WantedRecords);

impl Reading for Entries<'_> {
    type Found = (Vec<Entry>, bool);

    /// Below an index nothing changes; the newest are the database's own to tell.
    fn past(&self) -> Past {
        Past::Records(self.0.before.unwrap_or(u64::MAX))
    }

    async fn read(&self, connection: &mut Connection) -> Result<Self::Found, StoreError> {
        let records = log::search(connection, self.0).await?;
        let shown = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let mut entries = Vec::new();
        for text in records.iter().take(shown) {
            entries.push(entry(connection, text).await?);
        }
        Ok((entries, records.len() > shown))
    }
}

/// Returns what of a filter can stand in an address: ids and types are plain.
fn plain(text: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.chars().filter(is_plain).collect()
}

async fn entry(connection: &mut Connection, text: &str) -> Result<Entry, StoreError> {
    let Ok(mut record) = AuditRecord::parse(text.as_bytes()) else {
        let mut body = Shown::of(text);
        return Ok(Entry {
            seq: 0,
            iso: String::new(),
            at: String::new(),
            record_type: Shown::of("unreadable"),
            request: None,
            cut_bytes: body.keep(BODY_LIMIT),
            body,
        });
    };
    let seq = record.seq();
    for beside in payloads::of(connection, seq..seq + 1).await? {
        record.restore(&beside.payload);
    }
    let request = record.body().get("request").and_then(Value::as_str);
    let request = request.filter(|id| id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'));
    let mut body = Shown::of(&serde_json::to_string(record.body()).unwrap_or_default());
    Ok(Entry {
        seq: record.seq(),
        iso: record.at().to_string(),
        at: moment::utc(record.at()),
        record_type: Shown::of(record.record_type().as_str()),
        request: request.map(ToOwned::to_owned),
        cut_bytes: body.keep(BODY_LIMIT),
        body,
    })
}

/// Hands out all records that are here byte for byte, one on a line, in their order: what
/// `gate audit verify` reads.
pub(super) async fn download(
    State(server): State<Server>,
    _keeper: Keeper,
) -> Result<Response, Refused> {
    let mut reader = server.store.read().await?;
    let size = log::head(reader.connection()).await?.tree.size();
    let first = log::pruned(reader.connection()).await?;
    drop(reader);
    let steps = unfold((server, first), move |(server, from)| async move {
        if from >= size {
            return None;
        }
        let step = some_records(&server, from, DOWNLOAD_STEP.min(size - from)).await;
        // What ends early is seen to be short: the head says how long it is.
        let next = step.as_ref().map_or(size, |(_, next)| *next);
        Some((step.map(|(text, _)| text), (server, next)))
    });
    let headers = [
        (CONTENT_TYPE, "application/jsonl"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"gate-audit.jsonl\"",
        ),
    ];
    Ok((headers, Body::from_stream(steps)).into_response())
}

/// One step of a download.
struct Step {
    from: u64,
    limit: u64,
}

impl Reading for Step {
    type Found = Vec<String>;

    fn past(&self) -> Past {
        Past::Records(self.from.saturating_add(self.limit))
    }

    async fn read(&self, connection: &mut Connection) -> Result<Vec<String>, StoreError> {
        log::page(connection, self.from, self.limit).await
    }
}

/// Returns records as lines, and where to go on.
async fn some_records(server: &Server, from: u64, limit: u64) -> Result<(String, u64), StoreError> {
    let (records, _) = server.past(&Step { from, limit }).await?;
    let mut text = String::new();
    for record in &records {
        text.push_str(record);
        text.push('\n');
    }
    // Nothing where there should be something can't go on for ever.
    let next = from.saturating_add((records.len() as u64).max(1));
    Ok((text, next))
}
