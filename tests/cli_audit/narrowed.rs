//! The log by who, when, and what has no end.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::delivery::Machine;
use crate::live_with_history;
use crate::server::{GATE, run};

#[test]
fn the_log_is_narrowed_by_who_did_it_and_when() {
    let (live, _) = live_with_history();
    let types = |args: &[&str]| -> Vec<String> {
        let ran = run(&mut live.gate("auditor", &[&["audit", "log", "--json"], args].concat()));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let records = ran.stdout.lines();
        records
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].clone())
            .map(|kind| kind.as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(types(&["--actor", "bob"]), ["decision.recorded"]);
    assert_eq!(types(&["--actor", "nobody"]), [""; 0]);
    let about = ["--type", "request"];
    assert_eq!(
        types(&[&about[..], &["--since", "2000-01-01"]].concat()).len(),
        3
    );
    assert_eq!(types(&["--until", "2000-01-01T00:00:00Z"]), [""; 0]);
    assert_eq!(types(&["--since", "2100-01-01"]), [""; 0]);
    let refused = run(&mut live.gate("auditor", &["audit", "log", "--since", "noon"]));
    assert_eq!(refused.code, Some(64), "{refused:?}");
}

/// Returns the claims that have no end, as an auditor is told them.
fn open(machine: &Machine) -> String {
    let args = ["audit", "open", "--json"];
    let ran = run(&mut machine.live.gate("auditor", &args));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout
}

/// Runs `deploy` once it is approved, and returns when its start is on record.
fn under_way(machine: &Machine) -> (String, Child) {
    let command = ["run", "--no-wait", "--", "deploy"];
    assert_eq!(machine.gate(&command).code, Some(75));
    let id = machine.approve_newest();
    let mut gate = machine.home.command(GATE);
    let running = gate.args(command).stdin(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while !open(machine).contains("\"started_at\":\"") && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(100));
    }
    (id, running)
}

#[test]
fn a_claim_is_open_until_its_end_is_on_record() {
    let machine = Machine::new();
    let open = || open(&machine);
    assert_eq!(open(), "");
    machine.write_program("deploy", "exec sleep 300");
    let (id, mut running) = under_way(&machine);
    let claim: Value = serde_json::from_str(open().trim_end()).unwrap();
    assert_eq!(claim["request"], id.as_str());
    let table = run(&mut machine.live.gate("auditor", &["audit", "open"]));
    assert!(table.stdout.contains(&id), "{table:?}");
    let pid = running.id().to_string();
    let killed = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(killed.success());
    running.wait().unwrap();
    assert_eq!(machine.gate(&["audit", "flush"]).code, Some(0));
    assert_eq!(open(), "");
}

/// docs/audit.md: "where the events of the client after the start are missing, or it began anew, the
/// end is `gap`".
#[test]
fn a_claim_whose_client_lost_its_queue_ends_as_a_gap() {
    let machine = Machine::new();
    let open = || open(&machine);
    machine.write_program("deploy", "exec sleep 20");
    machine.write_program("kubectl", "");
    let (id, mut running) = under_way(&machine);
    running.kill().unwrap();
    running.wait().unwrap();
    let claim: Value = serde_json::from_str(open().trim_end()).unwrap();
    assert_eq!(
        (&claim["request"], &claim["end"]),
        (&id.into(), &Value::Null)
    );
    std::fs::remove_file(machine.home.state().join("gate/spool/events.jsonl")).unwrap();
    let read = ["run", "--", "kubectl", "get", "pods"];
    assert_eq!(machine.gate(&read).code, Some(0));
    assert_eq!(machine.gate(&["audit", "flush"]).code, Some(0));
    let claim: Value = serde_json::from_str(open().trim_end()).unwrap();
    assert_eq!(claim["end"], "gap");
    let table = run(&mut machine.live.gate("auditor", &["audit", "open"]));
    assert!(table.stdout.contains(" gap "), "{table:?}");
}
