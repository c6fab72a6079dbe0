//! Reading and writing an agent's file so that nobody is led astray and a crash loses nothing.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::{Mistake, Place, Scope, shown};
use crate::durable::sync_folder;
use crate::failure::{Failure, FailureKind};
use crate::trust::{Owner, read_bytes, refuse_folder};

/// The longest file that is changed, in bytes.
const LIMIT_BYTES: usize = 4 << 20;
/// A file that is new: of this mode for a user, and for a project of what the umask leaves.
const USER_MODE: u32 = 0o600;

/// What stands in the file of a place.
#[derive(Debug)]
pub(in crate::cli::hook) struct Found {
    /// The text; nothing where there is no file.
    pub(in crate::cli::hook) text: Option<String>,
    /// The command of gate's hook in it.
    pub(in crate::cli::hook) held: Option<Held>,
}

/// A hook of gate's that is there.
#[derive(Debug)]
pub(in crate::cli::hook) struct Held {
    pub(in crate::cli::hook) command: String,
    /// What is left when it is taken out; nothing where there was no file before.
    pub(in crate::cli::hook) without: Option<String>,
}

impl Place {
    /// Returns what stands in the file.
    ///
    /// # Errors
    /// It is not to be read, or not to be changed: a link, somebody else's, a text of another form.
    pub(in crate::cli::hook) fn look(&self) -> Result<Found, Failure> {
        self.refuse_traps()?;
        let text = read(&self.path)?;
        let held = match &text {
            Some(text) => self.held(text)?,
            None => None,
        };
        Ok(Found { text, held })
    }

    fn held(&self, text: &str) -> Result<Option<Held>, Failure> {
        let refused = |mistake: Mistake| self.refused(&mistake);
        let Some(command) = self.form.find(text).map_err(refused)? else {
            return Ok(None);
        };
        // Byte for byte what was there, as long as nothing else was changed since.
        let kept = read(&self.copy()).ok().flatten();
        let is_of = |before: Option<&str>| {
            let added = self.form.add(before, &command);
            added.is_ok_and(|added| added == text)
        };
        let without = match kept {
            Some(kept) if is_of(Some(&kept)) => Some(kept),
            Some(_) | None if is_of(None) => None,
            // Where there was no file, nothing is left but what was written for the hook.
            None => {
                let taken = self.form.take(text, &self.path).map_err(refused)?;
                taken.filter(|taken| !taken.trim().is_empty())
            }
            Some(_) => self.form.take(text, &self.path).map_err(refused)?,
        };
        Ok(Some(Held { command, without }))
    }

    /// Returns the failure that a mistake in the file is.
    pub(in crate::cli::hook) fn refused(&self, mistake: &Mistake) -> Failure {
        let line = mistake
            .line
            .map_or(String::new(), |line| format!(":{line}"));
        let text = format!(
            "`{}{line}` is left as it is: {}",
            shown(&self.path),
            mistake.what
        );
        Failure::new(FailureKind::Usage, text).hint(mistake.mend)
    }

    /// Refuses what would have gate write where somebody else wants.
    fn refuse_traps(&self) -> Result<(), Failure> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        // In a project anybody may have put a link; a user's own folder may be one of theirs.
        let below = match self.scope {
            Scope::Project => folder
                .ancestors()
                .take_while(|above| *above != self.root)
                .collect(),
            Scope::User => Vec::new(),
        };
        let is_link = |path: &Path| {
            path.symlink_metadata()
                .is_ok_and(|known| known.is_symlink())
        };
        let link = below
            .into_iter()
            .chain([&*self.path])
            .find(|path| is_link(path));
        if let Some(link) = link {
            let mend = "gate does not write through links: write it where the link leads, by hand";
            let what = format!("`{}` is a symbolic link", shown(link));
            return Err(self.refused(&Mistake::new(None, what, mend)));
        }
        refuse_folder(folder, Owner::Caller).map_err(|error| {
            let mend = "make the folder yours alone to write: chown it, or chmod go-w";
            self.refused(&Mistake::new(None, error.to_string(), mend))
        })
    }

    /// Puts a text into the file in one step, and keeps what was there beside it. No text takes
    /// the file away.
    ///
    /// # Errors
    /// The file changed since it was looked at, or can't be written: then it is as it was.
    pub(in crate::cli::hook) fn put(
        &self,
        found: &Found,
        text: Option<&str>,
        keep: Option<&str>,
    ) -> Result<(), Failure> {
        self.refuse_traps()?;
        if read(&self.path)? != found.text {
            let mend = "run this again";
            let what = "it was changed in the meantime";
            return Err(self.refused(&Mistake::new(None, what, mend)));
        }
        self.refuse_to_lose_copy(found, keep)?;
        self.write(text, keep).map_err(|error| {
            let text = format!("cannot write `{}`", shown(&self.path));
            Failure::new(FailureKind::Internal, text).caused_by(error)
        })
    }

    /// Refuses where the copy would take the place of a file that gate did not write: while there is
    /// no hook of gate's, a file of that name is the user's.
    ///
    /// # Errors
    /// There is such a file.
    pub(in crate::cli::hook) fn refuse_to_lose_copy(
        &self,
        found: &Found,
        keep: Option<&str>,
    ) -> Result<(), Failure> {
        if found.held.is_some() || keep.is_none() {
            return Ok(());
        }
        let copy = self.copy();
        if copy.symlink_metadata().is_err() || read(&copy)?.as_deref() == keep {
            return Ok(());
        }
        let what = format!(
            "`{}`, where it would be kept, is there already",
            shown(&copy)
        );
        let mend = "move that file away, then run this again";
        Err(self.refused(&Mistake::new(None, what, mend)))
    }

    fn write(&self, text: Option<&str>, keep: Option<&str>) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let copy = self.copy();
        std::fs::create_dir_all(folder)?;
        let known = self.path.symlink_metadata().ok();
        let mode = known.map(|known| known.mode() & 0o777);
        if let Some(keep) = keep {
            replace(&copy, keep, mode)?;
        }
        if let Some(text) = text {
            let new = (self.scope == Scope::User).then_some(USER_MODE);
            replace(&self.path, text, mode.or(new))?;
        } else {
            std::fs::remove_file(&self.path)?;
        }
        if keep.is_none() {
            match std::fs::remove_file(&copy) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        sync_folder(folder)?;
        if text.is_none() && folder != self.root {
            // It goes only where nothing else is in it.
            drop(std::fs::remove_dir(folder));
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    let refuse = |why: String| {
        let text = format!("`{}` is left as it is: {why}", shown(path));
        Failure::new(FailureKind::Usage, text)
            .hint("make it a text file of your own that nobody else can write: chmod go-w")
    };
    let bytes = read_bytes(path, Owner::Caller, LIMIT_BYTES);
    let bytes = bytes.map_err(|error| refuse(error.to_string()))?;
    bytes
        .map(|bytes| String::from_utf8(bytes.to_vec()).map_err(|error| refuse(error.to_string())))
        .transpose()
}

/// Writes a new file beside `path` and renames it over it. Source: rename(2).
fn replace(path: &Path, text: &str, mode: Option<u32>) -> io::Result<()> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}", u64::from_ne_bytes(random)));
    let beside = path.with_file_name(name);
    let write = || {
        let mut options = OpenOptions::new();
        let mut file: File = options
            .write(true)
            .create_new(true)
            .mode(mode.unwrap_or(0o666))
            .open(&beside)?;
        if let Some(mode) = mode {
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().inspect_err(|_| drop(std::fs::remove_file(&beside)))
}
