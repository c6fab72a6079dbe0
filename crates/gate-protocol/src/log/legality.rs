//! Whether the records of each request tell a possible story.
//!
//! created → reviews → approved, denied, expired or cancelled; approved →
//! pending again, where a review does not count any more; approved →
//! denied, expired or cancelled as long as it is not claimed; approved →
//! claimed → started → finished or unknown; claimed or started → abandoned.
//! After unknown the outcome may come late, once. A claim and an answer are about
//! the digest that was asked for, and a run is of the claim, by its nonce. This
//! holds the log against its own words; it can't know of an action that nobody
//! logged, and does not count whether those who approved are as many as the terms
//! want.
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
    /// The claim names somebody who did not approve the request, or nobody.
    #[error("`{0}` is approved by nobody, or by somebody who did not approve the request")]
    Unapproved(RecordType),
    /// Who asked approves it.
    #[error("`{0}` is an approval by who asked")]
    SelfApproved(RecordType),
    /// It is about another digest than the one that was asked for.
    #[error("`{0}` is about another digest than the request")]
    OtherDigest(RecordType),
    /// It is of another claim than the one that was granted.
    #[error("`{0}` is of another claim than the one that was granted")]
    OtherClaim(RecordType),
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

/// Half a SHA-256 of an id or a name, which have no length limit themselves.
type Short = [u8; 16];

fn short(text: &str) -> Short {
    let whole = Digest::of_bytes(text.as_bytes());
    *whole.as_bytes().first_chunk().unwrap_or(&[0; 16])
}

fn text_of<'r>(record: &'r AuditRecord, name: &str) -> Option<&'r str> {
    record.body().get(name).and_then(Value::as_str)
}

/// Tells whether both are there, and are not the same: older records say neither.
fn differ(one: Option<Short>, other: Option<Short>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one != other)
}

/// Who asked for a request that is not claimed yet, and who approved it.
#[derive(Clone, Debug, Default)]
struct Asked {
    requester: Option<Short>,
    digest: Option<Short>,
    /// The human, where the requester is a user: of an agent, a rule may let the owner answer.
    person: Option<Short>,
    yes: Vec<Short>,
    observed: bool,
}

impl Asked {
    fn of(record: &AuditRecord) -> Self {
        let requester = record.body().get("requester");
        let member = |name: &str| requester.and_then(|who| who.get(name)?.as_str());
        Self {
            requester: member("name").map(short),
            digest: text_of(record, "digest").map(short),
            person: member("person")
                .filter(|_| member("kind") == Some("user"))
                .map(short),
            ..Self::default()
        }
    }

    /// Takes what a record says of who approves.
    fn hear(&mut self, step: Step, record: &AuditRecord) -> Result<(), Illegality> {
        let text = |name: &str| text_of(record, name);
        let reviewer = text("reviewer").map(short);
        if matches!(step, Step::Review | Step::Claim)
            && differ(text("digest").map(short), self.digest)
        {
            return Err(Illegality::OtherDigest(record.record_type().clone()));
        }
        match step {
            Step::Review => {
                let is_yes = match text("answer") {
                    Some(answer) => answer == "approve",
                    None => text("status") != Some("denied"),
                };
                let is_own = reviewer.is_some() && reviewer == self.requester;
                let person = text("person").map(short);
                if is_yes && (is_own || (person.is_some() && person == self.person)) {
                    return Err(Illegality::SelfApproved(record.record_type().clone()));
                }
                if !is_yes && text("status") == Some("approved") {
                    return Err(Illegality::Status(record.record_type().clone()));
                }
                self.yes.extend(reviewer.filter(|_| is_yes));
            }
            Step::VoidReview => {
                self.observed &= reviewer.is_some();
                self.yes.retain(|one| Some(*one) != reviewer);
            }
            Step::Observe => self.observed = true,
            Step::Claim if !self.may_be_claimed(record) => {
                return Err(Illegality::Unapproved(record.record_type().clone()));
            }
            Step::Create
            | Step::RefuseReview
            | Step::Withdraw
            | Step::Claim
            | Step::Start
            | Step::Finish
            | Step::Abandon
            | Step::LoseTrack => {}
        }
        Ok(())
    }

    /// Tells whether each of those whom a claim names has approved, and whether there is anybody.
    fn may_be_claimed(&self, record: &AuditRecord) -> bool {
        let body = record.body();
        if body.contains_key(OLD_NAME) {
            return true;
        }
        let Some(names) = body.get("approved_by").and_then(Value::as_array) else {
            return false;
        };
        let has_approved = |name: &Value| {
            let name = name.as_str().map(short);
            name.is_some_and(|name| self.yes.contains(&name))
        };
        let is_observed = self.observed && body.get("observed") == Some(&Value::Bool(true));
        names.iter().all(has_approved) && (is_observed || !names.is_empty())
    }
}

/// The stories of all requests so far.
///
/// Ended ones stay, or a second claim would go unseen: 18 bytes for each
/// request, and the map's own room, about 40 MB for a million requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Stories {
    by_request: HashMap<Short, Story>,
    /// Those that are not claimed yet and have not ended.
    asked: HashMap<Short, Asked>,
    /// The nonces of the claims whose run has not ended.
    nonces: HashMap<Short, Short>,
    /// Whether the records before the first one are elsewhere.
    behind: Behind,
}

