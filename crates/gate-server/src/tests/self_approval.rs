//! THREATS 6A.3: whoever had a hand in a request has no say in it, whoever they
//! are and whichever way they come. Every cell is a 403, on the record, and the
//! request stays as it was.

use axum::http::StatusCode;
use gate_protocol::id::Nonce;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus, Requirement};
use gate_protocol::review::{Answer, SubmitReview};
use serde_json::{Value, json};

use super::bench::{Answered, Bench, submission};

/// A way to answer. The buttons of chats are in `channels/own_answers.rs`, and `gate approve` in
/// the command's own tests.
#[derive(Clone, Copy, Debug)]
enum Way {
    Api,
    Web,
}

const WAYS: [Way; 2] = [Way::Api, Way::Web];

/// Who tries.
struct Attempt {
    who: &'static str,
    token: String,
    request: ApprovalRequest,
    /// The word for it in the record of the review.
    why: &'static str,
}

impl Attempt {
    /// Tells whether they have no no either: a role that answers nothing, and who asked.
    fn may_not_deny(&self) -> bool {
        self.why == "role" || self.who.starts_with("requester")
    }

    /// Returns whose token it is that opens no page.
    fn stranger_to_pages(&self) -> Option<&'static str> {
        match self.who {
            "admin as admin" => Some("admin"),
            "agent's own token" => Some("demo-agent"),
            "service account" => Some("ci"),
            _ => None,
        }
    }
}

impl Way {
    /// Returns what is recorded: that a review was refused, or, where the page has no place for
    /// the token and so no request to answer, a sign-in.
    fn record_of(self, attempt: &Attempt) -> (&'static str, Value) {
        let stranger = attempt.stranger_to_pages();
        match (self, stranger) {
            (Self::Web, Some(name)) => ("sign_in.refused", json!({ "principal": name })),
            _ => (
                "request.rejected_review",
                json!({ "request": attempt.request.id, "why": attempt.why }),
            ),
        }
    }

    async fn answer(self, bench: &Bench, attempt: &Attempt, answer: Answer) -> Answered {
        match self {
            Self::Api => bench.review(&attempt.token, &attempt.request, answer).await,
            Self::Web => {
                let review = SubmitReview {
                    answer,
                    digest: attempt.request.digest,
                    comment: None,
                };
                bench
                    .review_on_page(&attempt.token, &attempt.request, &review)
                    .await
            }
        }
    }
}

/// Makes a second account of alice's, and returns its approver's token.
async fn second_account(bench: &Bench) -> String {
    let token = bench.approver("alice-second", &["approvers"]).await;
    bench.one_person("alice-second", "alice").await;
    token
}

/// Makes everybody that the catalogue names, and a request of each kind; `is_forced` asks by
/// break-glass.
async fn attempts(bench: &Bench, is_forced: bool) -> Vec<Attempt> {
    let second = second_account(bench).await;
    bench.approver("root", &["approvers"]).await;
    let root_admin = bench.token_of("root", "admin").await;
    let root = bench.token_of("root", "approver").await;
    let ci = json!({ "name": "ci", "kind": "workload", "owner": "bob", "groups": ["approvers"] });
    bench.post(&bench.setup.admin, "/v1/principals", &ci).await;
    let ci_token = bench.token_of("ci", "requester").await;
    // Root makes an agent, and a token of another one.
    let made = json!({ "name": "made-bot", "kind": "agent", "owner": "bob" });
    bench.post(&root_admin, "/v1/principals", &made).await;
    let made_token = bench.token_of("made-bot", "requester").await;
    let wanted = json!({ "principal": "ci", "role": "requester", "ttl_seconds": 600 });
    let minted = bench.post(&root_admin, "/v1/tokens", &wanted).await;
    let minted = minted.json()["token"].as_str().unwrap().to_owned();
    let ask = async |token: &str, word: &str| {
        let mut wanted = submission(word);
        wanted.break_glass = is_forced;
        bench.submit(token, &wanted).await.request()
    };
    let setup = &bench.setup;
    let of_agent = ask(&setup.agent, "of-agent").await;
    let of_alice = ask(&setup.alice_requester, "of-alice").await;
    let of_made = ask(&made_token, "of-made").await;
    let of_minted = ask(&minted, "of-minted").await;
    let attempt = |who, token: &str, request: &ApprovalRequest, why| Attempt {
        who,
        token: token.to_owned(),
        request: request.clone(),
        why,
    };
    vec![
        attempt("requester", &setup.alice_approver, &of_alice, "self_review"),
        attempt(
            "agent's owner",
            &setup.alice_approver,
            &of_agent,
            "self_review",
        ),
        attempt("owner's second account", &second, &of_agent, "self_review"),
        attempt(
            "requester's second account",
            &second,
            &of_alice,
            "self_review",
        ),
        attempt("admin as admin", &setup.admin, &of_agent, "role"),
        attempt(
            "admin who made the agent",
            &root,
            &of_made,
            "made_requester",
        ),
        attempt("token creator", &root, &of_minted, "made_token"),
        attempt("agent's own token", &setup.agent, &of_agent, "role"),
        attempt("service account", &ci_token, &of_agent, "role"),
        attempt("auditor", &setup.auditor, &of_agent, "role"),
    ]
}

