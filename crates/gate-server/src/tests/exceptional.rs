//! Standing grants, break-glass, and a server that only observes.

use axum::http::StatusCode;
use gate_protocol::claim::SignedGrant;
use gate_protocol::id::Nonce;
use gate_protocol::request::{ApprovalStatus, Requirement};
use gate_protocol::review::Answer;
use gate_protocol::standing_grant::{StandingGrant, StandingGrantStatus};
use serde_json::{Value, json};

use super::bench::{Answered, Bench, submission};
use crate::settings::ServerMode;

const RULE: &str = "starter/destroy";

fn proposal(word: &str, uses: u32) -> Value {
    json!({
        "rule": RULE, "target": { "namespace": word }, "principal": "demo-agent",
        "uses": uses, "ttl_seconds": 600, "reason": "rolling out 14",
    })
}

impl Answered {
    pub(super) fn grant(&self) -> StandingGrant {
        assert!(self.status.is_success(), "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Bench {
    pub(super) async fn propose(&self, token: &str, word: &str, uses: u32) -> Answered {
        self.post(token, "/v1/standing-grants", &proposal(word, uses))
            .await
    }

    pub(super) async fn on_grant(
        &self,
        token: &str,
        grant: &StandingGrant,
        verb: &str,
    ) -> Answered {
        let path = format!("/v1/standing-grants/{}/{verb}", grant.id);
        self.post(token, &path, &()).await
    }
}

#[tokio::test]
async fn a_standing_grant_approves_so_many_and_each_use_is_on_the_record() {
    let bench = Bench::new().await;
    let bob = &bench.setup.bob_approver;
    let grant = bench.propose(bob, "prod", 2).await.grant();
    assert_eq!(
        grant.status,
        StandingGrantStatus::Active,
        "one of the approvers is enough"
    );
    for number in 1..=2 {
        let request = bench.asked("prod").await;
        assert_eq!(request.status, ApprovalStatus::Approved);
        assert_eq!(request.reviews[0].channel, "standing-grant");
        let used = request.particulars.standing_grant.clone().unwrap();
        assert_eq!((used.id, used.number), (grant.id, number));
        let claimed = bench.claim(&request, Nonce::generate().unwrap()).await;
        let signed: SignedGrant = serde_json::from_slice(&claimed.body).unwrap();
        assert_eq!(signed.grant.approved_by, ["bob"]);
        assert_eq!(
            bench.story(&request).await,
            [
                "request.created",
                "standing_grant.used",
                "decision.recorded",
                "grant.claimed"
            ]
        );
    }
    let third = bench.asked("prod").await;
    assert_eq!(third.status, ApprovalStatus::Pending, "all uses are used");
    let listed = bench.get(bob, "/v1/standing-grants").await.json();
    assert_eq!(listed["standing_grants"][0]["status"], "used_up");
    bench.verified().await;
}

#[tokio::test]
async fn a_standing_grant_is_for_one_rule_one_target_and_one_principal() {
    let bench = Bench::new().await;
    let bob = &bench.setup.bob_approver;
    bench.propose(bob, "prod", 9).await.grant();
    let mut other_rule = submission("prod");
    other_rule.terms.rules = vec!["team/other".to_owned()];
    let mut also_asked = submission("prod");
    also_asked.terms.rules.push("team/other".to_owned());
    let mut reveals = submission("prod");
    "secret".clone_into(&mut reveals.invocation.effect);
    reveals.digest = reveals.invocation.digest().unwrap();
    let mut wider = submission("prod");
    wider
        .invocation
        .target
        .insert("cluster".to_owned(), "eu".to_owned());
    wider.digest = wider.invocation.digest().unwrap();
    for asked in [submission("dev"), other_rule, also_asked, reveals, wider] {
        let request = bench.submit(&bench.setup.agent, &asked).await.request();
        assert_eq!(request.status, ApprovalStatus::Pending);
    }
    let alice = &bench.setup.alice_requester;
    let of_alice = bench.submit(alice, &submission("prod")).await.request();
    assert_eq!(of_alice.status, ApprovalStatus::Pending);
}

#[tokio::test]
async fn a_standing_grant_needs_whom_the_requests_need() {
    let bench = Bench::with(|settings| settings.floor.min_count = 2).await;
    let carol = bench.approver("carol", &["approvers"]).await;
    let eve = bench.approver("eve", &["friends"]).await;
    let setup = &bench.setup;
    for (token, code) in [(&setup.alice_approver, "self_review"), (&eve, "forbidden")] {
        assert_eq!(bench.propose(token, "prod", 1).await.problem(), code);
    }
    assert_eq!(bench.count("standing_grant.rejected").await, 2);
    for token in [&setup.agent, &setup.admin, &setup.auditor] {
        let refused = bench.propose(token, "prod", 1).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    let grant = bench.propose(&setup.bob_approver, "prod", 3).await.grant();
    assert_eq!(grant.status, StandingGrantStatus::Proposed);
    assert_eq!(bench.asked("prod").await.status, ApprovalStatus::Pending);
    let twice = bench
        .on_grant(&setup.bob_approver, &grant, "confirm")
        .await
        .grant();
    assert_eq!(
        twice.status,
        StandingGrantStatus::Proposed,
        "bob is one person"
    );
    let own = bench
        .on_grant(&setup.alice_approver, &grant, "confirm")
        .await;
    assert_eq!(own.problem(), "self_review");
    let active = bench.on_grant(&carol, &grant, "confirm").await.grant();
    assert_eq!(active.status, StandingGrantStatus::Active);
    let mut asked = submission("prod");
    asked.terms.requirements = vec![Requirement::of(vec!["user:dave".to_owned()], 1)];
    let stricter = bench.submit(&setup.agent, &asked).await.request();
    assert_eq!(
        stricter.status,
        ApprovalStatus::Pending,
        "dave did not confirm it"
    );
    // Who confirmed and may not act any more confirms nothing.
    bench
        .post(&setup.admin, "/v1/principals/carol/disable", &())
        .await;
    let mut anew = submission("prod");
    anew.terms.request_ttl_seconds = 60;
    let request = bench.submit(&setup.agent, &anew).await.request();
    assert_eq!(request.status, ApprovalStatus::Pending);
    bench.verified().await;
}

#[tokio::test]
async fn a_revoked_standing_grant_takes_back_what_nobody_has_started() {
    let bench = Bench::new().await;
    let bob = &bench.setup.bob_approver;
    let grant = bench.propose(bob, "prod", 5).await.grant();
    let approved = bench.asked("prod").await;
    assert_eq!(approved.status, ApprovalStatus::Approved);
    for _ in 0..2 {
        let revoked = bench
            .on_grant(&bench.setup.admin, &grant, "revoke")
            .await
            .grant();
        assert_eq!(revoked.status, StandingGrantStatus::Revoked);
    }
    assert_eq!(bench.count("standing_grant.revoked").await, 1);
    let open = bench.show(&approved).await;
    assert_eq!(open.status, ApprovalStatus::Pending);
    assert!(open.reviews[0].void.as_ref().unwrap().contains("revoked"));
    let claim = bench.claim(&approved, Nonce::generate().unwrap()).await;
    assert_eq!(claim.status, StatusCode::CONFLICT);
    let yes = bench.review(bob, &approved, Answer::Approve).await;
    assert_eq!(
        yes.request().status,
        ApprovalStatus::Approved,
        "a person may say yes"
    );
    let late = bench.on_grant(bob, &grant, "confirm").await;
    assert_eq!(late.problem(), "conflict");
    bench.verified().await;
}

#[tokio::test]
async fn a_standing_grant_that_is_no_standing_grant_is_refused() {
    let bench = Bench::new().await;
    let bob = &bench.setup.bob_approver;
    for (field, value) in [
        ("uses", json!(0)),
        ("uses", json!(101)),
        ("ttl_seconds", json!(59)),
        ("ttl_seconds", json!(28_801)),
        ("reason", json!(" ")),
        ("rule", json!("")),
        ("principal", json!("nobody")),
        ("target", json!({ "namespace": "x".repeat(4_001) })),
    ] {
        let mut wanted = proposal("prod", 1);
        wanted[field] = value;
        let refused = bench.post(bob, "/v1/standing-grants", &wanted).await;
        assert_eq!(refused.problem(), "bad_request", "{field}");
        assert!(refused.text().contains(field), "{}", refused.text());
    }
    let own = bench
        .get(&bench.setup.alice_requester, "/v1/standing-grants")
        .await;
    assert_eq!(own.json()["standing_grants"], json!([]));
}

pub(super) async fn with_break_glass() -> Bench {
    Bench::with(|settings| {
        let people = vec!["group:on-call".to_owned()];
        settings.approving.break_glass = Some(Requirement::of(people, 2));
    })
    .await
}

#[tokio::test]
async fn break_glass_asks_two_others_loudly_and_is_reviewed_afterwards() {
    let bench = with_break_glass().await;
    let carol = bench.approver("carol", &["on-call"]).await;
    let dave = bench.approver("dave", &["on-call"]).await;
    let mut asked = submission("prod");
    asked.break_glass = true;
    asked.reason = Some("the site is down".to_owned());
    let request = bench.submit(&bench.setup.agent, &asked).await.request();
    assert_eq!(request.may_review, ["group:on-call"]);
    assert!(request.particulars.break_glass.is_some());
    let bob = bench
        .review(&bench.setup.bob_approver, &request, Answer::Approve)
        .await;
    assert_eq!(bob.problem(), "forbidden", "he is not on call");
    let one = bench
        .review(&carol, &request, Answer::Approve)
        .await
        .request();
    assert_eq!(one.status, ApprovalStatus::Pending);
    bench.review(&dave, &request, Answer::Approve).await;
    let review = format!("/v1/requests/{}/break-glass-review", request.id);
    let comment = json!({ "comment": "justified" });
    let auditor = &bench.setup.auditor;
    let early = bench.post(auditor, &review, &comment).await;
    assert_eq!(early.problem(), "conflict", "nothing was used yet");
    bench.claim(&request, Nonce::generate().unwrap()).await;
    let open = bench.get(auditor, "/v1/break-glass?open=true").await.json();
    assert_eq!(open["uses"][0]["request"], request.id.to_string());
    assert_eq!(open["uses"][0]["approved_by"], json!(["carol", "dave"]));
    for involved in [&carol, &bench.setup.alice_approver] {
        let refused = bench.post(involved, &review, &comment).await;
        assert_eq!(refused.problem(), "excluded", "{}", refused.text());
    }
    let silent = bench
        .post(auditor, &review, &json!({ "comment": " " }))
        .await;
    assert_eq!(silent.problem(), "bad_request");
    let closed = bench.post(auditor, &review, &comment).await.request();
    assert_eq!(
        closed.particulars.break_glass.unwrap().reviewed_by.unwrap(),
        "auditor"
    );
    let none = bench.get(auditor, "/v1/break-glass?open=true").await.json();
    assert_eq!(none["uses"], json!([]));
    let story = bench.story(&request).await;
    for expected in [
        "break_glass.asked",
        "break_glass.used",
        "break_glass.reviewed",
    ] {
        assert!(
            story.contains(&expected.to_owned()),
            "{expected}: {story:?}"
        );
    }
    bench.verified().await;
}

#[tokio::test]
async fn break_glass_needs_a_reason_and_a_server_that_has_it_and_never_oneself() {
    let bench = with_break_glass().await;
    let mut asked = submission("prod");
    asked.break_glass = true;
    asked.reason = Some("  ".to_owned());
    let agent = &bench.setup.agent;
    assert_eq!(bench.submit(agent, &asked).await.problem(), "bad_request");
    asked.reason = Some("down".to_owned());
    bench
        .sql("UPDATE principals SET groups = '[\"on-call\"]' WHERE name = 'alice'")
        .await;
    let request = bench.submit(agent, &asked).await.request();
    assert_eq!(
        request.particulars.warnings.len(),
        1,
        "nobody else is on call"
    );
    let own = bench
        .review(&bench.setup.alice_approver, &request, Answer::Approve)
        .await;
    assert_eq!(own.problem(), "self_review");
    let everyday = bench.submit(agent, &submission("prod")).await.request();
    assert_ne!(everyday.id, request.id, "the one is no answer to the other");
    let without = Bench::new().await;
    let refused = without.submit(&without.setup.agent, &asked).await;
    assert_eq!(refused.problem(), "forbidden");
}

#[tokio::test]
async fn a_standing_grant_is_not_for_break_glass() {
    let bench = with_break_glass().await;
    bench
        .propose(&bench.setup.bob_approver, "prod", 5)
        .await
        .grant();
    let mut asked = submission("prod");
    asked.break_glass = true;
    let request = bench.submit(&bench.setup.agent, &asked).await.request();
    assert_eq!(request.status, ApprovalStatus::Pending);
}

#[tokio::test]
async fn a_server_that_only_observes_says_so_in_what_it_signs() {
    let bench = Bench::with(|settings| settings.approving.mode = ServerMode::Observe).await;
    let request = bench.asked("prod").await;
    assert_eq!(request.status, ApprovalStatus::Approved);
    assert!(request.particulars.observed && request.reviews.is_empty());
    let claimed = bench.claim(&request, Nonce::generate().unwrap()).await;
    let signed: SignedGrant = serde_json::from_slice(&claimed.body).unwrap();
    assert!(signed.grant.observed);
    assert!(signed.grant.approved_by.is_empty());
    assert_eq!(
        bench.story(&request).await,
        ["request.created", "request.observed", "grant.claimed"]
    );
    bench.verified().await;
    // Somebody may still say no.
    let other = bench.asked("dev").await;
    let denied = bench
        .review(&bench.setup.bob_approver, &other, Answer::Deny)
        .await;
    assert_eq!(denied.request().status, ApprovalStatus::Denied);
}

#[tokio::test]
async fn what_was_observed_is_asked_once_the_server_enforces() {
    let bench = Bench::with(|settings| settings.approving.mode = ServerMode::Observe).await;
    let request = bench.asked("prod").await;
    let bench = bench
        .reopened_with(|settings| settings.approving.mode = ServerMode::Enforce)
        .await;
    let claim = bench.claim(&request, Nonce::generate().unwrap()).await;
    assert_eq!(claim.problem(), "lapsed");
    let open = bench.show(&request).await;
    assert_eq!(open.status, ApprovalStatus::Pending);
    assert!(!open.particulars.observed);
    bench.verified().await;
}
