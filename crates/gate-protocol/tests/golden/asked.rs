//! A request from its command to its answers.

use std::collections::BTreeMap;

use gate_protocol::canonical::Digest;
use gate_protocol::id::RequestId;
use gate_protocol::invocation::{
    BoundInput, BoundInvocation, BoundTool, BoundVariable, Delivery, Treatment,
};
use gate_protocol::masked::{MaskedSecret, MaskedText};
use gate_protocol::mode::Mode;
use gate_protocol::preview::Preview;
use gate_protocol::principal::PrincipalKind;
use gate_protocol::request::{
    ApprovalRequest, ApprovalStatus, CiJob, Circumstances, Escalation, GitState, PullRequest,
    RequestPage, Requester, Requirement, SubmitRequest, Terms,
};
use gate_protocol::review::{Answer, Review, SubmitReview};
use gate_protocol::runner_key::RunnerSecret;

use crate::excepted::particulars;
use crate::{at, digest_of, ran};

pub(crate) fn runner() -> RunnerSecret {
    RunnerSecret::from_seed(&[3; 32])
}

pub(crate) fn id() -> RequestId {
    "019b2000-0000-7000-8000-000000000001".parse().unwrap()
}

pub(crate) fn secret() -> MaskedSecret {
    MaskedSecret {
        kind: "password".to_owned(),
        length_bytes: 12,
        commitment: "9f3a00112233445566778899aabbccdd".to_owned(),
    }
}

/// Text, a secret, and a byte that is no text.
pub(crate) fn masked() -> MaskedText {
    let mut text = MaskedText::plain(b"postgresql://app:");
    text.push_secret(secret());
    text.push_plain(b"@db.prod/\xff");
    text
}

pub(crate) fn variable() -> BoundVariable {
    BoundVariable {
        name: "PGHOST".to_owned(),
        treatment: Treatment::Bound,
        value: Some(MaskedText::plain(b"db.prod")),
        why: "it names the server".to_owned(),
    }
}

pub(crate) fn input() -> BoundInput {
    BoundInput {
        role: "script".to_owned(),
        name: MaskedText::plain(b"drop.sql"),
        sha256: digest_of("drop table orders;\n"),
        size_bytes: 19,
        delivery: Delivery::Snapshot,
        content: None,
    }
}

pub(crate) fn preview() -> Preview {
    Preview {
        source: "the plan file release.plan".to_owned(),
        summary: "1 to add, 0 to change, 1 to destroy".to_owned(),
        text: "DESTROY aws_db_instance.shop\ncreate aws_instance.web".to_owned(),
        left_out: 0,
    }
}

pub(crate) fn invocation() -> BoundInvocation {
    let stripped = BoundVariable {
        name: "PSQLRC".to_owned(),
        treatment: Treatment::Stripped,
        value: None,
        why: "it runs a file before the command".to_owned(),
    };
    let piped = BoundInput {
        role: "statements".to_owned(),
        name: MaskedText::plain(b"stdin"),
        sha256: digest_of(""),
        size_bytes: 0,
        delivery: Delivery::Stdin,
        content: None,
    };
    BoundInvocation {
        v: 1,
        tool: BoundTool {
            name: "psql".to_owned(),
            path: MaskedText::plain(b"/usr/lib/postgresql/15/bin/psql"),
            sha256: digest_of("psql"),
            size_bytes: 709_016,
        },
        argv: vec![
            MaskedText::plain(b"psql"),
            masked(),
            MaskedText::plain(b"-f"),
            MaskedText::plain(b"drop.sql"),
        ],
        cwd: MaskedText::plain(b"/srv/app"),
        command: Vec::new(),
        effect: "destroy".to_owned(),
        target: BTreeMap::from([
            ("database".to_owned(), "orders".to_owned()),
            ("host".to_owned(), "db.prod".to_owned()),
        ]),
        environment: vec![variable(), stripped],
        inputs: vec![input(), piped],
        preview: None,
        runner_key: runner().public(),
    }
}

pub(crate) fn digest() -> Digest {
    invocation().digest().unwrap()
}

