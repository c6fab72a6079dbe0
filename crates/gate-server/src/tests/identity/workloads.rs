//! CI jobs say who they are by a token of their own issuer.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::program::Program;
use crate::clock;
use crate::tests::bench::{Answered, Bench, submission};

/// What GitHub says of a job. Source: GitHub Docs, "`OpenID` Connect reference".
fn job(program: &Program) -> Value {
    let now = clock::now().as_second();
    json!({
        "iss": program.issuer, "aud": "http://127.0.0.1:1", "iat": now, "exp": now + 300,
        "nbf": now - 300, "jti": uuid::Uuid::now_v7().to_string(),
        "sub": "repo:octo-org/infra:environment:prod", "repository": "octo-org/infra",
        "ref": "refs/heads/main", "environment": "prod", "run_id": "77",
        "kubernetes.io": { "namespace": "ci", "serviceaccount": { "name": "deployer" } },
    })
}

const CLAIMS: &str = "claims = { repository = 'octo-org/infra', ref = 'refs/heads/*' }\n";

async fn bench(entries: Vec<crate::settings::Workload>) -> Bench {
    let bench = Bench::with(|all| all.identity.workloads = entries).await;
    let admin = &bench.setup.admin;
    let workload = json!({ "name": "deploy", "kind": "workload", "owner": "bob" });
    let made = bench.post(admin, "/v1/principals", &workload).await;
    assert_eq!(made.status, StatusCode::CREATED);
    bench
}

async fn exchange(bench: &Bench, token: &str) -> Answered {
    bench
        .post("", "/v1/workload-token", &json!({ "token": token }))
        .await
}

#[tokio::test]
async fn a_job_gets_a_short_token_that_asks_and_never_answers() {
    let program = Program::issuer();
    let entry = program.workload_settings(&format!("{CLAIMS}token_seconds = 120\n"));
    let bench = bench(vec![entry]).await;
    assert_eq!(
        bench.get("", "/v1/server").await.json()["workload_sign_in"],
        true
    );
    let word = program.make("RS256", &job(&program), &json!({})).await;
    let answer = exchange(&bench, &word).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let made = answer.json();
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("gate_workload_"));
    let end: jiff::Timestamp = made["expires_at"].as_str().unwrap().parse().unwrap();
    let left = end.as_second() - clock::now().as_second();
    assert!((110..=120).contains(&left), "{left}");
    let whoami = bench.get(token, "/v1/whoami").await.json();
    assert_eq!(
        (&whoami["principal"]["name"], &whoami["role"]),
        (&json!("deploy"), &json!("requester"))
    );
    let asked = bench.submit(token, &submission("prod")).await.request();
    // Its owner is no more its reviewer than that of an agent.
    let own = bench
        .review(
            &bench.setup.bob_approver,
            &asked,
            gate_protocol::review::Answer::Approve,
        )
        .await;
    assert_eq!(own.problem(), "self_review");
    // The job's own token is no token here.
    assert_eq!(
        bench.get(&word, "/v1/whoami").await.problem(),
        "unauthorized"
    );
    let again = exchange(&bench, &word).await;
    assert_eq!(again.problem(), "unauthorized");
    assert!(again.text().contains("used already"), "{}", again.text());
    let records = bench.records().await;
    let admitted = records
        .iter()
        .find(|record| record.record_type().as_str() == "workload.admitted")
        .unwrap();
    assert_eq!(
        admitted.body()["job"]["subject"],
        "repo:octo-org/infra:environment:prod"
    );
    bench.verified().await;
}

/// All that a job hears whose claims fit no entry.
const OTHER_CLAIM: &str = "no entry of the server's settings is for a job with its claims";

