//! What people said is erased, and the log is still the log that was signed.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use gate_protocol::erasure::Erased;
use gate_protocol::log::{Beside, LogFault, LogVerifier, Payload, Payloads, RecordPayload, Told};
use gate_protocol::request::ApprovalRequest;
use gate_protocol::review::{Answer, SubmitReview};
use serde_json::{Value, json};

use super::bench::{Answered, Bench, is_in_files, submission};

const ERASURES: &str = "/v1/audit/erasures";

/// What stands beside the records.
async fn payloads(bench: &Bench) -> BTreeMap<u64, Payload> {
    let path = "/v1/audit/records?limit=1000";
    let page = bench.get(&bench.setup.auditor, path).await.json();
    let told: Vec<RecordPayload> =
        serde_json::from_value(page.get("payloads").cloned().unwrap_or(json!([]))).unwrap();
    told.into_iter().map(|one| (one.seq, one.payload)).collect()
}

/// Verifies the records with what stands beside them.
async fn verified(bench: &Bench, payloads: &BTreeMap<u64, Payload>) -> Result<Payloads, LogFault> {
    let mut verifier = LogVerifier::new(Vec::new());
    for record in bench.records().await {
        let payload = payloads.get(&record.seq());
        let payload = Told::Told(payload);
        let beside = Beside {
            leaf: None,
            payload,
        };
        verifier.feed_with(record.bytes(), beside)?;
    }
    verifier.finish().map(|log| log.payloads)
}

/// Asks with a reason, and has bob say no with a comment.
async fn denied(bench: &Bench, word: &str) -> ApprovalRequest {
    let mut asked = submission(word);
    asked.reason = Some(format!("said-by-the-agent of {word}"));
    asked.circumstances.os_user = format!("system-user-{word}");
    let request = bench.submit(&bench.setup.agent, &asked).await.request();
    let review = SubmitReview {
        answer: Answer::Deny,
        digest: request.digest,
        comment: Some(format!("said-by-bob of {word}")),
    };
    let path = format!("/v1/requests/{}/reviews", request.id);
    let answered = bench.post(&bench.setup.bob_approver, &path, &review).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
    request
}

async fn erase(bench: &Bench, wanted: &Value) -> Answered {
    bench.post(&bench.setup.admin, ERASURES, wanted).await
}

fn erased(answered: &Answered) -> Erased {
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
    serde_json::from_slice(&answered.body).unwrap()
}

#[tokio::test]
async fn what_was_said_of_a_request_is_erased_everywhere_and_the_log_verifies() {
    let bench = Bench::new().await;
    let request = denied(&bench, "one").await;
    let other = denied(&bench, "two").await;
    let before = bench.records().await;
    let texts = [
        "said-by-the-agent of one",
        "system-user-one",
        "said-by-bob of one",
    ];
    for record in &before {
        let text = String::from_utf8(record.bytes().to_vec()).unwrap();
        assert!(!texts.iter().any(|said| text.contains(said)), "{text}");
    }
    let kept = verified(&bench, &payloads(&bench).await).await.unwrap();
    assert!(kept.kept >= 4 && kept.erased == 0, "{kept:?}");

    let wanted = json!({ "request": request.id, "why": "asked for by its author" });
    let done = erased(&erase(&bench, &wanted).await);
    assert_eq!((done.records, done.open, done.more), (2, 0, false));
    let after = bench.records().await;
    assert_eq!(after[..before.len()], before[..]);
    let told = &after[before.len()];
    assert_eq!(Some(told.seq()), done.record);
    assert_eq!(told.record_type().as_str(), "payload.erased");
    assert_eq!(told.body()["by"], "admin");
    assert_eq!(told.body()["why"], "asked for by its author");
    let beside = payloads(&bench).await;
    let found = verified(&bench, &beside).await.unwrap();
    assert_eq!((found.kept, found.erased), (kept.kept - 2, 2));
    for said in texts {
        assert!(!is_in_files(&bench.data(), said.as_bytes()), "{said}");
    }
    let words = "(erased on ";
    let shown = bench.show(&request).await;
    assert!(shown.reason.unwrap().starts_with(words));
    assert!(shown.circumstances.os_user.starts_with(words));
    assert!(
        shown.reviews[0]
            .comment
            .as_ref()
            .unwrap()
            .starts_with(words)
    );
    assert!(shown.particulars.warnings[0].contains(words));
    let whole = bench.show(&other).await;
    assert_eq!(whole.reason.as_deref(), Some("said-by-the-agent of two"));
    assert_eq!(
        whole.reviews[0].comment.as_deref(),
        Some("said-by-bob of two")
    );

    let again = erased(&erase(&bench, &wanted).await);
    assert_eq!((again.records, again.record), (0, None));
    assert_eq!(bench.records().await.len(), after.len());
}

