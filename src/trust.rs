//! Reading a file that decides what gate does, or that holds a secret: only if
//! nobody else can write it, or read it. What was opened is looked at, never the
//! path again: a file that is swapped in between is not taken for the other.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use gate_protocol::inert::inert;
use gate_protocol::rules::RULES_TEXT_LIMIT_BYTES;
use nix::errno::Errno;
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use zeroize::Zeroizing;

use crate::failure::{Failure, FailureKind};
use crate::layout;

/// Who must own the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// root alone.
    Root,
    /// The caller, or root.
    Caller,
    /// Anyone: what it says can only tighten.
    Anyone,
    /// The caller, and nobody else can even read it. A link to it is refused, and
    /// so is one in the place of its folder.
    CallerAlone,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    /// The operating system does not give it.
    #[error("it can't be read")]
    Read(#[source] io::Error),
    /// The last part of its path is a link.
    #[error("it is a symbolic link")]
    Link,
    /// It leads to nothing.
    #[error("it is a symbolic link to nothing")]
    LeadsNowhere,
    /// It is a folder, a pipe or a device.
    #[error("it is not a regular file")]
    NotRegular,
    /// It is somebody else's.
    #[error("it belongs to uid {found}, not to {expected}")]
    Owner {
        /// Whose it is.
        found: u32,
        /// Whose it must be.
        expected: &'static str,
    },
    /// Others could change it.
    #[error("others can write it (mode {0:o})")]
    Writable(u32),
    /// Others could know what is in it.
    #[error("others can read or write it (mode {0:o})")]
    Readable(u32),
    /// It is longer than anything of its kind.
    #[error("it is larger than {0} bytes")]
    TooLarge(usize),
    /// Others could put another file in its place, or take it away.
    #[error("{0}")]
    Folder(FolderError),
}

/// Why nothing is believed of a folder, or written to it.
#[derive(Debug, thiserror::Error)]
#[error("the folder `{}` {fault}", inert(&folder.to_string_lossy()))]
pub(crate) struct FolderError {
    folder: PathBuf,
    fault: FolderFault,
}

/// What is wrong with a folder.
#[derive(Debug, thiserror::Error)]
enum FolderFault {
    /// It is somebody else's.
    #[error("belongs to uid {0}, not to {1}")]
    Owner(u32, &'static str),
    /// Others could change what is in it.
    #[error("can be written by others (mode {0:o})")]
    Writable(u32),
    /// It is wherever somebody else wanted it to be.
    #[error("is a symbolic link of uid {0}")]
    Link(u32),
}

/// Returns what is in a file of at most `limit_bytes`; `None` where there is no
/// such file. The buffer is wiped when it is dropped.
///
/// # Errors
/// Each [`TrustError`] as its name says.
pub(crate) fn read_bytes(
    path: &Path,
    owner: Owner,
    limit_bytes: usize,
) -> Result<Option<Zeroizing<Vec<u8>>>, TrustError> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    refuse_folder(folder.unwrap_or(Path::new(".")), owner).map_err(TrustError::Folder)?;
    let follow = match owner {
        Owner::CallerAlone => O_NOFOLLOW,
        Owner::Root | Owner::Caller | Owner::Anyone => 0,
    };
    // A pipe must not hold gate up: it is opened to be refused.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(O_NONBLOCK | follow);
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound && leads_nowhere(path) => {
            return Err(TrustError::LeadsNowhere);
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::ELOOP as i32) && follow != 0 => {
            return Err(TrustError::Link);
        }
        Err(error) => return Err(TrustError::Read(error)),
    };
    refuse_unless_owned(&file.metadata().map_err(TrustError::Read)?, owner)?;
    read_all(file, limit_bytes).map(Some)
}

/// Refuses a folder in which others could put, change or take away what its owner
/// decides by: no file in it would show that another is gone. One that is not
/// there is nobody's. In a sticky one (`/tmp`) others can't touch what is not theirs.
///
/// A folder of gate's above it is held to the same, since who can write that one
/// can put another in the place of this one. What is above those (`~/.config`,
/// `~/.local/state`) is not gate's: the user's group may write it, or it is a link.
///
/// # Errors
/// [`FolderError`], which names the folder.
pub(crate) fn refuse_folder(folder: &Path, owner: Owner) -> Result<(), FolderError> {
    let above = folder
        .parent()
        .filter(|above| above.ends_with(layout::OWN_FOLDER));
    for folder in [above, Some(folder)].into_iter().flatten() {
        refuse_one(folder, owner).map_err(|fault| FolderError {
            folder: folder.to_owned(),
            fault,
        })?;
    }
    Ok(())
}

