//! The folders that one command sees, and what became of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use gate_testkit::real::{RealError, run, run_with_input};

use crate::{Case, Outcome, Said};

/// A command in its sandbox, ready to be read and to be run.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The command, with the real folders and servers in its words.
    pub case: Case,
    /// The whole environment.
    pub env: BTreeMap<OsString, OsString>,
    /// The working directory.
    pub cwd: PathBuf,
}

/// What the target and the sandbox saw of one command.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What changed outside of this machine, or here where later commands act on it.
    pub mutations: Vec<String>,
    /// Files of this machine that changed and that nothing later acts on.
    pub local: Vec<String>,
    /// Places other than the one that gate named.
    pub redirects: Vec<String>,
    /// Programs that were started.
    pub programs: Vec<String>,
    /// Whether the tool did its work: it ended by itself, with a code that is no failure.
    pub is_done: bool,
}

impl Seen {
    /// Tells whether anything happened that a read does not do.
    pub fn is_more_than_read(&self) -> bool {
        !(self.mutations.is_empty()
            && self.local.is_empty()
            && self.redirects.is_empty()
            && self.programs.is_empty())
    }

    /// Counts files that changed as what later commands act on.
    pub(crate) fn wrote(&mut self, paths: impl IntoIterator<Item = String>) {
        let paths = paths.into_iter();
        self.mutations
            .extend(paths.map(|path| format!("wrote: {path}")));
    }
}

/// Folders that are made anew for each command: `home`, the working directory
/// `cwd`, `bin` first on PATH, and `drop`, into which everybody may write.
#[derive(Debug)]
pub struct Sandbox {
    root: PathBuf,
    template: BTreeMap<String, Vec<u8>>,
    places: Vec<(String, String)>,
    env: Vec<(String, String)>,
    links: Vec<(String, PathBuf)>,
    before: BTreeMap<PathBuf, Entry>,
    _folder: tempfile::TempDir,
}

/// What stands at a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Folder,
    File(Vec<u8>),
    /// A link, a pipe, a socket or a device.
    Special,
}

/// How long a command may take before it is ended. What it did until then counts.
const WITHIN: Duration = Duration::from_secs(6);

