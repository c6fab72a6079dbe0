//! Space for what runs have still to record, so that a full disk can't lose an outcome.
//!
//! Behind the last event of the queue as much is set aside as all runs under way can need. Each of
//! them has a file here, which its process holds locked as long as it lives: so whoever appends
//! something else, or puts another queue in place, knows how much has to be left. Where the file
//! system can't set space aside, the file itself is as large, and is emptied right before the end
//! of the run is recorded.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gate_protocol::id::EpochId;
use nix::fcntl::{FallocateFlags, fallocate};

use super::{SpoolError, at};
use crate::durable;

/// What is set aside for each run, in bytes: enough for the events that follow.
const EACH_BYTES: usize = 16 << 10;
/// How the name of a run's file begins.
const PREFIX: &str = "reserve-";

/// The names of this process's files, which no other has: where locks are a process's, as over NFS, its own would be given
/// again.
static OWN: Mutex<Vec<OsString>> = Mutex::new(Vec::new());

fn own() -> MutexGuard<'static, Vec<OsString>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is set aside for one run, until it is dropped.
#[derive(Debug)]
pub(super) struct Reserve {
    file: File,
    path: PathBuf,
}

impl Reserve {
    /// Has others count this run; the lock must be held.
    pub(super) fn begin(folder: &Path) -> Result<Self, SpoolError> {
        let path = folder.join(format!("{PREFIX}{}", EpochId::generate()));
        let mut options = OpenOptions::new();
        let file = durable::open_private(options.write(true).create_new(true), &path);
        let file = file.map_err(at("make", &path))?;
        let reserve = Self { file, path };
        let locked = reserve.file.try_lock().map_err(io::Error::from);
        locked.map_err(at("lock", &reserve.path))?;
        own().extend(reserve.path.file_name().map(OsStr::to_owned));
        Ok(reserve)
    }

    /// Makes the file as large as what the run can need, of bytes that no file system stores in
    /// less.
    pub(super) fn fill(&self) -> Result<(), SpoolError> {
        let mut bytes = vec![0; EACH_BYTES];
        let random = getrandom::fill(&mut bytes).map_err(io::Error::other);
        random
            .and_then(|()| (&self.file).write_all(&bytes))
            .and_then(|()| self.file.sync_all())
            .map_err(at("set space aside in", &self.path))
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        // Its space first: over a network an open file goes when it is closed.
        drop(self.file.set_len(0));
        own().retain(|name| self.path.file_name() != Some(name));
        drop(std::fs::remove_file(&self.path));
    }
}

/// Returns how many bytes all runs under way can need; the lock must be held. The file of one whose
/// process was killed is removed.
pub(super) fn needed(folder: &Path) -> Result<u64, SpoolError> {
    let mut runs = 0;
    for entry in std::fs::read_dir(folder).map_err(at("read", folder))? {
        let entry = entry.map_err(at("read", folder))?;
        if !entry.file_name().as_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let path = entry.path();
        if own().contains(&entry.file_name()) {
            runs += 1;
            continue;
        }
        // NFS locks only what is open for writing.
        let file = match OpenOptions::new().write(true).open(&path) {
            Ok(file) => file,
            // Its run has just ended.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(at("open", &path)(error)),
        };
        match file.try_lock() {
            Ok(()) => drop(std::fs::remove_file(&path)),
            Err(TryLockError::WouldBlock) => runs += 1,
            Err(TryLockError::Error(error)) => return Err(at("lock", &path)(error)),
        }
    }
    Ok(runs * EACH_BYTES as u64)
}

