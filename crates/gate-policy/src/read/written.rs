//! What the commands of one script write, held against what others of it read.
//!
//! gate reads a file before anything runs. What a command of the same script
//! puts there is then what the tool gets, in whatever order the two stand: a
//! loop, a pipe and a trap run them in another one.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::inner::Nesting;
use super::path_of;
use super::paths::plain_join;
use super::words::shown;
use crate::command_line::{CommandLine, FileError, FileKind, Files};
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation, Place as Where, Placement};

/// Tools that write to nothing but what their words name, and below it.
const BY_NAME: &[&str] = &[
    "chmod", "chown", "cp", "ln", "mkdir", "mv", "rm", "rmdir", "sed", "sort", "tee", "touch",
    "uniq",
];
/// Commands of kubectl that change nothing on this machine.
const FAR: &[&str] = &[
    "annotate",
    "apply",
    "autoscale",
    "cordon",
    "create",
    "delete",
    "drain",
    "expose",
    "label",
    "patch",
    "replace",
    "rollout",
    "run",
    "scale",
    "set",
    "taint",
    "uncordon",
];
/// Ends of names that are no configuration to terraform.
const NOTES: &[&str] = &["log", "md", "out", "txt"];
/// The most places of redirections that are kept. With more it could be any.
const MAX_PLACES: usize = 400;

/// Counts the commands inside one that is read, and keeps where redirections
/// lead to.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(super) left: Cell<u32>,
    /// Whether a script may have closed a descriptor, of its own or of what it
    /// starts.
    pub(crate) closes: Cell<bool>,
    redirected: RefCell<Vec<PathBuf>>,
}

impl Account {
    /// Notes that a redirection writes to a place.
    pub(crate) fn note(&self, place: PathBuf) {
        let mut places = self.redirected.borrow_mut();
        if places.len() >= MAX_PLACES {
            *places = vec![PathBuf::from("/")];
        } else if !places.contains(&place) {
            places.push(place);
        }
    }
}

/// A command that runs on this machine, with the commands inside it behind it.
struct Node<'i> {
    read: &'i Invocation,
    cwd: &'i Path,
    /// The first command behind it that does not stand inside it.
    end: usize,
}

/// Something that is written, and what stands below it.
struct Place {
    path: PathBuf,
    /// The command that writes it; nothing for a redirection.
    by: Option<usize>,
    /// Whether it is only the folder that a command starts in.
    is_vague: bool,
}

fn gather<'i>(read: &'i Invocation, cwd: &'i Path, nodes: &mut Vec<Node<'i>>) {
    let at = nodes.len();
    nodes.push(Node { read, cwd, end: at });
    let here = read.inner().filter(|inner| inner.place == Where::Here);
    for inner in here {
        gather(&inner.invocation, &inner.cwd, nodes);
    }
    let end = nodes.len();
    if let Some(node) = nodes.get_mut(at) {
        node.end = end;
    }
}

/// Returns what a command itself writes to on this machine.
fn places(by: usize, node: &Node<'_>, files: &dyn Files) -> Vec<Place> {
    let changes = [
        Effect::Local,
        Effect::Write,
        Effect::Destroy,
        Effect::Access,
        Effect::Execute,
    ];
    let read = node.read;
    let has = |effect| read.own_effects.contains(effect);
    if !changes.into_iter().any(has) || is_far(read) {
        return Vec::new();
    }
    let place = |path: &Path, is_vague| Place {
        path: real(files, path),
        by: Some(by),
        is_vague,
    };
    let values = read.options.iter().filter_map(|used| used.value.as_ref());
    let words = read.operands.iter().chain(values);
    let mut places: Vec<Place> = words
        .map(|word| place(&plain_join(node.cwd, &path_of(word)), false))
        .collect();
    // What a shell itself writes is kept with its redirections.
    let is_by_name = BY_NAME.contains(&&*read.tool) || read.inner().next().is_some();
    if !is_by_name {
        places.push(place(node.cwd, true));
    }
    places
}

/// Tells whether what a command changes is not on this machine.
fn is_far(read: &Invocation) -> bool {
    let first = read.command.first().map_or("", AsRef::as_ref);
    match &*read.tool {
        "kill" => true,
        "kubectl" => FAR.contains(&first),
        "psql" => {
            let mut names = read.options.iter().map(|used| &*used.name);
            let to_file = names.any(|name| matches!(name, "output" | "log-file"));
            let mut inside = read.nested.iter();
            !to_file && inside.all(|nested| nested.language == "sql")
        }
        _ => false,
    }
}

