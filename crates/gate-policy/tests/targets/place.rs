//! A home with files and variables, for gate and for the tool alike.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gate_policy::{CommandLine, Environment, FileError, FileKind, Files, Stdin, read_invocation};

use crate::Any;

/// The files of this machine.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<Cow<'_, [u8]>, FileError> {
        match fs::read(path) {
            Ok(content) => Ok(Cow::Owned(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(FileError::Absent),
            Err(error) => Err(FileError::Unreadable(error.to_string())),
        }
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        let metadata = fs::metadata(path).ok()?;
        Some(if metadata.is_dir() {
            FileKind::Directory
        } else {
            FileKind::File
        })
    }

    fn canonical(&self, path: &Path) -> Option<PathBuf> {
        fs::canonicalize(path).ok()
    }
}

/// A folder that is home and working directory, gone at the end.
pub(crate) struct Place {
    folder: PathBuf,
    pub(crate) env: BTreeMap<String, String>,
}

impl Place {
    pub(crate) fn new(name: &str) -> Any<Self> {
        let folder =
            std::env::temp_dir().join(format!("gate-targets-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let folder = fs::canonicalize(folder)?;
        let path = std::env::var("PATH")?;
        let home = folder.to_str().ok_or("a folder without a name")?.to_owned();
        let env = [
            ("HOME", home),
            ("PATH", path),
            ("LC_ALL", "C.UTF-8".to_owned()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value));
        Ok(Self {
            folder,
            env: env.into(),
        })
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> Any<()> {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        Ok(fs::write(path, content)?)
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.env.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn target(&self, words: &[&str]) -> BTreeMap<String, String> {
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        let env: Environment = self.env.iter().collect();
        read_invocation(&CommandLine {
            argv: &argv,
            env: &env,
            cwd: &self.folder,
            stdin: Stdin::Absent,
            files: &Disk,
        })
        .target
    }

    /// Runs a tool and returns what it prints; whether it succeeds is no matter.
    pub(crate) fn run(&self, program: &Path, words: &[&str]) -> Any<String> {
        let output = Command::new(program)
            .args(words)
            .current_dir(&self.folder)
            .env_clear()
            .envs(&self.env)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("cannot run `{}`: {error}", program.display()))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}
