//! The life of a request as one pure function: what each event does in each
//! status, and what it must not do.
//!
//! `pending → approved, denied, expired, cancelled`;
//! `approved → denied, cancelled, expired, claimed → started → finished, unknown`.
//! Nothing here reads a clock or a table; the caller settles what time has done
//! ([`Event::Pass`]) before it applies anything else.

mod refusal;
#[cfg(test)]
mod tests;

pub(crate) use refusal::Refusal;

use std::collections::BTreeSet;

use gate_protocol::canonical::Digest;
use gate_protocol::id::Nonce;
use gate_protocol::request::{ApprovalStatus, Requester, Requirement};
use gate_protocol::review::{Answer, Review};
use gate_protocol::runner_key::RunnerKey;
use jiff::Timestamp;

use crate::clock;
use crate::identity::is_same_person;

/// All of a request that decides what may happen to it.
#[derive(Clone, Debug)]
pub(crate) struct RequestState {
    pub(crate) status: ApprovalStatus,
    pub(crate) requester: Requester,
    pub(crate) digest: Digest,
    pub(crate) runner_key: RunnerKey,
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) permit_ttl_seconds: u64,
    pub(crate) reviews: Vec<Answered>,
    /// Shown to people: the end of the wait for an answer or for the claim.
    pub(crate) expires_at: Timestamp,
    /// When time alone changes the status; none where it never does.
    pub(crate) deadline_at: Option<Timestamp>,
    pub(crate) claim: Option<Claimed>,
    pub(crate) has_outcome: bool,
}

/// One answer, with the groups that the reviewer was in at the time.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) review: Review,
    /// The human whose account the reviewer is.
    pub(crate) person: String,
    pub(crate) groups: Vec<String>,
}

/// The claim that was granted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claimed {
    pub(crate) nonce: Nonce,
    pub(crate) not_after: Timestamp,
}

/// Who answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reviewer<'a> {
    pub(crate) name: &'a str,
    /// The human whose account it is.
    pub(crate) person: &'a str,
    pub(crate) groups: &'a [String],
}

/// What someone wants to happen.
#[derive(Clone, Debug)]
pub(crate) enum Event<'a> {
    /// A person answers.
    Review {
        reviewer: Reviewer<'a>,
        answer: Answer,
        digest: Digest,
    },
    /// The requester takes it back.
    Cancel,
    /// The requester's runner, whose signature was verified, wants the grant.
    Claim {
        nonce: Nonce,
        digest: Digest,
        runner_key: RunnerKey,
        /// Those of the reviewers who may still act.
        enabled: &'a BTreeSet<String>,
        /// When a start that was never reported counts as lost.
        report_by: Timestamp,
    },
    /// The client said that it starts the tool.
    Start { nonce: Nonce, report_by: Timestamp },
    /// The client said how the tool ended.
    Finish { nonce: Nonce },
    /// The client said that it held a grant and did not start the tool.
    Abandon { nonce: Nonce },
    /// Nothing but time.
    Pass,
}

/// What an event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) status: ApprovalStatus,
    pub(crate) expires_at: Timestamp,
    pub(crate) deadline_at: Option<Timestamp>,
    pub(crate) happened: Happened,
}

/// What is to be written down of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// Nothing: it was so before, and the answer is the same.
    Nothing,
    /// The review counts.
    Reviewed,
    Cancelled,
    /// The grant is to be made.
    Claimed,
    /// The grant that was made is to be handed out again.
    ClaimedBefore,
    Started,
    Finished,
    /// It ended, and its start was never reported.
    StartedAndFinished,
    Abandoned,
    /// The outcome of what was given up is known after all.
    OutcomeAfterAll,
    Expired,
    /// No word came in time: it may have run.
    LostTrack,
}

impl RequestState {
    /// Returns the requirements that `answers` do not meet yet.
    pub(crate) fn unmet(&self, mut approves: impl FnMut(&Answered) -> bool) -> Vec<&Requirement> {
        let approving: Vec<&Answered> = self.reviews.iter().filter(|a| approves(a)).collect();
        let is_unmet = |requirement: &&Requirement| {
            let people: BTreeSet<&str> = approving
                .iter()
                .filter(|a| names(requirement, &a.review.reviewer, &a.groups))
                .map(|a| a.person.as_str())
                .collect();
            people.len() < usize::try_from(requirement.count.max(1)).unwrap_or(usize::MAX)
        };
        self.requirements.iter().filter(is_unmet).collect()
    }

    fn to(&self, status: ApprovalStatus, happened: Happened) -> Transition {
        let deadline_at = if status.is_terminal() {
            None
        } else {
            self.deadline_at
        };
        Transition {
            status,
            expires_at: self.expires_at,
            deadline_at,
            happened,
        }
    }

