//! Who is who, and what who is disabled loses.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use gate_protocol::id::Nonce;
use gate_protocol::request::ApprovalStatus;
use gate_protocol::review::Answer;
use serde_json::json;

use super::devices;
use crate::tests::bench::{Bench, call};
use crate::tests::web::{Browser, location};

async fn patch(
    bench: &Bench,
    name: &str,
    body: serde_json::Value,
) -> crate::tests::bench::Answered {
    let path = format!("/v1/principals/{name}");
    let body = Body::from(body.to_string());
    bench
        .send(call(Method::PATCH, &path, &bench.setup.admin, body))
        .await
}

/// Makes a second account of bob's and returns a token of it.
async fn second_account(bench: &Bench) -> String {
    let admin = &bench.setup.admin;
    let ops = json!({
        "name": "bob-ops", "kind": "user", "person": "bob", "groups": ["approvers"],
    });
    bench.post(admin, "/v1/principals", &ops).await;
    let wanted = json!({ "principal": "bob-ops", "role": "approver", "ttl_seconds": 60 });
    let made = bench.post(admin, "/v1/tokens", &wanted).await.json();
    made["token"].as_str().unwrap().to_owned()
}

/// Holds that no account of bob's is good for anything.
async fn assert_signed_out(browser: &Browser<'_>, ops_token: &str) {
    let bench = browser.bench;
    for token in [bench.setup.bob_approver.as_str(), ops_token] {
        let answer = bench.get(token, "/v1/whoami").await;
        assert_eq!(answer.problem(), "unauthorized");
    }
    assert_eq!(location(&browser.get("/").await), "/login");
}

#[tokio::test]
async fn a_disabled_person_loses_every_session_token_code_and_unused_vote_for_good() {
    let bench = Bench::new().await;
    let admin = &bench.setup.admin;
    let ops_token = &second_account(&bench).await;
    let browser = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let code = bench
        .post(ops_token, "/v1/login-codes", &json!({}))
        .await
        .json();
    let link = code["url"]
        .as_str()
        .unwrap()
        .strip_prefix("http://127.0.0.1:1")
        .unwrap();
    assert_eq!(Browser::new(&bench).get(link).await.status, StatusCode::OK);
    let approved = bench.approved("prod").await;
    let used = bench.approved("used").await;
    assert_eq!(
        bench.claim(&used, Nonce::generate().unwrap()).await.status,
        StatusCode::OK
    );

    bench
        .post(admin, "/v1/principals/bob-ops/disable", &())
        .await;

    assert_signed_out(&browser, ops_token).await;
    assert_eq!(
        Browser::new(&bench).get(link).await.status,
        StatusCode::UNAUTHORIZED
    );
    // What was approved by nobody else can't be claimed, and waits for somebody again.
    let claim = bench.claim(&approved, Nonce::generate().unwrap()).await;
    assert_eq!(claim.problem(), "conflict");
    let after = bench.show(&approved).await;
    assert_eq!(
        (after.status, after.reviews.len()),
        (ApprovalStatus::Pending, 1)
    );
    assert!(after.reviews[0].void.is_some(), "{after:?}");
    // What was claimed before is as it was.
    assert_eq!(bench.show(&used).await.reviews.len(), 1);
    for name in ["bob", "bob-ops"] {
        bench
            .post(admin, &format!("/v1/principals/{name}/enable"), &())
            .await;
    }
    assert_signed_out(&browser, ops_token).await;
    assert_eq!(bench.count("principal.disabled").await, 2);
    bench.verified().await;
}

#[tokio::test]
async fn one_account_alone_can_be_disabled_and_an_admin_not_by_their_other_one() {
    let bench = Bench::new().await;
    let admin = &bench.setup.admin;
    for (name, person) in [("bob-ops", "bob"), ("root", "admin")] {
        let user = json!({ "name": name, "kind": "user", "person": person });
        bench.post(admin, "/v1/principals", &user).await;
    }
    let only = "/v1/principals/bob-ops/disable?only_this=true";
    assert_eq!(bench.post(admin, only, &()).await.json()["disabled"], true);
    let bob = &bench.setup.bob_approver;
    assert_eq!(bench.get(bob, "/v1/whoami").await.status, StatusCode::OK);
    let own = bench.post(admin, "/v1/principals/root/disable", &()).await;
    assert_eq!(own.problem(), "conflict", "it would end the only admin");
}

#[tokio::test]
async fn a_vote_counts_as_that_of_who_the_account_turns_out_to_be() {
    let bench = Bench::with(|settings| settings.floor.min_count = 2).await;
    let admin = &bench.setup.admin;
    let user = json!({ "name": "carol", "kind": "user", "groups": ["approvers"] });
    bench.post(admin, "/v1/principals", &user).await;
    let wanted = json!({ "principal": "carol", "role": "approver", "ttl_seconds": 60 });
    let made = bench.post(admin, "/v1/tokens", &wanted).await.json();
    let carol = made["token"].as_str().unwrap();
    let request = bench.asked("prod").await;
    bench
        .review(&bench.setup.bob_approver, &request, Answer::Approve)
        .await;
    let both = bench
        .review(carol, &request, Answer::Approve)
        .await
        .request();
    assert_eq!(both.status, ApprovalStatus::Approved);
    // Before the claim it is found out that carol is bob's second account.
    let changed = patch(&bench, "carol", json!({ "person": "bob" })).await;
    assert_eq!(changed.json()["person"], "bob", "{}", changed.text());
    let claim = bench.claim(&request, Nonce::generate().unwrap()).await;
    assert_eq!(claim.problem(), "conflict");
    // And that alice's agent's requests are not for alice's other account.
    patch(&bench, "carol", json!({ "person": "alice" })).await;
    let own = bench.asked("own").await;
    let answered = bench.review(carol, &own, Answer::Approve).await;
    assert_eq!(answered.problem(), "self_review");
    assert_eq!(bench.count("principal.changed").await, 2);
    bench.verified().await;
}

