//! Reads one command as its tool would, from bytes that can't change any more:
//! whatever file the reading depends on is a sealed copy, and that copy is what
//! the tool gets.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use gate_exec::{InitialState, Snapshot, SnapshotError};
use gate_policy::{
    CommandLine, Environment, FileError, FileKind, Files, InputKind, Invocation, Placement, Stdin,
};
use nix::unistd::{User, getuid};

use crate::failure::{Failure, FailureKind};
use crate::progress::Voice;
use crate::report;
use crate::world::World;

/// The largest input that is copied, in bytes.
pub(crate) const INPUT_LIMIT_BYTES: u64 = 256 << 20;
/// How much of an input is read, in bytes. What is understood is shorter by
/// far; what a script names is looked for in this much of it, and a script that
/// is larger can't be approved.
const READ_BYTES: u64 = (16 << 20) + 1;

/// One command as read, with the copies that the reading was made from.
pub(crate) struct Reading {
    /// The command as its tool would read it.
    pub(crate) invocation: Invocation,
    /// The sealed copies, by the path as joined with the working directory.
    pub(crate) snapshots: SealedFiles,
    /// The standard input, where the decision was made from it or people are
    /// asked about it.
    pub(crate) stdin: Option<Snapshot>,
}

/// Reads `argv` in this world, by the profiles in force.
///
/// # Errors
/// The standard input is what to do and can't be copied: a terminal, too large. A profile
/// can't be read, trusted or understood.
pub(crate) fn read(world: &World, argv: &[OsString]) -> Result<Reading, Failure> {
    let kind = stdin_kind();
    let reading = read_beside(world, argv, kind)?;
    let depends_on_stdin = reading
        .invocation
        .inputs
        .iter()
        .any(|input| input.kind == InputKind::Stdin && input.placement == Placement::Anywhere);
    if !depends_on_stdin || kind != Stdin::Unread {
        return Ok(reading);
    }
    let stdin = copy_of_stdin()?;
    let content = beginning(&stdin);
    let invocation = read_line(world, argv, Stdin::Content(&content), &reading.snapshots)?;
    Ok(Reading {
        invocation,
        stdin: Some(stdin),
        ..reading
    })
}

/// Reads `argv` beside a standard input of which nothing is read: this process's own is for
/// something else.
///
/// # Errors
/// A profile can't be read, trusted or understood.
pub(crate) fn read_beside(
    world: &World,
    argv: &[OsString],
    stdin: Stdin<'_>,
) -> Result<Reading, Failure> {
    let snapshots = SealedFiles::new(&world.cwd);
    Ok(Reading {
        invocation: read_line(world, argv, stdin, &snapshots)?,
        snapshots,
        stdin: None,
    })
}

fn read_line(
    world: &World,
    argv: &[OsString],
    stdin: Stdin<'_>,
    files: &SealedFiles,
) -> Result<Invocation, Failure> {
    let environment: Environment = world.variables().collect();
    Ok(world.profiles()?.read_invocation(&CommandLine {
        argv,
        env: &environment,
        cwd: &world.cwd,
        stdin,
        files,
    }))
}

impl Reading {
    /// Copies a standard input that decides what happens, though not what the
    /// decision is: what is allowed gets it as it comes. It waits for the end,
    /// so it belongs before signals are caught.
    ///
    /// # Errors
    /// It can't be read, or is too large.
    pub(crate) fn seal_stdin(&mut self, voice: Voice) -> Result<(), Failure> {
        let mut inputs = self.invocation.inputs.iter();
        let is_read = inputs.any(|input| input.kind == InputKind::Stdin);
        if self.stdin.is_some() || !is_read || stdin_kind() != Stdin::Unread {
            return Ok(());
        }
        let has_end = std::fs::metadata("/dev/stdin").is_ok_and(|stdin| stdin.is_file());
        if voice == Voice::Human && !has_end {
            report::line("reading the standard input to its end: an approval is bound to it");
        }
        self.stdin = Some(copy_of_stdin()?);
        Ok(())
    }
}

fn copy_of_stdin() -> Result<Snapshot, Failure> {
    Snapshot::of_stdin(INPUT_LIMIT_BYTES).map_err(|error| {
        let hint = error.hint();
        Failure::new(
            FailureKind::CannotRun,
            "the standard input decides what happens and can't be copied",
        )
        .caused_by(error)
        .hint(hint)
    })
}

