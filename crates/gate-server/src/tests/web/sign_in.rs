//! Who gets a session, what it is, and how it ends.

use axum::body::Body;
use axum::http::header::SET_COOKIE;
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::browser::{Browser, OWN, assert_hardened, location, path};
use crate::clock;
use crate::store::web_session;
use crate::tests::bench::{Bench, is_in_files};

async fn code(bench: &Bench, token: &str) -> String {
    let answer = bench.post(token, "/v1/login-codes", &json!({})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let url = answer.json()["url"].as_str().unwrap().to_owned();
    url.strip_prefix(&format!("{OWN}/login?code="))
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn an_approvers_token_signs_in_and_nothing_of_the_session_is_stored_in_the_clear() {
    let bench = Bench::new().await;
    let mut browser = Browser::new(&bench);
    let bob = bench.setup.bob_approver.clone();
    let answer = browser.post("/login", &[("token", &bob)]).await;
    assert_eq!(location(&answer), "/");
    assert_hardened(&answer);
    let set = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(set.starts_with("gate_session="), "{set}");
    assert!(set.ends_with("; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200"));
    browser.keep_cookie(&answer);
    assert!(browser.page("/").await.contains("<b>bob</b>"));
    let secret = browser.cookie.as_ref().unwrap().split_once('=').unwrap().1;
    assert!(!is_in_files(&bench.data(), secret.as_bytes()));
    assert_eq!(bench.count("session.created").await, 1);
    bench.verified().await;
}

#[tokio::test]
async fn behind_tls_the_cookie_is_bound_to_the_host() {
    let bench = Bench::with(|settings| settings.public_url = "https://gate.example".into()).await;
    let mut browser = Browser::new(&bench);
    let origin = Some("https://gate.example");
    let fields = [("token", bench.setup.bob_approver.as_str())];
    let answer = browser.post_from(origin, "/login", &fields).await;
    let set = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(
        set.starts_with("__Host-gate_session=") && set.ends_with("; Secure"),
        "{set}"
    );
    assert!(answer.headers.contains_key("strict-transport-security"));
    browser.keep_cookie(&answer);
    browser.page("/").await;
}

#[tokio::test]
async fn what_is_only_for_requests_or_for_nobody_makes_no_session() {
    let bench = Bench::new().await;
    let browser = Browser::new(&bench);
    let setup = &bench.setup;
    let unknown = format!("gate_user_{}", "a".repeat(43));
    for (token, status) in [
        ("", StatusCode::UNAUTHORIZED),
        ("<script>", StatusCode::UNAUTHORIZED),
        (&unknown, StatusCode::UNAUTHORIZED),
        (&setup.agent, StatusCode::FORBIDDEN),
        (&setup.alice_requester, StatusCode::FORBIDDEN),
        (&setup.admin, StatusCode::FORBIDDEN),
    ] {
        let answer = browser.post("/login", &[("token", token)]).await;
        assert_eq!(answer.status, status, "{token}");
        assert!(answer.headers.get(SET_COOKIE).is_none());
        assert_hardened(&answer);
        assert!(!answer.text().contains("<script>"));
        assert!(
            token.is_empty() || !answer.text().contains(token),
            "{token}"
        );
    }
    let both = [("token", setup.bob_approver.as_str()), ("code", "x")];
    let answer = browser.post("/login", &both).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(bench.count("session.created").await, 0);
}

#[tokio::test]
async fn a_code_is_looked_at_any_number_of_times_and_used_once() {
    let bench = Bench::new().await;
    let mut browser = Browser::new(&bench);
    let code = code(&bench, &bench.setup.bob_approver).await;
    assert!(!is_in_files(&bench.data(), code.as_bytes()));
    let link = format!("/login?code={code}&utm_source=chat");
    for _ in 0..3 {
        assert!(browser.page(&link).await.contains("Sign in as bob"));
        let head = browser.call(Method::HEAD, &link, Body::empty());
        assert_eq!(bench.send(head).await.status, StatusCode::OK);
    }
    let answer = browser.post("/login", &[("code", &code)]).await;
    assert_eq!(location(&answer), "/");
    browser.keep_cookie(&answer);
    assert!(browser.page("/").await.contains("<b>bob</b>"));
    let again = Browser::new(&bench)
        .post("/login", &[("code", &code)])
        .await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    assert!(again.text().contains("used already"));
    let link = Browser::new(&bench).get(&link).await;
    assert_eq!(link.status, StatusCode::UNAUTHORIZED);
    assert_eq!(bench.count("login_code.created").await, 1);
    assert_eq!(bench.count("session.created").await, 1);
}

#[tokio::test]
async fn only_an_approver_makes_a_code_and_it_ends_in_time() {
    let bench = Bench::new().await;
    let setup = &bench.setup;
    for token in [
        &setup.agent,
        &setup.auditor,
        &setup.admin,
        &setup.alice_requester,
    ] {
        let answer = bench.post(token, "/v1/login-codes", &json!({})).await;
        assert_eq!(answer.problem(), "forbidden");
    }
    let code = code(&bench, &setup.bob_approver).await;
    let hash = crate::identity::TokenHash::of(&code);
    let mut reader = bench.server.store.read().await.unwrap();
    let mut good = async |seconds| {
        let then = clock::after(clock::now(), seconds);
        let found = web_session::find_code(reader.connection(), hash, then).await;
        found.unwrap().is_some()
    };
    assert!(good(590).await);
    assert!(!good(601).await);
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours_with_its_token_and_with_its_principal() {
    let bench = Bench::new().await;
    let setup = &bench.setup;
    let wanted = json!({ "principal": "bob", "role": "approver", "ttl_seconds": 60 });
    let made = bench.post(&setup.admin, "/v1/tokens", &wanted).await.json();
    let token = made["token"].as_str().unwrap();
    let by_token = Browser::signed_in(&bench, token).await;
    let mut by_code = Browser::new(&bench);
    let code = code(&bench, token).await;
    by_code.keep_cookie(&by_code.post("/login", &[("code", &code)]).await);
    let other = Browser::signed_in(&bench, &setup.bob_approver).await;
    for browser in [&by_token, &by_code, &other] {
        browser.page("/").await;
    }
    let secret = other.cookie.as_ref().unwrap().split_once('=').unwrap().1;
    let hash = crate::identity::TokenHash::of(secret);
    let mut reader = bench.server.store.read().await.unwrap();
    for (hours, is_good) in [(11, true), (13, false)] {
        let then = clock::after(clock::now(), hours * 3600);
        let idle_seconds = 24 * 3600;
        let found = web_session::bearer(reader.connection(), hash, idle_seconds, then).await;
        assert_eq!(found.unwrap().is_some(), is_good, "after {hours} h");
    }
    let later = clock::after(clock::now(), 5 * 3600);
    let idle = web_session::bearer(reader.connection(), hash, 4 * 3600, later).await;
    assert!(idle.unwrap().is_none(), "nobody used it for five hours");
    drop(reader);
    let id = made["id"].as_str().unwrap();
    let revoke = crate::tests::bench::call(
        Method::DELETE,
        &format!("/v1/tokens/{id}"),
        &setup.admin,
        Body::empty(),
    );
    assert_eq!(bench.send(revoke).await.status, StatusCode::NO_CONTENT);
    for browser in [&by_token, &by_code] {
        assert_eq!(location(&browser.get("/").await), "/login");
    }
    other.page("/").await;
    bench
        .post(&setup.admin, "/v1/principals/bob/disable", &())
        .await;
    assert_eq!(location(&other.get("/").await), "/login");
}

#[tokio::test]
async fn a_look_that_a_hidden_window_takes_by_itself_keeps_no_session_young() {
    let bench = Bench::new().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    bench
        .sql("UPDATE sessions SET seen_at = seen_at - 600000")
        .await;
    let secret = bob.cookie.as_ref().unwrap().split_once('=').unwrap().1;
    let hash = crate::identity::TokenHash::of(secret);
    let seen_at = async || {
        let mut reader = bench.server.store.read().await.unwrap();
        let found = web_session::bearer(reader.connection(), hash, 14_400, clock::now());
        found.await.unwrap().unwrap().seen_at
    };
    let before = seen_at().await;
    let mut look = bob.call(Method::GET, "/", Body::empty());
    let headers = look.headers_mut();
    headers.insert("gate-unattended", "1".parse().unwrap());
    assert_eq!(bench.send(look).await.status, StatusCode::OK);
    assert_eq!(seen_at().await, before);
    bob.page("/").await;
    assert!(seen_at().await > before);
}

#[tokio::test]
async fn signing_out_ends_the_session_at_the_server() {
    let bench = Bench::new().await;
    let browser = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let forged = browser.post("/logout", &[("csrf", "x")]).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let csrf = browser.csrf().await;
    let answer = browser.post("/logout", &[("csrf", &csrf)]).await;
    assert_eq!(location(&answer), "/login");
    let set = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(
        set.starts_with("gate_session=;") && set.contains("Max-Age=0"),
        "{set}"
    );
    // The old cookie is worth nothing, whoever kept it.
    assert_eq!(location(&browser.get("/").await), "/login");
    assert_eq!(bench.count("session.ended").await, 1);
}

#[tokio::test]
async fn who_is_not_signed_in_is_led_to_the_page_and_nowhere_else() {
    let bench = Bench::new().await;
    let request = bench.asked("prod").await;
    let browser = Browser::new(&bench);
    let there = path(&request);
    let next = location(&browser.get(&there).await).to_owned();
    assert_eq!(next, format!("/login?next={there}"));
    assert!(
        browser
            .page(&next)
            .await
            .contains(&format!("value=\"{there}\""))
    );
    let token = bench.setup.bob_approver.as_str();
    for (next, leads_to) in [
        (there.as_str(), there.as_str()),
        ("/history", "/history"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/logout", "/"),
    ] {
        let answer = browser
            .post("/login", &[("token", token), ("next", next)])
            .await;
        assert_eq!(location(&answer), leads_to, "{next}");
    }
    // A link on another site: the browser kept the cookie back and is asked again.
    let mut from_chat = browser.call(Method::GET, &there, Body::empty());
    let site = "cross-site".parse().unwrap();
    from_chat.headers_mut().insert("sec-fetch-site", site);
    let answer = bench.send(from_chat).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_hardened(&answer);
    assert!(
        answer
            .text()
            .contains(&format!("content=\"0;url={there}\""))
    );
}

#[tokio::test]
async fn two_session_cookies_are_none() {
    let bench = Bench::new().await;
    let mut browser = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let cookie = browser.cookie.clone().unwrap();
    browser.cookie = Some(format!("other=1; {cookie}"));
    browser.page("/").await;
    browser.cookie = Some(format!("gate_session=x; {cookie}"));
    assert_eq!(location(&browser.get("/").await), "/login");
}

#[tokio::test]
async fn an_operator_makes_a_link_while_no_server_runs() {
    let bench = Bench::new().await;
    let refused = crate::create_login_code(&bench.data(), OWN, "bob").await;
    assert!(matches!(
        refused.unwrap_err(),
        crate::LoginCodeError::Open(_)
    ));
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    crate::initialise_dev(&data, OWN).await.unwrap();
    let url = crate::create_login_code(&data, OWN, "bob").await.unwrap();
    assert!(url.starts_with("http://127.0.0.1:1/login?code="), "{url}");
    for name in ["demo-agent", "nobody"] {
        let refused = crate::create_login_code(&data, OWN, name).await;
        assert!(
            matches!(refused.unwrap_err(), crate::LoginCodeError::Refused(_)),
            "{name}"
        );
    }
}
