//! What the corpus can't show of files that hold secrets: links that lead to them.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use gate_policy::{
    CommandLine, Effect, Environment, FileError, FileKind, Files, Stdin, read_invocation,
};

/// A project with a link `notes` to a file with secrets, one `home` to the folder of a user, one
/// `cloud` to a folder of secrets, and one `readme` to a file without any.
struct Linked;

const PROJECT: &str = "/srv/app";

impl Files for Linked {
    fn read(&self, _path: &Path) -> Result<Cow<'_, [u8]>, FileError> {
        Ok(Cow::Borrowed(b""))
    }

    fn kind(&self, path: &Path) -> Option<FileKind> {
        self.canonical(path).map(|_| FileKind::File)
    }

    fn canonical(&self, path: &Path) -> Option<PathBuf> {
        let below = path.strip_prefix(PROJECT).ok()?.to_str()?;
        let real = match below.split_once('/').unwrap_or((below, "")) {
            ("notes", _) => "/home/ci/.aws/credentials".to_owned(),
            ("home", rest) => format!("/home/ci/{rest}"),
            ("cloud", rest) => format!("/home/ci/.azure/{rest}"),
            ("readme", _) => "/srv/docs/readme.md".to_owned(),
            ("" | "plain", _) => return Some(path.to_owned()),
            _ => return None,
        };
        Some(PathBuf::from(real.trim_end_matches('/')))
    }
}

fn effect(argv: &[&str]) -> Effect {
    let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
    let line = CommandLine {
        argv: &argv,
        env: &[("HOME", "/home/ci")].into_iter().collect::<Environment>(),
        cwd: Path::new(PROJECT),
        stdin: Stdin::Absent,
        files: &Linked,
    };
    read_invocation(&line).effect
}

#[test]
fn a_link_to_a_file_with_secrets_reveals_it() {
    for argv in [
        &["cat", "notes"][..],
        &["head", "-n", "1", "./notes"],
        &["tail", "/srv/app/notes"],
        &["cat", "home/.aws/config"],
        &["cat", "cloud/anything"],
        &["grep", "key", "notes"],
        &["grep", "-r", "key", "cloud"],
        &["grep", "-r", "key", "home"],
        &["sed", "-n", "1p", "notes"],
        &["awk", "{print}", "notes"],
        &["sort", "notes"],
        &["cut", "-c1-", "notes"],
        &["jq", ".", "notes"],
        &["diff", "plain", "notes"],
        &["find", "cloud", "-exec", "cat", "{}", ";"],
        &["bash", "-c", "cat notes"],
        &["bash", "-c", "cat < notes"],
        &["bash", "-c", "cd cloud && cat anything"],
        &["bash", "-c", "cat cloud/*"],
        &["git", "grep", "--no-index", "key", "cloud"],
        &[
            "kubectl",
            "get",
            "pods",
            "--template",
            "notes",
            "-o",
            "go-template-file",
        ],
        &["sort", "--files0-from", "notes"],
    ] {
        assert!(effect(argv) >= Effect::Secret, "{argv:?}: {}", effect(argv));
    }
}

#[test]
fn a_link_to_what_everyone_may_read_is_read() {
    for argv in [
        &["cat", "readme"][..],
        &["cat", "plain"],
        &["cat", "not-there"],
        &["bash", "-c", "cat < readme"],
        &["grep", "-r", "key", "readme"],
    ] {
        assert_eq!(effect(argv), Effect::Read, "{argv:?}");
    }
}
