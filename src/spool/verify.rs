//! The queue held against its own chain and against what the server confirmed.
//! Nothing is mended and no epoch begins: this only looks.

use std::io;
use std::path::Path;

use gate_protocol::canonical::{StrictError, from_strict_slice};
use gate_protocol::event::ClientEvent;

use super::allowed::waiting;
use super::chain::{Chain, Misplaced};
use super::{PATIENCE, Position, Sequence, Spool, SpoolError, at, fork, lock, queue, read_json};

/// What a verification found.
#[derive(Debug)]
pub(crate) enum Verified {
    /// There is no queue: nothing was ever recorded here.
    Nothing,
    /// Every event is in its place.
    Sound(Held),
    /// One is not.
    Unsound(Fault),
}

/// What a sound queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// The events that stand in it, confirmed ones that were not emptied out too.
    pub(crate) events: u64,
    /// Those of them that the server has not confirmed.
    pub(crate) undelivered: u64,
    /// What shims allowed and no gate has taken into it yet.
    pub(crate) of_shims: u64,
    /// Whether a write at its end was cut off before anything relied on it.
    pub(crate) torn: bool,
    /// The older queues that stand beside it.
    pub(crate) older: Older,
}

/// The queues that were kept when another one began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Older {
    /// How many were damaged, so that what they had not delivered is lost.
    pub(crate) damaged: usize,
    /// How many ended because the server had other events of them. What they had
    /// not delivered went on in the next one.
    pub(crate) forked: usize,
}

/// What is wrong with a queue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The file that says whose events these are is missing or damaged.
    #[error("the file `sequence`, which says whose events these are, is missing or damaged")]
    Sequence,
    /// The queue is gone, and the file that says whose it was is there.
    #[error("the queue is gone; what it held and had not delivered is lost")]
    Gone,
    /// A line is no event.
    #[error("it is no event")]
    NoEvent {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        source: StrictError,
    },
    /// An event is not in its place.
    #[error("it is not in its place")]
    Misplaced {
        /// The line, from 1.
        line: u64,
        /// In which way.
        source: Misplaced,
    },
    /// It ends before what the server has.
    #[error("the queue ends at event {last}, but the server has event {confirmed}")]
    Short {
        /// The line after the last one, from 1.
        line: u64,
        /// The number of the last event.
        last: u64,
        /// The number of the last event that the server confirmed.
        confirmed: u64,
    },
}

impl Fault {
    /// Returns which line is wrong in words, from 1, if it is one.
    pub(crate) fn place(&self) -> Option<String> {
        match self {
            Self::Sequence | Self::Gone => None,
            Self::Misplaced {
                line,
                source:
                    Misplaced::Unchained {
                        is_before_sound: false,
                        ..
                    },
            } => Some(format!(
                "line {}, or the link to it in {line}",
                line.saturating_sub(1)
            )),
            Self::NoEvent { line, .. }
            | Self::Misplaced { line, .. }
            | Self::Short { line, .. } => Some(format!("line {line}")),
        }
    }
}

/// Verifies the queue in `folder`, and makes none where there is none.
///
/// # Errors
/// The folder can't be read or locked.
pub(crate) fn verify(folder: &Path) -> Result<Verified, SpoolError> {
    if !folder.try_exists().map_err(at("read", folder))? {
        return Ok(Verified::Nothing);
    }
    // Another gate may be writing a line, or emptying the file.
    let _held = lock(folder, PATIENCE)?;
    let sequence = read_json::<Sequence>(&folder.join("sequence"))?;
    // One that a crash kept from its place is in force all the same.
    let next = sequence.map(|sequence| fork::next_path(folder, sequence.epoch));
    let bytes = match next.map(|next| read_if_there(&next)).transpose()?.flatten() {
        Some(bytes) => Some(bytes),
        None => read_if_there(&folder.join(queue::FILE))?,
    };
    let of_shims = waiting(folder)?;
    let (bytes, sequence) = match (bytes, sequence) {
        (None, None) if of_shims == 0 => return Ok(Verified::Nothing),
        (None, None) => return Ok(Verified::Sound(Held { of_shims, ..EMPTY })),
        (None, Some(_)) => return Ok(Verified::Unsound(Fault::Gone)),
        (Some(_), None) => return Ok(Verified::Unsound(Fault::Sequence)),
        (Some(bytes), Some(sequence)) => (bytes, sequence),
    };
    let spool = Spool {
        folder: folder.to_owned(),
        sequence,
        patience: PATIENCE,
        reserve: None,
        told: None,
    };
    let older = older(folder)?;
    Ok(match follow(&bytes, &spool.confirmed()?) {
        Ok(held) => Verified::Sound(Held {
            of_shims,
            older,
            ..held
        }),
        Err(fault) => Verified::Unsound(fault),
    })
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, SpoolError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at("read", path)(error)),
    }
}

/// A queue in which nothing stands.
const EMPTY: Held = Held {
    events: 0,
    undelivered: 0,
    of_shims: 0,
    torn: false,
    older: Older {
        damaged: 0,
        forked: 0,
    },
};

fn follow(bytes: &[u8], confirmed: &Position) -> Result<Held, Fault> {
    let whole = queue::whole_lines(bytes);
    let mut held = Held {
        torn: whole.len() < bytes.len(),
        ..EMPTY
    };
    let mut chain = Chain::from(confirmed);
    let lines = whole.split(|byte| *byte == b'\n');
    for (line, text) in (1..).zip(lines).filter(|(_, text)| !text.is_empty()) {
        let event: ClientEvent =
            from_strict_slice(text).map_err(|source| Fault::NoEvent { line, source })?;
        chain
            .take(&event)
            .map_err(|source| Fault::Misplaced { line, source })?;
        held.events += 1;
        held.undelivered += u64::from(event.seq > confirmed.seq);
    }
    match chain.last() {
        Some(last) if last < confirmed.seq => Err(Fault::Short {
            line: held.events + 1,
            last,
            confirmed: confirmed.seq,
        }),
        Some(_) | None => Ok(held),
    }
}

fn older(folder: &Path) -> Result<Older, SpoolError> {
    let mut found = EMPTY.older;
    for entry in std::fs::read_dir(folder).map_err(at("read", folder))? {
        let name = entry.map_err(at("read", folder))?.file_name();
        let name = name.to_string_lossy();
        found.damaged += usize::from(name.starts_with(queue::ASIDE));
        found.forked += usize::from(name.starts_with(fork::FORKED));
    }
    Ok(found)
}
