//! The newest checkpoint of each log that was verified here, against which the next one is held: a
//! server that has forgotten records, or tells another history, can't show this machine that it did
//! not. DESIGN.md, invariant 6: "a gap is detectable".

use gate_protocol::log::{
    Checkpoint, CheckpointError, ProofError, SignedCheckpoint, verify_consistency,
};
use gate_protocol::signed_note::VerifierKey;

use crate::failure::Failure;
use crate::log_key::LogKeys;
use crate::remembered::Remembered;
use crate::session::Session;
use crate::world::World;

/// Beside the pinned keys.
const FILE: &str = "log-checkpoints.json";

/// How a log stands to what was verified of it before.
#[derive(Debug)]
pub(super) enum Continuity {
    /// It is verified for the first time here.
    First,
    /// It goes on from so many records, which are the same.
    GoesOn(u64),
    /// It does not.
    Broken(Break),
}

/// In which way a log is not the one that was verified before.
#[derive(Debug, thiserror::Error)]
pub(super) enum Break {
    /// Records are gone.
    #[error(
        "the log had {before} records when it was verified here, and has {now}: an older copy of \
         it came back, or its end was removed"
    )]
    Shorter {
        /// How many there were.
        before: u64,
        /// How many there are.
        now: u64,
    },
    /// Records are others.
    #[error(
        "the first {before} records are not those that were verified here: an older copy of the \
         log came back and went on from there, or it was made anew"
    )]
    Other {
        /// How many there were.
        before: u64,
        /// Why the proof that they are does not hold.
        source: ProofError,
    },
}

impl Break {
    /// Returns where the first bad record is, in words.
    pub(super) fn first_bad(&self) -> String {
        match self {
            Self::Shorter { now, .. } => now.to_string(),
            Self::Other { before, .. } => format!("below {before}"),
        }
    }
}

/// Holds a checkpoint against a later one, by a proof of the server: the inner error is that it does
/// not hold.
///
/// # Errors
/// The server does not answer with a proof.
pub(super) fn leads(
    session: &Session,
    before: &Checkpoint,
    now: &Checkpoint,
) -> Result<Result<(), ProofError>, Failure> {
    let proof = if before.size == now.size {
        Vec::new()
    } else {
        session.call(session.client().consistency_proof(before.size, now.size))?
    };
    let (first, second) = ((before.size, &before.root), (now.size, &now.root));
    Ok(verify_consistency(first, second, &proof))
}

fn verified(note: &str, keys: &LogKeys) -> Result<SignedCheckpoint, CheckpointError> {
    SignedCheckpoint::verify(note.as_bytes(), keys.of_note(note.as_bytes()), &[])
}

/// What is kept of the log with one key.
pub(super) struct Kept {
    notes: Remembered<String>,
    key: VerifierKey,
    newest: Option<Checkpoint>,
}

impl Kept {
    /// Reads what was kept of the log with this key.
    ///
    /// # Errors
    /// It can't be read, or is not signed by the key.
    pub(super) fn read(world: &World, keys: &LogKeys) -> Result<Self, Failure> {
        let notes = Remembered::<String>::read(world, FILE, "the kept checkpoints")?;
        let mut kept = keys.all().filter_map(|key| notes.get(&key.to_string()));
        let newest = match kept.next() {
            Some(note) => match verified(note, keys) {
                Ok(signed) => Some(signed.checkpoint),
                Err(error) => {
                    let hint = format!("remove {} to keep another one", notes.place());
                    return Err(notes.unreadable().caused_by(error).hint(hint));
                }
            },
            None => None,
        };
        Ok(Self {
            notes,
            key: keys.now().clone(),
            newest,
        })
    }

    /// Holds the log's checkpoint of now against the kept one.
    ///
    /// # Errors
    /// The server does not answer with a proof.
    pub(super) fn hold(&self, session: &Session, now: &Checkpoint) -> Result<Continuity, Failure> {
        let Some(before) = &self.newest else {
            return Ok(Continuity::First);
        };
        if now.size < before.size {
            return Ok(Continuity::Broken(Break::Shorter {
                before: before.size,
                now: now.size,
            }));
        }
        Ok(match leads(session, before, now)? {
            Ok(()) => Continuity::GoesOn(before.size),
            Err(source) => Continuity::Broken(Break::Other {
                before: before.size,
                source,
            }),
        })
    }

    /// Keeps a checkpoint that was verified and held against the one before.
    ///
    /// # Errors
    /// It can't be written.
    pub(super) fn keep(mut self, note: &str) -> Result<(), Failure> {
        self.notes.put(self.key.to_string(), note.to_owned())
    }
}
