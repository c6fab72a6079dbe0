//! One folder of shims: what is in it, and how a shim is put there and taken away.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use gate_exec::resolve::refuse_untrusted;
use gate_exec::{SHIM_FOLDER_MARKER, is_gate_program};
use gate_protocol::inert::inert;

use super::Program;
use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::layout::{PROGRAM, SHIM_PROGRAM};
use crate::world::World;

/// What the file says that marks a folder of shims.
const MARK: &[u8] = b"A folder of gate's shims. Nothing in it is ever taken for a tool itself.\n";

/// What a shim leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Leads {
    /// A program of gate's, at this path.
    ToGate(PathBuf),
    /// Nothing any more: a gate that was there once.
    Nowhere(PathBuf),
}

/// One shim.
#[derive(Clone, Debug)]
pub(crate) struct Shim {
    /// The tool that it stands before.
    pub(crate) tool: OsString,
    /// What it leads to.
    pub(crate) leads: Leads,
}

/// What became of a shim that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// There was none.
    New,
    /// It was as it is to be.
    Same,
    /// It led to another gate, or to none.
    Mended,
}

/// What stands in the place of a shim.
enum Standing {
    Nothing,
    Ours(Leads),
    Strange,
}

/// A folder of shims, which need not be there.
#[derive(Clone, Debug)]
pub(crate) struct ShimFolder {
    path: PathBuf,
    /// Everybody meets what is in it, so that nobody but root may choose that.
    is_roots: bool,
}

