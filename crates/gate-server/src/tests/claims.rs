//! From an approval to one grant, once.

use std::sync::Arc;

use axum::http::StatusCode;
use gate_protocol::claim::{ClaimRequest, ExpectedGrant, SignedGrant};
use gate_protocol::id::Nonce;
use gate_protocol::log::{AuditRecord, RecordType};
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::ApprovalStatus;
use gate_protocol::review::Answer;
use gate_protocol::runner_key::RunnerSecret;
use gate_protocol::signed_note::SigningKey;
use jiff::{SignedDuration, Timestamp};

use super::bench::Bench;
use crate::lifecycle::{Event, apply};
use crate::store::requests;

#[tokio::test]
async fn an_approved_command_is_granted_on_the_record() {
    let bench = Bench::new().await;
    let request = bench.approved("prod").await;
    assert_eq!(request.status, ApprovalStatus::Approved);
    let nonce = Nonce::generate().unwrap();
    let answer = bench.claim(&request, nonce).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let signed: SignedGrant = serde_json::from_slice(&answer.body).unwrap();
    let record = AuditRecord::parse(signed.record.as_bytes()).unwrap();
    assert!(bench.records().await.contains(&record));
    assert_eq!(signed.grant.approved_by, ["bob"]);
    let expected = ExpectedGrant {
        audience: bench.server.names.audience.clone(),
        request: request.id,
        digest: request.digest,
        runner_key: request.invocation.runner_key,
        nonce,
    };
    let key = bench.server.keys.grant.verifier();
    signed.verify(&key, &expected, 0).unwrap();
    assert_eq!(
        bench.story(&request).await,
        ["request.created", "decision.recorded", "grant.claimed"]
    );
    assert_eq!(bench.show(&request).await.status, ApprovalStatus::Claimed);
    assert_eq!(bench.verified().await.open_claims, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_200_claims_at_once_one_wins_and_one_is_recorded() {
    let bench = Arc::new(Bench::new().await);
    let request = bench.approved("prod").await;
    let claims: Vec<_> = (0..200)
        .map(|_| {
            let (bench, request) = (bench.clone(), request.clone());
            tokio::spawn(async move {
                let nonce = Nonce::generate().unwrap();
                loop {
                    let answer = bench.claim(&request, nonce).await;
                    // Who waited too long for its turn comes again.
                    if answer.status != StatusCode::SERVICE_UNAVAILABLE {
                        return answer.status;
                    }
                }
            })
        })
        .collect();
    let mut won = 0;
    for claim in claims {
        match claim.await.unwrap() {
            StatusCode::OK => won += 1,
            status => assert_eq!(status, StatusCode::CONFLICT),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(bench.count("grant.claimed").await, 1);
    bench.verified().await;
}

#[tokio::test]
async fn the_same_claim_gets_the_same_bytes_and_another_gets_nothing() {
    let bench = Bench::new().await;
    let request = bench.approved("prod").await;
    let nonce = Nonce::generate().unwrap();
    let first = bench.claim(&request, nonce).await;
    let again = bench.claim(&request, nonce).await;
    assert_eq!(first.body, again.body);
    let bench = bench.reopened().await;
    assert_eq!(bench.claim(&request, nonce).await.body, first.body);
    let other = bench.claim(&request, Nonce::generate().unwrap()).await;
    assert_eq!(
        (other.status, other.problem().as_str()),
        (StatusCode::CONFLICT, "conflict")
    );
    assert_eq!(bench.count("grant.claimed").await, 1);
    let records = bench.records().await;
    let claimed = records
        .iter()
        .find(|record| *record.record_type() == RecordType::GrantClaimed)
        .unwrap();
    let body = claimed.body();
    let members: Vec<&String> = body.keys().collect();
    assert_eq!(
        members,
        [
            "approved_by",
            "claim_nonce",
            "digest",
            "mode",
            "not_after",
            "policy_version",
            "request",
            "requester",
            "runner_key"
        ]
    );
    assert_eq!(body["requester"]["name"], "demo-agent");
}

#[tokio::test]
async fn only_the_requests_own_runner_claims_what_was_approved() {
    let bench = Bench::new().await;
    let request = bench.approved("prod").await;
    let other = bench.approved("dev").await;
    let path = format!("/v1/requests/{}/claim", request.id);
    let nonce = Nonce::generate().unwrap();
    let stranger = RunnerSecret::from_seed(&[8; 32]);
    let own = super::bench::runner();
    let agent = &bench.setup.agent;
    let mut unsigned = ClaimRequest::sign(request.id, request.digest, nonce, &own).unwrap();
    unsigned.nonce = Nonce::generate().unwrap();
    let cases = [
        (
            ClaimRequest::sign(request.id, request.digest, nonce, &stranger).unwrap(),
            "forbidden",
        ),
        (
            ClaimRequest::sign(request.id, other.digest, nonce, &own).unwrap(),
            "digest_mismatch",
        ),
        (
            ClaimRequest::sign(other.id, request.digest, nonce, &own).unwrap(),
            "forbidden",
        ),
        (unsigned, "forbidden"),
    ];
    for (claim, code) in cases {
        assert_eq!(bench.post(agent, &path, &claim).await.problem(), code);
    }
    let sound = ClaimRequest::sign(request.id, request.digest, nonce, &own).unwrap();
    let alice = bench
        .post(&bench.setup.alice_requester, &path, &sound)
        .await;
    assert_eq!(alice.problem(), "not_found");
    assert_eq!(bench.count("grant.claimed").await, 0);
    assert_eq!(
        bench.post(agent, &path, &sound).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn what_is_not_approved_is_not_granted() {
    let bench = Bench::new().await;
    let nonce = Nonce::generate().unwrap();
    let pending = bench.asked("pending").await;
    assert_eq!(bench.claim(&pending, nonce).await.problem(), "conflict");
    let denied = bench.approved("denied").await;
    let bob = bench
        .review(&bench.setup.bob_approver, &denied, Answer::Deny)
        .await;
    assert_eq!(bob.request().status, ApprovalStatus::Denied);
    assert_eq!(bench.claim(&denied, nonce).await.problem(), "conflict");
    assert_eq!(
        bench.story(&denied).await.last().unwrap(),
        "decision.recorded"
    );
    bench.verified().await;
}

#[tokio::test]
async fn an_approval_of_a_disabled_reviewer_does_not_count() {
    let bench = Bench::new().await;
    let request = bench.approved("prod").await;
    let path = "/v1/principals/bob/disable";
    let disabled = bench.post(&bench.setup.admin, path, &()).await;
    assert_eq!(disabled.status, StatusCode::OK);
    let answer = bench.claim(&request, Nonce::generate().unwrap()).await;
    assert_eq!(answer.problem(), "conflict");
    assert_eq!(bench.count("grant.claimed").await, 0);
}

/// A swap is lost to a step that went first. What that step made of the request
/// is what the loser is told, whichever step it was.
#[tokio::test]
async fn a_step_that_comes_second_is_told_what_the_first_one_did() {
    use ApprovalStatus as S;
    let bench = Bench::new().await;
    for (at, (first, told)) in [
        (S::Pending, "was changed at the same moment"),
        (S::Approved, "was changed at the same moment"),
        (S::Denied, "is denied already"),
        (S::Expired, "is expired already"),
        (S::Cancelled, "is cancelled already"),
        (S::Claimed, "is claimed already"),
        (S::Started, "is started already"),
        (S::Finished, "is finished already"),
        (S::Unknown, "is unknown already"),
    ]
    .into_iter()
    .enumerate()
    {
        let asked = bench.asked(&format!("n{at}")).await;
        let mut change = bench.server.change().await.unwrap();
        let before = change.request(asked.id).await.unwrap().unwrap();
        let mut ahead = before.clone();
        ahead.version += 1;
        ahead.state.status = first;
        assert!(
            requests::swap(change.connection(), &before, &ahead)
                .await
                .unwrap()
        );
        let second = apply(&before.state, &Event::Cancel, change.now()).unwrap();
        let lost = change.advance(&before, second, |_| {}).await.unwrap_err();
        assert_eq!(lost.problem().code, ProblemCode::Conflict);
        assert!(lost.detail().contains(told), "{first:?}: {}", lost.detail());
    }
}

/// Returns the grant as if its record stood elsewhere in the log, or were of another time.
fn moved(granted: &SignedGrant, by: u64, at: Timestamp, key: &SigningKey) -> SignedGrant {
    let record = AuditRecord::parse(granted.record.as_bytes()).unwrap();
    let (seq, kind) = (record.seq() + by, record.record_type());
    let record = AuditRecord::new(seq, record.prev(), at, kind, record.body()).unwrap();
    let text = String::from_utf8(record.bytes().to_vec()).unwrap();
    SignedGrant::sign(granted.grant.clone(), text, key).unwrap()
}

/// As after a failover to a database that lagged, by a server that has seen nothing of it.
#[tokio::test]
async fn a_log_that_lacks_what_was_granted_before_grants_nothing_to_who_has_proof_of_it() {
    let bench = Bench::new().await;
    let request = bench.approved("prod").await;
    let other = bench.approved("dev").await;
    let answer = bench.claim(&other, Nonce::generate().unwrap()).await;
    let granted: SignedGrant = serde_json::from_slice(&answer.body).unwrap();
    let (now, key) = (Timestamp::now(), &bench.server.keys.grant);
    let before = request.created_at - SignedDuration::from_secs(1);
    let stranger = SigningKey::from_seed(key.verifier().name(), &[7; 32]).unwrap();
    let path = format!("/v1/requests/{}/claim", request.id);
    let claim = async |seen: SignedGrant| {
        let nonce = Nonce::generate().unwrap();
        let own = super::bench::runner();
        let claim = ClaimRequest::sign(request.id, request.digest, nonce, &own).unwrap();
        let claim = claim.having_seen(Some(seen));
        bench.post(&bench.setup.agent, &path, &claim).await
    };
    for lost in [moved(&granted, 100, now, key), moved(&granted, 0, now, key)] {
        let refused = claim(lost).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.text().contains("new-epoch"), "{}", refused.text());
    }
    assert_eq!(bench.show(&request).await.status, ApprovalStatus::Approved);
    // What another server gave, or this one before the request was asked, says nothing of its log.
    for (case, seen) in [
        ("of another", moved(&granted, 100, now, &stranger)),
        ("older", moved(&granted, 100, before, key)),
        ("there", granted.clone()),
    ] {
        let answer = claim(seen).await;
        assert_ne!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{case}");
    }
    assert_eq!(bench.show(&request).await.status, ApprovalStatus::Claimed);
    assert_eq!(bench.count("grant.claimed").await, 2);
}
