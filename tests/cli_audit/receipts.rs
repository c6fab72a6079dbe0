//! "A receipt with no matching leaf proves deletion": what the server handed out is kept, and the
//! log is held against it.

use std::fs;
use std::path::PathBuf;

use gate_protocol::canonical::to_canonical_bytes;
use serde_json::Value;

use crate::delivery::Machine;
use crate::server::{GATE, Ran, run};

/// A machine on which a command was approved and has run.
pub(crate) fn machine_after_a_run() -> Machine {
    let machine = Machine::new();
    machine.write_program("deploy", "exit 7");
    let command = ["run", "--no-wait", "--", "deploy"];
    let asked = machine.gate(&command);
    assert_eq!(asked.code, Some(75), "{asked:?}");
    machine.approve_newest();
    let ran = machine.gate(&command);
    assert_eq!(ran.code, Some(7), "{ran:?}");
    machine
}

fn file(machine: &Machine) -> PathBuf {
    machine.home.state().join("gate/receipts.jsonl")
}

pub(crate) fn kept(machine: &Machine) -> Vec<Value> {
    let text = fs::read_to_string(file(machine)).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) fn keep(machine: &Machine, receipts: &[Value]) {
    let lines = receipts.iter().map(|receipt| format!("{receipt}\n"));
    fs::write(file(machine), lines.collect::<String>()).unwrap();
}

/// The record of a receipt, with another value of a member.
pub(crate) fn with_record(receipt: &Value, member: &str, value: Value) -> Value {
    let mut receipt = receipt.clone();
    let text = match receipt["what"].get_mut("record") {
        Some(text) => text,
        None => receipt["what"]["claim"].get_mut("record").unwrap(),
    };
    let mut record: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
    record[member] = value;
    let bytes = to_canonical_bytes(&record).unwrap();
    *text = Value::from(String::from_utf8(bytes).unwrap());
    receipt
}

/// An auditor who sits at the same machine.
fn live(machine: &Machine) -> Ran {
    let mut gate = machine.home.command(GATE);
    let gate = gate.env("GATE_TOKEN", machine.live.said("/tokens/auditor"));
    run(gate.args(["audit", "verify", "--live"]))
}

#[test]
fn a_claim_and_its_outcome_leave_receipts_and_the_log_has_them() {
    let machine = machine_after_a_run();
    let receipts = kept(&machine);
    let types: Vec<String> = receipts
        .iter()
        .map(|receipt| {
            let what = &receipt["what"];
            let record = what.get("record").unwrap_or(&what["claim"]["record"]);
            let record: Value = serde_json::from_str(record.as_str().unwrap()).unwrap();
            record["type"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(types, ["grant.claimed", "run.started", "run.finished"]);
    // Who asks needs no right to read the log.
    let own = machine.gate(&["audit", "verify", "--receipts"]);
    let said = "verified: 3 receipts, and the log has each\n";
    assert_eq!((own.code, own.stdout.as_str()), (Some(0), said), "{own:?}");
    let one = machine.gate(&[
        "audit",
        "verify",
        "--receipt",
        file(&machine).to_str().unwrap(),
    ]);
    assert_eq!((one.code, one.stdout.as_str()), (Some(0), said), "{one:?}");
    let whole = live(&machine);
    assert_eq!(whole.code, Some(0), "{whole:?}");
    assert!(
        whole.stdout.contains("receipts: 3 are kept here"),
        "{whole:?}"
    );
}

#[test]
fn a_receipt_without_its_record_proves_that_it_was_removed() {
    let machine = machine_after_a_run();
    let good = kept(&machine);
    let size = 9_000;
    for (at, member, value) in [
        (0, "ts", Value::from("2026-01-01T00:00:00.000Z")),
        (2, "type", Value::from("run.abandoned")),
        (1, "seq", Value::from(size)),
    ] {
        let other = with_record(&good[at], member, value);
        let mut replaced = good.clone();
        replaced[at] = other.clone();
        // Also where the server handed out another one for the same place afterwards.
        let contradicted = [vec![other], good.clone()].concat();
        for receipts in [replaced, contradicted] {
            keep(&machine, &receipts);
            for refused in [
                machine.gate(&["audit", "verify", "--receipts"]),
                live(&machine),
            ] {
                assert_eq!(refused.code, Some(1), "{member}: {refused:?}");
                assert!(
                    refused.stdout.starts_with("first bad record: "),
                    "{refused:?}"
                );
            }
        }
    }
    fs::write(file(&machine), "{\"torn\n").unwrap();
    assert_eq!(live(&machine).code, Some(0));
    let none = machine.gate(&[
        "audit",
        "verify",
        "--receipt",
        file(&machine).to_str().unwrap(),
    ]);
    assert_eq!(none.code, Some(64), "{none:?}");
}
