//! Waiting for an answer: woken by each change, by time and by a stop.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use gate_protocol::id::Nonce;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::Answer;
use tokio::task::JoinHandle;

use super::bench::{Bench, call, submission};
use crate::clock;

/// Far beyond what any of this takes, and below a poll's wait.
const SOON: Duration = Duration::from_secs(30);

/// Parks a poll, and returns once it is parked.
async fn park(bench: &Arc<Bench>, request: &ApprovalRequest) -> JoinHandle<ApprovalRequest> {
    let path = format!(
        "/v1/requests/{}?wait=60&after={}",
        request.id, request.version
    );
    let parked = bench.clone();
    let poll = tokio::spawn(async move { parked.get(&parked.setup.agent, &path).await.request() });
    while !bench.server.waiters.is_waited_for(request.id) {
        tokio::task::yield_now().await;
    }
    poll
}

async fn woken(poll: JoinHandle<ApprovalRequest>) -> ApprovalRequest {
    tokio::time::timeout(SOON, poll).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_poll_is_woken_by_an_answer_and_by_a_cancellation() {
    let bench = Arc::new(Bench::new().await);
    let request = bench.asked("a").await;
    let poll = park(&bench, &request).await;
    bench
        .review(&bench.setup.bob_approver, &request, Answer::Approve)
        .await;
    let approved = woken(poll).await;
    assert_eq!(
        (approved.status, approved.version),
        (ApprovalStatus::Approved, 2)
    );
    let poll = park(&bench, &approved).await;
    let path = format!("/v1/requests/{}/cancel", request.id);
    bench.post(&bench.setup.agent, &path, &()).await;
    assert_eq!(woken(poll).await.status, ApprovalStatus::Cancelled);
}

#[tokio::test]
async fn a_poll_is_told_nothing_once_its_token_is_revoked_or_its_principal_disabled() {
    let bench = Arc::new(Bench::new().await);
    let setup = bench.setup.clone();
    let body = serde_json::json!({
        "principal": "demo-agent", "role": "requester", "ttl_seconds": 600
    });
    let created = bench.post(&setup.admin, "/v1/tokens", &body).await.json();
    let text = |member: &str| created[member].as_str().unwrap().to_owned();
    let (token, id) = (text("token"), text("id"));
    let request = bench.asked("a").await;
    let path = format!("/v1/requests/{}?wait=60&after=1", request.id);
    let mut polls = Vec::new();
    for bearer in [&token, &setup.agent] {
        let (parked, bearer, path) = (bench.clone(), bearer.clone(), path.clone());
        polls.push(tokio::spawn(
            async move { parked.get(&bearer, &path).await },
        ));
    }
    while bench.server.waiters.count(request.id) < 2 {
        tokio::task::yield_now().await;
    }
    let revoke = call(
        Method::DELETE,
        &format!("/v1/tokens/{id}"),
        &setup.admin,
        Body::empty(),
    );
    assert_eq!(bench.send(revoke).await.status, StatusCode::NO_CONTENT);
    bench
        .review(&setup.bob_approver, &request, Answer::Approve)
        .await;
    let mut answers = Vec::new();
    for poll in polls {
        answers.push(tokio::time::timeout(SOON, poll).await.unwrap().unwrap());
    }
    assert_eq!(answers[0].problem(), "unauthorized");
    assert_eq!(answers[1].request().status, ApprovalStatus::Approved);

    let request = bench.asked("b").await;
    let path = format!("/v1/requests/{}?wait=60&after=1", request.id);
    let (parked, bearer) = (bench.clone(), setup.agent.clone());
    let poll = tokio::spawn(async move { parked.get(&bearer, &path).await });
    while !bench.server.waiters.is_waited_for(request.id) {
        tokio::task::yield_now().await;
    }
    bench
        .post(&setup.admin, "/v1/principals/demo-agent/disable", &())
        .await;
    bench
        .review(&setup.bob_approver, &request, Answer::Approve)
        .await;
    let answer = tokio::time::timeout(SOON, poll).await.unwrap().unwrap();
    assert_eq!(answer.problem(), "unauthorized");
}

#[tokio::test]
async fn a_poll_is_woken_when_time_is_up_though_nobody_calls() {
    let bench = Arc::new(Bench::new().await);
    let mut asked = submission("a");
    asked.terms.request_ttl_seconds = 1;
    let settling = tokio::spawn(bench.server.clone().settle_regularly());
    let request = bench.submit(&bench.setup.agent, &asked).await.request();
    let expired = woken(park(&bench, &request).await).await;
    settling.abort();
    assert_eq!(expired.status, ApprovalStatus::Expired);
    assert_eq!(expired.expires_in_seconds, 0);
    assert_eq!(
        bench.story(&request).await,
        ["request.created", "request.expired"]
    );
    bench.verified().await;
}

#[tokio::test]
async fn a_stop_answers_every_poll_at_once_with_the_state_as_it_is() {
    let bench = Arc::new(Bench::new().await);
    let request = bench.asked("a").await;
    let polls = [park(&bench, &request).await, park(&bench, &request).await];
    bench.server.stop();
    for poll in polls {
        let answered = woken(poll).await;
        assert_eq!(
            (answered.status, answered.version),
            (ApprovalStatus::Pending, 1)
        );
    }
    assert_eq!(
        bench.get("", "/v1/health").await.json()["status"],
        "stopping"
    );
}

#[tokio::test]
async fn a_poll_returns_at_once_what_is_newer_and_in_time_what_is_not() {
    let bench = Bench::new().await;
    let request = bench.asked("a").await;
    let agent = &bench.setup.agent;
    for query in ["wait=60&after=0", "wait=60", "wait=0&after=1", "after=1"] {
        let path = format!("/v1/requests/{}?{query}", request.id);
        let answer = tokio::time::timeout(SOON, bench.get(agent, &path))
            .await
            .unwrap();
        assert_eq!(answer.request().version, 1, "{query}");
    }
    let path = format!("/v1/requests/{}?wait=1&after=1", request.id);
    let answer = tokio::time::timeout(SOON, bench.get(agent, &path))
        .await
        .unwrap();
    assert_eq!(answer.request().status, ApprovalStatus::Pending);
}

#[tokio::test]
async fn of_many_polls_and_answers_at_once_none_is_lost() {
    let bench = Arc::new(Bench::new().await);
    let mut polls = Vec::new();
    for word in 0..20 {
        let request = bench.asked(&word.to_string()).await;
        let path = format!("/v1/requests/{}?wait=60&after=1", request.id);
        let (parked, answering) = (bench.clone(), bench.clone());
        polls.push(tokio::spawn(async move {
            parked.get(&parked.setup.agent, &path).await.request()
        }));
        tokio::spawn(async move {
            let bob = answering.setup.bob_approver.clone();
            answering.review(&bob, &request, Answer::Approve).await;
        });
    }
    for poll in polls {
        assert_eq!(woken(poll).await.status, ApprovalStatus::Approved);
    }
}

#[tokio::test]
async fn what_falls_due_while_the_server_is_down_is_settled_at_the_start() {
    let bench = Bench::new().await;
    let pending = bench.asked("pending").await;
    let approved = bench.approved("approved").await;
    let claimed = bench.approved("claimed").await;
    bench.claim(&claimed, Nonce::generate().unwrap()).await;
    let bench = bench.reopened().await;
    // Beyond every deadline: a day for a request, an hour for an approval, and
    // the grant with the time to report a start.
    let later = clock::after(clock::now(), 2 * 24 * 3600);
    assert_eq!(bench.server.settle_due(later).await.unwrap(), None);
    for (request, status, last) in [
        (&pending, ApprovalStatus::Expired, "request.expired"),
        (&approved, ApprovalStatus::Expired, "request.expired"),
        (&claimed, ApprovalStatus::Unknown, "run.unknown"),
    ] {
        assert_eq!(bench.show(request).await.status, status);
        assert_eq!(bench.story(request).await.last().unwrap(), last);
    }
    bench.verified().await;
}