impl ShimFolder {
    /// Names the folder at an absolute path.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self {
            path,
            is_roots: false,
        }
    }

    /// Names the machine's folder, for everybody on it.
    pub(crate) fn of_machine(path: PathBuf) -> Self {
        Self {
            path,
            is_roots: true,
        }
    }

    /// Returns its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the shim before `tool`, whether or not there is one.
    pub(crate) fn shim_path(&self, tool: &OsStr) -> PathBuf {
        self.path.join(tool)
    }

    /// Tells whether it is marked as a folder of shims.
    pub(crate) fn is_marked(&self) -> bool {
        self.path
            .join(SHIM_FOLDER_MARKER)
            .symlink_metadata()
            .is_ok()
    }

    /// Refuses a folder in which others than root and the caller could change
    /// what a name leads to; the machine's own where the caller could, and is not root.
    ///
    /// # Errors
    /// They could.
    pub(crate) fn refuse_untrusted(&self) -> Result<(), Failure> {
        if self.is_roots {
            self.refuse_callers()?;
        }
        let there = self.path.ancestors().find(|above| above.exists());
        there
            .map_or(Ok(()), refuse_untrusted)
            .map_err(|error| {
                Failure::new(
                    FailureKind::Configuration,
                    format!("`{}` is no folder for shims", self.shown()),
                )
                .caused_by(error)
                .hint("name a folder that nobody but root and you can write, or take that right away: chmod go-w")
            })
    }

    /// Refuses where a folder on the way is not root's.
    fn refuse_callers(&self) -> Result<(), Failure> {
        let found = self.path.ancestors().find_map(|above| {
            let owner = std::fs::metadata(above).ok()?.uid();
            (owner != 0).then_some((above, owner))
        });
        let Some((above, owner)) = found else {
            return Ok(());
        };
        Err(Failure::new(
            FailureKind::Configuration,
            format!(
                "`{}` is no folder for everybody's shims: `{}` belongs to uid {owner}, not to root",
                self.shown(),
                inert(&above.to_string_lossy())
            ),
        )
        .hint("give it to root: chown root; or install them for yourself, without --system"))
    }

    /// Makes the folder and its mark, where they are missing.
    ///
    /// # Errors
    /// Others could change it, something else is in it, or it can't be made.
    pub(crate) fn prepare(&self) -> Result<(), Failure> {
        self.refuse_untrusted()?;
        if self.path.as_os_str().as_bytes().contains(&b':') {
            return Err(Failure::new(
                FailureKind::Usage,
                format!("`{}` can't stand on PATH", self.shown()),
            )
            .hint("name a folder without a colon"));
        }
        if !self.is_marked() {
            self.refuse_others_folder()?;
        }
        durable::make_open_folder(&self.path).map_err(|error| self.cannot("make", error))?;
        // Whoever made it meanwhile may have made it otherwise.
        self.refuse_untrusted()?;
        durable::create(&self.path.join(SHIM_FOLDER_MARKER), MARK)
            .map_err(|error| self.cannot("write to", error))
    }

    /// Refuses a folder that has something in it already: marked, no tool in it
    /// would be found any more.
    fn refuse_others_folder(&self) -> Result<(), Failure> {
        match std::fs::read_dir(&self.path).map(|mut entries| entries.next()) {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(Failure::new(
                FailureKind::Usage,
                format!("`{}` is in use for something else", self.shown()),
            )
            .hint(
                "gate takes nothing in a folder of shims for a tool: name a new or an empty folder",
            )),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.cannot("read", error)),
        }
    }

    /// Refuses where a shim before `tool` can't be put.
    ///
    /// # Errors
    /// Something stands there that is not gate's.
    pub(crate) fn refuse_strange(&self, tool: &OsStr) -> Result<(), Failure> {
        match self
            .standing(tool)
            .map_err(|error| self.cannot("read", error))?
        {
            Standing::Nothing | Standing::Ours(_) => Ok(()),
            Standing::Strange => {
                let path = self.shim_path(tool);
                Err(Failure::new(
                    FailureKind::Usage,
                    format!(
                        "`{}` is there already and is not gate's",
                        inert(&path.to_string_lossy())
                    ),
                )
                .hint("gate leaves it as it is: move it away, or name another folder with --dir"))
            }
        }
    }

    /// Puts a shim before `tool`, or mends the one that is there. The folder must
    /// be [prepared](Self::prepare).
    ///
    /// # Errors
    /// Something stands there that is not gate's, or it can't be written.
    pub(crate) fn install(&self, tool: &OsStr, program: &Program) -> Result<Made, Failure> {
        self.refuse_strange(tool)?;
        let standing = self
            .standing(tool)
            .map_err(|error| self.cannot("read", error))?;
        let path = self.shim_path(tool);
        let written = match standing {
            Standing::Ours(Leads::ToGate(at)) if at == program.path() && path.is_symlink() => {
                return Ok(Made::Same);
            }
            // Fails where something came meanwhile.
            Standing::Nothing => symlink(program.path(), &path).map(|()| Made::New),
            Standing::Ours(_) => self.replace(&path, program).map(|()| Made::Mended),
            Standing::Strange => Err(ErrorKind::AlreadyExists.into()),
        };
        written
            .and_then(|made| durable::sync_folder(&self.path).map(|()| made))
            .map_err(|error| self.cannot("write to", error))
    }

    /// Puts a link over the one at `path`, in one step.
    fn replace(&self, path: &Path, program: &Program) -> io::Result<()> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let name = format!(".{:016x}", u64::from_ne_bytes(random));
        let beside = self.path.join(name);
        symlink(program.path(), &beside)?;
        std::fs::rename(&beside, path).inspect_err(|_| {
            // The link is of no use; its removal may fail as the renaming did.
            drop(std::fs::remove_file(&beside));
        })
    }

    /// Takes the shim before `tool` away. Tells whether there was one.
    ///
    /// # Errors
    /// What stands there is not gate's, or it can't be removed.
    pub(crate) fn remove(&self, tool: &OsStr) -> Result<bool, Failure> {
        self.refuse_strange(tool)?;
        match std::fs::remove_file(self.shim_path(tool)) {
            Ok(()) => durable::sync_folder(&self.path)
                .map(|()| true)
                .map_err(|error| self.cannot("write to", error)),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(self.cannot("write to", error)),
        }
    }

    /// Returns the shims in it, by name; none where there is no folder.
    ///
    /// # Errors
    /// It can't be read.
    pub(crate) fn shims(&self) -> Result<Vec<Shim>, Failure> {
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(self.cannot("read", error)),
        };
        let mut shims = Vec::new();
        for entry in entries {
            let tool = entry
                .map_err(|error| self.cannot("read", error))?
                .file_name();
            // The mark, and what a crash left of a link that was being replaced.
            if tool.as_bytes().starts_with(b".") {
                continue;
            }
            if let Ok(Standing::Ours(leads)) = self.standing(&tool) {
                shims.push(Shim { tool, leads });
            }
        }
        shims.sort_by(|one, other| one.tool.cmp(&other.tool));
        Ok(shims)
    }

    /// Looks at what stands in the place of the shim before `tool`.
    fn standing(&self, tool: &OsStr) -> io::Result<Standing> {
        let path = self.shim_path(tool);
        let metadata = match path.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if is_absent(&error) => return Ok(Standing::Nothing),
            Err(error) => return Err(error),
        };
        let target = if metadata.is_symlink() {
            std::fs::read_link(&path)?
        } else {
            path.clone()
        };
        if metadata.is_dir() {
            return Ok(Standing::Strange);
        }
        match path.metadata() {
            Ok(file) if file.is_file() && is_gate(&path) => {
                Ok(Standing::Ours(Leads::ToGate(target)))
            }
            Err(error) if is_absent(&error) && self.is_marked() && was_gate(&target) => {
                Ok(Standing::Ours(Leads::Nowhere(target)))
            }
            Ok(_) | Err(_) => Ok(Standing::Strange),
        }
    }

    fn cannot(&self, step: &str, error: io::Error) -> Failure {
        let failure = Failure::new(
            FailureKind::Internal,
            format!("cannot {step} the folder of shims `{}`", self.shown()),
        );
        let is_denied = error.kind() == ErrorKind::PermissionDenied;
        let failure = failure.caused_by(error);
        if is_denied {
            return failure.hint(
                "run it as who owns the folder, with sudo for root's, or name another with --dir",
            );
        }
        failure
    }

    fn shown(&self) -> String {
        inert(&self.path.to_string_lossy()).into_owned()
    }
}

