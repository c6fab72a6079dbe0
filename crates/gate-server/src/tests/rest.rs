//! Whoever lets people in does not answer by them: what one admin alone made counts for nothing in
//! what was asked before, nor for a while, until a second one confirms it.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use gate_protocol::account::PrincipalChanges;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus, Requirement};
use gate_protocol::review::Answer;
use serde_json::{Value, json};

use super::bench::{Answered, Bench, call, submission};
use super::web::Browser;

async fn resting() -> Bench {
    Bench::with(|settings| settings.approving.approver_rest = Duration::from_hours(24)).await
}

/// Makes an admin who is trusted with nothing, by the one who is.
async fn admin(bench: &Bench, name: &str) -> String {
    bench.approver(name, &[]).await;
    bench.token_of(name, "admin").await
}

async fn token_by(bench: &Bench, by: &str, name: &str, role: &str) -> String {
    let wanted = json!({ "principal": name, "role": role, "ttl_seconds": 600 });
    let made = bench.post(by, "/v1/tokens", &wanted).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    made.json()["token"].as_str().unwrap().to_owned()
}

/// Makes a user by an admin, with a token of a role.
async fn user_by(bench: &Bench, by: &str, name: &str, groups: &[&str], role: &str) -> String {
    let user = json!({ "name": name, "kind": "user", "groups": groups });
    let made = bench.post(by, "/v1/principals", &user).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    token_by(bench, by, name, role).await
}

async fn join(bench: &Bench, by: &str, name: &str, group: &str) {
    let path = format!("/v1/principals/{name}");
    let body = serde_json::to_vec(&json!({ "add_groups": [group] })).unwrap();
    let joined = bench
        .send(call(Method::PATCH, &path, by, body.into()))
        .await;
    assert_eq!(joined.status, StatusCode::OK, "{}", joined.text());
}

/// Tries to approve by the API and on the page: refused, on record, with from when on it counts.
async fn rests(bench: &Bench, token: &str, request: &ApprovalRequest) {
    let refused = bench.review(token, request, Answer::Approve).await;
    assert_eq!(refused.problem(), "excluded", "{}", refused.text());
    let said = refused.text();
    assert!(said.contains("one admin alone made or changed"), "{said}");
    let page = Browser::signed_in(bench, token).await;
    let path = format!("/requests/{}", request.id);
    let shown = page.page(&path).await;
    assert!(shown.contains("Your yes counts from 20"), "{shown}");
    assert!(!shown.contains("value=\"approve\""), "{shown}");
    let refused = page.answer(request, "approve").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    let records = bench.records().await;
    let mut rejected = records
        .iter()
        .rev()
        .filter(|one| one.record_type().as_str() == "request.rejected_review");
    for _ in 0..2 {
        let body = rejected.next().unwrap().body();
        assert_eq!(body["why"], "resting");
        assert!(body["counts_from"].is_string(), "{body:?}");
    }
}

async fn approves(bench: &Bench, token: &str, request: &ApprovalRequest) {
    let approved = bench.review(token, request, Answer::Approve).await;
    assert_eq!(approved.status, StatusCode::OK, "{}", approved.text());
    assert_eq!(approved.request().status, ApprovalStatus::Approved);
}

async fn confirm(bench: &Bench, by: &str, name: &str, tag: Option<&str>) -> Answered {
    let path = format!("/v1/principals/{name}/confirm");
    let mut confirm = call(Method::POST, &path, by, axum::body::Body::empty());
    if let Some(tag) = tag {
        let headers = confirm.headers_mut();
        headers.insert(axum::http::header::IF_MATCH, tag.parse().unwrap());
    }
    bench.send(confirm).await
}

