//! What is asked: requests that differ by one word.

use gate_protocol::canonical::Digest;
use gate_protocol::invocation::{BoundInvocation, BoundTool};
use gate_protocol::masked::MaskedText;
use gate_protocol::request::{Circumstances, Requirement, SubmitRequest, Terms};
use gate_protocol::runner_key::RunnerSecret;

/// Returns the key with which what is asked here is claimed.
pub(crate) fn runner() -> RunnerSecret {
    RunnerSecret::from_seed(&[7; 32])
}

/// Returns what is asked with this word.
pub(crate) fn submission(word: &str) -> SubmitRequest {
    let plain = |text: &str| MaskedText::plain(text.as_bytes());
    let invocation = BoundInvocation {
        v: BoundInvocation::VERSION,
        tool: BoundTool {
            name: "kubectl".to_owned(),
            path: plain("/usr/bin/kubectl"),
            sha256: Digest::of_bytes(b"kubectl"),
            size_bytes: 7,
        },
        argv: ["kubectl", "delete", "ns", word].map(plain).to_vec(),
        cwd: plain("/srv"),
        command: vec!["delete".to_owned()],
        effect: "destroy".to_owned(),
        target: [("namespace".to_owned(), word.to_owned())].into(),
        environment: Vec::new(),
        inputs: Vec::new(),
        preview: None,
        runner_key: runner().public(),
    };
    SubmitRequest {
        digest: invocation.digest().unwrap(),
        invocation,
        circumstances: Circumstances {
            host: "host".to_owned(),
            ..Circumstances::default()
        },
        terms: Terms {
            rules: vec!["baseline/kubectl-destroy".to_owned()],
            reasons: Vec::new(),
            requirements: vec![Requirement {
                approvers: Vec::new(),
                count: 1,
                apart: None,
                escalation: None,
            }],
            request_ttl_seconds: 24 * 3600,
            permit_ttl_seconds: 3600,
            remind_seconds: None,
        },
        reason: Some("a measurement".to_owned()),
        break_glass: false,
    }
}
