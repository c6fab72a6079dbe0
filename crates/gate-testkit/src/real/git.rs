//! A bare repository as remote, and checkouts of it, with no configuration but their own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::daemon::{folder, write};
use super::{Completed, Environment, RealError, locate, run};

const GIT_WITHIN: Duration = Duration::from_mins(1);

const CONFIGURATION: &str = "\
[user]
\tname = Test Person
\temail = test@example.invalid
[init]
\tdefaultBranch = main
[commit]
\tgpgSign = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[protocol \"file\"]
\tallow = always
[safe]
\tdirectory = *
";

/// An empty bare repository that checkouts push to.
#[derive(Debug)]
pub struct BareRepository {
    folder: TempDir,
}

impl BareRepository {
    /// Makes the repository; its branch will be `main`.
    ///
    /// # Errors
    /// [`RealError`] when git is missing or fails.
    pub fn create() -> Result<Self, RealError> {
        let repository = Self { folder: folder()? };
        write(&repository.configuration(), CONFIGURATION)?;
        let path = repository.path();
        repository
            .git(
                repository.folder.path(),
                &["init", "-q", "--bare", &path.to_string_lossy()],
            )?
            .success()?;
        Ok(repository)
    }

    /// Returns the path that a checkout has as its remote `origin`.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("remote.git")
    }

    /// Returns what keeps git to this repository's configuration and out of the machine's.
    pub fn environment(&self) -> Environment {
        vec![
            ("GIT_CONFIG_NOSYSTEM", "1".into()),
            ("GIT_CONFIG_GLOBAL", self.configuration().into()),
            ("GIT_TERMINAL_PROMPT", "0".into()),
        ]
    }

    /// Returns the commit of each ref: the oracle.
    ///
    /// # Errors
    /// [`RealError`] when git fails.
    pub fn refs(&self) -> Result<BTreeMap<String, String>, RealError> {
        let format = "--format=%(refname) %(objectname)";
        let text = self
            .git(&self.path(), &["for-each-ref", format])?
            .success()?;
        Ok(text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, commit)| (name.to_owned(), commit.to_owned()))
            .collect())
    }

    /// Makes a checkout of this repository, on the branch `main`.
    ///
    /// # Errors
    /// [`RealError`] when git fails.
    pub fn check_out(&self, name: &str) -> Result<Checkout<'_>, RealError> {
        let path = self.folder.path().join(name);
        let (from, to) = (self.path(), path.to_string_lossy().into_owned());
        self.git(
            self.folder.path(),
            &[
                "clone",
                "-q",
                "--no-hardlinks",
                &from.to_string_lossy(),
                &to,
            ],
        )?
        .success()?;
        Ok(Checkout { remote: self, path })
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("gitconfig")
    }

    fn git(&self, within_folder: &Path, arguments: &[&str]) -> Result<Completed, RealError> {
        let mut git = Command::new(locate("git")?);
        git.env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .envs(self.environment())
            .args(arguments)
            .current_dir(within_folder);
        run(&mut git, GIT_WITHIN)
    }
}

/// A working copy of a [`BareRepository`].
#[derive(Debug)]
pub struct Checkout<'remote> {
    remote: &'remote BareRepository,
    path: PathBuf,
}

impl Checkout<'_> {
    /// Returns the working copy's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs git in the working copy.
    ///
    /// # Errors
    /// [`RealError`] when it cannot be run; a failing git is in the answer.
    pub fn git(&self, arguments: &[&str]) -> Result<Completed, RealError> {
        self.remote.git(&self.path, arguments)
    }

    /// Writes a file, commits it and returns the commit.
    ///
    /// # Errors
    /// [`RealError`] when the file cannot be written or git fails.
    pub fn commit_file(&self, name: &str, text: &str) -> Result<String, RealError> {
        let file = self.path.join(name);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(RealError::system("make a folder"))?;
        }
        write(&file, text)?;
        self.git(&["add", "--", name])?.success()?;
        self.git(&["commit", "-q", "-m", &format!("write {name}")])?
            .success()?;
        Ok(self
            .git(&["rev-parse", "HEAD"])?
            .success()?
            .trim()
            .to_owned())
    }
}
