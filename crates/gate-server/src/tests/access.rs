//! Who may call what.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::bench::{Bench, call, is_in_files, submission};

/// Each endpoint with the roles that it is for: requester, approver, admin, auditor.
const MATRIX: &[(&str, &str, [bool; 4])] = &[
    ("GET", "/v1/whoami", [true, true, true, true]),
    ("POST", "/v1/requests", [true, false, false, false]),
    ("GET", "/v1/requests", [true, true, true, true]),
    ("GET", "/v1/requests/ID", [true, true, true, true]),
    (
        "POST",
        "/v1/requests/ID/reviews",
        [false, true, false, false],
    ),
    (
        "POST",
        "/v1/requests/ID/cancel",
        [true, false, false, false],
    ),
    ("POST", "/v1/requests/ID/claim", [true, false, false, false]),
    ("POST", "/v1/events", [true, false, false, false]),
    ("GET", "/v1/rules", [true, true, true, true]),
    ("PUT", "/v1/rules", [false, false, true, false]),
    ("GET", "/v1/rules/proposal", [false, true, true, true]),
    (
        "POST",
        "/v1/rules/proposal/ID/confirm",
        [false, false, true, false],
    ),
    (
        "DELETE",
        "/v1/rules/proposal/ID",
        [false, false, true, false],
    ),
    (
        "GET",
        "/v1/principals/nobody/changes",
        [false, false, true, false],
    ),
    (
        "POST",
        "/v1/principals/nobody/confirm",
        [false, false, true, false],
    ),
    ("GET", "/v1/audit/records", [false, false, true, true]),
    ("GET", "/v1/audit/checkpoint", [false, false, true, true]),
    ("POST", "/v1/audit/erasures", [false, false, true, false]),
    ("GET", "/v1/audit/start", [false, false, true, true]),
    (
        "GET",
        "/v1/audit/archivable?before=2026-01-01T00:00:00Z",
        [false, false, true, true],
    ),
    ("POST", "/v1/audit/prunings", [false, false, true, false]),
    (
        "GET",
        "/v1/audit/inclusion?index=0",
        [true, true, true, true],
    ),
    ("GET", "/v1/log/checkpoint", [true, true, true, true]),
    ("GET", "/v1/log/tile/0/000.p/1", [false, false, true, true]),
    (
        "GET",
        "/v1/log/tile/entries/000.p/1",
        [false, false, true, true],
    ),
    (
        "GET",
        "/v1/audit/proof/inclusion?index=0&size=1",
        [false, false, true, true],
    ),
    (
        "GET",
        "/v1/audit/proof/consistency?from=0&to=1",
        [false, false, true, true],
    ),
    ("GET", "/v1/principals", [false, false, true, false]),
    ("POST", "/v1/principals", [false, false, true, false]),
    (
        "POST",
        "/v1/principals/nobody/disable",
        [false, false, true, false],
    ),
    (
        "POST",
        "/v1/principals/nobody/enable",
        [false, false, true, false],
    ),
    ("GET", "/v1/principals/none", [false, false, true, false]),
    ("GET", "/v1/groups/none", [false, false, true, false]),
    ("GET", "/v1/deliveries/none", [false, false, true, false]),
    ("GET", "/v1/rules/versions", [false, true, true, true]),
    ("GET", "/v1/rules/versions/1", [false, true, true, true]),
    ("GET", "/v1/tokens", [false, false, true, false]),
    ("POST", "/v1/tokens", [false, false, true, false]),
    ("DELETE", "/v1/tokens/none", [false, false, true, false]),
    ("GET", "/v1/channels", [false, false, true, false]),
    ("POST", "/v1/channels", [false, false, true, false]),
    ("GET", "/v1/channels/none", [false, false, true, false]),
    ("DELETE", "/v1/channels/none", [false, false, true, false]),
    (
        "POST",
        "/v1/channels/none/test",
        [false, false, true, false],
    ),
    (
        "GET",
        "/v1/channels/none/deliveries",
        [false, false, true, false],
    ),
    (
        "POST",
        "/v1/deliveries/none/retry",
        [false, false, true, false],
    ),
    (
        "PATCH",
        "/v1/principals/nobody",
        [false, false, true, false],
    ),
    ("GET", "/v1/groups", [false, false, true, false]),
    ("GET", "/v1/accounts", [false, false, true, false]),
    ("POST", "/v1/accounts", [false, false, true, false]),
    ("POST", "/v1/accounts/unlink", [false, false, true, false]),
    ("POST", "/v1/invitations", [false, false, true, false]),
];

