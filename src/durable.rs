//! Writing files so that a crash leaves either the old or the new content.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{
    DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::libc::O_NOFOLLOW;

use crate::layout::is_in_missing_home;
use crate::trust::{Owner, refuse_folder};

/// How often a lock that somebody else holds is tried again.
const LOCK_LOOK: Duration = Duration::from_millis(5);
/// How old a file is at least that is left of a gate that was killed while it wrote: one that is
/// being written is put in its place within seconds.
const LEFT_AFTER: Duration = Duration::from_hours(1);
/// How much is written to a disk at once or not at all, on every disk.
const SECTOR_BYTES: usize = 512;
/// The length of what stands behind a name, and a dot, until a file is in its place.
const BESIDE_DIGITS: usize = 16;

/// What to do about a lock that somebody else holds.
pub(crate) const HELD_HINT: &str = "see whether a gate of yours is stopped (Ctrl-Z, SIGSTOP): let it go on or end it, then run \
     this again";

/// Puts `content` at `path` in one step: a new file of mode 0600 beside it,
/// synced, renamed over it, and the folder synced. Missing folders are made
/// with mode 0700.
///
/// # Errors
/// Any step fails; the old content is then still there.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    sync_folder(put(path, content, |beside| std::fs::rename(beside, path))?)
}

/// Puts `content` at `path` as [`replace`] does, once the new file went through `prepare`.
///
/// # Errors
/// Any step fails; the old content is then still there.
pub(crate) fn replace_prepared(
    path: &Path,
    content: &[u8],
    prepare: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let folder = put(path, content, |beside| {
        prepare(&OpenOptions::new().write(true).open(beside)?)?;
        std::fs::rename(beside, path)
    })?;
    sync_folder(folder)
}

/// Writes `content` over what stands at `path`, where that is as long; puts it there as [`replace`]
/// does where it is not. Nothing is synced: a crash may bring the old content back, and never leaves
/// a part of each, for what is this short lies in one sector of a disk.
///
/// # Errors
/// It can't be written; the old content may then be gone.
pub(crate) fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    debug_assert!(content.len() <= SECTOR_BYTES, "it may lie in two sectors");
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(O_NOFOLLOW);
    let is_as_long =
        |found: Metadata| found.is_file() && usize::try_from(found.len()) == Ok(content.len());
    match options.open(path) {
        Ok(file) if file.metadata().is_ok_and(is_as_long) => file.write_all_at(content, 0),
        Ok(_) | Err(_) => replace(path, content),
    }
}

/// Puts `content` at `path` as [`replace`] does, but only where nothing is
/// there: what came first stays.
///
/// # Errors
/// Any step fails; that something is there already is not a failure.
pub(crate) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = put(path, content, |beside| {
        match std::fs::hard_link(beside, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        std::fs::remove_file(beside)
    })?;
    sync_folder(folder)
}

/// Returns the folder, whose names are not synced yet.
fn put<'p>(
    path: &'p Path,
    content: &[u8],
    settle: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<&'p Path> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // What can't be cleaned up is no reason to write nothing.
    drop(remove_left(folder, |of| of == name));
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    name.push(format!(".{:016x}", u64::from_ne_bytes(random)));
    let beside = folder.join(name);
    let written = write_new(&beside, content).and_then(|()| settle(&beside));
    if written.is_err() {
        // The half-written file is of no use; its removal may fail as the write did.
        drop(std::fs::remove_file(&beside));
    }
    written.map(|()| folder)
}

/// Removes what gates left in `folder` that were killed while they wrote, of the files that `is_of`
/// picks by the names which they were to get. What is young may be in somebody's hands.
///
/// # Errors
/// The folder can't be read. What can't be removed stays.
pub(crate) fn remove_left(folder: &Path, is_of: impl Fn(&OsStr) -> bool) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !wanted_name(&entry.file_name()).is_some_and(&is_of) {
            continue;
        }
        let is_old = |found: Metadata| {
            let age = found.modified().ok()?.elapsed().ok()?;
            Some(found.is_file() && age >= LEFT_AFTER)
        };
        if entry.metadata().ok().and_then(is_old) == Some(true) {
            drop(std::fs::remove_file(entry.path()));
        }
    }
    Ok(())
}

