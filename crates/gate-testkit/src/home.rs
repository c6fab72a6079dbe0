//! A home of its own for each test: folders, PATH and environment in which nothing of the machine's
//! user, agent or CI job is left.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Where Debian has what every script takes for granted: `sh`, `env`, `cat`.
const SYSTEM_PATH: [&str; 2] = ["/usr/bin", "/bin"];

/// The folders below a home that the environment names: variable, path, mode.
const FOLDERS: [(&str, &str, u32); 6] = [
    ("XDG_CONFIG_HOME", ".config", 0o700),
    ("XDG_DATA_HOME", ".local/share", 0o700),
    ("XDG_STATE_HOME", ".local/state", 0o700),
    ("XDG_CACHE_HOME", ".cache", 0o700),
    // Programs refuse a runtime folder that others can enter (XDG Base Directory Specification).
    ("XDG_RUNTIME_DIR", "run", 0o700),
    ("TMPDIR", "tmp", 0o700),
];

/// A temporary HOME with XDG folders, a PATH and a whole environment. Removed when dropped.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    environment: BTreeMap<OsString, OsString>,
}

impl Home {
    /// Makes a home whose PATH is its own [`bin`](Self::bin) followed by the system's folders.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn new() -> io::Result<Self> {
        let system: Vec<&Path> = SYSTEM_PATH.iter().map(Path::new).collect();
        Self::with_path(&system)
    }

    /// Makes a home whose PATH is its own [`bin`](Self::bin) followed by `folders` and nothing else.
    ///
    /// # Errors
    /// When a folder cannot be made, or one of `folders` has a colon in its name.
    pub fn with_path(folders: &[&Path]) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("home-").tempdir()?;
        let mut home = Self {
            folder,
            environment: BTreeMap::new(),
        };
        for (variable, name, mode) in FOLDERS {
            let path = home.path().join(name);
            fs::create_dir_all(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(mode))?;
            home.set(variable, path);
        }
        for path in [home.bin(), home.work()] {
            fs::create_dir(path)?;
        }
        let path = home.path().to_owned();
        home.set("HOME", path);
        home.set("LANG", "C.UTF-8");
        home.set("TZ", "UTC");
        home.set("TERM", "xterm-256color");
        home.set_path(folders)?;
        Ok(home)
    }

    /// Returns the home folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the first folder of PATH, empty at first.
    pub fn bin(&self) -> PathBuf {
        self.path().join("bin")
    }

    /// Returns the folder in which commands run, empty at first.
    pub fn work(&self) -> PathBuf {
        self.path().join("work")
    }

    /// Returns `$XDG_CONFIG_HOME`.
    pub fn config(&self) -> PathBuf {
        self.path().join(".config")
    }

    /// Returns `$XDG_STATE_HOME`.
    pub fn state(&self) -> PathBuf {
        self.path().join(".local/state")
    }

    /// Returns `$XDG_DATA_HOME`.
    pub fn data(&self) -> PathBuf {
        self.path().join(".local/share")
    }

    /// Sets PATH to [`bin`](Self::bin) and `folders`.
    ///
    /// # Errors
    /// When one of `folders` has a colon in its name.
    pub fn set_path(&mut self, folders: &[&Path]) -> io::Result<()> {
        let bin = self.bin();
        let all = std::iter::once(bin.as_path()).chain(folders.iter().copied());
        let path = std::env::join_paths(all).map_err(io::Error::other)?;
        self.set("PATH", path);
        Ok(())
    }

    /// Sets a variable for every later command.
    pub fn set(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        let value = value.as_ref().to_owned();
        self.environment.insert(name.as_ref().to_owned(), value);
    }

    /// Sets all variables that a component names.
    pub fn set_all<Name, Value>(&mut self, variables: impl IntoIterator<Item = (Name, Value)>)
    where
        Name: AsRef<OsStr>,
        Value: AsRef<OsStr>,
    {
        for (name, value) in variables {
            self.set(name, value);
        }
    }

    /// Removes a variable for every later command.
    pub fn unset(&mut self, name: impl AsRef<OsStr>) {
        self.environment.remove(name.as_ref());
    }

    /// Returns the whole environment that commands get.
    pub fn environment(&self) -> &BTreeMap<OsString, OsString> {
        &self.environment
    }

    /// Makes `target` callable as `name` by a link in [`bin`](Self::bin).
    ///
    /// # Errors
    /// When the link cannot be made.
    pub fn link(&self, name: &str, target: &Path) -> io::Result<()> {
        symlink(target, self.bin().join(name))
    }

    /// Writes an executable script into [`bin`](Self::bin) and returns its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn script(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.bin().join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// Writes a file at a path below the home, making its folders, and returns its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> io::Result<PathBuf> {
        let path = self.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, text)?;
        Ok(path)
    }

    /// Returns a command that runs in [`work`](Self::work) with this environment alone and an empty
    /// stdin. The program is looked up on this home's PATH, not on the test's.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(self.look_up(program.as_ref()));
        command
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.work())
            .stdin(Stdio::null());
        command
    }

    /// The path of a bare name; what is not found is left as it is, so that starting it fails.
    fn look_up(&self, program: &OsStr) -> PathBuf {
        let bare = Path::new(program);
        if bare.components().count() != 1 || bare.is_absolute() {
            return bare.to_owned();
        }
        let path = self.environment.get(OsStr::new("PATH"));
        path.into_iter()
            .flat_map(std::env::split_paths)
            .map(|folder| folder.join(bare))
            .find(|candidate| candidate.is_file())
            .unwrap_or_else(|| bare.to_owned())
    }
}
