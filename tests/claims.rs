//! One approval, many who want it: one gets it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail the test"
)]

#[expect(dead_code, reason = "other tests speak for the server too")]
#[path = "fail_closed/http.rs"]
mod http;
#[expect(dead_code, reason = "other tests on this stage use the rest of it")]
#[path = "fail_closed/stage.rs"]
mod stage;

use std::collections::BTreeMap;

use gate_client::{Client, ClientError, ClientSettings, IdempotencyKey};
use gate_protocol::canonical::Digest;
use gate_protocol::claim::{ClaimRequest, SignedGrant};
use gate_protocol::id::{Nonce, RequestId};
use gate_protocol::invocation::{BoundInvocation, BoundTool};
use gate_protocol::masked::MaskedText;
use gate_protocol::mode::Mode;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::{Circumstances, SubmitRequest, Terms};
use gate_protocol::runner_key::RunnerSecret;
use stage::{Machine, Server, Waiting};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const CLAIMS: usize = 200;

/// An approved request of the agent's, and what is needed to claim it.
struct Approved {
    server: Server,
    client: Client,
    runtime: Runtime,
    runner: RunnerSecret,
    id: RequestId,
    digest: Digest,
}

impl Approved {
    fn new() -> Self {
        let server = Server::start("");
        let url = format!("http://{}", server.address).parse().unwrap();
        let token = server.token("agent").parse().unwrap();
        let client = Client::new(ClientSettings::new(url).with_token(token)).unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let runner = RunnerSecret::generate().unwrap();
        let submission = submission(&runner);
        let key = IdempotencyKey::generate().unwrap();
        let submitted = runtime.block_on(client.submit(&submission, &key)).unwrap();
        let request = submitted.request;
        server.approve(&request.id.to_string());
        Self {
            server,
            client,
            runtime,
            runner,
            id: request.id,
            digest: submission.digest,
        }
    }

    fn claim(&self, nonce: Nonce) -> ClaimRequest {
        ClaimRequest::sign(self.id, self.digest, nonce, &self.runner).unwrap()
    }

    /// Sends all claims at once and returns what came back.
    fn claim_at_once(&self, claims: Vec<ClaimRequest>) -> Vec<Result<SignedGrant, ClientError>> {
        self.runtime.block_on(async {
            let mut sent = JoinSet::new();
            for claim in claims {
                let (client, id) = (self.client.clone(), self.id);
                sent.spawn(async move { client.claim(id, &claim).await });
            }
            sent.join_all().await
        })
    }

    fn claimed_records(&self) -> usize {
        let history = self.server.history(&self.id.to_string());
        history
            .iter()
            .filter(|kind| *kind == "grant.claimed")
            .count()
    }
}

fn submission(runner: &RunnerSecret) -> SubmitRequest {
    let argv = ["deployer", "now"].map(|word| MaskedText::plain(word.as_bytes()));
    let invocation = BoundInvocation {
        v: 1,
        tool: BoundTool {
            name: "deployer".to_owned(),
            path: MaskedText::plain(b"/usr/bin/deployer"),
            sha256: Digest::of_bytes(b"deployer"),
            size_bytes: 8,
        },
        argv: argv.into(),
        cwd: MaskedText::plain(b"/srv"),
        command: Vec::new(),
        effect: "unknown".to_owned(),
        target: BTreeMap::new(),
        environment: Vec::new(),
        inputs: Vec::new(),
        preview: None,
        runner_key: runner.public(),
    };
    SubmitRequest {
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
            rules: vec!["baseline/unknown".to_owned()],
            reasons: Vec::new(),
            requirements: Vec::new(),
            request_ttl_seconds: 600,
            permit_ttl_seconds: 300,
            remind_seconds: None,
        },
        reason: None,
        break_glass: false,
    }
}

#[test]
fn of_two_hundred_claims_at_once_one_gets_the_grant() {
    let approved = Approved::new();
    let claims = (0..CLAIMS).map(|_| approved.claim(Nonce::generate().unwrap()));
    let answers = approved.claim_at_once(claims.collect());
    let granted: Vec<&SignedGrant> = answers.iter().flatten().collect();
    assert_eq!(granted.len(), 1);
    let conflicts = answers.iter().filter(|answer| {
        matches!(answer, Err(ClientError::Refused(problem)) if problem.code == ProblemCode::Conflict)
    });
    assert_eq!(conflicts.count(), CLAIMS - 1, "{answers:?}");
    assert_eq!(approved.claimed_records(), 1);
    approved.server.assert_log_verifies();
}

#[test]
fn the_same_claim_again_gets_the_same_grant() {
    let approved = Approved::new();
    let claim = approved.claim(Nonce::generate().unwrap());
    let answers = approved.claim_at_once(vec![claim; 20]);
    let first = answers.first().unwrap().as_ref().unwrap();
    for answer in &answers {
        assert_eq!(answer.as_ref().unwrap(), first);
    }
    assert_eq!(approved.claimed_records(), 1);
    let other = approved.claim_at_once(vec![approved.claim(Nonce::generate().unwrap())]);
    assert!(
        matches!(other.as_slice(), [Err(ClientError::Refused(_))]),
        "{other:?}"
    );
}

#[test]
fn of_two_runs_that_wait_on_one_request_one_runs() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    let mut waiting = [
        Waiting::start(&machine, "now"),
        Waiting::start(&machine, "now"),
    ];
    let [one, other] = waiting.each_mut().map(Waiting::asked);
    assert_eq!(one, other, "asked twice");
    server.approve(&one);
    let mut ends = waiting.map(Waiting::end);
    ends.sort_by_key(|ran| ran.code);
    let [ran, refused] = &ends;
    assert_eq!((ran.code, refused.code), (Some(0), Some(125)), "{ends:?}");
    assert!(
        refused.stderr.contains("run the same command again"),
        "{refused:?}"
    );
    assert_eq!(machine.canary(), ["now"]);
    let history = server.history(&one);
    assert_eq!(
        history
            .iter()
            .filter(|kind| *kind == "grant.claimed")
            .count(),
        1
    );
    server.assert_log_verifies();
}
