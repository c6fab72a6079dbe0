//! What a client reports: events in one gapless, hash-chained sequence for each
//! (client, epoch), delivered at least once and counted exactly once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::canonical::{CanonicalError, Digest, to_canonical_bytes};
use crate::id::{ClientId, EpochId, Nonce, RequestId};
use crate::log::MAX_RECORD_BYTES;
use crate::mode::Mode;

/// The domain that separates an event's hash from every other.
pub const EVENT_DOMAIN: &str = "gate/event/v1";

/// The most events in one batch.
pub const BATCH_LIMIT: usize = 500;

/// The longest batch, in bytes of JSON: no client sends a longer one, and every
/// server takes one of this length.
pub const BATCH_LIMIT_BYTES: usize = 1 << 20;

/// The longest event, in bytes of its canonical form. The frame of a batch or
/// of a record leaves at least as much again.
pub const EVENT_LIMIT_BYTES: usize = 512 << 10;

/// The longest [`DecidedFact::shown`], in bytes of UTF-8. Each of them can take
/// six in JSON, which leaves a quarter of an event for all else.
pub const SHOWN_LIMIT_BYTES: usize = 64 << 10;

/// What stands around the events of a batch is shorter than this, in bytes.
const BATCH_FRAME_BYTES: usize = 256;

const _: () = assert!(
    EVENT_LIMIT_BYTES * 2 <= BATCH_LIMIT_BYTES && EVENT_LIMIT_BYTES * 2 <= MAX_RECORD_BYTES
);

/// One fact about a run on a client's machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientEvent {
    /// Its place in the epoch, from 1, without holes.
    pub seq: u64,
    /// The hash of the event before it; of nothing for the first: 64 zeros.
    pub prev: Digest,
    /// When, by the client's clock: shown, never trusted.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What happened.
    pub fact: Fact,
}

impl ClientEvent {
    /// Returns the hash that the next event names as `prev`.
    ///
    /// # Errors
    /// [`CanonicalError`] where a number has no canonical form.
    pub fn hash(&self) -> Result<Digest, CanonicalError> {
        Ok(Digest::of(EVENT_DOMAIN, &to_canonical_bytes(self)?))
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A rule let a command through or refused it, with nobody asked.
    Decided(DecidedFact),
    /// A command that a rule let through ended, where a rule wants that on record.
    AllowedFinished(AllowedFinishedFact),
    /// The tool is about to be started. Durable before it is.
    RunStarted(RunStartedFact),
    /// The tool ended.
    RunFinished(RunFinishedFact),
    /// A grant was held and not used.
    RunAbandoned(RunAbandonedFact),
}

/// A decision that no person took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecidedFact {
    /// `allow` or `deny`.
    pub decision: String,
    /// The tool's name.
    pub tool: String,
    /// The subcommand path.
    pub command: Vec<String>,
    /// What it can do.
    pub effect: String,
    /// The rule that decided.
    pub rule: String,
    /// The command line, secrets masked; its beginning and `…` where it is
    /// longer than [`SHOWN_LIMIT_BYTES`].
    pub shown: String,
    /// What `shown` is the beginning of; none where it is all there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<WholeText>,
    /// The working directory.
    pub cwd: String,
    /// What this way of running gate can promise.
    pub mode: Mode,
}

impl DecidedFact {
    /// Cuts `shown` to its beginning where it is too long for a record, and says
    /// in `whole` what it was.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        const MARK: &str = "…";
        if self.shown.len() > SHOWN_LIMIT_BYTES {
            self.whole = Some(WholeText {
                bytes: self.shown.len() as u64,
                sha256: Digest::of_bytes(self.shown.as_bytes()),
            });
            let end = self
                .shown
                .floor_char_boundary(SHOWN_LIMIT_BYTES - MARK.len());
            self.shown.truncate(end);
            self.shown.push_str(MARK);
        }
        self
    }
}

/// A text of which only the beginning is on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WholeText {
    /// Its length in UTF-8, in bytes.
    pub bytes: u64,
    /// The SHA-256 of its UTF-8.
    pub sha256: Digest,
}

/// A command that a rule let through ended, or could not be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowedFinishedFact {
    /// The hash of the event that says what was let through.
    pub decided: Digest,
    /// How it ended.
    pub outcome: RunOutcome,
}

/// The tool is about to be started under a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunStartedFact {
    /// The request that was approved.
    pub request: RequestId,
    /// The claim under which it runs.
    pub claim_nonce: Nonce,
}

/// The tool ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunFinishedFact {
    /// The request that was approved.
    pub request: RequestId,
    /// The claim under which it ran.
    pub claim_nonce: Nonce,
    /// How it ended.
    pub outcome: RunOutcome,
}

/// A grant was held and the tool was not started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunAbandonedFact {
    /// The request that was approved.
    pub request: RequestId,
    /// The claim that was made.
    pub claim_nonce: Nonce,
    /// Why the tool was not started.
    pub why: String,
}

