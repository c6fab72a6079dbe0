//! An issuer, or somebody in between, that lies: no token of theirs is believed.

use axum::http::StatusCode;
use axum::http::header::{COOKIE, SET_COOKIE};
use serde_json::{Value, json};

use super::program::Program;
use crate::clock;
use crate::tests::bench::{Answered, Bench};
use crate::tests::web::Browser;

/// Claims of a good ID token of bob, for the question with this nonce.
fn good(program: &Program, nonce: &str) -> Value {
    let now = clock::now().as_second();
    json!({
        "iss": program.issuer, "sub": "subject-of-bob", "aud": "gate", "nonce": nonce,
        "iat": now, "exp": now + 300, "preferred_username": "bob",
    })
}

/// A server whose only provider is the issuer, at which bob has an account.
pub(super) async fn bench(program: &Program) -> Bench {
    let settings = program.provider_settings("");
    let bench = Bench::with(|all| all.identity.providers = vec![settings]).await;
    let account = json!({
        "account": { "provider": "oidc", "tenant": program.issuer, "subject": "subject-of-bob" },
        "principal": "bob",
    });
    let linked = bench
        .post(&bench.setup.admin, "/v1/accounts", &account)
        .await;
    assert_eq!(linked.status, StatusCode::CREATED, "{}", linked.text());
    bench
}

/// A sign-in that was begun: the browser, and what the provider was asked.
pub(super) struct Begun {
    cookie: String,
    state: String,
    nonce: String,
}