    fn stay(&self, happened: Happened) -> Transition {
        self.to(self.status, happened)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.deadline_at.is_some_and(|deadline| now >= deadline)
    }

    fn too_late(&self) -> Refusal {
        Refusal::TooLate(self.status)
    }

    fn holds_claim(&self, nonce: Nonce) -> bool {
        self.claim.is_some_and(|claim| claim.nonce == nonce)
    }
}

/// Tells whether a requirement names this person; an empty one names everybody.
pub(crate) fn names(requirement: &Requirement, name: &str, groups: &[String]) -> bool {
    requirement.approvers.is_empty()
        || requirement
            .approvers
            .iter()
            .any(|approver| match approver.split_once(':') {
                Some(("user", user)) => user == name,
                Some(("group", group)) => groups.iter().any(|g| g == group),
                Some(_) | None => false,
            })
}

/// Returns what `event` does to a request at `now`, or why it must not.
///
/// # Errors
/// Each [`Refusal`] as its name says; the request then stays as it is.
pub(crate) fn apply(
    state: &RequestState,
    event: &Event<'_>,
    now: Timestamp,
) -> Result<Transition, Refusal> {
    match event {
        Event::Review {
            reviewer,
            answer,
            digest,
        } => {
            refuse_reviewer(state, *reviewer)?;
            if *digest != state.digest {
                return Err(Refusal::OtherDigest);
            }
            review(state, *reviewer, *answer, now)
        }
        Event::Cancel => cancel(state, now),
        Event::Claim {
            nonce,
            digest,
            runner_key,
            enabled,
            report_by,
        } => {
            if *digest != state.digest {
                return Err(Refusal::OtherDigest);
            }
            if *runner_key != state.runner_key {
                return Err(Refusal::OtherRunner);
            }
            let mut transition = claim(state, *nonce, enabled, now)?;
            if transition.happened == Happened::Claimed {
                transition.deadline_at = Some(*report_by);
            }
            Ok(transition)
        }
        Event::Start { nonce, report_by } => start(state, *nonce, *report_by),
        Event::Finish { nonce } => end(state, *nonce, Happened::Finished),
        Event::Abandon { nonce } => end(state, *nonce, Happened::Abandoned),
        Event::Pass => Ok(pass(state, now)),
    }
}

/// Refuses who asked, who owns who asked, in whichever of their accounts, and
/// whom no requirement names. There is no exception, for admins neither.
fn refuse_reviewer(state: &RequestState, reviewer: Reviewer<'_>) -> Result<(), Refusal> {
    if is_same_person(state.requester.person(), reviewer.person) {
        return Err(Refusal::SelfReview);
    }
    let is_named = |requirement| names(requirement, reviewer.name, reviewer.groups);
    if state.requirements.iter().any(is_named) {
        Ok(())
    } else {
        Err(Refusal::NotAReviewer)
    }
}

fn review(
    state: &RequestState,
    reviewer: Reviewer<'_>,
    answer: Answer,
    now: Timestamp,
) -> Result<Transition, Refusal> {
    let before = state
        .reviews
        .iter()
        .rfind(|answered| is_same_person(&answered.person, reviewer.person))
        .map(|answered| answered.review.answer);
    if before == Some(answer) {
        return Ok(state.stay(Happened::Nothing));
    }
    match state.status {
        ApprovalStatus::Pending | ApprovalStatus::Approved if state.is_due(now) => {
            Err(Refusal::Expired)
        }
        ApprovalStatus::Pending | ApprovalStatus::Approved if answer == Answer::Deny => {
            Ok(state.to(ApprovalStatus::Denied, Happened::Reviewed))
        }
        ApprovalStatus::Pending => Ok(approve(state, reviewer, now)),
        ApprovalStatus::Approved
        | ApprovalStatus::Denied
        | ApprovalStatus::Expired
        | ApprovalStatus::Cancelled
        | ApprovalStatus::Claimed
        | ApprovalStatus::Started
        | ApprovalStatus::Finished
        | ApprovalStatus::Unknown => Err(state.too_late()),
    }
}

fn approve(state: &RequestState, reviewer: Reviewer<'_>, now: Timestamp) -> Transition {
    let mut with = state.clone();
    with.reviews.push(Answered {
        review: Review {
            reviewer: reviewer.name.to_owned(),
            answer: Answer::Approve,
            comment: None,
            at: now,
            channel: String::new(),
        },
        person: reviewer.person.to_owned(),
        groups: reviewer.groups.to_vec(),
    });
    if with
        .unmet(|answered| answered.review.answer == Answer::Approve)
        .is_empty()
    {
        let expires_at = clock::after(now, state.permit_ttl_seconds);
        return Transition {
            status: ApprovalStatus::Approved,
            expires_at,
            deadline_at: Some(expires_at),
            happened: Happened::Reviewed,
        };
    }
    state.stay(Happened::Reviewed)
}

