//! Why no tool could be found.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

use super::{Distrust, Quoted};

/// Why a name did not lead to a tool that gate runs.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// Nothing of that name, gate's own programs left aside.
    #[error("{}", not_found(.name))]
    NotFound {
        /// The name as it was typed.
        name: OsString,
        /// How many candidates were passed over because they are gate's own.
        skipped: usize,
    },
    /// Something of that name, but it cannot be executed.
    #[error("cannot run {}", Quoted(.path.as_os_str()))]
    NotExecutable {
        /// The first such file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path that was given is gate itself or one of its shims.
    #[error("{} is gate itself, not a tool", Quoted(.path.as_os_str()))]
    IsGate {
        /// The path as an absolute one.
        path: PathBuf,
    },
    /// Somebody else could have written the tool, or could replace it.
    #[error("refusing to run {}: {why}", Quoted(.path.as_os_str()))]
    Untrusted {
        /// The path on the way to the tool that others can change.
        path: PathBuf,
        /// Who can.
        why: Distrust,
    },
    /// The file system failed.
    #[error("cannot look up {}", Quoted(.path.as_os_str()))]
    Unreadable {
        /// What was looked at.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn not_found(name: &OsStr) -> String {
    if is_path(name) {
        format!("there is no {}", Quoted(name))
    } else {
        format!("no tool {} on PATH", Quoted(name))
    }
}

fn is_path(name: &OsStr) -> bool {
    name.as_encoded_bytes().contains(&b'/')
}

impl ResolveError {
    /// Returns the exit code of `env(1)` for this: 127 for not found, 126 for found and not run.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. }
            | Self::IsGate { .. }
            | Self::Untrusted { .. }
            | Self::Unreadable { .. } => 126,
        }
    }

    /// Returns what the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NotFound { name, .. } if is_path(name) => {
                "a name with a `/` is not looked for on PATH: see that the file is there".to_owned()
            }
            Self::NotFound { skipped: 0, .. } => {
                "install the tool, or add its folder to PATH as an absolute path".to_owned()
            }
            Self::NotFound { .. } => {
                "only gate's shim has this name: install the tool itself, or add its folder to PATH"
                    .to_owned()
            }
            Self::NotExecutable { path, .. } => {
                format!("make it executable: chmod +x {}", Quoted(path.as_os_str()))
            }
            Self::IsGate { .. } => "name the tool, not the shim".to_owned(),
            Self::Untrusted { path, why } => why.hint(path),
            Self::Unreadable { .. } => {
                "see that the file system is mounted and readable".to_owned()
            }
        }
    }
}
