//! Letting the next ones like a request pass for a while: a standing grant, proposed from
//! the request's page for its one rule, its target and its requester.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::response::Response;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::ApprovalStatus;
use gate_protocol::standing_grant::{ProposeStandingGrant, StandingGrantStatus};
use jiff::Timestamp;
use serde::Deserialize;

use super::form::{Posted, Tokened};
use super::grants::ShownGrant;
use super::page::{Place, Refused, see_other};
use super::request::find;
use super::session::Visitor;
use super::shown::Shown;
use crate::problem::Failure;
use crate::service::{Channel, Paging, Say, is_always_asked};
use crate::state::Server;
use crate::store::requests::Request;

/// What the form begins with, where the server allows as much.
const USUAL_USES: u32 = 5;
const USUAL_MINUTES: u64 = 60;
/// How many standing grants are looked through for those of this request.
const LOOKED_THROUGH: u64 = 200;

/// What the page says of standing grants.
#[derive(Default)]
pub(super) struct Proposal {
    /// The form, where the visitor can propose one.
    pub(super) form: Option<ProposalForm>,
    /// Those that are open for the same requester, rule and target.
    pub(super) open: Vec<ShownGrant>,
}

/// What the form is about.
pub(super) struct ProposalForm {
    pub(super) rule: Shown,
    pub(super) max_uses: u32,
    pub(super) max_minutes: u64,
    pub(super) uses: u32,
    pub(super) minutes: u64,
}

impl Proposal {
    pub(super) async fn of(
        server: &Server,
        (visitor, say): (&Visitor, &Say),
        request: &Request,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let Some(rule) = one_rule(request) else {
            return Ok(Self::default());
        };
        let paging = Paging::first(LOOKED_THROUGH);
        let found = server.standing_grants(&visitor.actor, &paging).await?;
        let is_open = |status| {
            matches!(
                status,
                StandingGrantStatus::Proposed | StandingGrantStatus::Active
            )
        };
        let fitting = found.standing_grants.iter().filter(|one| {
            is_open(one.status)
                && one.rule == *rule
                && one.principal == request.state.requester.name
                && one.target == request.invocation.target
        });
        let open = fitting
            .map(|one| ShownGrant::of(one, visitor, now))
            .collect();
        let has_say = say.electorate.exclusion(&say.person).is_none();
        let can_propose = visitor.is_approver() && has_say && can_have_one(server, request).await?;
        let limits = server.settings.approving.standing_grants.as_ref();
        let form = limits.filter(|_| can_propose).map(|limits| {
            let max_minutes = (limits.max_ttl.as_secs() / 60).max(1);
            ProposalForm {
                rule: Shown::of(rule),
                max_uses: limits.max_uses,
                max_minutes,
                uses: USUAL_USES.min(limits.max_uses),
                minutes: USUAL_MINUTES.min(max_minutes),
            }
        });
        Ok(Self { form, open })
    }
}

/// Returns the one rule that asks: a standing grant is for one alone.
fn one_rule(request: &Request) -> Option<&String> {
    let rules: BTreeSet<&String> = request.terms.rules.iter().collect();
    let mut rules = rules.into_iter();
    rules.next().filter(|_| rules.next().is_none())
}

/// Tells whether a standing grant could approve such a request at all.
async fn can_have_one(server: &Server, request: &Request) -> Result<bool, Failure> {
    let Some(settings) = &server.settings.approving.standing_grants else {
        return Ok(false);
    };
    let is_everyday = request.particulars.break_glass.is_none();
    Ok(is_everyday
        && may_recur(request)
        && one_rule(request).is_some()
        && !is_always_asked(settings, request).await?)
}

/// Tells whether people have not said no: what was denied, taken back, or answered by nobody
/// is no model for what may pass.
fn may_recur(request: &Request) -> bool {
    match request.state.status {
        ApprovalStatus::Pending
        | ApprovalStatus::Approved
        | ApprovalStatus::Claimed
        | ApprovalStatus::Started
        | ApprovalStatus::Finished
        | ApprovalStatus::Unknown => true,
        ApprovalStatus::Denied | ApprovalStatus::Expired | ApprovalStatus::Cancelled => false,
    }
}

/// How much is proposed. For what stands in the request itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantForm {
    csrf: String,
    uses: u32,
    minutes: u64,
    reason: String,
}

impl Tokened for GrantForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Proposes a standing grant, and confirms it as the first.
pub(super) async fn propose(
    State(server): State<Server>,
    Path(id): Path<String>,
    posted: Posted<GrantForm>,
) -> Result<Response, Refused> {
    let Posted { visitor, form } = posted;
    let place = id.parse().map_or(Place::Inbox, Place::Request);
    let proposed = async {
        // The service does not ask for the role: the door does, as in the API.
        if !visitor.is_approver() {
            let why = "only an approver proposes a standing grant";
            return Err(Failure::new(ProblemCode::Forbidden, why));
        }
        let (request, _) = find(&server, &visitor, &id).await?;
        let rule = one_rule(&request).filter(|_| request.particulars.break_glass.is_none());
        let (Some(rule), true) = (rule, can_have_one(&server, &request).await?) else {
            let why = "no standing grant is for requests like this one: its effect is always \
                       asked about, more than one rule asks, or it did not run";
            return Err(Failure::new(ProblemCode::Forbidden, why));
        };
        let words: Vec<&str> = form.reason.split_whitespace().collect();
        let wanted = ProposeStandingGrant {
            rule: rule.clone(),
            target: request.invocation.target.clone(),
            principal: request.state.requester.name.clone(),
            uses: form.uses,
            ttl_seconds: form.minutes.saturating_mul(60),
            reason: words.join(" "),
        };
        server
            .propose_standing_grant(&visitor.actor, wanted, Channel::Web)
            .await
    };
    match proposed.await {
        Ok(grant) => Ok(see_other(&format!("/grants#grant-{}", grant.id), None)),
        Err(failure) => Err(Refused::from(failure).back_to(place).signed_in(visitor)),
    }
}
