//! What leaves the house: what `packaging/dist` makes, the server's service, and gate where there is
//! nothing else, as in a container.

#[path = "packaging/bare.rs"]
mod bare;
#[path = "packaging/dist.rs"]
mod dist;
#[path = "live/released.rs"]
mod released;
#[path = "live/server.rs"]
#[expect(dead_code, reason = "whoever asks here stands in a root of its own")]
mod server;
#[path = "packaging/service.rs"]
mod service;

use bare::Bare;
use server::{Live, Ran};

/// Fails unless it ended with `code`, said all of `words`, and said it as gate says things.
#[track_caller]
fn assert_said(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
    for line in ran.stderr.lines() {
        assert!(
            line.starts_with("gate: ") && !line.contains("panicked"),
            "{ran:?}"
        );
    }
}

#[test]
fn what_is_allowed_runs_without_home_terminal_or_anything_to_write_to() {
    let mut bare = Bare::new();
    let run = ["/bin/gate", "run", "--", "kubectl", "get", "pods"];
    for (home, why) in [
        (None, "there is no folder for gate's state"),
        (
            Some("/"),
            "`/.local/state/gate/spool`: Read-only file system",
        ),
        (Some("/home/alice"), "HOME names a folder that is not there"),
    ] {
        if let Some(home) = home {
            bare.set("HOME", home);
        }
        // By its shim the small program decides it needs the full one.
        for words in [&run[..], &["/shims/kubectl", "get", "pods"]] {
            let ran = bare.run(words);
            assert_said(&ran, 7, &["warning: this decision is not recorded", why]);
            assert_eq!(ran.stdout, "the tool: get pods\n", "{ran:?}");
            assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        }
    }
    let checked = bare.run(&["/bin/gate", "check", "--", "kubectl", "get", "pods"]);
    assert_said(&checked, 0, &[]);
    assert!(checked.stdout.starts_with("allow: "), "{checked:?}");
}

#[test]
fn what_is_allowed_is_recorded_where_there_is_one_folder_to_write_to() {
    let mut bare = Bare::new();
    bare.writable = Some("/state");
    bare.set("XDG_STATE_HOME", "/state");
    let ran = bare.run(&["/shims/kubectl", "get", "pods"]);
    assert_said(&ran, 7, &[]);
    assert_eq!((&*ran.stdout, &*ran.stderr), ("the tool: get pods\n", ""));
    let unsent = bare.run(&["/bin/gate", "audit", "flush"]);
    assert_said(&unsent, 78, &["no approval server is configured"]);
    let held = bare.run(&["/bin/gate", "audit", "verify", "--spool"]);
    assert_said(&held, 0, &[]);
    bare.set("XDG_DATA_HOME", "/state");
    let made = bare.run(&["/bin/gate", "shim", "install", "kubectl"]);
    assert_said(&made, 0, &["/state/gate/shims"]);
}

#[test]
fn what_asks_says_what_it_lacks() {
    let live = Live::start();
    let mut bare = Bare::new();
    let delete = ["/shims/kubectl", "delete", "pod", "web"];
    let asks = bare.run(&delete);
    assert_said(&asks, 78, &["needs an approval", "gate login --server URL"]);
    bare.set("GATE_SERVER", live.said("/url"));
    assert_said(&bare.run(&delete), 78, &["set HOME or XDG_STATE_HOME"]);
    bare.set("HOME", "/");
    assert_said(&bare.run(&delete), 78, &["set GATE_TOKEN"]);
    bare.set("GATE_TOKEN", live.said("/tokens/agent"));
    // The server is reached, and what is agreed with it can't be kept.
    for (home, why) in [
        ("/", "Read-only file system"),
        ("/home/alice", "HOME names a folder that is not there"),
    ] {
        bare.set("HOME", home);
        let ran = bare.run(&delete);
        assert_said(&ran, 125, &["cannot", "/.local/state/gate/", why]);
        assert_eq!(ran.stdout, "", "{ran:?}");
    }
    bare.writable = Some("/state");
    bare.set("XDG_STATE_HOME", "/state");
    bare.unset("HOME");
    let (url, key) = (live.said("/url"), live.said("/server/grant_key"));
    bare.add(
        "/run/gate.toml",
        &format!("[keys]\n\"{url}\" = \"{key}\"\n"),
    );
    bare.set("GATE_CONFIG", "/run/gate.toml");
    let asked = [
        "/bin/gate",
        "run",
        "--no-wait",
        "--",
        "kubectl",
        "delete",
        "pod",
        "web",
    ];
    let ran = bare.run(&asked);
    assert_said(&ran, 75, &["group:approvers"]);
}

