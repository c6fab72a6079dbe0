//! What a backup holds, signed by the key of its log: a signed note whose first line says what it
//! is, and whose second is JSON.

use std::collections::BTreeMap;

use gate_protocol::canonical::Digest;
use gate_protocol::signed_note::{NoteError, SignedNote, SigningKey, VerifierKey, sign_note};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The first line: of a checkpoint it would be the log's name, which has a `/audit`.
const KIND: &str = "gate-backup/1";

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// When it was made, by the clock of the machine that made it.
    pub made_at: Timestamp,
    /// The version of gate that made it.
    pub version: String,
    /// The server's name.
    pub audience: String,
    /// The log's name.
    pub log_origin: String,
    /// The public key that clients pin.
    pub grant_key: VerifierKey,
    /// The public key of the log.
    pub log_key: VerifierKey,
    /// The last migration of the tables.
    pub migration: i64,
    /// How often the server was begun anew from a copy, from 1.
    pub epoch: u64,
    /// The log.
    pub log: LogHead,
    /// Each file, by its path in the backup.
    pub files: BTreeMap<String, FileDigest>,
}

/// The number of records and the root over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogHead {
    /// The number of records.
    pub size: u64,
    /// The root of the tree.
    pub root: Digest,
}

/// A file of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDigest {
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: Digest,
}

/// Why a manifest is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Not a signed note, or its signature does not hold.
    #[error("the manifest is not signed by the log's key")]
    Note(#[from] NoteError),
    /// Not what a manifest is.
    #[error("the manifest is not one of a backup that this version of gate reads")]
    Form,
}

impl Manifest {
    /// Returns the signed note.
    pub(super) fn sign(&self, key: &SigningKey) -> Result<String, ManifestError> {
        let json = serde_json::to_string(self).map_err(|_| ManifestError::Form)?;
        Ok(sign_note(&format!("{KIND}\n{json}\n"), &[key])?)
    }

    /// Reads a manifest for which nobody vouches yet.
    pub(super) fn unverified(note: &[u8]) -> Result<Self, ManifestError> {
        Self::parse(SignedNote::parse(note)?.unverified_text())
    }

    /// Reads a manifest that `key` signed.
    pub(super) fn verified(note: &[u8], key: &VerifierKey) -> Result<Self, ManifestError> {
        let note = SignedNote::parse(note)?.verify(std::slice::from_ref(key))?;
        Self::parse(&note.text)
    }

    fn parse(text: &str) -> Result<Self, ManifestError> {
        let json = text
            .strip_prefix(KIND)
            .and_then(|rest| rest.strip_prefix('\n'))
            .ok_or(ManifestError::Form)?;
        serde_json::from_str(json).map_err(|_| ManifestError::Form)
    }
}
