//! The one rule by which events follow each other, for whoever reads a queue.

use gate_protocol::canonical::{CanonicalError, Digest};
use gate_protocol::event::ClientEvent;

use super::Position;

/// Why an event is not in its place.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misplaced {
    /// Events before it are missing, or it stands there twice.
    #[error("event {found} stands where event {expected} belongs")]
    Number {
        /// The event's own number.
        found: u64,
        /// The number after the one of the event before it.
        expected: u64,
    },
    /// It names another event than the one before it.
    #[error("event {event} does not follow event {before}: one of them was changed", before = .event - 1)]
    Unchained {
        /// The event's own number.
        event: u64,
        /// Whether the one before it is as the server has it; otherwise either can be the bad one.
        is_before_sound: bool,
    },
    /// The server has another event of this number.
    #[error("event {0} is not the one that the server has")]
    NotTheConfirmed(u64),
    /// It can't be hashed.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

/// Follows the events of a queue, from its first line on.
#[derive(Debug)]
pub(super) struct Chain<'p> {
    confirmed: &'p Position,
    before: Option<(u64, Digest)>,
}

impl<'p> Chain<'p> {
    /// Begins before the first line. `confirmed` is up to where the server has
    /// the events of this queue.
    pub(super) fn from(confirmed: &'p Position) -> Self {
        Self {
            confirmed,
            before: None,
        }
    }

    /// Takes the next event.
    pub(super) fn take(&mut self, event: &ClientEvent) -> Result<(), Misplaced> {
        let reached = (self.confirmed.seq, self.confirmed.hash);
        // What is confirmed may have been emptied out: then nothing is known of what stands
        // before the first line.
        let expected = self.before.or((event.seq > reached.0).then_some(reached));
        if let Some((seq, hash)) = expected {
            if event.seq != seq + 1 {
                return Err(Misplaced::Number {
                    found: event.seq,
                    expected: seq + 1,
                });
            }
            if event.prev != hash {
                return Err(Misplaced::Unchained {
                    event: event.seq,
                    is_before_sound: (seq, hash) == reached,
                });
            }
        }
        let hash = event.hash()?;
        if event.seq == reached.0 && hash != reached.1 {
            return Err(Misplaced::NotTheConfirmed(event.seq));
        }
        self.before = Some((event.seq, hash));
        Ok(())
    }

    /// Returns the number of the last event that was taken.
    pub(super) fn last(&self) -> Option<u64> {
        self.before.map(|(seq, _)| seq)
    }
}
