//! A terminal is let in from a browser, by a person and for little.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::tests::bench::{Bench, call, submission};
use crate::tests::web::{Browser, location};

pub(super) struct Started {
    pub(super) device_code: String,
    pub(super) user_code: String,
}

pub(super) async fn start(bench: &Bench) -> Started {
    let answer = bench
        .post("", "/v1/device", &json!({ "host": "lap\u{1b}[2Jtop" }))
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let answer = answer.json();
    let url = answer["verification_url"].as_str().unwrap();
    assert_eq!(
        url, "http://127.0.0.1:1/device",
        "the address carries no code"
    );
    Started {
        device_code: answer["device_code"].as_str().unwrap().to_owned(),
        user_code: answer["user_code"].as_str().unwrap().to_owned(),
    }
}

pub(super) async fn poll(bench: &Bench, code: &str) -> Value {
    let answer = bench
        .post("", "/v1/device/token", &json!({ "device_code": code }))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

/// Types the code and answers as the buttons do.
pub(super) async fn answer(browser: &Browser<'_>, code: &str, answer: &str) -> String {
    let csrf = browser.csrf().await;
    let shown = browser
        .post("/device", &[("csrf", &csrf), ("code", code)])
        .await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text());
    let page = shown.text();
    assert!(
        page.contains("lap\\u{1b}[2Jtop") && page.contains("unknown"),
        "{page}"
    );
    let fields = [("csrf", csrf.as_str()), ("code", code), ("answer", answer)];
    browser.post("/device", &fields).await.text()
}

