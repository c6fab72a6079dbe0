//! Asking: once, again, too often, and wrongly.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use gate_protocol::canonical::Digest;
use gate_protocol::id::Nonce;
use gate_protocol::limits::{APPROVERS_LIMIT, PARTS_LIMIT, RULES_LIMIT, WORDS_LIMIT};
use gate_protocol::masked::{MaskedSecret, MaskedText, Segment};
use gate_protocol::request::{
    ApprovalStatus, CiJob, GitState, RequestPage, Requirement, SubmitRequest,
};

use super::bench::{Bench, call, submission};

#[tokio::test]
async fn the_same_command_asked_again_is_the_same_request_while_it_stands() {
    let bench = Bench::new().await;
    let first = bench.asked("prod").await;
    let agent = &bench.setup.agent;
    let again = bench.submit(agent, &submission("prod")).await;
    assert_eq!(
        (again.status, again.request().id),
        (StatusCode::OK, first.id)
    );
    bench
        .review(
            &bench.setup.bob_approver,
            &first,
            gate_protocol::review::Answer::Approve,
        )
        .await;
    let approved = bench.submit(agent, &submission("prod")).await.request();
    assert_eq!(
        (approved.id, approved.status),
        (first.id, ApprovalStatus::Approved)
    );
    // Other rules that ask the same people for the same are no other question.
    let mut reworded = submission("prod");
    reworded.terms.rules.push("team/new".to_owned());
    reworded
        .terms
        .reasons
        .push("rule `team/new` says so".to_owned());
    let again = bench.submit(agent, &reworded).await;
    assert_eq!(
        (again.status, again.request().id),
        (StatusCode::OK, first.id)
    );
    // Another principal, other terms, another command: each is its own question.
    let mut stricter = submission("prod");
    stricter.terms.requirements[0].count = 2;
    for (token, asked) in [
        (&bench.setup.alice_requester, submission("prod")),
        (agent, stricter),
        (agent, submission("dev")),
    ] {
        let other = bench.submit(token, &asked).await;
        assert_eq!(other.status, StatusCode::CREATED);
        assert_ne!(other.request().id, first.id);
    }
    bench.claim(&first, Nonce::generate().unwrap()).await;
    let anew = bench.submit(agent, &submission("prod")).await;
    assert_eq!(
        anew.status,
        StatusCode::CREATED,
        "a claimed approval is used up"
    );
    assert_eq!(bench.count("request.created").await, 5);
    bench.verified().await;
}

#[tokio::test]
async fn a_retry_asks_once_and_a_key_means_one_body() {
    let bench = Bench::new().await;
    let agent = &bench.setup.agent;
    let first = bench.submit_as(agent, "key", &submission("prod")).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let id = first.request().id;
    let cancel = format!("/v1/requests/{id}/cancel");
    let other = bench.submit_as(agent, "other", &submission("prod")).await;
    assert_eq!((other.status, other.request().id), (StatusCode::OK, id));
    // A retry is answered as the first time: whoever lost the answer knows whose question it is.
    for (key, status) in [("key", StatusCode::CREATED), ("other", StatusCode::OK)] {
        let retry = bench.submit_as(agent, key, &submission("prod")).await;
        assert_eq!((retry.status, retry.request().id), (status, id), "{key}");
    }
    for _ in 0..2 {
        assert_eq!(bench.post(agent, &cancel, &()).await.request().version, 2);
    }
    let retry = bench.submit_as(agent, "key", &submission("prod")).await;
    assert_eq!(
        (retry.status, retry.request().id),
        (StatusCode::CREATED, id)
    );
    assert_eq!(retry.request().status, ApprovalStatus::Cancelled);
    let other = bench.submit_as(agent, "key", &submission("dev")).await;
    assert_eq!(other.problem(), "idempotency_mismatch");
    let alice = bench
        .submit_as(&bench.setup.alice_requester, "key", &submission("dev"))
        .await;
    assert_eq!(
        alice.status,
        StatusCode::CREATED,
        "keys are each principal's own"
    );
    let body = serde_json::to_value(submission("x")).unwrap();
    assert_eq!(
        bench.post(agent, "/v1/requests", &body).await.problem(),
        "bad_request"
    );
    assert_eq!(
        bench
            .submit_as(agent, "a b", &submission("x"))
            .await
            .problem(),
        "bad_request"
    );
    assert_eq!(bench.count("request.created").await, 2);
    assert_eq!(bench.count("request.cancelled").await, 1);
}