pub(crate) fn requirement() -> Requirement {
    Requirement {
        approvers: vec!["group:sre".to_owned(), "user:bob".to_owned()],
        count: 2,
        apart: Some("team/no-drop".to_owned()),
        escalation: Some(escalation()),
    }
}

pub(crate) fn escalation() -> Escalation {
    Escalation {
        after_seconds: 600,
        to: vec!["group:leads".to_owned()],
    }
}

pub(crate) fn terms() -> Terms {
    Terms {
        rules: vec![
            "team/no-drop".to_owned(),
            "baseline/psql-destroy".to_owned(),
        ],
        reasons: vec!["`DROP TABLE` destroys data".to_owned()],
        requirements: vec![requirement()],
        request_ttl_seconds: 3600,
        permit_ttl_seconds: 300,
        remind_seconds: Some(900),
    }
}

pub(crate) fn ci_job() -> CiJob {
    CiJob {
        provider: "github".to_owned(),
        url: Some("https://ci.example/runs/7".to_owned()),
        repository: Some("shop/orders".to_owned()),
        workflow: Some("release".to_owned()),
        job: Some("deploy".to_owned()),
        commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        branch: Some("main".to_owned()),
        actor: Some("alice".to_owned()),
        pull_request: Some(pull_request()),
    }
}

pub(crate) fn pull_request() -> PullRequest {
    PullRequest {
        number: "12".to_owned(),
        url: Some("https://ci.example/shop/orders/pull/12".to_owned()),
    }
}

pub(crate) fn git_state() -> GitState {
    GitState {
        commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        branch: Some("main".to_owned()),
        dirty: Some(true),
    }
}

pub(crate) fn circumstances() -> Circumstances {
    Circumstances {
        host: "runner-7".to_owned(),
        os_user: "ci".to_owned(),
        terminal: false,
        mode: Mode::Advisory,
        client_version: "0.1.0".to_owned(),
        agent: Some("an agent".to_owned()),
        ci: Some(ci_job()),
        git: Some(git_state()),
    }
}

pub(crate) fn submission() -> SubmitRequest {
    SubmitRequest {
        invocation: invocation(),
        digest: digest(),
        circumstances: circumstances(),
        terms: terms(),
        reason: Some("the table is empty since \u{201c}Tuesday\u{201d}".to_owned()),
        break_glass: true,
    }
}

pub(crate) fn answer() -> SubmitReview {
    SubmitReview {
        answer: Answer::Deny,
        digest: digest(),
        comment: Some("take a backup first".to_owned()),
    }
}

pub(crate) fn review() -> Review {
    Review {
        reviewer: "bob".to_owned(),
        answer: Answer::Approve,
        comment: Some("go on".to_owned()),
        at: at("2026-01-02T03:05:00Z"),
        channel: "web".to_owned(),
        void: Some("the account was disabled".to_owned()),
    }
}

pub(crate) fn approval_request() -> ApprovalRequest {
    let submission = submission();
    ApprovalRequest {
        id: id(),
        status: ApprovalStatus::Finished,
        version: 5,
        digest: submission.digest,
        requester: Requester {
            name: "alice-agent".to_owned(),
            kind: PrincipalKind::Agent,
            owner: Some("alice".to_owned()),
            person: Some("alice.smith".to_owned()),
        },
        invocation: submission.invocation,
        circumstances: submission.circumstances,
        terms: submission.terms,
        reason: submission.reason,
        created_at: at("2026-01-02T03:04:05.678Z"),
        expires_at: at("2026-01-02T04:04:05.678Z"),
        expires_in_seconds: 3540,
        reviews: vec![review()],
        outcome: Some(ran::outcome()),
        may_review: vec!["group:sre".to_owned(), "user:bob".to_owned()],
        url: format!("https://gate.example/requests/{}", id()),
        particulars: particulars(),
        typed: vec!["This is production.".to_owned()],
        production: vec!["cluster".to_owned()],
    }
}

pub(crate) fn page() -> RequestPage {
    RequestPage {
        requests: vec![approval_request()],
        next: Some(crate::cursor()),
    }
}
