//! Tests of the log as a whole. Every log here is made as the server makes it.

mod legality;
mod merkle;
mod tamper;
mod vectors;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{AuditRecord, Checkpoint, Frontier, LogFault, LogVerifier, RecordType, VerifiedLog};
use crate::canonical::Digest;

const ORIGIN: &str = "gate.example/org/test/audit";

/// Appends one record to a log that is held in memory.
fn append(log: &mut Vec<Vec<u8>>, record_type: &str, body: &Value) {
    let seq = log.len() as u64;
    let prev = log
        .last()
        .map_or(Digest::ZERO, |record| Digest::of_bytes(record));
    let at = Timestamp::from_second(1_767_225_600 + i64::try_from(seq).unwrap()).unwrap();
    let record_type: RecordType = record_type.parse().unwrap();
    let record = AuditRecord::new(seq, prev, at, &record_type, body).unwrap();
    log.push(record.bytes().to_vec());
}

/// Makes a log of records (type, request, status); an empty text is left out.
fn log_of(records: &[(&str, &str, &str)]) -> Vec<Vec<u8>> {
    let mut log = Vec::new();
    for (record_type, request, status) in records {
        let mut body = json!({});
        for (name, text) in [("request", request), ("status", status)] {
            if !text.is_empty() {
                body[name] = Value::from(*text);
            }
        }
        let is_observed = records.contains(&("request.observed", *request, ""));
        let more = match (*record_type, *status) {
            ("request.created", _) => json!({"requester": {"name": "agent", "kind": "agent"}}),
            ("decision.recorded", "denied") => json!({"reviewer": "bob", "answer": "deny"}),
            ("decision.recorded", _) => json!({"reviewer": "bob", "answer": "approve"}),
            ("decision.voided", "pending") => json!({"reviewer": "bob"}),
            ("grant.claimed", _) if is_observed => json!({"approved_by": [], "observed": true}),
            ("grant.claimed", _) => json!({"approved_by": ["bob"]}),
            ("log.pruned", _) => json!({"to": 1}),
            _ => json!({}),
        };
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        append(&mut log, record_type, &body);
    }
    log
}

fn checkpoint_over(log: &[Vec<u8>]) -> Checkpoint {
    let mut tree = Frontier::default();
    for record in log {
        tree.append(super::leaf_hash(record));
    }
    Checkpoint {
        origin: ORIGIN.to_owned(),
        size: tree.size(),
        root: tree.root(),
    }
}

fn verify(log: &[Vec<u8>], checkpoints: Vec<Checkpoint>) -> Result<VerifiedLog, LogFault> {
    let mut verifier = LogVerifier::new(checkpoints);
    for record in log {
        verifier.feed(record)?;
    }
    verifier.finish()
}