/// Tries one cell: a 403, and one record that names who and why.
async fn refused_on_record(bench: &Bench, way: Way, attempt: &Attempt, answer: Answer) {
    let cell = format!("{} by {way:?}: {answer:?}", attempt.who);
    let (record_type, expected) = way.record_of(attempt);
    let before = bench.count(record_type).await;
    let refused = way.answer(bench, attempt, answer).await;
    let said = refused.text();
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{cell}: {said}");
    let mut rejected = bench.records().await;
    rejected.retain(|one| one.record_type().as_str() == record_type);
    assert_eq!(rejected.len(), before + 1, "{cell}: no record");
    let body = rejected.last().unwrap().body();
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&body[field], value, "{cell}: {field}");
    }
}

/// Tries all cells of these, after which nothing was answered.
async fn refused_in_every_way(bench: &Bench, attempts: &[Attempt]) {
    for attempt in attempts {
        for way in WAYS {
            refused_on_record(bench, way, attempt, Answer::Approve).await;
            if attempt.may_not_deny() {
                refused_on_record(bench, way, attempt, Answer::Deny).await;
            }
        }
    }
    for attempt in attempts {
        let path = format!("/v1/requests/{}", attempt.request.id);
        let stays = bench.get(&bench.setup.auditor, &path).await.request();
        assert_eq!(stays.status, ApprovalStatus::Pending);
        assert!(stays.reviews.is_empty(), "{}", attempt.who);
    }
}

#[tokio::test]
async fn nobody_who_had_a_hand_in_it_approves_whatever_the_way() {
    let bench = Bench::new().await;
    let attempts = attempts(&bench, false).await;
    refused_in_every_way(&bench, &attempts).await;
    // Whoever had a hand in it ends it by a no, though they could not approve it.
    for attempt in attempts.iter().filter(|one| !one.may_not_deny()) {
        let anew = bench.asked(attempt.who).await;
        let request = if anew.requester == attempt.request.requester {
            &anew
        } else {
            &attempt.request
        };
        let denied = bench.review(&attempt.token, request, Answer::Deny).await;
        let status = denied.request().status;
        assert_eq!(status, ApprovalStatus::Denied, "{}", attempt.who);
    }
    // The matrix refuses them, and not everybody.
    let request = &attempts.first().unwrap().request;
    let fine = bench
        .review(&bench.setup.bob_approver, request, Answer::Approve)
        .await;
    assert_eq!(fine.request().status, ApprovalStatus::Approved);
    bench.verified().await;
}

#[tokio::test]
async fn nobody_who_had_a_hand_in_it_forces_it_by_break_glass_or_reviews_that() {
    let bench = Bench::with(|settings| {
        let approvers = vec!["group:approvers".to_owned()];
        settings.approving.break_glass = Some(Requirement::of(approvers, 1));
    })
    .await;
    let attempts = attempts(&bench, true).await;
    for attempt in &attempts {
        assert!(attempt.request.particulars.break_glass.is_some());
    }
    refused_in_every_way(&bench, &attempts).await;
    // Somebody else lets the agent's through, and its owner does not close it by either account.
    let of_agent = |one: &&Attempt| one.who.contains("owner");
    let owners: Vec<&Attempt> = attempts.iter().filter(of_agent).collect();
    let request = &owners[0].request;
    let bob = &bench.setup.bob_approver;
    bench.review(bob, request, Answer::Approve).await.request();
    let claimed = bench.claim(request, Nonce::generate().unwrap()).await;
    assert_eq!(claimed.status, StatusCode::OK, "{}", claimed.text());
    let path = format!("/v1/requests/{}/break-glass-review", request.id);
    let comment = json!({ "comment": "justified" });
    let before = bench.count("request.rejected_review").await;
    for (tried, token) in owners.iter().map(|one| &one.token).chain([bob]).enumerate() {
        let refused = bench.post(token, &path, &comment).await;
        assert_eq!(refused.problem(), "excluded", "{}", refused.text());
        let rejected = bench.count("request.rejected_review").await;
        assert_eq!(rejected, before + tried + 1);
    }
    assert_eq!(bench.count("break_glass.reviewed").await, 0);
    bench.verified().await;
}

#[tokio::test]
async fn who_owns_the_agent_answers_as_nobody_whose_account_they_had_a_hand_in() {
    let bench = Bench::new().await;
    let carol = bench.approver("carol", &["approvers"]).await;
    let alice = bench.token_of("alice", "admin").await;
    let request = bench.asked("puppet").await;
    let wanted = json!({ "principal": "bob", "role": "approver", "ttl_seconds": 600 });
    let made = bench.post(&alice, "/v1/tokens", &wanted).await;
    let made = made.json()["token"].as_str().unwrap().to_owned();
    let puppet = json!({ "name": "puppet", "kind": "user", "groups": ["approvers"] });
    bench.post(&alice, "/v1/principals", &puppet).await;
    let puppet = bench.token_of("puppet", "approver").await;
    let attempt = |who, token: &str| Attempt {
        who,
        token: token.to_owned(),
        request: request.clone(),
        why: "made_by_asker",
    };
    for attempt in [
        attempt("a token made for bob", &made),
        attempt("bob, for whom one was made", &bench.setup.bob_approver),
        attempt("a user whom she made", &puppet),
    ] {
        for way in WAYS {
            refused_on_record(&bench, way, &attempt, Answer::Approve).await;
        }
    }
    let chat = json!({
        "account": { "provider": "slack", "tenant": "T1", "subject": "U1" },
        "principal": "carol",
    });
    let linked = bench.post(&alice, "/v1/accounts", &chat).await;
    assert_eq!(linked.status, StatusCode::BAD_REQUEST, "{}", linked.text());
    let fine = bench.review(&carol, &request, Answer::Approve).await;
    assert_eq!(fine.request().status, ApprovalStatus::Approved);
    bench.verified().await;
}
