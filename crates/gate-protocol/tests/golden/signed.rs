//! Everything that is hashed or signed, with keys that everybody may know.

use std::collections::BTreeMap;

use gate_protocol::archive::{Archivable, LogStart, Manifest, Prune, Pruned};
use gate_protocol::canonical::{Digest, to_canonical_bytes};
use gate_protocol::claim::{ClaimRequest, ExpectedGrant, Grant, SignedGrant};
use gate_protocol::erasure::{Erase, Erased};
use gate_protocol::log::{
    AuditRecord, Checkpoint, Erasure, Frontier, KeptPayload, Payload, RecordPayload, RecordType,
    SignedCheckpoint,
};
use gate_protocol::rules::{
    ProposedRules, PutRules, RuleBundle, RulesText, RulesVersion, RulesVersionPage, SignedRules,
};
use gate_protocol::server::{LogProof, RecordPage};
use gate_protocol::signed_note::SigningKey;
use serde_json::json;

use crate::{asked, at, ran};

pub(crate) const AUDIENCE: &str = "gate-00000001";
pub(crate) const ORIGIN: &str = "gate-00000001/audit";

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(AUDIENCE, &[1; 32]).unwrap()
}

pub(crate) fn log_key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[2; 32]).unwrap()
}

pub(crate) fn claim() -> ClaimRequest {
    ClaimRequest::sign(asked::id(), asked::digest(), ran::nonce(), &asked::runner()).unwrap()
}

fn record(seq: u64, prev: Digest, record_type: &RecordType) -> AuditRecord {
    let body = json!({"request": asked::id(), "words": "é \u{1f600} \u{7}"});
    AuditRecord::new(
        seq,
        prev,
        at("2026-01-02T03:04:05.678Z"),
        record_type,
        &body,
    )
    .unwrap()
}

fn records() -> [AuditRecord; 3] {
    let first = record(0, Digest::ZERO, &RecordType::RequestCreated);
    let second = record(1, first.hash(), &RecordType::DecisionRecorded);
    let third = record(2, second.hash(), &RecordType::GrantClaimed);
    [first, second, third]
}

fn text(record: &AuditRecord) -> String {
    String::from_utf8(record.bytes().to_vec()).unwrap()
}

pub(crate) fn frontier() -> Frontier {
    let mut frontier = Frontier::default();
    for record in records() {
        frontier.append(record.leaf_hash());
    }
    frontier
}

pub(crate) fn proposed_rules() -> ProposedRules {
    let text = "[[rule]]\nid = \"team/a\"\ntool = \"kubectl\"\ndecision = \"allow\"\n";
    ProposedRules {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        base_version: 3,
        text: text.to_owned(),
        sha256: Digest::of_bytes(text.as_bytes()),
        loosens: vec!["rule `team/a` allows what the baseline asks about".to_owned()],
        proposed_by: "alice".to_owned(),
        proposed_at: "2026-01-05T10:00:00Z".parse().unwrap(),
    }
}

pub(crate) fn put_rules() -> PutRules {
    PutRules {
        text: rules().bundle.text,
        expected_version: Some(2),
    }
}

pub(crate) fn log_proof() -> LogProof {
    LogProof {
        hashes: vec![asked::digest()],
    }
}

pub(crate) fn rules_version() -> RulesVersion {
    RulesVersion {
        version: 3,
        activated_by: "admin".to_owned(),
        activated_at: at("2026-01-02T03:04:05Z"),
        size_bytes: 60,
    }
}

pub(crate) fn rules_versions() -> RulesVersionPage {
    RulesVersionPage {
        versions: vec![rules_version()],
        next: Some(crate::cursor()),
    }
}

pub(crate) fn rules_text() -> RulesText {
    let RuleBundle { text, sha256, .. } = rules().bundle;
    RulesText {
        version: 3,
        text,
        sha256,
        activated_at: at("2026-01-02T03:04:05Z"),
    }
}

pub(crate) fn record_page() -> RecordPage {
    RecordPage {
        records: records().iter().map(text).collect(),
        next: 3,
        size: 3,
        first: 1,
        payloads: vec![
            record_payload(),
            RecordPayload {
                seq: 1,
                payload: Payload::Erased(erasure()),
            },
        ],
    }
}

pub(crate) fn kept() -> KeptPayload {
    let parts = [("/reason".to_owned(), json!("the disk is full"))];
    KeptPayload {
        key: Digest::from_bytes([7; 32]),
        parts: parts.into(),
    }
}

pub(crate) fn record_payload() -> RecordPayload {
    RecordPayload {
        seq: 0,
        payload: Payload::Kept(kept()),
    }
}

pub(crate) fn erasure() -> Erasure {
    Erasure {
        at: at("2026-11-29T10:00:00Z"),
        by: "alice".to_owned(),
        record: 9,
    }
}

pub(crate) fn log_start() -> LogStart {
    LogStart {
        size: 2,
        last: Digest::from_bytes([3; 32]),
        peaks: vec![Digest::from_bytes([4; 32])],
    }
}

