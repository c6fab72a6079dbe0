//! `gate rules`: mistakes, what is in force, and the way to the server and back.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "live/server.rs"]
mod server;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use gate_testkit::home::Home;
use serde_json::Value;
use server::{GATE, Live, run};

const GOOD: &str = "[[rule]]\nid = \"team/no-destroy\"\ntool = \"terraform\"\neffect = [\"destroy\"]\n\
                    decision = \"deny\"\nmessage = \"not from here\"\n";
const BAD: &str = "[[rule]]\nid = \"team/typo\"\ndesicion = \"deny\"\n\n[[rule]]\nid = \"team/what\"\ndecision = \"perhaps\"\n";

/// `gate` as somebody who trusts this server's key.
fn with_pinned_key(live: &Live, home: &Home, who: &str, args: &[&str]) -> Command {
    let url = live.said("/url");
    let key = live.said("/server/grant_key");
    let text = format!("[server]\nurl = '{url}'\n\n[keys]\n'{url}' = '{key}'\n");
    home.write(".config/gate/config.toml", text).unwrap();
    let mut command = home.command(GATE);
    command
        .args(args)
        .env("GATE_TOKEN", live.said(&format!("/tokens/{who}")));
    command
}

#[test]
fn every_mistake_is_a_line_with_its_place_and_its_mend() {
    let home = Home::new().unwrap();
    home.write("work/bad.toml", BAD).unwrap();
    home.write("work/good.toml", GOOD).unwrap();
    let checked = run(home
        .command(GATE)
        .args(["rules", "check", "good.toml", "bad.toml"]));
    assert_eq!(checked.code, Some(78), "{checked:?}");
    let lines: Vec<&str> = checked.stdout.lines().collect();
    assert!(lines.len() >= 2, "{checked:?}");
    assert!(
        lines.iter().all(|line| line.starts_with("bad.toml:")),
        "{checked:?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("bad.toml:3:1: ") && line.contains("`decision`")),
        "{checked:?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("bad.toml:7:12: ") && line.contains("perhaps")),
        "{checked:?}"
    );
    assert!(
        checked.stderr.contains("mistakes in the rules"),
        "{checked:?}"
    );
    let good = run(home.command(GATE).args(["rules", "check", "good.toml"]));
    assert_eq!(
        (good.code, good.stdout.as_str()),
        (Some(0), "no mistakes in 1 rule from 1 source\n"),
        "{good:?}"
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    let home = Home::new().unwrap();
    home.write("work/latin1.toml", [b'#', 0xe9, b'\n']).unwrap();
    for (args, code) in [
        (vec!["rules", "check", "missing\u{1b}[2J.toml"], 64),
        (vec!["rules", "check", "latin1.toml"], 78),
        (vec!["rules", "check", "--layer", "baseline", "x"], 64),
        (vec!["rules", "check", "--layer", "user"], 64),
        (vec!["rules", "push", "missing.toml"], 64),
        (vec!["check", "--rules", "missing.toml", "--", "ls"], 64),
        (vec!["check", "--rules", "latin1.toml", "--", "ls"], 78),
        (vec!["rules", "push"], 64),
        (vec!["rules", "push", "x", "--expected-version", "-1"], 64),
        (vec!["rules", "test"], 64),
        (vec!["rules", "test", "missing.toml"], 64),
        (vec!["rules", "test", "latin1.toml"], 78),
    ] {
        let refused = run(home.command(GATE).args(&args));
        assert_eq!(refused.code, Some(code), "{args:?}: {refused:?}");
        assert!(
            refused.stderr.starts_with("gate: ") && !refused.stderr.contains('\u{1b}'),
            "{refused:?}"
        );
    }
    // Help stands as it is, and is no answer.
    let help = run(home.command(GATE).arg("rules"));
    assert_eq!((help.code, &*help.stdout), (Some(64), ""), "{help:?}");
    assert!(help.stderr.contains("\nUsage: gate rules"), "{help:?}");
    home.write("work/torn.toml", "[[rule]\nid = ").unwrap();
    let torn = run(home.command(GATE).args(["rules", "check", "torn.toml"]));
    assert_eq!(torn.code, Some(78), "{torn:?}");
    assert!(torn.stdout.starts_with("torn.toml:1:"), "{torn:?}");
}

#[test]
fn an_allow_that_loosens_is_named() {
    let home = Home::new().unwrap();
    let allow = "[[rule]]\nid = \"team/writes\"\ntool = \"kubectl\"\neffect = \"write\"\ndecision = \"allow\"\n";
    home.write("work/allow.toml", allow).unwrap();
    let checked = run(home.command(GATE).args(["rules", "check", "allow.toml"]));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert_eq!(
        checked.stderr,
        "gate: note: allow.toml:1: rule `team/writes` allows what the baseline asks about: write\n"
    );
}

#[test]
fn the_rules_in_force_are_read_where_no_file_is_named() {
    let home = Home::new().unwrap();
    home.write(".config/gate/rules.d/mine.toml", GOOD).unwrap();
    let checked = run(home.command(GATE).args(["rules", "check"]));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let shown = run(home.command(GATE).args(["rules", "show"]));
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let row = shown
        .stdout
        .lines()
        .find(|line| line.contains("team/no-destroy"))
        .unwrap();
    assert!(
        row.starts_with("user") && row.contains("deny") && row.contains("mine.toml:1"),
        "{row}"
    );
    let json = run(home.command(GATE).args(["rules", "show", "--json"]));
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let rules = json["rules"].as_array().unwrap();
    assert!(
        rules
            .iter()
            .any(|rule| rule["rule"]["id"] == "team/no-destroy" && rule["decision"] == "deny")
    );
    home.write("work/.gate.toml", BAD).unwrap();
    let project = run(home.command(GATE).args(["rules", "check"]));
    assert_eq!(project.code, Some(78), "{project:?}");
    assert!(project.stdout.contains(".gate.toml:3:1: "), "{project:?}");
    let shown = run(home.command(GATE).args(["rules", "show"]));
    assert_eq!(
        shown.code,
        Some(78),
        "rules with a mistake are not shown as in force: {shown:?}"
    );
}

#[test]
fn pushed_rules_are_pulled_verified_and_in_force() {
    let live = Live::start();
    let home = Home::new().unwrap();
    home.write("work/rules.toml", GOOD).unwrap();
    let pushed = run(&mut with_pinned_key(
        &live,
        &home,
        "admin",
        &["rules", "push", "rules.toml"],
    ));
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    assert!(
        pushed.stdout.starts_with("version 2 of the server's rules"),
        "{pushed:?}"
    );
    let pulled = run(&mut with_pinned_key(
        &live,
        &home,
        "agent",
        &["rules", "pull"],
    ));
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    assert!(
        pulled
            .stdout
            .starts_with("version 2 of the server's rules is in force here"),
        "{pulled:?}"
    );
    let shown = run(&mut with_pinned_key(
        &live,
        &home,
        "agent",
        &["rules", "show"],
    ));
    let row = shown
        .stdout
        .lines()
        .find(|line| line.contains("team/no-destroy"))
        .unwrap();
    assert!(
        row.starts_with("server") && row.contains("version 2"),
        "{row}"
    );
}

#[test]
fn rules_are_pushed_by_an_admin_who_saw_what_they_replace() {
    let live = Live::start();
    let home = Home::new().unwrap();
    home.write("work/rules.toml", GOOD).unwrap();
    home.write("work/bad.toml", BAD).unwrap();
    let push = |who: &str, args: &[&str]| {
        run(&mut with_pinned_key(
            &live,
            &home,
            who,
            &[&["rules", "push"], args].concat(),
        ))
    };
    let mistaken = push("admin", &["bad.toml"]);
    assert_eq!(mistaken.code, Some(78), "{mistaken:?}");
    assert!(mistaken.stdout.contains("bad.toml:3:1: "), "{mistaken:?}");
    for who in ["agent", "alice_approver", "auditor"] {
        let refused = run(live
            .gate(who, &["rules", "push"])
            .arg(home.work().join("rules.toml")));
        assert_eq!(refused.code, Some(78), "{who}: {refused:?}");
    }
    let outdated = push("admin", &["rules.toml", "--expected-version", "7"]);
    assert_eq!(outdated.code, Some(64), "{outdated:?}");
    assert!(
        outdated.stderr.contains("version 1 is in force"),
        "{outdated:?}"
    );
    let in_time = push("admin", &["rules.toml", "--expected-version", "1"]);
    assert_eq!(in_time.code, Some(0), "{in_time:?}");
}

#[test]
fn rules_that_are_not_the_pinned_servers_or_too_old_are_not_taken() {
    let live = Live::start();
    let other = Live::start();
    let home = Home::new().unwrap();
    // The address of one server with the key of another: what a server in the middle looks like.
    let (url, key) = (live.said("/url"), other.said("/server/grant_key"));
    home.write(
        ".config/gate/config.toml",
        format!("[keys]\n'{url}' = '{key}'\n[server]\nurl = '{url}'\n"),
    )
    .unwrap();
    let token = live.said("/tokens/agent");
    let forged = run(home
        .command(GATE)
        .args(["rules", "pull"])
        .env("GATE_TOKEN", token));
    assert_eq!(forged.code, Some(69), "{forged:?}");
    let why = "does not prove that it has the key of that server";
    assert!(forged.stderr.contains(why), "{forged:?}");
    assert!(forged.stderr.contains("no token was sent"), "{forged:?}");

    let pulled = run(&mut with_pinned_key(
        &live,
        &home,
        "agent",
        &["rules", "pull"],
    ));
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    home.write(".local/state/gate/rules/highest-version", "9")
        .unwrap();
    let older = run(&mut with_pinned_key(
        &live,
        &home,
        "agent",
        &["rules", "pull"],
    ));
    assert_eq!(older.code, Some(78), "{older:?}");
    assert!(older.stderr.contains("older than version 9"), "{older:?}");
}

/// Versions of one server are not those of another, and nobody verifies one's rules by the other's key.
#[test]
fn rules_of_another_server_are_forgotten_once_this_one_has_answered() {
    let (first, second) = (Live::start(), Live::start());
    let home = Home::new().unwrap();
    home.write("work/rules.toml", GOOD).unwrap();
    for (live, who, args) in [
        (&first, "admin", &["rules", "push", "rules.toml"][..]),
        (&first, "agent", &["rules", "pull"]),
        (&second, "agent", &["rules", "pull"]),
    ] {
        let ran = run(&mut with_pinned_key(live, &home, who, args));
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
    }
    // A server that never had rules: what another one wanted holds nobody up.
    let init = run(home.command(GATE).args(["server", "init", "--data", "own"]));
    assert_eq!(init.code, Some(0), "{init:?}");
    let serve = [
        "server",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--data",
        "own",
    ];
    let mut server = home
        .command(GATE)
        .args(serve)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let said = |pointer: &str| ready.pointer(pointer).and_then(Value::as_str).unwrap();
    let (url, key) = (said("/url"), said("/server/grant_key"));
    let settings = format!("[server]\nurl = '{url}'\n\n[keys]\n'{url}' = '{key}'\n");
    home.write(".config/gate/config.toml", settings).unwrap();
    let gate = |args: &[&str]| {
        let mut gate = home.command(GATE);
        run(gate.args(args).env("GATE_TOKEN", init.stdout.trim()))
    };
    let held_up = gate(&["check", "--", "git", "log"]);
    assert_eq!(held_up.code, Some(78), "{held_up:?}");
    let pulled = gate(&["rules", "pull"]);
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    assert!(
        pulled.stdout.contains("of another server are forgotten"),
        "{pulled:?}"
    );
    assert_eq!(gate(&["check", "--", "git", "log"]).code, Some(0));
    server.kill().unwrap();
    server.wait().unwrap();
}

/// Rules of so many bytes, in which every character that JSON writes as two
/// bytes stands often.
fn rules_of(bytes: usize) -> String {
    let line = "# \"quoted\"\t\\\n";
    let mut text = GOOD.to_owned();
    text.push_str(&line.repeat((bytes - text.len()) / line.len()));
    text.push_str(&"#".repeat(bytes - text.len()));
    text
}

#[test]
fn rules_have_one_limit_in_a_file_at_the_server_and_on_the_way() {
    const LIMIT: usize = 8 << 20;
    let live = Live::start();
    let home = Home::new().unwrap();
    home.write("work/full.toml", rules_of(LIMIT)).unwrap();
    home.write("work/more.toml", rules_of(LIMIT + 1)).unwrap();
    let gate = |who: &str, args: &[&str]| run(&mut with_pinned_key(&live, &home, who, args));
    for args in [
        &["rules", "check", "full.toml"][..],
        &["rules", "push", "full.toml"],
    ] {
        let taken = gate("admin", args);
        assert_eq!(taken.code, Some(0), "{args:?}: {}", taken.stderr);
    }
    let pulled = gate("agent", &["rules", "pull"]);
    assert_eq!(pulled.code, Some(0), "{}", pulled.stderr);
    let shown = gate("agent", &["rules", "show"]);
    assert!(shown.stdout.contains("team/no-destroy"), "{}", shown.stderr);
    for args in [
        &["rules", "check", "more.toml"][..],
        &["rules", "push", "more.toml"],
        &["check", "--rules", "more.toml", "--", "ls"],
    ] {
        let refused = gate("admin", args);
        assert_eq!(refused.code, Some(78), "{args:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("8388608 bytes"), "{refused:?}");
    }
}
