//! A no is everybody's whom the request names: nobody silences it by a hand in the account, in the
//! agent or in a rule.

use axum::http::StatusCode;
use gate_protocol::id::Nonce;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::Answer;
use serde_json::json;

use super::bench::{Bench, submission};
use super::web::Browser;

/// A rule about the tool of the tests.
const RULE: &str = "[[rule]]\nid = 'team/kubectl'\ntool = 'kubectl'\n\
                    decision = 'require_approval'\n";

/// An admin who is no approver, and a token of theirs that asks.
async fn mallory(bench: &Bench) -> (String, String) {
    bench.approver("mallory", &[]).await;
    (
        bench.token_of("mallory", "admin").await,
        bench.token_of("mallory", "requester").await,
    )
}

async fn ends(bench: &Bench, request: &ApprovalRequest) {
    let seen = format!("/v1/requests/{}", request.id);
    let seen = bench.get(&bench.setup.auditor, &seen).await.request();
    assert_eq!(seen.status, ApprovalStatus::Denied);
    let claimed = bench.claim(request, Nonce::generate().unwrap()).await;
    assert!(claimed.status.is_client_error(), "{}", claimed.text());
}

#[tokio::test]
async fn a_hand_in_an_account_silences_nobody() {
    let bench = Bench::new().await;
    let (mallory, asks) = mallory(&bench).await;
    let request = bench.submit(&asks, &submission("own")).await.request();
    // All that takes bob's yes away.
    let wanted = json!({ "principal": "bob", "role": "approver", "ttl_seconds": 600 });
    let made = bench.post(&mallory, "/v1/tokens", &wanted).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let bob = &bench.setup.bob_approver;
    let refused = bench.review(bob, &request, Answer::Approve).await;
    assert_eq!(refused.problem(), "excluded");
    let page = Browser::signed_in(&bench, bob).await;
    let shown = page.page(&format!("/requests/{}", request.id)).await;
    assert!(shown.contains("value=\"deny\""), "{shown}");
    assert!(!shown.contains("value=\"approve\""), "{shown}");
    let denied = page.answer(&request, "deny").await;
    assert!(denied.status.is_redirection(), "{}", denied.text());
    ends(&bench, &request).await;
    bench.verified().await;
}

#[tokio::test]
async fn who_changed_the_rule_or_owns_the_agent_still_ends_what_others_approved() {
    let bench = Bench::new().await;
    let bob_admin = bench.token_of("bob", "admin").await;
    bench.push_rules(&bob_admin, RULE).await;
    let carol = bench.approver("carol", &["approvers"]).await;
    for (reviewer, word) in [
        (&bench.setup.bob_approver, "edited"),
        (&bench.setup.alice_approver, "owned"),
    ] {
        let mut wanted = submission(word);
        wanted.terms.rules = vec!["team/kubectl".to_owned()];
        let request = bench.submit(&bench.setup.agent, &wanted).await.request();
        let refused = bench.review(reviewer, &request, Answer::Approve).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
        let approved = bench.review(&carol, &request, Answer::Approve).await;
        assert_eq!(approved.request().status, ApprovalStatus::Approved);
        let denied = bench.review(reviewer, &request, Answer::Deny).await;
        assert_eq!(denied.request().status, ApprovalStatus::Denied, "{word}");
        ends(&bench, &request).await;
    }
    bench.verified().await;
}

#[tokio::test]
async fn whom_nobody_named_ends_nothing() {
    let bench = Bench::new().await;
    let dave = bench.approver("dave", &["others"]).await;
    let request = bench.asked("theirs").await;
    let refused = bench.review(&dave, &request, Answer::Deny).await;
    assert_eq!(refused.problem(), "forbidden");
    let approved = bench
        .review(&bench.setup.bob_approver, &request, Answer::Approve)
        .await;
    assert_eq!(approved.request().status, ApprovalStatus::Approved);
}
