//! Denials that are not known as such: in what can't be read, and in what was never answered here.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::agent::Running;

use super::{
    Agent, KUBECTL, Live, MEMORY, RESTART, Ran, answered, approvals, approved, ask, decisions,
    exported, from_lines, gate, in_home, lines, remembered, run,
};

fn stage(live: &Live) -> Agent<'_> {
    let agent = Agent::new(live);
    agent.home.script("kubectl", KUBECTL).unwrap();
    agent
}

/// Returns an agent whose command was approved often enough for a rule.
fn approved_often(live: &Live) -> Agent<'_> {
    let agent = stage(live);
    for _ in 0..3 {
        approved(&agent, RESTART);
    }
    agent
}

fn suggest(agent: &Agent<'_>) -> Ran {
    let suggested = run(&mut gate(agent, &["rules", "suggest"]));
    assert_eq!(suggested.code, Some(0), "{suggested:?}");
    suggested
}

/// Fails unless what is remembered proposes nothing, as this place of it can't be read.
#[track_caller]
fn assert_unread(agent: &Agent<'_>, memory: &str, place: &str) {
    agent.home.write(MEMORY, memory).unwrap();
    let suggested = suggest(agent);
    assert_eq!(suggested.stdout, "", "{suggested:?}");
    for said in [
        &format!("{place}: this gate can't read it"),
        "what could not be read may be a denial of it (approved 3, denied 0)",
        "nothing is proposed to allow",
        "`gate rules suggest --server`",
    ] {
        assert!(suggested.stderr.contains(said), "{said}: {suggested:?}");
    }
}

#[test]
fn a_denial_that_can_not_be_read_lets_nothing_be_allowed() {
    let live = Live::start();
    let agent = stage(&live);
    let request = remembered(&agent, RESTART);
    let approvals = approvals(&request);
    let denial = answered(&request, "denied", 9);
    agent.home.write(MEMORY, lines(&approvals)).unwrap();
    let suggested = suggest(&agent);
    assert!(
        suggested.stdout.contains("decision = \"allow\""),
        "{suggested:?}"
    );

    let mut other_field = denial.clone();
    other_field["invocation"]["colour"] = json!("red");
    let mut other_form = denial.clone();
    other_form["invocation"]["v"] = json!(2);
    for unread in [other_field, other_form] {
        let memory = lines(&approvals) + &lines(&[unread]);
        assert_unread(&agent, &memory, "answers.jsonl:4");
    }
    // A crash cuts a line off.
    let cut = denial.to_string();
    let memory = lines(&approvals) + cut.get(..cut.len() / 2).unwrap();
    assert_unread(&agent, &memory, "answers.jsonl:4");

    // A denial that is read makes a rule, whatever else is not.
    let memory = lines(&approvals) + &lines(&[denial]) + "{}\n";
    agent.home.write(MEMORY, memory).unwrap();
    let suggested = suggest(&agent);
    assert!(
        suggested.stdout.contains("decision = \"require_approval\""),
        "{suggested:?}"
    );
}

/// Returns the records with another body where `change` changes it; what chains them is not read.
fn changed(records: &str, change: impl Fn(&mut Value)) -> Vec<Value> {
    let records = records
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let mut records: Vec<Value> = records.collect();
    records.iter_mut().for_each(change);
    records
}

#[test]
fn a_record_that_can_not_be_read_lets_nothing_be_allowed() {
    let live = Live::start();
    let agent = approved_often(&live);
    let records = exported(&live, &agent).join("records.jsonl");
    let records = fs::read_to_string(records).unwrap();
    let (whole, _) = from_lines(&agent, &changed(&records, |_| {}));
    assert_eq!(decisions(&whole), ["allow"], "{whole}");
    assert_eq!(whole["unread"], json!([]));

    let of = |kind: &'static str, field: &'static str, value: Value| {
        changed(&records, move |record| {
            if record["type"] == kind {
                record["body"][field] = value.clone();
            }
        })
    };
    let renamed = changed(&records, |record| {
        if record["type"] == "run.finished" {
            record["type"] = json!("decision.withdrawn");
        }
    });
    for records in [
        of("request.created", "invocation", json!({ "v": 2 })),
        of("decision.recorded", "status", json!("vetoed")),
        of("decision.recorded", "answer", json!("maybe")),
        renamed,
    ] {
        let records = [&records[..], &approvals(&remembered(&agent, RESTART))].concat();
        let (suggested, told) = from_lines(&agent, &records);
        assert_eq!(decisions(&suggested), [""; 0], "{suggested}");
        let unread = suggested["unread"].as_array().unwrap();
        assert_eq!(unread.len(), 3, "{suggested}");
        assert!(told.stderr.contains("left out: given.jsonl:"), "{told:?}");
    }
}