/// Returns the folders of shims that this user may meet: the one among their
/// data, the machine's, and those on PATH.
pub(crate) fn known(world: &World) -> Vec<ShimFolder> {
    let mut paths: Vec<PathBuf> = world.layout.user_shims().into_iter().collect();
    let machine = world.layout.machine_shims();
    paths.push(machine.clone());
    let path = world.variable(OsStr::new("PATH")).unwrap_or_default();
    let marked = |folder: &PathBuf| folder.join(SHIM_FOLDER_MARKER).symlink_metadata().is_ok();
    paths.extend(
        std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .filter(marked),
    );
    let mut folders: Vec<ShimFolder> = Vec::new();
    for path in paths {
        let is_listed = |folder: &ShimFolder| same(folder.path(), &path);
        if !folders.iter().any(is_listed) {
            folders.push(if path == machine {
                ShimFolder::of_machine(path)
            } else {
                ShimFolder::at(path)
            });
        }
    }
    folders
}

fn same(one: &Path, other: &Path) -> bool {
    one == other
        || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn is_gate(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| is_gate_program(&file))
}

/// Tells whether a link that leads nowhere led to gate, by the name.
fn was_gate(target: &Path) -> bool {
    target
        .file_name()
        .is_some_and(|name| name == PROGRAM || name == SHIM_PROGRAM)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_meets_is_roots_and_ones_own_need_not_be() {
        let own = tempfile::tempdir().unwrap();
        let at = own.path().join("gate/shims");
        assert!(ShimFolder::at(at.clone()).refuse_untrusted().is_ok());
        if nix::unistd::geteuid().is_root() {
            std::os::unix::fs::chown(own.path(), Some(65_534), None).unwrap();
        }
        let refused = ShimFolder::of_machine(at).refuse_untrusted().unwrap_err();
        let said = refused.to_string();
        assert!(
            said.contains("belongs to uid") && said.contains("not to root"),
            "{said}"
        );
    }
}
