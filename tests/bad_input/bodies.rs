//! Bodies, methods and media types of every route that writes: a problem with a
//! code, never a failure of the server's.

use serde_json::Value;

use crate::http::{Message, exchange};
use crate::stage::Server;

const ID: &str = "01a204a5-5e94-725a-be95-08c2f3d2ff5a";

/// Every route that takes a body, who may use it, and a body with its members.
fn routes() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let request = |verb: &str| format!("/v1/requests/{ID}/{verb}");
    vec![
        (
            "POST",
            "/v1/requests".to_owned(),
            "agent",
            r#""invocation":{},"digest":"","circumstances":{},"terms":{}"#,
        ),
        (
            "POST",
            request("reviews"),
            "bob_approver",
            r#""answer":"approve","digest":"x""#,
        ),
        (
            "POST",
            request("claim"),
            "agent",
            r#""digest":"x","runner_key":"x","nonce":"x","signature":"x""#,
        ),
        (
            "POST",
            "/v1/events".to_owned(),
            "agent",
            r#""client":"x","epoch":"x","events":[]"#,
        ),
        ("PUT", "/v1/rules".to_owned(), "admin", r#""text":"[""#),
        (
            "POST",
            "/v1/principals".to_owned(),
            "admin",
            r#""name":"","kind":"robot""#,
        ),
        (
            "POST",
            "/v1/tokens".to_owned(),
            "admin",
            r#""principal":"nobody","role":"king","ttl_seconds":60"#,
        ),
    ]
}

/// Bodies that are wrong for every route, made from one's members.
fn bodies(members: &str) -> Vec<(&'static str, Vec<u8>)> {
    let first = members.split(',').next().unwrap_or_default();
    let name = first.split(':').next().unwrap_or_default();
    let wrong_value = |value: &str| format!("{{{name}:{value}}}").into_bytes();
    let deep = 100_000;
    vec![
        ("nothing", Vec::new()),
        ("no JSON", b"approve it".to_vec()),
        ("half of it", format!("{{{members}").into_bytes()),
        ("more after it", format!("{{{members}}} {{}}").into_bytes()),
        ("a list", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("no members", b"{}".to_vec()),
        (
            "a member twice",
            format!("{{{first},{members}}}").into_bytes(),
        ),
        (
            "an unknown member",
            format!("{{{members},\"nonsense\":1}}").into_bytes(),
        ),
        ("a bad value", format!("{{{members}}}").into_bytes()),
        ("a huge number", wrong_value(&"9".repeat(400))),
        ("an endless number", wrong_value("1e999999")),
        ("a negative number", wrong_value("-1")),
        ("a number with a fraction", wrong_value("0.1")),
        ("a list for a member", wrong_value("[]")),
        ("null for a member", wrong_value("null")),
        ("NUL in a text", wrong_value("\"\\u0000\"")),
        ("a raw NUL", b"{\"a\":\"\0\"}".to_vec()),
        ("half a surrogate", wrong_value("\"\\ud800\"")),
        ("not UTF-8", b"{\"a\":\"\xff\"}".to_vec()),
        (
            "a byte order mark",
            format!("\u{feff}{{{members}}}").into_bytes(),
        ),
        ("deep lists", "[".repeat(deep).into_bytes()),
        (
            "deep objects",
            format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep)).into_bytes(),
        ),
        (
            "2 MiB",
            wrong_value(&format!("\"{}\"", "x".repeat(2 << 20))),
        ),
    ]
}

/// Sends it, again where the server hung up on the rest of a body it refused.
fn send(server: &Server, who: &str, asked: &Message) -> Message {
    let bearer = format!("Bearer {}", server.token(who));
    let asked = asked.clone().with("authorization", &bearer);
    let answers = (0..5).filter_map(|_| exchange(server.address, &asked).ok());
    answers.into_iter().next().unwrap()
}

fn json(method: &str, path: &str, body: &[u8]) -> Message {
    Message::ask(method, path)
        .with("content-type", "application/json")
        .with("idempotency-key", "one")
        .with_body(body)
}