fn cancel(state: &RequestState, now: Timestamp) -> Result<Transition, Refusal> {
    match state.status {
        ApprovalStatus::Cancelled => Ok(state.stay(Happened::Nothing)),
        ApprovalStatus::Pending | ApprovalStatus::Approved if state.is_due(now) => {
            Err(Refusal::Expired)
        }
        ApprovalStatus::Pending | ApprovalStatus::Approved => {
            Ok(state.to(ApprovalStatus::Cancelled, Happened::Cancelled))
        }
        ApprovalStatus::Denied
        | ApprovalStatus::Expired
        | ApprovalStatus::Claimed
        | ApprovalStatus::Started
        | ApprovalStatus::Finished
        | ApprovalStatus::Unknown => Err(state.too_late()),
    }
}

fn claim(
    state: &RequestState,
    nonce: Nonce,
    enabled: &BTreeSet<String>,
    now: Timestamp,
) -> Result<Transition, Refusal> {
    match state.status {
        ApprovalStatus::Pending => Err(Refusal::NotApproved),
        ApprovalStatus::Approved if state.is_due(now) => Err(Refusal::Expired),
        ApprovalStatus::Approved => {
            let still_counts = |answered: &Answered| {
                answered.review.answer == Answer::Approve
                    && enabled.contains(&answered.review.reviewer)
            };
            if state.unmet(still_counts).is_empty() {
                Ok(state.to(ApprovalStatus::Claimed, Happened::Claimed))
            } else {
                Err(Refusal::ReviewerDisabled)
            }
        }
        // Once the start was reported the grant is used up, and after its end
        // it is worth nothing: neither is handed out again.
        ApprovalStatus::Claimed => match state.claim {
            Some(claim) if claim.nonce == nonce && now < claim.not_after => {
                Ok(state.stay(Happened::ClaimedBefore))
            }
            Some(claim) if claim.nonce == nonce => Err(Refusal::Expired),
            Some(_) | None => Err(Refusal::ClaimedByOther),
        },
        ApprovalStatus::Denied
        | ApprovalStatus::Expired
        | ApprovalStatus::Cancelled
        | ApprovalStatus::Started
        | ApprovalStatus::Finished
        | ApprovalStatus::Unknown => Err(state.too_late()),
    }
}

fn start(state: &RequestState, nonce: Nonce, report_by: Timestamp) -> Result<Transition, Refusal> {
    if !state.holds_claim(nonce) {
        return Err(Refusal::OtherClaim);
    }
    if state.status != ApprovalStatus::Claimed {
        return Err(state.too_late());
    }
    Ok(Transition {
        deadline_at: Some(report_by),
        ..state.to(ApprovalStatus::Started, Happened::Started)
    })
}

/// A claim that was used, or abandoned, is finished either way; what is told
/// apart is what gets recorded.
fn end(state: &RequestState, nonce: Nonce, happened: Happened) -> Result<Transition, Refusal> {
    if !state.holds_claim(nonce) {
        return Err(Refusal::OtherClaim);
    }
    match state.status {
        ApprovalStatus::Claimed if happened == Happened::Finished => {
            Ok(state.to(ApprovalStatus::Finished, Happened::StartedAndFinished))
        }
        ApprovalStatus::Claimed | ApprovalStatus::Started => {
            Ok(state.to(ApprovalStatus::Finished, happened))
        }
        ApprovalStatus::Unknown if !state.has_outcome => Ok(state.stay(Happened::OutcomeAfterAll)),
        ApprovalStatus::Pending
        | ApprovalStatus::Approved
        | ApprovalStatus::Denied
        | ApprovalStatus::Expired
        | ApprovalStatus::Cancelled
        | ApprovalStatus::Finished
        | ApprovalStatus::Unknown => Err(state.too_late()),
    }
}

fn pass(state: &RequestState, now: Timestamp) -> Transition {
    if !state.is_due(now) {
        return state.stay(Happened::Nothing);
    }
    match state.status {
        ApprovalStatus::Pending | ApprovalStatus::Approved => {
            state.to(ApprovalStatus::Expired, Happened::Expired)
        }
        ApprovalStatus::Claimed | ApprovalStatus::Started => {
            state.to(ApprovalStatus::Unknown, Happened::LostTrack)
        }
        ApprovalStatus::Denied
        | ApprovalStatus::Expired
        | ApprovalStatus::Cancelled
        | ApprovalStatus::Finished
        | ApprovalStatus::Unknown => state.stay(Happened::Nothing),
    }
}
