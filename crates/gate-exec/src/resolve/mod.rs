//! Finds the real tool: by identity, never by what an environment variable claims.
//!
//! The search is `execvp(3)`'s with two differences: relative and empty entries of PATH never
//! name a tool, and gate's own programs are not tools. The first candidate that could run is
//! the tool; when it cannot be trusted the search ends there, for running another program than
//! the one that would have run without gate is worse than running none.

mod error;
mod exclusions;
mod kind;
pub(crate) mod passed;
mod quoted;
mod trust;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub use error::ResolveError;
pub use exclusions::Exclusions;
pub use kind::ToolKind;
pub use passed::{PASSED_VARIABLE, version_manager};
pub use quoted::Quoted;
pub use trust::Distrust;

use self::exclusions::{covers, covers_canonical};
use crate::head::Head;
use crate::identity::{FileId, Fingerprint, OpenFile};
use crate::marker::begins_gate_program;
use crate::open::open;

/// Where `execvp(3)` looks when there is no PATH at all.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// A program that gate wraps, found and held open.
#[derive(Debug)]
pub struct Tool {
    /// The name as it was typed.
    pub name: OsString,
    /// The absolute path under which it was found, symbolic links not resolved: what
    /// `execvp(3)` would have passed to the kernel.
    pub path: PathBuf,
    /// The path with all symbolic links resolved.
    pub canonical: PathBuf,
    /// The file, open since it was examined.
    pub file: OpenFile,
    /// Device and inode of the file.
    pub id: FileId,
    /// How the kernel will start it.
    pub kind: ToolKind,
    /// The files of version managers by which this process was led here.
    pub(crate) passed: Vec<FileId>,
}

/// Finds the tool `name`, along `path` (the value of PATH) unless it contains a slash. Where on
/// `path` the search begins say the `exclusions`.
///
/// # Errors
/// - [`ResolveError::NotFound`] when nothing has that name (exit code 127).
/// - [`ResolveError::NotExecutable`] when something has, but nothing can be run (126).
/// - [`ResolveError::IsGate`] when a path was given and it is gate itself.
/// - [`ResolveError::Untrusted`] when others than root and the caller could have written it.
/// - [`ResolveError::Unreadable`] when the file system fails.
///
/// Source: `execvp(3)`; POSIX.1-2024, XCU 2.9.1.4 "Command Search and Execution".
pub fn resolve(
    name: &OsStr,
    path: Option<&OsStr>,
    exclusions: &Exclusions,
) -> Result<Tool, ResolveError> {
    if name.is_empty() {
        return Err(not_found(name, 0));
    }
    if name.as_bytes().contains(&b'/') {
        return at_given_path(name, exclusions);
    }
    let mut refused: Option<(PathBuf, io::Error)> = None;
    let mut skipped = 0;
    for folder in in_order(name, path.unwrap_or(OsStr::new(DEFAULT_PATH)), exclusions) {
        let candidate = folder.join(name);
        match examine(&candidate, exclusions) {
            Ok(Examined::ThisProgram) => skipped += 1,
            Ok(Examined::Other(found)) => {
                let head = Head::read(&found.file);
                let is_passed = exclusions.passed().contains(&found.fingerprint.id);
                if is_passed || covers(folder, &head) {
                    skipped += 1;
                    continue;
                }
                let kind = kind::of(&head);
                let mut tool = found.trusted(name, candidate, kind)?;
                if covers_canonical(folder, &tool.canonical) {
                    skipped += 1;
                    continue;
                }
                exclusions.passed().clone_into(&mut tool.passed);
                return Ok(tool);
            }
            Err(error) if is_absent(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                refused.get_or_insert((candidate, error));
            }
            Err(source) => {
                return Err(ResolveError::Unreadable {
                    path: candidate,
                    source,
                });
            }
        }
    }
    match refused {
        Some((path, source)) => Err(ResolveError::NotExecutable { path, source }),
        None => Err(not_found(name, skipped)),
    }
}

/// Refuses a path of which anybody but root and the caller could change a part, by the rules by
/// which tools are refused.
///
/// # Errors
/// - [`ResolveError::Untrusted`] when somebody could.
/// - [`ResolveError::Unreadable`] when it is not there, or can't be looked at.
pub fn refuse_untrusted(path: &Path) -> Result<(), ResolveError> {
    trust::walk(path).map(drop)
}

fn at_given_path(name: &OsStr, exclusions: &Exclusions) -> Result<Tool, ResolveError> {
    let path = std::path::absolute(Path::new(name)).map_err(|source| ResolveError::Unreadable {
        path: PathBuf::from(name),
        source,
    })?;
    let examined = examine(&path, exclusions).map_err(|source| {
        if is_absent(&source) {
            not_found(name, 0)
        } else {
            ResolveError::NotExecutable {
                path: path.clone(),
                source,
            }
        }
    })?;
    let Examined::Other(found) = examined else {
        return Err(ResolveError::IsGate { path });
    };
    let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
    let head = Head::read(&found.file);
    if covers(&folder, &head) {
        return Err(ResolveError::IsGate { path });
    }
    let kind = kind::of(&head);
    let tool = found.trusted(name, path, kind)?;
    if covers_canonical(&folder, &tool.canonical) {
        return Err(ResolveError::IsGate { path: tool.path });
    }
    Ok(tool)
}

