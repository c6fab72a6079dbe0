//! Whether tracked files differ from the commit: from the index, told from their
//! status alone, and the index from the commit, told by their trees.
//!
//! git compares the content where the status leaves a doubt. Here a doubt stays
//! one: the answer is yes where a difference is certain, no where every file
//! has the very status that was recorded and the index has the very tree of the
//! commit, and otherwise not known. An approver must not be told `clean` on a
//! guess.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io::{ErrorKind, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use super::head::Head;
use super::index::{Entries, Entry, RecordedStatus, Standing};
use super::{Repository, commit, open};

/// The most bytes of an index that are read.
const INDEX_BYTES: u64 = 32 << 20;
/// The most entries that are compared.
const ENTRIES: u32 = 50_000;
/// How long files are compared. A person waits minutes for an answer, and yet
/// the question should leave at once.
const TIME: Duration = Duration::from_millis(20);
/// How many files are compared between two looks at the clock.
const STRIDE: u32 = 64;

/// The file type bits of a mode, and those that the index uses. Source: inode(7).
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const EXECUTABLE: u32 = 0o100;

/// How one file compares with what was recorded of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Same,
    Different,
    Doubtful,
}

/// Returns whether a tracked file differs from what is committed; `None` where it isn't known.
pub(super) fn is_dirty(repository: &Repository, head: &Head) -> Option<bool> {
    let start = Instant::now();
    let file = match open(&repository.git_dir.join("index")) {
        Some(file) => file,
        // Before anything was added there is no index, and nothing is tracked.
        None if is_missing(repository) => return Some(false),
        None => return None,
    };
    let written = file.metadata().ok()?;
    if written.len() > INDEX_BYTES {
        return None;
    }
    let mut content = Vec::new();
    file.take(INDEX_BYTES).read_to_end(&mut content).ok()?;
    let mut entries = Entries::parse(&content, head.hash_bytes())?;
    if entries.left() > ENTRIES {
        return None;
    }
    if head.commit.is_none() && entries.left() == 0 {
        return Some(false);
    }
    let mut is_doubtful = false;
    while entries.left() > 0 {
        match compare(repository, &entries.read_entry()?, &written) {
            Comparison::Same => {}
            Comparison::Different => return Some(true),
            Comparison::Doubtful => is_doubtful = true,
        }
        if entries.left().is_multiple_of(STRIDE) && start.elapsed() > TIME {
            return None;
        }
    }
    let extensions = entries.extensions()?;
    if is_doubtful || extensions.is_split {
        return None;
    }
    let staged = extensions.tree?;
    let committed = commit::tree(repository, head.commit.as_deref()?)?;
    Some(staged != committed)
}

fn is_missing(repository: &Repository) -> bool {
    let index = repository.git_dir.join("index").symlink_metadata();
    index.is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

fn compare(repository: &Repository, entry: &Entry, index: &Metadata) -> Comparison {
    match entry.standing {
        Standing::Unsettled => return Comparison::Different,
        Standing::NotLookedAt => return Comparison::Same,
        Standing::Tracked => {}
    }
    let recorded = &entry.status;
    if !matches!(recorded.mode & TYPE, REGULAR | SYMLINK) {
        // A submodule is a repository of its own, a folder a part of a sparse
        // index that is not checked out.
        return Comparison::Same;
    }
    let path = repository.worktree.join(OsStr::from_bytes(&entry.path));
    match path.symlink_metadata() {
        Ok(file) => compare_status(recorded, &file, index),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Comparison::Different
        }
        Err(_) => Comparison::Doubtful,
    }
}

fn compare_status(recorded: &RecordedStatus, file: &Metadata, index: &Metadata) -> Comparison {
    if recorded.mode & TYPE != file.mode() & TYPE {
        return Comparison::Different;
    }
    let is_executable = |mode: u32| mode & EXECUTABLE != 0;
    if recorded.mode & TYPE == REGULAR && is_executable(recorded.mode) != is_executable(file.mode())
    {
        return Comparison::Different;
    }
    let size = cut(file.size());
    if recorded.size_bytes != size {
        // git records 0 for a file that changed in the very moment in which the
        // index was written ("racily clean"): its content must be compared.
        return match recorded.size_bytes {
            0 => Comparison::Doubtful,
            _ => Comparison::Different,
        };
    }
    // Other programs that write indexes leave out what they do not know.
    let agrees = |recorded: u32, found: u32| recorded == 0 || recorded == found;
    let is_same = recorded.mtime_seconds == cut(file.mtime().cast_unsigned())
        && agrees(
            recorded.mtime_nanoseconds,
            cut(file.mtime_nsec().cast_unsigned()),
        )
        && agrees(recorded.ctime_seconds, cut(file.ctime().cast_unsigned()))
        && agrees(
            recorded.ctime_nanoseconds,
            cut(file.ctime_nsec().cast_unsigned()),
        )
        && agrees(recorded.inode, cut(file.ino()));
    let is_racy = (file.mtime(), file.mtime_nsec()) >= (index.mtime(), index.mtime_nsec());
    if is_same && !is_racy {
        Comparison::Same
    } else {
        Comparison::Doubtful
    }
}

/// Returns the low 32 bits, which are all that the index keeps.
fn cut(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
