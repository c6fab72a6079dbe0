//! A new epoch that begins with the events of the old one which the server has
//! not confirmed.
//!
//! The new queue is written whole and beside the old one, under the name of its
//! epoch; the `sequence` that names the epoch is the one step from which on it
//! is in force, and whoever next opens the queue puts it in its place. So a
//! crash at any point leaves all of these events in the queue of the epoch that
//! is in force, old or new.

use std::path::{Path, PathBuf};

use gate_protocol::canonical::{Digest, to_canonical_bytes};
use gate_protocol::event::ClientEvent;
use gate_protocol::id::EpochId;

use super::{Sequence, Spool, SpoolError, at, queue, write_json};
use crate::durable;

/// How the name of a queue begins that waits for its place.
const NEXT: &str = "next-";
/// How the name of a queue begins whose waiting events went on in another one.
pub(super) const FORKED: &str = "forked-";

/// Returns where the queue of an epoch stands until it is in its place.
pub(super) fn next_path(folder: &Path, epoch: EpochId) -> PathBuf {
    folder.join(format!("{NEXT}{epoch}.jsonl"))
}

impl Spool {
    /// Begins a new epoch with the facts of `waiting`; the lock must be held.
    pub(super) fn begin_with(&mut self, waiting: &[ClientEvent]) -> Result<(), SpoolError> {
        let next = self.prepare(waiting)?;
        self.enter(next)?;
        self.settle()
    }

    /// Writes the queue of a new epoch. Nothing reads it yet.
    pub(super) fn prepare(&self, waiting: &[ClientEvent]) -> Result<Sequence, SpoolError> {
        remove_unused(&self.folder)?;
        let (mut seq, mut prev) = (0, Digest::ZERO);
        let mut lines = Vec::new();
        for event in waiting {
            seq += 1;
            let again = ClientEvent {
                seq,
                prev,
                ..event.clone()
            };
            prev = again.hash()?;
            lines.extend(to_canonical_bytes(&again)?);
            lines.push(b'\n');
        }
        let next = Sequence {
            client: self.sequence.client,
            epoch: EpochId::generate(),
        };
        let path = next_path(&self.folder, next.epoch);
        queue::put(&self.folder, &path, &lines).map_err(at("write", &path))?;
        Ok(next)
    }

    /// Puts the epoch in force whose queue is written.
    pub(super) fn enter(&mut self, next: Sequence) -> Result<(), SpoolError> {
        write_json(&self.folder.join("sequence"), &next)?;
        self.sequence = next;
        Ok(())
    }

    /// Puts the queue of the epoch in force into its place where it still stands beside it. The old
    /// one is kept for whoever wants to look.
    pub(super) fn settle(&self) -> Result<(), SpoolError> {
        let next = next_path(&self.folder, self.sequence.epoch);
        if !next.try_exists().map_err(at("read", &next))? {
            return Ok(());
        }
        let queue = self.folder.join(queue::FILE);
        if queue.try_exists().map_err(at("read", &queue))? {
            let name = format!("{FORKED}{}.jsonl", EpochId::generate());
            std::fs::rename(&queue, self.folder.join(name)).map_err(at("set aside", &queue))?;
        }
        std::fs::rename(&next, &queue).map_err(at("put in place", &next))?;
        durable::sync_folder(&self.folder).map_err(at("sync", &self.folder))
    }
}

