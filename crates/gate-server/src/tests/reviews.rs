//! Who may say yes, and what a no does.

use axum::http::StatusCode;
use gate_protocol::canonical::Digest;
use gate_protocol::id::Nonce;
use gate_protocol::request::{ApprovalStatus, Requirement};
use gate_protocol::review::{Answer, SubmitReview};
use serde_json::json;

use super::bench::{Bench, submission};

#[tokio::test]
async fn nobody_approves_their_own_nor_what_they_own_and_the_attempt_is_recorded() {
    let bench = Bench::new().await;
    let setup = &bench.setup;
    // The admin alice has both tokens; neither helps.
    let wanted = json!({ "principal": "alice", "role": "admin", "ttl_seconds": 60 });
    bench.post(&setup.admin, "/v1/tokens", &wanted).await;
    let of_agent = bench.asked("prod").await;
    let own = bench
        .submit(&setup.alice_requester, &submission("own"))
        .await
        .request();
    let alice = &setup.alice_approver;
    for (request, answer) in [
        (&of_agent, Answer::Approve),
        (&own, Answer::Approve),
        (&own, Answer::Deny),
    ] {
        let answered = bench.review(alice, request, answer).await;
        assert_eq!(answered.problem(), "self_review");
    }
    assert_eq!(bench.count("request.rejected_review").await, 3);
    for (request, reviewer) in [(&of_agent, alice), (&own, &setup.bob_approver)] {
        let bob = bench
            .review(&setup.bob_approver, request, Answer::Approve)
            .await;
        assert_eq!(bob.request().status, ApprovalStatus::Approved);
        let denied = bench.review(reviewer, request, Answer::Deny).await;
        assert_eq!(denied.request().status, ApprovalStatus::Denied);
        let claimed = bench.claim(request, Nonce::generate().unwrap()).await;
        assert!(claimed.status.is_client_error(), "{}", claimed.text());
    }
    bench.verified().await;
}

#[tokio::test]
async fn a_second_account_of_the_same_person_is_that_person() {
    let bench = Bench::with(|settings| settings.floor.min_count = 2).await;
    let admin = &bench.setup.admin;
    let mut tokens = Vec::new();
    for (name, person) in [("alice-ops", "alice"), ("bob-ops", "bob")] {
        let user =
            json!({ "name": name, "kind": "user", "person": person, "groups": ["approvers"] });
        let made = bench.post(admin, "/v1/principals", &user).await;
        assert_eq!(made.json()["person"], person, "{}", made.text());
        for role in ["approver", "requester"] {
            let wanted = json!({ "principal": name, "role": role, "ttl_seconds": 60 });
            let made = bench.post(admin, "/v1/tokens", &wanted).await.json();
            tokens.push(made["token"].as_str().unwrap().to_owned());
        }
    }
    let [alice_approver, alice_requester, bob_approver, _] = tokens.as_slice() else {
        panic!("{tokens:?}");
    };
    let of_agent = bench.asked("prod").await;
    assert_eq!(of_agent.requester.person(), "alice");
    let own = bench.submit(alice_requester, &submission("own")).await;
    let own = own.request();
    for request in [&of_agent, &own] {
        for token in [alice_approver, &bench.setup.alice_approver] {
            let answered = bench.review(token, request, Answer::Approve).await;
            assert_eq!(answered.problem(), "self_review");
        }
    }
    assert_eq!(bench.count("request.rejected_review").await, 4);
    // Two accounts of bob's are one of two.
    for token in [&bench.setup.bob_approver, bob_approver] {
        let answered = bench.review(token, &of_agent, Answer::Approve).await;
        assert_eq!(answered.request().status, ApprovalStatus::Pending);
    }
    let denied = bench.review(bob_approver, &of_agent, Answer::Deny).await;
    let denied = denied.request();
    assert_eq!(denied.status, ApprovalStatus::Denied);
    assert_eq!(denied.reviews.len(), 1, "{:?}", denied.reviews);
    bench.verified().await;
}