/// Sets so much space aside in a file, without changing its length; false where the file system
/// can't.
pub(super) fn set_aside(file: &File, from: u64, bytes: u64) -> io::Result<bool> {
    let (Ok(from), Ok(bytes @ 1..)) = (i64::try_from(from), i64::try_from(bytes)) else {
        return Ok(true);
    };
    loop {
        let keep = FallocateFlags::FALLOC_FL_KEEP_SIZE;
        match fallocate(file.as_fd(), keep, from, bytes) {
            Ok(()) => return Ok(true),
            Err(nix::Error::EINTR) => {}
            Err(nix::Error::EOPNOTSUPP | nix::Error::ENOSYS) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tells whether there was no room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use gate_protocol::canonical::Digest;
    use gate_protocol::event::{AllowedFinishedFact, Fact, RunOutcome};

    use super::*;
    use crate::spool::tests::{fact, once_free};
    use crate::spool::{Durability, Position, Spool, queue};

    const EACH: u64 = EACH_BYTES as u64;

    /// How much is set aside in a folder: in the queue, and in the files of runs.
    fn room(folder: &Path) -> u64 {
        let queue = folder.join(queue::FILE).metadata().unwrap();
        let names = std::fs::read_dir(folder).unwrap();
        let of_runs = names
            .map(Result::unwrap)
            .filter(|entry| entry.file_name().as_bytes().starts_with(PREFIX.as_bytes()))
            .map(|entry| entry.metadata().unwrap().len());
        (queue.blocks() * 512).saturating_sub(queue.len()) + of_runs.sum::<u64>()
    }

    fn under_way(folder: &Path) -> Spool {
        let mut run = Spool::open(folder).unwrap();
        run.reserve().unwrap();
        run
    }

    fn end() -> Fact {
        Fact::AllowedFinished(AllowedFinishedFact {
            decided: Digest::ZERO,
            outcome: RunOutcome {
                exit_code: Some(0),
                signal: None,
                not_run: None,
                duration_ms: 1,
                user_ms: 0,
                system_ms: 0,
                max_rss_bytes: 0,
            },
        })
    }

    /// Appends more than a queue may be long, and has the server confirm all of it.
    fn compact(spool: &mut Spool) {
        let long = "x".repeat(200_000);
        for _ in 0..3 {
            spool.append(fact(&long), Durability::Written).unwrap();
        }
        while let Some(last) = once_free(|| spool.undelivered()).last() {
            let last = Position::of(spool.sequence.epoch, last).unwrap();
            once_free(|| spool.confirm(&last));
        }
        let queue = spool.folder.join(queue::FILE);
        assert_eq!(queue.metadata().unwrap().len(), 0);
    }

    #[test]
    fn what_each_run_needs_stays_set_aside_whatever_others_do() {
        type Step = fn(&mut Spool, &Path);
        let steps: [(&str, Step); 5] = [
            ("appended", |other, _| {
                other
                    .append(fact(&"x".repeat(90_000)), Durability::Synced)
                    .unwrap();
            }),
            ("compacted", |other, _| compact(other)),
            ("torn", |other, queue| {
                let mut file = OpenOptions::new().append(true).open(queue).unwrap();
                file.write_all(b"half of one").unwrap();
                other.waiting().unwrap();
            }),
            ("removed", |other, queue| {
                std::fs::remove_file(queue).unwrap();
                other.waiting().unwrap();
            }),
            ("forked", |other, _| {
                other.append(fact("a"), Durability::Synced).unwrap();
                let epoch = other.sequence.epoch;
                once_free(|| other.fork(epoch));
            }),
        ];
        for (name, step) in steps {
            let folder = tempfile::tempdir().unwrap();
            let mut first = under_way(folder.path());
            let mut second = under_way(folder.path());
            let mut other = Spool::open(folder.path()).unwrap();
            step(&mut other, &folder.path().join(queue::FILE));
            assert!(room(folder.path()) >= 2 * EACH, "{name}");
            first.append(end(), Durability::Synced).unwrap();
            assert_eq!(needed(folder.path()).unwrap(), EACH, "{name}");
            step(&mut other, &folder.path().join(queue::FILE));
            assert!(room(folder.path()) >= EACH, "{name}");
            second.append(end(), Durability::Synced).unwrap();
            assert_eq!(needed(folder.path()).unwrap(), 0, "{name}");
        }
    }

    /// As over NFS, where a process is given its own lock again.
    #[test]
    fn a_run_of_this_process_is_counted_though_its_file_can_be_locked() {
        let folder = tempfile::tempdir().unwrap();
        let run = under_way(folder.path());
        let reserve = run.reserve.as_ref().unwrap();
        reserve.file.unlock().unwrap();
        assert_eq!(needed(folder.path()).unwrap(), EACH);
        assert!(reserve.path.exists());
    }

    #[test]
    fn a_run_whose_process_was_killed_needs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let _run = under_way(folder.path());
        let left = folder.path().join(format!("{PREFIX}killed"));
        std::fs::write(&left, "x").unwrap();
        assert_eq!(needed(folder.path()).unwrap(), EACH);
        assert!(!left.exists());
    }

    #[test]
    fn where_no_space_can_be_set_aside_the_file_of_the_run_is_as_large() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::begin(folder.path()).unwrap();
        reserve.fill().unwrap();
        assert_eq!(reserve.path.metadata().unwrap().len(), EACH);
        let path = reserve.path.clone();
        drop(reserve);
        assert!(!path.exists());
    }
}
