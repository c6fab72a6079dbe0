//! Which file is this, and is it still the same: device, inode, size and times of an open file.
//!
//! Names lie (links, renames, bind mounts); what was opened does not. Everything that gate
//! trusts or hashes is therefore compared by these numbers, never by its name.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The identity of a file as the kernel sees it: two names with the same `FileId` are one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId {
    /// The device that holds the file (`st_dev`).
    pub dev: u64,
    /// The inode number on that device (`st_ino`).
    pub ino: u64,
}

/// What changes when a file is replaced, rewritten, truncated, or has its metadata touched.
///
/// The change time cannot be set back by a program, so equal fingerprints mean that the bytes
/// are the same unless somebody wrote within one tick of the file system's clock. Where that
/// matters (inputs), the bytes are copied into a [`crate::Snapshot`] instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Device and inode.
    pub id: FileId,
    /// Size in bytes.
    pub size: u64,
    /// Last modification, in nanoseconds since the epoch by the file system's clock.
    pub mtime_ns: i128,
    /// Last change of content or metadata, in nanoseconds since the epoch.
    pub ctime_ns: i128,
}

/// Returns the user that this process acts as: whoever owns what it makes.
pub fn effective_user() -> u32 {
    // SAFETY: `geteuid(2)` takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

impl Fingerprint {
    /// Returns the fingerprint of an open file.
    ///
    /// # Errors
    /// What `fstat(2)` reports.
    pub fn of_file(file: &File) -> io::Result<Self> {
        Ok(Self::from_metadata(&file.metadata()?))
    }

    /// Returns the fingerprint of what stands at `path` now, following symbolic links.
    ///
    /// # Errors
    /// What `stat(2)` reports.
    pub fn of_path(path: &Path) -> io::Result<Self> {
        Ok(Self::from_metadata(&std::fs::metadata(path)?))
    }

    /// Returns the fingerprint that `metadata` shows.
    pub fn from_metadata(metadata: &std::fs::Metadata) -> Self {
        Self {
            id: FileId {
                dev: metadata.dev(),
                ino: metadata.ino(),
            },
            size: metadata.size(),
            mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Returns whether this is another file, or another state of the same file, than `earlier`.
    pub fn changed_since(&self, earlier: &Self) -> bool {
        self != earlier
    }
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
}

/// A file held open from the moment it was found, with its fingerprint at that moment.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    fingerprint: Fingerprint,
    is_readable: bool,
}

impl OpenFile {
    /// Takes a file that was opened for reading, or with `O_PATH` when it can only be executed.
    pub(crate) fn new(file: File, fingerprint: Fingerprint, is_readable: bool) -> Self {
        Self {
            file,
            fingerprint,
            is_readable,
        }
    }

    /// Returns the open file. Its offset is unspecified: read it with `pread(2)`
    /// ([`std::os::unix::fs::FileExt`]).
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Returns the fingerprint from when the file was opened.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Returns whether the bytes can be read. A program may be executable and not readable
    /// (mode 0711): it can run, but it cannot be hashed.
    pub fn is_readable(&self) -> bool {
        self.is_readable
    }

    /// Returns whether the open file itself was written to since it was opened.
    ///
    /// # Errors
    /// What `fstat(2)` reports.
    pub fn has_changed(&self) -> io::Result<bool> {
        Ok(Fingerprint::of_file(&self.file)?.changed_since(&self.fingerprint))
    }

    /// Returns whether `path` no longer names this file in this state.
    ///
    /// # Errors
    /// What `stat(2)` reports, such as `ENOENT` when the file is gone.
    pub fn was_replaced_at(&self, path: &Path) -> io::Result<bool> {
        Ok(Fingerprint::of_path(path)?.changed_since(&self.fingerprint))
    }
}
