//! THREATS 6A.21 on every address that the server has: looking changes nothing, a foreign page
//! sends nothing, and every answer says to browsers what OWASP's Secure Headers Project has it
//! say. Which addresses there are is read from the sources and from the description, so that a
//! new one is looked at as well. Frames, stored scripts and real foreign pages are played in a
//! browser (`tests/web/attacks.mjs`).

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN};
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use sqlx::{Connection as _, SqliteConnection};

use super::browser::{Browser, OWN};
use crate::tests::bench::{Answered, Bench};

/// Where addresses are named.
const SOURCES: [&str; 5] = [
    include_str!("../../web/mod.rs"),
    include_str!("../../notify/mod.rs"),
    include_str!("../../api/mod.rs"),
    include_str!("../../serve/mod.rs"),
    include_str!("../../serve/operations.rs"),
];
const SLACKBOT: &str = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)";
const METHODS: [&str; 4] = ["post", "put", "patch", "delete"];
/// Addresses that are none; `/metrics` has no token here.
const NOWHERE: [&str; 4] = ["/no/page", "/v1/no/thing", "/assets/no.js", "/metrics"];
/// What a form from elsewhere is told, before anything else of it is read.
const FOREIGN: &str = "This form came from another page";
const FORMS: usize = 26;

/// A server with something on each of its pages, and everybody who can look at it.
struct Ground {
    bench: Bench,
    request: ApprovalRequest,
    /// Who looks: a name, a header and what it says.
    lookers: Vec<(&'static str, HeaderName, String)>,
    watcher: Option<SqliteConnection>,
}

impl Ground {
    async fn new() -> Self {
        let mut ground = Self::of(Bench::new().await, OWN).await;
        let admin = Browser::administering(&ground.bench).await;
        ground.looks(("the admin's browser", admin.cookie));
        ground
    }

    fn looks(&mut self, (who, cookie): (&'static str, Option<String>)) {
        self.lookers.push((who, COOKIE, cookie.unwrap()));
    }

    /// `origin` is where browsers find the server.
    async fn of(bench: Bench, origin: &str) -> Self {
        let request = bench.asked("shop").await;
        let setup = &bench.setup;
        let mut lookers = Vec::new();
        for (who, token) in [
            ("bob's token", &setup.bob_approver),
            ("the agent's token", &setup.agent),
            ("the admin's token", &setup.admin),
            ("the auditor's token", &setup.auditor),
        ] {
            lookers.push((who, AUTHORIZATION, format!("Bearer {token}")));
        }
        for (who, token) in [
            ("bob's browser", &setup.bob_approver),
            ("the auditor's browser", &setup.auditor),
        ] {
            let mut browser = Browser::new(&bench);
            let fields = [("token", token.as_str())];
            let entered = browser.post_from(Some(origin), "/login", &fields).await;
            browser.keep_cookie(&entered);
            lookers.push((who, COOKIE, browser.cookie.unwrap()));
        }
        lookers.push(("nobody", HeaderName::from_static("x-nobody"), String::new()));
        let file = bench.data().join("gate.db");
        let watcher = if bench.server.settings.database.is_none() {
            let url = format!("sqlite://{}?mode=ro", file.display());
            Some(SqliteConnection::connect(&url).await.unwrap())
        } else {
            None
        };
        Self {
            bench,
            request,
            lookers,
            watcher,
        }
    }

    /// Returns a number that is another one after any change of the database; on `PostgreSQL`,
    /// which has none, after anything that is on the record.
    async fn state(&mut self) -> u64 {
        let Some(watcher) = &mut self.watcher else {
            return self.bench.server.log_size().await.unwrap();
        };
        let version: i64 = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(watcher)
            .await
            .unwrap();
        version.try_into().unwrap()
    }

    /// Returns an address with something that is there in each of its places.
    fn filled(&self, path: &str) -> String {
        let id = self.request.id.to_string();
        let name = if path.starts_with("/assets/") {
            "icon.svg"
        } else {
            "bob"
        };
        let mut filled = String::new();
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('{') {
            let (place, after) = after.split_once('}').unwrap();
            filled.push_str(before);
            filled.push_str(match place {
                "id" => &id,
                "name" => name,
                "*path" => "0/000",
                _ => "1",
            });
            rest = after;
        }
        filled + rest
    }

    /// Returns every address, and those of the API that take something, with their methods.
    async fn addresses(&self) -> Vec<(Method, String)> {
        let mut all = BTreeSet::new();
        for source in SOURCES {
            for rest in source.split(".route(").skip(1) {
                let path = rest.split('"').nth(1).unwrap();
                all.insert((Method::POST.to_string(), path.to_owned()));
            }
        }
        all.extend(NOWHERE.map(|path| (Method::POST.to_string(), path.to_owned())));
        let document = self.bench.get("", "/v1/openapi.json").await.json();
        for (path, item) in document["paths"].as_object().unwrap() {
            let methods = item.as_object().unwrap().keys();
            let methods = methods.filter(|method| METHODS.contains(&method.as_str()));
            all.insert((Method::POST.to_string(), path.clone()));
            all.extend(methods.map(|method| (method.to_uppercase(), path.clone())));
        }
        let chats = all.iter().flat_map(|(method, path)| {
            let of = |chat| self.filled(&path.replace("{chat}", chat));
            ["slack", "teams"].map(|chat| (method.parse().unwrap(), of(chat)))
        });
        let mut addresses: Vec<(Method, String)> = chats.collect();
        addresses.dedup();
        addresses
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: &str,
    ) -> Answered {
        self.bench.glance(made(method, path, headers, body)).await
    }
}

fn made(method: Method, path: &str, headers: &[(HeaderName, &str)], body: &str) -> Request<Body> {
    let mut request = Request::new(Body::from(body.to_owned()));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).unwrap();
        request.headers_mut().insert(name.clone(), value);
    }
    request
}

