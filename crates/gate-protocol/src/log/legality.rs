//! Whether the records of each request tell a possible story.
//!
//! created → reviews → approved, denied, expired or cancelled; approved →
//! pending again, where a review does not count any more; approved →
//! denied, expired or cancelled as long as it is not claimed; approved →
//! claimed → started → finished or unknown; claimed or started → abandoned.
//! After unknown the outcome may come late, once. This holds the log against
//! its own words; it can't know of an action that nobody logged.
//!
//! The published vectors (`tests/vectors/audit-vectors.json`) name a request as
//! `request_id`, and their reviews say no status. Such records are read too, but
//! no other may leave out what gate writes.

use std::collections::HashMap;

use serde_json::Value;

use super::record::AuditRecord;
use super::record_type::RecordType;
use crate::canonical::Digest;

/// How far a request has come, as its records tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nobody has decided.
    Pending,
    /// Reviewed, with no word of the status after it, which only a record with
    /// `request_id` may leave out; such a request may be claimed.
    Reviewed,
    /// Approved, and not claimed yet.
    Approved,
    /// Turned into a grant.
    Claimed,
    /// The tool was started.
    Started,
    /// The outcome was given up; it may still come late.
    Unknown,
    /// Denied, expired, cancelled, finished or abandoned: nothing may follow.
    Ended,
}

impl Stage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Reviewed => "reviewed",
            Self::Approved => "approved",
            Self::Claimed => "claimed",
            Self::Started => "started",
            Self::Unknown => "unknown",
            Self::Ended => "ended",
        }
    }
}

/// What is impossible about a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Illegality {
    /// The body does not name a request, or names two.
    #[error("`{0}` does not name its request")]
    NoRequest(RecordType),
    /// The request was never created.
    #[error("`{0}` is about a request that was never created")]
    NeverCreated(RecordType),
    /// The request was created before.
    #[error("the request is created a second time")]
    CreatedTwice,
    /// The request was claimed before: two runs on one approval.
    #[error("the request is claimed a second time")]
    ClaimedTwice,
    /// The body's `status` is none that a review leads to, or missing.
    #[error("`{0}` has no status that a review leads to")]
    Status(RecordType),
    /// The record can't follow the one before it.
    #[error("`{record_type}` can't follow when the request is {}", .stage.as_str())]
    OutOfTurn {
        /// The record's type.
        record_type: RecordType,
        /// How far the request had come.
        stage: Stage,
    },
}

/// What a record does to its request.
#[derive(Clone, Copy)]
enum Step {
    Create,
    Review,
    VoidReview,
    Observe,
    RefuseReview,
    Withdraw,
    Claim,
    Start,
    Finish,
    Abandon,
    LoseTrack,
}

/// All other types tell nothing of a request's story.
const STEPS: [(RecordType, Step); 12] = [
    (RecordType::RequestCreated, Step::Create),
    (RecordType::DecisionRecorded, Step::Review),
    (RecordType::DecisionVoided, Step::VoidReview),
    (RecordType::RequestObserved, Step::Observe),
    (RecordType::RequestRejectedReview, Step::RefuseReview),
    (RecordType::RequestCancelled, Step::Withdraw),
    (RecordType::RequestExpired, Step::Withdraw),
    (RecordType::GrantClaimed, Step::Claim),
    (RecordType::RunStarted, Step::Start),
    (RecordType::RunFinished, Step::Finish),
    (RecordType::RunAbandoned, Step::Abandon),
    (RecordType::RunUnknown, Step::LoseTrack),
];

fn step_of(record_type: &RecordType) -> Option<Step> {
    STEPS
        .iter()
        .find(|(with_step, _)| with_step == record_type)
        .map(|(_, step)| *step)
}

/// How the published vectors name a request.
const OLD_NAME: &str = "request_id";

#[derive(Clone, Copy, Debug)]
struct Story {
    stage: Stage,
    was_claimed: bool,
}

/// The stories of all requests so far.
///
/// Ended ones stay, or a second claim would go unseen: 18 bytes for each
/// request, and the map's own room, about 40 MB for a million requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Stories {
    /// By half a SHA-256 of the request's id, which has no length limit itself.
    by_request: HashMap<[u8; 16], Story>,
}