/// Refuses as [`refuse_folder`] does, for who decides by the files of `folder`.
///
/// # Errors
/// As [`refuse_folder`].
pub(crate) fn refuse_rules_folder(folder: &Path, owner: Owner) -> Result<(), Failure> {
    refuse_folder(folder, owner).map_err(|error| refused(folder, TrustError::Folder(error)))
}

fn refuse_one(folder: &Path, owner: Owner) -> Result<(), FolderFault> {
    const STICKY: u32 = 0o1000;
    let caller = nix::unistd::geteuid().as_raw();
    let (may_own, expected): (fn(u32, u32) -> bool, _) = match owner {
        Owner::Root => (|found, _| found == 0, "root"),
        Owner::Caller | Owner::CallerAlone => {
            (|found, caller| found == 0 || found == caller, "you or root")
        }
        Owner::Anyone => return Ok(()),
    };
    // Who keeps the settings elsewhere links to them; nobody else says where gate looks or writes.
    if let Ok(link) = folder.symlink_metadata()
        && link.is_symlink()
        && !may_own(link.uid(), caller)
    {
        return Err(FolderFault::Link(link.uid()));
    }
    let Ok(metadata) = folder.metadata() else {
        return Ok(());
    };
    let (found, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    if !may_own(found, caller) {
        return Err(FolderFault::Owner(found, expected));
    }
    if mode & 0o022 != 0 && mode & STICKY == 0 {
        return Err(FolderFault::Writable(mode));
    }
    Ok(())
}

/// Tells whether nothing can be opened at `path` because a link leads nowhere:
/// itself, or the nearest folder above it of which there is anything. Whoever
/// made the link meant something to be there, so this is no absence.
pub(crate) fn leads_nowhere(path: &Path) -> bool {
    let nearest = path.ancestors().find(|at| at.symlink_metadata().is_ok());
    nearest.is_some_and(|at| at.is_symlink() && !at.exists())
}

/// Returns the text of a file that decides what gate does; `None` where there
/// is no such file.
///
/// # Errors
/// It is there and can't be read, is not a regular file of that owner that
/// nobody else can write, is longer than rules can be, or is not UTF-8.
pub(crate) fn read(path: &Path, owner: Owner) -> Result<Option<String>, Failure> {
    read_up_to(path, owner, RULES_TEXT_LIMIT_BYTES)
}

/// Reads as [`read`] does, a file of at most `limit_bytes`.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_up_to(
    path: &Path,
    owner: Owner,
    limit_bytes: usize,
) -> Result<Option<String>, Failure> {
    let bytes = read_bytes(path, owner, limit_bytes).map_err(|error| refused(path, error))?;
    bytes.map(|bytes| as_text(path, &bytes)).transpose()
}

/// Returns the text of a file of rules that the user named, whoever owns it and
/// whatever it is: it may be a pipe. It need not be in force, so that nothing
/// waits for it to be mended.
///
/// # Errors
/// It can't be read, is longer than rules can be, or is not UTF-8.
pub(crate) fn read_named(path: &Path) -> Result<String, Failure> {
    let bytes = File::open(path)
        .map_err(TrustError::Read)
        .and_then(|file| read_all(file, RULES_TEXT_LIMIT_BYTES))
        .map_err(|error| {
            let TrustError::Read(error) = error else {
                return refused(path, error);
            };
            cannot_read(FailureKind::Usage, path)
                .caused_by(error)
                .hint("name a text file that is there and that you can read")
        })?;
    as_text(path, &bytes)
}

fn read_all(file: File, limit_bytes: usize) -> Result<Zeroizing<Vec<u8>>, TrustError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let most = u64::try_from(limit_bytes).unwrap_or(u64::MAX);
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(TrustError::Read)?;
    if bytes.len() > limit_bytes {
        return Err(TrustError::TooLarge(limit_bytes));
    }
    Ok(bytes)
}

fn as_text(path: &Path, bytes: &[u8]) -> Result<String, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        unreadable(
            path,
            io::Error::new(ErrorKind::InvalidData, error.to_string()),
        )
    })?;
    Ok(text.to_owned())
}