#[tokio::test]
async fn a_job_that_is_not_the_one_or_lies_gets_nothing_and_no_claim_is_told() {
    let program = Program::issuer();
    let bench = bench(vec![program.workload_settings(CLAIMS)]).await;
    let now = clock::now().as_second();
    for (how, change, said) in [
        (
            "RS256",
            json!({ "repository": "octo-org/infra-fork" }),
            OTHER_CLAIM,
        ),
        ("RS256", json!({ "repository": null }), OTHER_CLAIM),
        (
            "RS256",
            json!({ "repository": ["octo-org/infra"] }),
            OTHER_CLAIM,
        ),
        ("RS256", json!({ "ref": "refs/tags/v1" }), OTHER_CLAIM),
        (
            "RS256",
            json!({ "aud": "https://sts.example.com" }),
            "another audience",
        ),
        ("RS256", json!({ "iss": "https://evil.example" }), "issuer"),
        ("RS256", json!({ "exp": now - 61 }), "ended"),
        ("RS256", json!({ "nbf": now + 600 }), "not valid yet"),
        ("RS256", json!({ "jti": null }), "jti"),
        ("RS256", json!({ "sub": null }), "who it is about"),
        ("ES256", json!({}), "ES256"),
        ("none", json!({}), "none"),
        ("HS256-with-the-public-key", json!({}), "HS256"),
        ("stranger", json!({}), "signature"),
        ("tampered", json!({}), "signature"),
        ("brings-its-own-key", json!({}), "no key"),
    ] {
        let mut claims = job(&program);
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                drop(claims.as_object_mut().unwrap().remove(name));
            } else {
                claims[name] = value.clone();
            }
        }
        let word = program.make(how, &claims, &json!({})).await;
        let answer = exchange(&bench, &word).await;
        assert_eq!(answer.problem(), "unauthorized", "{how} {change}");
        assert!(
            answer.text().contains(said),
            "{how} {change}: {}",
            answer.text()
        );
        // What a job must be called to be let in, whoever has some token must not find out.
        let told = answer.text();
        assert!(
            !told.contains("octo-org") && !told.contains("`ref`"),
            "{told}"
        );
    }
    for garbage in ["", ".", "..", "a.b.c", &"x".repeat(50_000)] {
        assert_eq!(exchange(&bench, garbage).await.problem(), "unauthorized");
    }
    assert_eq!(bench.count("workload.admitted").await, 0);
}

#[tokio::test]
async fn the_first_entry_that_fits_says_who_the_job_is_and_a_claim_can_be_an_inner_one() {
    let program = Program::issuer();
    let bench = bench(vec![
        program.workload_settings("claims = { environment = 'staging' }\n"),
        program.workload_settings(
            "once = false\ntools = ['kubectl']\n\
             claims = { 'kubernetes.io/namespace' = 'ci', \
             'kubernetes.io/serviceaccount/name' = 'deployer' }\n",
        ),
    ])
    .await;
    let word = program.make("RS256", &job(&program), &json!({})).await;
    for _ in 0..2 {
        let answer = exchange(&bench, &word).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    }
    for verb in ["disable", "enable"] {
        let path = format!("/v1/principals/deploy/{verb}");
        bench.post(&bench.setup.admin, &path, &()).await;
        let answer = exchange(&bench, &word).await;
        match verb {
            "disable" => assert_eq!(answer.problem(), "forbidden"),
            _ => assert_eq!(answer.status, StatusCode::CREATED),
        }
    }
}

#[tokio::test]
async fn an_entry_never_makes_a_job_a_person() {
    let program = Program::issuer();
    let mut entry = program.workload_settings(CLAIMS);
    entry.principal = "bob".to_owned();
    let bench = bench(vec![entry]).await;
    let word = program.make("RS256", &job(&program), &json!({})).await;
    assert_eq!(exchange(&bench, &word).await.problem(), "forbidden");
}

#[tokio::test]
async fn whoever_set_a_job_off_has_no_say_in_what_it_asks() {
    let program = Program::issuer();
    let entry = program.workload_settings(CLAIMS);
    let bench = bench(vec![entry]).await;
    let carol = bench.approver("carol", &["approvers"]).await;
    let dave = bench.approver("dave", &["approvers"]).await;
    let mut by_carol = job(&program);
    by_carol["actor"] = json!("Carol");
    let word = program.make("RS256", &by_carol, &json!({})).await;
    let made = exchange(&bench, &word).await.json();
    let token = made["token"].as_str().unwrap();
    let asked = bench.submit(token, &submission("prod")).await.request();
    let approve = gate_protocol::review::Answer::Approve;
    let own = bench.review(&carol, &asked, approve).await;
    assert_eq!(own.problem(), "excluded");
    assert_eq!(bench.count("request.rejected_review").await, 1);
    let fine = bench.review(&dave, &asked, approve).await;
    assert_eq!(fine.status, StatusCode::OK, "{}", fine.text());
}
