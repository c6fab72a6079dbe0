//! What a machine reports of commands that nobody was asked about, and how it gets to the log.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

use gate_protocol::event::SHOWN_LIMIT_BYTES;
use gate_testkit::home::Home;
use serde_json::Value;

use crate::server::{GATE, Live, Ran, run};

/// The owner's word that everything may pass, and that somebody wants to know how it ends.
const UNTIL_ITS_END: &str = "[[rule]]\nid = \"team/until-its-end\"\neverything = true\n\
                             decision = \"allow\"\nrecord = \"outcome\"\n";

/// A machine whose commands are the agent's.
pub(crate) struct Machine {
    pub(crate) live: Live,
    pub(crate) home: Home,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let live = Live::start();
        let mut home = Home::new().unwrap();
        let (url, key) = (live.said("/url"), live.said("/server/grant_key"));
        let text = format!("[server]\nurl = '{url}'\n\n[keys]\n'{url}' = '{key}'\n");
        home.write(".config/gate/config.toml", text).unwrap();
        home.set("GATE_TOKEN", live.said("/tokens/agent"));
        Self { live, home }
    }

    fn with_rules(text: &str) -> Self {
        let machine = Self::new();
        let rules = machine.home.write("rules.toml", text).unwrap();
        let push = ["rules", "push", rules.to_str().unwrap()];
        let pushed = run(&mut machine.live.gate("admin", &push));
        assert_eq!(pushed.code, Some(0), "{pushed:?}");
        let pulled = machine.gate(&["rules", "pull"]);
        assert_eq!(pulled.code, Some(0), "{pulled:?}");
        machine
    }

    pub(crate) fn gate(&self, args: &[&str]) -> Ran {
        run(self.home.command(GATE).args(args))
    }

    /// Puts a program on PATH that no profile knows, so that it asks.
    pub(crate) fn write_program(&self, name: &str, shell: &str) {
        let program = self.home.bin().join(name);
        fs::write(&program, format!("#!/bin/sh\n{shell}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Approves the newest request, and returns its id.
    pub(crate) fn approve_newest(&self) -> String {
        let listed = self.gate(&["requests", "list", "--json"]);
        let page: Value = serde_json::from_str(&listed.stdout).unwrap();
        let part = |name: &str| page["requests"][0][name].as_str().unwrap();
        let (id, digest) = (part("id"), part("digest"));
        let approve = ["approve", id, "--yes", "--digest", digest];
        let approved = run(&mut self.live.gate("bob_approver", &approve));
        assert_eq!(approved.code, Some(0), "{approved:?}");
        id.to_owned()
    }

    /// How a command ends by `gate run`.
    pub(crate) fn ends(&self, command: &[&str]) -> ExitStatus {
        let mut gate: Command = self.home.command(GATE);
        gate.args(["run", "--"]).args(command);
        gate.output().unwrap().status
    }

    /// The bodies of the records of a type, by what the server's log says.
    fn bodies(&self, record_type: &str) -> Vec<Value> {
        let args = ["audit", "log", "--json", "--type", record_type];
        let log = run(&mut self.live.gate("auditor", &args));
        assert_eq!(log.code, Some(0), "{log:?}");
        let records = log.stdout.lines();
        records
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["body"].clone())
            .collect()
    }

    fn flush(&self, events: usize) {
        let flushed = self.gate(&["audit", "flush"]);
        let expected = format!("delivered {events} events\n");
        assert_eq!(
            (flushed.code, flushed.stdout.as_str()),
            (Some(0), &*expected),
            "{flushed:?}"
        );
    }
}

/// docs/rules.md: "`\"outcome\"`: and how it ended".
#[test]
fn the_outcome_of_an_allowed_command_gets_to_the_log_where_its_rule_wants_it() {
    let machine = Machine::with_rules(UNTIL_ITS_END);
    let script = machine.home.bin().join("orphan");
    fs::write(&script, "#!/nonexistent/interpreter\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(machine.ends(&["sh", "-c", "exit 7"]).code(), Some(7));
    let killed = machine.ends(&["sh", "-c", "kill -TERM $$"]);
    assert_eq!(killed.signal(), Some(15));
    assert_eq!(machine.ends(&["orphan"]).code(), Some(127));
    let verified = machine.gate(&["audit", "verify", "--spool"]);
    assert_eq!(
        (verified.code, verified.stdout.as_str()),
        (
            Some(0),
            "verified: 6 events in one chain, 6 not confirmed by the server yet\n"
        ),
        "{verified:?}"
    );
    machine.flush(6);
    let (allowed, finished) = (
        machine.bodies("allow.recorded"),
        machine.bodies("allow.finished"),
    );
    assert_eq!((allowed.len(), finished.len()), (3, 3));
    for (allowed, finished) in allowed.iter().zip(&finished) {
        assert_eq!(allowed["hash"], finished["decided"]);
        assert_eq!(allowed["decided"]["rule"], "team/until-its-end");
    }
    let outcome = |at: usize, name: &str| finished[at]["outcome"][name].clone();
    assert_eq!(outcome(0, "exit_code"), 7);
    assert_eq!(outcome(1, "signal"), 15);
    assert_eq!(outcome(1, "exit_code"), Value::Null);
    let why = outcome(2, "not_run");
    assert!(why.as_str().unwrap().contains("orphan"), "{why}");
    let log = run(&mut machine.live.gate("auditor", &["audit", "verify", "--live"]));
    assert_eq!(log.code, Some(0), "{log:?}");
}

/// A rule that wants less costs no supervision and leaves no outcome.
#[test]
fn a_command_is_replaced_and_has_no_outcome_where_no_rule_wants_one() {
    let machine = Machine::with_rules(&UNTIL_ITS_END.replace("outcome", "decision"));
    assert_eq!(machine.ends(&["sh", "-c", "exit 7"]).code(), Some(7));
    machine.flush(1);
    assert_eq!(machine.bodies("allow").len(), 1);
}

/// One word is at most 128 KiB (execve(2)), so a long command has many.
#[test]
fn commands_of_any_length_are_recorded_visibly_shortened_and_all_of_them_arrive() {
    let machine = Machine::new();
    let word = "y".repeat(100_000);
    let long = [&["git", "status", "--"][..], &[word.as_str(); 12]].concat();
    machine.ends(&long);
    for _ in 0..20 {
        machine.ends(&["git", "status", "--", &word]);
    }
    let folder = machine.home.state().join("gate/spool");
    let files = fs::read_dir(&folder).unwrap();
    let names: Vec<_> = files.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_string_lossy().starts_with("damaged-")),
        "{names:?}"
    );
    machine.flush(21);
    let bodies = machine.bodies("allow.recorded");
    assert_eq!(bodies.len(), 21);
    for (at, body) in bodies.iter().enumerate() {
        let decided = &body["decided"];
        let shown = decided["shown"].as_str().unwrap();
        assert!(shown.starts_with("git status -- yyy"), "{at}");
        assert!(shown.ends_with('…') && shown.len() <= SHOWN_LIMIT_BYTES);
        let words = if at == 0 { 12 } else { 1 };
        let whole = format!("git status --{}", format!(" {word}").repeat(words));
        assert_eq!(decided["whole"]["bytes"], whole.len());
        let sha256 = gate_protocol::canonical::Digest::of_bytes(whole.as_bytes());
        assert_eq!(decided["whole"]["sha256"], sha256.to_string());
    }
}