fn refused(path: &Path, error: TrustError) -> Failure {
    let shown = inert(&path.to_string_lossy()).into_owned();
    let hint = match error {
        TrustError::Read(error) => return unreadable(path, error),
        TrustError::TooLarge(_) => "split it; nothing runs before",
        TrustError::Folder(FolderError {
            fault: FolderFault::Link(_),
            ..
        }) => "put a folder, or a link of your own, in its place; nothing runs before",
        TrustError::Folder(_) => {
            "make the folder its owner's alone to write: chown it, or chmod go-w; nothing runs before"
        }
        TrustError::LeadsNowhere => "mend what it points to, or remove it; nothing runs before",
        TrustError::Link
        | TrustError::NotRegular
        | TrustError::Owner { .. }
        | TrustError::Writable(_)
        | TrustError::Readable(_) => {
            "make it a regular file of its owner that nobody else can write: chmod go-w"
        }
    };
    Failure::new(
        FailureKind::Configuration,
        format!("`{shown}` is not used: {error}"),
    )
    .hint(hint)
}

fn cannot_read(kind: FailureKind, path: &Path) -> Failure {
    let shown = inert(&path.to_string_lossy()).into_owned();
    Failure::new(kind, format!("cannot read `{shown}`"))
}

fn unreadable(path: &Path, error: io::Error) -> Failure {
    cannot_read(FailureKind::Configuration, path)
        .caused_by(error)
        .hint("make it a readable text file, or remove it; nothing runs before")
}

fn refuse_unless_owned(metadata: &Metadata, owner: Owner) -> Result<(), TrustError> {
    if !metadata.is_file() {
        return Err(TrustError::NotRegular);
    }
    let (found, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    let caller = nix::unistd::geteuid().as_raw();
    let (is_theirs, expected) = match owner {
        Owner::Root => (found == 0, "root"),
        Owner::Caller => (found == 0 || found == caller, "you or root"),
        Owner::CallerAlone => (found == caller, "you"),
        Owner::Anyone => return Ok(()),
    };
    if !is_theirs {
        return Err(TrustError::Owner { found, expected });
    }
    if owner == Owner::CallerAlone && mode & 0o077 != 0 {
        return Err(TrustError::Readable(mode));
    }
    if mode & 0o022 != 0 {
        return Err(TrustError::Writable(mode));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_secret_is_read_from_a_file_of_the_callers_that_nobody_else_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("key"), folder.path().join("link"));
        let secret = |path: &Path| read_bytes(path, Owner::CallerAlone, 4);
        assert!(matches!(secret(&path), Ok(None)));
        std::fs::write(&path, "four").unwrap();
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode));
        mode(0o600).unwrap();
        assert_eq!(**secret(&path).unwrap().unwrap(), *b"four");
        symlink(&path, &link).unwrap();
        assert!(matches!(secret(&link), Err(TrustError::Link)));
        assert!(matches!(secret(folder.path()), Err(TrustError::NotRegular)));
        mode(0o640).unwrap();
        assert!(matches!(secret(&path), Err(TrustError::Readable(0o640))));
        mode(0o600).unwrap();
        std::fs::write(&path, "fives").unwrap();
        assert!(matches!(secret(&path), Err(TrustError::TooLarge(4))));
    }

    #[test]
    fn a_link_that_leads_nowhere_is_no_absence() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let read = |name: &str| read_bytes(&at(name), Owner::Anyone, 4);
        assert!(matches!(read("rules.toml"), Ok(None)));
        assert!(matches!(read("no/such/rules.toml"), Ok(None)));
        symlink(at("nothing"), at("rules.toml")).unwrap();
        assert!(matches!(read("rules.toml"), Err(TrustError::LeadsNowhere)));
        symlink(at("nothing"), at("etc")).unwrap();
        let below = read("etc/gate/rules.toml");
        assert!(matches!(below, Err(TrustError::LeadsNowhere)));
        std::fs::create_dir(at("nothing")).unwrap();
        assert!(matches!(read("etc/gate/rules.toml"), Ok(None)));
    }

    #[test]
    fn what_decides_may_be_read_by_others_and_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.toml");
        std::fs::write(&path, "").unwrap();
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode));
        mode(0o644).unwrap();
        assert_eq!(read(&path, Owner::Caller).unwrap().as_deref(), Some(""));
        mode(0o664).unwrap();
        let why = read(&path, Owner::Caller).unwrap_err().to_string();
        assert!(why.ends_with("others can write it (mode 664)"), "{why}");
        assert!(read(&path, Owner::Anyone).unwrap().is_some());
    }
}
