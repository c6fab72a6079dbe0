//! A log that is chained and signed, and tells what can't have happened: whoever holds the key can
//! make one, and both verifiers say at which record.

use gate_protocol::canonical::Digest;
use gate_protocol::log::AuditRecord;
use serde_json::{Value, json};

use crate::Exported;

/// What a log tells, record by record.
type Story = Vec<(&'static str, Value)>;

/// Makes records that follow each other.
fn records_of(told: &[(&str, Value)]) -> Vec<Vec<u8>> {
    let at = jiff::Timestamp::from_second(1_767_225_600).unwrap();
    let mut prev = Digest::ZERO;
    let record = |(index, (kind, body)): (usize, &(&str, Value))| {
        let kind = kind.parse().unwrap();
        let record = AuditRecord::new(index as u64, prev, at, &kind, body).unwrap();
        prev = record.hash();
        record.bytes().to_vec()
    };
    told.iter().enumerate().map(record).collect()
}

fn created() -> (&'static str, Value) {
    let who = json!({"name": "ann", "kind": "user", "person": "Ann"});
    ("request.created", json!({"request": "r", "requester": who}))
}

fn reviewed(who: &str, person: &str, answer: &str, status: &str) -> (&'static str, Value) {
    let body = json!({"request": "r", "reviewer": who, "person": person, "answer": answer,
        "status": status});
    ("decision.recorded", body)
}

fn approved() -> (&'static str, Value) {
    reviewed("bob", "Bob", "approve", "approved")
}

fn denied() -> (&'static str, Value) {
    reviewed("bob", "Bob", "deny", "denied")
}

fn claimed(names: &[&str]) -> (&'static str, Value) {
    let body = json!({"request": "r", "approved_by": names, "requester": {"name": "ann"}});
    ("grant.claimed", body)
}

fn told(kind: &'static str) -> (&'static str, Value) {
    (kind, json!({"request": "r"}))
}

#[test]
fn a_possible_story_is_good() {
    let story = [
        created(),
        approved(),
        claimed(&["bob"]),
        told("run.started"),
        told("run.finished"),
    ];
    let export = Exported::made(&records_of(&story), 7);
    assert_eq!(export.verified().code, Some(0), "{:?}", export.verified());
    let theirs = export.verified_independently();
    assert_eq!(theirs.code, Some(0), "{theirs:?}");
}

/// Stories of a grant or a run that can't have been, each with its first impossible record.
fn impossible_grants() -> [(&'static str, Story, usize); 9] {
    let (start, end) = (told("run.started"), told("run.finished"));
    [
        ("approved by nobody", vec![created(), claimed(&["bob"])], 1),
        (
            "claimed for nobody",
            vec![created(), approved(), claimed(&[])],
            2,
        ),
        (
            "claimed for another",
            vec![created(), approved(), claimed(&["eve"])],
            2,
        ),
        (
            "claimed in silence",
            vec![created(), approved(), told("grant.claimed")],
            2,
        ),
        (
            "claimed after a denial",
            vec![created(), denied(), claimed(&["bob"])],
            2,
        ),
        (
            "claimed twice",
            vec![created(), approved(), claimed(&["bob"]), claimed(&["bob"])],
            3,
        ),
        (
            "finished before it was started",
            vec![
                created(),
                approved(),
                claimed(&["bob"]),
                end.clone(),
                start.clone(),
            ],
            3,
        ),
        (
            "started before it was claimed",
            vec![created(), approved(), start],
            2,
        ),
        ("never created", vec![end], 0),
    ]
}

/// Stories of a request or an answer that can't have been, each with its first impossible record.
fn impossible_answers() -> [(&'static str, Story, usize); 5] {
    [
        (
            "approved by who asked",
            vec![created(), reviewed("ann", "Ann", "approve", "approved")],
            1,
        ),
        (
            "approved by their other account",
            vec![created(), reviewed("ann2", "Ann", "approve", "approved")],
            1,
        ),
        (
            "an answer after a denial",
            vec![created(), denied(), approved()],
            2,
        ),
        (
            "a denial that approves",
            vec![created(), reviewed("bob", "Bob", "deny", "approved")],
            1,
        ),
        ("created twice", vec![created(), created()], 1),
    ]
}

#[test]
fn an_impossible_story_is_named_at_its_first_impossible_record_by_both() {
    let stories = impossible_grants().into_iter().chain(impossible_answers());
    for (what, story, at) in stories {
        let export = Exported::made(&records_of(&story), 7);
        export.assert_first_bad(what, &at.to_string());
    }
}
