//! Who could have written the tool: every name on the way to it is looked at.
//!
//! The walk resolves the path one name at a time, as the kernel does, so that the folders in which
//! symbolic links lie are examined too: whoever can write such a folder chooses the tool.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::{Quoted, ResolveError};
use crate::identity::{FileId, Fingerprint, effective_user};

/// As many symbolic links as the kernel follows (`path_resolution(7)`).
const MAX_LINKS: usize = 40;
/// Group ids below this belong to the system (`SYS_GID_MAX` of `login.defs(5)`).
const FIRST_USER_GROUP: u32 = 1000;

const WRITABLE_BY_GROUP: u32 = 0o020;
const WRITABLE_BY_ALL: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Who, besides root and the caller, could change the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distrust {
    /// Another user owns it.
    OwnedBy {
        /// That user.
        uid: u32,
    },
    /// A group can write it.
    WritableByGroup {
        /// That group.
        gid: u32,
    },
    /// Everybody can write it.
    WritableByAll,
    /// It was replaced while it was looked at.
    Replaced,
}

impl fmt::Display for Distrust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnedBy { uid } => write!(formatter, "it belongs to another user (uid {uid})"),
            Self::WritableByGroup { gid } => write!(formatter, "group {gid} can write it"),
            Self::WritableByAll => formatter.write_str("everybody can write it"),
            Self::Replaced => formatter.write_str("it was replaced just now"),
        }
    }
}

impl Distrust {
    /// Returns what the user can do about it.
    pub(super) fn hint(self, path: &Path) -> String {
        let path = Quoted(path.as_os_str());
        match self {
            Self::OwnedBy { .. } => {
                format!("install the tool as root or as yourself, not in {path}")
            }
            Self::WritableByGroup { .. } => format!("take the right away: chmod g-w {path}"),
            Self::WritableByAll => format!("take the right away: chmod o-w {path}"),
            Self::Replaced => "run the command again".to_owned(),
        }
    }
}

/// The end of a walk: the file itself.
pub(super) struct Walked {
    pub(super) canonical: PathBuf,
    pub(super) id: FileId,
}

/// Follows the absolute `path` to its file and refuses if anybody but root and the caller can
/// change a name on the way, or the file.
pub(super) fn walk(path: &Path) -> Result<Walked, ResolveError> {
    let caller = effective_user();
    let mut current = PathBuf::from("/");
    let mut metadata = look_at(&current, caller)?;
    let mut ahead: Vec<OsString> = names(path);
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        if name == OsStr::new("..") {
            current.pop();
            continue;
        }
        current.push(&name);
        metadata = look_at(&current, caller)?;
        if metadata.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(unreadable(
                    &current,
                    io::Error::from_raw_os_error(libc::ELOOP),
                ));
            }
            let target =
                std::fs::read_link(&current).map_err(|error| unreadable(&current, error))?;
            current.pop();
            if target.is_absolute() {
                current = PathBuf::from("/");
            }
            ahead.extend(names(&target));
        }
    }
    Ok(Walked {
        id: Fingerprint::from_metadata(&metadata).id,
        canonical: current,
    })
}

/// The names of `path`, the first one last.
fn names(path: &Path) -> Vec<OsString> {
    path.components()
        .rev()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
        })
        .collect()
}

fn look_at(path: &Path, caller: u32) -> Result<Metadata, ResolveError> {
    let metadata = std::fs::symlink_metadata(path).map_err(|error| unreadable(path, error))?;
    match distrust(&metadata, caller) {
        Some(why) => Err(ResolveError::Untrusted {
            path: path.to_owned(),
            why,
        }),
        None => Ok(metadata),
    }
}

/// Says who else could change what `metadata` describes.
fn distrust(metadata: &Metadata, caller: u32) -> Option<Distrust> {
    let (uid, gid, mode) = (metadata.uid(), metadata.gid(), metadata.mode());
    if uid != 0 && uid != caller {
        return Some(Distrust::OwnedBy { uid });
    }
    // The mode of a symbolic link means nothing.
    if metadata.is_symlink() {
        return None;
    }
    // In a sticky folder only the owner of a name can change it, and every name on the way is
    // looked at, its owner included.
    if metadata.is_dir() && mode & STICKY != 0 {
        return None;
    }
    if mode & WRITABLE_BY_ALL != 0 {
        return Some(Distrust::WritableByAll);
    }
    // Debian ships /usr/local as root:staff 2775; its members are administrators.
    let is_system_folder = metadata.is_dir() && uid == 0 && gid < FIRST_USER_GROUP;
    (mode & WRITABLE_BY_GROUP != 0 && gid != 0 && !is_system_folder)
        .then_some(Distrust::WritableByGroup { gid })
}

fn unreadable(path: &Path, source: io::Error) -> ResolveError {
    ResolveError::Unreadable {
        path: path.to_owned(),
        source,
    }
}
