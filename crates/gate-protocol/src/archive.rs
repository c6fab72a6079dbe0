//! Archives of the audit log's oldest records, and what is left of these in the live log.
//!
//! An archive is a folder: the records of a stretch, their leaf hashes, what stands beside them, a
//! checkpoint of the live log, and a manifest. The manifest has the state of the tree before the
//! stretch and the proof that the log of its last record is the beginning of the log of the
//! checkpoint, so the folder verifies by itself, and the live log goes on from it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::canonical::Digest;
use crate::log::{Frontier, ProofError};

/// The name of the manifest in an archive's folder.
pub const MANIFEST_FILE: &str = "manifest.json";

/// The name of the file that says where an export begins, where that is not record 0.
pub const START_FILE: &str = "start.json";

/// Where records begin: the tree over those before, and the hash of the last of them. Nothing
/// vouches for it but the checkpoint that the records after it lead to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogStart {
    /// The index of the first record: how many there are before it.
    pub size: u64,
    /// The hash of the record before it; zeros where there is none.
    pub last: Digest,
    /// The roots of the perfect subtrees over those before, the largest first.
    pub peaks: Vec<Digest>,
}

impl LogStart {
    /// Returns the tree over the records before.
    ///
    /// # Errors
    /// [`ProofError::Peaks`].
    pub fn tree(&self) -> Result<Frontier, ProofError> {
        Frontier::from_parts(self.size, self.peaks.clone())
    }
}

/// The answer of `GET /v1/audit/archivable`: which of the oldest records can be archived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Archivable {
    /// Where they begin.
    pub start: LogStart,
    /// The index after the last of them: of one that is younger than asked for, or that tells of
    /// a request which has not ended.
    pub to: u64,
}

/// The body of `POST /v1/audit/prunings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Prune {
    /// The index after the last record whose body is dropped.
    pub to: u64,
    /// The root of the tree over the records before that index.
    pub root: Digest,
    /// SHA-256 of the manifest of the archive that has them.
    pub archive: Digest,
}

/// The answer of `POST /v1/audit/prunings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Pruned {
    /// The index of the first record whose body was dropped.
    pub from: u64,
    /// The index after the last of them.
    pub to: u64,
    /// The index of the record that says so.
    pub record: u64,
}

/// What an archive is of, as canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this form: 1.
    pub v: u32,
    /// The log's name.
    pub origin: String,
    /// Where its records begin.
    pub start: LogStart,
    /// The index after the last of them.
    pub to: u64,
    /// The root of the tree over all records before that index.
    pub root: Digest,
    /// The time that its records are older than, as it was asked for.
    pub before: Timestamp,
    /// The proof that the log of `to` records is the beginning of that of the checkpoint.
    pub consistency: Vec<Digest>,
    /// SHA-256 of the file of records.
    pub records: Digest,
    /// SHA-256 of the file of leaf hashes.
    pub leaves: Digest,
    /// SHA-256 of the checkpoint, with its signatures.
    pub checkpoint: Digest,
}

impl Manifest {
    /// The only version of the form that is known.
    pub const VERSION: u32 = 1;
}
