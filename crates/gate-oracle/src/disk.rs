//! The files of the machine, as gate itself looks at them.

use std::borrow::Cow;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use gate_policy::{FileError, FileKind, Files};

/// The disk, with relative paths taken from one folder.
pub(crate) struct Disk<'a> {
    cwd: &'a Path,
}

impl<'a> Disk<'a> {
    pub(crate) fn at(cwd: &'a Path) -> Self {
        Self { cwd }
    }
}

impl Files for Disk<'_> {
    fn read(&self, path: &Path) -> Result<Cow<'_, [u8]>, FileError> {
        match fs::read(self.cwd.join(path)) {
            Ok(bytes) => Ok(Cow::Owned(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(FileError::Absent),
            Err(error) => Err(FileError::Unreadable(error.to_string())),
        }
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        let metadata = fs::metadata(self.cwd.join(path)).ok()?;
        Some(if metadata.is_file() {
            FileKind::File
        } else if metadata.is_dir() {
            FileKind::Directory
        } else {
            FileKind::Special
        })
    }

    fn canonical(&self, path: &Path) -> Option<PathBuf> {
        fs::canonicalize(self.cwd.join(path)).ok()
    }
}
