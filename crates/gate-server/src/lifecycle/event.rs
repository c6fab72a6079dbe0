//! What can happen to a request, and what comes of it.

use gate_protocol::canonical::Digest;
use gate_protocol::id::Nonce;
use gate_protocol::request::ApprovalStatus;
use gate_protocol::review::Answer;
use gate_protocol::runner_key::RunnerKey;
use jiff::Timestamp;

use super::{Answered, Electorate};

/// Who answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reviewer<'a> {
    pub(crate) name: &'a str,
    /// The one human whose account this is.
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
        electorate: &'a Electorate,
    },
    /// The confirmations of a standing grant are held against this request.
    Confirm {
        answers: &'a [Answered],
        electorate: &'a Electorate,
    },
    /// The server only observes: it approves.
    Observe,
    /// What people said is counted again, by what is known now.
    Recount {
        electorate: &'a Electorate,
        /// Whether the server only observes, still.
        is_observing: bool,
    },
    /// The requester takes it back.
    Cancel,
    /// The requester's runner, whose signature was verified, wants the grant.
    Claim {
        nonce: Nonce,
        digest: Digest,
        runner_key: RunnerKey,
        electorate: &'a Electorate,
        /// Whether the server only observes, still.
        is_observing: bool,
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
    /// A standing grant approved it.
    Confirmed,
    /// The server only observes, and approved it.
    Observed,
    /// Without what does not count any more it waits for people again.
    Reopened,
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
