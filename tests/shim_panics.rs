//! `gate-shim` as it is released panics, at each place where it has asked the kernel for something: the
//! full gate runs in its place, with the same words, and the tool does not.
//!
//! Nothing that a caller can do is known to make it panic, and it has no switch for that. So it is made
//! to: behind a system call it goes on where the compiler's own checks lead, in the function by which
//! `unwrap` of nothing panics.
#![cfg(target_arch = "x86_64")]
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "live/released.rs"]
mod released;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use gate_testkit::home::Home;
use gate_testkit::steps::{Diverted, divert};

const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// What plays gate: it says what it got, and ends as nothing else here does.
const PLAYED: &str = "#!/bin/sh\necho \"left to gate: $* in $SESSION\"\nexit 41\n";
const LEFT: &str = "left to gate: get pods -n web in this one\n";

/// `ioctl(2)`: the shim looks at its standard input, first of all.
const FIRST_CALL: u64 = 16;
/// A command makes some fifty.
const MOST_CALLS: u64 = 200;

/// Returns a home with a shim of kubectl, what stands in gate's place, and compiled rules.
fn home(shim: &Path) -> Home {
    let mut home = Home::new().unwrap();
    let (programs, shims) = (home.path().join("programs"), home.path().join("shims"));
    fs::create_dir(&programs).unwrap();
    fs::create_dir(&shims).unwrap();
    fs::copy(shim, programs.join("gate-shim")).unwrap();
    symlink(programs.join("gate-shim"), shims.join("kubectl")).unwrap();
    home.script("kubectl", "#!/bin/sh\necho \"the tool: $*\"\nexit 7\n")
        .unwrap();
    let path = [shims, home.bin(), "/usr/bin".into(), "/bin".into()];
    home.set("PATH", std::env::join_paths(path).unwrap());
    home.set("SESSION", "this one");
    let compiled = home
        .command(GATE)
        .args(["rules", "compile"])
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{compiled:?}");
    home
}

/// Puts what is started in the place of the full gate.
fn set_gate(home: &Home, program: &Path) {
    let place = home.path().join("programs/gate");
    drop(fs::remove_file(&place));
    symlink(program, place).unwrap();
}

/// Runs an allowed command, and has the shim panic behind so many system calls.
fn panicked(home: &Home, calls: u64, at: u64) -> Option<Diverted> {
    let shim = home.path().join("shims/kubectl");
    let words = ["get", "pods", "-n", "web"].map(OsStr::new);
    let argv = [&[shim.as_os_str()], &words[..]].concat();
    divert(home.command("/bin/sh"), &argv, calls, at).unwrap()
}

/// Where the function begins by which `unwrap` of nothing panics, as the linker says.
fn panics_at(shim: &Path) -> u64 {
    let built = shim.ancestors().nth(3).unwrap();
    let map = fs::read_to_string(built.join("map")).unwrap();
    let mut lines = map.lines();
    let name = lines.find(|line| line.ends_with("4core6option13unwrap_failed"));
    assert!(name.is_some(), "the map has no such function");
    let address = lines.next().unwrap().split_whitespace().next().unwrap();
    u64::from_str_radix(address.strip_prefix("0x").unwrap(), 16).unwrap()
}

#[test]
fn where_the_shim_panics_the_full_gate_decides_about_the_same_words() {
    let shim = released::shim();
    let (home, at) = (home(&shim), panics_at(&shim));
    let played = home.script("played", PLAYED).unwrap();
    set_gate(&home, &played);
    // Unhindered, it runs the tool by itself.
    let mut allowed: Command = home.command(home.path().join("shims/kubectl"));
    assert_eq!(
        allowed
            .args(["get", "pods"])
            .output()
            .unwrap()
            .status
            .code(),
        Some(7)
    );
    let (mut tried, mut has_begun) = (0, false);
    for calls in 1..MOST_CALLS {
        let Some(diverted) = panicked(&home, calls, at) else {
            break;
        };
        let output = diverted.output;
        let said = String::from_utf8_lossy(&output.stdout);
        has_begun |= diverted.call == FIRST_CALL;
        // Before, it is the C library that starts.
        if has_begun {
            assert_eq!(said, LEFT, "behind call {calls}: {output:?}");
            assert_eq!(output.status.code(), Some(41));
            assert!(output.stderr.is_empty(), "{output:?}");
            tried += 1;
        }
        assert!(!said.contains("the tool"), "behind call {calls}");
    }
    assert!(tried > 20, "it panicked at {tried} places only");
    // It is the very words that gate gets: by its own name it finds the tool.
    set_gate(&home, Path::new(GATE));
    let decided = panicked(&home, tried / 2, at).unwrap().output;
    let said = String::from_utf8_lossy(&decided.stdout);
    assert_eq!(
        (&*said, decided.status.code()),
        ("the tool: get pods -n web\n", Some(7))
    );
    // Without it nothing runs.
    set_gate(&home, Path::new("/nowhere/at/all"));
    let lost = panicked(&home, tried / 2, at).unwrap().output;
    let said = String::from_utf8_lossy(&lost.stderr);
    assert!(
        said.starts_with("gate: cannot start ") && said.ends_with("nothing was run\n"),
        "{said}"
    );
    assert_eq!(
        (lost.stdout.as_slice(), lost.status.code()),
        (&b""[..], Some(125))
    );
}
