//! What waits for the visitor, and what was decided.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use gate_protocol::id::RequestId;
use gate_protocol::request::ApprovalStatus;
use jiff::Timestamp;
use serde::Deserialize;

use super::choice::Choice;
use super::moment;
use super::page::{Refused, render};
use super::question::{self, ShownEffect, Status, Target};
use super::request::pass;
use super::session::Visitor;
use super::shown::Shown;
use crate::clock;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::requests::{self, Listed, Request, Selection};

/// How many requests are on a page.
const PAGE: u64 = 50;
/// A page ends once what is stored of its requests has this many bytes: a browser
/// on a telephone is to show it.
const PAGE_BYTES: u64 = 1 << 20;

/// How much of a command stands in a list, in bytes. The rest is announced, and
/// nothing is answered from a list.
const ROW_LIMIT: usize = 600;

/// One request in a list.
struct Row {
    id: String,
    command: Shown,
    cut_bytes: usize,
    effect: ShownEffect,
    target: Vec<Target>,
    requester: Shown,
    kind: &'static str,
    owner: Option<Shown>,
    host: Shown,
    asked: String,
    status: Status,
    reason: Option<Shown>,
    answered_by: Vec<Shown>,
}

impl Row {
    fn of(request: &Request, now: Timestamp) -> Self {
        let requester = &request.state.requester;
        let mut command = Shown::of_command(&request.invocation);
        let reviews = request.state.reviews.iter();
        Self {
            id: request.id.to_string(),
            cut_bytes: command.keep(ROW_LIMIT),
            command,
            effect: question::effect(&request.invocation.effect),
            target: question::target(&request.invocation),
            requester: Shown::of(&requester.name),
            kind: requester.kind.as_str(),
            owner: requester.owner.as_deref().map(Shown::of),
            host: Shown::of(&request.circumstances.host),
            asked: moment::ago(now, request.created_at),
            status: question::status(request, now),
            reason: request.reason.as_deref().map(Shown::of),
            answered_by: reviews.map(|a| Shown::of(&a.review.reviewer)).collect(),
        }
    }

    fn is_production(&self) -> bool {
        self.target.iter().any(|target| target.is_production)
    }
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    visitor: Option<Visitor>,
    is_approver: bool,
    yours: Vec<Row>,
    others: Vec<Row>,
    older: Option<String>,
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    visitor: Option<Visitor>,
    rows: Vec<Row>,
    older: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct PageQuery {
    before: Option<String>,
}

/// Requests that are settled as of now, and where the next page begins.
struct Page {
    requests: Vec<Request>,
    older: Option<String>,
    now: Timestamp,
}

async fn page(
    server: &Server,
    query: Result<Query<PageQuery>, QueryRejection>,
    status: Option<ApprovalStatus>,
) -> Result<Page, Failure> {
    let before = query.ok().and_then(|Query(query)| query.before);
    let before: Option<RequestId> = before
        .map(|text| text.parse().map_err(|_| Failure::not_found()))
        .transpose()?;
    let selection = Selection {
        status,
        before,
        limit: PAGE,
        limit_bytes: PAGE_BYTES,
        ..Selection::default()
    };
    let mut reader = server.store.read().await?;
    let Listed {
        mut requests,
        has_more,
    } = requests::list(reader.connection(), &selection).await?;
    let older = requests.last().filter(|_| has_more);
    let older = older.map(|last| last.id.to_string());
    let now = clock::now();
    for request in &mut requests {
        pass(request, now);
    }
    Ok(Page {
        requests,
        older,
        now,
    })
}

/// Shows what waits: for the visitor first, then for others.
pub(super) async fn waiting(
    State(server): State<Server>,
    visitor: Visitor,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Response, Refused> {
    let Page {
        mut requests,
        older,
        now,
    } = page(&server, query, Some(ApprovalStatus::Pending)).await?;
    requests.retain(|request| request.state.status == ApprovalStatus::Pending);
    let (mut yours, mut others) = (Vec::new(), Vec::new());
    for request in &requests {
        let say = match server.say_of(&visitor.actor, request, now).await {
            Ok(say) => say,
            Err(failure) => return Err(Refused::from(failure).signed_in(visitor)),
        };
        if Choice::waits(request, (&visitor, &say), now) {
            yours.push(request);
        } else {
            others.push(request);
        }
    }
    let rows = |requests: Vec<&Request>| requests.iter().map(|r| Row::of(r, now)).collect();
    let page = InboxPage {
        is_approver: visitor.is_approver(),
        yours: rows(yours),
        others: rows(others),
        older,
        visitor: Some(visitor),
    };
    Ok(render(StatusCode::OK, &page))
}

/// Shows what was decided, or ended without.
pub(super) async fn history(
    State(server): State<Server>,
    visitor: Visitor,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Response, Refused> {
    let Page {
        mut requests,
        older,
        now,
    } = page(&server, query, None).await?;
    requests.retain(|request| request.state.status != ApprovalStatus::Pending);
    let page = HistoryPage {
        rows: requests.iter().map(|r| Row::of(r, now)).collect(),
        older,
        visitor: Some(visitor),
    };
    Ok(render(StatusCode::OK, &page))
}
