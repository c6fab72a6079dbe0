//! Approving and denying on the page, and all that must not count.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use gate_protocol::canonical::Digest;
use gate_protocol::request::{ApprovalStatus, Requirement};

use super::browser::{Browser, OWN, assert_hardened, location, path, review_path};
use crate::tests::bench::{Bench, submission};

#[tokio::test]
async fn an_approval_counts_once_and_leads_back_to_the_request() {
    let bench = Bench::new().await;
    let request = bench.asked("prod").await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    assert!(bob.page("/").await.contains(&path(&request)));
    let page = bob.page(&path(&request)).await;
    assert!(page.contains("value=\"approve\"") && page.contains("value=\"deny\""));
    assert!(page.contains("ADVISORY"));
    for _ in 0..2 {
        let answer = bob.answer(&request, "approve").await;
        assert_eq!(location(&answer), path(&request));
    }
    let approved = bench.show(&request).await;
    assert_eq!(approved.status, ApprovalStatus::Approved);
    let review = &approved.reviews[0];
    assert_eq!(
        (review.reviewer.as_str(), review.channel.as_str()),
        ("bob", "web")
    );
    assert_eq!(review.comment.as_deref(), Some("as agreed on the phone"));
    assert_eq!(bench.count("decision.recorded").await, 1);
    let page = bob.page(&path(&request)).await;
    assert!(!page.contains("value=\"approve\""));
    assert!(page.contains("1 of 1") && page.contains("Take the approval back"));
    assert!(bob.page("/history").await.contains(&path(&request)));
    assert!(!bob.page("/").await.contains(&path(&request)));
    bench.verified().await;
}

#[tokio::test]
async fn a_denial_is_final_and_a_late_answer_is_told_so() {
    let bench = Bench::new().await;
    let request = bench.asked("prod").await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    location(&bob.answer(&request, "deny").await);
    assert_eq!(bench.show(&request).await.status, ApprovalStatus::Denied);
    let late = bob.answer(&request, "approve").await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert_hardened(&late);
    assert!(late.text().contains("denied already"), "{}", late.text());
    let page = bob.page(&path(&request)).await;
    assert!(
        !page.contains("<button class=\"approve\"") && !page.contains("<button class=\"deny\"")
    );
    assert_eq!(bench.count("decision.recorded").await, 1);
}

#[tokio::test]
async fn nobody_approves_their_own_and_the_attempt_is_recorded() {
    let bench = Bench::new().await;
    let of_agent = bench.asked("prod").await;
    let own = bench
        .submit(&bench.setup.alice_requester, &submission("own"))
        .await
        .request();
    let alice = Browser::signed_in(&bench, &bench.setup.alice_approver).await;
    for (request, word, refused) in [
        (&of_agent, "You own demo-agent", &["approve"][..]),
        (&own, "You asked for this", &["approve", "deny"]),
    ] {
        let page = alice.page(&path(request)).await;
        assert!(page.contains(word), "{page}");
        for answer in ["approve", "deny"] {
            let offered = page.contains(&format!("value=\"{answer}\""));
            assert_ne!(offered, refused.contains(&answer), "{answer}: {page}");
        }
        for answer in refused {
            let refused = alice.answer(request, answer).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN);
            assert!(refused.text().contains("Nobody reviews their own request"));
            assert_hardened(&refused);
        }
        let mut story = vec!["request.created"];
        story.extend(refused.iter().map(|_| "request.rejected_review"));
        assert_eq!(bench.story(request).await, story);
    }
    assert!(alice.page("/").await.contains("Waiting for somebody else"));
    // What her agent asks she ends.
    let ended = alice.answer(&of_agent, "deny").await;
    assert!(ended.status.is_redirection(), "{}", ended.text());
    assert_eq!(bench.show(&of_agent).await.status, ApprovalStatus::Denied);
}

#[tokio::test]
async fn an_auditor_looks_and_a_stranger_to_the_rule_does_not_answer() {
    let bench = Bench::new().await;
    let request = bench.asked("prod").await;
    let auditor = Browser::signed_in(&bench, &bench.setup.auditor).await;
    let page = auditor.page(&path(&request)).await;
    assert!(page.contains("you can look") && !page.contains("name=\"answer\""));
    auditor.page("/history").await;
    let refused = auditor.answer(&request, "approve").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let mut wanted = submission("sre");
    wanted.terms.requirements = vec![Requirement {
        approvers: vec!["user:carol".to_owned()],
        count: 1,
        apart: None,
        escalation: None,
    }];
    let bench = Bench::with(|settings| settings.floor.approvers = vec!["user:carol".into()]).await;
    bench.push_rules(&bench.setup.admin, "").await;
    let request = bench.submit(&bench.setup.agent, &wanted).await.request();
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    assert!(bob.page(&path(&request)).await.contains("do not name you"));
    let refused = bob.answer(&request, "approve").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(bench.show(&request).await.status, ApprovalStatus::Pending);
}