#[test]
fn a_queue_that_began_again_verifies_and_is_delivered() {
    let machine = Machine::new();
    machine.ends(&["git", "--version"]);
    machine.ends(&["git", "--version"]);
    machine.flush(2);
    let queue = machine.home.state().join("gate/spool/events.jsonl");
    fs::remove_file(&queue).unwrap();
    let gone = machine.gate(&["audit", "verify", "--spool"]);
    assert_eq!(gone.code, Some(1), "{gone:?}");
    assert!(gone.stderr.contains("the queue is gone"), "{gone:?}");
    machine.ends(&["git", "--version"]);
    let verified = machine.gate(&["audit", "verify", "--spool"]);
    assert_eq!(
        (verified.code, verified.stdout.as_str()),
        (
            Some(0),
            "verified: 1 events in one chain, 1 not confirmed by the server yet\n"
        ),
        "{verified:?}"
    );
    machine.flush(1);
    assert_eq!(machine.bodies("client.epoch_reset").len(), 1);
    let text = fs::read_to_string(&queue).unwrap();
    fs::write(&queue, text.replace("\"tool\":\"git\"", "\"tool\":\"gut\"")).unwrap();
    let changed = machine.gate(&["audit", "verify", "--spool"]);
    assert_eq!(
        (changed.code, changed.stdout.as_str()),
        (Some(1), "first bad record: line 1\n"),
        "{changed:?}"
    );
}

/// docs/audit.md: "`forked-ID.jsonl`, whose undelivered events went on in the next queue".
#[test]
fn a_queue_that_went_on_from_an_older_copy_is_counted() {
    let machine = Machine::new();
    let queue = machine.home.state().join("gate/spool/events.jsonl");
    machine.ends(&["git", "--version"]);
    let older = fs::read(&queue).unwrap();
    machine.ends(&["git", "--version"]);
    machine.flush(2);
    fs::write(&queue, older).unwrap();
    fs::remove_file(queue.with_file_name("position")).unwrap();
    machine.ends(&["git", "--version"]);
    machine.flush(2);
    assert_eq!(machine.bodies("client.fork").len(), 1);
    let verified = machine.gate(&["audit", "verify", "--spool"]);
    let said = "verified: 1 events in one chain, 0 not confirmed by the server yet\n\
                older queues whose undelivered events went on in the next one: 1\n";
    assert_eq!(
        (verified.code, verified.stdout.as_str()),
        (Some(0), said),
        "{verified:?}"
    );
}

#[test]
fn a_changed_event_of_the_queue_is_named_and_the_link_that_tells() {
    let machine = Machine::new();
    for _ in 0..3 {
        machine.ends(&["git", "--version"]);
    }
    let queue = machine.home.state().join("gate/spool/events.jsonl");
    let text = fs::read_to_string(&queue).unwrap();
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    lines[1] = lines[1].replace("\"tool\":\"git\"", "\"tool\":\"gut\"");
    fs::write(&queue, lines.concat()).unwrap();
    let changed = machine.gate(&["audit", "verify", "--spool"]);
    assert_eq!(
        (changed.code, changed.stdout.as_str()),
        (
            Some(1),
            "first bad record: line 2, or the link to it in 3\n"
        ),
        "{changed:?}"
    );
}
