//! One invocation, one request, one claim, as a real run would have them.

use std::collections::BTreeMap;

use gate_protocol::canonical::Digest;
use gate_protocol::claim::{ClaimRequest, Grant, SignedGrant};
use gate_protocol::id::{Nonce, RequestId};
use gate_protocol::invocation::{BoundInvocation, BoundTool};
use gate_protocol::masked::MaskedText;
use gate_protocol::principal::PrincipalKind;
use gate_protocol::request::{
    ApprovalRequest, ApprovalStatus, Circumstances, Particulars, Requester, Requirement,
    SubmitRequest, Terms,
};
use gate_protocol::runner_key::RunnerSecret;
use gate_protocol::signed_note::SigningKey;

use crate::stub::{JSON, answer};

fn runner() -> RunnerSecret {
    RunnerSecret::from_seed(&[7; 32])
}

pub(crate) fn invocation(verb: &str) -> BoundInvocation {
    let word = |text: &str| MaskedText::plain(text.as_bytes());
    BoundInvocation {
        v: 1,
        tool: BoundTool {
            name: "kubectl".into(),
            path: word("/usr/bin/kubectl"),
            sha256: Digest::of_bytes(b"kubectl"),
            size_bytes: 7,
        },
        argv: vec![word("kubectl"), word(verb), word("ns"), word("prod")],
        cwd: word("/home/a"),
        command: vec![verb.into()],
        effect: "destroy".into(),
        target: BTreeMap::from([("namespace".into(), "prod".into())]),
        environment: Vec::new(),
        inputs: Vec::new(),
        preview: None,
        runner_key: runner().public(),
    }
}

fn terms() -> Terms {
    Terms {
        rules: vec!["baseline/kubectl-destroy".into()],
        reasons: vec!["it destroys".into()],
        requirements: vec![Requirement {
            approvers: Vec::new(),
            count: 1,
            apart: None,
            escalation: None,
        }],
        request_ttl_seconds: 600,
        permit_ttl_seconds: 60,
        remind_seconds: None,
    }
}

pub(crate) fn submission() -> SubmitRequest {
    let invocation = invocation("delete");
    SubmitRequest {
        digest: invocation.digest().unwrap(),
        invocation,
        circumstances: Circumstances::default(),
        terms: terms(),
        reason: Some("cleaning up".into()),
        break_glass: false,
    }
}

pub(crate) fn request(id: RequestId, status: ApprovalStatus, version: u64) -> ApprovalRequest {
    let invocation = invocation("delete");
    ApprovalRequest {
        id,
        status,
        version,
        digest: invocation.digest().unwrap(),
        requester: Requester {
            name: "alice".into(),
            kind: PrincipalKind::User,
            owner: None,
            person: None,
        },
        invocation,
        circumstances: Circumstances::default(),
        terms: terms(),
        reason: None,
        created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        expires_at: "2026-01-01T00:10:00Z".parse().unwrap(),
        expires_in_seconds: 600,
        reviews: Vec::new(),
        outcome: None,
        may_review: Vec::new(),
        url: "http://127.0.0.1/requests/1".into(),
        particulars: Particulars::default(),
        typed: Vec::new(),
        production: Vec::new(),
    }
}

pub(crate) fn pending(id: RequestId) -> ApprovalRequest {
    request(id, ApprovalStatus::Pending, 1)
}

pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

/// Returns the good answer with this body.
pub(crate) fn ok(value: &impl serde::Serialize) -> Vec<u8> {
    answer(200, JSON, json(value))
}

/// Returns the good answer that somebody said yes.
pub(crate) fn approved(id: RequestId) -> Vec<u8> {
    ok(&request(id, ApprovalStatus::Approved, 2))
}

pub(crate) fn claim(id: RequestId) -> ClaimRequest {
    let digest = invocation("delete").digest().unwrap();
    ClaimRequest::sign(id, digest, Nonce::generate().unwrap(), &runner()).unwrap()
}

/// Returns what a server would grant for this claim.
pub(crate) fn grant(id: RequestId, claim: &ClaimRequest) -> SignedGrant {
    let grant = Grant {
        v: 1,
        audience: "gate.test".into(),
        request: id,
        digest: claim.digest,
        runner_key: claim.runner_key,
        claim_nonce: claim.nonce,
        policy_version: 0,
        approved_by: vec!["bob".into()],
        not_after: "2026-01-01T00:10:00Z".parse().unwrap(),
        valid_for_seconds: 60,
        observed: false,
    };
    let key = SigningKey::from_seed("gate.test", &[9; 32]).unwrap();
    SignedGrant::sign(grant, "{}".into(), &key).unwrap()
}
