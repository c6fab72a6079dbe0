//! Version managers that lead back to the shim.
//!
//! A version manager has shims of its own on PATH. Where no version is chosen, some look for the
//! tool along PATH without their own folder, find gate's shim, and call that: it would find the
//! manager again, for ever. So what gate starts in such a folder is told by a variable which file
//! it is, and when the very process comes back, that file is passed over.
//!
//! The variable names a process by id and start, so that nothing which the process starts heeds
//! it. Who forges it makes gate pass over one file of PATH, which PATH itself lets them do: the
//! command is judged all the same.

use std::ffi::{CString, OsStr};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Tool;
use crate::identity::FileId;

/// The variable that says which files were passed over. gate takes it out of what a tool gets.
pub const PASSED_VARIABLE: &str = "GATE_PASSED";

/// How the paths of folders end in which a version manager has its shims.
const MANAGERS: [(&str, &str); 11] = [
    (".pyenv/shims", "pyenv"),
    (".rbenv/shims", "rbenv"),
    (".nodenv/shims", "nodenv"),
    (".goenv/shims", "goenv"),
    (".jenv/shims", "jenv"),
    (".asdf/shims", "asdf"),
    ("asdf/shims", "asdf"),
    ("mise/shims", "mise"),
    ("rtx/shims", "rtx"),
    (".volta/bin", "volta"),
    (".tfenv/bin", "tfenv"),
];

/// Returns the version manager in whose folder of shims a file lies.
pub fn version_manager(path: &Path) -> Option<&'static str> {
    let folder = path.parent()?;
    let known = MANAGERS.iter().find(|(end, _)| folder.ends_with(end));
    known.map(|(_, name)| *name)
}

/// Who is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// This process, which becomes the tool.
    Itself,
    /// A child of this process.
    Child,
}

impl Bearer {
    fn word(self) -> &'static str {
        match self {
            Self::Itself => "self",
            Self::Child => "child",
        }
    }
}

/// Returns the files that this process was led by to the tool `name`, as the value of
/// [`PASSED_VARIABLE`] says; none where it is for another process or another tool.
pub(super) fn read(value: Option<&OsStr>, name: &OsStr) -> Vec<FileId> {
    value
        .and_then(|value| parse(value, name))
        .unwrap_or_default()
}

fn parse(value: &OsStr, name: &OsStr) -> Option<Vec<FileId>> {
    let bytes = value.as_bytes();
    let end = bytes.iter().position(|byte| *byte == b'/')?;
    let (told, of) = bytes.split_at_checked(end)?;
    if of.strip_prefix(b"/")? != name.as_bytes() {
        return None;
    }
    let mut parts = str::from_utf8(told).ok()?.split(':');
    let (bearer, id, start, files) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let id: u32 = id.parse().ok()?;
    let is_meant = match bearer {
        "self" => id == std::process::id(),
        "child" => id == std::os::unix::process::parent_id(),
        _ => false,
    };
    if !is_meant || start_of(id)? != start.parse::<u64>().ok()? {
        return None;
    }
    let file = |text: &str| {
        let (dev, ino) = text.split_once('-')?;
        Some(FileId {
            dev: dev.parse().ok()?,
            ino: ino.parse().ok()?,
        })
    };
    files.split(',').map(file).collect()
}

/// Returns what `tool` is to be told; nothing where no version manager is to lead back.
pub(crate) fn entry(tool: &Tool, bearer: Bearer) -> Option<CString> {
    version_manager(&tool.path)?;
    let id = std::process::id();
    let mut files = String::new();
    for file in tool.passed.iter().chain([&tool.id]) {
        let comma = if files.is_empty() { "" } else { "," };
        // Writing to a String can't fail.
        let _ = write!(files, "{comma}{}-{}", file.dev, file.ino);
    }
    let head = format!(
        "{PASSED_VARIABLE}={}:{id}:{}:{files}/",
        bearer.word(),
        start_of(id)?
    );
    let mut entry = head.into_bytes();
    entry.extend(tool.name.as_bytes());
    CString::new(entry).ok()
}

/// Returns when a process started, in clock ticks since the boot. It is the same after `execve(2)`.
///
/// Source: `proc_pid_stat(5)`, field 22.
fn start_of(id: u32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{id}/stat")).ok()?;
    // The name of the program may hold blanks and brackets.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = str::from_utf8(stat.get(end + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_process_and_tool_are_meant() {
        let (id, parent) = (std::process::id(), std::os::unix::process::parent_id());
        let (start, parents) = (start_of(id).unwrap(), start_of(parent).unwrap());
        let files = [FileId { dev: 1, ino: 2 }, FileId { dev: 3, ino: 4 }];
        for (value, expected) in [
            (format!("self:{id}:{start}:1-2,3-4/aws"), &files[..]),
            (format!("self:{id}:{start}:1-2/aws"), &files[..1]),
            (format!("child:{parent}:{parents}:1-2/aws"), &files[..1]),
            (format!("self:{id}:{start}:1-2/kubectl"), &[]),
            (format!("self:{parent}:{parents}:1-2/aws"), &[]),
            (format!("child:{id}:{start}:1-2/aws"), &[]),
            (format!("self:{id}:{}:1-2/aws", start + 1), &[]),
            (format!("self:{id}:{start}:1-/aws"), &[]),
            (format!("self:{id}:{start}/aws"), &[]),
            ("1".to_owned(), &[]),
            (String::new(), &[]),
        ] {
            let read = read(Some(OsStr::new(&value)), OsStr::new("aws"));
            assert_eq!(read, expected, "{value}");
        }
        assert!(read(None, OsStr::new("aws")).is_empty());
    }

    #[test]
    fn version_managers_are_known_by_their_folders() {
        for (path, name) in [
            ("/home/a/.pyenv/shims/aws", Some("pyenv")),
            ("/home/a/.local/share/mise/shims/terraform", Some("mise")),
            ("/home/a/.volta/bin/npm", Some("volta")),
            ("/usr/bin/aws", None),
            ("/home/a/notmise/shims2/aws", None),
        ] {
            assert_eq!(version_manager(Path::new(path)), name, "{path}");
        }
    }
}
