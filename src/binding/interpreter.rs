//! The programs behind a script: the interpreter of its first line, what
//! `env(1)` finds for it, and theirs in turn. A script that was hashed and is
//! read by another program is another program.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use gate_exec::{Exclusions, FileId, Tool, ToolKind};
use gate_protocol::canonical::Digest;
use gate_protocol::invocation::{BoundInput, Delivery};
use gate_protocol::masked::MaskedText;

use super::{PreadReader, changed, hash, shown};
use crate::failure::{Failure, FailureKind};
use crate::world::World;

/// The kernel follows interpreters of interpreters this far. Source: `execve(2)`.
const DEPTH: usize = 5;
/// What runs a file that the kernel can't load.
const SHELL: &str = "/bin/sh";

/// One program behind a script, as it was found.
#[derive(Debug)]
pub(super) struct Interpreter {
    name: OsString,
    path: Option<OsString>,
    id: FileId,
    sha256: Digest,
}

impl Interpreter {
    /// Finds it again.
    ///
    /// # Errors
    /// It is another file, or has other content.
    pub(super) fn again(&self) -> Result<(), Failure> {
        let differs = || {
            changed(&format!(
                "the interpreter `{}`",
                shown(Path::new(&self.name))
            ))
        };
        let tool = find(&self.name, self.path.as_deref()).map_err(|_| differs())?;
        let content = hash(PreadReader::new(tool.file.file())).map_err(|_| differs())?;
        if tool.id == self.id && content.0 == self.sha256 {
            return Ok(());
        }
        Err(differs())
    }
}

/// Returns every program behind `tool`, with what is bound of it.
///
/// # Errors
/// One can't be found, trusted or read.
pub(super) fn behind(
    world: &World,
    tool: &Tool,
) -> Result<(Vec<BoundInput>, Vec<Interpreter>), Failure> {
    let path = world.variable(OsStr::new("PATH")).map(OsStr::to_owned);
    let mut bound = Vec::new();
    let mut found = Vec::new();
    let mut waiting = names(&tool.kind);
    while let Some(name) = waiting.pop() {
        if found.len() == DEPTH {
            return Err(Failure::new(
                FailureKind::CannotRun,
                format!("`{}` has too many interpreters", shown(&tool.path)),
            ));
        }
        let program = find(&name, path.as_deref())?;
        let content = hash(PreadReader::new(program.file.file())).map_err(|error| {
            let path = shown(&program.canonical);
            Failure::new(FailureKind::CannotRun, format!("cannot read `{path}`")).caused_by(error)
        })?;
        bound.push(BoundInput {
            role: "interpreter".to_owned(),
            name: MaskedText::plain(program.canonical.as_os_str().as_bytes()),
            sha256: content.0,
            size_bytes: content.1,
            delivery: Delivery::Rechecked,
            content: None,
        });
        waiting.extend(names(&program.kind));
        found.push(Interpreter {
            name,
            path: path.clone(),
            id: program.id,
            sha256: content.0,
        });
    }
    Ok((bound, found))
}

/// Returns the names that the first line of a script gives: the interpreter,
/// and where that is `env`, what it is to find. What the kernel can't load is
/// given to the shell (`execvp(3)`).
fn names(kind: &ToolKind) -> Vec<OsString> {
    let (interpreter, argument) = match kind {
        ToolKind::Elf => return Vec::new(),
        ToolKind::Other => return vec![OsString::from(SHELL)],
        ToolKind::Script {
            interpreter,
            argument,
        } => (interpreter, argument),
    };
    let mut names = vec![interpreter.clone().into_os_string()];
    if interpreter.file_name() == Some(OsStr::new("env")) {
        names.extend(argument.as_deref().and_then(env_finds));
    }
    names
}

/// Returns what `env` runs: the first word that is neither an option nor a variable.
fn env_finds(argument: &[u8]) -> Option<OsString> {
    let words = argument.split(u8::is_ascii_whitespace);
    words
        .filter(|word| !word.is_empty() && !word.starts_with(b"-") && !word.contains(&b'='))
        .map(|word| OsString::from_vec(word.to_vec()))
        .next()
}

fn find(name: &OsStr, path: Option<&OsStr>) -> Result<Tool, Failure> {
    let exclusions = Exclusions::of_this_program().map_err(|error| {
        Failure::new(
            FailureKind::Internal,
            "cannot tell which program gate itself is",
        )
        .caused_by(error)
    })?;
    gate_exec::resolve(name, path, &exclusions).map_err(|error| {
        // As execve(2) says it: an interpreter that is missing is not found.
        let kind = match error.exit_code() {
            127 => FailureKind::NotFound,
            _ => FailureKind::CannotRun,
        };
        let hint = error.hint();
        Failure::new(kind, error.to_string()).hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(interpreter: &str, argument: Option<&str>) -> ToolKind {
        ToolKind::Script {
            interpreter: interpreter.into(),
            argument: argument.map(|text| text.as_bytes().to_vec()),
        }
    }

    #[test]
    fn what_env_is_to_find_counts_too() {
        assert_eq!(names(&script("/bin/sh", Some("-e"))), ["/bin/sh"]);
        let by_env = names(&script("/usr/bin/env", Some("bash")));
        assert_eq!(by_env, ["/usr/bin/env", "bash"]);
        let split = names(&script("/usr/bin/env", Some("-S A=b python3 -I")));
        assert_eq!(split, ["/usr/bin/env", "python3"]);
        assert!(names(&ToolKind::Elf).is_empty());
        assert_eq!(names(&ToolKind::Other), ["/bin/sh"]);
    }
}
