//! The life of a request as one pure function: what each event does in each
//! status, and what it must not do.
//!
//! `pending → approved, denied, expired, cancelled`;
//! `approved → denied, cancelled, expired, claimed → started → finished, unknown`;
//! `approved → pending` where an approval does not count any more.
//! Nothing here reads a clock or a table; the caller settles what time has done
//! ([`Event::Pass`]) before it applies anything else.

mod electorate;
mod event;
mod places;
mod refusal;
mod rest;
mod say;
#[cfg(test)]
mod tests;

pub(crate) use electorate::{Electorate, Exclusion, Void, Voter};
pub(crate) use event::{Event, Happened, Reviewer, Transition};
pub(crate) use refusal::Refusal;
pub(crate) use rest::{Rest, Rests};
pub(crate) use say::{joined, names_at};

use gate_protocol::canonical::Digest;
use gate_protocol::id::Nonce;
use gate_protocol::request::{ApprovalStatus, Requester, Requirement};
use gate_protocol::review::{Answer, Review};
use gate_protocol::runner_key::RunnerKey;
use jiff::Timestamp;

use say::may_answer;

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
    /// From when on it waits.
    pub(crate) created_at: Timestamp,
    /// Until when people can answer it.
    pub(crate) answer_by: Timestamp,
    /// The server approved it by itself, since it only observes.
    pub(crate) is_observed: bool,
    /// Shown to people: the end of the wait for an answer or for the claim.
    pub(crate) expires_at: Timestamp,
    /// When time alone changes the status; none where it never does.
    pub(crate) deadline_at: Option<Timestamp>,
    pub(crate) claim: Option<Claimed>,
    pub(crate) has_outcome: bool,
}

/// One answer, with whose account gave it, and the groups that it was in at the time.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) review: Review,
    /// The human whose account the reviewer is.
    pub(crate) person: String,
    pub(crate) groups: Vec<String>,
    /// The token that it was given with, where it was one.
    pub(crate) token: Option<String>,
}

/// The claim that was granted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claimed {
    pub(crate) nonce: Nonce,
    pub(crate) not_after: Timestamp,
}

impl RequestState {
    /// Returns the requirements that the approvals chosen by `approves` do not
    /// meet yet, each with the person and the groups of its own time.
    pub(crate) fn unmet(
        &self,
        now: Timestamp,
        mut approves: impl FnMut(&Answered) -> bool,
    ) -> Vec<&Requirement> {
        let approving: Vec<&Answered> = self.reviews.iter().filter(|a| approves(a)).collect();
        places::unmet(&self.requirements, &approving, self.waited(now))
    }

    /// Returns the requirements that would be unmet if all of these said yes.
    pub(crate) fn unmet_by(&self, now: Timestamp, answers: &[Answered]) -> Vec<&Requirement> {
        let all: Vec<&Answered> = answers.iter().collect();
        places::unmet(&self.requirements, &all, self.waited(now))
    }

    /// Tells whether so many of those who said yes count that nothing is unmet.
    pub(crate) fn is_met_by(
        requirements: &[Requirement],
        answers: &[Answered],
        electorate: &Electorate,
    ) -> bool {
        let standing = electorate.standing(answers);
        let all: Vec<&Answered> = standing.iter().collect();
        places::unmet(requirements, &all, 0).is_empty()
    }

    /// Returns the people whose approvals count now, by what is known now.
    pub(crate) fn approving(&self, electorate: &Electorate) -> Vec<String> {
        let standing = electorate.standing(&self.reviews).into_iter();
        standing.map(|answered| answered.review.reviewer).collect()
    }

    /// Returns for how many whole seconds it has waited.
    pub(crate) fn waited(&self, now: Timestamp) -> u64 {
        let waited = now.as_second().saturating_sub(self.created_at.as_second());
        u64::try_from(waited).unwrap_or(0)
    }

    /// Returns for how many whole seconds people were waited for: what came after their answer was
    /// no wait, and what was approved unasked waited for nobody.
    pub(crate) fn waited_for_people(&self, now: Timestamp) -> u64 {
        let answered = self.reviews.iter().map(|one| one.review.at).max();
        match answered {
            Some(at) if self.status != ApprovalStatus::Pending => self.waited(at.min(now)),
            Some(_) => self.waited(now),
            None => match self.status {
                ApprovalStatus::Pending => self.waited(now),
                ApprovalStatus::Expired | ApprovalStatus::Cancelled => {
                    self.waited(now.min(self.answer_by))
                }
                ApprovalStatus::Approved
                | ApprovalStatus::Denied
                | ApprovalStatus::Claimed
                | ApprovalStatus::Started
                | ApprovalStatus::Finished
                | ApprovalStatus::Unknown => 0,
            },
        }
    }

    fn is_met(&self, electorate: &Electorate, now: Timestamp) -> bool {
        self.unmet_by(now, &electorate.standing(&self.reviews))
            .is_empty()
    }

