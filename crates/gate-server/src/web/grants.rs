//! Standing grants: what is approved for a while without asking again, who
//! confirmed that, and the way to confirm it or to take it back.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use gate_protocol::id::StandingGrantId;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::Requirement;
use gate_protocol::span;
use gate_protocol::standing_grant::{StandingGrant, StandingGrantStatus};
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

/// How many standing grants are listed.
const LISTED: u64 = 100;

/// A standing grant on the page.
pub(super) struct ShownGrant {
    pub(super) id: String,
    /// The style, and the name of where it stands.
    pub(super) status: (&'static str, &'static str),
    pub(super) rule: Shown,
    pub(super) target: Vec<(Shown, Shown)>,
    pub(super) principal: Shown,
    pub(super) left: u32,
    pub(super) uses: u32,
    pub(super) lasts: String,
    /// What its end is the end of.
    pub(super) end_name: &'static str,
    pub(super) end: String,
    pub(super) end_iso: String,
    pub(super) reason: Shown,
    pub(super) proposed_by: Shown,
    pub(super) proposed: String,
    pub(super) proposed_iso: String,
    /// Who confirmed it after the one who proposed it.
    pub(super) confirmed_by: Vec<Shown>,
    pub(super) needs: Vec<Shown>,
    pub(super) revoked_by: Option<Shown>,
    pub(super) can_confirm: bool,
    pub(super) can_revoke: bool,
}

impl ShownGrant {
    pub(super) fn of(grant: &StandingGrant, visitor: &Visitor, now: Timestamp) -> Self {
        let is_proposed = grant.status == StandingGrantStatus::Proposed;
        let is_open = is_proposed || grant.status == StandingGrantStatus::Active;
        let mut names = grant.confirmations.iter().map(|one| one.reviewer.as_str());
        let is_confirmed = names.clone().any(|name| name == visitor.name());
        Self {
            id: grant.id.to_string(),
            status: status(grant.status),
            rule: Shown::of(&grant.rule),
            target: grant
                .target
                .iter()
                .map(|(name, value)| (Shown::of(name), Shown::of(value)))
                .collect(),
            principal: Shown::of(&grant.principal),
            left: grant.uses.saturating_sub(grant.used),
            uses: grant.uses,
            lasts: span::seconds(grant.ttl_seconds),
            end_name: match grant.status {
                StandingGrantStatus::Proposed => "To be confirmed until",
                StandingGrantStatus::Active => "Ends",
                StandingGrantStatus::UsedUp
                | StandingGrantStatus::Ended
                | StandingGrantStatus::Revoked => "Would have ended",
            },
            end: moment::utc(grant.ends_at),
            end_iso: grant.ends_at.to_string(),
            reason: Shown::of(&grant.reason),
            proposed_by: Shown::of(names.next().unwrap_or_default()),
            proposed: moment::ago(now, grant.proposed_at),
            proposed_iso: grant.proposed_at.to_string(),
            confirmed_by: names.map(Shown::of).collect(),
            needs: grant.requirements.iter().map(need).collect(),
            revoked_by: grant.revoked_by.as_deref().map(Shown::of),
            can_confirm: is_proposed && visitor.is_approver() && !is_confirmed,
            can_revoke: is_open && (visitor.is_approver() || visitor.is_admin()),
        }
    }
}

fn need(requirement: &Requirement) -> Shown {
    let people = match requirement.approvers.as_slice() {
        [] => "every approver".to_owned(),
        names => names.join(" or "),
    };
    Shown::of(&format!("{} of {people}", requirement.count.max(1)))
}

fn status(status: StandingGrantStatus) -> (&'static str, &'static str) {
    match status {
        StandingGrantStatus::Proposed => ("pending", "Waits to be confirmed"),
        StandingGrantStatus::Active => ("good", "In force"),
        StandingGrantStatus::UsedUp => ("over", "Used up"),
        StandingGrantStatus::Ended => ("over", "Ended"),
        StandingGrantStatus::Revoked => ("bad", "Revoked"),
    }
}

#[derive(Template)]
#[template(path = "grants.html")]
struct GrantsPage {
    visitor: Option<Visitor>,
    csrf: String,
    open: Vec<ShownGrant>,
    over: Vec<ShownGrant>,
}

/// Lists the newest standing grants, those that matter now first.
pub(super) async fn grants(
    State(server): State<Server>,
    visitor: Visitor,
) -> Result<Response, Refused> {
    let now = clock::now();
    let list = match server
        .standing_grants(&visitor.actor, &Paging::first(LISTED))
        .await
    {
        Ok(list) => list,
        Err(failure) => return Err(back(failure, visitor)),
    };
    let shown = |grant: &StandingGrant| ShownGrant::of(grant, &visitor, now);
    let is_open = |grant: &&StandingGrant| {
        matches!(
            grant.status,
            StandingGrantStatus::Proposed | StandingGrantStatus::Active
        )
    };
    let all = &list.standing_grants;
    let page = GrantsPage {
        csrf: visitor.csrf(),
        open: all.iter().filter(is_open).map(shown).collect(),
        over: all.iter().filter(|one| !is_open(one)).map(shown).collect(),
        visitor: Some(visitor),
    };
    Ok(render(StatusCode::OK, &page))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantForm {
    csrf: String,
}

impl Tokened for GrantForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Confirms one, as one more person.
pub(super) async fn confirm(
    State(server): State<Server>,
    Path(id): Path<String>,
    posted: Posted<GrantForm>,
) -> Result<Response, Refused> {
    let visitor = posted.visitor;
    let done = async {
        // The service does not ask for the role: the door does, as in the API.
        if !visitor.is_approver() {
            let why = "only an approver confirms a standing grant";
            return Err(Failure::new(ProblemCode::Forbidden, why));
        }
        let id = parsed(&id)?;
        server
            .confirm_standing_grant(&visitor.actor, id, Channel::Web)
            .await
    };
    match done.await {
        Ok(grant) => Ok(see_other(&format!("/grants#grant-{}", grant.id), None)),
        Err(failure) => Err(back(failure, visitor)),
    }
}

/// Takes one back at once.
pub(super) async fn revoke(
    State(server): State<Server>,
    Path(id): Path<String>,
    posted: Posted<GrantForm>,
) -> Result<Response, Refused> {
    let visitor = posted.visitor;
    let done = async {
        let id = parsed(&id)?;
        server.revoke_standing_grant(&visitor.actor, id).await
    };
    match done.await {
        Ok(grant) => Ok(see_other(&format!("/grants#grant-{}", grant.id), None)),
        Err(failure) => Err(back(failure, visitor)),
    }
}

fn parsed(id: &str) -> Result<StandingGrantId, Failure> {
    id.parse().map_err(|_| Failure::not_found())
}

fn back(failure: Failure, visitor: Visitor) -> Refused {
    Refused::from(failure)
        .back_to(Place::Grants)
        .signed_in(visitor)
}
