//! What a client says of its own command is its word: where the server can hold it against what it
//! knows by itself, a milder word opens nothing.

use axum::http::StatusCode;
use gate_protocol::canonical::Digest;
use gate_protocol::invocation::{BoundInput, Delivery};
use gate_protocol::masked::MaskedText;
use gate_protocol::request::{ApprovalStatus, SubmitRequest};
use gate_protocol::review::Answer;

use super::bench::{Bench, submission};
use super::web::Browser;

/// Returns `kubectl delete ns WORD`, said to be something else.
fn said_to_be(effect: &str, word: &str) -> SubmitRequest {
    let mut wanted = submission(word);
    effect.clone_into(&mut wanted.invocation.effect);
    wanted.digest = wanted.invocation.digest().unwrap();
    wanted
}

fn with_input(word: &str, content: Option<&str>, bytes: &[u8]) -> SubmitRequest {
    let mut wanted = submission(word);
    let plain = |text: &str| MaskedText::plain(text.as_bytes());
    wanted.invocation.argv = ["kubectl", "apply", "-f", word].map(plain).to_vec();
    wanted.invocation.command = vec!["apply".to_owned()];
    "write".clone_into(&mut wanted.invocation.effect);
    wanted.invocation.inputs = vec![BoundInput {
        role: "manifest".to_owned(),
        name: plain(word),
        sha256: Digest::of_bytes(bytes),
        size_bytes: bytes.len() as u64,
        delivery: Delivery::Snapshot,
        content: content.map(str::to_owned),
    }];
    wanted.digest = wanted.invocation.digest().unwrap();
    wanted
}

/// Presses the button alone, and returns where the request stands then.
async fn pressed(bench: &Bench, wanted: &SubmitRequest) -> ApprovalStatus {
    let asked = bench.submit(&bench.setup.agent, wanted).await.request();
    let bob = Browser::signed_in(bench, &bench.setup.bob_approver).await;
    bob.press(&asked, "approve").await;
    let after = bench.show(&asked).await.status;
    bob.answer(&asked, "deny").await;
    after
}

#[tokio::test]
async fn a_milder_word_for_the_effect_opens_no_button() {
    let bench = Bench::new().await;
    for (at, effect) in ["read", "write", "Destroy", "safe"].into_iter().enumerate() {
        let wanted = said_to_be(effect, &format!("ns-{at}"));
        assert_eq!(
            pressed(&bench, &wanted).await,
            ApprovalStatus::Pending,
            "{effect}"
        );
    }
}

#[tokio::test]
async fn a_milder_word_for_the_effect_uses_no_standing_grant() {
    let bench = Bench::with(|settings| {
        let grants = settings.approving.standing_grants.as_mut().unwrap();
        grants.not_for_effects = vec!["destroy".to_owned()];
    })
    .await;
    bench
        .propose(&bench.setup.bob_approver, "prod", 9)
        .await
        .grant();
    for effect in ["destroy", "read", "Destroy"] {
        let wanted = said_to_be(effect, "prod");
        let asked = bench.submit(&bench.setup.agent, &wanted).await.request();
        assert_eq!(asked.status, ApprovalStatus::Pending, "{effect}");
    }
}

#[tokio::test]
async fn an_input_that_nobody_sees_is_not_approved_by_a_button() {
    let bench = Bench::new().await;
    let text = "a: 1\n";
    let shown = with_input("shown.yaml", Some(text), text.as_bytes());
    assert_eq!(pressed(&bench, &shown).await, ApprovalStatus::Approved);
    let absent = with_input("absent.yaml", None, text.as_bytes());
    assert_eq!(pressed(&bench, &absent).await, ApprovalStatus::Pending);
    let masked = with_input("masked.yaml", Some("# [secret 7 bytes]\n"), b"# hunter2\n");
    assert_eq!(pressed(&bench, &masked).await, ApprovalStatus::Pending);
}

#[tokio::test]
async fn a_text_that_is_not_that_of_the_hash_is_not_taken() {
    let bench = Bench::new().await;
    let lie = with_input("lie.yaml", Some("a: 1\n"), b"b: 2\n");
    let refused = bench.submit(&bench.setup.agent, &lie).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.text().contains("invocation.inputs.content"));
}

#[tokio::test]
async fn a_rule_with_two_groups_is_two_people_though_the_client_names_none() {
    let bench = Bench::new().await;
    let rule = "[[rule]]\nid = 'team/two'\ntool = 'kubectl'\n\
                decision = 'require_approval'\napproval.all_of = [\
                { approvers = 'group:approvers', count = 1 }, \
                { approvers = ['group:approvers', 'group:dba'], count = 1 }]\n";
    bench.push_rules(&bench.setup.admin, rule).await;
    let mut wanted = submission("apart");
    wanted.terms.rules = vec!["team/two".to_owned()];
    let asked = bench.submit(&bench.setup.agent, &wanted).await.request();
    let bob = &bench.setup.bob_approver;
    let alone = bench.review(bob, &asked, Answer::Approve).await.request();
    assert_eq!(alone.status, ApprovalStatus::Pending, "{:?}", alone.terms);
    let carol = bench.approver("carol", &["dba"]).await;
    let both = bench
        .review(&carol, &asked, Answer::Approve)
        .await
        .request();
    assert_eq!(both.status, ApprovalStatus::Approved);
}

#[tokio::test]
async fn a_reason_that_nobody_sees_is_none_for_break_glass() {
    let bench = Bench::with(|settings| {
        let people = vec!["group:approvers".to_owned()];
        let requirement = gate_protocol::request::Requirement::of(people, 1);
        settings.approving.break_glass = Some(requirement);
    })
    .await;
    for (at, reason) in [
        "\u{200b}",
        "\u{2800}",
        " . ",
        "\u{3164}",
        "\u{115f}\u{1160}",
    ]
    .into_iter()
    .enumerate()
    {
        let mut wanted = submission(&format!("glass-{at}"));
        wanted.break_glass = true;
        wanted.reason = Some(reason.to_owned());
        let refused = bench.submit(&bench.setup.agent, &wanted).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{reason:?}");
        wanted.reason = Some("die Seite steht".to_owned());
        let taken = bench.submit(&bench.setup.agent, &wanted).await;
        assert_eq!(taken.status, StatusCode::CREATED, "{}", taken.text());
    }
}
