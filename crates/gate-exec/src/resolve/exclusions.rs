//! What can never be the tool: gate's own programs, under whatever name.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use super::passed;
use crate::identity::{FileId, Fingerprint};
use crate::marker::{SHIM_FOLDER_MARKER, is_gate_program};

/// Programs that are passed over when a tool is searched.
///
/// What is gate's has no switch: nothing in the environment can add to it or take from it.
#[derive(Debug, Clone)]
pub struct Exclusions {
    own: FileId,
    begins_behind_shim: bool,
    passed: Vec<FileId>,
}

impl Exclusions {
    /// Excludes the running program and everything that carries gate's mark.
    ///
    /// # Errors
    /// What `stat(2)` reports for `/proc/self/exe`, when `/proc` is not mounted.
    pub fn of_this_program() -> io::Result<Self> {
        Fingerprint::of_path(Path::new("/proc/self/exe")).map(|own| Self {
            own: own.id,
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

    /// Returns whether a candidate in `folder` is gate's: the same file as this program, a file
    /// in a shim folder, or any gate program by its content.
    pub(super) fn covers(&self, folder: &Path, id: FileId, file: &File) -> bool {
        self.is_gate(id, file) || is_shim_folder(folder)
    }

    /// Returns whether a file is this program, or any gate program by its content. Where it lies
    /// says nothing: a folder that only looks like one for shims must not make a tool gate's.
    pub(super) fn is_gate(&self, id: FileId, file: &File) -> bool {
        id == self.own || is_gate_program(file)
    }

    /// Returns whether the file that a candidate's symbolic links lead to lies in a shim folder.
    #[expect(clippy::unused_self, reason = "it is a question to the exclusions")]
    pub(super) fn covers_canonical(&self, canonical: &Path) -> bool {
        canonical.parent().is_some_and(is_shim_folder)
    }
}

fn is_shim_folder(folder: &Path) -> bool {
    folder.join(SHIM_FOLDER_MARKER).symlink_metadata().is_ok()
}
