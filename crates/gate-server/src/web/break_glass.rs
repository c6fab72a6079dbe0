//! Break-glass that was used: what waits for a review by somebody who had no
//! part in it, and what others found before.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use gate_protocol::break_glass::{BreakGlassEntry, ReviewBreakGlass};
use gate_protocol::id::RequestId;
use gate_protocol::principal::Role;
use gate_protocol::problem::ProblemCode;
use jiff::Timestamp;
use serde::Deserialize;

use super::form::{Posted, Tokened};
use super::moment;
use super::page::{Place, Refused, render, see_other};
use super::session::Visitor;
use super::shown::Shown;
use crate::clock;
use crate::problem::Failure;
use crate::service::{Channel, Paging};
use crate::state::Server;

/// How many uses are listed.
const LISTED: u64 = 100;

/// One use on the page.
struct Use {
    request: String,
    requester: Shown,
    reason: Shown,
    approved_by: Vec<Shown>,
    used: String,
    used_iso: String,
    /// Who reviewed it, when, and what they found.
    reviewed: Option<(Shown, String, Shown)>,
}

impl Use {
    fn of(entry: &BreakGlassEntry, now: Timestamp) -> Self {
        let what = &entry.break_glass;
        let at = what.reviewed_at.map(moment::utc).unwrap_or_default();
        let found = Shown::of(what.comment.as_deref().unwrap_or_default());
        Self {
            request: entry.request.to_string(),
            requester: Shown::of(&entry.requester),
            reason: Shown::of(&entry.reason),
            approved_by: entry.approved_by.iter().map(|n| Shown::of(n)).collect(),
            used: moment::ago(now, entry.used_at),
            used_iso: entry.used_at.to_string(),
            reviewed: what
                .reviewed_by
                .as_deref()
                .map(|name| (Shown::of(name), at, found)),
        }
    }
}

#[derive(Template)]
#[template(path = "break_glass.html")]
struct BreakGlassPage {
    visitor: Option<Visitor>,
    csrf: String,
    can_review: bool,
    open: Vec<Use>,
    reviewed: Vec<Use>,
}

/// Tells whether the visitor's role reviews break-glass; whether this person had
/// a part in one is the service's to find.
fn may_review(visitor: &Visitor) -> bool {
    matches!(visitor.actor.role, Role::Approver | Role::Auditor)
}

/// Lists the newest uses.
pub(super) async fn uses(
    State(server): State<Server>,
    visitor: Visitor,
) -> Result<Response, Refused> {
    let now = clock::now();
    let listed = async {
        let newest = Paging::first(LISTED);
        let open = server.break_glass_uses(true, &newest).await?;
        Ok((
            open.uses,
            server.break_glass_uses(false, &newest).await?.uses,
        ))
    };
    let (open, newest) = match listed.await {
        Ok(listed) => listed,
        Err(failure) => return Err(back(failure, visitor)),
    };
    let shown = |entry: &BreakGlassEntry| Use::of(entry, now);
    let reviewed = newest.iter().filter(|one| !one.break_glass.is_open);
    let page = BreakGlassPage {
        csrf: visitor.csrf(),
        can_review: may_review(&visitor),
        open: open.iter().map(shown).collect(),
        reviewed: reviewed.map(shown).collect(),
        visitor: Some(visitor),
    };
    Ok(render(StatusCode::OK, &page))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FindingForm {
    csrf: String,
    comment: String,
}

impl Tokened for FindingForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Closes the review of one.
pub(super) async fn review(
    State(server): State<Server>,
    Path(id): Path<String>,
    posted: Posted<FindingForm>,
) -> Result<Response, Refused> {
    let Posted { visitor, form } = posted;
    let done = async {
        if !may_review(&visitor) {
            let why = "only an approver or auditor reviews a break-glass";
            return Err(Failure::new(ProblemCode::Forbidden, why));
        }
        let id: RequestId = id.parse().map_err(|_| Failure::not_found())?;
        // The lines of a comment become one: it is shown as one.
        let words: Vec<&str> = form.comment.split_whitespace().collect();
        let review = ReviewBreakGlass {
            comment: words.join(" "),
        };
        server
            .review_break_glass(&visitor.actor, id, review, Channel::Web)
            .await
    };
    match done.await {
        Ok(_) => Ok(see_other("/break-glass", None)),
        Err(failure) => Err(back(failure, visitor)),
    }
}

fn back(failure: Failure, visitor: Visitor) -> Refused {
    Refused::from(failure)
        .back_to(Place::BreakGlass)
        .signed_in(visitor)
}
