//! The durable local queue of events: appended before the step they describe,
//! delivered later by whoever next reaches the server, counted there exactly
//! once by (client, epoch, sequence).
//!
//! One folder, any number of gates at once. `events.jsonl` grows by whole
//! lines under an exclusive lock; `position` says up to where the server has
//! confirmed. A line is torn only by a crash before its sync, that is before
//! the step that it describes, so a torn tail is cut off. When the queue itself
//! is gone or damaged, a new epoch begins, and the server records that.

mod allowed;
mod chain;
mod deliver;
mod fork;
mod queue;
mod reserve;
mod verify;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gate_protocol::canonical::{CanonicalError, Digest, from_strict_slice, to_canonical_bytes};
use gate_protocol::event::{ClientEvent, EVENT_LIMIT_BYTES, Fact};
use gate_protocol::id::{ClientId, EpochId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;

use queue::Room;
use reserve::Reserve;

pub(crate) use allowed::make_journal;
pub(crate) use deliver::{DeliverError, Delivered, Sent, deliver};
pub(crate) use verify::{Held, Verified, verify};

/// A queue of confirmed events is emptied when it is longer than this, in bytes.
const COMPACT_BYTES: u64 = 1 << 20;

/// The length of the file `position`.
const POSITION_BYTES: usize = 256;

/// How long another gate may hold the queue before a step that needs a record
/// fails: as many as run at once on a slow disk need less, and a stopped one
/// would hold it for ever.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked meanwhile whether the wait is over.
const LOOK: Duration = Duration::from_millis(100);

/// How sure an event must be before the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Written to the file; a power cut may lose it.
    Written,
    /// On the disk.
    Synced,
}

/// Why the queue can't take an event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// The file system refused.
    #[error("cannot {step} `{path}`")]
    Io {
        step: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// Another gate holds the queue, and may be stopped.
    #[error("another gate holds `{path}`", path = path.display())]
    Held { path: PathBuf },
    /// An event is too long to be delivered and recorded.
    #[error("an event of {bytes} bytes is longer than {EVENT_LIMIT_BYTES}")]
    TooLong { bytes: usize },
    /// An event has no canonical form.
    #[error("an event has no canonical form")]
    Canonical(#[from] CanonicalError),
}

/// Which sequence the events belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sequence {
    pub(crate) client: ClientId,
    pub(crate) epoch: EpochId,
}

/// How far a sequence has come: its last event, confirmed or at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    epoch: EpochId,
    seq: u64,
    hash: Digest,
}

/// The queue in one folder.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    sequence: Sequence,
    patience: Duration,
    /// What is set aside for the run that this process carries out.
    reserve: Option<Reserve>,
    /// Up to where the server has confirmed to this process, where the disk does not say so.
    told: Option<Position>,
}

impl Spool {
    /// Opens the queue, making it where there is none.
    ///
    /// # Errors
    /// The folder or a file in it can't be made, read or locked.
    pub(crate) fn open(folder: &Path) -> Result<Self, SpoolError> {
        Self::open_within(folder, PATIENCE)
    }

    /// Opens the queue as [`Spool::open`] does, and waits at no step of it longer
    /// than `patience` for another gate.
    ///
    /// # Errors
    /// As [`Spool::open`].
    pub(crate) fn open_within(folder: &Path, patience: Duration) -> Result<Self, SpoolError> {
        durable::make_folder(folder).map_err(at("make", folder))?;
        let _held = lock(folder, patience)?;
        durable::remove_left(folder, |_| true).map_err(at("read", folder))?;
        let path = folder.join("sequence");
        let sequence = match read_json::<Sequence>(&path)? {
            Some(sequence) => sequence,
            None => begin(folder, None)?,
        };
        let mut spool = Self {
            folder: folder.to_owned(),
            sequence,
            patience,
            reserve: None,
            told: None,
        };
        spool.take_allowed()?;
        Ok(spool)
    }