pub(super) async fn begin(bench: &Bench) -> Begun {
    let browser = Browser::new(bench);
    let fields = [("provider", "test"), ("next", "/history")];
    let answer = browser.post("/login/provider", &fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let set = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(
        set.contains("; HttpOnly; SameSite=Lax; Path=/; Max-Age=600"),
        "{set}"
    );
    let page = answer.text();
    let parameter = |name: &str| {
        let (_, rest) = page.split_once(&format!("{name}=")).unwrap();
        rest.split(['&', '"']).next().unwrap().to_owned()
    };
    assert_eq!(parameter("code_challenge_method"), "S256");
    assert_eq!(parameter("code_challenge").len(), 43);
    Begun {
        cookie: set.split(';').next().unwrap().to_owned(),
        state: parameter("state"),
        nonce: parameter("nonce"),
    }
}

async fn come_back(bench: &Bench, cookie: &str, query: &str) -> Answered {
    let browser = Browser::new(bench);
    let path = format!("/login/callback?{query}");
    let mut request = browser.call(axum::http::Method::GET, &path, axum::body::Body::empty());
    if !cookie.is_empty() {
        request
            .headers_mut()
            .insert(COOKIE, cookie.parse().unwrap());
    }
    bench.send(request).await
}

/// Returns the session's cookie, where there is one.
pub(super) fn session(answer: &Answered) -> Option<String> {
    let mut cookies = answer.headers.get_all(SET_COOKIE).iter();
    cookies
        .find_map(|cookie| cookie.to_str().unwrap().strip_prefix("gate_session="))
        .map(|rest| rest.split(';').next().unwrap().to_owned())
}

/// Plays a sign-in at the end of which the provider hands out this token.
pub(super) async fn play(bench: &Bench, program: &Program, how: &str, change: &Value) -> Answered {
    let begun = begin(bench).await;
    let mut claims = good(program, &begun.nonce);
    for (name, value) in change["claims"].as_object().into_iter().flatten() {
        if value.is_null() {
            drop(claims.as_object_mut().unwrap().remove(name));
        } else {
            claims[name] = value.clone();
        }
    }
    let token = program.make(how, &claims, &change["header"]).await;
    let next = json!({ "id_token": token });
    program.post("/next", &next).await;
    come_back(
        bench,
        &begun.cookie,
        &format!("code=c&state={}", begun.state),
    )
    .await
}

/// How tokens are made that must not be believed.
fn lies(program: &Program, now: i64) -> Vec<(&'static str, Value)> {
    let other = "http://127.0.0.1:9";
    vec![
        ("none", json!({})),
        ("none", json!({ "header": { "alg": "None" } })),
        ("HS256-with-the-public-key", json!({})),
        ("stranger", json!({})),
        ("tampered", json!({})),
        // The settings say RS256: another algorithm is refused by a good key too.
        ("ES256", json!({})),
        ("EdDSA", json!({})),
        ("PS256", json!({})),
        ("brings-its-own-key", json!({})),
        (
            "brings-its-own-key",
            json!({ "header": { "kid": "rsa-1" } }),
        ),
        (
            "stranger",
            json!({ "header": { "jku": format!("{other}/keys") } }),
        ),
        (
            "stranger",
            json!({ "header": { "x5u": format!("{other}/cert"), "kid": null } }),
        ),
        ("RS256", json!({ "header": { "kid": "unknown" } })),
        ("RS256", json!({ "header": { "kid": "ec-1" } })),
        ("RS256", json!({ "header": { "kid": "../../etc/passwd" } })),
        ("RS256", json!({ "header": { "crit": ["exp"] } })),
        ("RS256", json!({ "header": { "typ": "at+jwt" } })),
        ("RS256", json!({ "header": { "typ": "logout+jwt" } })),
        ("RS256", json!({ "claims": { "iss": other } })),
        (
            "RS256",
            json!({ "claims": { "iss": format!("{}/", program.issuer) } }),
        ),
        ("RS256", json!({ "claims": { "iss": null } })),
        ("RS256", json!({ "claims": { "aud": "another" } })),
        ("RS256", json!({ "claims": { "aud": ["another"] } })),
        ("RS256", json!({ "claims": { "aud": null } })),
        ("RS256", json!({ "claims": { "aud": ["gate", "another"] } })),
        ("RS256", json!({ "claims": { "azp": "another" } })),
        ("RS256", json!({ "claims": { "nonce": "another" } })),
        ("RS256", json!({ "claims": { "nonce": null } })),
        ("RS256", json!({ "claims": { "exp": now - 61 } })),
        ("RS256", json!({ "claims": { "exp": null } })),
        ("RS256", json!({ "claims": { "exp": "tomorrow" } })),
        ("RS256", json!({ "claims": { "iat": null } })),
        ("RS256", json!({ "claims": { "iat": now + 600 } })),
        ("RS256", json!({ "claims": { "nbf": now + 600 } })),
        ("RS256", json!({ "claims": { "sub": null } })),
        ("RS256", json!({ "claims": { "sub": "" } })),
        ("RS256", json!({ "claims": { "sub": "x".repeat(256) } })),
        (
            "RS256",
            json!({ "claims": { "filler": "x".repeat(40_000) } }),
        ),
    ]
}

#[tokio::test]
async fn a_lying_token_signs_nobody_in_and_a_true_one_does() {
    let program = Program::issuer();
    let bench = bench(&program).await;
    let now = clock::now().as_second();
    let rows = lies(&program, now);
    for (how, change) in &rows {
        let answer = play(&bench, &program, how, change).await;
        let short: String = change.to_string().chars().take(100).collect();
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{how} {short}");
        assert_eq!(session(&answer), None, "{how} {short}");
        assert!(
            answer.text().contains("Nobody was signed in"),
            "{how} {short}"
        );
    }
    assert_eq!(bench.count("session.created").await, 0);
    assert_eq!(bench.count("sign_in.refused").await, rows.len());
    for change in [
        json!({}),
        json!({ "claims": { "aud": ["gate"], "azp": "gate" } }),
        json!({ "claims": { "aud": ["gate", "another"], "azp": "gate" } }),
        json!({ "claims": { "exp": now - 30, "iat": now - 900 } }),
    ] {
        let answer = play(&bench, &program, "RS256", &change).await;
        assert_eq!(answer.status, StatusCode::OK, "{change}: {}", answer.text());
        assert!(answer.text().contains("url=/history"), "{}", answer.text());
        let mut browser = Browser::new(&bench);
        browser.cookie = session(&answer).map(|secret| format!("gate_session={secret}"));
        assert!(browser.page("/").await.contains("<b>bob</b>"));
    }
    bench.verified().await;
}

#[tokio::test]
async fn an_answer_counts_once_and_in_the_browser_that_asked() {
    let program = Program::issuer();
    let bench = bench(&program).await;
    let begun = begin(&bench).await;
    let other = begin(&bench).await;
    let token = program
        .make("RS256", &good(&program, &begun.nonce), &json!({}))
        .await;
    program.post("/next", &json!({ "id_token": token })).await;
    let query = format!("code=c&state={}", begun.state);
    for (cookie, query) in [
        // Somebody else's link, opened by the victim: login CSRF.
        (other.cookie.as_str(), query.as_str()),
        ("", &query),
        ("gate_signing_in=x", &query),
        (&begun.cookie, "code=c"),
        (&begun.cookie, "code=c&state=x"),
        (&begun.cookie, &format!("code=c&state={}", "a".repeat(43))),
    ] {
        let answer = come_back(&bench, cookie, query).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{cookie} {query}");
        assert_eq!(session(&answer), None);
    }
    // Who looks at the head only, as previews do, uses nothing up.
    let path = format!("/login/callback?{query}");
    let browser = Browser::new(&bench);
    let mut head = browser.call(axum::http::Method::HEAD, &path, axum::body::Body::empty());
    head.headers_mut()
        .insert(COOKIE, begun.cookie.parse().unwrap());
    assert_eq!(
        bench.send(head).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let first = come_back(&bench, &begun.cookie, &query).await;
    assert!(session(&first).is_some(), "{}", first.text());
    let again = come_back(&bench, &begun.cookie, &query).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert_eq!(session(&again), None);
    assert_eq!(bench.count("session.created").await, 1);
}

#[tokio::test]
async fn the_provider_that_was_asked_is_the_one_that_answers() {
    let program = Program::issuer();
    let bench = bench(&program).await;
    let begun = begin(&bench).await;
    let token = program
        .make("RS256", &good(&program, &begun.nonce), &json!({}))
        .await;
    program.post("/next", &json!({ "id_token": token })).await;
    let query = format!("code=c&state={}&iss=https://evil.example", begun.state);
    let answer = come_back(&bench, &begun.cookie, &query).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer
            .text()
            .contains("not from the provider that was asked")
    );
    let refused = begin(&bench).await;
    let query = format!("error=access_denied&state={}", refused.state);
    let answer = come_back(&bench, &refused.cookie, &query).await;
    assert!(answer.text().contains("access_denied"), "{}", answer.text());
    assert_eq!(session(&answer), None);
}

#[tokio::test]
async fn an_issuer_that_describes_another_or_knows_no_pkce_is_not_gone_to() {
    for next in [
        json!({ "issuer": "https://login.example.com" }),
        json!({ "challenges": ["plain"] }),
    ] {
        let program = Program::issuer();
        program.post("/next", &next).await;
        let bench = bench(&program).await;
        let fields = [("provider", "test")];
        let answer = Browser::new(&bench).post("/login/provider", &fields).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{next}");
        assert!(answer.headers.get(SET_COOKIE).is_none());
    }
}

#[tokio::test]
async fn a_new_key_is_looked_up_once_and_made_up_names_do_not_make_us_ask() {
    let program = Program::issuer();
    let bench = bench(&program).await;
    assert!(session(&play(&bench, &program, "RS256", &json!({})).await).is_some());
    assert_eq!(program.asked("/keys").await, 1);
    program.post("/rotate", &json!({})).await;
    let answer = play(&bench, &program, "RS256", &json!({})).await;
    assert!(session(&answer).is_some(), "{}", answer.text());
    assert_eq!(program.asked("/keys").await, 2);
    for _ in 0..5 {
        let change = json!({ "header": { "kid": "made-up" } });
        assert!(session(&play(&bench, &program, "RS256", &change).await).is_none());
    }
    assert_eq!(
        program.asked("/keys").await,
        2,
        "not again within half a minute"
    );
    assert_eq!(program.asked("/.well-known/openid-configuration").await, 1);
}

#[tokio::test]
async fn a_key_that_was_withdrawn_signs_nobody_in_once_the_keys_are_fetched_anew() {
    let program = Program::issuer();
    let bench = bench(&program).await;
    let none = json!({});
    assert!(session(&play(&bench, &program, "RS256", &none).await).is_some());
    program.post("/rotate", &none).await;
    // Nothing has made us ask: what was fetched is believed for up to an hour.
    assert!(session(&play(&bench, &program, "withdrawn", &none).await).is_some());
    assert_eq!(program.asked("/keys").await, 1);
    assert!(session(&play(&bench, &program, "RS256", &none).await).is_some());
    assert_eq!(program.asked("/keys").await, 2);
    let sessions = bench.count("session.created").await;
    // Under its own name, under that of the new key, and under none.
    for kid in ["rsa-1", "rsa-2", ""] {
        let kid = (!kid.is_empty()).then_some(kid);
        let change = json!({ "header": { "kid": kid } });
        let answer = play(&bench, &program, "withdrawn", &change).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{kid:?}");
        assert_eq!(session(&answer), None, "{kid:?}");
    }
    assert_eq!(bench.count("session.created").await, sessions);
    assert_eq!(bench.count("sign_in.refused").await, 3);
}

#[tokio::test]
async fn groups_that_the_provider_does_not_list_are_unknown_and_not_none() {
    let program = Program::issuer();
    let settings = program.provider_settings("groups = { guid = 'approvers' }");
    let bench = Bench::with(|all| all.identity.providers = vec![settings]).await;
    let account = json!({
        "account": { "provider": "oidc", "tenant": program.issuer, "subject": "subject-of-bob" },
        "principal": "bob",
    });
    bench
        .post(&bench.setup.admin, "/v1/accounts", &account)
        .await;
    let overage = json!({ "claims": {
        "_claim_names": { "groups": "src1" },
        "_claim_sources": { "src1": { "endpoint": "https://graph.example/groups" } },
    } });
    let answer = play(&bench, &program, "RS256", &overage).await;
    assert_eq!(session(&answer), None);
    assert!(
        answer.text().contains("too many groups"),
        "{}",
        answer.text()
    );
    // The second answer must be about the same person.
    program
        .post(
            "/next",
            &json!({ "userinfo": { "sub": "subject-of-carol", "groups": ["guid"] } }),
        )
        .await;
    let answer = play(&bench, &program, "RS256", &json!({})).await;
    assert_eq!(session(&answer), None);
    assert!(answer.text().contains("somebody else"), "{}", answer.text());
}