#[tokio::test]
async fn an_answer_is_to_the_bytes_that_were_shown() {
    let bench = Bench::new().await;
    let request = bench.asked("prod").await;
    let review = SubmitReview {
        answer: Answer::Approve,
        digest: Digest::of_bytes(b"something else"),
        comment: None,
    };
    let path = format!("/v1/requests/{}/reviews", request.id);
    let bob = &bench.setup.bob_approver;
    assert_eq!(
        bench.post(bob, &path, &review).await.problem(),
        "digest_mismatch"
    );
    let long = SubmitReview {
        digest: request.digest,
        comment: Some("x".repeat(501)),
        ..review
    };
    assert_eq!(bench.post(bob, &path, &long).await.problem(), "bad_request");
    assert_eq!(bench.show(&request).await.version, 1);
}

#[tokio::test]
async fn two_of_m_needs_two_people_and_a_double_click_is_one() {
    let bench = Bench::with(|settings| settings.floor.min_count = 2).await;
    let carol = json!({ "name": "carol", "kind": "user", "groups": ["approvers"] });
    let eve = json!({ "name": "eve", "kind": "user", "groups": [] });
    let mut tokens = Vec::new();
    for person in [carol, eve] {
        bench
            .post(&bench.setup.admin, "/v1/principals", &person)
            .await;
        let wanted = json!({ "principal": person["name"], "role": "approver", "ttl_seconds": 60 });
        let made = bench
            .post(&bench.setup.admin, "/v1/tokens", &wanted)
            .await
            .json();
        tokens.push(made["token"].as_str().unwrap().to_owned());
    }
    let request = bench.asked("prod").await;
    assert_eq!(request.terms.requirements[0].count, 2);
    assert_eq!(request.may_review, ["group:approvers"]);
    let bob = &bench.setup.bob_approver;
    for _ in 0..2 {
        let answered = bench.review(bob, &request, Answer::Approve).await.request();
        assert_eq!(
            (answered.status, answered.version),
            (ApprovalStatus::Pending, 2)
        );
    }
    let stranger = bench.review(&tokens[1], &request, Answer::Approve).await;
    assert_eq!(stranger.problem(), "forbidden");
    let second = bench
        .review(&tokens[0], &request, Answer::Approve)
        .await
        .request();
    assert_eq!(second.status, ApprovalStatus::Approved);
    assert_eq!(second.reviews.len(), 2);
    assert_eq!(bench.count("decision.recorded").await, 2);
    bench.verified().await;
}

#[tokio::test]
async fn each_requirement_is_met_by_people_whom_it_names() {
    let bench = Bench::new().await;
    let mut asked = submission("prod");
    asked.terms.requirements = vec![Requirement {
        approvers: vec!["user:carol".to_owned()],
        count: 1,
        apart: None,
        escalation: None,
    }];
    let request = bench.submit(&bench.setup.agent, &asked).await.request();
    assert_eq!(request.may_review, ["user:carol", "group:approvers"]);
    let half = bench
        .review(&bench.setup.bob_approver, &request, Answer::Approve)
        .await
        .request();
    assert_eq!(half.status, ApprovalStatus::Pending, "carol is missing");
    assert_eq!(half.may_review, ["user:carol"]);
}

#[tokio::test]
async fn a_yes_may_become_a_no_until_the_claim_and_no_no_becomes_a_yes() {
    let bench = Bench::new().await;
    let bob = &bench.setup.bob_approver;
    let request = bench.approved("prod").await;
    let denied = bench.review(bob, &request, Answer::Deny).await.request();
    assert_eq!(denied.status, ApprovalStatus::Denied);
    assert_eq!(denied.reviews.len(), 1);
    assert_eq!(
        bench.review(bob, &request, Answer::Approve).await.problem(),
        "conflict"
    );
    let again = bench.review(bob, &request, Answer::Deny).await;
    assert_eq!(again.request().version, denied.version);
    let claimed = bench.approved("dev").await;
    let nonce = Nonce::generate().unwrap();
    assert_eq!(bench.claim(&claimed, nonce).await.status, StatusCode::OK);
    assert_eq!(
        bench.review(bob, &claimed, Answer::Deny).await.problem(),
        "conflict"
    );
    bench.verified().await;
}