#[tokio::test]
async fn a_principal_has_so_many_open_requests_and_no_more() {
    let bench = Bench::with(|settings| settings.limits.open_requests = 2).await;
    let agent = &bench.setup.agent;
    let first = bench.asked("a").await;
    bench.asked("b").await;
    let third = bench.submit(agent, &submission("c")).await;
    assert_eq!(third.problem(), "too_many");
    assert!(third.headers.contains_key("retry-after"));
    assert_eq!(
        bench.submit(agent, &submission("a")).await.status,
        StatusCode::OK
    );
    bench
        .post(agent, &format!("/v1/requests/{}/cancel", first.id), &())
        .await;
    assert_eq!(
        bench.submit(agent, &submission("c")).await.status,
        StatusCode::CREATED
    );
}

type Spoil = Box<dyn Fn(&mut SubmitRequest)>;

/// Texts that are longer than any real one, with the field that is then named.
fn long_texts() -> Vec<(&'static str, Spoil)> {
    vec![
        (
            "circumstances.host",
            Box::new(|s| s.circumstances.host = "h".repeat(301)),
        ),
        (
            "circumstances.agent",
            Box::new(|s| s.circumstances.agent = Some("a".repeat(500_000))),
        ),
        (
            "circumstances.ci.branch",
            Box::new(|s| {
                s.circumstances.ci = Some(CiJob {
                    branch: Some("b".repeat(301)),
                    ..CiJob::default()
                });
            }),
        ),
        (
            "circumstances.git.commit",
            Box::new(|s| {
                s.circumstances.git = Some(GitState {
                    commit: Some("c".repeat(301)),
                    ..GitState::default()
                });
            }),
        ),
        (
            "terms.reasons",
            Box::new(|s| s.terms.reasons = vec!["r".repeat(4_001)]),
        ),
        (
            "terms.rules",
            Box::new(|s| s.terms.rules = vec!["r".repeat(4_001)]),
        ),
    ]
}

/// What makes a submission unsound, with the field that is then named.
fn spoils() -> Vec<(&'static str, Spoil)> {
    let secret = |commitment: &str| {
        MaskedText(vec![Segment::Secret(MaskedSecret {
            kind: "password".to_owned(),
            length_bytes: 8,
            commitment: commitment.to_owned(),
        })])
    };
    vec![
        ("reason", Box::new(|s| s.reason = Some("é".repeat(501)))),
        ("argv", Box::new(|s| s.invocation.argv.clear())),
        (
            "argv",
            Box::new(|s| {
                s.invocation.argv = vec![MaskedText(vec![Segment::Bytes("%".to_owned())])];
            }),
        ),
        (
            "argv",
            Box::new(move |s| s.invocation.argv.push(secret("xyz"))),
        ),
        ("invocation.v", Box::new(|s| s.invocation.v = 2)),
        ("count", Box::new(|s| s.terms.requirements[0].count = 0)),
        ("count", Box::new(|s| s.terms.requirements[0].count = 101)),
        (
            "approvers",
            Box::new(|s| {
                s.terms.requirements = vec![Requirement {
                    approvers: vec!["bob\u{1b}[2J".to_owned()],
                    count: 1,
                    apart: None,
                    escalation: None,
                }];
            }),
        ),
        (
            "request_ttl_seconds",
            Box::new(|s| s.terms.request_ttl_seconds = 0),
        ),
        (
            "permit_ttl_seconds",
            Box::new(|s| s.terms.permit_ttl_seconds = 0),
        ),
    ]
}