#[tokio::test]
async fn what_a_terminal_gets_asks_and_never_answers_and_comes_once() {
    let bench = Bench::new().await;
    let started = start(&bench).await;
    assert_eq!(poll(&bench, &started.device_code).await["state"], "pending");
    let browser = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let typed = started.user_code.to_lowercase().replace('-', " ");
    let page = answer(&browser, &typed, "let_in").await;
    assert!(page.contains("is let in"), "{page}");
    let polled = poll(&bench, &started.device_code).await;
    assert_eq!(polled["state"], "approved");
    let token = polled["token"]["token"].as_str().unwrap();
    let whoami = bench.get(token, "/v1/whoami").await.json();
    assert_eq!(whoami["principal"]["name"], "bob");
    assert_eq!(whoami["role"], "requester");
    let asked = bench.asked("prod").await;
    let review = bench
        .review(token, &asked, gate_protocol::review::Answer::Approve)
        .await;
    assert_eq!(review.problem(), "forbidden");
    assert_eq!(poll(&bench, &started.device_code).await["state"], "expired");
    let tokens = bench.get(&bench.setup.admin, "/v1/tokens").await.json();
    let made = tokens["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["note"].is_string());
    assert_eq!(made.unwrap()["note"], "gate login on lap\\u{1b}[2Jtop");
    assert_eq!(bench.count("device.approved").await, 1);
    bench.verified().await;
}

#[tokio::test]
async fn a_refused_terminal_a_hasty_one_and_an_unknown_one_get_nothing() {
    let bench = Bench::new().await;
    let browser = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let refused = start(&bench).await;
    answer(&browser, &refused.user_code, "refuse").await;
    assert_eq!(poll(&bench, &refused.device_code).await["state"], "denied");
    let hasty = start(&bench).await;
    assert_eq!(poll(&bench, &hasty.device_code).await["state"], "pending");
    let slow = poll(&bench, &hasty.device_code).await;
    assert_eq!(slow["state"], "slow_down");
    assert_eq!(slow["interval_seconds"], 7);
    for unknown in ["", "x", &"a".repeat(43), &hasty.user_code] {
        assert_eq!(poll(&bench, unknown).await["state"], "expired", "{unknown}");
    }
    // Neither code is a token, a session or the other code.
    for code in [&hasty.device_code, &hasty.user_code] {
        assert_eq!(
            bench.get(code, "/v1/whoami").await.problem(),
            "unauthorized"
        );
        let mut thief = Browser::new(&bench);
        thief.cookie = Some(format!("gate_session={code}"));
        assert_eq!(location(&thief.get("/").await), "/login");
    }
    for code in [&hasty.user_code, &hasty.device_code] {
        assert!(!crate::tests::bench::is_in_files(
            &bench.data(),
            code.as_bytes()
        ));
    }
}

#[tokio::test]
async fn codes_are_not_guessed_and_terminals_do_not_pile_up() {
    let bench = Bench::new().await;
    let browser = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let csrf = browser.csrf().await;
    let mut statuses = Vec::new();
    for _ in 0..7 {
        let guess = [("csrf", csrf.as_str()), ("code", "BCDF-GHJK")];
        statuses.push(browser.post("/device", &guess).await.status.as_u16());
    }
    assert_eq!(statuses, [404, 404, 404, 404, 404, 429, 429]);
    assert_eq!(
        location(&Browser::new(&bench).get("/device").await),
        "/login?next=/device"
    );
    for _ in 0..20 {
        start(&bench).await;
    }
    let answer = bench.post("", "/v1/device", &json!({ "host": "x" })).await;
    assert_eq!(answer.problem(), "too_many");
    assert_eq!(answer.headers["retry-after"], "60");
}

#[tokio::test]
async fn who_is_disabled_before_the_terminal_asks_again_has_let_nobody_in() {
    let bench = Bench::new().await;
    let browser = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let started = start(&bench).await;
    answer(&browser, &started.user_code, "let_in").await;
    bench
        .post(&bench.setup.admin, "/v1/principals/bob/disable", &())
        .await;
    assert_eq!(poll(&bench, &started.device_code).await["state"], "expired");
}

#[tokio::test]
async fn a_terminal_ends_with_the_token_that_signed_its_browser_in() {
    let bench = Bench::new().await;
    let wanted = json!({ "principal": "bob", "role": "approver", "ttl_seconds": 600 });
    let short = bench.post(&bench.setup.admin, "/v1/tokens", &wanted).await;
    let short = short.json();
    let browser = Browser::signed_in(&bench, short["token"].as_str().unwrap()).await;
    let started = start(&bench).await;
    answer(&browser, &started.user_code, "let_in").await;
    let polled = poll(&bench, &started.device_code).await;
    let token = polled["token"]["token"].as_str().unwrap();
    assert_eq!(bench.get(token, "/v1/whoami").await.status, StatusCode::OK);
    let path = format!("/v1/tokens/{}", short["id"].as_str().unwrap());
    let revoke = call(Method::DELETE, &path, &bench.setup.admin, Body::empty());
    let revoked = bench.send(revoke).await;
    assert!(revoked.status.is_success(), "{}", revoked.text());
    let refused = bench.get(token, "/v1/whoami").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_for_some_tools_asks_for_no_other() {
    let bench = Bench::new().await;
    let wanted = |tools: Value| {
        json!({
            "principal": "demo-agent", "role": "requester", "ttl_seconds": 60, "tools": tools,
        })
    };
    let admin = &bench.setup.admin;
    for (tools, is_good) in [(json!(["kubectl"]), true), (json!(["psql", "aws"]), false)] {
        let made = bench.post(admin, "/v1/tokens", &wanted(tools)).await.json();
        let token = made["token"].as_str().unwrap();
        let asked = bench.submit(token, &submission("prod")).await;
        if is_good {
            assert_eq!(asked.status, StatusCode::CREATED, "{}", asked.text());
        } else {
            assert_eq!(asked.problem(), "forbidden");
            assert!(asked.text().contains("psql, aws"), "{}", asked.text());
        }
    }
    for wrong in [json!(["/usr/bin/kubectl"]), json!([""]), json!(["a b"])] {
        let refused = bench.post(admin, "/v1/tokens", &wanted(wrong)).await;
        assert_eq!(refused.problem(), "bad_request");
    }
    let approver = json!({
        "principal": "bob", "role": "approver", "ttl_seconds": 60, "tools": ["kubectl"],
    });
    assert_eq!(
        bench.post(admin, "/v1/tokens", &approver).await.problem(),
        "bad_request"
    );
}
