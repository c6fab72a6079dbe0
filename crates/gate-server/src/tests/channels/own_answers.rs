//! THREATS 6A.3, the cells of the chats: whoever had a hand in a request has no say in it by a
//! button either, and each press is on the record as a review that was refused.

use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use serde_json::{Value, json};

use super::slack::submission as window;
use super::stage::{BOB as SLACK_BOB, SlackStage, Stage, TEAM, place, press, value_of};
use super::teams::{BOB, TENANT, TeamsStage};
use crate::store::accounts::{self, Account};
use crate::tests::bench::submission;

/// Who tries, at what, and the word for it in the record.
type Attempt = (&'static str, ApprovalRequest, &'static str);

/// Tells whether it is their own: who had a hand in it may deny it all the same; who asked may not.
fn has_asked((_, request, why): &Attempt) -> bool {
    request.requester.name != "demo-agent" && *why == "self_review"
}

/// Makes everybody that the catalogue names, and a request of each kind.
async fn attempts(stage: &Stage) -> Vec<Attempt> {
    let bench = &stage.bench;
    let setup = &bench.setup;
    bench.approver("alice-second", &["approvers"]).await;
    bench.one_person("alice-second", "alice").await;
    bench.approver("root", &["approvers"]).await;
    let root = bench.token_of("root", "admin").await;
    let made = json!({ "name": "made-bot", "kind": "agent", "owner": "bob" });
    bench.post(&root, "/v1/principals", &made).await;
    let of_made = bench.token_of("made-bot", "requester").await;
    let wanted = json!({ "principal": "bob", "role": "requester", "ttl_seconds": 600 });
    let minted = bench.post(&root, "/v1/tokens", &wanted).await.json();
    let minted = minted["token"].as_str().unwrap().to_owned();
    make_puppet_of_alice(stage).await;
    let ask = async |token: &str, word: &str| {
        let mut wanted = submission(word);
        "write".clone_into(&mut wanted.invocation.effect);
        wanted.digest = wanted.invocation.digest().unwrap();
        bench.submit(token, &wanted).await.request()
    };
    let of_agent = ask(&setup.agent, "of-agent").await;
    let of_alice = ask(&setup.alice_requester, "of-alice").await;
    let of_made = ask(&of_made, "of-made").await;
    let of_minted = ask(&minted, "of-minted").await;
    stage.deliver().await;
    vec![
        ("alice", of_alice, "self_review"),
        ("alice", of_agent.clone(), "self_review"),
        ("alice-second", of_agent.clone(), "self_review"),
        ("root", of_made, "made_requester"),
        ("root", of_minted, "made_token"),
        ("puppet", of_agent, "made_by_asker"),
    ]
}

async fn make_puppet_of_alice(stage: &Stage) {
    let alice = stage.token_of("alice", "admin").await;
    let puppet = json!({ "name": "puppet", "kind": "user", "groups": ["approvers"] });
    stage.post(&alice, "/v1/principals", &puppet).await;
    let acting = json!({ "principal": "puppet", "role": "approver", "ttl_seconds": 600 });
    stage.post(&alice, "/v1/tokens", &acting).await;
}

/// Makes an account of a chat another user's.
async fn relink(stage: &Stage, provider: &str, tenant: &str, subject: &str, name: &str) {
    let account = Account {
        provider,
        tenant,
        subject,
    };
    let mut change = stage.server.change().await.unwrap();
    accounts::unlink(change.connection(), account)
        .await
        .unwrap();
    change.commit().await.unwrap();
    stage.link(provider, tenant, subject, name).await;
}

async fn refused_on_record(stage: &Stage, channel: &str, attempt: &Attempt, rejected: usize) {
    let (who, request, why) = attempt;
    let mut records = stage.records().await;
    records.retain(|one| one.record_type().as_str() == "request.rejected_review");
    assert_eq!(records.len(), rejected, "{who} by {channel}: {why}");
    let body = records.last().unwrap().body().clone();
    assert_eq!(
        body["request"],
        request.id.to_string(),
        "{who} by {channel}"
    );
    assert_eq!(
        (&body["why"], &body["channel"]),
        (&json!(why), &json!(channel)),
        "{who}"
    );
    let path = format!("/v1/requests/{}", request.id);
    let stays = stage.get(&stage.setup.auditor, &path).await.request();
    assert_eq!(stays.status, ApprovalStatus::Pending, "{who} by {channel}");
    assert!(stays.reviews.is_empty());
}

#[tokio::test]
async fn nobody_who_had_a_hand_in_it_answers_by_a_button_in_slack() {
    let stage = SlackStage::new().await;
    let mut rejected = 0;
    for attempt in &Box::pin(attempts(&stage)).await {
        relink(&stage, "slack", TEAM, SLACK_BOB, attempt.0).await;
        let ts = place(&stage, "chat", &attempt.1).await;
        let pressed = press(SLACK_BOB, "gate_approve", &value_of(&attempt.1), &ts);
        stage.call_back(&pressed).await;
        rejected += 1;
        refused_on_record(&stage, "slack", attempt, rejected).await;
        if !has_asked(attempt) {
            continue;
        }
        // A denial is a window of its own, which ends at the same place.
        let pressed = press(SLACK_BOB, "gate_deny", &value_of(&attempt.1), &ts);
        stage.call_back(&pressed).await;
        let opened = stage.slack.take_of("/views.open");
        let view = opened[0].json()["view"].clone();
        let denied = window(SLACK_BOB, &view, "not mine");
        stage.call_back(&denied).await;
        rejected += 1;
        refused_on_record(&stage, "slack", attempt, rejected).await;
    }
    assert_eq!(rejected, 7, "nobody had asked for it themselves");
    stage.verified().await;
}

#[tokio::test]
async fn nobody_who_had_a_hand_in_it_answers_by_a_button_in_teams() {
    let many = |claims: Value| {
        let token = |back: i64| {
            let mut claims = claims.clone();
            claims["nbf"] = json!(claims["nbf"].as_i64().unwrap() - back);
            json!({ "claims": claims })
        };
        (0..12).map(token).collect()
    };
    let stage = TeamsStage::new(many).await;
    let mut rejected = 0;
    for attempt in &Box::pin(attempts(&stage)).await {
        relink(&stage, "teams", TENANT, BOB, attempt.0).await;
        let message = place(&stage, "chat", &attempt.1).await;
        let verbs: &[&str] = if has_asked(attempt) {
            &["gate_approve", "gate_deny"]
        } else {
            &["gate_approve"]
        };
        for verb in verbs {
            let mut pressed = stage.press(verb, &value_of(&attempt.1));
            pressed["replyToId"] = json!(message);
            let conversation = pressed["conversation"]["id"].as_str().unwrap();
            let (place, _) = conversation.split_once(';').unwrap();
            pressed["conversation"]["id"] = json!(format!("{place};messageid={message}"));
            stage.act(&stage.tokens[rejected], &pressed).await;
            rejected += 1;
            refused_on_record(&stage, "teams", attempt, rejected).await;
        }
    }
    stage.verified().await;
}