/// A C library, a loader and gate itself are all not there.
#[test]
fn where_everything_is_static_the_shim_runs_what_is_allowed_and_nothing_else() {
    let mut bare = Bare::new();
    bare.writable = Some("/home/alice");
    bare.set("HOME", "/home/alice");
    // What was written this very moment is not compiled.
    while bare.run(&["/bin/gate", "rules", "compile"]).code != Some(0) {}
    bare.leave_what_is_static();
    let ran = bare.run(&["/shims/kubectl", "get", "pods"]);
    assert_said(&ran, 7, &[]);
    assert_eq!((&*ran.stdout, &*ran.stderr), ("the tool: get pods\n", ""));
    let ran = bare.run(&["/shims/kubectl", "delete", "pod", "web"]);
    assert_said(&ran, 125, &["cannot start `/bin/gate`", "nothing was run"]);
    assert_eq!(ran.stdout, "");
}

#[test]
fn every_other_verb_works_or_says_why_not() {
    let bare = Bare::new();
    let state = "there is no folder for gate's state";
    for (verb, code, why) in [
        ("audit flush", 78, state),
        ("rules compile", 78, state),
        ("rules suggest", 78, state),
        ("doctor", 1, "not all that was asked for holds"),
        ("shim install kubectl", 78, "there is no folder for shims"),
        (
            "shim install --dir /more kubectl",
            125,
            "Read-only file system",
        ),
        ("shell-init bash", 78, "name a folder with --dir DIR"),
        ("whoami", 78, "no approval server is configured"),
        ("requests list", 78, "no approval server is configured"),
        (
            "login --server http://127.0.0.1:9 --token-stdin",
            69,
            "cannot reach",
        ),
        ("hook install claude-code", 64, "set HOME"),
        ("man --dir /man", 125, "Read-only file system"),
        ("demo --scripted", 125, "set TMPDIR"),
        ("server", 78, "name one with --data DIR"),
        ("server init --data /data", 78, "Read-only file system"),
        (
            "rules show",
            0,
            "no rules are in force here but the baseline",
        ),
        ("hook list", 0, ""),
        ("completions bash", 0, ""),
        ("server openapi", 0, ""),
    ] {
        let words: Vec<&str> = std::iter::once("/bin/gate")
            .chain(verb.split(' '))
            .collect();
        let ran = bare.run(&words);
        assert_said(&ran, code, &[why]);
    }
}

#[test]
fn doctor_tells_what_can_not_be_recorded() {
    let mut bare = Bare::new();
    for (home, why) in [
        ("/", "nothing can be recorded: `/`: "),
        (
            "/home/alice",
            "nothing can be recorded: HOME names a folder that is not there",
        ),
    ] {
        bare.set("HOME", home);
        let ran = bare.run(&["/bin/gate", "doctor"]);
        assert_said(&ran, 1, &[]);
        assert!(ran.stdout.contains(why), "{ran:?}");
    }
}

#[test]
fn without_proc_no_tool_runs() {
    let mut bare = Bare::new();
    bare.has_proc = false;
    for words in [
        &["/bin/gate", "run", "--", "kubectl", "get", "pods"][..],
        &["/shims/kubectl", "get", "pods"],
        &["/bin/gate", "doctor"],
        &["/bin/gate", "demo", "--scripted"],
    ] {
        assert_said(&bare.run(words), 125, &["/proc"]);
    }
}

#[test]
fn without_a_path_the_systems_own_folders_are_looked_through() {
    let mut bare = Bare::new();
    bare.unset("PATH");
    let ran = bare.run(&["/bin/gate", "run", "--", "kubectl", "get", "pods"]);
    assert_said(&ran, 7, &["warning: this decision is not recorded"]);
}
