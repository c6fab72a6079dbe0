//! `gate requests`, `gate approve` and `gate deny` against a real server.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "live/asked.rs"]
mod asked;
#[path = "cli_requests/own_answers.rs"]
mod own_answers;
#[path = "live/server.rs"]
mod server;

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use asked::{submit, submit_as};
use gate_protocol::request::ApprovalRequest;
use gate_testkit::home::Home;
use gate_testkit::pty::{Size, Terminal};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use server::{GATE, Live, run};

fn show(live: &Live, id: &str) -> ApprovalRequest {
    let shown = run(&mut live.gate("bob_approver", &["requests", "show", id, "--json"]));
    assert_eq!(shown.code, Some(0), "{shown:?}");
    serde_json::from_str(&shown.stdout).unwrap()
}

fn status(live: &Live, id: &str) -> String {
    show(live, id).status.as_str().to_owned()
}

#[test]
fn a_request_is_listed_shown_and_approved_by_the_digest_that_was_read() {
    let live = Live::start();
    let asked = submit(&live, "prod-db", "old\u{1b}[2J namespace");
    let id = asked.id.to_string();

    let listed = run(&mut live.gate("bob_approver", &["requests", "list"]));
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(
        listed.stdout.contains(&id) && listed.stdout.contains("kubectl delete namespace prod-db")
    );

    let suffix = id.get(24..).unwrap();
    let shown = run(&mut live.gate("bob_approver", &["requests", "show", suffix]));
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for said in [
        "agent demo-agent, owned by alice",
        "kubectl delete namespace prod-db",
        "destroy",
        "! PRODUCTION",
        "not verified",
        "/srv/app",
        "runner-1",
        "baseline/destroy",
        "ADVISORY",
        &asked.digest.to_string(),
    ] {
        assert!(
            shown.stdout.contains(said),
            "{said:?} is missing in {}",
            shown.stdout
        );
    }
    assert!(!shown.stdout.contains('\u{1b}'));

    let digest = asked.digest.to_string();
    let digest = digest.get(..8).unwrap();
    let approve = [
        "approve",
        suffix,
        "--yes",
        "--digest",
        digest,
        "--comment",
        "fine",
    ];
    let approved = run(&mut live.gate("bob_approver", &approve));
    assert_eq!(approved.code, Some(0), "{approved:?}");
    assert!(
        approved.stdout.contains("kubectl delete namespace prod-db"),
        "shown before: {approved:?}"
    );
    let after = show(&live, &id);
    assert_eq!(after.status.as_str(), "approved");
    assert_eq!(after.reviews[0].comment.as_deref(), Some("fine"));
}

#[test]
fn without_a_terminal_nothing_is_approved_that_was_not_named_by_its_digest() {
    let live = Live::start();
    let asked = submit(&live, "web", "test");
    let id = asked.id.to_string();
    for (args, code) in [
        (vec!["approve", &id], 64),
        (vec!["approve", &id, "--yes"], 64),
        (vec!["approve", &id, "--yes", "--digest", "e3b0"], 64),
        (vec!["approve", &id, "--yes", "--digest", "00000000"], 64),
    ] {
        let refused = run(&mut live.gate("bob_approver", &args));
        assert_eq!(refused.code, Some(code), "{args:?}: {refused:?}");
        assert!(refused.stderr.starts_with("gate: "), "{refused:?}");
    }
    assert_eq!(status(&live, &id), "pending");
}

#[test]
fn a_denied_request_says_who_and_why() {
    let live = Live::start();
    let id = submit(&live, "web", "test").id.to_string();
    let denied = run(&mut live.gate("bob_approver", &["deny", &id, "--comment", "not today"]));
    assert_eq!(denied.code, Some(0), "{denied:?}");
    let shown = run(&mut live.gate("agent", &["requests", "show", &id]));
    assert!(
        shown.stdout.contains("DENIED") && shown.stdout.contains("bob denied"),
        "{shown:?}"
    );
    assert!(shown.stdout.contains("not today"), "{shown:?}");
    let late = run(&mut live.gate("bob_approver", &["deny", &id]));
    assert_eq!(late.code, Some(64), "{late:?}");
    assert!(
        late.stderr.contains("can't be answered any more"),
        "{late:?}"
    );
}