fn named(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

#[tokio::test]
async fn looking_at_any_address_changes_nothing_whoever_looks_and_however() {
    let mut ground = Box::pin(Ground::new()).await;
    let addresses = ground.addresses().await;
    let paths: BTreeSet<String> = addresses.into_iter().map(|(_, path)| path).collect();
    assert!(paths.len() > 90, "{paths:?}");
    let digest = ground.request.digest;
    let before = ground.state().await;
    for path in &paths {
        let tempting = format!("{path}?answer=approve&digest={digest}&confirm=shop");
        for path in [path, &tempting] {
            ground.look_at(path).await;
        }
        assert_eq!(ground.state().await, before, "{path}");
    }
    let shown = ground.bench.show(&ground.request).await;
    assert_eq!(shown.status, ApprovalStatus::Pending);
}

impl Ground {
    /// Has everybody look in every way in which browsers, previews and robots do.
    async fn look_at(&self, path: &str) {
        let ways = [
            (Method::GET, "accept", "text/html"),
            (Method::HEAD, "accept", "*/*"),
            (Method::GET, "sec-purpose", "prefetch;prerender"),
            (Method::GET, "user-agent", SLACKBOT),
            (Method::TRACE, "accept", "*/*"),
        ];
        for (who, header, value) in &self.lookers {
            for (method, name, said) in &ways {
                let headers = [(header.clone(), value.as_str()), (named(name), *said)];
                let answer = self.call(method.clone(), path, &headers, "").await;
                let status = answer.status.as_u16();
                let least = if *method == Method::TRACE { 400 } else { 200 };
                // Nobody settles what is due here, and so it says that it is not ready.
                let is_right = (least..500).contains(&status) || path.starts_with("/readyz");
                assert!(is_right, "{method} {path} by {who}: {status}");
            }
        }
    }
}

/// What a page elsewhere can have a browser send without asking first, with the cookie that
/// `SameSite` would keep back, and all that a form of ours carries.
#[tokio::test]
async fn nothing_that_a_foreign_page_can_send_changes_anything() {
    let mut ground = Box::pin(Ground::new()).await;
    let mut victims = Vec::new();
    for browser in [
        Browser::signed_in(&ground.bench, &ground.bench.setup.bob_approver).await,
        Browser::administering_again(&ground.bench).await,
    ] {
        let form = format!(
            "csrf={}&digest={}&answer=approve&confirm=shop&name=eve&kind=user&role=admin",
            browser.csrf().await,
            ground.request.digest
        );
        victims.push((browser.cookie.unwrap(), form));
    }
    let before = ground.state().await;
    let mut forms = BTreeSet::new();
    for (method, path) in ground.addresses().await {
        // What chats call is called by servers, which have no origin; it asks for signatures.
        if ["/slack/interactivity", "/teams/messages"].contains(&path.as_str()) {
            continue;
        }
        for (cookie, form) in &victims {
            let victim = (cookie.as_str(), form.as_str());
            if ground.assert_out_of_reach(&method, &path, victim).await {
                forms.insert(path.clone());
            }
        }
        assert_eq!(ground.state().await, before, "{method} {path}");
    }
    assert_eq!(forms.len(), FORMS, "{forms:?}");
}

impl Ground {
    /// Sends a form from each foreign origin in each way that needs no asking, and asks. Returns
    /// whether pages of ours could.
    async fn assert_out_of_reach(
        &self,
        method: &Method,
        path: &str,
        (cookie, form): (&str, &str),
    ) -> bool {
        let mut takes_forms = false;
        for origin in [
            "https://evil.example",
            "null",
            "http://127.0.0.1:1.evil.example",
        ] {
            for kind in [
                "application/x-www-form-urlencoded",
                "text/plain",
                "multipart/form-data; boundary=x",
            ] {
                let headers = [
                    (COOKIE, cookie),
                    (ORIGIN, origin),
                    (CONTENT_TYPE, kind),
                    (named("sec-fetch-site"), "cross-site"),
                ];
                let sent = made(method.clone(), path, &headers, form);
                let answer = self.bench.send(sent).await;
                let place = format!("{method} {path} of {kind} from {origin}");
                assert!(answer.status.is_client_error(), "{place}: {answer:?}");
                assert_foreign_to_all(&answer, &place);
                let is_shown_only = answer.status == StatusCode::METHOD_NOT_ALLOWED;
                if path.starts_with("/v1/") || NOWHERE.contains(&path) || is_shown_only {
                    continue;
                }
                // To be refused for something else, as a field that is missing, says nothing.
                takes_forms = true;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{place}: {answer:?}");
                assert!(answer.text().contains(FOREIGN), "{place}: {answer:?}");
            }
        }
        let asked = [
            (COOKIE, cookie),
            (ORIGIN, "https://evil.example"),
            (named("access-control-request-method"), method.as_str()),
        ];
        let answer = self.call(Method::OPTIONS, path, &asked, "").await;
        assert_foreign_to_all(&answer, path);
        takes_forms
    }
}

/// No other page is let in to read an answer.
fn assert_foreign_to_all(answer: &Answered, place: &str) {
    let mut names = answer.headers.keys().map(HeaderName::as_str);
    assert!(
        !names.any(|name| name.starts_with("access-control-")),
        "{place}: {answer:?}"
    );
}

/// What OWASP's list says, with what this server answers instead where `docs/web.md` says why.
const SAID: &[(&str, &[&str])] = &[
    ("x-content-type-options", &["nosniff"]),
    ("x-dns-prefetch-control", &["off"]),
    ("x-frame-options", &["DENY"]),
    ("x-permitted-cross-domain-policies", &["none"]),
    ("cross-origin-embedder-policy", &["require-corp"]),
    ("cross-origin-opener-policy", &["same-origin"]),
    ("cross-origin-resource-policy", &["same-origin"]),
    ("referrer-policy", &["no-referrer", "same-origin"]),
    (
        "cache-control",
        &[
            "no-store",
            // With a tag, and asked about again each time.
            "private, no-cache",
            // Its name is what it holds: files of the pages, and parts of the log.
            "public, max-age=31536000, immutable",
            "private, max-age=31536000, immutable",
            "public, max-age=86400",
        ],
    ),
];

/// What would say too much, or is better not said any more.
const UNSAID: [&str; 7] = [
    "server",
    "x-powered-by",
    "x-xss-protection",
    "expect-ct",
    "public-key-pins",
    "feature-policy",
    "access-control-allow-origin",
];

fn one<'a>(answer: &'a Answered, name: &str, place: &str) -> &'a str {
    let all: Vec<_> = answer.headers.get_all(name).iter().collect();
    assert_eq!(all.len(), 1, "{place}: {name}: {all:?}");
    all[0].to_str().unwrap()
}

