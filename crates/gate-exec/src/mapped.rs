//! A file of the caller's own, mapped to be read where it lies.

use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::ptr::null_mut;
use std::slice;

use crate::identity::effective_user;
use crate::open::open;

/// What nobody but the owner may do.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// A regular file that root or the caller owns and nobody else can write, mapped whole.
///
/// It must be one that is replaced and never written in place: its bytes are looked at where the
/// kernel has them.
#[derive(Debug)]
pub struct MappedFile {
    start: *const u8,
    length: usize,
    owner: u32,
}

impl MappedFile {
    /// Maps the file at `path`; a link there is refused.
    ///
    /// # Errors
    /// What `open(2)`, `fstat(2)` and `mmap(2)` say; `EPERM` where others own or can write it,
    /// `EINVAL` where it is empty or no regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = open(path, libc::O_NOFOLLOW | libc::O_NONBLOCK)?;
        let metadata = file.metadata()?;
        let caller = effective_user();
        let owner = metadata.uid();
        if is_others(owner, metadata.mode(), caller) {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        let length = usize::try_from(metadata.len()).unwrap_or_default();
        if !metadata.is_file() || length == 0 {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        Self::map(&file, length, owner)
    }

    fn map(file: &File, length: usize, owner: u32) -> io::Result<Self> {
        // SAFETY: a private mapping for reading at no given place touches nothing that exists.
        let start = unsafe {
            libc::mmap(
                null_mut(),
                length,
                libc::PROT_READ,
                libc::MAP_PRIVATE,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            start: start.cast_const().cast(),
            length,
            owner,
        })
    }

    /// Leaves the file mapped for as long as the process is this program.
    pub fn leak(self) -> &'static [u8] {
        let file = ManuallyDrop::new(self);
        // SAFETY: as in `deref`; and nothing takes the mapping away, because it is never dropped.
        unsafe { slice::from_raw_parts(file.start, file.length) }
    }

    /// Returns whose the file is.
    pub fn owner(&self) -> u32 {
        self.owner
    }
}

/// Tells whether others than root and the caller could have written a file.
fn is_others(owner: u32, mode: u32, caller: u32) -> bool {
    (owner != 0 && owner != caller) || mode & WRITABLE_BY_OTHERS != 0
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: so many bytes are mapped there until this is dropped. Whoever could write the
        // file, root or the caller, replaces it instead.
        unsafe { slice::from_raw_parts(self.start, self.length) }
    }
}

impl Drop for MappedFile {
    fn drop(&mut self) {
        // SAFETY: it is what was mapped, and nothing borrows it any more.
        unsafe { libc::munmap(self.start.cast_mut().cast(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_there_whole_and_one_that_others_can_write_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"content").unwrap();
        let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        mode(0o600);
        assert_eq!(&*MappedFile::open(&path).unwrap(), b"content");
        mode(0o620);
        assert_eq!(refusal(&path), Some(libc::EPERM));
        mode(0o600);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(refusal(&link), Some(libc::ELOOP));
        std::fs::write(&path, b"").unwrap();
        assert_eq!(refusal(&path), Some(libc::EINVAL));
        assert_eq!(refusal(folder.path()), Some(libc::EINVAL));
    }

    #[test]
    fn a_file_of_somebody_else_is_refused_whoever_asks() {
        for (owner, mode, caller, expected) in [
            (0, 0o644, 1000, false),
            (1000, 0o600, 1000, false),
            (0, 0o600, 0, false),
            (1000, 0o600, 0, true),
            (1001, 0o600, 1000, true),
            (0, 0o664, 1000, true),
            (1000, 0o602, 1000, true),
        ] {
            let found = is_others(owner, mode, caller);
            assert_eq!(found, expected, "{owner} {mode:o} {caller}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"content").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        // Only root gives a file away.
        if std::os::unix::fs::chown(&path, Some(65_534), None).is_ok() {
            assert_eq!(refusal(&path), Some(libc::EPERM));
        } else {
            assert_ne!(effective_user(), 0);
        }
    }

    fn refusal(path: &Path) -> Option<i32> {
        MappedFile::open(path).unwrap_err().raw_os_error()
    }
}
