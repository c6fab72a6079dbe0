//! A real provider and the server between them sign a browser in.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::http::header::{COOKIE, SET_COOKIE};
use reqwest::Url;
use serde_json::{Value, json};

use super::devices;
use super::program::Program;
use crate::clock;
use crate::tests::bench::{Answered, Bench};
use crate::tests::channels::secret_file;
use crate::tests::web::{Browser, OWN, location};

const CALLBACK: &str = "http://127.0.0.1:1/login/callback";

/// As an operator would write it.
const USUAL: &str = "
scopes = ['profile', 'email', 'groups']
auto_create = true
email_domains = ['example.com']
approver_groups = ['approvers']
admin_groups = ['admins']
[groups]
sre-guid = 'approvers'
admins-guid = 'admins'
";

/// A server with the provider, and the file with the client's secret.
async fn bench(program: &Program, more: &str) -> (Bench, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let secret = secret_file(folder.path(), "secret", "a secret with: colons & spaces\n");
    let more = format!("client_secret_file = '{}'\n{more}", secret.display());
    let settings = program.provider_settings(&more);
    let bench = Bench::with(|all| all.identity.providers = vec![settings]).await;
    (bench, folder)
}

/// Walks through the provider's pages as `who`, up to where it sends the browser
/// back to us; returns the query of that.
async fn at_the_provider(address: &str, who: &str) -> String {
    let http = crate::outbound::test_client();
    let mut cookies: BTreeMap<String, String> = BTreeMap::new();
    let mut url: Url = address.parse().unwrap();
    let mut form: Option<String> = None;
    for _ in 0..20 {
        let jar: Vec<String> = cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let request = match form.take() {
            Some(body) => http
                .post(url.clone())
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body),
            None => http.get(url.clone()),
        };
        let response = request
            .header("cookie", jar.join("; "))
            .send()
            .await
            .unwrap();
        for set in response.headers().get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            cookies.insert(name.to_owned(), value.to_owned());
        }
        if response.status().is_redirection() {
            let next = response.headers()["location"].to_str().unwrap();
            url = url.join(next).unwrap();
            if url.as_str().starts_with(OWN) {
                return url.query().unwrap_or_default().to_owned();
            }
            continue;
        }
        let page = response.text().await.unwrap();
        let is_login = page.contains("name=\"login\"");
        form = Some(if is_login {
            format!("prompt=login&login={who}&password=x")
        } else {
            "prompt=consent".to_owned()
        });
        let (_, action) = page
            .split_once("action=\"")
            .unwrap_or_else(|| panic!("{page}"));
        url = url.join(action.split('"').next().unwrap()).unwrap();
    }
    panic!("the provider goes round in circles");
}

/// Signs in as `who`, with a role if one is given.
async fn sign_in(bench: &Bench, who: &str, role: Option<&str>) -> Answered {
    let browser = Browser::new(bench);
    let page = browser.page("/login").await;
    assert!(page.contains("Sign in with Test"), "{page}");
    let mut fields = vec![("provider", "test")];
    fields.extend(role.map(|role| ("role", role)));
    let answer = browser.post("/login/provider", &fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let text = answer.text();
    let (_, rest) = text.split_once("content=\"0;url=").unwrap();
    let address = rest
        .split('"')
        .next()
        .unwrap()
        .replace("&#38;", "&")
        .replace("&amp;", "&");
    let query = at_the_provider(&address, who).await;
    let cookie = answer.headers[SET_COOKIE].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let path = format!("/login/callback?{query}");
    let mut request = browser.call(axum::http::Method::GET, &path, axum::body::Body::empty());
    request
        .headers_mut()
        .insert(COOKIE, cookie.parse().unwrap());
    bench.send(request).await
}

/// Returns the browser that was signed in.
fn signed_in<'b>(bench: &'b Bench, answer: &Answered) -> Browser<'b> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let mut browser = Browser::new(bench);
    browser.keep_cookie(answer);
    browser
}

async fn principal(bench: &Bench, name: &str) -> Value {
    let all = bench.get(&bench.setup.admin, "/v1/principals").await.json();
    let all = all["principals"].as_array().unwrap();
    let found = all.iter().find(|principal| principal["name"] == name);
    found.cloned().unwrap_or(Value::Null)
}

