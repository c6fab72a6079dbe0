//! No secret opens a door that another kind of secret is for.

use axum::http::StatusCode;
use serde_json::json;

use super::program::Program;
use crate::clock;
use crate::tests::bench::Bench;
use crate::tests::web::{Browser, location};

/// Every kind of secret that the server or an issuer makes.
async fn secrets(bench: &Bench, program: &Program) -> Vec<(&'static str, String)> {
    let setup = &bench.setup;
    let browser = Browser::signed_in(bench, &setup.bob_approver).await;
    let cookie = browser.cookie.as_ref().unwrap();
    let (_, cookie) = cookie.split_once('=').unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let after_code = |url: String| url.split_once("code=").unwrap().1.to_owned();
    let link = bench
        .post(&setup.bob_approver, "/v1/login-codes", &json!({}))
        .await;
    let invite = json!({ "principal": "bob", "roles": ["approver"] });
    let invitation = bench.post(&setup.admin, "/v1/invitations", &invite).await;
    let device = bench
        .post("", "/v1/device", &json!({ "host": "x" }))
        .await
        .json();
    let now = clock::now().as_second();
    let claims = json!({
        "iss": program.issuer, "aud": "http://127.0.0.1:1", "sub": "job", "iat": now,
        "exp": now + 300, "jti": "1", "repository": "a/b",
    });
    vec![
        ("token", setup.agent.clone()),
        ("token", setup.bob_approver.clone()),
        ("session", cookie.to_owned()),
        ("link", after_code(text(&link.json()["url"]))),
        ("invitation", after_code(text(&invitation.json()["url"]))),
        ("device", text(&device["device_code"])),
        ("user code", text(&device["user_code"])),
        ("job", program.make("RS256", &claims, &json!({})).await),
    ]
}

#[tokio::test]
async fn each_secret_opens_its_own_door_only() {
    let program = Program::issuer();
    let entry = program.workload_settings("claims = { repository = 'a/b' }\n");
    let bench = Bench::with(|all| all.identity.workloads = vec![entry]).await;
    let workload = json!({ "name": "deploy", "kind": "workload", "owner": "bob" });
    bench
        .post(&bench.setup.admin, "/v1/principals", &workload)
        .await;
    for (kind, secret) in secrets(&bench, &program).await {
        let bearer = bench.get(&secret, "/v1/whoami").await.status == StatusCode::OK;
        assert_eq!(bearer, kind == "token", "{kind} as a bearer");

        let mut browser = Browser::new(&bench);
        browser.cookie = Some(format!("gate_session={secret}"));
        let page = browser.get("/").await;
        assert_eq!(
            page.status == StatusCode::OK,
            kind == "session",
            "{kind} as a cookie"
        );
        if kind != "session" {
            assert_eq!(location(&page), "/login");
        }

        let invitation = format!("/invitation?code={secret}");
        let page = Browser::new(&bench).get(&invitation).await;
        assert_eq!(
            page.status == StatusCode::OK,
            kind == "invitation",
            "{kind} to the invitation"
        );

        let poll = json!({ "device_code": secret });
        let polled = bench.post("", "/v1/device/token", &poll).await.json();
        assert_eq!(
            polled["state"] == "pending",
            kind == "device",
            "{kind} as a terminal's"
        );

        let exchange = json!({ "token": secret });
        let exchanged = bench.post("", "/v1/workload-token", &exchange).await;
        assert_eq!(
            exchanged.status == StatusCode::CREATED,
            kind == "job",
            "{kind} as a job's"
        );

        let by_code = Browser::new(&bench)
            .post("/login", &[("code", &secret)])
            .await;
        let is_in = by_code.status == StatusCode::SEE_OTHER;
        assert_eq!(is_in, kind == "link", "{kind} as a link's");

        let by_token = Browser::new(&bench)
            .post("/login", &[("token", &secret)])
            .await;
        let is_in = by_token.status == StatusCode::SEE_OTHER;
        // The agent's is one too, and has no pages.
        let is_approvers = secret == bench.setup.bob_approver;
        assert_eq!(is_in, is_approvers, "{kind} as a token in the form");
    }
}
