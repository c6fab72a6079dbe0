//! What the visitor can answer to a request, by the same function that will
//! count the answer.

use gate_protocol::review::Answer;
use jiff::Timestamp;

use super::session::Visitor;
use super::shown::Shown;
use crate::lifecycle::Refusal;
use crate::service::Say;
use crate::store::requests::Request;

/// What the page offers.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) can_approve: bool,
    pub(super) can_deny: bool,
    /// Why something is not offered, for a person.
    pub(super) notes: Vec<String>,
    /// Who counts later, since one admin alone made or changed their account.
    pub(super) later: Vec<Shown>,
}

impl Choice {
    /// Returns what `visitor` can answer at `now`. What is not shown whole
    /// can't be approved here, but denied.
    pub(super) fn of(
        request: &Request,
        (visitor, say): (&Visitor, &Say),
        is_whole: bool,
        now: Timestamp,
    ) -> Self {
        let mut choice = Self::default();
        if !visitor.is_approver() {
            choice.notes.push(format!(
                "You are signed in as {}: you can look at everything and answer nothing.",
                visitor.role()
            ));
            return choice;
        }
        let answered = |answer| say.counts(&visitor.actor, request, answer, now);
        choice.can_deny = answered(Answer::Deny) == Ok(true);
        match answered(Answer::Approve) {
            Ok(can_approve) => choice.can_approve = can_approve,
            Err(refusal) => choice.notes.extend(note(refusal, request)),
        }
        if choice.can_approve && !is_whole {
            choice.can_approve = false;
            choice.notes.push(
                "It is too long to be shown whole here, and what is not shown whole is not \
                 approved. It can be denied; `gate approve` shows all of it in a terminal."
                    .to_owned(),
            );
        }
        choice
    }

    /// Names what is offered: while that stays, a form that somebody fills in stays.
    pub(super) fn state(&self) -> &'static str {
        match (self.can_approve, self.can_deny) {
            (true, true) => "both",
            (true, false) => "approve",
            (false, true) => "deny",
            (false, false) => "none",
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.can_approve || self.can_deny
    }
}

/// Says why the visitor can't approve, where the request's status does not say it.
fn note(refusal: Refusal, request: &Request) -> Option<String> {
    let requester = &request.state.requester;
    match refusal {
        Refusal::SelfReview if requester.owner.is_some() => Some(format!(
            "You own {}, so somebody else has to approve.",
            requester.name
        )),
        Refusal::SelfReview => Some("You asked for this, so somebody else has to approve.".into()),
        Refusal::Excluded(why) => Some(format!(
            "You {}, so somebody else has to approve.",
            why.words()
        )),
        Refusal::Resting(rest) => Some(format!(
            "One admin alone made or changed your account, what you sign in by or your place in a \
             group. Your yes counts {}, or once a second admin has confirmed it. You can deny.",
            rest.words()
        )),
        Refusal::NotAReviewer => {
            Some("The rules of this request do not name you, nor a group you are in.".into())
        }
        // It is told why they can't approve.
        Refusal::OwnDenial
        | Refusal::OtherDigest
        | Refusal::OtherRunner
        | Refusal::OtherClaim
        | Refusal::ClaimedByOther
        | Refusal::NotApproved
        | Refusal::Expired
        | Refusal::Lapsed
        | Refusal::Overtaken
        | Refusal::TooLate(_) => None,
    }
}
