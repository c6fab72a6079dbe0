//! The git work tree around a folder, read without running git.
//!
//! git itself is never started: a repository's own configuration can name
//! programs that it runs (`core.fsmonitor`, filters), and the repository may be
//! hostile. What the files do not say plainly is left out.
//!
//! Sources: gitrepository-layout(5), gitformat-index(5), git-pack-refs(1).

mod commit;
mod head;
mod history;
mod index;
mod object;
mod worktree;

use nix::libc::{O_NOCTTY, O_NONBLOCK};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use gate_protocol::request::GitState;

use super::cut;

/// The most bytes of a small file: `HEAD`, a `.git` file, a loose reference.
const SMALL_BYTES: u64 = 4096;

pub(crate) use history::Between;

/// The folders of one repository.
pub(crate) struct Repository {
    /// The top of the work tree.
    worktree: PathBuf,
    /// What is this work tree's own: `HEAD` and `index`.
    git_dir: PathBuf,
    /// What all work trees share: branches and packed references.
    common_dir: PathBuf,
}

/// Returns the state of the work tree that `cwd` is in; `None` where it is in none.
pub(super) fn read(cwd: &Path) -> Option<GitState> {
    let repository = Repository::around(cwd)?;
    let head = head::read(&repository);
    let dirty = worktree::is_dirty(&repository, &head);
    Some(GitState {
        commit: head.commit,
        branch: head.branch.as_deref().map(cut),
        dirty,
    })
}

impl Repository {
    /// Returns the repository around a folder.
    pub(crate) fn around(folder: &Path) -> Option<Self> {
        folder.ancestors().find_map(Self::at)
    }

    /// Returns the commit that a reference leads to, in hex. A tag with a message of its own leads
    /// to none.
    pub(crate) fn reference(&self, name: &str) -> Option<String> {
        if name == "HEAD" {
            return head::read(self).commit;
        }
        head::resolve(self, name)
    }

    /// Returns what `ours` has that none of `theirs` has, and the reverse; `None` where `ours` is
    /// not there.
    pub(crate) fn between(&self, ours: &str, theirs: &[String]) -> Option<Between> {
        history::between(self, ours, theirs)
    }

    /// Returns the repository whose work tree begins at `folder`.
    fn at(folder: &Path) -> Option<Self> {
        let entry = folder.join(".git");
        let kind = std::fs::metadata(&entry).ok()?;
        // A linked work tree and a submodule have a file there that names the folder.
        let git_dir = if kind.is_dir() {
            entry
        } else {
            let text = read_small(&entry)?;
            folder.join(text.strip_prefix("gitdir:")?.trim())
        };
        // What has no HEAD is no repository; git would look further up as well.
        std::fs::symlink_metadata(git_dir.join("HEAD")).ok()?;
        let common_dir = match read_small(&git_dir.join("commondir")) {
            Some(text) => git_dir.join(text.trim()),
            None => git_dir.clone(),
        };
        Some(Self {
            worktree: folder.to_owned(),
            git_dir,
            common_dir,
        })
    }
}

/// Opens a regular file, and nothing that could block, as a FIFO would.
fn open(path: &Path) -> Option<File> {
    let file = File::options()
        .read(true)
        .custom_flags(O_NONBLOCK | O_NOCTTY)
        .open(path)
        .ok()?;
    file.metadata().ok()?.is_file().then_some(file)
}

/// Returns the text of a small file; `None` where it is none.
fn read_small(path: &Path) -> Option<String> {
    let mut text = String::new();
    let read = open(path)?
        .take(SMALL_BYTES + 1)
        .read_to_string(&mut text)
        .ok()?;
    (read as u64 <= SMALL_BYTES).then_some(text)
}

#[cfg(test)]
mod tests;
