//! What only this crate's own wrapper can be asked for: another `argv[0]`, and cancelling a wait.
#![expect(
    unsafe_code,
    clippy::unwrap_used,
    reason = "tests send themselves signals and fail by panic"
)]

use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::Command;

use gate_exec::{Cancel, InitialState};

fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(
        path.exists(),
        "build it by: cargo build --package gate-exec --examples"
    );
    path
}

/// THREATS.md 2.5: `exec -a ls kubectl`; 2.4: an empty argv[0].
#[test]
fn the_tool_gets_argv0_as_it_was_typed() {
    for argv0 in ["", "ls", "-login", "../x", "a b"] {
        let state = |mut command: Command| {
            let output = command.args(["state", "1"]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let line = text.lines().find(|line| line.starts_with("argc")).unwrap();
            line.to_owned()
        };
        let mut bare = Command::new(example("probe"));
        bare.arg0(argv0);
        let bare = state(bare);
        for mode in ["replace", "supervise"] {
            let mut command = Command::new(example("wrap"));
            command
                .arg(mode)
                .arg(format!("--argv0={argv0}"))
                .arg(example("probe"));
            assert_eq!(state(command), bare);
        }
    }
}

#[test]
fn a_run_without_a_tool_is_a_usage_error() {
    let status = Command::new(example("wrap"))
        .arg("replace")
        .status()
        .unwrap();
    assert_eq!(status.into_raw(), 64 << 8);
}

/// One test, for the handlers are the whole process's.
#[test]
fn a_wait_learns_of_the_signal_that_cancels_it_and_leaves_no_handler() {
    let before = caught();
    let cancel = Cancel::install(&InitialState::captured()).unwrap();
    assert_eq!(cancel.signal(), None);
    assert!(!is_readable(&cancel));
    let second = Cancel::install(&InitialState::captured()).unwrap_err();
    assert_eq!(second.kind(), std::io::ErrorKind::AlreadyExists);
    let own = i32::try_from(std::process::id()).unwrap();
    // SAFETY: numbers only.
    unsafe { libc::kill(own, libc::SIGTERM) };
    while cancel.signal().is_none() {
        std::thread::yield_now();
    }
    // SAFETY: a number.
    unsafe { libc::raise(libc::SIGINT) };
    assert_eq!(cancel.signal(), Some(libc::SIGTERM), "the first one counts");
    assert!(is_readable(&cancel));
    drop(cancel);
    assert_eq!(caught(), before);
    let again = Cancel::install(&InitialState::captured()).unwrap();
    assert_eq!(again.signal(), None);
}

fn is_readable(cancel: &Cancel) -> bool {
    let mut poll = libc::pollfd {
        fd: cancel.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one valid `pollfd`.
    unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
}

fn caught() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("SigCgt"))
        .unwrap();
    line.to_owned()
}
