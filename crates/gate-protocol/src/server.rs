//! What a server says of itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::canonical::Digest;
use crate::log::RecordPayload;

/// The answer of `GET /v1/server`: what a client pins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ServerIdentity {
    /// The name that grants and rules are made out by.
    pub audience: String,
    /// The key that signs grants and rules, as a C2SP signed-note verifier key.
    pub grant_key: String,
    /// The key that signs checkpoints of the audit log, in the same form.
    pub log_key: String,
    /// The origin line of those checkpoints.
    pub log_origin: String,
    /// The server's version.
    pub version: String,
    /// Whether a terminal can be signed in from a browser, by `POST /v1/device`.
    #[serde(default)]
    pub device_sign_in: bool,
    /// Whether CI jobs can exchange their own token, by `POST /v1/workload-token`.
    #[serde(default)]
    pub workload_sign_in: bool,
    /// For each key that came in the place of another, the signed note that says so, the oldest
    /// first: who pinned the one before learns of the next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_statements: Vec<String>,
}

/// The answer of `GET /v1/health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Health {
    /// `ok`, or `stopping` while it drains.
    pub status: String,
    /// The server's clock.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
}

/// The hashes of a proof about the audit log: the answer of
/// `GET /v1/audit/proof/inclusion` and `GET /v1/audit/proof/consistency`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LogProof {
    /// From the leaf's end of the tree to the root's.
    pub hashes: Vec<Digest>,
}

/// The answer of `GET /v1/audit/records`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RecordPage {
    /// The records as text, each byte for byte as it was hashed, by index.
    pub records: Vec<String>,
    /// The index after the last of them.
    pub next: u64,
    /// How many records the log holds.
    pub size: u64,
    /// The index of the first record that is here: those before it were archived,
    /// and of each only the hash is left.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub first: u64,
    /// What stands beside these records, by index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payloads: Vec<RecordPayload>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}
