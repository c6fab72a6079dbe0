//! What a name on PATH meets, as a shell looks for it.
//!
//! A shell takes the first file that it may run, also by relative and empty
//! entries, and whoever owns it. gate's own search is stricter; this one is about
//! what happens where nobody asks gate.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use gate_exec::{Exclusions, ResolveError, is_gate_program, resolve};

use crate::failure::Failure;
use crate::pipeline;

/// Where a shell looks when there is no PATH at all.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// What a name leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// gate.
    Shim,
    /// A tool that gate would run.
    Tool,
    /// Something that gate would not run, and why.
    Refused(String),
    /// Something in a folder of shims that is not gate: no shim, and never the tool.
    Stranger,
}

/// One file that a name leads to.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// Its path, as the shell would call it.
    pub(crate) path: PathBuf,
    /// What it is.
    pub(crate) met: Met,
}

/// Where a folder stands on PATH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OnPath {
    /// Before all others.
    First,
    /// After this one.
    After(PathBuf),
    /// Nowhere.
    Absent,
}

/// A search, by what gate knows of itself.
pub(crate) struct Lookup<'a> {
    exclusions: Exclusions,
    cwd: &'a Path,
}

impl<'a> Lookup<'a> {
    /// Prepares a search from a working directory.
    ///
    /// # Errors
    /// gate can't tell which program it is.
    pub(crate) fn from(cwd: &'a Path) -> Result<Self, Failure> {
        let exclusions = pipeline::exclusions()?;
        Ok(Self { exclusions, cwd })
    }

    /// Returns every file that `name` could lead to, in the order of PATH.
    pub(crate) fn candidates(&self, name: &OsStr, path: Option<&OsStr>) -> Vec<Candidate> {
        let folders = entries(path.unwrap_or(OsStr::new(DEFAULT_PATH)));
        folders
            .filter_map(|folder| self.candidate(&folder.join(name)))
            .collect()
    }

    /// Returns what is at one path, which may be relative; nothing where no shell
    /// would run it.
    pub(crate) fn candidate(&self, path: &Path) -> Option<Candidate> {
        let path = self.cwd.join(path);
        self.met(&path).map(|met| Candidate { path, met })
    }

    /// Returns the tool that a shim of `name` would run.
    ///
    /// # Errors
    /// There is none, it can't be run, or others can write it.
    pub(crate) fn real(&self, name: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, ResolveError> {
        resolve(name, path, &self.exclusions.clone().from_behind_shim()).map(|tool| tool.path)
    }

    /// Says what `path` is; nothing where no shell would run it.
    fn met(&self, path: &Path) -> Option<Met> {
        match resolve(path.as_os_str(), None, &self.exclusions) {
            Ok(_) => Some(Met::Tool),
            Err(ResolveError::IsGate { .. }) if is_gate(path) => Some(Met::Shim),
            Err(ResolveError::IsGate { .. }) => Some(Met::Stranger),
            Err(error @ ResolveError::Untrusted { .. }) => Some(Met::Refused(error.to_string())),
            Err(
                ResolveError::NotFound { .. }
                | ResolveError::NotExecutable { .. }
                | ResolveError::Unreadable { .. },
            ) => None,
        }
    }
}

fn is_gate(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| is_gate_program(&file))
}

/// Returns the entries of PATH as they are written.
pub(crate) fn entries(path: &OsStr) -> impl Iterator<Item = &Path> {
    path.as_bytes()
        .split(|byte| *byte == b':')
        .map(|entry| Path::new(OsStr::from_bytes(entry)))
}

/// Returns where `folder` first stands on PATH, whatever it is called there.
pub(crate) fn position(folder: &Path, path: Option<&OsStr>) -> OnPath {
    let same = |entry: &Path| {
        entry == folder
            || match (entry.canonicalize(), folder.canonicalize()) {
                (Ok(entry), Ok(folder)) => entry == folder,
                _ => false,
            }
    };
    let mut before = None;
    for entry in path.into_iter().flat_map(entries) {
        if same(entry) {
            return before.map_or(OnPath::First, OnPath::After);
        }
        before.get_or_insert_with(|| entry.to_owned());
    }
    OnPath::Absent
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn tool(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn what_a_name_meets_is_said_in_the_order_of_path() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["shims", "open", "later"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        symlink(std::env::current_exe().unwrap(), at("shims/t")).unwrap();
        tool(&at("rel/t"));
        tool(&at("open/t"));
        tool(&at("later/t"));
        tool(&at("strange/t"));
        std::fs::write(at("strange").join(gate_exec::SHIM_FOLDER_MARKER), "").unwrap();
        std::fs::set_permissions(at("open"), std::fs::Permissions::from_mode(0o777)).unwrap();
        std::fs::write(at("plain"), "").unwrap();
        let path = std::env::join_paths(
            ["shims", "absent", "rel", "open", "strange", "later"].map(|name| match name {
                "rel" => PathBuf::from("rel"),
                _ => at(name),
            }),
        )
        .unwrap();
        let lookup = Lookup::from(folder.path()).unwrap();
        let found = lookup.candidates(OsStr::new("t"), Some(&path));
        let met: Vec<&Met> = found.iter().map(|candidate| &candidate.met).collect();
        assert!(
            matches!(
                met.as_slice(),
                [
                    Met::Shim,
                    Met::Tool,
                    Met::Refused(_),
                    Met::Stranger,
                    Met::Tool
                ]
            ),
            "{met:?}"
        );
        assert_eq!(found.last().unwrap().path, at("later/t"));
        assert!(
            lookup
                .candidates(OsStr::new("plain"), Some(&path))
                .is_empty()
        );
    }

    #[test]
    fn a_folder_is_found_on_path_by_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (shims, link) = (folder.path().join("shims"), folder.path().join("link"));
        std::fs::create_dir(&shims).unwrap();
        symlink(&shims, &link).unwrap();
        let join = |list: &[&Path]| std::env::join_paths(list).unwrap();
        let bin = Path::new("/bin");
        for (path, expected) in [
            (join(&[&shims, bin]), OnPath::First),
            (join(&[&link, bin]), OnPath::First),
            (join(&[bin, &shims]), OnPath::After(bin.to_owned())),
            (join(&[bin]), OnPath::Absent),
        ] {
            assert_eq!(
                position(&shims, Some(&path)),
                expected,
                "{}",
                path.display()
            );
        }
        assert_eq!(position(&shims, None), OnPath::Absent);
    }
}