#[tokio::test]
async fn a_text_that_is_gone_and_was_not_erased_is_found() {
    let bench = Bench::new().await;
    let request = denied(&bench, "one").await;
    let wanted = json!({ "request": request.id, "why": "a test" });
    let done = erased(&erase(&bench, &wanted).await);
    denied(&bench, "two").await;
    let good = payloads(&bench).await;
    verified(&bench, &good).await.unwrap();
    for seq in good.keys().copied() {
        let mut gone = good.clone();
        gone.remove(&seq);
        let fault = verified(&bench, &gone).await.unwrap_err();
        assert!(
            matches!(&fault, LogFault::Record(bad) if bad.index == seq),
            "{fault}"
        );
        // Nor does it help to say that the erasure of something else was its own, or one to come
        // before it.
        for record in [done.record.unwrap(), 0] {
            let mut other = good.clone();
            let Some(Payload::Kept(_)) = other.get(&seq) else {
                continue;
            };
            let erasure = gate_protocol::log::Erasure {
                at: crate::clock::now(),
                by: "admin".to_owned(),
                record,
            };
            other.insert(seq, Payload::Erased(erasure));
            let fault = verified(&bench, &other).await.unwrap_err();
            assert!(
                matches!(&fault, LogFault::Record(bad) if bad.index == seq),
                "{fault}"
            );
        }
    }
}

#[tokio::test]
async fn what_a_person_said_is_erased_but_of_requests_that_have_not_ended() {
    let bench = Bench::new().await;
    let first = denied(&bench, "one").await;
    let second = denied(&bench, "two").await;
    let open = bench.asked("three").await;
    let person = bench.records().await.iter().find_map(|record| {
        let reviewer = record.body().get("reviewer")?.as_str()?;
        (reviewer == "bob").then(|| record.body()["person"].as_str().unwrap().to_owned())
    });
    let wanted = json!({ "person": person.unwrap(), "why": "left" });
    let done = erased(&erase(&bench, &wanted).await);
    assert!(done.records >= 2 && !done.more, "{done:?}");
    for request in [&first, &second] {
        let shown = bench.show(request).await;
        assert!(
            shown.reviews[0]
                .comment
                .as_ref()
                .unwrap()
                .starts_with("(erased on ")
        );
        assert!(shown.reason.unwrap().starts_with("said-by-the-agent"));
    }
    let owner = bench.show(&first).await.requester.person.unwrap();
    let done = erased(&erase(&bench, &json!({ "person": owner, "why": "left" })).await);
    assert_eq!(done.open, 1, "{done:?}");
    assert_eq!(bench.show(&open).await.reason.as_deref(), Some("a test"));
    assert!(
        bench
            .show(&second)
            .await
            .reason
            .unwrap()
            .starts_with("(erased on ")
    );
    verified(&bench, &payloads(&bench).await).await.unwrap();
    // Whose it was stands nowhere on the log by the erasure.
    let told = bench.records().await;
    let told = told.last().unwrap();
    assert_eq!(told.record_type().as_str(), "payload.erased");
    assert!(!told.body().contains_key("person") && !told.body().contains_key("request"));
}

#[tokio::test]
async fn an_erasure_is_for_one_thing_that_has_ended_and_says_why() {
    let bench = Bench::new().await;
    let open = bench.asked("one").await;
    for (wanted, problem) in [
        (json!({ "request": open.id, "why": "x" }), "conflict"),
        (json!({ "request": open.id, "why": " " }), "bad_request"),
        (
            json!({ "request": open.id, "why": "x".repeat(501) }),
            "bad_request",
        ),
        (
            json!({ "request": open.id, "person": "bob", "why": "x" }),
            "bad_request",
        ),
        (json!({ "why": "x" }), "bad_request"),
        (json!({ "request": open.id }), "bad_request"),
        (
            json!({ "request": "019b3c1e-5e6b-7c4a-9d0e-1f2a3b4c5d6e", "why": "x" }),
            "not_found",
        ),
    ] {
        assert_eq!(erase(&bench, &wanted).await.problem(), problem, "{wanted}");
    }
    let nobody = erased(&erase(&bench, &json!({ "person": "nobody", "why": "x" })).await);
    assert_eq!((nobody.records, nobody.record), (0, None));
    assert_eq!(bench.count("payload.erased").await, 0);
}