/// Makes a command unknown that reads what another command of it writes.
pub(super) fn judge(line: &CommandLine<'_>, nesting: Nesting<'_>, invocation: &mut Invocation) {
    let is_alone = invocation.inner().next().is_none();
    if is_alone && nesting.account.redirected.borrow().is_empty() {
        // What a command writes itself is held against what others of it read.
        return;
    }
    if let Some(path) = met(line, nesting, invocation) {
        let path = shown(path.as_os_str().as_encoded_bytes());
        let why = format!("it may write to `{path}` itself, from which it reads");
        invocation.add(Effect::Unknown, &why);
    }
}

/// Returns a path that one command reads and another one writes.
fn met(line: &CommandLine<'_>, nesting: Nesting<'_>, invocation: &Invocation) -> Option<PathBuf> {
    let mut nodes = Vec::new();
    gather(invocation, line.cwd, &mut nodes);
    let redirected = nesting.account.redirected.borrow();
    let mut written: Vec<Place> = redirected
        .iter()
        .map(|path| Place {
            path: real(line.files, path),
            by: None,
            is_vague: false,
        })
        .collect();
    for (at, node) in nodes.iter().enumerate() {
        written.extend(places(at, node, line.files));
    }
    if written.is_empty() {
        return None;
    }
    // What stands inside a command reads for itself: innermost first.
    let mut inside = BTreeSet::new();
    for (at, node) in nodes.iter().enumerate().rev() {
        for input in node.read.inputs.iter().filter(|input| is_file(input)) {
            let path = real(line.files, &plain_join(node.cwd, &input.path));
            if !inside.insert(path.clone()) && node.end > at + 1 {
                continue;
            }
            let meets = |place: &Place| {
                // A command that may write to its whole folder seldom writes to
                // the script that starts it.
                let is_below = place.by.is_some_and(|by| (at..node.end).contains(&by));
                let is_own = place.is_vague && is_below && input.role == "script";
                let touches = path.starts_with(&place.path) || holds(input, &path, &place.path);
                place.by != Some(at) && !is_own && touches
            };
            if written.iter().any(meets) {
                return Some(path);
            }
        }
    }
    None
}

fn is_file(input: &Input) -> bool {
    matches!(input.kind, InputKind::File | InputKind::Directory)
        && input.placement != Placement::Unsure
}

/// Tells whether a place is one in a folder that a tool reads.
fn holds(input: &Input, path: &Path, place: &Path) -> bool {
    let name = place.extension().and_then(|name| name.to_str());
    let is_note = input.role == "working folder" && name.is_some_and(|name| NOTES.contains(&name));
    input.kind == InputKind::Directory && place.starts_with(path) && !is_note
}

/// Returns a path without links, also where nothing is at its end.
fn real(files: &dyn Files, path: &Path) -> PathBuf {
    if let Some(real) = files.canonical(path) {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => files
            .canonical(parent)
            .unwrap_or_else(|| parent.to_owned())
            .join(name),
        _ => path.to_owned(),
    }
}

/// The files that a command inside another one has. Its descriptors are not
/// gate's: what `/dev/stdin` is to it is not known.
pub(crate) struct FilesInside<'f>(pub(crate) &'f dyn Files);

impl FilesInside<'_> {
    fn is_its_own(path: &Path) -> bool {
        path.starts_with("/dev") || path.starts_with("/proc")
    }
}

impl Files for FilesInside<'_> {
    fn read(&self, path: &Path) -> Result<Cow<'_, [u8]>, FileError> {
        if Self::is_its_own(path) {
            let why = "what it is to a command inside is not known";
            return Err(FileError::Unreadable(why.to_owned()));
        }
        self.0.read(path)
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        self.0.kind(path)
    }

    fn canonical(&self, path: &Path) -> Option<PathBuf> {
        self.0.canonical(path)
    }

    fn home_of_account(&self) -> Result<Option<PathBuf>, FileError> {
        self.0.home_of_account()
    }

    fn sees_all(&self) -> bool {
        self.0.sees_all()
    }
}
