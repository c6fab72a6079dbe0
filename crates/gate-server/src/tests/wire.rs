//! Whatever comes over the wire: no panic, no 500, and a problem that says what is wrong.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};

use super::bench::{Bench, call, submission};

async fn post_raw(bench: &Bench, path: &str, body: impl Into<Body>) -> super::bench::Answered {
    let mut request = call(Method::POST, path, &bench.setup.agent, body.into());
    request
        .headers_mut()
        .insert("idempotency-key", "k".parse().unwrap());
    bench.send(request).await
}

#[tokio::test]
async fn malformed_bodies_are_refused_with_field_and_position() {
    let bench = Bench::new().await;
    let sound = serde_json::to_string(&submission("x")).unwrap();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "line 1"),
        (b"{".to_vec(), "line 1"),
        (b"null".to_vec(), "line 1"),
        (b"[]".to_vec(), "line 1"),
        (b"\xff\xfe".to_vec(), "line 1"),
        (b"{\n\"digest\": 1}".to_vec(), "line 2"),
        (b"{}".to_vec(), "invocation"),
        (sound.replace("\"v\":1", "\"v\":1,\"v\":1").into(), "`v`"),
        (sound.replace("\"v\":1", "\"v\":1.0").into(), "integer"),
        (sound.replace("\"v\":1", "\"v\":-1").into(), "line 1 column"),
        (sound.replace("\"v\":1", "\"w\":1").into(), "`w`"),
        (
            sound
                .replace("\"v\":1", "\"v\":99999999999999999999")
                .into(),
            "integer",
        ),
        (sound.replace("a test", "a\\u0000test").into(), "U+0000"),
        (sound.replace("a test", "a\\ud800test").into(), "line 1"),
        (format!("{sound}{sound}").into(), "line 1"),
        ("[".repeat(10_000).into(), "line 1"),
    ];
    for (body, word) in cases {
        for path in ["/v1/requests", "/v1/events"] {
            let answer = post_raw(&bench, path, body.clone()).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
            assert_eq!(answer.problem(), "bad_request", "{path} {shown}");
            if path == "/v1/requests" {
                assert!(answer.text().contains(word), "{word}: {}", answer.text());
            }
        }
    }
    assert_eq!(bench.count("request.created").await, 0);
}

#[tokio::test]
async fn a_body_that_is_too_large_or_not_json_is_refused_as_such() {
    let bench = Bench::new().await;
    let large = post_raw(&bench, "/v1/requests", vec![b' '; (1 << 20) + 1]).await;
    assert_eq!(
        (large.status.as_u16(), large.problem().as_str()),
        (413, "too_large")
    );
    for media_type in [
        "text/plain",
        "application/jsonx",
        "application/x-www-form-urlencoded",
        "",
    ] {
        let mut request = call(
            Method::POST,
            "/v1/requests",
            &bench.setup.agent,
            "{}".into(),
        );
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, media_type.parse().unwrap());
        headers.insert("idempotency-key", "k".parse().unwrap());
        let answer = bench.send(request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem().as_str()),
            (415, "media_type")
        );
    }
}

#[tokio::test]
async fn no_such_path_and_no_such_method_are_problems() {
    let bench = Bench::new().await;
    let admin = &bench.setup.admin;
    for path in [
        "/nothing",
        "/v1",
        "/v2/requests",
        "/v1/requests/",
        "/v1/%2e%2e/x",
        "/favicon.ico",
    ] {
        assert_eq!(
            bench.get(admin, path).await.problem(),
            "not_found",
            "{path}"
        );
    }
    for (method, path) in [
        (Method::DELETE, "/v1/requests"),
        (Method::PATCH, "/v1/rules"),
        (Method::POST, "/v1/health"),
        (Method::GET, "/v1/events"),
        (Method::TRACE, "/v1/server"),
    ] {
        let answer = bench.send(call(method, path, admin, Body::empty())).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.problem(), "method_not_allowed");
        assert!(answer.headers.contains_key(header::ALLOW), "{path}");
    }
}

#[tokio::test]
async fn looking_changes_nothing_and_head_is_get_without_a_body() {
    let bench = Bench::new().await;
    let request = bench.asked("prod").await;
    let size = bench.records().await.len();
    let one = format!("/v1/requests/{}", request.id);
    let admin = &bench.setup.admin;
    for path in [
        "/v1/requests",
        &one,
        "/v1/rules",
        "/v1/principals",
        "/v1/audit/checkpoint",
    ] {
        let got = bench.get(admin, path).await;
        let headed = bench
            .send(call(Method::HEAD, path, admin, Body::empty()))
            .await;
        assert_eq!(
            (got.status, headed.status),
            (StatusCode::OK, StatusCode::OK),
            "{path}"
        );
        assert!(headed.body.is_empty(), "{path}");
    }
    assert_eq!(bench.records().await.len(), size);
    assert_eq!(bench.show(&request).await.version, 1);
}

#[tokio::test]
async fn the_description_is_openapi_3_1_and_has_every_path() {
    let bench = Bench::new().await;
    let document = bench.get("", "/v1/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/v1/health",
        "/v1/server",
        "/v1/whoami",
        "/v1/requests",
        "/v1/requests/{id}",
        "/v1/requests/{id}/reviews",
        "/v1/requests/{id}/cancel",
        "/v1/requests/{id}/claim",
        "/v1/events",
        "/v1/rules",
        "/v1/audit/records",
        "/v1/audit/checkpoint",
        "/v1/audit/proof/inclusion",
        "/v1/audit/proof/consistency",
        "/v1/principals",
        "/v1/principals/{name}/disable",
        "/v1/tokens",
        "/v1/tokens/{id}",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    // Every schema that is pointed to is there.
    let text = document.to_string();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for pointer in text.split("#/components/schemas/").skip(1) {
        let name = pointer.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
    let described = crate::openapi_document().unwrap();
    let described: serde_json::Value = serde_json::from_str(&described).unwrap();
    assert_eq!(described, document);
}

#[tokio::test]
async fn a_store_that_fails_tells_nothing_of_itself() {
    let bench = Bench::new().await;
    bench.server.store.close().await;
    let answer = bench.get(&bench.setup.agent, "/v1/requests").await;
    assert_eq!(answer.problem(), "unavailable");
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    for word in ["sqlx", "sqlite", "pool", "SELECT", "gate.db"] {
        assert!(
            !answer.text().to_lowercase().contains(&word.to_lowercase()),
            "{word}"
        );
    }
}