#[tokio::test]
async fn each_endpoint_is_for_its_roles_only() {
    let bench = Bench::new().await;
    let id = bench.asked("prod").await.id.to_string();
    let setup = &bench.setup;
    let tokens = [
        &setup.agent,
        &setup.bob_approver,
        &setup.admin,
        &setup.auditor,
    ];
    for (method, path, allowed) in MATRIX {
        let path = path.replace("ID", &id);
        let send = |token: &str| {
            let method: Method = method.parse().unwrap();
            bench.send(call(method, &path, token, Body::from("{}")))
        };
        for (token, allowed) in tokens.iter().zip(allowed) {
            let answer = send(token).await;
            let is_refused = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(!is_refused, *allowed, "{method} {path}: {}", answer.text());
            assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert!(
                answer.status.as_u16() < 500,
                "{method} {path}: {}",
                answer.text()
            );
        }
        for token in [
            "",
            "x",
            "gate_user_",
            &format!("gate_user_{}", "a".repeat(43)),
        ] {
            let answer = send(token).await;
            assert_eq!(answer.problem(), "unauthorized", "{method} {path}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
}

#[tokio::test]
async fn what_a_client_pins_needs_no_token() {
    let bench = Bench::new().await;
    for path in ["/v1/health", "/v1/server", "/v1/openapi.json"] {
        assert_eq!(bench.get("", path).await.status, StatusCode::OK, "{path}");
    }
    let identity = bench.get("", "/v1/server").await.json();
    assert_eq!(
        identity["log_key"],
        bench.server.keys.log.verifier().to_string()
    );
    assert_eq!(identity["audience"], bench.server.names.audience);
}

#[tokio::test]
async fn a_requester_sees_its_own_and_another_gets_the_same_404_as_for_nothing() {
    let bench = Bench::new().await;
    let own = bench.asked("prod").await;
    let alice = &bench.setup.alice_requester;
    let foreign = bench.get(alice, &format!("/v1/requests/{}", own.id)).await;
    let nothing = "/v1/requests/01890a5d-ac96-774b-bcce-b302099a8057";
    for path in [nothing, "/v1/requests/x", "/v1/requests/%00"] {
        let absent = bench.get(alice, path).await;
        assert_eq!(absent.status, StatusCode::NOT_FOUND);
        assert_eq!(absent.body, foreign.body, "{path}");
    }
    let cancel = format!("/v1/requests/{}/cancel", own.id);
    assert_eq!(bench.post(alice, &cancel, &()).await.body, foreign.body);
    let listed = bench.get(alice, "/v1/requests").await.json();
    assert_eq!(listed["requests"], json!([]));
    for token in [
        &bench.setup.agent,
        &bench.setup.bob_approver,
        &bench.setup.auditor,
    ] {
        let listed = bench.get(token, "/v1/requests").await.json();
        assert_eq!(listed["requests"][0]["id"], own.id.to_string());
    }
}

#[tokio::test]
async fn a_disabled_principal_and_what_it_owns_are_nobody() {
    let bench = Bench::new().await;
    let admin = &bench.setup.admin;
    let disabled = bench.post(admin, "/v1/principals/alice/disable", &()).await;
    assert_eq!(disabled.json()["disabled"], true);
    let setup = &bench.setup;
    for token in [&setup.alice_approver, &setup.alice_requester, &setup.agent] {
        assert_eq!(
            bench.get(token, "/v1/whoami").await.problem(),
            "unauthorized"
        );
    }
    assert_eq!(
        bench.get(&setup.bob_approver, "/v1/whoami").await.status,
        StatusCode::OK
    );
    bench.post(admin, "/v1/principals/alice/disable", &()).await;
    assert_eq!(bench.count("principal.disabled").await, 1);
    for _ in 0..2 {
        let enabled = bench.post(admin, "/v1/principals/alice/enable", &()).await;
        assert_eq!(enabled.json()["disabled"], false);
    }
    assert_eq!(bench.count("principal.enabled").await, 1);
    assert_eq!(
        bench.get(&setup.agent, "/v1/whoami").await.status,
        StatusCode::OK,
        "what alice owns acts again with her"
    );
    let own = bench.post(admin, "/v1/principals/admin/disable", &()).await;
    assert_eq!(own.problem(), "conflict", "the only admin stays");
    let nobody = bench.post(admin, "/v1/principals/nobody/enable", &()).await;
    assert_eq!(nobody.problem(), "not_found");
}

#[tokio::test]
async fn tokens_are_made_hashed_revoked_and_on_the_record() {
    let bench = Bench::new().await;
    let admin = &bench.setup.admin;
    let wanted = json!({ "principal": "bob", "role": "requester", "ttl_seconds": 60 });
    let created = bench.post(admin, "/v1/tokens", &wanted).await;
    assert_eq!(created.status, StatusCode::CREATED);
    let created = created.json();
    let token = created["token"].as_str().unwrap();
    assert_eq!(
        bench.get(token, "/v1/whoami").await.json()["role"],
        "requester"
    );
    let secrets = [token, admin, &bench.setup.bob_approver, &bench.setup.agent];
    for secret in secrets {
        assert!(!is_in_files(&bench.data(), secret.as_bytes()));
        assert!(!is_in_files(
            &bench.data(),
            &secret.as_bytes()[secret.len() - 43..]
        ));
    }
    assert!(is_in_files(
        &bench.data(),
        created["id"].as_str().unwrap().as_bytes()
    ));
    let path = format!("/v1/tokens/{}", created["id"].as_str().unwrap());
    for _ in 0..2 {
        let revoked = bench
            .send(call(Method::DELETE, &path, admin, Body::empty()))
            .await;
        assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(
        bench.get(token, "/v1/whoami").await.problem(),
        "unauthorized"
    );
    assert_eq!(bench.count("token.revoked").await, 1);
    let listed = bench.get(admin, "/v1/tokens").await;
    assert!(!listed.text().contains("gate_"), "{}", listed.text());
    let listed = listed.json();
    let entry = |id: &serde_json::Value| {
        let entries = listed["tokens"].as_array().unwrap();
        entries.iter().find(|entry| entry["id"] == *id).cloned()
    };
    let revoked = entry(&created["id"]).unwrap();
    assert_eq!(
        (&revoked["principal"], &revoked["role"]),
        (&json!("bob"), &json!("requester"))
    );
    assert!(revoked["revoked_at"].is_string(), "{revoked}");
    assert_eq!(revoked["expires_at"], created["expires_at"]);
    bench.verified().await;
}

#[tokio::test]
async fn a_machine_can_have_no_token_that_reviews() {
    let bench = Bench::new().await;
    let admin = &bench.setup.admin;
    let make = |role: &str, ttl: u64, whose: &str| json!({ "principal": whose, "role": role, "ttl_seconds": ttl });
    for (body, code) in [
        (make("approver", 60, "demo-agent"), "forbidden"),
        (make("admin", 60, "demo-agent"), "forbidden"),
        (make("approver", 59, "bob"), "bad_request"),
        (make("approver", 31_536_001, "bob"), "bad_request"),
        (make("approver", 60, "nobody"), "bad_request"),
        (make("owner", 60, "bob"), "bad_request"),
    ] {
        assert_eq!(
            bench.post(admin, "/v1/tokens", &body).await.problem(),
            code,
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_principal_needs_a_sound_name_and_a_machine_an_owner() {
    let bench = Bench::new().await;
    let admin = &bench.setup.admin;
    let make = |name: &str, kind: &str, owner: Option<&str>| json!({ "name": name, "kind": kind, "owner": owner });
    for (body, code) in [
        (make("bob", "user", None), "conflict"),
        (make("Carol", "user", None), "bad_request"),
        (make("", "user", None), "bad_request"),
        // No address could name it: a browser and a client would go one up.
        (make("..", "user", None), "bad_request"),
        (make("carol", "user", Some("bob")), "bad_request"),
        (make("ci", "workload", None), "bad_request"),
        (make("ci", "workload", Some("demo-agent")), "bad_request"),
        (make("ci", "workload", Some("nobody")), "bad_request"),
        (make("ci", "robot", None), "bad_request"),
        (
            json!({ "name": "carol-ops", "kind": "user", "person": "Carol" }),
            "bad_request",
        ),
        (
            json!({ "name": "ci", "kind": "workload", "owner": "bob", "person": "bob" }),
            "bad_request",
        ),
    ] {
        let answer = bench.post(admin, "/v1/principals", &body).await;
        assert_eq!(answer.problem(), code, "{body}");
    }
    let workload = bench
        .post(
            admin,
            "/v1/principals",
            &make("ci", "workload", Some("bob")),
        )
        .await;
    assert_eq!(workload.status, StatusCode::CREATED);
    let wanted = json!({ "principal": "ci", "role": "requester", "ttl_seconds": 60 });
    let token = bench.post(admin, "/v1/tokens", &wanted).await.json();
    let token = token["token"].as_str().unwrap();
    assert!(token.starts_with("gate_workload_"));
    assert_eq!(
        bench.submit(token, &submission("x")).await.status,
        StatusCode::CREATED
    );
}