fn assert_says_all(answer: &Answered, place: &str) {
    for (name, allowed) in SAID {
        let said = one(answer, name, place);
        assert!(allowed.contains(&said), "{place}: {name}: {said}");
    }
    let policy = one(answer, "content-security-policy", place);
    for part in [
        "default-src 'none'",
        "base-uri 'none'",
        "form-action '",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{place}: {policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains('*'),
        "{place}"
    );
    let permissions = one(answer, "permissions-policy", place);
    let denied = permissions.split(", ");
    assert!(denied.clone().count() > 20 && denied.clone().all(|one| one.ends_with("=()")));
    for name in UNSAID {
        assert!(!answer.headers.contains_key(name), "{place}: {name}");
    }
    let is_secure = answer.headers.get("strict-transport-security");
    assert_eq!(is_secure.unwrap(), "max-age=31536000", "{place}");
}

/// Everything that a server can answer with has to be among what was looked at.
const KINDS: [(u16, &str); 13] = [
    (200, "text/html"),
    (200, "application/json"),
    (200, "image/svg+xml"),
    (200, "text/event-stream"),
    (200, "text/plain"),
    (303, ""),
    (304, ""),
    (400, "application/problem+json"),
    (401, "application/problem+json"),
    (403, "text/html"),
    (404, "text/html"),
    (405, "text/html"),
    (413, "application/problem+json"),
];

#[tokio::test]
async fn every_answer_says_what_owasp_has_it_say() {
    let bench = Bench::with(|settings| {
        settings.public_url = "https://gate.example".to_owned();
        settings.limits.body_bytes = 4_096;
    })
    .await;
    let origin = "https://gate.example";
    let ground = Ground::of(bench, origin).await;
    let mut kinds = BTreeSet::new();
    let (_, bearer, token) = &ground.lookers[1];
    let shown = format!("/v1/requests/{}", ground.request.id);
    let own = [(bearer.clone(), token.as_str())];
    let tag = ground.call(Method::GET, &shown, &own, "").await;
    let tag = tag.headers["etag"].to_str().unwrap().to_owned();
    let known = [
        (bearer.clone(), token.as_str()),
        (named("if-none-match"), &tag),
    ];
    let typed = [
        (bearer.clone(), token.as_str()),
        (CONTENT_TYPE, "application/json"),
    ];
    for (method, path, headers, body) in [
        (Method::GET, shown.as_str(), &known, String::new()),
        (Method::POST, "/v1/requests", &typed, "{".to_owned()),
        (Method::POST, "/v1/requests", &typed, " ".repeat(9_000)),
    ] {
        let answer = ground.call(method, path, headers, &body).await;
        assert_says_all(&answer, path);
        kinds.insert(kind(&answer));
    }
    for (method, path) in ground.addresses().await {
        for (who, header, value) in &ground.lookers {
            for method in [Method::GET, Method::HEAD, Method::OPTIONS, method.clone()] {
                let headers = [
                    (header.clone(), value.as_str()),
                    (named("accept"), "text/html"),
                    (ORIGIN, origin),
                ];
                let answer = ground.call(method.clone(), &path, &headers, "").await;
                let place = format!("{method} {path} by {who}");
                assert_says_all(&answer, &place);
                kinds.insert(kind(&answer));
            }
        }
    }
    for (status, media) in KINDS {
        let known = (status, media.to_owned());
        assert!(kinds.contains(&known), "{known:?} is not in {kinds:?}");
    }
}

fn kind(answer: &Answered) -> (u16, String) {
    let media = answer.headers.get(CONTENT_TYPE);
    let media = media.map_or("", |media| media.to_str().unwrap());
    let name = media.split(';').next().unwrap().to_owned();
    assert!(
        name != "text/html" || media.ends_with("charset=utf-8"),
        "{media}"
    );
    (answer.status.as_u16(), name)
}

#[tokio::test]
async fn who_is_turned_away_at_the_door_is_told_the_same() {
    let bench = Bench::with(|settings| {
        settings.public_url = "https://gate.example".to_owned();
        settings.limits.rates.address.burst = 3;
    })
    .await;
    let mut last = StatusCode::OK;
    for _ in 0..6 {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = "/login".parse().unwrap();
        let answer = bench.glance(request).await;
        assert_says_all(&answer, "/login");
        last = answer.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn who_signs_out_leaves_nothing_in_the_browser() {
    let bench = Bench::new().await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let csrf = bob.csrf().await;
    let left = bob.post("/logout", &[("csrf", &csrf)]).await;
    assert_eq!(left.status, StatusCode::SEE_OTHER);
    assert_eq!(left.headers["clear-site-data"], "\"cache\", \"storage\"");
    let set = left.headers["set-cookie"].to_str().unwrap();
    assert!(set.contains("Max-Age=0"), "{set}");
}