#[tokio::test]
async fn whoever_is_welcome_becomes_a_user_with_the_groups_that_the_settings_name() {
    for is_strict in [false, true] {
        let program = Program::provider(CALLBACK, is_strict);
        // `alice` and `bob` are there already, with tokens; so a name of its own.
        let more = USUAL.replace(
            "auto_create = true",
            "auto_create = true\nname_claim = 'email'",
        );
        let (bench, _folder) = bench(&program, &more).await;
        let answer = sign_in(&bench, "alice", None).await;
        let browser = signed_in(&bench, &answer);
        assert!(browser.page("/").await.contains("<b>alice@example.com</b>"));
        let made = principal(&bench, "alice@example.com").await;
        assert_eq!(made["groups"], json!(["approvers"]), "{made}");
        let accounts = bench.get(&bench.setup.admin, "/v1/accounts").await.json();
        assert_eq!(accounts["accounts"][0]["account"]["subject"], "alice");
        assert_eq!(accounts["accounts"][0]["account"]["tenant"], program.issuer);
        // The second time it is the same user, and nothing is made.
        signed_in(&bench, &sign_in(&bench, "alice", None).await);
        assert_eq!(bench.count("principal.created").await, 6);
        // That a provider has them in a group is on the record, once.
        assert_eq!(bench.count("principal.changed").await, 1);
        // They can answer, and what they answer is theirs.
        let asked = bench.asked("prod").await;
        let answered = browser.answer(&asked, "approve").await;
        assert_eq!(
            answered.status,
            StatusCode::SEE_OTHER,
            "{}",
            answered.text()
        );
        let reviews = bench.show(&asked).await.reviews;
        assert_eq!(reviews[0].reviewer, "alice@example.com");
        bench.verified().await;
    }
}

#[tokio::test]
async fn whoever_is_not_welcome_is_told_why_and_how_to_become_it() {
    let program = Program::provider(CALLBACK, false);
    let (bench, _folder) = bench(&program, USUAL).await;
    // A domain that the settings do not name.
    let answer = sign_in(&bench, "mallory", None).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text().contains("mallory"), "{}", answer.text());
    assert_eq!(principal(&bench, "mallory").await, Value::Null);
    // A name that is asked for here: it becomes nobody.
    let rules = "[[rule]]\nid = 'team/x'\neffect = ['write']\ndecision = 'require_approval'\n\
                 [rule.approval]\napprovers = ['user:dora']\n";
    bench.push_rules(&bench.setup.admin, rules).await;
    let answer = sign_in(&bench, "dora", None).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
    assert_eq!(principal(&bench, "dora").await, Value::Null);
    // A name that is somebody's here: it does not become them.
    let answer = sign_in(&bench, "alice", None).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text().contains("is taken here"), "{}", answer.text());
    // Until an admin says that it is theirs.
    let account = json!({
        "account": {
            "provider": "oidc", "tenant": program.issuer, "subject": "alice",
        },
        "principal": "alice",
    });
    bench
        .post(&bench.setup.admin, "/v1/accounts", &account)
        .await;
    let browser = signed_in(&bench, &sign_in(&bench, "alice", None).await);
    assert!(browser.page("/").await.contains("<b>alice</b>"));
    // And who owns the agent does not answer for it, whoever vouches for them.
    let asked = bench.asked("prod").await;
    let answered = browser.answer(&asked, "approve").await;
    assert_eq!(
        answered.status,
        StatusCode::FORBIDDEN,
        "{}",
        answered.text()
    );
    assert_eq!(bench.count("request.rejected_review").await, 1);
    let disable = "/v1/principals/alice/disable";
    bench.post(&bench.setup.admin, disable, &()).await;
    assert_eq!(
        location(&browser.get("/").await),
        "/login",
        "the session is gone at once"
    );
    // What only an admin's word made hers is not hers any more, nor again with her.
    let enable = "/v1/principals/alice/enable";
    for _ in 0..2 {
        let answer = sign_in(&bench, "alice", None).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.text().contains("is taken here"), "{}", answer.text());
        bench.post(&bench.setup.admin, enable, &()).await;
    }
}