#[tokio::test]
async fn an_admin_without_a_part_makes_nobody_who_answers_what_is_asked_already() {
    let bench = resting().await;
    let mallory = admin(&bench, "mallory").await;
    bench.approver("dave", &[]).await;
    let daves = bench.token_of("dave", "approver").await;
    let request = bench.asked("theirs").await;
    // An account, a token of somebody who may, and a place in the group.
    let pup = user_by(&bench, &mallory, "pup", &["approvers"], "approver").await;
    let as_bob = token_by(&bench, &mallory, "bob", "approver").await;
    join(&bench, &mallory, "dave", "approvers").await;
    for token in [&pup, &as_bob, &daves] {
        rests(&bench, token, &request).await;
    }
    let auditor = Browser::signed_in(&bench, &bench.setup.auditor).await;
    let shown = auditor.page(&format!("/requests/{}", request.id)).await;
    assert!(shown.contains("pup counts from 20"), "{shown}");
    assert!(shown.contains("dave counts from 20"), "{shown}");
    // Nor later, where it was asked before them.
    bench
        .sql("UPDATE principal_edits SET at = at - 86400001")
        .await;
    bench
        .sql("UPDATE requests SET created_at = created_at - 172800000")
        .await;
    rests(&bench, &pup, &request).await;
    // What is asked after them they answer once their time is over.
    let later = bench.asked("later").await;
    approves(&bench, &pup, &later).await;
    // His own token is good for both: nobody made it for this.
    approves(&bench, &bench.setup.bob_approver, &request).await;
    bench.verified().await;
}

#[tokio::test]
async fn a_password_by_an_invitation_of_one_admin_rests_too() {
    let bench = resting().await;
    let mallory = admin(&bench, "mallory").await;
    bench.approver("eve", &["approvers"]).await;
    let wanted = json!({ "principal": "eve", "roles": ["approver"] });
    let made = bench
        .post(&mallory, "/v1/invitations", &wanted)
        .await
        .json();
    let url = made["url"].as_str().unwrap().to_owned();
    let code = url.split_once("code=").unwrap().1;
    let password = "three small words";
    let fields = [("code", code), ("password", password), ("again", password)];
    let set = Browser::new(&bench).post("/invitation", &fields).await;
    assert_eq!(set.status, StatusCode::SEE_OTHER, "{}", set.text());
    let mut eve = Browser::new(&bench);
    let fields = [("username", "eve"), ("password", password)];
    let entered = eve.post("/login", &fields).await;
    eve.keep_cookie(&entered);
    let request = bench.asked("invited").await;
    let refused = eve.answer(&request, "approve").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    // Her no counts at once.
    let denied = eve.answer(&request, "deny").await;
    assert!(denied.status.is_redirection(), "{}", denied.text());
    bench.verified().await;
}

#[tokio::test]
async fn only_a_second_person_confirms_and_only_what_they_saw() {
    let bench = resting().await;
    let mallory = admin(&bench, "mallory").await;
    let carol = admin(&bench, "carol").await;
    admin(&bench, "eve").await;
    let request = bench.asked("confirmed").await;
    let pup = user_by(&bench, &mallory, "pup", &["approvers"], "approver").await;
    let puppet = user_by(&bench, &mallory, "m2", &[], "admin").await;
    let of_pup = token_by(&bench, &mallory, "pup", "admin").await;
    let as_eve = token_by(&bench, &mallory, "eve", "admin").await;
    for token in [&mallory, &puppet, &of_pup, &as_eve] {
        let refused = confirm(&bench, token, "pup", None).await;
        assert_eq!(refused.problem(), "excluded", "{}", refused.text());
    }
    let alice = confirm(&bench, &bench.setup.alice_approver, "pup", None).await;
    assert_eq!(alice.problem(), "forbidden");
    rests(&bench, &pup, &request).await;
    let (changes, tag) = changes(&bench, &carol).await;
    let what: Vec<&str> = changes
        .unconfirmed
        .iter()
        .map(|one| one.what.as_str())
        .collect();
    assert_eq!(what, ["created", "token_created", "token_created"]);
    join(&bench, &mallory, "pup", "more").await;
    let stale = confirm(&bench, &carol, "pup", Some(&tag)).await;
    assert_eq!(stale.problem(), "stale");
    let tag = self::changes(&bench, &carol).await.1;
    let confirmed = confirm(&bench, &carol, "pup", Some(&tag)).await;
    assert_eq!(confirmed.status, StatusCode::OK, "{}", confirmed.text());
    assert_eq!(confirmed.json()["unconfirmed"], json!([]));
    assert_eq!(bench.count("principal.confirmed").await, 1);
    approves(&bench, &pup, &request).await;
    bench.verified().await;
}