/// Returns the fields of the page's form; what is asked for is of the target `prod`.
fn fields<'a>(csrf: &'a str, digest: &'a str, answer: &'a str) -> [(&'static str, &'a str); 4] {
    [
        ("csrf", csrf),
        ("digest", digest),
        ("answer", answer),
        ("confirm", "prod"),
    ]
}

#[tokio::test]
async fn a_form_from_another_origin_or_from_none_does_not_count() {
    let bench = Bench::new().await;
    let request = bench.asked("prod").await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let (csrf, digest) = (bob.csrf().await, request.digest.to_string());
    let sound = fields(&csrf, &digest, "approve");
    let to = review_path(&request);
    let sessions = bench.count("session.created").await;
    for origin in [
        None,
        Some("null"),
        Some("https://evil.example"),
        Some("http://127.0.0.1:2"),
        Some("https://127.0.0.1:1"),
        Some("http://127.0.0.1:1.evil.example"),
    ] {
        let token = [("token", bench.setup.bob_approver.as_str())];
        let logout = [("csrf", csrf.as_str())];
        for (path, fields) in [
            (to.as_str(), &sound[..]),
            ("/login", &token),
            ("/logout", &logout),
        ] {
            let answer = bob.post_from(origin, path, fields).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin:?} {path}");
            assert_hardened(&answer);
        }
    }
    assert_eq!(bench.story(&request).await, ["request.created"]);
    assert_eq!(bench.count("session.created").await, sessions);
    location(&bob.post_from(Some(OWN), &to, &sound).await);
}

#[tokio::test]
async fn a_form_counts_whole_for_its_session_and_for_the_command_that_was_shown() {
    let bench = Bench::new().await;
    let request = bench.asked("prod").await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let stranger = Browser::signed_in(&bench, &bench.setup.alice_approver).await;
    let (csrf, theirs) = (bob.csrf().await, stranger.csrf().await);
    let digest = request.digest.to_string();
    let other = Digest::of_bytes(b"other").to_string();
    let to = review_path(&request);
    let sound = fields(&csrf, &digest, "approve");
    let with = |more: &[(&'static str, &'static str)]| [&sound[..], more].concat();
    let large = "a".repeat(40_000);
    let malformed = StatusCode::UNPROCESSABLE_ENTITY;
    for (fields, status) in [
        (
            fields("", &digest, "approve").to_vec(),
            StatusCode::FORBIDDEN,
        ),
        (
            fields(&theirs, &digest, "approve").to_vec(),
            StatusCode::FORBIDDEN,
        ),
        (
            fields(&csrf, &other, "approve").to_vec(),
            StatusCode::CONFLICT,
        ),
        (
            fields(&csrf, "x", "approve").to_vec(),
            StatusCode::BAD_REQUEST,
        ),
        (fields(&csrf, &digest, "yes").to_vec(), malformed),
        (sound[1..].to_vec(), malformed),
        (with(&[("answer", "deny")]), malformed),
        (with(&[("admin", "1")]), malformed),
        (
            fields(&csrf, &large, "approve").to_vec(),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let answer = bob.post(&to, &fields).await;
        assert_eq!(answer.status, status, "{fields:?}: {}", answer.text());
        assert_hardened(&answer);
    }
    let signed_out = Browser::new(&bench).post(&to, &sound).await;
    assert_eq!(signed_out.status, StatusCode::UNAUTHORIZED);
    assert_eq!(bench.story(&request).await, ["request.created"]);
}

#[tokio::test]
async fn looking_changes_nothing_whatever_is_looked_at() {
    let bench = Bench::new().await;
    let request = bench.asked("prod").await;
    let bob = Browser::signed_in(&bench, &bench.setup.bob_approver).await;
    let before = bench.records().await.len();
    let version = bench.show(&request).await.version;
    let query = format!("?answer=approve&digest={}", request.digest);
    let (show, review) = (path(&request), review_path(&request));
    for (target, status) in [
        ("/", StatusCode::OK),
        ("/history", StatusCode::OK),
        ("/rules", StatusCode::OK),
        ("/login", StatusCode::SEE_OTHER),
        ("/login?code=x", StatusCode::UNAUTHORIZED),
        (show.as_str(), StatusCode::OK),
        (&format!("{show}{query}"), StatusCode::OK),
        (&review, StatusCode::METHOD_NOT_ALLOWED),
        (&format!("{review}{query}"), StatusCode::METHOD_NOT_ALLOWED),
        ("/logout", StatusCode::METHOD_NOT_ALLOWED),
        ("/requests/x", StatusCode::NOT_FOUND),
        ("/?before=x", StatusCode::NOT_FOUND),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let call = bob.call(method.clone(), target, Body::empty());
            let answer = bench.send(call).await;
            assert_eq!(answer.status, status, "{method} {target}");
            assert_hardened(&answer);
        }
    }
    bob.page("/").await;
    assert_eq!(bench.records().await.len(), before);
    assert_eq!(bench.show(&request).await.version, version);
}
