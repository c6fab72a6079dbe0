//! What is handed in: one command line and the small world around it.

use std::borrow::{Borrow, Cow};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::ops::Bound;
use std::path::{Component, Path, PathBuf};

/// One command line and what it can see.
#[derive(Clone, Copy)]
pub struct CommandLine<'a> {
    /// The words, the first of which names the tool. They are bytes: nothing
    /// here needs them to be UTF-8.
    pub argv: &'a [OsString],
    /// The environment that the tool would get.
    pub env: &'a Environment,
    /// The working directory, absolute.
    pub cwd: &'a Path,
    /// What stands at standard input.
    pub stdin: Stdin<'a>,
    /// The files that may be read.
    pub files: &'a dyn Files,
}

impl fmt::Debug for CommandLine<'_> {
    // The environment and stdin may hold secrets and stay out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandLine")
            .field("words", &self.argv.len())
            .field("cwd", &self.cwd)
            .finish_non_exhaustive()
    }
}

/// An environment by name. Of a name that stands twice the first value counts, as for
/// `getenv(3)`; that it did is remembered, since programs disagree on it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    values: BTreeMap<OsString, OsString>,
    repeated: BTreeSet<OsString>,
}

impl Environment {
    /// Returns the value of a variable, if it is set.
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.values.get(name.as_ref()).map(OsString::as_os_str)
    }

    /// Returns the variables in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Returns the variables whose names start so, in the order of their names.
    pub(crate) fn starting_with(&self, prefix: &str) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let from: Bound<&OsStr> = Bound::Included(OsStr::new(prefix));
        let bytes = prefix.len();
        let prefix = prefix.as_bytes().to_vec();
        self.values
            .range::<OsStr, _>((from, Bound::Unbounded))
            .take_while(move |(name, _)| name.as_encoded_bytes().get(..bytes) == Some(&*prefix))
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Sets a variable to one value.
    pub(crate) fn set(&mut self, name: OsString, value: OsString) {
        self.repeated.remove(&name);
        self.values.insert(name, value);
    }

    /// Takes a variable out.
    pub(crate) fn unset(&mut self, name: &OsStr) {
        self.repeated.remove(name);
        self.values.remove(name);
    }

    /// Tells whether no variable is set.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the names that stand more than once.
    pub(crate) fn repeated(&self) -> impl Iterator<Item = &OsStr> {
        self.repeated.iter().map(OsString::as_os_str)
    }
}

impl fmt::Debug for Environment {
    // Values may be secrets; names are enough to find a fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            match environment.values.entry(name.into()) {
                Entry::Vacant(free) => {
                    free.insert(value.into());
                }
                Entry::Occupied(taken) => {
                    environment.repeated.insert(taken.key().clone());
                }
            }
        }
        environment
    }
}

/// What stands at the standard input of the tool.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stdin<'a> {
    /// There is none: closed, or not given.
    Absent,
    /// A person types.
    Terminal,
    /// A pipe or a file whose bytes were not given.
    Unread,
    /// All bytes until the end.
    Content(&'a [u8]),
}

impl fmt::Debug for Stdin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Terminal => f.write_str("Terminal"),
            Self::Unread => f.write_str("Unread"),
            Self::Content(bytes) => write!(f, "Content({} bytes)", bytes.len()),
        }
    }
}

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A pipe, socket or device.
    Special,
}

/// A file that gave no bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is no such file, or it was not given.
    #[error("no such file")]
    Absent,
    /// It is there and can't be read whole: no permission, a directory, a
    /// pipe, or too large.
    #[error("{0}")]
    Unreadable(String),
}

/// The files that a reading may look into. The caller decides which these are
/// and reads each one once: what is judged must be what runs.
pub trait Files {
    /// Returns the whole content.
    ///
    /// # Errors
    /// [`FileError::Absent`] when there is no such file and
    /// [`FileError::Unreadable`] when it gives no bytes for another reason.
    fn read(&self, path: &Path) -> Result<Cow<'_, [u8]>, FileError>;

    /// Returns what the path is, or nothing when it is not known.
    fn kind(&self, path: &Path) -> Option<FileKind>;

    /// Returns the path without links and `..`, or nothing when it is not
    /// known: two names of one file have one.
    fn canonical(&self, path: &Path) -> Option<PathBuf>;

    /// Tells whether these are all files of the machine that the command is to run on. Where they
    /// are not, one that is absent says nothing, and nothing is concluded from it.
    fn sees_all(&self) -> bool {
        true
    }

    /// Returns the home of the account that the command runs as, where it has one, which some tools
    /// look into whatever `HOME` says. Source: getpwuid(3).
    ///
    /// # Errors
    /// [`FileError::Unreadable`] where it can't be told.
    fn home_of_account(&self) -> Result<Option<PathBuf>, FileError> {
        Ok(None)
    }
}