pub(crate) fn archivable() -> Archivable {
    Archivable {
        start: log_start(),
        to: 7,
    }
}

pub(crate) fn prune() -> Prune {
    Prune {
        to: 7,
        root: Digest::from_bytes([5; 32]),
        archive: Digest::from_bytes([6; 32]),
    }
}

pub(crate) fn pruned() -> Pruned {
    Pruned {
        from: 2,
        to: 7,
        record: 12,
    }
}

pub(crate) fn manifest() -> Manifest {
    Manifest {
        v: Manifest::VERSION,
        origin: ORIGIN.to_owned(),
        start: log_start(),
        to: 7,
        root: Digest::from_bytes([5; 32]),
        before: at("2026-11-29T10:00:00Z"),
        consistency: vec![Digest::from_bytes([8; 32])],
        records: Digest::from_bytes([9; 32]),
        leaves: Digest::from_bytes([10; 32]),
        checkpoint: Digest::from_bytes([11; 32]),
    }
}

pub(crate) fn erase() -> Erase {
    Erase {
        request: Some(asked::id()),
        person: None,
        why: "asked for by its author".to_owned(),
    }
}

pub(crate) fn erased() -> Erased {
    Erased {
        records: 2,
        record: Some(9),
        open: 0,
        more: false,
    }
}

pub(crate) fn grant() -> SignedGrant {
    let grant = Grant {
        v: 1,
        audience: AUDIENCE.to_owned(),
        request: asked::id(),
        digest: asked::digest(),
        runner_key: asked::runner().public(),
        claim_nonce: ran::nonce(),
        policy_version: 7,
        approved_by: vec!["bob".to_owned(), "carol".to_owned()],
        not_after: at("2026-01-02T03:06:00Z"),
        valid_for_seconds: 60,
        observed: false,
    };
    let body = json!({
        "request": grant.request,
        "digest": grant.digest,
        "claim_nonce": grant.claim_nonce,
    });
    let (prev, now) = (Digest::ZERO, at("2026-01-02T03:04:05.678Z"));
    let claimed = AuditRecord::new(2, prev, now, &RecordType::GrantClaimed, &body).unwrap();
    SignedGrant::sign(grant, text(&claimed), &key()).unwrap()
}

pub(crate) fn rules() -> SignedRules {
    let text = "[[rule]]\nid = \"team/all\"\neverything = true\ndecision = \"deny\"\n".to_owned();
    let bundle = RuleBundle {
        audience: AUDIENCE.to_owned(),
        version: 7,
        sha256: Digest::of_bytes(text.as_bytes()),
        text,
        issued_at: at("2026-01-02T00:00:00Z"),
        not_after: at("2026-01-09T00:00:00Z"),
    };
    SignedRules::sign(bundle, &key()).unwrap()
}

/// Every digest and signature by its name. One that moves is a new version of
/// the form, never a detail.
pub(crate) fn bytes() -> BTreeMap<String, String> {
    let canonical = |value: Vec<u8>| String::from_utf8(value).unwrap();
    let frontier = frontier();
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: frontier.size(),
        root: frontier.root(),
    };
    let [first, ..] = records();
    let named = [
        (
            "canonical grant",
            canonical(to_canonical_bytes(&grant().grant).unwrap()),
        ),
        (
            "canonical invocation",
            canonical(to_canonical_bytes(&asked::invocation()).unwrap()),
        ),
        ("checkpoint", checkpoint.sign(&[&log_key()]).unwrap()),
        ("claim signature", claim().signature),
        ("event hash", ran::event().hash().unwrap().to_string()),
        ("grant signature", grant().signature.signature),
        ("leaf hash", first.leaf_hash().to_string()),
        ("record", text(&first)),
        ("record hash", first.hash().to_string()),
        ("request digest", asked::digest().to_string()),
        ("rules signature", rules().signature.signature),
        ("tree root", frontier.root().to_string()),
    ];
    named
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Verifies each signature as its receiver does.
pub(crate) fn verify_all(checkpoint: &str) -> Result<(), String> {
    let expected = ExpectedGrant {
        audience: AUDIENCE.to_owned(),
        request: asked::id(),
        digest: asked::digest(),
        runner_key: asked::runner().public(),
        nonce: ran::nonce(),
    };
    let words = |error: &dyn std::error::Error| error.to_string();
    let verifier = key().verifier();
    let granted = grant().verify(&verifier, &expected, 0);
    granted.map_err(|error| words(&error))?;
    let now = at("2026-01-03T00:00:00Z");
    let bundle = rules().verify(&verifier, AUDIENCE, 7, now).map(|_| ());
    bundle.map_err(|error| words(&error))?;
    SignedCheckpoint::verify(checkpoint.as_bytes(), &log_key().verifier(), &[])
        .map_err(|error| words(&error))?;
    if claim().is_signed_for(asked::id()) {
        Ok(())
    } else {
        Err("the claim does not hold".to_owned())
    }
}
