//! What was signed for can't be changed unseen, and both verifiers name the record: THREATS.md 6A.14.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use gate_protocol::canonical::{Digest, from_strict_slice, to_canonical_bytes};
use gate_protocol::log::{AuditRecord, Checkpoint, Frontier, RecordType, leaf_hash};
use gate_protocol::signed_note::SigningKey;
use gate_testkit::home::Home;
use serde_json::{Value, json};

use crate::{Exported, live_with_history};

const ORIGIN: &str = "gate.example/org/test/audit";
const RECORDS: usize = 100_000;

impl Exported {
    /// Makes an export of 100,000 records without a server, signed by the key of `seed`.
    fn of_many(seed: u8) -> Self {
        let mut records = Vec::with_capacity(RECORDS);
        let mut prev = Digest::ZERO;
        for index in 0..RECORDS {
            let record = record_of(index, prev);
            prev = Digest::of_bytes(&record);
            records.push(record);
        }
        Self::made(&records, seed)
    }

    /// Makes an export of these records, signed by the key of `seed`.
    pub(crate) fn made(records: &[Vec<u8>], seed: u8) -> Self {
        let home = Home::new().unwrap();
        std::fs::create_dir(home.path().join("export")).unwrap();
        let key = SigningKey::from_seed(ORIGIN, &[7; 32]).unwrap();
        let export = Self {
            home,
            key: key.verifier().to_string(),
        };
        export.write("records.jsonl", records, b"\n");
        let leaves: Vec<Digest> = records.iter().map(|record| leaf_hash(record)).collect();
        export.write("leaves", &leaves, b"");
        let mut tree = Frontier::default();
        for leaf in &leaves {
            tree.append(*leaf);
        }
        export.sign(&tree, &SigningKey::from_seed(ORIGIN, &[seed; 32]).unwrap());
        export
    }

    fn write<B: AsBytes>(&self, file: &str, parts: &[B], end: &[u8]) {
        let file = File::create(self.folder().join(file)).unwrap();
        let mut writer = BufWriter::new(file);
        for part in parts {
            writer.write_all(part.bytes()).unwrap();
            writer.write_all(end).unwrap();
        }
        writer.flush().unwrap();
    }

    fn sign(&self, tree: &Frontier, key: &SigningKey) {
        let checkpoint = Checkpoint {
            origin: ORIGIN.to_owned(),
            size: tree.size(),
            root: tree.root(),
        };
        let note = checkpoint.sign(&[key]).unwrap();
        std::fs::write(self.folder().join("checkpoint"), note).unwrap();
    }

    /// Both verifiers must name this record.
    #[track_caller]
    pub(crate) fn assert_first_bad(&self, what: &str, index: &str) {
        let ours = self.verified();
        assert_eq!(ours.code, Some(1), "{what}: {ours:?}");
        let named = format!("first bad record: {index}\n");
        assert_eq!(ours.stdout, named, "{what}: {ours:?}");
        assert!(
            ours.stderr.starts_with("gate: the log does not verify: "),
            "{what}: {ours:?}"
        );
        let theirs = self.verified_independently();
        assert_eq!(theirs.code, Some(1), "{what}: {theirs:?}");
        let named = format!("bad record {index}: ");
        assert!(theirs.stdout.starts_with(&named), "{what}: {theirs:?}");
    }
}

trait AsBytes {
    fn bytes(&self) -> &[u8];
}