#[test]
fn a_cancelled_request_is_over() {
    let live = Live::start();
    let asked = submit(&live, "web", "test");
    let id = asked.id.to_string();
    let foreign = run(&mut live.gate("bob_approver", &["requests", "cancel", &id]));
    assert_ne!(foreign.code, Some(0), "{foreign:?}");
    assert_eq!(status(&live, &id), "pending");
    let cancelled = run(&mut live.gate("agent", &["requests", "cancel", &id]));
    assert_eq!(cancelled.code, Some(0), "{cancelled:?}");
    assert_eq!(status(&live, &id), "cancelled");
    let digest = asked.digest.to_string();
    let late = run(&mut live.gate(
        "bob_approver",
        &["approve", &id, "--yes", "--digest", &digest],
    ));
    assert_eq!(late.code, Some(64), "{late:?}");
}

#[test]
fn a_list_can_be_narrowed() {
    let live = Live::start();
    let first = submit(&live, "one", "test").id.to_string();
    let second = submit(&live, "two", "test").id.to_string();
    run(&mut live.gate("bob_approver", &["deny", &first]));
    let ids = |args: &[&str]| -> Vec<String> {
        let args = [&["requests", "list", "--json"], args].concat();
        let listed = run(&mut live.gate("alice_approver", &args));
        let page: Value =
            serde_json::from_str(&listed.stdout).unwrap_or_else(|_| panic!("{listed:?}"));
        let requests = page["requests"].as_array().unwrap();
        requests
            .iter()
            .map(|request| request["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&[]), [second.as_str(), &first]);
    assert_eq!(ids(&["--limit", "1"]), [second.as_str()]);
    assert_eq!(ids(&["--status", "denied"]), [first.as_str()]);
    assert_eq!(
        ids(&["--mine"]),
        [second.as_str(), &first],
        "alice owns the agent that asked"
    );
    let none: [&str; 0] = [];
    for (args, expected) in [
        (vec!["--text", "namespace TWO"], vec![second.as_str()]),
        (
            vec!["--tool", "kubectl", "--effect", "destroy", "--target", "on"],
            vec![&first],
        ),
        (vec!["--tool", "psql"], none.to_vec()),
        (vec!["--principal", "alice"], vec![&second, &first]),
        (vec!["--principal", "bob"], none.to_vec()),
        (vec!["--since", "2020-01-01", "--limit", "1"], vec![&second]),
        (vec!["--until", "2020-01-01"], none.to_vec()),
        (vec!["--for-me"], none.to_vec()),
    ] {
        assert_eq!(ids(&args), expected, "{args:?}");
    }
    let waits = run(&mut live.gate("bob_approver", &["requests", "list", "--for-me"]));
    assert!(
        waits.stdout.contains(&second) && !waits.stdout.contains(&first),
        "{waits:?}"
    );
    let both = ["requests", "list", "--for-me", "--mine"];
    assert_eq!(run(&mut live.gate("bob_approver", &both)).code, Some(64));
    let bobs = run(&mut live.gate("bob_approver", &["requests", "list", "--mine"]));
    assert_eq!((bobs.code, bobs.stdout.as_str()), (Some(0), ""), "{bobs:?}");
}

#[test]
fn an_abbreviation_that_names_none_or_many_is_refused_with_what_it_could_mean() {
    let live = Live::start();
    let first = submit(&live, "one", "test").id.to_string();
    let second = submit(&live, "two", "test").id.to_string();
    // UUIDv7 begins with the time, so both begin alike.
    let ambiguous = run(&mut live.gate(
        "bob_approver",
        &["requests", "show", first.get(..6).unwrap()],
    ));
    assert_eq!(ambiguous.code, Some(64), "{ambiguous:?}");
    assert!(
        ambiguous.stderr.contains(&first) && ambiguous.stderr.contains(&second),
        "{ambiguous:?}"
    );
    for text in [
        "abc",
        "ffffffffffff",
        "no id\u{1b}[2J",
        "",
        "01234567-0000-7000-8000-0000000000000",
    ] {
        let refused = run(&mut live.gate("bob_approver", &["requests", "show", text]));
        assert_eq!(refused.code, Some(64), "{text:?}: {refused:?}");
        assert!(!refused.stderr.contains('\u{1b}'), "{refused:?}");
    }
    let unknown = "01234567-0000-7000-8000-000000000000";
    let missing = run(&mut live.gate("bob_approver", &["requests", "show", unknown]));
    assert_eq!(missing.code, Some(64), "{missing:?}");
}

#[test]
fn a_watched_request_is_followed_to_its_end() {
    let live = Live::start();
    let id = submit(&live, "web", "test").id.to_string();
    let mut watching = live
        .gate("agent", &["requests", "watch", &id, "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = || -> Option<String> {
        let change: Value = serde_json::from_str(&told.next()?.unwrap()).unwrap();
        Some(change["status"].as_str().unwrap().to_owned())
    };
    assert_eq!(next().as_deref(), Some("pending"));
    let denied = run(&mut live.gate("bob_approver", &["deny", &id]));
    assert_eq!(denied.code, Some(0), "{denied:?}");
    assert_eq!(next().as_deref(), Some("denied"));
    assert_eq!(next(), None);
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}

#[test]
fn at_a_terminal_a_person_is_asked_and_anything_but_yes_is_no() {
    let within = Duration::from_secs(30);
    let live = Live::start();
    let mild = submit_as(&live, ("annotate", "write"), "web", "test");
    let id = mild.id.to_string();
    for (answer, after) in [
        ("\r", "pending"),
        ("n\r", "pending"),
        ("maybe\r", "pending"),
        ("y\r", "approved"),
    ] {
        let pty = Terminal::spawn(
            live.gate("bob_approver", &["approve", &id]),
            Size::default(),
        )
        .unwrap();
        pty.wait_for("as shown above?", within).unwrap();
        pty.send(answer).unwrap();
        assert_eq!(
            pty.exit_status(within).unwrap().code(),
            Some(0),
            "{answer:?}: {}",
            pty.screen()
        );
        assert_eq!(status(&live, &id), after, "{answer:?}");
    }
}

/// What the page wants typed is typed at a terminal too.
#[test]
fn at_a_terminal_what_destroys_is_approved_by_typing_what_it_is_about() {
    let within = Duration::from_secs(30);
    let live = Live::start();
    let ask = |id: &str, answer: &str| {
        let gate = live.gate("bob_approver", &["approve", id]);
        let terminal = Terminal::spawn(gate, Size::default()).unwrap();
        terminal.wait_for("to approve it, type", within).unwrap();
        assert!(terminal.screen().contains("can't be brought back"));
        terminal.send(format!("{answer}\r")).unwrap();
        let status = terminal.exit_status(within).unwrap();
        assert_eq!(status.code(), Some(0), "{answer:?}: {}", terminal.screen());
    };
    let shop = submit(&live, "shop", "test");
    let (id, digest) = (shop.id.to_string(), shop.digest.to_string());
    let cut = digest.get(..5).unwrap();
    for answer in ["", "y", "yes", "no", "shopping", cut, "namespace"] {
        ask(&id, answer);
        assert_eq!(status(&live, &id), "pending", "{answer:?}");
    }
    ask(&id, "shop");
    assert_eq!(status(&live, &id), "approved");
    let web = submit(&live, "web", "test");
    let (id, digest) = (web.id.to_string(), web.digest.to_string());
    ask(&id, &digest.get(..6).unwrap().to_uppercase());
    assert_eq!(status(&live, &id), "approved");
}

#[test]
fn what_was_typed_before_the_question_is_no_answer() {
    let within = Duration::from_secs(30);
    let live = Live::start();
    let mild = submit_as(&live, ("annotate", "write"), "web", "test");
    let id = mild.id.to_string();
    let server = Pid::from_raw(i32::try_from(live.ready["pid"].as_i64().unwrap()).unwrap());
    // While the server stands still, gate can't have asked yet.
    kill(server, Signal::SIGSTOP).unwrap();
    let gate = live.gate("bob_approver", &["approve", &id]);
    let terminal = Terminal::spawn(gate, Size::default()).unwrap();
    terminal.send("y\r").unwrap();
    kill(server, Signal::SIGCONT).unwrap();
    terminal.wait_for("as shown above?", within).unwrap();
    terminal.send("\r").unwrap();
    assert_eq!(
        terminal.exit_status(within).unwrap().code(),
        Some(0),
        "{}",
        terminal.screen()
    );
    assert_eq!(status(&live, &id), "pending");
}

#[test]
fn a_bad_environment_is_named_with_its_documented_exit_code() {
    let home = Home::new().unwrap();
    let listed = |variables: &[(&str, &str)]| {
        let mut command = home.command(GATE);
        run(command
            .args(["requests", "list"])
            .envs(variables.iter().copied()))
    };
    let server = ("GATE_SERVER", "http://127.0.0.1:9");
    for (variables, code, word) in [
        (vec![], 78, "no approval server"),
        (vec![("GATE_SERVER", "gate.example")], 78, "GATE_SERVER"),
        (vec![("GATE_SERVER", "http://gate.example")], 78, "https"),
        (vec![server], 78, "not logged in"),
        (vec![server, ("GATE_TOKEN", "a b")], 78, "token"),
        (
            vec![server, ("GATE_TOKEN", "gate_nothing")],
            69,
            "127.0.0.1:9",
        ),
    ] {
        let refused = listed(&variables);
        assert_eq!(refused.code, Some(code), "{variables:?}: {refused:?}");
        assert!(refused.stderr.contains(word), "{variables:?}: {refused:?}");
        assert!(
            refused
                .stderr
                .lines()
                .all(|line| line.starts_with("gate: ")),
            "{refused:?}"
        );
        assert!(!refused.stderr.contains("panicked"), "{refused:?}");
    }
    let live = Live::start();
    let mut unknown = live.gate("agent", &["requests", "list"]);
    let refused = run(unknown.env(
        "GATE_TOKEN",
        "gate_req_0000000000000000000000000000000000000000000",
    ));
    assert_eq!(refused.code, Some(78), "{refused:?}");
}

#[test]
fn a_malformed_flag_is_a_usage_error() {
    let home = Home::new().unwrap();
    for args in [
        vec!["requests", "list", "--status", "open"],
        vec!["requests", "list", "--limit", "0"],
        vec!["requests", "list", "--limit", "many"],
        vec!["requests", "list", "extra"],
        vec!["requests", "show"],
        vec!["approve"],
        vec!["deny"],
        vec!["deny", "id", "--yes"],
        vec!["frobnicate\u{1b}[2J"],
    ] {
        let refused = run(home.command(GATE).args(&args));
        assert_eq!(refused.code, Some(64), "{args:?}: {refused:?}");
        assert!(
            refused.stderr.starts_with("gate: ") && !refused.stderr.contains('\u{1b}'),
            "{refused:?}"
        );
    }
    let long = "x".repeat(501);
    let refused = run(home.command(GATE).args(["deny", "id", "--comment", &long]));
    assert_eq!(refused.code, Some(64), "{refused:?}");
}

/// Runs a command whose stdout nobody reads.
fn unread(command: &mut Command) -> (Option<i32>, Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), output.status.signal(), stderr)
}

#[test]
fn an_answer_that_nobody_reads_ends_gate_as_it_would_end_cat() {
    let home = Home::new().unwrap();
    let rule = "[[rule]]\nid = 'mine'\ntool = 'git'\ndecision = 'deny'\n";
    home.write(".config/gate/rules.d/mine.toml", rule).unwrap();
    for args in [
        vec!["completions", "bash"],
        vec!["man"],
        vec!["rules", "show"],
    ] {
        let (code, signal, stderr) = unread(home.command(GATE).args(&args));
        assert_eq!(
            (code, signal, stderr.as_str()),
            (None, Some(13), ""),
            "{args:?}"
        );
    }
    // What could not be shown is not approved.
    let live = Live::start();
    let asked = submit(&live, "web", "test");
    let (id, digest) = (asked.id.to_string(), asked.digest.to_string());
    let (_, signal, stderr) = unread(&mut live.gate(
        "bob_approver",
        &["approve", &id, "--yes", "--digest", &digest],
    ));
    assert_eq!((signal, stderr.as_str()), (Some(13), ""));
    assert_eq!(status(&live, &id), "pending");
}
