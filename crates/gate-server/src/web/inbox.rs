//! What waits: for the visitor first, then for others.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use gate_protocol::id::RequestId;
use gate_protocol::request::ApprovalStatus;
use jiff::Timestamp;
use serde::Deserialize;

use super::page::{Refused, render};
use super::request::pass;
use super::row::Row;
use super::session::Visitor;
use super::shown::Shown;
use crate::clock;
use crate::problem::Failure;
use crate::service::{Channel, Room, size_bytes};
use crate::state::Server;
use crate::store::requests::{self, Listed, Request, Selection};
use crate::store::search::Wanted;
use crate::store::waiting::{self, Bounds, Fair};

/// How many requests are on a page.
const PAGE: u64 = 50;
/// A page ends once what is stored of its requests has this many bytes: a browser
/// on a telephone is to show it.
const PAGE_BYTES: u64 = 1 << 20;
/// So many requests of one owner, with their agents and workloads, are on the first
/// page: whatever they ask for, what others ask is there too.
const OF_EACH: u64 = 10;
/// Later than every id.
const FROM_THE_NEWEST: &str = "ffffffff-ffff-7fff-bfff-ffffffffffff";
/// So many requests of one requester stand one by one; more are folded into one
/// line, so that a flood hides nobody else's.
const ONE_BY_ONE: usize = 3;

/// One entry of the inbox.
enum Pile {
    One(Box<Row>),
    Many(Fold),
}

/// Many requests of one requester.
struct Fold {
    /// Names the fold on the page.
    id: usize,
    requester: Shown,
    summary: String,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    visitor: Option<Visitor>,
    is_approver: bool,
    yours_count: usize,
    yours: Vec<Pile>,
    others: Vec<Pile>,
    older: Option<String>,
    /// Whether all was looked at that could wait for the visitor.
    is_all: bool,
}

impl InboxPage {
    /// Tells whether it is known that nothing waits: for one who answers, for them.
    fn is_nothing(&self) -> bool {
        self.is_all && self.yours.is_empty() && (self.is_approver || self.others.is_empty())
    }
}

/// What stands on a page, newest first.
struct Found {
    yours: Vec<Request>,
    others: Vec<Request>,
    older: Option<String>,
    is_all: bool,
}

#[derive(Default, Deserialize)]
pub(super) struct PageQuery {
    before: Option<String>,
}

