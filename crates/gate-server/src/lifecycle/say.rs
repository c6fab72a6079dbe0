//! Who may answer a request, and how. A yes is only theirs who have a say in it; a no is everybody's
//! whom a requirement names.

use gate_protocol::approver::Approver;
use gate_protocol::principal::PrincipalKind;
use gate_protocol::request::Requirement;
use gate_protocol::review::Answer;
use jiff::Timestamp;

use super::{Electorate, Exclusion, Refusal, RequestState, Reviewer};
use crate::identity::is_same_person;

/// Tells whether a requirement names this person from the beginning; an empty one
/// names everybody.
fn names(requirement: &Requirement, name: &str, groups: &[String]) -> bool {
    requirement.approvers.is_empty() || is_among(&requirement.approvers, name, groups)
}

/// Tells whether a requirement names this person after so many seconds: those too
/// whom it is escalated to.
pub(crate) fn names_at(
    requirement: &Requirement,
    name: &str,
    groups: &[String],
    waited_seconds: u64,
) -> bool {
    names(requirement, name, groups) || is_among(joined(requirement, waited_seconds), name, groups)
}

/// Returns who may answer beside those whom a requirement names, after so many seconds.
pub(crate) fn joined(requirement: &Requirement, waited_seconds: u64) -> &[String] {
    match &requirement.escalation {
        Some(later) if waited_seconds >= later.after_seconds => &later.to,
        Some(_) | None => &[],
    }
}

fn is_among(approvers: &[String], name: &str, groups: &[String]) -> bool {
    let is_meant = |approver: &String| match approver.parse() {
        Ok(Approver::User(user)) => user == name,
        Ok(Approver::Group(group)) => groups.contains(&group),
        Err(_) => false,
    };
    approvers.iter().any(is_meant)
}

impl RequestState {
    /// Tells whether a requirement names this person now, so that their answer is one at all.
    pub(crate) fn names(&self, name: &str, groups: &[String], now: Timestamp) -> bool {
        let waited = self.waited(now);
        let mut requirements = self.requirements.iter();
        requirements.any(|one| names_at(one, name, groups, waited))
    }
}

/// Refuses whom no requirement names and, where they say yes, who has no say. There is no
/// exception, for admins neither.
pub(super) fn may_answer(
    state: &RequestState,
    (reviewer, answer): (Reviewer<'_>, Answer),
    electorate: &Electorate,
    now: Timestamp,
) -> Result<(), Refusal> {
    match answer {
        Answer::Approve => may_approve(state, reviewer, electorate)?,
        Answer::Deny => may_deny(state, reviewer)?,
    }
    if !state.names(reviewer.name, reviewer.groups, now) {
        return Err(Refusal::NotAReviewer);
    }
    let waited = state.waited(now);
    match electorate.rest(reviewer.name, &state.requirements, waited) {
        Some(rest) if answer == Answer::Approve => Err(Refusal::Resting(rest)),
        Some(_) | None => Ok(()),
    }
}

fn may_approve(
    state: &RequestState,
    reviewer: Reviewer<'_>,
    electorate: &Electorate,
) -> Result<(), Refusal> {
    let is_asking = state.requester.name == reviewer.name;
    let is_own = is_asking || is_same_person(state.requester.person(), reviewer.person);
    match electorate.exclusion(reviewer.person) {
        _ if is_own => Err(Refusal::SelfReview),
        Some(Exclusion::Asked | Exclusion::Owns) => Err(Refusal::SelfReview),
        Some(why) => Err(Refusal::Excluded(why)),
        None => Ok(()),
    }
}

/// To have had a hand in it takes nobody's no away: whoever changed an account or a rule would
/// silence with it whom they had a hand in. Who asked takes it back instead, which is no answer.
fn may_deny(state: &RequestState, reviewer: Reviewer<'_>) -> Result<(), Refusal> {
    let requester = &state.requester;
    let is_of_asker = requester.kind == PrincipalKind::User
        && is_same_person(requester.person(), reviewer.person);
    if requester.name == reviewer.name || is_of_asker {
        return Err(Refusal::OwnDenial);
    }
    Ok(())
}
