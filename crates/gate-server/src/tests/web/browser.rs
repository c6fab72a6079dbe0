//! A browser with one cookie, and what it finds on pages.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderValue, Method, Request, StatusCode};
use gate_protocol::request::ApprovalRequest;
use gate_protocol::review::SubmitReview;
use serde_json::json;

use crate::tests::bench::{Answered, Bench};

/// Where the bench says that its server is.
pub(crate) const OWN: &str = "http://127.0.0.1:1";

/// What the admin signs in with.
const PASSWORD: &str = "four words of the admin";

pub(crate) struct Browser<'b> {
    pub(crate) bench: &'b Bench,
    pub(crate) cookie: Option<String>,
}

impl<'b> Browser<'b> {
    pub(crate) fn new(bench: &'b Bench) -> Self {
        Self {
            bench,
            cookie: None,
        }
    }

    /// Signs in with a token.
    pub(crate) async fn signed_in(bench: &'b Bench, token: &str) -> Self {
        let mut browser = Self::new(bench);
        let answer = browser.post("/login", &[("token", token)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        browser.keep_cookie(&answer);
        browser
    }

    /// Signs the admin in: by a password, as a token that administers is not taken
    /// by a browser.
    pub(crate) async fn administering(bench: &'b Bench) -> Self {
        let wanted = json!({ "principal": "admin", "roles": ["admin"] });
        let made = bench.post(&bench.setup.admin, "/v1/invitations", &wanted);
        let made = made.await.json();
        let (_, code) = made["url"].as_str().unwrap().split_once("code=").unwrap();
        let browser = Self::new(bench);
        let fields = [("code", code), ("password", PASSWORD), ("again", PASSWORD)];
        assert_eq!(
            location(&browser.post("/invitation", &fields).await),
            "/login"
        );
        browser.enter_as_admin().await
    }

    /// Signs the admin in who has been here before.
    pub(crate) async fn administering_again(bench: &'b Bench) -> Self {
        Self::new(bench).enter_as_admin().await
    }

    async fn enter_as_admin(mut self) -> Self {
        let fields = [
            ("username", "admin"),
            ("password", PASSWORD),
            ("role", "admin"),
        ];
        let answer = self.post("/login", &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        self.keep_cookie(&answer);
        self
    }

    pub(crate) fn keep_cookie(&mut self, answer: &Answered) {
        let set = answer.headers[SET_COOKIE].to_str().unwrap();
        let pair = set.split(';').next().unwrap().to_owned();
        self.cookie = (!pair.ends_with('=')).then_some(pair);
    }

    pub(crate) fn call(&self, method: Method, path: &str, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        if let Some(cookie) = &self.cookie {
            request
                .headers_mut()
                .insert(COOKIE, cookie.parse().unwrap());
        }
        request
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.bench
            .send(self.call(Method::GET, path, Body::empty()))
            .await
    }

    /// Returns the text of a page that is there.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        answer.text()
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answered {
        self.post_from(Some(OWN), path, fields).await
    }

    pub(crate) async fn post_from(
        &self,
        origin: Option<&str>,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answered {
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", percent(value)))
            .collect();
        let mut request = self.call(Method::POST, path, pairs.join("&").into());
        let headers = request.headers_mut();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        self.bench.send(request).await
    }

    /// Returns what the forms of this session carry.
    pub(crate) async fn csrf(&self) -> String {
        let page = self.page("/").await;
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// Presses a button, and types nothing.
    pub(crate) async fn press(&self, request: &ApprovalRequest, answer: &str) -> Answered {
        let (csrf, digest) = (self.csrf().await, request.digest.to_string());
        let fields = [
            ("csrf", csrf.as_str()),
            ("digest", &digest),
            ("answer", answer),
        ];
        self.post(&review_path(request), &fields).await
    }

    /// Answers as the buttons do, with what has to be typed to approve.
    pub(crate) async fn answer(&self, request: &ApprovalRequest, answer: &str) -> Answered {
        let (csrf, digest) = (self.csrf().await, request.digest.to_string());
        let fields = [
            ("csrf", csrf.as_str()),
            ("digest", &digest),
            ("answer", answer),
            ("comment", "as agreed\r\non the phone"),
            ("confirm", digest.get(..6).unwrap()),
        ];
        self.post(&review_path(request), &fields).await
    }
}

impl Bench {
    /// Answers on the page, signed in with a token; the refusal of the sign-in
    /// where this token can't.
    pub(in crate::tests) async fn review_on_page(
        &self,
        token: &str,
        request: &ApprovalRequest,
        review: &SubmitReview,
    ) -> Answered {
        let mut browser = Browser::new(self);
        let entered = browser.post("/login", &[("token", token)]).await;
        if entered.status != StatusCode::SEE_OTHER {
            return entered;
        }
        browser.keep_cookie(&entered);
        browser.answer(request, review.answer.as_str()).await
    }
}

pub(crate) fn path(request: &ApprovalRequest) -> String {
    format!("/requests/{}", request.id)
}

pub(crate) fn review_path(request: &ApprovalRequest) -> String {
    format!("/requests/{}/review", request.id)
}

/// Returns where an answer sends the browser.
pub(crate) fn location(answer: &Answered) -> &str {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    answer.headers[LOCATION].to_str().unwrap()
}

/// Looks at the headers that every answer of the pages has.
pub(crate) fn assert_hardened(answer: &Answered) {
    for (name, value) in [
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
             img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
             base-uri 'none'; require-trusted-types-for 'script'; trusted-types gate",
        ),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        let all: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert_eq!(all, [value], "{name} of {answer:?}");
    }
}

fn percent(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let digits = [byte >> 4, byte & 15].map(u32::from);
        encoded.push('%');
        encoded.extend(digits.map(|digit| char::from_digit(digit, 16).unwrap()));
    }
    encoded
}