#[test]
fn a_denial_whose_command_is_not_in_the_log_lets_nothing_be_allowed() {
    let live = Live::start();
    let agent = stage(&live);
    let id = ask(&agent, &["kubectl", "-n", "prod", "delete", "pod", "web-1"]);
    let denied = run(&mut live.gate("bob_approver", &["deny", &id]));
    assert_eq!(denied.code, Some(0), "{denied:?}");
    let records = exported(&live, &agent).join("records.jsonl");
    let records = changed(&fs::read_to_string(records).unwrap(), |_| {});
    let decision = records
        .into_iter()
        .find(|record| record["type"] == "decision.recorded");
    let lines = [
        approvals(&remembered(&agent, RESTART)),
        vec![decision.unwrap()],
    ]
    .concat();
    let (suggested, _) = from_lines(&agent, &lines);
    assert_eq!(decisions(&suggested), [""; 0], "{suggested}");
    let unread = suggested["unread"][0].as_str().unwrap();
    assert_eq!(
        unread,
        format!("the command of request {id}, which was denied")
    );
}

#[test]
fn an_answer_that_this_machine_never_heard_lets_nothing_be_allowed() {
    let live = Live::start();
    let agent = approved_often(&live);
    assert!(suggest(&agent).stdout.contains("decision = \"allow\""));
    // Denied, and never run again: only the server knows.
    let id = ask(&agent, RESTART);
    let denied = run(&mut live.gate("bob_approver", &["deny", &id]));
    assert_eq!(denied.code, Some(0), "{denied:?}");
    let suggested = suggest(&agent);
    assert_eq!(suggested.stdout, "", "{suggested:?}");
    let why = "the answer to one more request for it is not known here (approved 3, denied 0)";
    assert!(suggested.stderr.contains(why), "{suggested:?}");
    // Run again while the denial is fresh, the machine hears of it.
    drop(in_home(agent.gate_run(&["--no-wait"], RESTART), &agent));
    let suggested = suggest(&agent);
    assert!(
        suggested.stdout.contains("# approved 3 times, denied once"),
        "{suggested:?}"
    );
}

#[test]
fn a_request_that_was_taken_back_is_known_to_have_no_answer() {
    let live = Live::start();
    let agent = approved_often(&live);
    let mut wait = agent.gate_run(&[], RESTART);
    let mut waiting = Running::start(wait.current_dir(agent.home.path()));
    waiting.asked();
    let open = suggest(&agent);
    assert_eq!(open.stdout, "", "{open:?}");
    waiting.signal(Signal::SIGTERM);
    let ended = waiting.finish();
    assert_eq!(ended.signal, Some(15), "{ended:?}");
    let suggested = suggest(&agent);
    assert!(
        suggested
            .stdout
            .contains("# approved 3 times, never denied"),
        "{suggested:?}"
    );
}

#[test]
fn a_request_that_ended_without_an_answer_says_nothing() {
    let live = Live::start();
    let agent = stage(&live);
    let request = remembered(&agent, RESTART);
    for status in ["expired", "cancelled"] {
        let lines = [approvals(&request), vec![answered(&request, status, 9)]].concat();
        let (suggested, _) = from_lines(&agent, &lines);
        assert_eq!(decisions(&suggested), ["allow"], "{status}: {suggested}");
    }
    let open = answered(&request, "pending", 9);
    let (suggested, _) = from_lines(&agent, &[approvals(&request), vec![open]].concat());
    assert_eq!(decisions(&suggested), [""; 0], "{suggested}");
}

#[test]
fn a_long_memory_moves_and_is_read_whole() {
    let live = Live::start();
    let agent = stage(&live);
    approved(&agent, RESTART);
    let file = agent.home.path().join(MEMORY);
    let memory = fs::read_to_string(&file).unwrap();
    fs::write(&file, memory + &"\n".repeat(4 << 20)).unwrap();
    approved(&agent, RESTART);
    approved(&agent, RESTART);
    let older = file.with_file_name("answers.1.jsonl");
    assert!(fs::metadata(older).unwrap().len() >= 4 << 20);
    assert!(fs::metadata(&file).unwrap().len() < 1 << 20);
    let suggested = suggest(&agent);
    assert!(
        suggested
            .stdout
            .contains("# approved 3 times, never denied"),
        "{suggested:?}"
    );
}
