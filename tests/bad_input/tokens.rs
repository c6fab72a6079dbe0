//! `GATE_TOKEN`, malformed or not good for this.

use std::process::Command;

use crate::http::Message;
use crate::stage::{Machine, Ran, Server, assert_told, run};

fn deploy_with(machine: &Machine, token: &str) -> Ran {
    run(machine.deploy("5s", "now").env("GATE_TOKEN", token))
}

#[test]
fn a_token_that_is_none_is_refused_before_anything_is_sent_and_not_repeated() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    let long = "hunter2".repeat(100);
    for token in [
        "hunter2 and more",
        " hunter2",
        "hunter2\n",
        "hunter2\t",
        "hunter2\u{1b}[2J",
        "hunter2\u{7f}",
        "hunter2é",
        "hunter2\u{202e}",
        long.as_str(),
    ] {
        let ran = deploy_with(&machine, token);
        assert_eq!(ran.code, Some(78), "{token:?}: {ran:?}");
        assert_told(token, &ran, "copy it again, whole, or unset GATE_TOKEN");
        assert!(ran.stderr.contains("GATE_TOKEN"), "{token:?}: {ran:?}");
        assert!(!ran.stderr.contains("hunter2"), "{token:?}: {ran:?}");
    }
    assert_eq!(machine.canary(), [""; 0]);
}

#[test]
fn a_token_of_another_role_asks_for_nothing() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    for who in ["bob_approver", "alice_approver", "auditor", "admin"] {
        let ran = deploy_with(&machine, server.token(who));
        assert_eq!(ran.code, Some(78), "{who}: {ran:?}");
        assert_told(who, &ran, "see `gate whoami`");
        assert!(!ran.stderr.contains(server.token(who)), "{who}: {ran:?}");
    }
    assert_eq!(machine.canary(), [""; 0]);
}

/// Makes a token for the agent and returns it with its id.
fn new_token(server: &Server) -> (String, String) {
    let body = r#"{"principal":"demo-agent","role":"requester","ttl_seconds":60}"#;
    let asked = Message::ask("POST", "/v1/tokens")
        .with("content-type", "application/json")
        .with_body(body);
    let made = server.ask("admin", asked).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("token"), text("id"))
}

#[test]
fn a_token_that_is_unknown_ended_or_taken_back_is_refused() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    let (ended, ended_id) = new_token(&server);
    let (revoked, revoked_id) = new_token(&server);
    let delete = Message::ask("DELETE", &format!("/v1/tokens/{revoked_id}"));
    assert_eq!(server.ask("admin", delete).status(), 204);
    // Its minute is over at once: nobody waits for it.
    let script = "import sqlite3, sys, glob\n\
        db = sqlite3.connect(glob.glob(sys.argv[1] + '/*.db')[0], timeout=30)\n\
        with db: assert db.execute('UPDATE tokens SET expires_at = 1 WHERE id = ?', \
        (sys.argv[2],)).rowcount == 1\n";
    let aged = Command::new("python3")
        .args(["-c", script])
        .arg(server.data())
        .arg(&ended_id)
        .output()
        .unwrap();
    assert!(aged.status.success(), "{aged:?}");
    let mut unknown = server.token("agent").to_owned();
    let last = unknown.pop().unwrap();
    unknown.push(if last == 'a' { 'b' } else { 'a' });
    for (case, token) in [
        ("unknown", unknown.as_str()),
        ("not ours at all", "hunter2"),
        ("ended", &ended),
        ("revoked", &revoked),
    ] {
        let ran = deploy_with(&machine, token);
        assert_eq!(ran.code, Some(78), "{case}: {ran:?}");
        assert_told(case, &ran, "run `gate login`, or set another GATE_TOKEN");
        assert!(!ran.stderr.contains(token), "{case}: {ran:?}");
    }
    assert_eq!(machine.canary(), [""; 0]);
}
