//! A log that is chained and signed, and tells what can't have happened: whoever holds the key can
//! make one, and both verifiers say at which record.

use gate_protocol::archive::LogStart;
use gate_protocol::canonical::Digest;
use gate_protocol::log::{AuditRecord, leaf_hash};
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

/// The same with more in the body.
fn with((kind, mut body): (&'static str, Value), more: &[(&str, &str)]) -> (&'static str, Value) {
    for (name, value) in more {
        body[*name] = json!(value);
    }
    (kind, body)
}

/// Stories of a grant for something else than was asked for, and of a run that is another's.
fn impossible_bindings() -> [(&'static str, Story, usize); 4] {
    let asked = || with(created(), &[("digest", "aa")]);
    let yes = |digest| with(approved(), &[("digest", digest)]);
    let claim = |digest| {
        let more = [("digest", digest), ("claim_nonce", "n")];
        with(claimed(&["bob"]), &more)
    };
    let run = |kind, nonce| with(told(kind), &[("claim_nonce", nonce)]);
    [
        ("another is approved", vec![asked(), yes("bb")], 1),
        (
            "another is granted",
            vec![asked(), yes("aa"), claim("bb")],
            2,
        ),
        (
            "the start of another claim",
            vec![asked(), yes("aa"), claim("aa"), run("run.started", "m")],
            3,
        ),
        (
            "the end of another claim",
            vec![
                asked(),
                yes("aa"),
                claim("aa"),
                run("run.started", "n"),
                run("run.finished", "m"),
            ],
            4,
        ),
    ]
}

/// What an archive tells of a request has ended when it is dropped: from then on an end alone can come
/// late. Before that its story may go on.
#[test]
fn what_was_dropped_does_not_go_on_by_both() {
    let pruned = ("log.pruned", json!({"to": 1}));
    for (word, is_good) in [
        (claimed(&["bob"]), false),
        (told("run.started"), false),
        (approved(), false),
        (told("run.unknown"), false),
        (told("request.observed"), false),
        (denied(), true),
        (told("run.finished"), true),
        (told("request.rejected_review"), true),
    ] {
        let kind = word.0;
        let made = ("test.made", json!({}));
        let goes_on = records_of(&[made.clone(), word.clone(), pruned.clone()]);
        assert_both_say(kind, &goes_on, true);
        let comes_late = records_of(&[made, pruned.clone(), word]);
        assert_both_say(kind, &comes_late, is_good);
    }
}

/// Holds an export of these records without the first one, which was archived.
#[track_caller]
fn assert_both_say(kind: &str, records: &[Vec<u8>], is_good: bool) {
    let export = Exported::made(records, 7);
    let lines: Vec<String> = records[1..]
        .iter()
        .map(|record| format!("{}\n", String::from_utf8_lossy(record)))
        .collect();
    export.replace_records(&lines);
    let leaves = records[1..].iter().map(|record| leaf_hash(record));
    let leaves: Vec<u8> = leaves.flat_map(|leaf| *leaf.as_bytes()).collect();
    std::fs::write(export.folder().join("leaves"), leaves).unwrap();
    let start = LogStart {
        size: 1,
        last: Digest::of_bytes(&records[0]),
        peaks: vec![leaf_hash(&records[0])],
    };
    let start = serde_json::to_string(&start).unwrap();
    std::fs::write(export.folder().join("start.json"), start).unwrap();
    let code = Some(i32::from(!is_good));
    for ran in [export.verified(), export.verified_independently()] {
        assert_eq!(ran.code, code, "{kind}: {ran:?}");
        assert!(is_good || ran.stdout.contains("bad record"), "{ran:?}");
    }
}

#[test]
fn an_impossible_story_is_named_at_its_first_impossible_record_by_both() {
    let stories = impossible_grants()
        .into_iter()
        .chain(impossible_answers())
        .chain(impossible_bindings());
    for (what, story, at) in stories {
        let export = Exported::made(&records_of(&story), 7);
        export.assert_first_bad(what, &at.to_string());
    }
}