/// A world without files.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _path: &Path) -> Result<Cow<'_, [u8]>, FileError> {
        Err(FileError::Absent)
    }

    fn kind(&self, _path: &Path) -> Option<FileKind> {
        None
    }

    fn canonical(&self, _path: &Path) -> Option<PathBuf> {
        None
    }
}

/// Files by name, as `gate check --jsonl` is given them. Relative names are
/// taken from the working directory that it was made with.
#[derive(Clone, Default)]
pub struct MapFiles {
    files: BTreeMap<PathBuf, Vec<u8>>,
    are_some: bool,
}

impl MapFiles {
    /// Returns the files, each name taken from `cwd` when it is relative.
    pub fn new<N: Borrow<str>>(cwd: &Path, files: impl IntoIterator<Item = (N, Vec<u8>)>) -> Self {
        Self {
            files: files
                .into_iter()
                .map(|(name, content)| (without_dots(&cwd.join(name.borrow())), content))
                .collect(),
            are_some: false,
        }
    }

    /// Returns the same as some of the files of a machine: of another nothing is known.
    #[must_use]
    pub fn among_others(self) -> Self {
        Self {
            are_some: true,
            ..self
        }
    }
}

impl fmt::Debug for MapFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.files.keys()).finish()
    }
}

impl Files for MapFiles {
    fn read(&self, path: &Path) -> Result<Cow<'_, [u8]>, FileError> {
        if self.files.is_empty() {
            return Err(FileError::Absent);
        }
        self.files
            .get(&without_dots(path))
            .map(|content| Cow::Borrowed(content.as_slice()))
            .ok_or(FileError::Absent)
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        if self.files.is_empty() {
            return None;
        }
        let path = without_dots(path);
        if self.files.contains_key(&path) {
            return Some(FileKind::File);
        }
        self.files
            .keys()
            .any(|name| name.starts_with(&path))
            .then_some(FileKind::Directory)
    }

    fn canonical(&self, path: &Path) -> Option<PathBuf> {
        self.kind(path).map(|_| without_dots(path))
    }

    fn sees_all(&self) -> bool {
        !self.are_some
    }
}

/// Joins paths one behind the other as [`Path::join`] does, in memory of the right size.
pub(crate) fn joined<const PARTS: usize>(parts: [&Path; PARTS]) -> PathBuf {
    let length = parts.iter().map(|part| part.as_os_str().len() + 1).sum();
    let mut joined = PathBuf::with_capacity(length);
    for part in parts {
        joined.push(part);
    }
    joined
}

/// Drops `.` components and takes back what a `..` leaves. That is the same
/// place only where there are no links, as among files that are given by name,
/// and where a name is meant, as a shell's of its folder.
pub(crate) fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_name_is_taken_from_the_working_directory() {
        let files = MapFiles::new(Path::new("/w"), [("./a/q.sql", b"select 1".to_vec())]);
        assert_eq!(
            files.read(Path::new("/w/a/q.sql")).unwrap().as_ref(),
            b"select 1"
        );
        assert_eq!(files.kind(Path::new("/w/a")), Some(FileKind::Directory));
        assert_eq!(
            files.canonical(Path::new("/w/x/../a/q.sql")),
            Some(PathBuf::from("/w/a/q.sql"))
        );
        assert_eq!(files.read(Path::new("/w/b")), Err(FileError::Absent));
    }

    #[test]
    fn of_a_name_that_stands_twice_the_first_value_counts_and_it_is_said() {
        let twice = [("KUBECONFIG", "/a"), ("X", "1"), ("KUBECONFIG", "/b")];
        let env: Environment = twice.into_iter().collect();
        let argv = ["kubectl", "get", "pods"].map(OsString::from);
        let invocation = crate::read_invocation(&CommandLine {
            argv: &argv,
            env: &env,
            cwd: Path::new("/w"),
            stdin: Stdin::Absent,
            files: &MapFiles::new(Path::new("/w"), [("a", Vec::new())]),
        });
        assert_eq!(env.get("KUBECONFIG"), Some(OsStr::new("/a")));
        assert_eq!(invocation.target.get("kubeconfig").unwrap(), "/a");
        let said = invocation
            .environment
            .iter()
            .filter(|note| note.action == crate::EnvironmentAction::FirstKept);
        assert_eq!(
            said.map(|note| &note.name).collect::<Vec<_>>(),
            ["KUBECONFIG"]
        );
    }

    #[test]
    fn a_debug_print_shows_no_value() {
        let env: Environment = [("PGPASSWORD", "hunter2")].into_iter().collect();
        assert_eq!(format!("{env:?}"), "{\"PGPASSWORD\"}");
        assert_eq!(env.starting_with("PG").count(), 1);
        assert_eq!(env.starting_with("PH").count(), 0);
    }
}
