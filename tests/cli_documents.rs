//! Manual pages that are checked in say what the binary says, and the binary has the completions that
//! are.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gate_testkit::home::Home;

const GATE: &str = env!("CARGO_BIN_EXE_gate");
const MEND: &str = "run `tests/documents`";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn pages(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}

#[test]
fn the_completions_that_are_checked_in_are_those_of_the_binary() {
    let home = Home::new().unwrap();
    for (shell, file) in [
        ("bash", "gate.bash"),
        ("zsh", "_gate"),
        ("fish", "gate.fish"),
        ("elvish", "gate.elv"),
        ("powershell", "_gate.ps1"),
    ] {
        let printed = home
            .command(GATE)
            .args(["completions", shell])
            .output()
            .unwrap();
        assert!(printed.status.success(), "{shell}");
        let kept = fs::read(root().join("completions").join(file)).unwrap();
        assert!(
            printed.stdout == kept,
            "{shell}: completions/{file} is another"
        );
    }
    let unknown = home
        .command(GATE)
        .args(["completions", "tcsh"])
        .output()
        .unwrap();
    assert_eq!(unknown.status.code(), Some(64));
}

#[test]
fn the_manual_pages_that_are_checked_in_are_those_of_the_binary() {
    let home = Home::new().unwrap();
    let written = home
        .command(GATE)
        .args(["man", "--dir", "man"])
        .output()
        .unwrap();
    assert!(written.status.success(), "{written:?}");
    let (made, kept) = (
        pages(&home.work().join("man")),
        pages(&root().join("docs/man")),
    );
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&made), names(&kept), "{MEND}");
    for (name, page) in &made {
        assert!(
            kept.get(name) == Some(page),
            "docs/man/{name} is out of date: {MEND}"
        );
    }
    assert!(
        made.contains_key("gate.1") && made.contains_key("gate-requests-list.1"),
        "{:?}",
        names(&made)
    );
    let printed = home.command(GATE).arg("man").output().unwrap();
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), made["gate.1"]);
}

#[test]
fn the_manual_says_where_a_command_begins() {
    let pages = pages(&root().join("docs/man"));
    for (page, usage) in [
        ("gate-run.1", r"[OPTIONS] \-\- <COMMAND>..."),
        ("gate-check.1", r"[OPTIONS] [\-\- <COMMAND>...]"),
        ("gate-explain.1", r"\-\- <COMMAND>..."),
    ] {
        assert!(pages[page].contains(usage), "{page}: {}", pages[page]);
    }
}

#[test]
fn bash_can_read_its_completions() {
    let path = root().join("completions/gate.bash");
    let read = Command::new("bash").arg("-n").arg(&path).output().unwrap();
    assert!(read.status.success() && read.stderr.is_empty(), "{read:?}");
}
