//! THREATS 6A.23: one agent asks 10,000 times, and nobody is worse off for it.

use std::time::Duration;

use axum::http::{StatusCode, header};
use gate_protocol::request::ApprovalStatus;
use gate_protocol::review::Answer;
use serde_json::json;

use super::bench::{Bench, submission};

/// How many of each kind are asked.
const MANY: usize = 10_000;

async fn open(bench: &Bench) -> usize {
    let page = bench
        .get(
            &bench.setup.auditor,
            "/v1/requests?status=pending&limit=100",
        )
        .await
        .json();
    page["requests"].as_array().unwrap().len()
}

/// Asks as alice, with a command of her own; that is served, however many others ask.
async fn served(bench: &Bench, word: &str) {
    let asked = submission(word);
    let answer = bench.submit(&bench.setup.alice_requester, &asked).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let cancel = format!("/v1/requests/{}/cancel", answer.request().id);
    let cancelled = bench.post(&bench.setup.alice_requester, &cancel, &()).await;
    assert!(cancelled.status.is_success(), "{}", cancelled.text());
}

#[tokio::test]
async fn ten_thousand_questions_of_one_agent_open_ten_and_disturb_nobody() {
    let bench = Bench::with(|settings| {
        settings.limits.open_requests = 10;
        settings.approving.flood.burst = 120;
    })
    .await;
    let mut refused = 0;
    let mut during = 0;
    for number in 0..2 * MANY {
        // First all different, then all the same.
        let word = if number < MANY { number } else { 0 };
        let asked = submission(&format!("flood-{word}"));
        let answer = bench.submit(&bench.setup.agent, &asked).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(answer.problem(), "too_many");
            assert!(answer.headers.contains_key(header::RETRY_AFTER));
            refused += 1;
        }
        if number % 1_000 == 0 {
            served(&bench, &format!("storm-{number}")).await;
            during += 1;
        }
    }
    assert!(refused > 2 * MANY - 400, "{refused}");
    assert_eq!(
        open(&bench).await,
        10,
        "one card for each digest, ten at most"
    );
    assert_eq!(during, 20, "each question of another requester was taken");
    bench.verified().await;
}

/// What makes others wait is the one line of those who write. So it is counted who stands in it, which
/// no noise of a machine changes: of an agent that asks too fast nobody does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_fast_stands_in_nobodys_way() {
    const BURST: u32 = 5;
    let bench = Bench::with(|settings| {
        settings.approving.flood.burst = BURST;
        settings.approving.flood.per_minute = 0;
    })
    .await;
    for number in 0..BURST {
        bench.asked(&format!("first-{number}")).await;
    }
    let head = bench.records().await.len();
    // Nobody else can write now: whoever stood in line would not be answered.
    let turn = bench.server.store.write().await.unwrap();
    let mut answered = 0;
    for round in 0..50 {
        let flood = (0..16).map(|number| {
            let asked = submission(&format!("flood-{round}-{number}"));
            let bench = &bench;
            async move { bench.submit(&bench.setup.agent, &asked).await }
        });
        let flood = futures_util::future::join_all(flood);
        let all = tokio::time::timeout(Duration::from_mins(1), flood).await;
        for answer in all.expect("none of them waits for a turn") {
            assert_eq!(answer.problem(), "too_many");
            assert!(answer.text().contains("asks too fast"), "{}", answer.text());
            answered += 1;
        }
    }
    assert_eq!(answered, 800);
    drop(turn);
    // Nothing of it is before another requester, who is served as ever.
    let asked = submission("other");
    let answer = bench.submit(&bench.setup.alice_requester, &asked).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(bench.records().await.len(), head + 1, "hers and no other");
}

#[tokio::test]
async fn what_was_denied_stays_denied_whatever_the_reason_or_the_token() {
    let bench = Bench::new().await;
    let request = bench.asked("prod").await;
    let denied = bench
        .review(&bench.setup.bob_approver, &request, Answer::Deny)
        .await;
    assert_eq!(denied.request().status, ApprovalStatus::Denied);
    let mut again = submission("prod");
    again.reason = Some("please".to_owned());
    let mut shorter = submission("prod");
    shorter.terms.request_ttl_seconds = 60;
    for asked in [&again, &shorter] {
        let answer = bench.submit(&bench.setup.agent, asked).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.request().id, request.id, "the denial is the answer");
    }
    let other = bench.submit(&bench.setup.alice_requester, &again).await;
    assert_eq!(other.problem(), "too_many");
    assert!(other.headers.contains_key(header::RETRY_AFTER));
    bench.sql("UPDATE reviews SET at = at - 600001").await;
    let later = bench.submit(&bench.setup.agent, &again).await;
    assert_eq!(
        later.status,
        StatusCode::CREATED,
        "after its time it may be asked"
    );
}

#[tokio::test]
async fn a_server_can_let_another_reason_ask_again() {
    let bench = Bench::with(|settings| settings.approving.flood.reason_lifts = true).await;
    let request = bench.asked("prod").await;
    bench
        .review(&bench.setup.bob_approver, &request, Answer::Deny)
        .await;
    let same = bench.submit(&bench.setup.agent, &submission("prod")).await;
    assert_eq!(same.request().id, request.id);
    let mut again = submission("prod");
    again.reason = Some("bob agreed on the phone".to_owned());
    let anew = bench.submit(&bench.setup.agent, &again).await;
    assert_eq!(anew.status, StatusCode::CREATED);
}

#[tokio::test]
async fn everybody_together_has_a_limit_too() {
    let bench = Bench::with(|settings| settings.approving.flood.open_requests = 2).await;
    bench.asked("one").await;
    bench.asked("two").await;
    let alice = &bench.setup.alice_requester;
    let third = bench.submit(alice, &submission("three")).await;
    assert_eq!(third.problem(), "too_many");
    assert!(
        third.json()["detail"]
            .as_str()
            .unwrap()
            .contains("of everybody")
    );
}

#[tokio::test]
async fn tries_to_answer_with_another_token_are_bounded_too() {
    let bench = Bench::with(|settings| settings.approving.flood.burst = 3).await;
    let request = bench.asked("prod").await;
    let path = format!("/v1/requests/{}/reviews", request.id);
    let mut codes = Vec::new();
    for _ in 0..5 {
        codes.push(
            bench
                .post(&bench.setup.agent, &path, &json!({}))
                .await
                .problem(),
        );
    }
    assert_eq!(
        codes,
        ["forbidden", "forbidden", "too_many", "too_many", "too_many"]
    );
    assert_eq!(bench.count("request.rejected_review").await, 2);
}
