//! Receipts that verify offline: one record's place in a signed log.
//!
//! Source: C2SP tlog-proof, version 1.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{
    CheckpointError, SignedCheckpoint, format_hash, parse_decimal, parse_hash,
};
use super::merkle::{ProofError, leaf_hash, verify_inclusion};
use super::record::MAX_RECORD_BYTES;
use crate::canonical::Digest;
use crate::signed_note::{MAX_NOTE_BYTES, VerifierKey};

/// A tree of 2^64 leaves has no longer proof.
const MAX_HASHES: usize = 64;

/// Why a proof was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlogProofError {
    /// A line is not what the format wants.
    #[error("the proof's {0} is malformed")]
    Malformed(&'static str),
    /// The checkpoint does not hold.
    #[error("the proof's checkpoint does not hold")]
    Checkpoint(#[from] CheckpointError),
    /// The record is not at that place of the log.
    #[error("the proof does not lead from the record to the checkpoint")]
    Inclusion(#[from] ProofError),
}

/// A proof as it is stored, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// What the maker added. Nothing vouches for it.
    pub extra: Option<Vec<u8>>,
    /// The record's index.
    pub index: u64,
    /// From the leaf's sibling to the root's child.
    pub hashes: Vec<Digest>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

impl TlogProof {
    /// The first line of every proof.
    pub const HEADER: &str = "c2sp.org/tlog-proof@v1";

    /// Reads a proof, and verifies nothing.
    ///
    /// # Errors
    /// [`TlogProofError::Malformed`].
    pub fn parse(text: &[u8]) -> Result<Self, TlogProofError> {
        let malformed = TlogProofError::Malformed;
        // The extra data can be a record, which base64 makes longer by a third.
        if text.len() > 2 * MAX_NOTE_BYTES + 2 * MAX_RECORD_BYTES {
            return Err(malformed("size"));
        }
        let text = std::str::from_utf8(text).map_err(|_| malformed("text"))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(malformed("end"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(Self::HEADER) {
            return Err(malformed("first line"));
        }
        let extra = lines
            .next_if(|line| line.starts_with("extra "))
            .and_then(|line| line.strip_prefix("extra "))
            .map(|line| STANDARD.decode(line).map_err(|_| malformed("extra data")))
            .transpose()?;
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .and_then(parse_decimal)
            .ok_or(malformed("index"))?;
        let hashes: Vec<Digest> = lines
            .map(|line| parse_hash(line).ok_or(malformed("hash")))
            .collect::<Result<_, _>>()?;
        if hashes.len() > MAX_HASHES {
            return Err(malformed("number of hashes"));
        }
        Ok(Self {
            extra,
            index,
            hashes,
            checkpoint: checkpoint.to_owned(),
        })
    }

    /// Verifies that `record` is in the log whose key is `log`, at the place
    /// that the proof says, and returns the checkpoint that shows it.
    ///
    /// # Errors
    /// [`TlogProofError::Checkpoint`] and [`TlogProofError::Inclusion`].
    pub fn verify(
        &self,
        record: &[u8],
        log: &VerifierKey,
        witnesses: &[VerifierKey],
    ) -> Result<SignedCheckpoint, TlogProofError> {
        let signed = SignedCheckpoint::verify(self.checkpoint.as_bytes(), log, witnesses)?;
        verify_inclusion(
            &leaf_hash(record),
            self.index,
            signed.checkpoint.size,
            &self.hashes,
            &signed.checkpoint.root,
        )?;
        Ok(signed)
    }
}

/// The text of a `.tlog-proof` file.
impl fmt::Display for TlogProof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", Self::HEADER)?;
        if let Some(extra) = &self.extra {
            writeln!(formatter, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(formatter, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(formatter, "{}", format_hash(hash))?;
        }
        write!(formatter, "\n{}", self.checkpoint)
    }
}
