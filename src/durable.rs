//! Writing files so that a crash leaves either the old or the new content.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Puts `content` at `path` in one step: a new file of mode 0600 beside it,
/// synced, renamed over it, and the folder synced. Missing folders are made
/// with mode 0700.
///
/// # Errors
/// Any step fails; the old content is then still there.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    put(path, content, |beside| std::fs::rename(beside, path))
}

/// Puts `content` at `path` as [`replace`] does, but only where nothing is
/// there: what came first stays.
///
/// # Errors
/// Any step fails; that something is there already is not a failure.
pub(crate) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    put(path, content, |beside| {
        match std::fs::hard_link(beside, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        std::fs::remove_file(beside)
    })
}

fn put(
    path: &Path,
    content: &[u8],
    settle: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}", u64::from_ne_bytes(random)));
    let beside = folder.join(name);
    let written = write_new(&beside, content).and_then(|()| settle(&beside));
    if written.is_err() {
        // The half-written file is of no use; its removal may fail as the write did.
        drop(std::fs::remove_file(&beside));
    }
    written?;
    sync_folder(folder)
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes `folder` and what is missing above it, each with mode 0700.
///
/// # Errors
/// One of them can't be made.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes the names in `folder` durable. Source: fsync(2), on directories.
///
/// # Errors
/// The folder can't be opened or synced.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