impl Stories {
    /// Takes the next record of the log.
    pub(super) fn follow(&mut self, record: &AuditRecord) -> Result<(), Illegality> {
        let record_type = record.record_type();
        let Some(step) = step_of(record_type) else {
            return Ok(());
        };
        let request =
            request_of(record).ok_or_else(|| Illegality::NoRequest(record_type.clone()))?;
        let after = match (self.by_request.get(&request), step) {
            (None, Step::Create) => Story {
                stage: Stage::Pending,
                was_claimed: false,
            },
            (None, _) => return Err(Illegality::NeverCreated(record_type.clone())),
            (Some(story), step) => next(*story, step, record)?,
        };
        self.by_request.insert(request, after);
        Ok(())
    }

    /// Returns how many claims have no outcome yet.
    pub(super) fn open_claims(&self) -> u64 {
        let is_open = |story: &&Story| matches!(story.stage, Stage::Claimed | Stage::Started);
        self.by_request.values().filter(is_open).count() as u64
    }
}

/// The body names its request as `request` or as `request_id`, never as both.
fn request_of(record: &AuditRecord) -> Option<[u8; 16]> {
    let body = record.body();
    let id = match (body.get("request"), body.get(OLD_NAME)) {
        (Some(id), None) | (None, Some(id)) => id.as_str()?,
        (Some(_), Some(_)) | (None, None) => return None,
    };
    Digest::of_bytes(id.as_bytes())
        .as_bytes()
        .first_chunk()
        .copied()
}

fn next(story: Story, step: Step, record: &AuditRecord) -> Result<Story, Illegality> {
    let Story { stage, was_claimed } = story;
    let after = match (step, stage) {
        (Step::Create, _) => return Err(Illegality::CreatedTwice),
        (Step::Claim, _) if was_claimed => return Err(Illegality::ClaimedTwice),
        // It changes nothing, whenever it comes.
        (Step::RefuseReview, _) => Some(stage),
        (Step::Review, Stage::Pending | Stage::Reviewed) => Some(stage_after_review(record)?),
        // Until the claim a person may still say no, but no second yes counts.
        (Step::Review, Stage::Approved) => {
            Some(stage_after_review(record)?).filter(|after| *after == Stage::Ended)
        }
        // A yes that does not count any more ends nothing, and makes no yes.
        (Step::VoidReview, Stage::Pending | Stage::Approved) => {
            let after = stage_after_review(record)?;
            let is_possible = after == Stage::Pending || after == stage;
            Some(after).filter(|_| is_possible)
        }
        (Step::Observe, Stage::Pending) => Some(Stage::Approved),
        (Step::Withdraw, Stage::Pending | Stage::Reviewed | Stage::Approved)
        | (Step::Finish, Stage::Started | Stage::Unknown)
        | (Step::Abandon, Stage::Claimed | Stage::Started | Stage::Unknown) => Some(Stage::Ended),
        (Step::Claim, Stage::Reviewed | Stage::Approved) => Some(Stage::Claimed),
        (Step::Start, Stage::Claimed) => Some(Stage::Started),
        (Step::LoseTrack, Stage::Claimed | Stage::Started) => Some(Stage::Unknown),
        (
            Step::Review
            | Step::VoidReview
            | Step::Observe
            | Step::Withdraw
            | Step::Claim
            | Step::Start
            | Step::Finish
            | Step::Abandon
            | Step::LoseTrack,
            _,
        ) => None,
    };
    let stage = after.ok_or_else(|| Illegality::OutOfTurn {
        record_type: record.record_type().clone(),
        stage,
    })?;
    Ok(Story {
        stage,
        was_claimed: was_claimed || stage == Stage::Claimed,
    })
}

fn stage_after_review(record: &AuditRecord) -> Result<Stage, Illegality> {
    match record.body().get("status") {
        None if record.body().contains_key(OLD_NAME) => Ok(Stage::Reviewed),
        Some(Value::String(status)) if status == "pending" => Ok(Stage::Pending),
        Some(Value::String(status)) if status == "approved" => Ok(Stage::Approved),
        Some(Value::String(status)) if status == "denied" => Ok(Stage::Ended),
        None | Some(_) => Err(Illegality::Status(record.record_type().clone())),
    }
}
