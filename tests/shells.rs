//! A shim in interactive shells, in tmux, as people have it: each does with the tool behind it what
//! it does with the bare tool. DESIGN.md, invariant 8.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "live/server.rs"]
mod server;
#[expect(dead_code, reason = "the contract needs more of it")]
#[path = "contract/stage.rs"]
mod stage;
#[path = "shells/tmux.rs"]
mod tmux;

use std::os::unix::fs::symlink;

use gate_testkit::home::Home;
use stage::{Answered, Stage};
use tmux::Pane;

/// What the tool does is its third word; the second says whether it is asked about.
const TOOL: &str = r#"#!/bin/sh
case $2 in
seven) exit 7 ;;
text) echo some text ;;
size) stty size </dev/tty ;;
ask) read -r line && echo "heard $line" ;;
wait) echo "started $3" && exec sleep 1000 ;;
killed) kill -TERM $$ ;;
esac
"#;

/// A shell, how it is started without anybody's settings, what it calls the last exit code, and which
/// one it has for a job that was brought back and ended by an interrupt: fish says 0 of each.
struct Shell {
    argv: &'static [&'static str],
    code: &'static str,
    brought_back: &'static str,
}

const SHELLS: [Shell; 4] = [
    Shell {
        argv: &["bash", "--norc", "--noprofile", "-i"],
        code: "$?",
        brought_back: "130",
    },
    Shell {
        argv: &["dash", "-i"],
        code: "$?",
        brought_back: "130",
    },
    Shell {
        argv: &["zsh", "-f", "-i"],
        code: "$?",
        brought_back: "130",
    },
    Shell {
        argv: &["fish", "--no-config", "-i"],
        code: "$status",
        brought_back: "0",
    },
];

/// How the tool is reached, and the words that lead there.
#[derive(Clone, Copy)]
struct Way {
    answered: Answered,
    words: &'static str,
}

/// The tool itself, an allowed command by the compiled rules, and one that a person approves.
const WAYS: [Option<Way>; 3] = [
    None,
    Some(Way {
        answered: Answered::Allowed,
        words: "kubectl get",
    }),
    Some(Way {
        answered: Answered::Approved,
        words: "kubectl delete",
    }),
];

/// Makes a home with the tool, and with a shim in front of it unless it is to be met bare.
fn home(stage: &Stage, way: Option<Way>) -> Home {
    let answered = way.map_or(Answered::Allowed, |way| way.answered);
    let folder = tempfile::tempdir().unwrap();
    let mut home = stage.home(answered, folder.path());
    home.script("kubectl", TOOL).unwrap();
    let mut folders = vec![home.bin(), "/usr/bin".into(), "/bin".into()];
    if way.is_some() {
        let shims = home.path().join("shims");
        std::fs::create_dir(&shims).unwrap();
        let shim = std::fs::canonicalize(stage.programs.shim()).unwrap();
        symlink(shim, shims.join("kubectl")).unwrap();
        folders.insert(0, shims);
    }
    home.set("PATH", std::env::join_paths(folders).unwrap());
    home
}

/// Plays one session.
fn play(shell: &Shell, way: Option<Way>, home: &Home) {
    let tool = way.map_or("kubectl get", |way| way.words);
    let name = shell.argv.first().unwrap();
    let mut pane = Pane::open(home, shell.argv, &format!("{name}, {tool}"));
    let code = shell.code;
    pane.type_line(&format!("{tool} seven; echo one\"\"-{code}"));
    pane.wait_for("one-7");
    pane.type_line(&format!("{tool} killed; echo two\"\"-{code}"));
    pane.wait_for("two-143");

    pane.type_line(&format!("{tool} wait first"));
    pane.wait_for("started first");
    pane.press("C-c");
    pane.type_line(&format!("echo three\"\"-{code}"));
    pane.wait_for("three-130");

    pane.type_line(&format!("{tool} wait second"));
    pane.wait_for("started second");
    pane.press("C-z");
    // Each shell has its own word for it.
    pane.wait_for_one_of(&["Stopped", "suspended", "has stopped"]);
    pane.type_line("echo four\"\"-back");
    pane.wait_for("four-back");
    pane.type_line("fg");
    pane.wait_until_behind(name);
    pane.press("C-c");
    pane.type_line(&format!("echo five\"\"-{code}"));
    pane.wait_for(&format!("five-{}", shell.brought_back));

    pane.type_line(&format!("{tool} text | tr a-z A-Z"));
    pane.wait_for("SOME TEXT");
    pane.type_line(&format!("echo hello | {tool} ask"));
    pane.wait_for("heard hello");
    pane.type_line(&format!("{tool} ask third"));
    pane.wait_until_behind(name);
    pane.type_line("typed by hand");
    pane.wait_for("heard typed by hand");

    pane.resize(91, 27);
    pane.type_line(&format!("{tool} size"));
    pane.wait_for("27 91");
    pane.type_line(&format!("{tool} seven & wait; echo six\"\"-done"));
    pane.wait_for("six-done");
}

/// How often the tool was called in one session.
const CALLS: usize = 9;

/// What is allowed the small program lets run by itself, each time.
fn assert_decided(way: Option<Way>, home: &Home) {
    let is_allowed = way.is_some_and(|way| way.answered == Answered::Allowed);
    let journal = home.state().join("gate/spool/allowed");
    let journal = std::fs::read(journal).unwrap_or_default();
    let entries = gate_shim::journal::read(&journal).entries.len();
    assert_eq!(entries, if is_allowed { CALLS } else { 0 });
}

#[test]
fn each_shell_in_tmux_does_with_a_shim_what_it_does_with_the_tool() {
    let stage = Stage::set();
    std::thread::scope(|scope| {
        for shell in &SHELLS {
            let stage = &stage;
            scope.spawn(move || {
                for way in WAYS {
                    let home = home(stage, way);
                    play(shell, way, &home);
                    assert_decided(way, &home);
                }
            });
        }
    });
}