/// Returns the name that a file was to get which is not in its place yet.
fn wanted_name(beside: &OsStr) -> Option<&OsStr> {
    let bytes = beside.as_bytes();
    let (name, digits) = bytes.split_at_checked(bytes.len().checked_sub(BESIDE_DIGITS)?)?;
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let name = name.strip_suffix(b".").filter(|name| !name.is_empty())?;
    digits.iter().all(is_hex).then_some(OsStr::from_bytes(name))
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = open_private(options.write(true).create_new(true), path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Opens a file that is made where it is missing, with mode 0600, and never what
/// a link in its place leads to. The umask is the caller's, kept for the tool, and
/// may leave gate no right to its own file.
///
/// # Errors
/// It can't be opened or made.
pub(crate) fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.mode(0o600).custom_flags(O_NOFOLLOW).open(path)?;
    // Where it was there already and is not ours, it stays as it is.
    drop(file.set_permissions(Permissions::from_mode(0o600)));
    Ok(file)
}

/// Lets everybody read what root put at `path`, and find it.
///
/// # Errors
/// The system refuses.
pub(crate) fn let_read(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(0o644))?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::set_permissions(folder, Permissions::from_mode(0o755))
}

/// Locks the file at `path`, made where it is missing, for as long as the
/// returned one lives. Whoever holds it may be stopped (Ctrl-Z, SIGSTOP) and
/// never let go, so it is waited for no longer than `patience`, and asked for
/// again and again: `flock(2)` knows no deadline.
///
/// # Errors
/// It can't be opened or locked; `TimedOut` where somebody else held it all the time.
pub(crate) fn lock(path: &Path, patience: Duration) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let file = open_private(&mut options, path)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= patience => {
                let seconds = patience.as_secs();
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("another gate has held it for {seconds} s and more"),
                ));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_LOOK),
        }
    }
}

/// Makes `folder` and what is missing above it, each with mode 0700.
///
/// # Errors
/// One of them can't be made; or `folder`, or gate's own above it, is a link or
/// others could change what is in it: either would have gate write where somebody
/// else wants.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let refuse = || {
        refuse_folder(folder, Owner::CallerAlone)
            .map_err(|error| io::Error::new(io::ErrorKind::PermissionDenied, error.to_string()))
    };
    refuse_missing_home(folder)?;
    // Before, so that nothing is made in what is refused; after, for what came meanwhile.
    refuse()?;
    make_missing(folder, 0o700)?;
    refuse()
}

/// Makes `folder` and what is missing above it, each with mode 0755: others may
/// see what is in it. Whether anybody may change it is the caller's to ask.
///
/// # Errors
/// One of them can't be made, or HOME names a folder that is not there.
pub(crate) fn make_open_folder(folder: &Path) -> io::Result<()> {
    refuse_missing_home(folder)?;
    make_missing(folder, 0o755)
}

fn refuse_missing_home(folder: &Path) -> io::Result<()> {
    if is_in_missing_home(folder) {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "HOME names a folder that is not there",
        ));
    }
    Ok(())
}

fn make_missing(folder: &Path, mode: u32) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent().filter(|above| *above != Path::new("")) {
        make_missing(above, mode)?;
    }
    match DirBuilder::new().mode(mode).create(folder) {
        // As for a file: the caller's umask may have taken our own rights.
        Ok(()) => std::fs::set_permissions(folder, Permissions::from_mode(mode)),
        // Another gate was first.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes the names in `folder` durable. Source: fsync(2), on directories.
///
/// # Errors
/// The folder can't be opened or synced.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_a_killed_gate_left_is_removed_when_it_is_old_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, age: Duration| {
            let file = File::create(folder.path().join(name)).unwrap();
            let at = SystemTime::now().checked_sub(age).unwrap();
            file.set_modified(at).unwrap();
        };
        let old = LEFT_AFTER * 2;
        put("events.jsonl.0123456789abcdef", old);
        put("events.jsonl.fedcba9876543210", LEFT_AFTER / 2);
        put("position.0123456789abcdef", old);
        put("events.jsonl.0123456789ABCDEF", old);
        put("events.jsonl.0123456789abcde", old);
        put(".0123456789abcdef", old);
        replace(&folder.path().join("events.jsonl"), b"new").unwrap();
        let names = || {
            let names = std::fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let stay = [
            ".0123456789abcdef",
            "events.jsonl",
            "events.jsonl.0123456789ABCDEF",
            "events.jsonl.0123456789abcde",
            "events.jsonl.fedcba9876543210",
            "position.0123456789abcdef",
        ];
        assert_eq!(names(), stay);
        remove_left(folder.path(), |_| true).unwrap();
        assert_eq!(names(), stay[..5]);
    }
}