    /// Opens the queue as [`Spool::open`] does, but waits for another gate only
    /// until `is_over`.
    ///
    /// # Errors
    /// As [`Spool::open`].
    pub(crate) fn open_until(
        folder: &Path,
        is_over: impl Fn() -> bool,
    ) -> Result<Self, SpoolError> {
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            match Self::open_within(folder, left.min(LOOK)) {
                Err(SpoolError::Held { .. }) if !left.is_zero() && !is_over() => {}
                opened => {
                    return opened.map(|spool| Self {
                        patience: PATIENCE,
                        ..spool
                    });
                }
            }
        }
    }

    /// Returns the folder of the queue.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Appends one fact, and returns its event's hash when it is as sure as asked for.
    ///
    /// # Errors
    /// It is not in the queue, or not surely: the step that it describes must
    /// then not be taken.
    pub(crate) fn append(&mut self, fact: Fact, how: Durability) -> Result<Digest, SpoolError> {
        let _held = lock(&self.folder, self.patience)?;
        let mut queue = self.queue()?;
        let room = match &self.reserve {
            Some(_) => Room::Reserved,
            None => Room::Beside(reserve::needed(&self.folder)?),
        };
        if is_end_of_run(&fact) {
            // What follows is what it was for; nobody else takes of it while the lock is held.
            self.reserve = None;
        }
        let event = ClientEvent {
            seq: queue.last().seq + 1,
            prev: queue.last().hash,
            at: Timestamp::now(),
            fact,
        };
        queue.append(&event, how, room)?;
        Ok(queue.last().hash)
    }

    /// Sets space aside for a run, so that what follows of it can be recorded on a full disk,
    /// whatever other gates append meanwhile.
    ///
    /// # Errors
    /// There is no space.
    pub(crate) fn reserve(&mut self) -> Result<(), SpoolError> {
        let _held = lock(&self.folder, self.patience)?;
        let queue = self.queue()?;
        let reserve = Reserve::begin(&self.folder)?;
        if !queue.set_aside(reserve::needed(&self.folder)?)? {
            reserve.fill()?;
        }
        self.reserve = Some(reserve);
        Ok(())
    }

    /// Opens the queue file under the lock; begins a new epoch where the file
    /// is not the one that this sequence wrote.
    fn queue(&mut self) -> Result<queue::Queue, SpoolError> {
        // Another gate may have begun a new epoch meanwhile.
        if let Some(sequence) = read_json::<Sequence>(&self.folder.join("sequence"))? {
            self.sequence = sequence;
        }
        self.settle()?;
        let confirmed = self.confirmed()?;
        if let Some(queue) = queue::Queue::open(&self.folder, &confirmed)? {
            return Ok(queue);
        }
        self.begin_again()?;
        let fresh = Position::start(self.sequence.epoch);
        queue::Queue::open(&self.folder, &fresh)?.ok_or_else(|| SpoolError::Io {
            step: "use",
            path: self.folder.clone(),
            source: io::Error::other("a new queue is damaged already"),
        })
    }

    /// Gives up what is there and begins a new epoch; the lock must be held.
    fn begin_again(&mut self) -> Result<(), SpoolError> {
        self.sequence = begin(&self.folder, Some(self.sequence.client))?;
        Ok(())
    }

    /// Returns up to where the server has confirmed this epoch.
    fn confirmed(&self) -> Result<Position, SpoolError> {
        let stored = read_json::<Position>(&self.folder.join("position"))?;
        Ok(stored
            .filter(|position| position.epoch == self.sequence.epoch)
            .unwrap_or_else(|| Position::start(self.sequence.epoch)))
    }
}

impl Position {
    fn start(epoch: EpochId) -> Self {
        Self {
            epoch,
            seq: 0,
            hash: Digest::ZERO,
        }
    }

    /// Returns it as it stands in its file, always as long, so that it can be written over the last.
    fn encode(&self) -> Result<Vec<u8>, CanonicalError> {
        let mut bytes = to_canonical_bytes(self)?;
        bytes.resize(bytes.len().max(POSITION_BYTES), b' ');
        Ok(bytes)
    }

    /// Returns the place of an event of this epoch.
    fn of(epoch: EpochId, event: &ClientEvent) -> Result<Self, CanonicalError> {
        Ok(Self {
            epoch,
            seq: event.seq,
            hash: event.hash()?,
        })
    }
}

/// Begins a new epoch with an empty queue.
fn begin(folder: &Path, client: Option<ClientId>) -> Result<Sequence, SpoolError> {
    let queue = folder.join(queue::FILE);
    if queue.exists() {
        // What can't be continued is kept for whoever wants to look.
        let aside = folder.join(format!("{}{}.jsonl", queue::ASIDE, EpochId::generate()));
        std::fs::rename(&queue, &aside).map_err(at("set aside", &queue))?;
    }
    let sequence = Sequence {
        client: client.unwrap_or_else(ClientId::generate),
        epoch: EpochId::generate(),
    };
    // The empty queue first: a sequence without its queue means a lost queue.
    queue::put(folder, &queue, b"").map_err(at("make", &queue))?;
    write_json(&folder.join("sequence"), &sequence)?;
    Ok(sequence)
}

/// Tells whether nothing follows of the run that this is about.
const fn is_end_of_run(fact: &Fact) -> bool {
    match fact {
        Fact::RunFinished(_) | Fact::RunAbandoned(_) | Fact::AllowedFinished(_) => true,
        Fact::Decided(_) | Fact::RunStarted(_) => false,
    }
}

/// Locks the folder until the file is dropped.
fn lock(folder: &Path, patience: Duration) -> Result<File, SpoolError> {
    let path = folder.join("lock");
    durable::lock(&path, patience).map_err(|error| {
        if error.kind() == io::ErrorKind::TimedOut {
            return SpoolError::Held { path };
        }
        at("lock", &path)(error)
    })
}

/// Reads a small file; one that is damaged counts as absent.
fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, SpoolError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(from_strict_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at("read", path)(error)),
    }
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), SpoolError> {
    durable::replace(path, &to_canonical_bytes(value)?).map_err(at("write", path))
}

fn at<'a>(step: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> SpoolError + 'a {
    move |source| SpoolError::Io {
        step,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
