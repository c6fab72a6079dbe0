//! Why an event must not happen.

use gate_protocol::problem::{Problem, ProblemCode};
use gate_protocol::request::ApprovalStatus;

use super::{Exclusion, Rest};

/// Why an event must not happen. The request stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The reviewer asked for this, or owns who asked, by whichever account.
    #[error(
        "nobody reviews their own request, nor that of an agent or workload they own, by whichever account"
    )]
    SelfReview,
    /// Who asked says no, by whichever account.
    #[error("nobody reviews their own request; take it back with `gate requests cancel`")]
    OwnDenial,
    /// The reviewer had a hand in it.
    #[error("nobody approves what they had a hand in: you {}", .0.words())]
    Excluded(Exclusion),
    /// One admin alone made or changed the reviewer's account.
    #[error(
        "one admin alone made or changed your account, what you sign in by or your place in a \
         group: your yes counts {}, or once a second admin has confirmed it with `gate admin \
         principals confirm`; you can deny",
        .0.words()
    )]
    Resting(Rest),
    /// No requirement names the reviewer.
    #[error("the rules of this request do not name you as an approver")]
    NotAReviewer,
    /// Not the digest of this request.
    #[error("the digest is not that of this request; look at it again")]
    OtherDigest,
    /// Not the key that the request named.
    #[error("the runner key is not the one that the request named")]
    OtherRunner,
    /// Not the claim that was granted.
    #[error("the claim is not the one that was granted")]
    OtherClaim,
    /// It was claimed with another nonce.
    #[error("the request was claimed already; run the command again to ask anew")]
    ClaimedByOther,
    /// Nobody has answered yet.
    #[error("the request is not approved yet")]
    NotApproved,
    /// Its time is over.
    #[error("the request has expired; run the command again to ask anew")]
    Expired,
    /// Without what does not count any more it lacks approvals.
    #[error("an approval of this request does not count any more, and people are asked again")]
    Lapsed,
    /// Something else changed it first, and it is still open.
    #[error(
        "the request was changed at the same moment; look at it again and repeat what still holds"
    )]
    Overtaken,
    /// It went on without this.
    #[error("the request is {} already", .0.as_str())]
    TooLate(ApprovalStatus),
}

impl Refusal {
    /// Returns it as the API says it.
    pub(crate) fn problem(self) -> Problem {
        let code = match self {
            Self::SelfReview | Self::OwnDenial => ProblemCode::SelfReview,
            Self::Excluded(_) | Self::Resting(_) => ProblemCode::Excluded,
            Self::NotAReviewer | Self::OtherRunner => ProblemCode::Forbidden,
            Self::OtherDigest => ProblemCode::DigestMismatch,
            Self::Lapsed => ProblemCode::Lapsed,
            Self::OtherClaim
            | Self::ClaimedByOther
            | Self::NotApproved
            | Self::Expired
            | Self::Overtaken
            | Self::TooLate(_) => ProblemCode::Conflict,
        };
        Problem::new(code, self.to_string())
    }
}
