//! What the corpus can't show of git: links, and variables that are taken away.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use gate_policy::{
    CommandLine, Effect, Environment, EnvironmentAction, FileError, FileKind, Files, Invocation,
    Stdin, read_invocation,
};

/// A repository below a hidden folder, with a link `h` to its hooks.
struct Linked;

const REPOSITORY: &str = "/srv/.work/app";

impl Files for Linked {
    fn read(&self, _path: &Path) -> Result<Cow<'_, [u8]>, FileError> {
        Err(FileError::Absent)
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        self.canonical(path).map(|_| FileKind::Directory)
    }

    fn canonical(&self, path: &Path) -> Option<PathBuf> {
        let below = path.strip_prefix(REPOSITORY).ok()?.to_str()?;
        match below {
            "" | "src" => Some(path.to_owned()),
            "h" => Some(Path::new(REPOSITORY).join(".git/hooks")),
            _ => None,
        }
    }
}

fn read(line: &str, variables: &[(&str, &str)]) -> Invocation {
    let argv: Vec<OsString> = line.split(' ').map(OsString::from).collect();
    let env: Environment = variables.iter().copied().collect();
    read_invocation(&CommandLine {
        argv: &argv,
        env: &env,
        cwd: Path::new(REPOSITORY),
        stdin: Stdin::Absent,
        files: &Linked,
    })
}

fn action(invocation: &Invocation, name: &str) -> Option<EnvironmentAction> {
    let mut notes = invocation.environment.iter();
    let note = notes.find(|note| note.name == name);
    note.map(|note| note.action.clone())
}

#[test]
fn a_move_through_a_link_into_a_hidden_folder_is_a_write() {
    for line in [
        "git mv x.sh h",
        "git mv x.sh h/post-commit",
        "git mv x.sh ./h/post-commit",
    ] {
        assert_eq!(read(line, &[]).effect, Effect::Write, "{line}");
    }
    for line in ["git mv a b", "git mv a src/", "git mv a src/new/b"] {
        assert_eq!(read(line, &[]).effect, Effect::Local, "{line}");
    }
}

#[test]
fn a_program_that_asks_for_passwords_is_taken_away_where_no_remote_is() {
    let program = [("GIT_ASKPASS", "/tmp/x"), ("SSH_ASKPASS", "/tmp/x")];
    for line in ["git show main:f", "git commit -S -m x", "git status"] {
        let invocation = read(line, &program);
        assert!(invocation.effect <= Effect::Local, "{line}");
        for (name, _) in program {
            assert_eq!(action(&invocation, name), Some(EnvironmentAction::Stripped));
        }
    }
    for line in ["git fetch", "git lfs push"] {
        let invocation = read(line, &program);
        assert_eq!(invocation.effect, Effect::Unknown, "{line}");
        assert_eq!(
            action(&invocation, "GIT_ASKPASS"),
            Some(EnvironmentAction::MakesUnknown)
        );
    }
    let known = read("git status", &[("SSH_ASKPASS", "/usr/bin/ksshaskpass")]);
    assert_eq!(
        action(&known, "SSH_ASKPASS"),
        Some(EnvironmentAction::Binds)
    );
}