#[tokio::test]
async fn groups_say_as_what_one_signs_in_and_an_administrator_answers_nothing() {
    let program = Program::provider(CALLBACK, false);
    let more = USUAL.replace(
        "auto_create = true",
        "auto_create = true\nname_claim = 'email'",
    );
    let (bench, _folder) = bench(&program, &more).await;
    let asked = bench.asked("prod").await;
    // Carol is in no group: she can let a terminal in, and that is all.
    let carol = signed_in(&bench, &sign_in(&bench, "carol", None).await);
    let refused = carol.get("/").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    let refused = carol.get(&format!("/requests/{}", asked.id)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(carol.page("/device").await.contains("Let a terminal in"));
    let answer = sign_in(&bench, "carol", Some("admin")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
    let bob = signed_in(&bench, &sign_in(&bench, "bob", None).await);
    assert!(bob.page("/").await.contains("approver"));
    let admin = signed_in(&bench, &sign_in(&bench, "bob", Some("admin")).await);
    let answered = admin.answer(&asked, "approve").await;
    assert_eq!(
        answered.status,
        StatusCode::FORBIDDEN,
        "{}",
        answered.text()
    );
    let answered = bob.answer(&asked, "approve").await;
    assert_eq!(
        answered.status,
        StatusCode::SEE_OTHER,
        "{}",
        answered.text()
    );
}

#[tokio::test]
async fn signing_out_goes_by_the_provider_and_the_session_is_over_at_once() {
    let program = Program::provider(CALLBACK, false);
    let more = USUAL.replace(
        "auto_create = true",
        "auto_create = true\nname_claim = 'email'",
    );
    let (bench, _folder) = bench(&program, &more).await;
    let browser = signed_in(&bench, &sign_in(&bench, "alice", None).await);
    let csrf = browser.csrf().await;
    let out = browser.post("/logout", &[("csrf", &csrf)]).await;
    assert_eq!(out.status, StatusCode::OK, "{}", out.text());
    let page = out.text();
    assert!(
        page.contains(&format!("{}/session/end?", program.issuer)),
        "{page}"
    );
    assert!(
        page.contains("post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Flogin"),
        "{page}"
    );
    assert_eq!(location(&browser.get("/").await), "/login");
}

#[tokio::test]
async fn who_has_left_the_groups_of_the_provider_is_in_none_after_a_while() {
    let program = Program::provider(CALLBACK, false);
    let more = USUAL.replace(
        "auto_create = true",
        "auto_create = true\nname_claim = 'email'\ngroups_seconds = 1",
    );
    let (bench, _folder) = bench(&program, &more).await;
    let browser = signed_in(&bench, &sign_in(&bench, "alice", None).await);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let made = principal(&bench, "alice@example.com").await;
    assert_eq!(made["groups"], json!([]), "{made}");
    let asked = bench.asked("prod").await;
    let answered = browser.answer(&asked, "approve").await;
    assert_eq!(
        answered.status,
        StatusCode::FORBIDDEN,
        "{}",
        answered.text()
    );
}

/// Returns when the only terminal's token ends, in seconds from now.
async fn terminal_ends_in(bench: &Bench) -> i64 {
    let tokens = bench.get(&bench.setup.admin, "/v1/tokens").await.json();
    let tokens = tokens["tokens"].as_array().unwrap();
    let made: Vec<&Value> = tokens
        .iter()
        .filter(|one| one["note"].is_string())
        .collect();
    assert_eq!(made.len(), 1, "{made:?}");
    let end: jiff::Timestamp = made[0]["expires_at"].as_str().unwrap().parse().unwrap();
    end.as_second() - clock::now().as_second()
}

#[tokio::test]
async fn a_terminal_ends_with_what_the_provider_said_last_of_who_let_it_in() {
    let program = Program::provider(CALLBACK, false);
    let more = USUAL.replace(
        "auto_create = true",
        "auto_create = true\nname_claim = 'email'\ngroups_seconds = 86400",
    );
    let (bench, _folder) = bench(&program, &more).await;
    let browser = signed_in(&bench, &sign_in(&bench, "alice", None).await);
    let started = devices::start(&bench).await;
    let page = devices::answer(&browser, &started.user_code, "let_in").await;
    assert!(page.contains("is let in"), "{page}");
    let polled = devices::poll(&bench, &started.device_code).await;
    let token = polled["token"]["token"].as_str().unwrap();
    assert_eq!(bench.get(token, "/v1/whoami").await.status, StatusCode::OK);
    let a_day = 86_390..=86_400;
    assert!(a_day.contains(&terminal_ends_in(&bench).await));
    // The next sign-in has it go on, and no longer than it may live at all.
    bench
        .sql("UPDATE tokens SET expires_at = expires_at - 80000000 WHERE note IS NOT NULL")
        .await;
    signed_in(&bench, &sign_in(&bench, "alice", None).await);
    assert!(a_day.contains(&terminal_ends_in(&bench).await));
    bench
        .sql("UPDATE tokens SET created_at = created_at - 2591000000 WHERE note IS NOT NULL")
        .await;
    bench
        .sql("UPDATE tokens SET expires_at = expires_at - 86000000 WHERE note IS NOT NULL")
        .await;
    signed_in(&bench, &sign_in(&bench, "alice", None).await);
    assert!((900..=1_000).contains(&terminal_ends_in(&bench).await));
    // Who does not sign in there any more lets nothing in, and what was let in is over.
    bench
        .sql("UPDATE principals SET provider_groups_until = 1")
        .await;
    let late = devices::start(&bench).await;
    let refused = devices::answer(&browser, &late.user_code, "let_in").await;
    assert!(refused.contains("too long ago"), "{refused}");
    assert_eq!(
        devices::poll(&bench, &late.device_code).await["state"],
        "pending"
    );
    bench
        .sql("UPDATE tokens SET expires_at = 1 WHERE note IS NOT NULL")
        .await;
    signed_in(&bench, &sign_in(&bench, "alice", None).await);
    let over = bench.get(token, "/v1/whoami").await;
    assert_eq!(over.problem(), "unauthorized", "what ended stays so");
}

#[tokio::test]
async fn a_provider_that_is_away_keeps_nobody_else_out() {
    let settings =
        toml::from_str("name = 'test'\nissuer = 'http://127.0.0.1:9'\nclient_id = 'gate'\n");
    let settings = settings.unwrap();
    let bench = Bench::with(|all| all.identity.providers = vec![settings]).await;
    let answer = Browser::new(&bench)
        .post("/login/provider", &[("provider", "test")])
        .await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{}", answer.text());
    let browser = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    browser.page("/").await;
}