impl AsBytes for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl AsBytes for Digest {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// One of five records of a request that runs.
fn record_of(index: usize, prev: Digest) -> Vec<u8> {
    let request = format!("request-{}", index / 5);
    let (kind, body) = match index % 5 {
        0 => (
            RecordType::RequestCreated,
            json!({"request": request, "command": "kubectl delete pod web", "host": "build-1"}),
        ),
        1 => (
            RecordType::DecisionRecorded,
            json!({"request": request, "reviewer": "bob", "status": "approved"}),
        ),
        2 => (
            RecordType::GrantClaimed,
            json!({"request": request, "approved_by": ["bob"]}),
        ),
        3 => (RecordType::RunStarted, json!({"request": request})),
        _ => (
            RecordType::RunFinished,
            json!({"request": request, "exit": {"code": 0}}),
        ),
    };
    let at = jiff::Timestamp::from_second(1_767_225_600).unwrap();
    let record = AuditRecord::new(index as u64, prev, at, &kind, &body).unwrap();
    record.bytes().to_vec()
}

/// Makes `seq` and `prev` right again from `from` on, as who holds the database can.
fn rechain(records: &mut [String], from: usize) {
    for index in from..records.len() {
        let before = records[index - 1].trim_end().as_bytes();
        let prev = Digest::of_bytes(before);
        let mut members: Value = from_strict_slice(records[index].trim_end().as_bytes()).unwrap();
        members["prev"] = Value::from(prev.to_string());
        members["seq"] = Value::from(index);
        let bytes = to_canonical_bytes(&members).unwrap();
        records[index] = String::from_utf8(bytes).unwrap() + "\n";
    }
}

fn changed_time(record: &str) -> String {
    let changed = record.replacen("\"ts\":\"2", "\"ts\":\"1", 1);
    assert_ne!(changed, record);
    changed
}

/// Each way to tamper with records, and the first bad one.
fn tampered(good: &[String]) -> Vec<(&'static str, Vec<String>, usize)> {
    let last = good.len() - 1;
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut records = good.to_vec();
        change(&mut records);
        assert_ne!(records, good);
        records
    };
    let (_, prev) = good[2].split_once("\"prev\":\"").unwrap();
    let (prev, _) = prev.split_once('"').unwrap();
    let flip = |at: usize, from: &str, to: &str| {
        let flipped = good[at].replacen(from, to, 1);
        changed(&|records| records[at].clone_from(&flipped))
    };
    let later = |at: usize| changed(&|records| records[at] = changed_time(&good[at]));
    let anew = changed(&|records| {
        records[2] = changed_time(&records[2]);
        rechain(records, 3);
    });
    vec![
        ("flip a digit of the time", later(2), 2),
        ("flip a link", flip(2, prev, &"0".repeat(64)), 2),
        ("flip into no record", flip(2, "\"v\":1", "\"v\":2"), 2),
        ("flip in the last record", later(last), last),
        ("delete", changed(&|records| drop(records.remove(2))), 2),
        ("swap", changed(&|records| records.swap(2, 3)), 2),
        (
            "insert",
            changed(&|records| records.insert(3, good.concat())),
            3,
        ),
        (
            "say the last again",
            changed(&|records| records.extend_from_within(last..)),
            last + 1,
        ),
        (
            "cut the end off",
            changed(&|records| records.truncate(last)),
            last,
        ),
        ("make the chain anew", anew, 2),
    ]
}

#[test]
fn a_tampered_export_is_caught_at_the_first_bad_record() {
    let (live, _) = live_with_history();
    let export = Exported::of(&live);
    let good = export.records();
    assert!(good.len() >= 6, "{good:?}");
    for (what, records, first_bad) in tampered(&good) {
        export.replace_records(&records);
        export.assert_first_bad(what, &first_bad.to_string());
    }
}

#[test]
fn leaf_hashes_that_are_not_signed_for_name_nothing_and_are_no_good() {
    let (live, _) = live_with_history();
    let export = Exported::of(&live);
    let good = export.records();
    let leaves = export.folder().join("leaves");
    let hashes = std::fs::read(&leaves).unwrap();
    assert_eq!(hashes.len(), good.len() * 32);
    let mut others = hashes.clone();
    others[64] ^= 1;
    for spoilt in [&others[..], &hashes[32..], &hashes[..hashes.len() - 1], b""] {
        std::fs::write(&leaves, spoilt).unwrap();
        export.replace_records(&good);
        export.assert_first_bad("others", "none");
        let mut records = good.clone();
        records[2] = changed_time(&records[2]);
        export.replace_records(&records);
        export.assert_first_bad("flip", "2, or the link to it in 3");
        rechain(&mut records, 3);
        export.replace_records(&records);
        export.assert_first_bad("anew", &format!("below {}", good.len()));
    }
    // A copy of an earlier version has none.
    std::fs::remove_file(&leaves).unwrap();
    export.replace_records(&good);
    assert_eq!(export.verified().code, Some(0));
}

fn lines_of(path: &Path) -> Vec<String> {
    let lines = BufReader::new(File::open(path).unwrap()).lines();
    lines.map(|line| line.unwrap() + "\n").collect()
}

/// Changes the record at a place.
type Tamper = dyn Fn(&mut Vec<String>, usize);

/// "flip a bit, delete, swap, insert, re-sign with another key, recompute all `prev`", on 100,000.
#[test]
fn both_verifiers_name_the_first_bad_of_100000_records() {
    let export = Exported::of_many(7);
    let sound = export.verified();
    assert_eq!(sound.code, Some(0), "{sound:?}");
    assert!(sound.stdout.starts_with("verified: 100000 records, root "));
    let good = lines_of(&export.folder().join("records.jsonl"));
    let cases: [(&str, usize, &Tamper); 5] = [
        ("flip", 31_337, &|records, at| {
            records[at] = records[at]
                .replacen("pod", "pof", 1)
                .replacen("2026", "2027", 1);
        }),
        ("delete", 4_242, &|records, at| drop(records.remove(at))),
        ("swap", 9_001, &|records, at| records.swap(at, at + 1)),
        ("insert", 12_345, &|records, at| {
            records.insert(at, records[at - 1].clone());
        }),
        ("recompute", 20_000, &|records, at| {
            records[at] = changed_time(&records[at]);
            rechain(records, at + 1);
        }),
    ];
    for (what, at, change) in cases {
        let mut records = good.clone();
        change(&mut records, at);
        export.replace_records(&records);
        export.assert_first_bad(what, &at.to_string());
    }
    let by_another = Exported::of_many(8);
    by_another.assert_first_bad("re-sign", "0, nothing sound is signed");
}