/// Removes what a crash left of a queue that never was in force.
fn remove_unused(folder: &Path) -> Result<(), SpoolError> {
    for entry in std::fs::read_dir(folder).map_err(at("read", folder))? {
        let entry = entry.map_err(at("read", folder))?;
        if entry.file_name().to_string_lossy().starts_with(NEXT) {
            let path = entry.path();
            std::fs::remove_file(&path).map_err(at("remove", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::spool::tests::{fact, facts, once_free, verified};
    use crate::spool::verify::Older;
    use crate::spool::{Durability, PATIENCE, Position, Verified, lock, verify};

    /// How far a gate got before it was gone.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Step {
        Prepared,
        Entered,
        SetAside,
        Settled,
    }

    const STEPS: [Step; 4] = [Step::Prepared, Step::Entered, Step::SetAside, Step::Settled];

    /// A queue of three events, of which the server has one, or none.
    fn queue_of_three(folder: &Path, confirmed: bool) -> Spool {
        let mut spool = Spool::open(folder).unwrap();
        for name in ["a", "b", "c"] {
            spool.append(fact(name), Durability::Synced).unwrap();
        }
        if confirmed {
            let first = once_free(|| spool.undelivered()).remove(0);
            let first = Position::of(spool.sequence.epoch, &first).unwrap();
            once_free(|| spool.confirm(&first));
        }
        spool
    }

    fn crash_after(step: Step, spool: &mut Spool) {
        let _held = lock(&spool.folder, PATIENCE).unwrap();
        let confirmed = spool.confirmed().unwrap();
        let waiting = spool.queue().unwrap().after(&confirmed).unwrap().unwrap();
        let waiting: Vec<ClientEvent> = waiting.into_iter().map(|(event, _)| event).collect();
        let next = spool.prepare(&waiting).unwrap();
        if step == Step::Prepared {
            return;
        }
        spool.enter(next).unwrap();
        match step {
            Step::SetAside => {
                let queue = spool.folder.join(queue::FILE);
                std::fs::rename(&queue, spool.folder.join("forked-test.jsonl")).unwrap();
            }
            Step::Settled => spool.settle().unwrap(),
            Step::Prepared | Step::Entered => {}
        }
    }

    #[test]
    fn a_crash_at_any_point_leaves_every_waiting_event_to_be_delivered_once() {
        for confirmed in [false, true] {
            for step in STEPS {
                let folder = tempfile::tempdir().unwrap();
                let mut spool = queue_of_three(folder.path(), confirmed);
                let before = spool.sequence;
                crash_after(step, &mut spool);
                let case = format!("{step:?}, confirmed: {confirmed}");
                let waiting = if confirmed { 2 } else { 3 };
                assert_eq!(
                    verified(folder.path()).map(|held| held.1),
                    Ok(waiting),
                    "{case}"
                );

                let mut again = Spool::open(folder.path()).unwrap();
                let expected = if confirmed {
                    vec!["b", "c"]
                } else {
                    vec!["a", "b", "c"]
                };
                assert_eq!(
                    facts(&once_free(|| again.undelivered())),
                    expected,
                    "{case}"
                );
                let is_old = again.sequence.epoch == before.epoch;
                assert_eq!(is_old, step == Step::Prepared, "{case}");
                again.append(fact("d"), Durability::Synced).unwrap();
                let all = once_free(|| again.undelivered());
                assert_eq!(facts(&all), [&expected[..], &["d"]].concat(), "{case}");
                assert_eq!(
                    verified(folder.path()).map(|held| held.1),
                    Ok(waiting + 1),
                    "{case}"
                );
            }
        }
    }

    #[test]
    fn a_fork_that_never_was_in_force_is_gone_after_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = queue_of_three(folder.path(), true);
        crash_after(Step::Prepared, &mut spool);
        let epoch = spool.sequence.epoch;
        once_free(|| spool.fork(epoch));
        let names = std::fs::read_dir(folder.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = names
            .filter(|name| name.to_string_lossy().starts_with(NEXT))
            .collect();
        assert_eq!(left, [""; 0]);
        assert_eq!(facts(&once_free(|| spool.undelivered())), ["b", "c"]);
        let Verified::Sound(held) = verify(folder.path()).unwrap() else {
            unreachable!("a fork leaves a sound queue");
        };
        let expected = Older {
            damaged: 0,
            forked: 1,
        };
        assert_eq!(held.older, expected);
        let start = Position::start(spool.sequence.epoch);
        assert_eq!(spool.confirmed().unwrap(), start);
        drop(once_free(|| {
            Spool::open_within(folder.path(), Duration::ZERO)
        }));
    }
}
