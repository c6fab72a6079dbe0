//! What a client reports: events in one gapless, hash-chained sequence for each
//! (client, epoch), delivered at least once and counted exactly once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::canonical::{CanonicalError, Digest, to_canonical_bytes};
use crate::id::{ClientId, EpochId, Nonce, RequestId};

/// The domain that separates an event's hash from every other.
pub const EVENT_DOMAIN: &str = "gate/event/v1";

/// The most events in one batch.
pub const BATCH_LIMIT: usize = 500;

/// One fact about a run on a client's machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientEvent {
    /// Its place in the epoch, from 1, without holes.
    pub seq: u64,
    /// The hash of the event before it; of nothing for the first: 64 zeros.
    #[schema(value_type = String)]
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
    /// The command line, secrets masked.
    pub shown: String,
    /// The working directory.
    pub cwd: String,
    /// What this way of running gate can promise, as `advisory`.
    pub mode: String,
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

/// The answer of `POST /v1/events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BatchReceipt {
    /// Every event up to and with this `seq` is durable at the server.
    pub through: u64,
}
