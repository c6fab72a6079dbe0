//! People are reminded of what still waits, where they look: once for each reminder.

use axum::http::Method;
use gate_protocol::channel::ChannelSettings;
use gate_protocol::request::ApprovalRequest;
use gate_protocol::review::Answer;
use serde_json::{Value, json};

use super::mail::{self, MailServer};
use super::peer::{self, Call, Peer};
use super::slack_judges::BLOCKS;
use super::stage::{SlackStage, Stage, channel, judged, place, slack_answer};
use super::teams::{SCHEMA, TeamsStage, card, rendered};
use super::webhooks::hook_and_flow;
use crate::tests::bench::submission;

const SAID: &str = "A reminder: it still waits for an answer.";

/// Asks for what people are reminded of each minute.
async fn asks(stage: &Stage, word: &str) -> ApprovalRequest {
    let mut wanted = submission(word);
    wanted.terms.remind_seconds = Some(60);
    let agent = &stage.setup.agent;
    let request = stage.submit(agent, &wanted).await.request();
    stage.deliver().await;
    request
}

/// Has the next reminder come.
async fn reminded(stage: &Stage) {
    stage.pass_a_minute().await;
    stage.deliver().await;
}

fn fine(_: &Call) -> axum::http::Response<axum::body::Body> {
    peer::json(200, &json!({}))
}

#[tokio::test]
async fn in_slack_each_reminder_is_said_once_in_the_thread_until_somebody_answers() {
    let stage = SlackStage::new().await;
    let request = asks(&stage, "web").await;
    let ts = place(&stage, "chat", &request).await;
    stage.slack.take();
    for number in 1..=3 {
        reminded(&stage).await;
        stage.deliver().await;
        let calls = stage.slack.take();
        assert_eq!(calls.len(), 1, "{number}: {calls:?}");
        let said = calls[0].json();
        assert_eq!(
            (&said["thread_ts"], &said["reply_broadcast"]),
            (&json!(ts), &json!(true))
        );
        let blocks = said["blocks"].to_string();
        assert!(
            blocks.contains(SAID) && blocks.contains("Needs 0 of 1"),
            "{blocks}"
        );
        judged(BLOCKS, &json!([said]));
    }
    // One that is on its way when somebody answers would only mislead.
    stage.pass_a_minute().await;
    stage
        .review(&stage.setup.bob_approver, &request, Answer::Deny)
        .await;
    stage.deliver().await;
    let calls = stage.slack.take();
    assert!(
        calls
            .iter()
            .all(|call| !call.json().to_string().contains(SAID)),
        "{calls:?}"
    );
    reminded(&stage).await;
    assert!(stage.slack.take().is_empty());
}

#[tokio::test]
async fn a_reminder_is_repaired_like_any_delivery_and_one_without_a_message_brings_it() {
    let stage = SlackStage::new().await;
    let request = asks(&stage, "web").await;
    let ts = place(&stage, "chat", &request).await;
    // Slack is down, then the server is gone, and then both are back.
    stage.slack.answer(|_| peer::json(500, &json!({})));
    reminded(&stage).await;
    let SlackStage { stage, slack } = stage;
    let stage = stage.reopened().await;
    stage.server.take_up().await.unwrap();
    slack.take();
    slack.answer(slack_answer);
    stage.deliver_all("chat").await;
    let said = slack.take_of("/chat.postMessage");
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].json()["thread_ts"], ts);
    // A message that Slack refused is given up, and comes with the reminder.
    slack.answer(|_| peer::json(200, &json!({ "ok": false, "error": "channel_not_found" })));
    let second = asks(&stage, "second").await;
    slack.take();
    slack.answer(slack_answer);
    reminded(&stage).await;
    let posts = slack.take_of("/chat.postMessage");
    let (threads, new): (Vec<&Call>, Vec<&Call>) = posts
        .iter()
        .partition(|post| post.json().get("thread_ts").is_some());
    assert_eq!((threads.len(), new.len()), (1, 1), "{posts:?}");
    assert!(new[0].json().to_string().contains(&second.id.to_string()));
    reminded(&stage).await;
    let posts = slack.take_of("/chat.postMessage");
    assert_eq!(posts.len(), 2, "both have a thread now");
}

#[tokio::test]
async fn in_teams_a_reminder_stands_below_the_card() {
    let stage = TeamsStage::good().await;
    asks(&stage, "web").await;
    stage.teams.take();
    let mut cards = Vec::new();
    for _ in 0..2 {
        reminded(&stage).await;
        let calls = stage.teams.take();
        assert_eq!(calls.len(), 1, "{calls:?}");
        assert_eq!(calls[0].method, Method::POST);
        assert!(
            calls[0].path.ends_with("messageid=1/activities"),
            "{}",
            calls[0].path
        );
        let activity = calls[0].json();
        assert_eq!(activity["summary"], SAID);
        cards.push(card(&activity).clone());
    }
    let text = cards[0].to_string();
    assert!(
        text.contains(SAID) && text.contains("Needs 0 of 1"),
        "{text}"
    );
    let cards = json!(cards);
    assert_eq!(judged(SCHEMA, &cards), "2\n");
    assert_eq!(rendered(&cards), "2\n");
}

#[tokio::test]
async fn a_webhook_and_a_workflow_are_told_of_each_reminder() {
    let peer = Peer::start(fine).await;
    let stage = Stage::with(|dir| hook_and_flow(dir, &peer), |_| {}).await;
    asks(&stage, "web").await;
    peer.take();
    for _ in 0..2 {
        reminded(&stage).await;
        let calls = peer.take();
        assert_eq!(calls.len(), 2, "{calls:?}");
        let of = |path: &str| calls.iter().find(|call| call.path == path).unwrap().json();
        assert_eq!(of("/hook")["type"], "request.reminded");
        let flow = of("/flow");
        let first: &Value = &card(&flow)["body"][0];
        assert!(first.to_string().contains(SAID), "{first}");
        assert_eq!(judged(SCHEMA, &json!([card(&flow)])), "1\n");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_reminder_is_a_mail_until_somebody_answers() {
    let mut server = MailServer::start(&[]);
    let settings = ChannelSettings::Mail(mail::settings(server.port, None));
    let stage = Stage::with(|dir| vec![channel(dir, "mail", settings, &[])], |_| {}).await;
    let request = asks(&stage, "web").await;
    for _ in 0..2 {
        reminded(&stage).await;
    }
    stage.pass_a_minute().await;
    stage
        .review(&stage.setup.bob_approver, &request, Answer::Deny)
        .await;
    stage.deliver().await;
    let subject = |mail: &Value| mail["headers"]["subject"].as_str().unwrap().to_owned();
    assert_eq!(subject(&server.next()), "[gate] pending: kubectl delete");
    for _ in 0..2 {
        let mail = server.next();
        assert_eq!(subject(&mail), "[gate] reminded: kubectl delete");
        let text = mail["text"].as_str().unwrap();
        assert!(text.starts_with(SAID), "{text}");
    }
    assert_eq!(subject(&server.next()), "[gate] denied: kubectl delete");
}
