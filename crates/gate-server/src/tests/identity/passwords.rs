//! Users with a password, where there is no provider.

use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use serde_json::json;

use crate::service::Tried;
use crate::tests::bench::{Answered, Bench, is_in_files};
use crate::tests::web::{Browser, OWN, location};

const PASSWORD: &str = "three small words";

/// Invites bob and returns the code of the link.
async fn invite(bench: &Bench, roles: &[&str]) -> String {
    let wanted = json!({ "principal": "bob", "roles": roles });
    let made = bench
        .post(&bench.setup.admin, "/v1/invitations", &wanted)
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let url = made.json()["url"].as_str().unwrap().to_owned();
    let code = url.strip_prefix(&format!("{OWN}/invitation?code="));
    code.unwrap().to_owned()
}

async fn accept(bench: &Bench, code: &str, password: &str) -> Answered {
    let fields = [("code", code), ("password", password), ("again", password)];
    Browser::new(bench).post("/invitation", &fields).await
}

async fn sign_in(bench: &Bench, name: &str, password: &str, role: Option<&str>) -> Answered {
    let mut fields = vec![("username", name), ("password", password)];
    fields.extend(role.map(|role| ("role", role)));
    Browser::new(bench).post("/login", &fields).await
}

#[tokio::test]
async fn an_invitation_sets_a_password_once_and_the_password_signs_in() {
    let bench = Bench::new().await;
    let page = Browser::new(&bench).page("/login").await;
    assert!(!page.contains("name=\"password\""), "nobody has one yet");
    let code = invite(&bench, &["approver", "admin"]).await;
    let link = format!("/invitation?code={code}");
    for _ in 0..2 {
        assert!(
            Browser::new(&bench)
                .page(&link)
                .await
                .contains("<b>bob</b>")
        );
    }
    let short = accept(&bench, &code, "too short").await;
    assert_eq!(short.status, StatusCode::BAD_REQUEST);
    assert!(short.text().contains("12 to 256"), "{}", short.text());
    let set = accept(&bench, &code, PASSWORD).await;
    assert_eq!(location(&set), "/login");
    assert_eq!(
        accept(&bench, &code, "another one, longer").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert!(!is_in_files(&bench.data(), PASSWORD.as_bytes()));
    assert!(!is_in_files(&bench.data(), code.as_bytes()));
    let page = Browser::new(&bench).page("/login").await;
    assert!(page.contains("name=\"password\""));
    for (role, shown) in [(None, "approver"), (Some("admin"), "admin")] {
        let answer = sign_in(&bench, " Bob ", PASSWORD, role).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        let mut browser = Browser::new(&bench);
        browser.keep_cookie(&answer);
        assert!(browser.page("/").await.contains(shown));
    }
    let other = sign_in(&bench, "bob", PASSWORD, Some("auditor")).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    bench.verified().await;
}

/// Waits until so many are in the log: no answer waits for that.
async fn refused(bench: &Bench, expected: usize) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while tokio::time::Instant::now() < deadline {
        if bench.count("sign_in.refused").await >= expected {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(bench.count("sign_in.refused").await, expected);
}

#[tokio::test]
async fn nothing_tells_a_wrong_password_from_an_unknown_name_and_guessing_costs_more_each_time() {
    let bench = Bench::new().await;
    let code = invite(&bench, &["approver"]).await;
    accept(&bench, &code, PASSWORD).await;
    let plain = |text: String| {
        text.replace("value=\"bob\"", "")
            .replace("value=\"eve\"", "")
    };
    let wrong = sign_in(&bench, "bob", "three small wordz", None).await;
    let unknown = sign_in(&bench, "eve", "three small words", None).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(plain(wrong.text()), plain(unknown.text()));
    for _ in 0..4 {
        let wrong = sign_in(&bench, "bob", "three small wordz", None).await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    }
    for password in ["three small wordz", PASSWORD] {
        let later = sign_in(&bench, "bob", password, None).await;
        assert_eq!(
            later.status,
            StatusCode::TOO_MANY_REQUESTS,
            "{}",
            later.text()
        );
        assert!(later.headers.get(SET_COOKIE).is_none());
    }
    // What nobody has is not written down: it may be a password in the wrong field.
    refused(&bench, 5).await;
    // Others are not kept waiting by it, and bob's token is as good as before.
    Browser::signed_in(&bench, &bench.setup.bob_approver)
        .await
        .page("/")
        .await;
}

#[tokio::test]
async fn a_newer_invitation_ends_the_older_one_and_a_new_password_the_sessions() {
    let bench = Bench::new().await;
    let old = invite(&bench, &["approver"]).await;
    let new = invite(&bench, &["approver"]).await;
    assert_eq!(
        accept(&bench, &old, PASSWORD).await.status,
        StatusCode::UNAUTHORIZED
    );
    accept(&bench, &new, PASSWORD).await;
    let answer = sign_in(&bench, "bob", PASSWORD, None).await;
    let mut browser = Browser::new(&bench);
    browser.keep_cookie(&answer);
    browser.page("/").await;
    let again = invite(&bench, &["approver"]).await;
    accept(&bench, &again, "quite another phrase").await;
    assert_eq!(location(&browser.get("/").await), "/login");
    let before = sign_in(&bench, "bob", PASSWORD, None).await;
    assert_eq!(before.status, StatusCode::UNAUTHORIZED);
    // Who is disabled has no password any more, and enabled again needs an invitation.
    for verb in ["disable", "enable"] {
        let path = format!("/v1/principals/bob/{verb}");
        bench.post(&bench.setup.admin, &path, &()).await;
        let answer = sign_in(&bench, "bob", "quite another phrase", None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn only_users_are_invited_and_only_where_passwords_are_allowed() {
    let bench = Bench::new().await;
    let admin = &bench.setup.admin;
    for (principal, roles) in [
        ("demo-agent", json!(["requester"])),
        ("nobody", json!(["approver"])),
        ("bob", json!([])),
    ] {
        let wanted = json!({ "principal": principal, "roles": roles });
        let refused = bench.post(admin, "/v1/invitations", &wanted).await;
        assert_eq!(refused.problem(), "bad_request", "{principal}");
    }
    let bench = Bench::with(|all| all.identity.sign_in.passwords = false).await;
    let wanted = json!({ "principal": "bob", "roles": ["approver"] });
    let refused = bench
        .post(&bench.setup.admin, "/v1/invitations", &wanted)
        .await;
    assert_eq!(refused.problem(), "conflict");
}

/// Tries a password from an address, and tells what came of it.
async fn tried(bench: &Bench, name: &str, password: &str, address: &str) -> &'static str {
    let tried = bench
        .server
        .try_password(name, password.to_owned(), address);
    match tried.await.unwrap() {
        Tried::Right(_) => "right",
        Tried::Wrong => "wrong",
        Tried::Later(_) => "later",
    }
}

/// Guesses until one has to wait, and returns how many did not. Each further one
/// waits twice as long, so a slow machine gets there too.
async fn guessed(bench: &Bench, of: impl Fn(usize) -> (String, String)) -> usize {
    for number in 0..40 {
        let (name, address) = of(number);
        match tried(bench, &name, "three small wordz", &address).await {
            "later" => return number,
            other => assert_eq!(other, "wrong"),
        }
    }
    panic!("nobody had to wait")
}

#[tokio::test]
async fn an_address_to_spare_is_no_guess_to_spare_and_its_owner_is_let_in_all_the_same() {
    let bench = Bench::new().await;
    let code = invite(&bench, &["approver"]).await;
    accept(&bench, &code, PASSWORD).await;
    assert_eq!(tried(&bench, "bob", PASSWORD, "10.0.0.1").await, "right");
    let bob = || "bob".to_owned();
    // One subscriber of IPv6 has all addresses of a /64.
    let guesses = guessed(&bench, |number| {
        (bob(), format!("2001:db8:0:1::{number:x}"))
    });
    assert!((5..20).contains(&guesses.await));
    // One address tries the names of a company.
    let guesses = guessed(&bench, |number| {
        (format!("user{number}"), "10.6.6.6".to_owned())
    });
    assert!(guesses.await >= 21);
    // Many networks guess at one name.
    let guesses = guessed(&bench, |number| (bob(), format!("10.7.{number}.1")));
    assert!(guesses.await >= 12);
    assert_eq!(tried(&bench, "bob", PASSWORD, "10.0.0.1").await, "right");
}

#[tokio::test]
async fn what_can_be_no_name_costs_nothing_and_is_not_remembered() {
    let bench = Bench::new().await;
    for number in 0..40 {
        let name = format!("{}{number}", "n".repeat(31_000));
        assert_eq!(tried(&bench, &name, PASSWORD, "10.0.0.1").await, "wrong");
    }
    assert_eq!(tried(&bench, "bob", PASSWORD, "10.0.0.1").await, "wrong");
}