/// Tells whether what `execvp(3)` would start by `name` along `path` is gate's own program, as a
/// shim is. Where an entry of PATH, or the name, is relative, nobody can say.
pub fn leads_to_gate(name: &OsStr, path: Option<&OsStr>, exclusions: &Exclusions) -> bool {
    let is_gate = |candidate: &Path| {
        Some(match examine(candidate, exclusions).ok()? {
            Examined::ThisProgram => true,
            // Where it lies says nothing: a folder that only looks like one for shims must not make
            // a tool gate's.
            Examined::Other(found) => begins_gate_program(&Head::read(&found.file)),
        })
    };
    if name.as_bytes().contains(&b'/') {
        let candidate = Path::new(name);
        return candidate.is_absolute() && is_gate(candidate) == Some(true);
    }
    let path = path.unwrap_or(OsStr::new(DEFAULT_PATH));
    let entries = path.as_bytes().split(|byte| *byte == b':');
    for entry in entries {
        let folder = Path::new(OsStr::from_bytes(entry));
        if !folder.is_absolute() {
            return false;
        }
        if let Some(answer) = is_gate(&folder.join(name)) {
            return answer;
        }
    }
    false
}

fn not_found(name: &OsStr, skipped: usize) -> ResolveError {
    ResolveError::NotFound {
        name: name.to_owned(),
        skipped,
    }
}

/// The folders of PATH in the order in which they are searched.
fn in_order<'p>(name: &OsStr, path: &'p OsStr, exclusions: &Exclusions) -> Vec<&'p Path> {
    let mut folders: Vec<&Path> = folders(path).collect();
    if exclusions.begins_behind_shim() {
        let is_shim = |folder: &&Path| match examine(&folder.join(name), exclusions) {
            Ok(Examined::ThisProgram) => true,
            Ok(Examined::Other(found)) => covers(folder, &Head::read(&found.file)),
            Err(_) => false,
        };
        // The shim itself comes last, where nothing has to be learned of it a second time.
        let behind = folders.iter().position(is_shim).map(|first| first + 1);
        folders.rotate_left(behind.unwrap_or_default());
    }
    folders
}

/// The absolute folders of PATH in order.
fn folders(path: &OsStr) -> impl Iterator<Item = &Path> {
    path.as_bytes()
        .split(|byte| *byte == b':')
        .map(|entry| Path::new(OsStr::from_bytes(entry)))
        .filter(|folder| folder.is_absolute())
}

/// What stands at a path that may be a tool's.
enum Examined {
    /// The running program, which is nobody's tool.
    ThisProgram,
    /// Another file.
    Other(Candidate),
}

/// A file that could be run, not yet known to be a tool.
struct Candidate {
    file: File,
    fingerprint: Fingerprint,
    is_readable: bool,
}

/// Opens `path` if it is a regular file that this process may execute, and not this program.
fn examine(path: &Path, exclusions: &Exclusions) -> io::Result<Examined> {
    if exclusions.is_own_path(path) {
        return Ok(Examined::ThisProgram);
    }
    // Looked at before it is opened: opening a device or a FIFO has effects of its own.
    let metadata = std::fs::metadata(path)?;
    if exclusions.is_this_program(Fingerprint::from_metadata(&metadata).id) {
        return Ok(Examined::ThisProgram);
    }
    if !metadata.is_file() {
        return Err(io::Error::from_raw_os_error(libc::EACCES));
    }
    if !is_executable(path)? {
        return Err(io::Error::from_raw_os_error(libc::EACCES));
    }
    let (file, is_readable) = match open(path, libc::O_NONBLOCK | libc::O_NOCTTY) {
        Ok(file) => (file, true),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            (open(path, libc::O_PATH)?, false)
        }
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::from_raw_os_error(libc::EACCES));
    }
    Ok(Examined::Other(Candidate {
        fingerprint: Fingerprint::from_metadata(&metadata),
        file,
        is_readable,
    }))
}

/// Asks the kernel, for the effective user, so that capabilities, ACLs and `noexec` count.
fn is_executable(path: &Path) -> io::Result<bool> {
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the path is a C string; the call only reads.
    let result =
        unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::X_OK, libc::AT_EACCESS) };
    if result == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::PermissionDenied {
        return Ok(false);
    }
    Err(error)
}

impl Candidate {
    /// Makes it the tool, if nobody but root and the caller could have put it there.
    fn trusted(self, name: &OsStr, path: PathBuf, kind: ToolKind) -> Result<Tool, ResolveError> {
        let walked = trust::walk(&path)?;
        if let ToolKind::Script { interpreter, .. } = &kind {
            // What stands in its first line runs in its place. One that is not there is reported
            // when it is started.
            if interpreter.is_absolute() && interpreter.exists() {
                trust::walk(interpreter)?;
            }
        }
        if walked.id != self.fingerprint.id {
            return Err(ResolveError::Untrusted {
                path,
                why: Distrust::Replaced,
            });
        }
        Ok(Tool {
            name: name.to_owned(),
            path,
            canonical: walked.canonical,
            id: self.fingerprint.id,
            file: OpenFile::new(self.file, self.fingerprint, self.is_readable),
            kind,
            passed: Vec::new(),
        })
    }
}

/// The errors on which `execvp(3)` goes on with the next folder.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT)
    )
}