/// A refusal that says what is wrong, as RFC 9457 has it.
fn assert_problem(case: &str, answer: &Message) {
    let status = answer.status();
    assert!((400..500).contains(&status), "{case}: {answer:?}");
    let media_type = answer.header("content-type");
    assert_eq!(
        media_type,
        Some("application/problem+json"),
        "{case}: {answer:?}"
    );
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{case}: {problem}");
    for member in ["code", "title", "type", "detail"] {
        let is_said = problem[member]
            .as_str()
            .is_some_and(|text| !text.is_empty());
        assert!(is_said, "{case}: no {member} in {problem}");
    }
}

fn assert_healthy(server: &Server) {
    let health = exchange(server.address, &Message::ask("GET", "/v1/health")).unwrap();
    assert_eq!(
        (health.status(), &health.json()["status"]),
        (200, &Value::from("ok"))
    );
    server.assert_log_verifies();
}

#[test]
fn a_bad_body_is_a_problem_with_a_code_on_every_route() {
    let server = Server::start("");
    let before = server.records().len();
    for (method, path, who, members) in routes() {
        for (bad, body) in bodies(members) {
            let answer = send(&server, who, &json(method, &path, &body));
            assert_problem(&format!("{method} {path} with {bad}"), &answer);
        }
    }
    assert_eq!(server.records().len(), before, "something was done");
    assert_healthy(&server);
}

#[test]
fn a_wrong_media_type_method_or_caller_is_a_problem_with_a_code() {
    let server = Server::start("");
    for (method, path, who, members) in routes() {
        let body = format!("{{{members}}}");
        for media_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "json",
            "",
        ] {
            let asked = Message::ask(method, &path)
                .with("content-type", media_type)
                .with_body(body.as_bytes());
            let answer = send(&server, who, &asked);
            assert_problem(&format!("{method} {path} as {media_type}"), &answer);
            assert_eq!(answer.status(), 415, "{method} {path} as {media_type}");
        }
        for wrong in ["PATCH", "DELETE", "BREW"] {
            let answer = send(&server, who, &json(wrong, &path, body.as_bytes()));
            assert_problem(&format!("{wrong} {path}"), &answer);
        }
        let nobody = exchange(server.address, &json(method, &path, body.as_bytes())).unwrap();
        assert_problem(&format!("{method} {path} without a token"), &nobody);
        assert_eq!(nobody.status(), 401, "{method} {path} without a token");
        let stranger = if who == "admin" { "agent" } else { "auditor" };
        let stranger = send(&server, stranger, &json(method, &path, body.as_bytes()));
        assert_eq!(stranger.status(), 403, "{method} {path}: {stranger:?}");
        assert_problem(&format!("{method} {path} in another role"), &stranger);
    }
    assert_healthy(&server);
}

#[test]
fn bad_parameters_and_paths_are_problems_with_a_code() {
    let server = Server::start("");
    for (who, target) in [
        ("agent", "/v1/requests?limit=x"),
        ("agent", "/v1/requests?limit=-1"),
        ("agent", "/v1/requests?status=perhaps"),
        ("agent", "/v1/requests?digest=xyz"),
        ("agent", "/v1/requests?nonsense=1"),
        ("agent", "/v1/requests?limit=99999999999999999999"),
        ("agent", "/v1/requests/not-an-id"),
        ("agent", "/v1/requests/%00"),
        ("agent", "/v1/requests/%ff"),
        ("agent", "/v1/requests/../../etc/passwd"),
        ("auditor", "/v1/audit/records?from=x"),
        ("auditor", "/v1/audit/records?from=-1"),
        ("auditor", "/v1/audit/records?limit=x"),
        ("auditor", "/v1/audit/inclusion"),
        ("auditor", "/v1/audit/proof/consistency?first=9&second=1"),
        ("auditor", "/v1/nonsense"),
    ] {
        let answer = send(&server, who, &Message::ask("GET", target));
        assert_problem(target, &answer);
    }
    assert_healthy(&server);
}