#[tokio::test]
async fn groups_and_accounts_are_kept_by_an_admin() {
    let bench = Bench::new().await;
    let admin = &bench.setup.admin;
    let added = patch(&bench, "bob", json!({ "add_groups": ["sre", "dba"] }))
        .await
        .json();
    assert_eq!(added["groups"], json!(["approvers", "dba", "sre"]));
    let groups = bench.get(admin, "/v1/groups").await.json();
    assert_eq!(
        groups["groups"][1],
        json!({ "name": "dba", "members": ["bob"] })
    );
    let removed = patch(&bench, "bob", json!({ "remove_groups": ["dba", "none"] }))
        .await
        .json();
    assert_eq!(removed["groups"], json!(["approvers", "sre"]));
    patch(&bench, "bob", json!({})).await;
    assert_eq!(
        bench.count("principal.changed").await,
        2,
        "nothing changed, nothing recorded"
    );
    for (name, body, code) in [
        ("bob", json!({ "add_groups": ["S R E"] }), "bad_request"),
        ("bob", json!({ "person": "" }), "bad_request"),
        ("demo-agent", json!({ "person": "bob" }), "bad_request"),
        ("nobody", json!({ "groups": [] }), "not_found"),
    ] {
        assert_eq!(patch(&bench, name, body).await.problem(), code, "{name}");
    }
    let account = json!({ "provider": "oidc", "tenant": "https://i", "subject": "1" });
    let link = |name: &str| json!({ "account": account, "principal": name });
    let linked = bench.post(admin, "/v1/accounts", &link("bob")).await;
    assert_eq!(linked.status, StatusCode::CREATED, "{}", linked.text());
    let other = bench.post(admin, "/v1/accounts", &link("alice")).await;
    assert_eq!(
        other.problem(),
        "conflict",
        "an account is taken from nobody"
    );
    let machine = bench.post(admin, "/v1/accounts", &link("demo-agent")).await;
    assert_eq!(machine.problem(), "bad_request");
    let own = bench
        .get(admin, "/v1/accounts?principal=alice")
        .await
        .json();
    assert_eq!(own["accounts"], json!([]));
    let unlinked = bench.post(admin, "/v1/accounts/unlink", &account).await;
    assert_eq!(unlinked.status, StatusCode::NO_CONTENT);
    let again = bench.post(admin, "/v1/accounts/unlink", &account).await;
    assert_eq!(again.problem(), "not_found");
    let types = ["identity.linked", "identity.unlinked"];
    for record_type in types {
        assert_eq!(bench.count(record_type).await, 1);
    }
}

/// Signs a user in by a password, which no token stands behind.
async fn by_password<'b>(bench: &'b Bench, name: &str) -> Browser<'b> {
    let wanted = json!({ "principal": name, "roles": ["approver"] });
    let made = bench.post(&bench.setup.admin, "/v1/invitations", &wanted);
    let made = made.await.json();
    let (_, code) = made["url"].as_str().unwrap().split_once("code=").unwrap();
    let password = "three small words";
    let fields = [("code", code), ("password", password), ("again", password)];
    let mut browser = Browser::new(bench);
    location(&browser.post("/invitation", &fields).await);
    let fields = [("username", name), ("password", password)];
    let entered = browser.post("/login", &fields).await;
    assert_eq!(location(&entered), "/");
    browser.keep_cookie(&entered);
    browser
}

#[tokio::test]
async fn an_admin_who_unlinks_an_account_ends_all_that_can_have_come_by_it() {
    let bench = Bench::new().await;
    let admin = &bench.setup.admin;
    let account = json!({ "provider": "oidc", "tenant": "https://i", "subject": "1" });
    let link = json!({ "account": account, "principal": "bob" });
    bench.post(admin, "/v1/accounts", &link).await;
    let browser = by_password(&bench, "bob").await;
    let by_browser = bench.asked("by-browser").await;
    location(&browser.answer(&by_browser, "approve").await);
    let by_token = bench.approved("by-token").await;
    let mut terminals = Vec::new();
    for _ in 0..2 {
        let started = devices::start(&bench).await;
        let page = devices::answer(&browser, &started.user_code, "let_in").await;
        assert!(page.contains("is let in"), "{page}");
        terminals.push(started.device_code);
    }
    // One terminal has its token already, the other one has not come for it.
    let polled = devices::poll(&bench, &terminals[0]).await;
    let token = polled["token"]["token"].as_str().unwrap();
    assert_eq!(bench.get(token, "/v1/whoami").await.status, StatusCode::OK);

    let unlinked = bench.post(admin, "/v1/accounts/unlink", &account).await;
    assert_eq!(unlinked.status, StatusCode::NO_CONTENT);

    assert_eq!(location(&browser.get("/").await), "/login");
    let whoami = bench.get(token, "/v1/whoami").await;
    assert_eq!(whoami.problem(), "unauthorized");
    let late = devices::poll(&bench, &terminals[1]).await;
    assert_eq!(late["state"], "expired", "{late}");
    let after = bench.show(&by_browser).await;
    assert_eq!(after.status, ApprovalStatus::Pending);
    let why = after.reviews[0].void.as_ref().unwrap();
    assert!(why.contains("unlinked"), "{why}");
    // What was answered by a token that an admin made has nothing to do with it.
    assert_eq!(bench.show(&by_token).await.status, ApprovalStatus::Approved);
    bench.verified().await;
}
