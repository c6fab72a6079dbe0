//! What can never be the tool: gate's own programs, under whatever name.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::passed;
use crate::head::Head;
use crate::identity::{FileId, Fingerprint};
use crate::marker::{SHIM_FOLDER_MARKER, begins_gate_program};

/// Programs that are passed over when a tool is searched.
///
/// What is gate's has no switch: nothing in the environment can add to it or take from it.
#[derive(Debug, Clone)]
pub struct Exclusions {
    own: FileId,
    /// The path at which it was looked at.
    at: PathBuf,
    begins_behind_shim: bool,
    passed: Vec<FileId>,
}

impl Exclusions {
    /// Excludes the running program and everything that carries gate's mark.
    ///
    /// # Errors
    /// What `stat(2)` reports for `/proc/self/exe`, when `/proc` is not mounted.
    pub fn of_this_program() -> io::Result<Self> {
        Self::of_program_at(Path::new("/proc/self/exe"))
    }

    /// As [`Exclusions::of_this_program`], where it was started by this path: the kernel makes a
    /// process's folder in `/proc` when somebody looks into it, and that takes its time. Where
    /// another file stands at the path by now, this program is still known by its mark.
    ///
    /// # Errors
    /// What `stat(2)` reports.
    pub fn of_program_at(path: &Path) -> io::Result<Self> {
        Fingerprint::of_path(path).map(|own| Self {
            own: own.id,
            at: path.to_owned(),
            begins_behind_shim: false,
            passed: Vec::new(),
        })
    }

    /// Has the search begin behind the first shim of the tool's name, and come to what stands before
    /// it last: for a shim that was found on PATH, whoever found it has passed over that already. A
    /// version manager that calls the next file of its name would be led back to itself.
    #[must_use]
    pub fn from_behind_shim(self) -> Self {
        Self {
            begins_behind_shim: true,
            ..self
        }
    }

    /// Passes over the version managers by which this process was led back in search of the tool
    /// `name`, as the value of [`PASSED_VARIABLE`](super::PASSED_VARIABLE) says.
    #[must_use]
    pub fn led_by(self, value: Option<&OsStr>, name: &OsStr) -> Self {
        Self {
            passed: passed::read(value, name),
            ..self
        }
    }

    /// Returns the files of version managers that are passed over.
    pub(super) fn passed(&self) -> &[FileId] {
        &self.passed
    }

    /// Tells whether the search begins behind the first shim.
    pub(super) fn begins_behind_shim(&self) -> bool {
        self.begins_behind_shim
    }

    /// Returns whether this program was found at a path a moment ago: there is none to look for.
    pub(super) fn is_own_path(&self, path: &Path) -> bool {
        path == self.at
    }

    /// Returns whether a file is this program, which needs no look at what is in it.
    pub(super) fn is_this_program(&self, id: FileId) -> bool {
        id == self.own
    }
}

/// Returns whether a candidate in `folder` is gate's: any gate program by its content, or a file in
/// a shim folder.
pub(super) fn covers(folder: &Path, head: &Head<'_>) -> bool {
    begins_gate_program(head) || is_shim_folder(folder)
}

/// Returns whether the file that the symbolic links of a candidate in `folder` lead to lies in a
/// shim folder, where `folder` is none.
pub(super) fn covers_canonical(folder: &Path, canonical: &Path) -> bool {
    let parent = canonical.parent();
    parent.is_some_and(|parent| parent != folder && is_shim_folder(parent))
}

fn is_shim_folder(folder: &Path) -> bool {
    folder.join(SHIM_FOLDER_MARKER).symlink_metadata().is_ok()
}