/// More of something than a submission may hold, with the field that is then named.
fn excesses() -> Vec<(&'static str, Spoil)> {
    vec![
        (
            "terms.rules",
            Box::new(|s| s.terms.rules = vec!["r".to_owned(); RULES_LIMIT + 1]),
        ),
        (
            "terms.reasons",
            Box::new(|s| s.terms.reasons = vec!["r".to_owned(); RULES_LIMIT + 1]),
        ),
        (
            "invocation.argv",
            Box::new(|s| s.invocation.argv = vec![MaskedText::plain(b"x"); WORDS_LIMIT + 1]),
        ),
        (
            "invocation.command",
            Box::new(|s| s.invocation.command = vec!["x".to_owned(); PARTS_LIMIT + 1]),
        ),
        (
            "requirements.approvers",
            Box::new(|s| {
                let names = vec!["user:bob".to_owned(); APPROVERS_LIMIT + 1];
                s.terms.requirements[0].approvers = names;
            }),
        ),
        (
            "requirements",
            Box::new(|s| {
                let one = s.terms.requirements[0].clone();
                s.terms.requirements = vec![one; RULES_LIMIT + 1];
            }),
        ),
    ]
}

#[tokio::test]
async fn what_is_not_sound_is_not_asked() {
    let bench = Bench::new().await;
    for (field, spoil) in spoils().into_iter().chain(excesses()).chain(long_texts()) {
        let mut asked = submission("x");
        spoil(&mut asked);
        asked.digest = asked.invocation.digest().unwrap();
        let answer = bench.submit(&bench.setup.agent, &asked).await;
        assert_eq!(answer.problem(), "bad_request", "{field}");
        assert!(answer.text().contains(field), "{field}: {}", answer.text());
        assert!(!answer.text().contains('\u{1b}') && !answer.text().contains("u001b"));
    }
    let mut other = submission("x");
    other.digest = Digest::of_bytes(b"other");
    let answer = bench.submit(&bench.setup.agent, &other).await;
    assert_eq!(answer.problem(), "digest_mismatch");
    assert_eq!(bench.count("request.created").await, 0);
}

/// What a way of running gate can promise is not for the requester to word:
/// another word would lift the warning that its approver is shown.
#[tokio::test]
async fn another_word_for_the_mode_is_not_asked() {
    let bench = Bench::new().await;
    let sound = serde_json::to_value(submission("x")).unwrap();
    for word in ["brokered", "Advisory", "ADVISORY", "advisory ", ""] {
        let mut asked = sound.clone();
        asked["circumstances"]["mode"] = word.into();
        let body = serde_json::to_vec(&asked).unwrap();
        let answer = bench.submit_bytes(&bench.setup.agent, body).await;
        assert_eq!(answer.problem(), "bad_request", "{word:?}");
        assert!(answer.text().contains("advisory"), "{}", answer.text());
    }
    assert_eq!(bench.count("request.created").await, 0);
}

#[tokio::test]
async fn nothing_lives_longer_than_the_server_allows() {
    let bench = Bench::with(|settings| {
        settings.floor.max_request_ttl = Duration::from_mins(2);
        settings.floor.max_permit_ttl = Duration::from_mins(1);
    })
    .await;
    let request = bench.asked("prod").await;
    assert_eq!(request.terms.request_ttl_seconds, 120);
    assert_eq!(request.terms.permit_ttl_seconds, 60);
    assert!((1..=120).contains(&request.expires_in_seconds));
    assert_eq!(request.terms.requirements[0].approvers, ["group:approvers"]);
}

#[tokio::test]
async fn a_list_is_paged_newest_first() {
    let bench = Bench::new().await;
    let mut asked = Vec::new();
    for word in ["a", "b", "c"] {
        asked.push(bench.asked(word).await);
    }
    let agent = &bench.setup.agent;
    let first = bench.get(agent, "/v1/requests?limit=2").await.json();
    assert_eq!(first["requests"][0]["id"], asked[2].id.to_string());
    let next = first["next"].as_str().unwrap();
    let second = bench
        .get(agent, &format!("/v1/requests?limit=2&cursor={next}"))
        .await
        .json();
    assert_eq!(second["requests"][0]["id"], asked[0].id.to_string());
    assert!(second.get("next").is_none());
    let path = format!("/v1/requests?status=pending&digest={}", asked[1].digest);
    let found = bench.get(agent, &path).await.json();
    assert_eq!(found["requests"].as_array().unwrap().len(), 1);
    let none = bench.get(agent, "/v1/requests?status=denied").await.json();
    assert_eq!(none["requests"].as_array().unwrap().len(), 0);
}

