//! What a log asks of a witness, and what the witness must hold it against.
//!
//! Source: C2SP tlog-witness, `add-checkpoint`. A witness remembers the newest
//! checkpoint of each log that it signed; it signs only one that goes on from
//! there, so that nobody can show two histories under its signature.

use std::fmt;

use super::checkpoint::{
    Checkpoint, CheckpointError, SignedCheckpoint, format_hash, parse_decimal, parse_hash,
};
use super::merkle::{ProofError, empty_root, verify_consistency};
use crate::canonical::Digest;
use crate::signed_note::{MAX_NOTE_BYTES, VerifierKey};

/// The most hashes of a proof, as the specification has it.
const MAX_HASHES: usize = 63;

/// The body of `POST add-checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint from which the proof goes on.
    pub old_size: u64,
    /// The consistency proof.
    pub proof: Vec<Digest>,
    /// The checkpoint with the log's signature, verbatim.
    pub checkpoint: String,
}

/// Why a witness does not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessRefusal {
    /// 400: not the lines that the protocol wants.
    #[error("the request's {0} is malformed")]
    Malformed(&'static str),
    /// 404: the witness does not watch this log.
    #[error("no log of this origin is watched here")]
    UnknownLog,
    /// 403: the checkpoint is not signed by the log's key.
    #[error("the checkpoint does not hold")]
    NotByLog(#[source] CheckpointError),
    /// 409: the log does not go on from what was signed last.
    #[error(
        "a checkpoint over {size} records was signed last, and this one does not go on from it"
    )]
    Conflict {
        /// The size that was signed last.
        size: u64,
    },
    /// 422: the proof does not lead from the one to the other.
    #[error("the proof does not lead from the old checkpoint to the new one")]
    Unproven(#[source] ProofError),
}

impl WitnessRefusal {
    /// Returns the status of HTTP that the protocol has for it.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::NotByLog(_) => 403,
            Self::UnknownLog => 404,
            Self::Conflict { .. } => 409,
            Self::Unproven(_) => 422,
        }
    }
}

impl AddCheckpoint {
    /// Reads the body, and verifies nothing.
    ///
    /// # Errors
    /// [`WitnessRefusal::Malformed`].
    pub fn parse(body: &[u8]) -> Result<Self, WitnessRefusal> {
        let malformed = WitnessRefusal::Malformed;
        if body.len() > 2 * MAX_NOTE_BYTES {
            return Err(malformed("size"));
        }
        let text = std::str::from_utf8(body).map_err(|_| malformed("text"))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(malformed("end"))?;
        let mut lines = head.split('\n');
        let old_size = lines
            .next()
            .and_then(|line| line.strip_prefix("old "))
            .and_then(parse_decimal)
            .ok_or(malformed("old size"))?;
        let proof: Vec<Digest> = lines
            .map(|line| parse_hash(line).ok_or(malformed("hash")))
            .collect::<Result<_, _>>()?;
        if proof.len() > MAX_HASHES {
            return Err(malformed("number of hashes"));
        }
        Ok(Self {
            old_size,
            proof,
            checkpoint: checkpoint.to_owned(),
        })
    }

    /// Returns the origin that the checkpoint claims, by which the witness
    /// looks for the log's key.
    pub fn origin(&self) -> Option<&str> {
        self.checkpoint.split('\n').next()
    }

    /// Returns the checkpoint if it may be signed: it is signed by the key of
    /// the log, and goes on from `newest`, the one that was signed last.
    ///
    /// The caller makes the answer durable before it signs, and lets nobody in
    /// between: else a crash or a second request could have it sign two
    /// histories.
    ///
    /// # Errors
    /// Each [`WitnessRefusal`] as its name says, but not
    /// [`WitnessRefusal::UnknownLog`].
    pub fn admit(
        &self,
        log: &VerifierKey,
        newest: Option<&Checkpoint>,
    ) -> Result<Checkpoint, WitnessRefusal> {
        let signed = SignedCheckpoint::verify(self.checkpoint.as_bytes(), log, &[])
            .map_err(WitnessRefusal::NotByLog)?;
        let checkpoint = signed.checkpoint;
        if self.old_size > checkpoint.size {
            return Err(WitnessRefusal::Malformed("old size"));
        }
        let empty = empty_root();
        let (size, root) = newest.map_or((0, &empty), |newest| (newest.size, &newest.root));
        let is_split = checkpoint.size == size && checkpoint.root != *root;
        if self.old_size != size || is_split {
            return Err(WitnessRefusal::Conflict { size });
        }
        verify_consistency(
            (size, root),
            (checkpoint.size, &checkpoint.root),
            &self.proof,
        )
        .map_err(WitnessRefusal::Unproven)?;
        Ok(checkpoint)
    }
}

/// The body as it is sent.
impl fmt::Display for AddCheckpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "old {}", self.old_size)?;
        for hash in &self.proof {
            writeln!(formatter, "{}", format_hash(hash))?;
        }
        write!(formatter, "\n{}", self.checkpoint)
    }
}