    /// Waits for people again, unless that time is over too.
    fn reopen(&self, now: Timestamp) -> Transition {
        if now >= self.answer_by {
            return self.to(ApprovalStatus::Expired, Happened::Expired);
        }
        Transition {
            status: ApprovalStatus::Pending,
            expires_at: self.answer_by,
            deadline_at: Some(self.answer_by),
            happened: Happened::Reopened,
        }
    }

    /// May be claimed from now on.
    fn permit(&self, happened: Happened, now: Timestamp) -> Transition {
        let expires_at = clock::after(now, self.permit_ttl_seconds);
        Transition {
            status: ApprovalStatus::Approved,
            expires_at,
            deadline_at: Some(expires_at),
            happened,
        }
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
            electorate,
        } => {
            may_answer(state, (*reviewer, *answer), electorate, now)?;
            if *digest != state.digest {
                return Err(Refusal::OtherDigest);
            }
            review(state, (*reviewer, *answer), electorate, now)
        }
        Event::Confirm {
            answers,
            electorate,
        } => Ok(confirm(state, answers, electorate, now)),
        Event::Observe => Ok(observe(state, now)),
        Event::Recount {
            electorate,
            is_observing,
        } => Ok(recount(state, electorate, *is_observing, now)),
        Event::Cancel => cancel(state, now),
        Event::Claim {
            nonce,
            digest,
            runner_key,
            electorate,
            is_observing,
            report_by,
        } => {
            if *digest != state.digest {
                return Err(Refusal::OtherDigest);
            }
            if *runner_key != state.runner_key {
                return Err(Refusal::OtherRunner);
            }
            let standing = recount(state, electorate, *is_observing, now);
            let mut transition = claim(state, *nonce, standing.status, now)?;
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

fn review(
    state: &RequestState,
    (reviewer, answer): (Reviewer<'_>, Answer),
    electorate: &Electorate,
    now: Timestamp,
) -> Result<Transition, Refusal> {
    let before = state
        .reviews
        .iter()
        .filter(|answered| answered.review.void.is_none())
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
        ApprovalStatus::Pending => Ok(approve(state, reviewer, electorate, now)),
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

/// Counts one more approval. Those before it count as they were given: whoever
/// calls has had them recounted.
fn approve(
    state: &RequestState,
    reviewer: Reviewer<'_>,
    electorate: &Electorate,
    now: Timestamp,
) -> Transition {
    let mut answers: Vec<Answered> = state.reviews.clone();
    answers.retain(Answered::is_yes);
    answers.push(Answered {
        review: Review {
            reviewer: reviewer.name.to_owned(),
            answer: Answer::Approve,
            comment: None,
            at: now,
            channel: String::new(),
            void: None,
        },
        person: reviewer.person.to_owned(),
        groups: electorate.counted_groups(reviewer.name, reviewer.groups),
        token: None,
    });
    let answers = electorate.by_person(answers);
    if state.unmet_by(now, &answers).is_empty() {
        return state.permit(Happened::Reviewed, now);
    }
    state.stay(Happened::Reviewed)
}

/// Approves by the confirmations of a standing grant, if they alone suffice.
fn confirm(
    state: &RequestState,
    answers: &[Answered],
    electorate: &Electorate,
    now: Timestamp,
) -> Transition {
    let mut with = state.clone();
    with.reviews = answers.to_vec();
    let is_open = state.status == ApprovalStatus::Pending && !state.is_due(now);
    if is_open && with.is_met(electorate, now) {
        return state.permit(Happened::Confirmed, now);
    }
    state.stay(Happened::Nothing)
}

fn observe(state: &RequestState, now: Timestamp) -> Transition {
    if state.status == ApprovalStatus::Pending && !state.is_due(now) {
        return state.permit(Happened::Observed, now);
    }
    state.stay(Happened::Nothing)
}

/// An approval that is not claimed yet stands as long as those who gave it could
/// give it again, and one that nobody gave as long as the server only observes.
fn recount(
    state: &RequestState,
    electorate: &Electorate,
    is_observing: bool,
    now: Timestamp,
) -> Transition {
    if state.status != ApprovalStatus::Approved || state.is_due(now) {
        return state.stay(Happened::Nothing);
    }
    let stands = (state.is_observed && is_observing) || state.is_met(electorate, now);
    if stands {
        state.stay(Happened::Nothing)
    } else {
        state.reopen(now)
    }
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

/// `standing` is the status once everything is counted again.
fn claim(
    state: &RequestState,
    nonce: Nonce,
    standing: ApprovalStatus,
    now: Timestamp,
) -> Result<Transition, Refusal> {
    match state.status {
        ApprovalStatus::Pending => Err(Refusal::NotApproved),
        ApprovalStatus::Approved if state.is_due(now) => Err(Refusal::Expired),
        ApprovalStatus::Approved if standing != ApprovalStatus::Approved => Err(Refusal::Lapsed),
        ApprovalStatus::Approved => Ok(state.to(ApprovalStatus::Claimed, Happened::Claimed)),
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
