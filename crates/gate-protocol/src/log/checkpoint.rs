//! Checkpoints: the signed size and root of the log.
//!
//! Source: C2SP tlog-checkpoint. The text has three lines, and extension lines
//! are refused: this log writes none.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::canonical::Digest;
use crate::log::merkle::empty_root;
use crate::signed_note::{
    NoteError, SignedNote, SigningKey, VerifiedSignature, VerifierKey, sign_note,
};

/// The size and the root of a log at one moment, not signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, as `gate.example/org/acme/audit`.
    pub origin: String,
    /// The number of records.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Digest,
}

/// A checkpoint that the log's own key has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// The signatures of known witnesses, in the order of the note.
    pub cosignatures: Vec<VerifiedSignature>,
}

/// Why a checkpoint was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The signatures do not hold.
    #[error("the checkpoint's signature does not hold")]
    Note(#[from] NoteError),
    /// Witnesses signed it, but not the log.
    #[error("the checkpoint is not signed by the log's key `{0}`")]
    NotByLog(String),
    /// It is the checkpoint of another log.
    #[error("the checkpoint is of the log `{}`, not of `{expected}`", .found.escape_default())]
    Origin {
        /// The name of the log's key.
        expected: String,
        /// The origin in the text.
        found: String,
    },
    /// Not the three lines origin, size and root.
    #[error("the checkpoint's {0} is malformed")]
    Malformed(&'static str),
}

/// Reads a number in its only spelling: ASCII digits, no leading zero.
pub(super) fn parse_decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Reads 32 bytes in standard base64.
pub(super) fn parse_hash(text: &str) -> Option<Digest> {
    let bytes = STANDARD.decode(text).ok()?;
    Some(Digest::from_bytes(bytes.try_into().ok()?))
}

/// Writes 32 bytes in standard base64.
pub(super) fn format_hash(hash: &Digest) -> String {
    STANDARD.encode(hash.as_bytes())
}

impl Checkpoint {
    /// Reads the text of a checkpoint, without signatures.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let body = text
            .strip_suffix('\n')
            .ok_or(CheckpointError::Malformed("end"))?;
        let lines: Vec<&str> = body.split('\n').collect();
        let &[origin, size, root] = lines.as_slice() else {
            return Err(CheckpointError::Malformed("number of lines"));
        };
        if origin.is_empty() || origin.contains(char::is_control) {
            return Err(CheckpointError::Malformed("origin"));
        }
        let size = parse_decimal(size).ok_or(CheckpointError::Malformed("size"))?;
        let root = parse_hash(root).ok_or(CheckpointError::Malformed("root"))?;
        if size == 0 && root != empty_root() {
            return Err(CheckpointError::Malformed("root of no records"));
        }
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root,
        })
    }

    /// Signs the checkpoint; the first key's name must be the origin.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] where the origin can't stand in a line,
    /// [`CheckpointError::Origin`], and [`CheckpointError::Note`].
    pub fn sign(&self, keys: &[&SigningKey]) -> Result<String, CheckpointError> {
        let text = self.to_string();
        Self::parse(&text)?;
        if let Some(log) = keys.first().filter(|log| log.name() != self.origin) {
            return Err(CheckpointError::Origin {
                expected: log.name().to_owned(),
                found: self.origin.clone(),
            });
        }
        Ok(sign_note(&text, keys)?)
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = format_hash(&self.root);
        write!(formatter, "{}\n{}\n{root}\n", self.origin, self.size)
    }
}

impl SignedCheckpoint {
    /// Verifies a signed checkpoint of the log whose key is `log`.
    ///
    /// # Errors
    /// Each [`CheckpointError`] as its name says. A known witness whose
    /// signature is wrong spoils the whole note.
    pub fn verify(
        note: &[u8],
        log: &VerifierKey,
        witnesses: &[VerifierKey],
    ) -> Result<Self, CheckpointError> {
        let keys: Vec<VerifierKey> = std::iter::once(log).chain(witnesses).cloned().collect();
        let note = SignedNote::parse(note)?.verify(&keys)?;
        let (own, cosignatures): (Vec<_>, Vec<_>) = note
            .signatures
            .into_iter()
            .partition(|signature| signature.name == log.name() && signature.key_id == log.id());
        if own.is_empty() {
            return Err(CheckpointError::NotByLog(log.label()));
        }
        let checkpoint = Checkpoint::parse(&note.text)?;
        if checkpoint.origin != log.name() {
            return Err(CheckpointError::Origin {
                expected: log.name().to_owned(),
                found: checkpoint.origin,
            });
        }
        Ok(Self {
            checkpoint,
            cosignatures,
        })
    }
}