/// What is known of the records before the first one that is here.
#[derive(Clone, Copy, Debug, Default)]
enum Behind {
    /// There are none.
    #[default]
    Nothing,
    /// They are elsewhere, before the record of this index or of the one that comes first: what they
    /// tell of a request is not known here, and what is told of it first is believed.
    Archived(Option<u64>),
    /// They were dropped by a record that is here: by then each request that they tell of had ended,
    /// and what is told first of it can be nothing but a late end.
    Dropped,
}

impl Stories {
    /// Goes on from records that are not here.
    pub(super) fn continued() -> Self {
        Self {
            behind: Behind::Archived(None),
            ..Self::default()
        }
    }

    /// Takes the next record of the log.
    pub(super) fn follow(&mut self, record: &AuditRecord) -> Result<(), Illegality> {
        let record_type = record.record_type();
        self.look_behind(record);
        let Some(step) = step_of(record_type) else {
            return Ok(());
        };
        let request =
            request_of(record).ok_or_else(|| Illegality::NoRequest(record_type.clone()))?;
        let after = match (self.by_request.get(&request), step) {
            (None, Step::Create) => {
                self.asked.insert(request, Asked::of(record));
                Story {
                    stage: Stage::Pending,
                    was_claimed: false,
                }
            }
            (None, step) => match stage_behind(self.behind, step, record)? {
                Some(stage) => Story {
                    stage,
                    was_claimed: !matches!(stage, Stage::Pending | Stage::Approved),
                },
                None => return Ok(()),
            },
            (Some(story), step) => next(*story, step, record)?,
        };
        if let Some(asked) = self.asked.get_mut(&request) {
            asked.hear(step, record)?;
        }
        self.hold_claim(request, step, record)?;
        if matches!(after.stage, Stage::Claimed | Stage::Ended) {
            self.asked.remove(&request);
        }
        if after.stage == Stage::Ended {
            self.nonces.remove(&request);
        }
        self.by_request.insert(request, after);
        Ok(())
    }

    /// Learns what a record tells of those before the first one.
    fn look_behind(&mut self, record: &AuditRecord) {
        let Behind::Archived(start) = self.behind else {
            return;
        };
        let start = start.unwrap_or_else(|| record.seq());
        let dropped = record.body().get("to").and_then(Value::as_u64);
        let is_dropped = *record.record_type() == RecordType::LogPruned && dropped == Some(start);
        self.behind = if is_dropped {
            Behind::Dropped
        } else {
            Behind::Archived(Some(start))
        };
    }

    /// Holds what is told of a run against the claim that it is of.
    fn hold_claim(
        &mut self,
        request: Short,
        step: Step,
        record: &AuditRecord,
    ) -> Result<(), Illegality> {
        let Some(nonce) = text_of(record, "claim_nonce").map(short) else {
            return Ok(());
        };
        match step {
            Step::Claim => {
                self.nonces.insert(request, nonce);
            }
            Step::Start | Step::Finish | Step::Abandon | Step::LoseTrack => {
                if differ(Some(nonce), self.nonces.get(&request).copied()) {
                    return Err(Illegality::OtherClaim(record.record_type().clone()));
                }
            }
            Step::Create
            | Step::Review
            | Step::VoidReview
            | Step::Observe
            | Step::RefuseReview
            | Step::Withdraw => {}
        }
        Ok(())
    }

    /// Returns how many claims have no outcome yet.
    pub(super) fn open_claims(&self) -> u64 {
        let is_open = |story: &&Story| matches!(story.stage, Stage::Claimed | Stage::Started);
        self.by_request.values().filter(is_open).count() as u64
    }
}

/// The body names its request as `request` or as `request_id`, never as both.
fn request_of(record: &AuditRecord) -> Option<Short> {
    let body = record.body();
    match (body.get("request"), body.get(OLD_NAME)) {
        (Some(id), None) | (None, Some(id)) => id.as_str().map(short),
        (Some(_), Some(_)) | (None, None) => None,
    }
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

/// Returns how far a request has come whose story does not begin here, by the first record of it
/// that is here; none where that tells nothing.
fn stage_behind(
    behind: Behind,
    step: Step,
    record: &AuditRecord,
) -> Result<Option<Stage>, Illegality> {
    let stage = match step {
        Step::Create | Step::RefuseReview => None,
        Step::Review | Step::VoidReview => Some(stage_after_review(record)?),
        Step::Observe => Some(Stage::Approved),
        Step::Withdraw | Step::Finish | Step::Abandon => Some(Stage::Ended),
        Step::Claim => Some(Stage::Claimed),
        Step::Start => Some(Stage::Started),
        Step::LoseTrack => Some(Stage::Unknown),
    };
    let is_possible = match behind {
        Behind::Nothing => false,
        Behind::Archived(_) => true,
        Behind::Dropped => stage.is_none_or(|stage| stage == Stage::Ended),
    };
    if is_possible {
        return Ok(stage);
    }
    Err(Illegality::NeverCreated(record.record_type().clone()))
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
