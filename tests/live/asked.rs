//! Requests as a runner would submit them.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::collections::BTreeMap;

use gate_client::{Client, ClientSettings, IdempotencyKey};
use gate_protocol::canonical::Digest;
use gate_protocol::invocation::{BoundInvocation, BoundTool};
use gate_protocol::masked::MaskedText;
use gate_protocol::mode::Mode;
use gate_protocol::request::{ApprovalRequest, Circumstances, Requirement, SubmitRequest, Terms};
use gate_protocol::runner_key::RunnerSecret;

use crate::server::Live;

/// Submits `kubectl delete namespace NAME` as the agent, with a reason.
pub(crate) fn submit(live: &Live, namespace: &str, reason: &str) -> ApprovalRequest {
    submit_as(live, ("delete", "destroy"), namespace, reason)
}

/// Submits `kubectl VERB namespace NAME` as the agent, with its effect and a reason.
pub(crate) fn submit_as(
    live: &Live,
    (verb, effect): (&str, &str),
    namespace: &str,
    reason: &str,
) -> ApprovalRequest {
    let words = ["kubectl", verb, "namespace", namespace];
    let invocation = BoundInvocation {
        v: 1,
        tool: BoundTool {
            name: "kubectl".to_owned(),
            path: MaskedText::plain(b"/usr/bin/kubectl"),
            sha256: Digest::of_bytes(b"kubectl"),
            size_bytes: 7,
        },
        argv: words
            .iter()
            .map(|word| MaskedText::plain(word.as_bytes()))
            .collect(),
        cwd: MaskedText::plain(b"/srv/app"),
        command: vec![verb.to_owned()],
        effect: effect.to_owned(),
        target: BTreeMap::from([("namespace".to_owned(), namespace.to_owned())]),
        environment: Vec::new(),
        inputs: Vec::new(),
        preview: None,
        runner_key: RunnerSecret::generate().unwrap().public(),
    };
    let submitted = SubmitRequest {
        digest: invocation.digest().unwrap(),
        invocation,
        circumstances: Circumstances {
            host: "runner-1".to_owned(),
            os_user: "ci".to_owned(),
            mode: Mode::Advisory,
            client_version: "0.1.0".to_owned(),
            ..Circumstances::default()
        },
        terms: Terms {
            rules: vec!["baseline/destroy".to_owned()],
            reasons: vec!["it destroys something".to_owned()],
            requirements: vec![Requirement {
                approvers: Vec::new(),
                count: 1,
                apart: None,
                escalation: None,
            }],
            request_ttl_seconds: 600,
            permit_ttl_seconds: 300,
            remind_seconds: None,
        },
        reason: Some(reason.to_owned()),
        break_glass: false,
    };
    ask(live, &submitted)
}

/// Submits as the agent.
pub(crate) fn ask(live: &Live, wanted: &SubmitRequest) -> ApprovalRequest {
    let token = live.said("/tokens/agent").parse().unwrap();
    let server = live.said("/url").parse().unwrap();
    let client = Client::new(ClientSettings::new(server).with_token(token)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let key: IdempotencyKey = wanted.digest.to_string().parse().unwrap();
    let answer = runtime.block_on(client.submit(wanted, &key)).unwrap();
    answer.request
}
