//! The files that a reading looks into, as they are now.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use gate_policy::{FileError, FileKind, Files};

/// The longest file that is read here, in bytes; settings are shorter by far.
const LIMIT_BYTES: u64 = 1 << 20;
/// Which accounts this machine has of its own.
const ACCOUNTS: &str = "/etc/passwd";
/// `O_NONBLOCK | O_NOCTTY`: a pipe or a terminal is opened to be refused.
const HARMLESS: i32 = 0o4_000 | 0o400;

/// Files below a working directory, each read once.
#[derive(Debug)]
pub(crate) struct ReadOnce<'c> {
    cwd: &'c Path,
    read: RefCell<BTreeMap<PathBuf, Rc<[u8]>>>,
    has_failed: Cell<bool>,
}

impl<'c> ReadOnce<'c> {
    pub(crate) fn new(cwd: &'c Path) -> Self {
        Self {
            cwd,
            read: RefCell::default(),
            has_failed: Cell::new(false),
        }
    }

    /// Tells whether a file was there and gave no bytes: why is for the full gate to say.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.get()
    }

    /// Tells whether the reading was made from this file.
    pub(crate) fn has_read(&self, path: &Path) -> bool {
        self.read.borrow().contains_key(&self.cwd.join(path))
    }

    fn content(&self, path: &Path) -> std::io::Result<Rc<[u8]>> {
        if let Some(known) = self.read.borrow().get(path) {
            return Ok(Rc::clone(known));
        }
        // Looked at before it is opened: opening a device has effects of its own.
        if !std::fs::metadata(path)?.is_file() {
            return Err(ErrorKind::InvalidInput.into());
        }
        let file = gate_exec::open(path, HARMLESS)?;
        if !file.metadata()?.is_file() {
            return Err(ErrorKind::InvalidInput.into());
        }
        let mut content = Vec::new();
        file.take(LIMIT_BYTES + 1).read_to_end(&mut content)?;
        if content.len() as u64 > LIMIT_BYTES {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let content: Rc<[u8]> = content.into();
        let mut read = self.read.borrow_mut();
        read.insert(path.to_owned(), Rc::clone(&content));
        Ok(content)
    }
}

impl Files for ReadOnce<'_> {
    fn read(&self, path: &Path) -> Result<Cow<'_, [u8]>, FileError> {
        match self.content(&self.cwd.join(path)) {
            Ok(content) => Ok(Cow::Owned(content.to_vec())),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(FileError::Absent),
            Err(error) => {
                self.has_failed.set(true);
                Err(FileError::Unreadable(error.to_string()))
            }
        }
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        let found = std::fs::metadata(self.cwd.join(path)).ok()?;
        Some(if found.is_file() {
            FileKind::File
        } else if found.is_dir() {
            FileKind::Directory
        } else {
            FileKind::Special
        })
    }

    fn canonical(&self, path: &Path) -> Option<PathBuf> {
        std::fs::canonicalize(self.cwd.join(path)).ok()
    }

    fn home_of_account(&self) -> Result<Option<PathBuf>, FileError> {
        let known = std::fs::read_to_string(ACCOUNTS).ok();
        if let Some(own) = known.as_deref().and_then(own_home) {
            return Ok(Some(own.to_owned()));
        }
        // Accounts that stand elsewhere are known to the full gate.
        self.has_failed.set(true);
        Err(FileError::Unreadable("no account stands there".to_owned()))
    }
}

/// Returns the home of the account that runs this. Source: passwd(5).
fn own_home(accounts: &str) -> Option<&Path> {
    let user = gate_exec::effective_user().to_string();
    let mut accounts = accounts.lines().map(|line| line.split(':'));
    let mut own = accounts.find(|fields| fields.clone().nth(2) == Some(&user))?;
    own.nth(5).map(Path::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_once_and_what_gives_no_bytes_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, "one").unwrap();
        let files = ReadOnce::new(folder.path());
        let path = Path::new("config");
        assert_eq!(&*files.read(path).unwrap(), b"one");
        std::fs::write(&file, "two").unwrap();
        assert_eq!(&*files.read(&file).unwrap(), b"one");
        assert!(files.has_read(path) && !files.has_read(Path::new("other")));
        assert_eq!(files.read(Path::new("other")), Err(FileError::Absent));
        assert!(!files.has_failed());
        assert!(files.read(folder.path()).is_err());
        assert!(files.has_failed());
    }
}