/// A command as large as a body can be.
fn large(word: &str) -> SubmitRequest {
    let mut asked = submission(word);
    let long = "x".repeat(900_000);
    asked
        .invocation
        .argv
        .push(MaskedText::plain(long.as_bytes()));
    asked.digest = asked.invocation.digest().unwrap();
    asked
}

#[tokio::test]
async fn a_page_of_large_requests_is_short_and_nothing_is_left_out() {
    let bench = Bench::new().await;
    let agent = &bench.setup.agent;
    let mut asked = Vec::new();
    for word in 0..12 {
        let request = bench.submit(agent, &large(&word.to_string())).await;
        asked.push(request.request().id);
    }
    asked.reverse();
    let mut listed = Vec::new();
    let mut path = "/v1/requests?limit=100".to_owned();
    loop {
        let answer = bench.get(&bench.setup.bob_approver, &path).await;
        assert!(answer.body.len() < 3 << 20, "{}", answer.body.len());
        let page: RequestPage = serde_json::from_slice(&answer.body).unwrap();
        assert!(!page.requests.is_empty(), "a reader gets on");
        listed.extend(page.requests.iter().map(|request| request.id));
        match page.next {
            Some(next) => path = format!("/v1/requests?limit=100&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(listed, asked);
    let filtered = format!("/v1/requests?limit=1&digest={}", large("3").digest);
    let only: RequestPage =
        serde_json::from_slice(&bench.get(agent, &filtered).await.body).unwrap();
    assert_eq!((only.requests.len(), only.next), (1, None));
}

/// docs/server.md: "A request that names a rule in force is held to it".
#[tokio::test]
async fn a_client_that_names_a_rule_in_force_is_held_to_it() {
    let bench = Bench::new().await;
    let rule = |count: u32| {
        format!(
            "[[rule]]\nid = \"two\"\ntool = \"kubectl\"\ndecision = \"require_approval\"\n\
             [rule.approval]\napprovers = [\"group:approvers\"]\ncount = {count}\n\
             request_ttl = \"5m\"\npermit_ttl = \"1m\"\n\
             [[rule]]\nid = \"free\"\ntool = \"git\"\ndecision = \"allow\"\n"
        )
    };
    let push = |text: String| {
        let body = Body::from(serde_json::json!({ "text": text }).to_string());
        let mut put = call(Method::PUT, "/v1/rules", &bench.setup.admin, body);
        let any = "*".parse().unwrap();
        put.headers_mut().insert(axum::http::header::IF_MATCH, any);
        bench.send(put)
    };
    let ask = |word: &str, rules: &[&str]| {
        let mut asked = submission(word);
        asked.terms.rules = rules.iter().map(ToString::to_string).collect();
        asked
    };
    let agent = &bench.setup.agent;
    assert_eq!(push(rule(2)).await.status, StatusCode::OK);
    let held = bench.submit(agent, &ask("a", &["two", "free", "no"])).await;
    let terms = held.request().terms;
    let two = Requirement {
        approvers: vec!["group:approvers".to_owned()],
        count: 2,
        apart: None,
        escalation: None,
    };
    assert!(terms.requirements.contains(&two), "{terms:?}");
    assert_eq!(
        (terms.request_ttl_seconds, terms.permit_ttl_seconds),
        (300, 60)
    );
    // What asks for it already is not asked twice.
    let mut honest = ask("b", &["two"]);
    honest.terms.requirements = vec![two.clone()];
    let honest = bench.submit(agent, &honest).await.request().terms;
    assert_eq!(honest.requirements, [two]);
    // The next version holds at once, named or not.
    assert_eq!(push(rule(3)).await.status, StatusCode::OK);
    let later = bench.submit(agent, &ask("c", &["two"])).await.request();
    let counts = |terms: &gate_protocol::request::Terms| -> Vec<u32> {
        terms.requirements.iter().map(|one| one.count).collect()
    };
    assert_eq!(counts(&later.terms).iter().max(), Some(&3));
    let other = bench.submit(agent, &ask("d", &["free", "no"])).await;
    let other = other.request().terms;
    assert_eq!(counts(&other).iter().max(), Some(&3), "{other:?}");
    bench.verified().await;
}
