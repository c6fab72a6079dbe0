//! Receipts that are whole: record, proof and signed head, kept by who ran the command, verified when
//! the server is gone, by gate and by the verifier that shares no code with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gate_testkit::home::Home;
use serde_json::Value;

use crate::delivery::Machine;
use crate::receipts::{keep, kept, machine_after_a_run, with_record};
use crate::server::{GATE, Ran, run};

const FETCHED: &str = "delivered 0 events\nfetched the proofs of 3 receipts\n";

fn proofs(home: &Home) -> PathBuf {
    home.state().join("gate/proofs.jsonl")
}

/// What both verifiers say of a proof, without anything else at hand.
pub(crate) fn by_both(proof: &Path, log: &str) -> [Ran; 2] {
    let home = Home::new().unwrap();
    let mut gate = home.command(GATE);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify_proof.py");
    let mut python = Command::new("python3");
    python.arg(script).arg("proof").arg(proof).arg(log);
    [
        run(gate.args(["audit", "verify", "--key", log]).arg(proof)),
        run(&mut python),
    ]
}

#[test]
fn a_receipt_is_whole_once_its_proof_was_fetched_and_needs_no_server_then() {
    let machine = machine_after_a_run();
    let log = machine.live.said("/server/log_key").to_owned();
    let without_a_key = machine.gate(&["audit", "receipts"]);
    assert_eq!(without_a_key.code, Some(78), "{without_a_key:?}");
    let early = machine.gate(&["audit", "receipts", "--key", &log]);
    assert_eq!(early.code, Some(0), "{early:?}");
    assert_eq!(
        early.stdout.matches("not fetched yet").count(),
        3,
        "{early:?}"
    );
    let flushed = machine.gate(&["audit", "flush"]);
    assert_eq!(
        (flushed.code, &*flushed.stdout),
        (Some(0), FETCHED),
        "{flushed:?}"
    );
    // They are there, and a log without witnesses has no better ones.
    let again = machine.gate(&["audit", "flush"]);
    assert_eq!(
        (again.code, &*again.stdout),
        (Some(0), "delivered 0 events\n"),
        "{again:?}"
    );

    let Machine { live, home } = machine;
    drop(live);
    let gate = |args: &[&str]| run(home.command(GATE).args(args));
    let out = home.path().join("receipts");
    let shown = gate(&[
        "audit",
        "receipts",
        "--json",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let lines = shown.stdout.lines();
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let types: Vec<&str> = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["grant.claimed", "run.started", "run.finished"]);
    for line in &lines {
        assert_eq!(line["proof"], "holds", "{line}");
        let file = out.join(format!("{}.tlog-proof", line["seq"]));
        for verified in by_both(&file, &log) {
            assert_eq!(verified.code, Some(0), "{verified:?}");
        }
        assert_each_change_is_refused(&file, &log);
    }
    assert_nothing_else_is_taken(&home);
}

/// Another log's key, and what somebody changed in what is kept.
fn assert_nothing_else_is_taken(home: &Home) {
    let gate = |args: &[&str]| run(home.command(GATE).args(args));
    let stranger = "gate-808b18cf/audit+483f56d4+ARFJI05OTRI2L9Aaj3QA88Yd7MLTpRJo5IfJ8kVyOujx";
    let of_another = gate(&["audit", "receipts", "--key", stranger]);
    assert_eq!(of_another.code, Some(1), "{of_another:?}");
    let text = fs::read_to_string(proofs(home)).unwrap();
    let (head, index) = ("index ", "index 1");
    fs::write(proofs(home), text.replacen(head, index, 1)).unwrap();
    let changed = gate(&["audit", "receipts"]);
    assert_eq!(changed.code, Some(1), "{changed:?}");
    assert!(changed.stdout.contains("does not hold: "), "{changed:?}");
}

fn assert_each_change_is_refused(file: &Path, log: &str) {
    let good = fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    for at in 1..lines.len() {
        if lines[at].is_empty() {
            continue;
        }
        let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        // A digit of base64 or of a number in the middle of the line becomes another one.
        let middle = changed[at].len() / 2;
        let middle = (middle..changed[at].len())
            .find(|at_byte| lines[at].as_bytes()[*at_byte].is_ascii_alphanumeric())
            .unwrap();
        let other = if lines[at].as_bytes()[middle] == b'2' {
            "3"
        } else {
            "2"
        };
        changed[at].replace_range(middle..=middle, other);
        fs::write(file, changed.join("\n") + "\n").unwrap();
        for refused in by_both(file, log) {
            assert_eq!(refused.code, Some(1), "line {at}: {refused:?}");
        }
    }
    fs::write(file, good).unwrap();
}

#[test]
fn a_record_that_the_server_does_not_prove_is_an_alarm_of_the_flush() {
    let machine = machine_after_a_run();
    let mut receipts = kept(&machine);
    receipts[1] = with_record(&receipts[1], "seq", Value::from(9_000));
    keep(&machine, &receipts);
    let flushed = machine.gate(&["audit", "flush"]);
    assert_eq!(flushed.code, Some(1), "{flushed:?}");
    assert!(
        flushed.stdout.contains("first bad record: 9000\n"),
        "{flushed:?}"
    );
    // What comes before it is kept all the same.
    let text = fs::read_to_string(proofs(&machine.home)).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
}

/// Who never runs `gate audit flush` has the proofs of one run when the next one waits for people.
#[test]
fn a_wait_for_people_fetches_the_proofs_of_the_run_before_and_tells_what_is_gone() {
    let machine = machine_after_a_run();
    machine.write_program("other", "exit 0");
    let waits = |program: &str, proofs_then: usize| {
        let mut gate = machine.home.command(GATE);
        gate.args(["run", "--", program]).stderr(Stdio::piped());
        let gate = gate.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let count = || {
            let text = fs::read_to_string(proofs(&machine.home));
            text.unwrap_or_default().lines().count()
        };
        while count() < proofs_then && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(count(), proofs_then);
        wait_until_asked(&machine);
        machine.approve_newest();
        gate.wait_with_output().unwrap()
    };
    let sound = waits("other", 3);
    assert_eq!(sound.status.code(), Some(0), "{sound:?}");
    assert!(
        !String::from_utf8_lossy(&sound.stderr).contains("does not prove"),
        "{sound:?}"
    );
    let mut receipts = kept(&machine);
    receipts[5] = with_record(&receipts[5], "seq", Value::from(9_000));
    keep(&machine, &receipts);
    machine.write_program("third", "exit 0");
    let warned = waits("third", 5);
    assert_eq!(warned.status.code(), Some(0), "{warned:?}");
    let said = "gate: warning: the server handed out record 9000, and does not prove it";
    assert!(
        String::from_utf8_lossy(&warned.stderr).contains(said),
        "{warned:?}"
    );
}

fn wait_until_asked(machine: &Machine) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let pending = ["requests", "list", "--json", "--status", "pending"];
    while !machine.gate(&pending).stdout.contains("\"pending\"") {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(50));
    }
}
