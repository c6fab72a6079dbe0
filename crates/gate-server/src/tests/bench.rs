//! A server in a temporary folder with its people, and calls on it.

use std::path::Path;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use gate_protocol::canonical::Digest;
use gate_protocol::claim::ClaimRequest;
use gate_protocol::id::Nonce;
use gate_protocol::invocation::{BoundInvocation, BoundTool};
use gate_protocol::log::{AuditRecord, LogVerifier, SignedCheckpoint, VerifiedLog};
use gate_protocol::masked::MaskedText;
use gate_protocol::request::{ApprovalRequest, Circumstances, Requirement, SubmitRequest, Terms};
use gate_protocol::review::{Answer, SubmitReview};
use gate_protocol::runner_key::RunnerSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::dev::DevSetup;
use crate::settings::Settings;
use crate::state::Server;

/// A server to test.
pub(super) struct Bench {
    pub(super) dir: TempDir,
    pub(super) server: Server,
    pub(super) setup: DevSetup,
    lock: Option<crate::keys::FolderLock>,
    /// Made once: to describe the API takes longer than most calls.
    router: axum::Router,
}

/// The answer of a call.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) headers: axum::http::HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answered {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&self.body));
        })
    }

    pub(super) fn request(&self) -> ApprovalRequest {
        assert!(self.status.is_success(), "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the code of the problem, after a look at its form.
    pub(super) fn problem(&self) -> String {
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/problem+json",
            "{}",
            self.text()
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert!(problem["detail"].is_string());
        problem["code"].as_str().unwrap().to_owned()
    }
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let mut settings = Settings::new(&data, "http://127.0.0.1:1");
        settings.database = super::postgres::database_of_the_test().await;
        settings.limits.open_requests = 100;
        // A test asks faster than anybody.
        settings.approving.flood.burst = 100_000;
        settings.limits.rates.caller.burst = 1_000_000;
        settings.limits.rates.address.burst = 1_000_000;
        // One admin makes everybody here; who does so without this is in `tests/puppets.rs`.
        settings.approving.trusted_admins = vec!["admin".to_owned()];
        // Others make somebody, too, who answers at once; for how long they do not: `tests/rest.rs`.
        settings.approving.approver_rest = std::time::Duration::ZERO;
        let setup = crate::dev::make_for_trial(&settings).await.unwrap();
        adjust(&mut settings);
        Self::open(dir, settings, setup).await
    }

    /// Opens the server of a folder that is there.
    pub(super) async fn open(dir: TempDir, settings: Settings, setup: DevSetup) -> Self {
        let (server, lock) = Box::pin(crate::serve::open(settings)).await.unwrap();
        Self {
            dir,
            router: crate::serve::router(server.clone()),
            server,
            setup,
            lock: Some(lock),
        }
    }

    /// Opens the same folder again, as after a kill: nothing was closed.
    pub(super) async fn reopened(self) -> Self {
        self.reopened_with(|_| {}).await
    }

    /// Opens the same folder again with other settings.
    pub(super) async fn reopened_with(mut self, adjust: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = (*self.server.settings).clone();
        adjust(&mut settings);
        // The lock goes with the process; the store is dropped, not closed.
        drop(self.lock.take());
        let (server, lock) = Box::pin(crate::serve::open(settings)).await.unwrap();
        self.router = crate::serve::router(server.clone());
        self.server = server;
        self.lock = Some(lock);
        self
    }

    /// Leaves the folder to another server.
    pub(super) fn closed(mut self) -> (TempDir, Settings, DevSetup) {
        drop(self.lock.take());
        let settings = (*self.server.settings).clone();
        (self.dir, settings, self.setup)
    }

    pub(super) fn data(&self) -> std::path::PathBuf {
        self.dir.path().join("data")
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answered {
        let response: Response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        assert!(parts.headers.contains_key("x-request-id"));
        Answered {
            status: parts.status,
            headers: parts.headers,
            body: axum::body::to_bytes(body, usize::MAX)
                .await
                .unwrap()
                .to_vec(),
        }
    }

    /// Returns an answer without its body, which can be a stream that does not end.
    pub(super) async fn glance(&self, request: Request<Body>) -> Answered {
        let response: Response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, _) = response.into_parts();
        Answered {
            status: parts.status,
            headers: parts.headers,
            body: Vec::new(),
        }
    }

    pub(super) async fn get(&self, token: &str, path: &str) -> Answered {
        self.send(call(Method::GET, path, token, Body::empty()))
            .await
    }

    pub(super) async fn post(
        &self,
        token: &str,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Answered {
        let body = serde_json::to_vec(body).unwrap();
        self.send(call(Method::POST, path, token, body.into()))
            .await
    }

    /// Asks for approval with a key of its own.
    pub(super) async fn submit(&self, token: &str, submission: &SubmitRequest) -> Answered {
        let key = Nonce::generate().unwrap().to_string();
        self.submit_as(token, &key, submission).await
    }

    /// Asks with a body as it is, with a key of its own.
    pub(super) async fn submit_bytes(&self, token: &str, body: Vec<u8>) -> Answered {
        let key = Nonce::generate().unwrap().to_string();
        self.submit_bytes_as(token, &key, body).await
    }

    pub(super) async fn submit_as(&self, token: &str, key: &str, body: &SubmitRequest) -> Answered {
        let body = serde_json::to_vec(body).unwrap();
        self.submit_bytes_as(token, key, body).await
    }

    async fn submit_bytes_as(&self, token: &str, key: &str, body: Vec<u8>) -> Answered {
        let mut request = call(Method::POST, "/v1/requests", token, body.into());
        request
            .headers_mut()
            .insert("idempotency-key", key.parse().unwrap());
        self.send(request).await
    }

    /// Asks as the agent.
    pub(super) async fn asked(&self, word: &str) -> ApprovalRequest {
        let answer = self.submit(&self.setup.agent, &submission(word)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        answer.request()
    }

    pub(super) async fn review(
        &self,
        token: &str,
        request: &ApprovalRequest,
        answer: Answer,
    ) -> Answered {
        let review = SubmitReview {
            answer,
            digest: request.digest,
            comment: None,
        };
        self.post(
            token,
            &format!("/v1/requests/{}/reviews", request.id),
            &review,
        )
        .await
    }

    /// Asks as the agent and has bob approve it.
    pub(super) async fn approved(&self, word: &str) -> ApprovalRequest {
        let request = self.asked(word).await;
        self.review(&self.setup.bob_approver, &request, Answer::Approve)
            .await
            .request()
    }

    pub(super) async fn claim(&self, request: &ApprovalRequest, nonce: Nonce) -> Answered {
        let claim = ClaimRequest::sign(request.id, request.digest, nonce, &runner()).unwrap();
        self.post(
            &self.setup.agent,
            &format!("/v1/requests/{}/claim", request.id),
            &claim,
        )
        .await
    }

    pub(super) async fn show(&self, request: &ApprovalRequest) -> ApprovalRequest {
        self.get(&self.setup.agent, &format!("/v1/requests/{}", request.id))
            .await
            .request()
    }

    /// Returns all records of the log as they are served.
    pub(super) async fn records(&self) -> Vec<AuditRecord> {
        let mut all = Vec::new();
        loop {
            let path = format!("/v1/audit/records?limit=1000&from={}", all.len());
            let page = self.get(&self.setup.auditor, &path).await.json();
            let records = page["records"].as_array().unwrap();
            let record = |text: &Value| AuditRecord::parse(text.as_str().unwrap().as_bytes());
            all.extend(records.iter().map(|text| record(text).unwrap()));
            if records.is_empty() {
                assert_eq!(page["size"], all.len());
                return all;
            }
        }
    }

    /// Returns the types of the records that name this request.
    pub(super) async fn story(&self, request: &ApprovalRequest) -> Vec<String> {
        let id = request.id.to_string();
        self.records()
            .await
            .iter()
            .filter(|record| record.body().get("request") == Some(&json!(id)))
            .map(|record| record.record_type().to_string())
            .collect()
    }

    pub(super) async fn count(&self, record_type: &str) -> usize {
        self.records()
            .await
            .iter()
            .filter(|record| record.record_type().as_str() == record_type)
            .count()
    }

    /// Verifies the log against its own signed head.
    pub(super) async fn verified(&self) -> VerifiedLog {
        let note = self
            .get(&self.setup.auditor, "/v1/audit/checkpoint")
            .await
            .body;
        let key = self.server.keys.log.verifier();
        let head = SignedCheckpoint::verify(&note, &key, &[]).unwrap();
        let mut verifier = LogVerifier::new(vec![head.checkpoint]);
        for record in self.records().await {
            verifier.feed(record.bytes()).unwrap();
        }
        verifier.finish().unwrap()
    }
}

/// Returns a call with a token; an empty one is left out.
pub(super) fn call(method: Method, path: &str, token: &str, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    if !token.is_empty() {
        let bearer = format!("Bearer {token}").parse().unwrap();
        headers.insert(header::AUTHORIZATION, bearer);
    }
    request
}

/// Returns the runner's key: all submissions name it.
pub(super) fn runner() -> RunnerSecret {
    RunnerSecret::from_seed(&[7; 32])
}

/// Returns a submission that differs from others by one word.
pub(super) fn submission(word: &str) -> SubmitRequest {
    let plain = |text: &str| MaskedText::plain(text.as_bytes());
    let invocation = BoundInvocation {
        v: 1,
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
            rules: vec!["starter/destroy".to_owned()],
            reasons: Vec::new(),
            requirements: vec![Requirement {
                approvers: Vec::new(),
                count: 1,
                apart: None,
                escalation: None,
            }],
            request_ttl_seconds: 600,
            permit_ttl_seconds: 600,
            remind_seconds: None,
        },
        reason: Some("a test".to_owned()),
        break_glass: false,
    }
}

/// Tells whether a file below `dir` holds these bytes.
pub(super) fn is_in_files(dir: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}