impl Sandbox {
    /// Makes the folders.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn new() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let root = folder.path().canonicalize()?.join("s");
        let place = |name: &str| (format!("{{{name}}}"), root.join(name).display().to_string());
        let places = ["home", "cwd", "bin", "drop"].map(place).to_vec();
        let path = format!("{}:/usr/bin:/bin", root.join("bin").display());
        let env = vec![
            ("PATH".to_owned(), path),
            ("HOME".to_owned(), root.join("home").display().to_string()),
            ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
            // Lets tests/run recognise what a killed test left behind.
            (
                "TMPDIR".to_owned(),
                std::env::temp_dir().display().to_string(),
            ),
        ];
        Ok(Self {
            root,
            template: BTreeMap::new(),
            places,
            env,
            links: Vec::new(),
            before: BTreeMap::new(),
            _folder: folder,
        })
    }

    /// Lets a name in braces stand for a value in every case.
    pub fn name(&mut self, name: &str, value: String) {
        self.places.push((format!("{{{name}}}"), value));
    }

    /// Gives every command a variable; names in braces are replaced.
    pub fn give(&mut self, name: &str, value: &str) {
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// Puts a file there for every command, by its path below the sandbox.
    pub fn keep(&mut self, path: &str, text: impl Into<Vec<u8>>) {
        self.template.insert(path.to_owned(), text.into());
    }

    /// Lets a name below the sandbox lead to a folder that outlives the commands.
    pub fn link(&mut self, path: &str, to: &Path) {
        self.links.push((path.to_owned(), to.to_owned()));
    }

    /// Puts a program into `bin` that writes down its name when it is started.
    pub fn canary(&mut self, name: &str) {
        let started = self.started();
        let text = format!("#!/bin/sh\necho '{name}' >>'{}'\n", started.display());
        self.keep(&format!("bin/{name}"), text);
    }

    /// Returns where canaries write their names.
    pub fn started(&self) -> PathBuf {
        self.root.with_file_name("started")
    }

    /// Returns a folder of the sandbox.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Makes the folders anew, with the files of the case.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn place(&mut self, case: &Case) -> Outcome<Placed> {
        if self.root.exists() {
            fs::remove_dir_all(&self.root)?;
        }
        // A server that runs as somebody else starts programs, too.
        fs::write(self.started(), "")?;
        fs::set_permissions(self.started(), fs::Permissions::from_mode(0o666))?;
        for name in ["home", "cwd", "bin", "drop"] {
            fs::create_dir_all(self.root.join(name))?;
        }
        fs::set_permissions(self.root.join("drop"), fs::Permissions::from_mode(0o777))?;
        let places: Vec<(&str, &str)> = self
            .places
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let ready = case.placed(&places);
        let put = |text: &str| {
            places.iter().fold(text.to_owned(), |text, (name, value)| {
                text.replace(name, value)
            })
        };
        for (path, bytes) in &self.template {
            write(&self.root.join(path), bytes)?;
        }
        for (path, text) in &ready.files {
            write(&self.root.join("cwd").join(path), text.as_bytes())?;
        }
        for (path, to) in &self.links {
            let link = self.root.join(path);
            link.parent().map(fs::create_dir_all).transpose()?;
            symlink(to, link)?;
        }
        let own = self.env.iter().map(|(name, value)| (name, value));
        let env = own.chain(&ready.env);
        let env = env.map(|(name, value)| (OsString::from(name), OsString::from(put(value))));
        let env = env.collect();
        self.before = tree(&self.root)?;
        Ok(Placed {
            case: ready,
            env,
            cwd: self.root.join("cwd"),
        })
    }

    /// Runs a tool as gate would after it said so, and tells whether it ended
    /// by itself with one of these codes.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run(&self, tool: &Path, placed: &Placed, said: &Said, good: &[i32]) -> Outcome<bool> {
        let mut command = Command::new(tool);
        command
            .args(placed.case.argv.iter().skip(1))
            .env_clear()
            .envs(&said.env)
            .current_dir(self.root.join("cwd"))
            .stdin(Stdio::null());
        let ended = match &placed.case.stdin {
            Some(text) => run_with_input(&mut command, text.as_bytes(), WITHIN),
            None => run(&mut command, WITHIN),
        };
        match ended {
            Ok(ended) => Ok(ended.status.code().is_some_and(|code| good.contains(&code))),
            Err(RealError::Timeout { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Runs a tool as [`run`](Self::run) does, and returns what was seen of it, and the paths
    /// that changed: what they mean is the tool's own.
    ///
    /// # Errors
    /// It cannot be started, or a file cannot be read.
    pub fn watch(
        &self,
        tool: &Path,
        placed: &Placed,
        said: &Said,
        good: &[i32],
    ) -> Outcome<(Seen, Vec<String>)> {
        let is_done = self.run(tool, placed, said, good)?;
        let (changed, started) = self.changes()?;
        let started = started.into_iter();
        let seen = Seen {
            programs: started.map(|name| format!("started: {name}")).collect(),
            is_done,
            ..Seen::default()
        };
        Ok((seen, changed))
    }

    /// Returns the paths below the sandbox that are new, gone or different,
    /// and the canaries that were started.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn changes(&self) -> Outcome<(Vec<String>, Vec<String>)> {
        let after = tree(&self.root)?;
        let paths: BTreeSet<&PathBuf> = self.before.keys().chain(after.keys()).collect();
        let changed = paths
            .into_iter()
            .filter(|path| self.before.get(*path) != after.get(*path));
        let changed = changed.map(|path| path.display().to_string()).collect();
        let started = fs::read_to_string(self.started()).unwrap_or_default();
        Ok((changed, started.lines().map(str::to_owned).collect()))
    }
}

fn write(path: &Path, bytes: &[u8]) -> Outcome<()> {
    path.parent().map(fs::create_dir_all).transpose()?;
    fs::write(path, bytes)?;
    if bytes.starts_with(b"#!") {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Returns all that stands below a folder; links are not followed.
pub(crate) fn tree(root: &Path) -> Outcome<BTreeMap<PathBuf, Entry>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            let kind = entry.file_type()?;
            let name = path.strip_prefix(root)?.to_owned();
            let what = if kind.is_dir() {
                folders.push(path);
                Entry::Folder
            } else if kind.is_file() {
                Entry::File(fs::read(&path)?)
            } else {
                Entry::Special
            };
            found.insert(name, what);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, everything_is_read};

    #[test]
    fn a_changed_file_and_a_started_program_are_seen() {
        let mut sandbox = Sandbox::new().unwrap();
        sandbox.canary("canary");
        sandbox.keep("home/kept", "1");
        let script = "canary; echo 2 >\"$HOME/kept\"; mkdir new";
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        let placed = sandbox.place(&Case::new(Kind::Attack, "x", argv)).unwrap();
        let said = everything_is_read(&placed);
        assert!(
            sandbox
                .run(Path::new("/bin/sh"), &placed, &said, &[0])
                .unwrap()
        );
        let (changed, started) = sandbox.changes().unwrap();
        assert_eq!(changed, ["cwd/new", "home/kept"]);
        assert_eq!(started, ["canary"]);
        let placed = sandbox.place(&placed.case).unwrap();
        assert_eq!(sandbox.changes().unwrap(), (vec![], vec![]));
        assert!(
            !sandbox
                .run(Path::new("/bin/false"), &placed, &said, &[0])
                .unwrap()
        );
    }
}