/// How a run ended and what it used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunOutcome {
    /// The exit code; none where a signal ended it, or it was never started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
    /// The signal's number; none where it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<u32>,
    /// Why the tool could not be started or was not; none where it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_run: Option<String>,
    /// From start to end, in milliseconds.
    pub duration_ms: u64,
    /// Processor time in user mode, in milliseconds.
    pub user_ms: u64,
    /// Processor time in the kernel, in milliseconds.
    pub system_ms: u64,
    /// The largest resident set, in bytes.
    pub max_rss_bytes: u64,
}

/// The body of `POST /v1/events`: one stretch of one sequence, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventBatch {
    /// Whose events they are.
    pub client: ClientId,
    /// The life of the client's spool.
    pub epoch: EpochId,
    /// At most [`BATCH_LIMIT`] events, by `seq`.
    pub events: Vec<ClientEvent>,
}

impl EventBatch {
    /// Returns how many of the next events one batch can hold: at most
    /// [`BATCH_LIMIT`], within [`BATCH_LIMIT_BYTES`], and one at least.
    ///
    /// `lengths` are those of their canonical forms, in bytes, none above
    /// [`EVENT_LIMIT_BYTES`].
    pub fn capacity(lengths: impl IntoIterator<Item = usize>) -> usize {
        let mut room = BATCH_LIMIT_BYTES - BATCH_FRAME_BYTES;
        let fits = |length: &usize| match room.checked_sub(length + 1) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        };
        let fitting = lengths.into_iter().take(BATCH_LIMIT).take_while(fits);
        fitting.count().max(1)
    }
}

/// The answer of `POST /v1/events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BatchReceipt {
    /// Every event up to and with this `seq` is durable at the server.
    pub through: u64,
    /// The audit records that the batch made of runs, byte for byte: receipts,
    /// which the log must have at their `seq`. An event that came before makes
    /// none again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(shown: &str) -> DecidedFact {
        DecidedFact {
            decision: "allow".to_owned(),
            tool: "git".to_owned(),
            command: vec!["status".to_owned()],
            effect: "read".to_owned(),
            rule: "baseline/git-read".to_owned(),
            shown: shown.to_owned(),
            whole: None,
            cwd: "/".to_owned(),
            mode: Mode::Advisory,
        }
    }

    fn event(seq: u64, shown: &str) -> ClientEvent {
        ClientEvent {
            seq,
            prev: Digest::ZERO,
            at: Timestamp::UNIX_EPOCH,
            fact: Fact::Decided(decided(shown).shortened()),
        }
    }

    #[test]
    fn a_command_line_is_whole_up_to_the_limit_and_then_says_what_is_missing() {
        let longest = "x".repeat(SHOWN_LIMIT_BYTES);
        let whole = decided(&longest).shortened();
        assert_eq!((whole.shown.as_str(), whole.whole), (&*longest, None));
        // Of two bytes each, after one of one byte: the cut falls into a character.
        let long = format!("x{}", "é".repeat(SHOWN_LIMIT_BYTES));
        let cut = decided(&long).shortened();
        assert!(cut.shown.len() <= SHOWN_LIMIT_BYTES, "{}", cut.shown.len());
        let beginning = cut.shown.strip_suffix('…').unwrap();
        assert!(long.starts_with(beginning));
        let missing = cut.whole.clone().unwrap();
        assert_eq!(missing.bytes, long.len() as u64);
        assert_eq!(missing.sha256, Digest::of_bytes(long.as_bytes()));
        assert_eq!(cut.clone().shortened(), cut);
    }

    #[test]
    fn the_worst_command_line_leaves_room_in_its_event() {
        let worst = event(1, &"\u{1}".repeat(4 * SHOWN_LIMIT_BYTES));
        let bytes = to_canonical_bytes(&worst).unwrap().len();
        assert!(bytes > 6 * (SHOWN_LIMIT_BYTES - 3), "{bytes}");
        assert!(bytes <= EVENT_LIMIT_BYTES / 4 * 3 + 1024, "{bytes}");
    }

    #[test]
    fn a_batch_is_bounded_by_count_and_by_bytes() {
        let short = vec![event(1, "git status"); 2 * BATCH_LIMIT];
        let long = vec![event(1, &"x".repeat(SHOWN_LIMIT_BYTES)); 2 * BATCH_LIMIT];
        for (events, is_filled) in [(short, false), (long, true)] {
            let lengths = events
                .iter()
                .map(|event| to_canonical_bytes(event).unwrap().len());
            let capacity = EventBatch::capacity(lengths);
            assert_eq!(capacity < BATCH_LIMIT, is_filled);
            let batch_of = |count: usize| {
                let batch = EventBatch {
                    client: ClientId::generate(),
                    epoch: EpochId::generate(),
                    events: events.iter().take(count).cloned().collect(),
                };
                serde_json::to_vec(&batch).unwrap().len()
            };
            assert!(batch_of(capacity) <= BATCH_LIMIT_BYTES);
            assert_eq!(batch_of(capacity + 1) > BATCH_LIMIT_BYTES, is_filled);
        }
        assert_eq!(EventBatch::capacity([EVENT_LIMIT_BYTES; 3]), 1);
        assert_eq!(EventBatch::capacity([]), 1);
    }
}
