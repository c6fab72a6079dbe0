//! A whole log verified, and one SHA-256 pass over its bytes.

use std::hint::black_box;
use std::time::Instant;

use gate_protocol::canonical::Digest;
use gate_protocol::log::{AuditRecord, LogVerifier, RecordType};
use jiff::Timestamp;
use serde_json::json;

/// Makes a log of requests that were asked, approved and run.
pub(crate) fn log_of(records: u64) -> Vec<Vec<u8>> {
    let mut prev = Digest::ZERO;
    let record = |index: u64| {
        let request = format!("019b3c1e-5e6b-7c4a-9d0e-{:012x}", index / 5);
        let (kind, body) = match index % 5 {
            0 => (
                RecordType::RequestCreated,
                json!({"request": request, "requester": {"name": "agent", "kind": "agent"},
                    "command": "kubectl delete namespace web", "reason": "a measurement"}),
            ),
            1 => (
                RecordType::DecisionRecorded,
                json!({"request": request, "reviewer": "bob", "status": "approved"}),
            ),
            2 => (
                RecordType::GrantClaimed,
                json!({"request": request, "approved_by": ["bob"], "policy_version": 7}),
            ),
            3 => (RecordType::RunStarted, json!({"request": request})),
            _ => (
                RecordType::RunFinished,
                json!({"request": request, "outcome": {"exit_code": 0, "duration_ms": 12}}),
            ),
        };
        let record = AuditRecord::new(index, prev, Timestamp::UNIX_EPOCH, &kind, &body).unwrap();
        prev = record.hash();
        record.bytes().to_vec()
    };
    (0..records).map(record).collect()
}

/// Returns the seconds of both.
pub(crate) fn measure(log: &[Vec<u8>]) -> (f64, f64) {
    let since = Instant::now();
    let mut verifier = LogVerifier::new(Vec::new());
    for record in log {
        verifier.feed(record).unwrap();
    }
    let whole = verifier.finish().unwrap();
    let ours = since.elapsed().as_secs_f64();
    assert_eq!(whole.records, log.len() as u64);
    let bytes = log.concat();
    let since = Instant::now();
    black_box(Digest::of_bytes(black_box(&bytes)));
    (ours, since.elapsed().as_secs_f64())
}