/// Shows what waits.
pub(super) async fn waiting(
    State(server): State<Server>,
    visitor: Visitor,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Response, Refused> {
    let before = query.ok().and_then(|Query(query)| query.before);
    let before: Option<RequestId> = before
        .map(|text| text.parse().map_err(|_| Failure::not_found()))
        .transpose()?;
    let now = clock::now();
    let found = match found(&server, &visitor, before, now).await {
        Ok(found) => found,
        Err(failure) => return Err(Refused::from(failure).signed_in(visitor)),
    };
    let (yours, others): (Vec<_>, Vec<_>) =
        (found.yours.iter().collect(), found.others.iter().collect());
    let row = |request: &Request| Row::of(request, now, &server.settings.production);
    let page = InboxPage {
        is_approver: visitor.is_approver(),
        yours_count: yours.len(),
        yours: piled(&yours, 0, row),
        others: piled(&others, yours.len(), row),
        older: found.older,
        is_all: found.is_all,
        visitor: Some(visitor),
    };
    Ok(render(StatusCode::OK, &page))
}

/// Returns what stands on a page. On the first one what waits for the visitor is read on for behind
/// what waits for others: that theirs is old must not keep it from them.
async fn found(
    server: &Server,
    visitor: &Visitor,
    before: Option<RequestId>,
    now: Timestamp,
) -> Result<Found, Failure> {
    let is_first = before.is_none();
    let (mut requests, older) = match before {
        Some(before) => listed(server, before).await?,
        None => first(server).await?,
    };
    for request in &mut requests {
        pass(request, now);
    }
    requests.retain(|request| request.state.status == ApprovalStatus::Pending);
    let (mut yours, mut others) = (Vec::new(), Vec::new());
    let who = (&visitor.actor, Channel::Web);
    for request in requests {
        if server.waits_for(who, &request, now).await? {
            yours.push(request);
        } else {
            others.push(request);
        }
    }
    let mut found = Found {
        yours,
        others,
        is_all: is_first && older.is_none(),
        older,
    };
    if is_first && visitor.is_approver() {
        found.read_on(server, visitor, now).await?;
    }
    Ok(found)
}

impl Found {
    /// Fills the page with what waits for the visitor behind what is on it, of each owner no more
    /// than [`OF_EACH`].
    async fn read_on(
        &mut self,
        server: &Server,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let Some(before) = self.older.as_deref().and_then(|id| id.parse().ok()) else {
            return Ok(());
        };
        let all = self.yours.iter().chain(&self.others);
        let bytes: u64 = all.map(size_bytes).sum();
        let left = PAGE.saturating_sub(self.yours.len() as u64);
        if left == 0 || (bytes >= PAGE_BYTES && !self.yours.is_empty()) {
            return Ok(());
        }
        let wanted = Wanted {
            before: Some(before),
            limit: left,
            limit_bytes: PAGE_BYTES.saturating_sub(bytes),
            ..Wanted::default()
        };
        let who = (&visitor.actor, Channel::Web);
        let room = Room::beside(&self.yours, &self.others, OF_EACH);
        let more = server.waiting_for(who, wanted, room, now).await?;
        self.is_all = more.rest.is_none();
        self.yours.extend(more.requests);
        self.yours
            .sort_by_key(|request| std::cmp::Reverse(request.id));
        Ok(())
    }
}

/// Returns the first page, and where the next one begins: of each owner no more
/// than [`OF_EACH`]. Where somebody has more, the next page begins with the newest
/// again and leaves nothing out.
async fn first(server: &Server) -> Result<(Vec<Request>, Option<String>), Failure> {
    let bounds = Bounds {
        each: OF_EACH,
        limit: PAGE,
        bytes: PAGE_BYTES,
    };
    let mut reader = server.store.read().await?;
    let Fair {
        requests,
        waiting,
        is_crowded,
    } = waiting::fair(reader.connection(), bounds).await?;
    let last = requests.last().filter(|_| waiting > requests.len() as u64);
    let older = last.map(|last| {
        if is_crowded {
            FROM_THE_NEWEST.to_owned()
        } else {
            last.id.to_string()
        }
    });
    Ok((requests, older))
}

/// Returns a later page, of everybody, and where the next one begins.
async fn listed(
    server: &Server,
    before: RequestId,
) -> Result<(Vec<Request>, Option<String>), Failure> {
    let selection = Selection {
        status: Some(ApprovalStatus::Pending),
        before: Some(before),
        limit: PAGE,
        limit_bytes: PAGE_BYTES,
        ..Selection::default()
    };
    let mut reader = server.store.read().await?;
    let Listed { requests, has_more } = requests::list(reader.connection(), &selection).await?;
    let older = requests.last().filter(|_| has_more);
    let older = older.map(|last| last.id.to_string());
    Ok((requests, older))
}

/// Folds what one requester asks for where it is much. A pile stands where its
/// newest request would.
fn piled(requests: &[&Request], first_id: usize, row: impl Fn(&Request) -> Row) -> Vec<Pile> {
    let mut names: Vec<&str> = Vec::new();
    let mut piles: Vec<Pile> = Vec::new();
    let of = |name: &str| -> Vec<&&Request> {
        let of_name = |request: &&&Request| request.state.requester.name == name;
        requests.iter().filter(of_name).collect()
    };
    for request in requests {
        let name = request.state.requester.name.as_str();
        let own = of(name);
        if own.len() <= ONE_BY_ONE {
            piles.push(Pile::One(Box::new(row(request))));
        } else if !names.contains(&name) {
            names.push(name);
            piles.push(Pile::Many(Fold {
                id: first_id + piles.len(),
                requester: Shown::of(name),
                summary: summary(&own),
                rows: own.into_iter().map(|request| row(request)).collect(),
            }));
        }
    }
    piles
}

/// Counts the effects, as `4 destroy, 2 write`; the most frequent first.
fn summary(requests: &[&&Request]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for request in requests {
        let effect = request.invocation.effect.as_str();
        match counts.iter_mut().find(|(name, _)| *name == effect) {
            Some((_, count)) => *count += 1,
            None => counts.push((effect, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let parts: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{count} {}", Shown::of(name).text()))
        .collect();
    parts.join(", ")
}
