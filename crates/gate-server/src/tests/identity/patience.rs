//! An issuer that fails, or that leads elsewhere, and browsers that come in numbers.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;
use serde_json::json;

use super::hostile::{begin, bench, play, session};
use super::program::Program;
use crate::tests::web::Browser;

const DESCRIPTION: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn an_issuer_that_failed_is_left_alone_and_all_who_wait_for_it_hear_so() {
    let program = Program::issuer();
    program.post("/next", &json!({ "fails": true })).await;
    let bench = bench(&program).await;
    let come = || async {
        let browser = Browser::new(&bench);
        browser
            .post("/login/provider", &[("provider", "test")])
            .await
    };
    for answer in join_all((0..12).map(|_| come())).await {
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
        let said = answer.text();
        assert!(said.contains("answers with the status 503"), "{said}");
    }
    assert_eq!(program.asked(DESCRIPTION).await, 1);
    // It is asked again, and soon enough.
    program.post("/next", &json!({ "fails": false })).await;
    tokio::time::sleep(Duration::from_millis(3_100)).await;
    begin(&bench).await;
    assert_eq!(program.asked(DESCRIPTION).await, 2);
}

#[tokio::test]
async fn forged_tokens_make_nobody_ask_an_issuer_whose_keys_do_not_come() {
    let program = Program::issuer();
    let bench = bench(&program).await;
    begin(&bench).await;
    // Described already; its keys were never fetched, and can't be now.
    let keys = json!({ "description": {}, "fails": true });
    program.post("/next", &keys).await;
    let change = json!({});
    let plays = (0..5).map(|_| play(&bench, &program, "stranger", &change));
    for answer in join_all(plays).await {
        assert_eq!(session(&answer), None);
        let said = answer.text();
        assert!(said.contains("answers with the status 503"), "{said}");
    }
    program.post("/next", &json!({ "fails": false })).await;
    assert!(program.asked("/keys").await <= 1);
}

#[tokio::test]
async fn an_issuer_leads_to_no_address_that_it_may_not_name() {
    for (named, why) in [
        ("http://10.255.255.1/keys", "not an https address"),
        ("http://169.254.169.254/keys", "not an https address"),
        ("file:///etc/passwd", "not an https address"),
    ] {
        let program = Program::issuer();
        let next = json!({ "description": { "jwks_uri": named } });
        program.post("/next", &next).await;
        let bench = bench(&program).await;
        let browser = Browser::new(&bench);
        let answer = browser
            .post("/login/provider", &[("provider", "test")])
            .await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{named}");
        assert!(answer.text().contains(why), "{named}: {}", answer.text());
    }
    // By https it may name another host, but none inside.
    for named in ["https://10.255.255.1/keys", "https://169.254.169.254/keys"] {
        let program = Program::issuer();
        let next = json!({ "description": { "jwks_uri": named } });
        program.post("/next", &next).await;
        let bench = bench(&program).await;
        let answer = play(&bench, &program, "RS256", &json!({})).await;
        assert_eq!(session(&answer), None);
        let said = answer.text();
        assert!(
            said.contains("not of the public internet"),
            "{named}: {said}"
        );
    }
}

#[tokio::test]
async fn refused_sign_ins_fill_no_log() {
    let program = Program::issuer();
    let bench = bench(&program).await;
    for _ in 0..65 {
        let answer = play(&bench, &program, "stranger", &json!({})).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(bench.count("sign_in.refused").await, 60);
    bench.verified().await;
}

#[tokio::test]
async fn sign_ins_that_were_begun_are_kept_up_to_a_bound_and_the_newest_stay() {
    let program = Program::issuer();
    let bench = bench(&program).await;
    for _ in 0..3 {
        begin(&bench).await;
    }
    bench
        .sql("UPDATE sign_in_attempts SET nonce = 'last' WHERE expires_at = (SELECT max(expires_at) FROM sign_in_attempts)")
        .await;
    let mut writer = bench.server.store.write().await.unwrap();
    crate::store::sign_in::make_room(writer.connection(), 2)
        .await
        .unwrap();
    let left = crate::store::sql::query("SELECT nonce FROM sign_in_attempts")
        .fetch_all(writer.connection())
        .await
        .unwrap();
    let nonce = |row| crate::store::columns::get::<String>(row, "nonce").unwrap();
    let left: Vec<String> = left.iter().map(nonce).collect();
    assert_eq!(left, ["last"], "with one more there are two");
}