/// Returns what nobody has confirmed of pup, and its tag.
async fn changes(bench: &Bench, by: &str) -> (PrincipalChanges, String) {
    let seen = bench.get(by, "/v1/principals/pup/changes").await;
    let tag = seen.headers["etag"].to_str().unwrap().to_owned();
    (serde_json::from_value(seen.json()).unwrap(), tag)
}

#[tokio::test]
async fn the_page_shows_who_waits_for_a_second_admin_and_confirms_what_it_showed() {
    let bench = resting().await;
    let mallory = admin(&bench, "mallory").await;
    let request = bench.asked("page").await;
    let pup = user_by(&bench, &mallory, "pup", &["approvers"], "approver").await;
    let tag = changes(&bench, &mallory).await.1;
    let admin = Browser::administering(&bench).await;
    let shown = admin.page("/principals").await;
    assert!(shown.contains("Not confirmed by a second admin"), "{shown}");
    assert!(shown.contains("created by mallory"), "{shown}");
    let csrf = admin.csrf().await;
    for (seen, is_taken) in [("\"other\"", false), (tag.as_str(), true)] {
        let fields = [("csrf", csrf.as_str()), ("seen", seen)];
        let confirmed = admin.post("/principals/pup/confirm", &fields).await;
        assert_eq!(
            confirmed.status.is_redirection(),
            is_taken,
            "{}",
            confirmed.text()
        );
    }
    approves(&bench, &pup, &request).await;
    assert!(!admin.page("/principals").await.contains("Not confirmed"));
    bench.verified().await;
}

#[tokio::test]
async fn what_was_approved_stands_and_counts_for_no_group_that_came_after() {
    let bench = resting().await;
    let mallory = admin(&bench, "mallory").await;
    let mut wanted = submission("two");
    wanted.terms.requirements = vec![
        Requirement::of(vec!["group:approvers".to_owned()], 1),
        Requirement::of(vec!["group:dba".to_owned()], 1),
    ];
    let request = bench.submit(&bench.setup.agent, &wanted).await.request();
    let bob = &bench.setup.bob_approver;
    let first = bench.review(bob, &request, Answer::Approve).await.request();
    assert_eq!(first.status, ApprovalStatus::Pending);
    join(&bench, &mallory, "bob", "dba").await;
    let still = bench.show(&request).await;
    assert_eq!(still.status, ApprovalStatus::Pending);
    assert!(still.reviews.iter().all(|one| one.void.is_none()));
    let dora = bench.approver("dora", &["dba"]).await;
    approves(&bench, &dora, &request).await;
    let nonce = gate_protocol::id::Nonce::generate().unwrap();
    let claimed = bench.claim(&request, nonce).await;
    assert_eq!(claimed.status, StatusCode::OK, "{}", claimed.text());
    bench.verified().await;
}

#[tokio::test]
async fn whom_one_admin_alone_made_proposes_no_standing_grant() {
    let bench = resting().await;
    let mallory = admin(&bench, "mallory").await;
    let pup = user_by(&bench, &mallory, "pup", &["approvers"], "approver").await;
    let refused = bench.propose(&pup, "prod", 3).await;
    assert_eq!(refused.problem(), "excluded", "{}", refused.text());
    assert_eq!(bench.count("standing_grant.rejected").await, 1);
}

#[tokio::test]
async fn whom_a_trusted_admin_made_counts_at_once() {
    let bench = resting().await;
    let carol = bench.approver("carol", &["approvers"]).await;
    let request = bench.asked("trusted").await;
    approves(&bench, &carol, &request).await;
    let changes: Value = bench
        .get(&bench.setup.admin, "/v1/principals/carol/changes")
        .await
        .json();
    assert_eq!(changes["unconfirmed"], json!([]));
}