fn stdin_kind() -> Stdin<'static> {
    if InitialState::captured().was_closed(0) {
        Stdin::Absent
    } else if gate_exec::terminal::is_terminal(std::io::stdin()) {
        Stdin::Terminal
    } else {
        Stdin::Unread
    }
}

/// Returns the bytes to understand a copy by: all of it, or one byte more than
/// is ever looked through.
fn beginning(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A sealed copy in memory can't fail to be read; if it did, fewer bytes
    // would be seen here than are hashed, so nothing is understood then.
    if snapshot
        .reader()
        .take(READ_BYTES)
        .read_to_end(&mut bytes)
        .is_err()
    {
        bytes = vec![0; usize::try_from(READ_BYTES).unwrap_or(usize::MAX)];
    }
    bytes
}

/// Files that are copied and sealed at the first look.
#[derive(Debug)]
pub(crate) struct SealedFiles {
    cwd: PathBuf,
    sealed: RefCell<BTreeMap<PathBuf, Rc<Snapshot>>>,
}

impl SealedFiles {
    fn new(cwd: &Path) -> Self {
        Self {
            cwd: cwd.to_owned(),
            sealed: RefCell::default(),
        }
    }

    /// Returns the sealed copy of `path`, which is taken at the first call.
    ///
    /// # Errors
    /// It is not a regular file, is too large, or can't be read.
    pub(crate) fn snapshot(&self, path: &Path) -> Result<Rc<Snapshot>, SnapshotError> {
        self.sealed(path, |path| Snapshot::of_path(path, INPUT_LIMIT_BYTES))
    }

    /// Returns the sealed copy of what stands behind an open descriptor, as
    /// `/dev/fd/63` of a process substitution: read to its end, once.
    ///
    /// # Errors
    /// It is too large or can't be read.
    pub(crate) fn stream(&self, path: &Path) -> Result<Rc<Snapshot>, SnapshotError> {
        self.sealed(path, |path| {
            let stream = std::fs::File::open(path).map_err(|source| SnapshotError::Unreadable {
                path: path.to_owned(),
                source,
            })?;
            Snapshot::of_stream(stream.as_fd(), path, INPUT_LIMIT_BYTES)
        })
    }

    /// Tells whether `path` was copied already.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.sealed.borrow().contains_key(&self.cwd.join(path))
    }

    /// Returns `path` joined with the working directory.
    pub(crate) fn joined(&self, path: &Path) -> PathBuf {
        self.cwd.join(path)
    }

    fn sealed(
        &self,
        path: &Path,
        copy: impl FnOnce(&Path) -> Result<Snapshot, SnapshotError>,
    ) -> Result<Rc<Snapshot>, SnapshotError> {
        let path = self.cwd.join(path);
        if let Some(known) = self.sealed.borrow().get(&path) {
            return Ok(Rc::clone(known));
        }
        let snapshot = Rc::new(copy(&path)?);
        self.sealed.borrow_mut().insert(path, Rc::clone(&snapshot));
        Ok(snapshot)
    }
}

impl Files for SealedFiles {
    fn read(&self, path: &Path) -> Result<Cow<'_, [u8]>, FileError> {
        match self.snapshot(path) {
            Ok(snapshot) => Ok(Cow::Owned(beginning(&snapshot))),
            Err(_) if self.kind(path).is_none() => Err(FileError::Absent),
            Err(error) => Err(FileError::Unreadable(error.to_string())),
        }
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        let metadata = std::fs::metadata(self.cwd.join(path)).ok()?;
        Some(if metadata.is_file() {
            FileKind::File
        } else if metadata.is_dir() {
            FileKind::Directory
        } else {
            FileKind::Special
        })
    }

    fn canonical(&self, path: &Path) -> Option<PathBuf> {
        std::fs::canonicalize(self.cwd.join(path)).ok()
    }

    fn home_of_account(&self) -> Result<Option<PathBuf>, FileError> {
        match User::from_uid(getuid()) {
            Ok(account) => Ok(account.map(|account| account.dir)),
            Err(errno) => Err(FileError::Unreadable(errno.desc().to_owned())),
        }
    }
}
