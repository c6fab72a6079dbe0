//! A second group joins: its own channel hears of the request then, and those that know of it already
//! say so where people look.

use axum::http::Method;
use gate_protocol::id::Nonce;
use gate_protocol::review::Answer;
use serde_json::{Value, json};

use super::mail::{self, MailServer};
use super::peer::{self, Call, Peer};
use super::slack_judges::BLOCKS;
use super::stage::{CONVERSATION, SlackStage, Stage, judged, place};
use super::teams::{SCHEMA, TeamsStage, card, rendered};
use super::webhooks::hook_and_flow;

const JOINED: &str = "It has waited so long that group:leads may answer too.";
const NEEDS: &str = "0 of 1 from user:bob or, since it has waited so long, group:leads";

fn posts(calls: &[Call]) -> Vec<Value> {
    let posts = calls
        .iter()
        .filter(|call| call.path.ends_with("/chat.postMessage"));
    posts.map(Call::json).collect()
}

#[tokio::test]
async fn in_slack_a_second_group_hears_of_it_when_it_joins_and_the_thread_of_the_first_says_so() {
    let stage = SlackStage::new().await;
    stage.add_for("chat", "leads", "group:leads");
    let request = stage.asks_bob_and_then_the_leads("web").await;
    stage.deliver().await;
    let asked = posts(&stage.slack.take());
    assert_eq!(asked.len(), 1, "nobody has joined yet");
    assert_eq!(asked[0]["channel"], CONVERSATION);
    let ts = place(&stage, "chat", &request).await;
    stage.pass_a_minute().await;
    stage.deliver().await;
    let calls = stage.slack.take();
    let said = posts(&calls);
    assert_eq!(said.len(), 2, "{said:?}");
    let thread = said.iter().find(|post| post["channel"] == CONVERSATION);
    let thread = thread.unwrap();
    assert_eq!(
        (&thread["thread_ts"], &thread["reply_broadcast"]),
        (&json!(ts), &json!(true))
    );
    assert!(thread["blocks"].to_string().contains(JOINED), "{thread}");
    let new = said.iter().find(|post| post["channel"] == "C2").unwrap();
    assert!(new.get("thread_ts").is_none(), "{new}");
    assert!(new["blocks"].to_string().contains(NEEDS), "{new}");
    let update = calls
        .iter()
        .find(|call| call.path.ends_with("/chat.update"));
    assert!(update.unwrap().json().to_string().contains(NEEDS));
    judged(BLOCKS, &json!(said));
    stage.pass_a_minute().await;
    stage.deliver().await;
    assert!(stage.slack.take().is_empty(), "once");
    // What comes of it is told to both.
    stage
        .review(&stage.setup.bob_approver, &request, Answer::Deny)
        .await;
    stage.deliver().await;
    assert_eq!(stage.slack.take_of("/chat.update").len(), 2);
}

#[tokio::test]
async fn whom_it_was_never_escalated_to_hears_nothing_of_what_came_of_it() {
    let stage = SlackStage::new().await;
    stage.add_for("chat", "leads", "group:leads");
    let request = stage.asks_bob_and_then_the_leads("web").await;
    stage
        .review(&stage.setup.bob_approver, &request, Answer::Approve)
        .await;
    stage.deliver().await;
    stage.slack.take();
    // It is run beyond the time at which others would have joined.
    stage
        .sql("UPDATE requests SET created_at = created_at - 61000")
        .await;
    stage.sql("UPDATE reviews SET at = at - 60000").await;
    let claimed = stage.claim(&request, Nonce::generate().unwrap()).await;
    assert_eq!(claimed.status, 200, "{}", claimed.text());
    stage.deliver().await;
    let calls = stage.slack.take();
    let elsewhere = calls.iter().filter(|call| call.json()["channel"] == "C2");
    assert_eq!(elsewhere.count(), 0, "{calls:?}");
}

#[tokio::test]
async fn in_teams_a_second_group_gets_a_card_when_it_joins_and_the_first_an_answer_below_its_own() {
    let stage = TeamsStage::good().await;
    stage.add_for("chat", "leads", "group:leads");
    stage.asks_bob_and_then_the_leads("web").await;
    stage.deliver().await;
    assert_eq!(stage.teams.take_of("/svc/v3/conversations").len(), 1);
    stage.pass_a_minute().await;
    stage.deliver().await;
    let calls = stage.teams.take();
    let of = |method: Method, end: &str| -> Vec<Value> {
        let found = calls
            .iter()
            .filter(|call| call.method == method && call.path.ends_with(end));
        found.map(Call::json).collect()
    };
    let below = of(Method::POST, "messageid=1/activities");
    assert_eq!(below.len(), 1, "{calls:?}");
    assert_eq!(below[0]["summary"], JOINED);
    assert!(card(&below[0]).to_string().contains(JOINED));
    let begun = of(Method::POST, "/svc/v3/conversations");
    assert_eq!(begun.len(), 1);
    assert_eq!(
        begun[0]["channelData"]["channel"]["id"],
        "19:second@thread.tacv2"
    );
    let new = card(&begun[0]["activity"]);
    assert!(new.to_string().contains(NEEDS), "{new}");
    let update = of(Method::PUT, "messageid=1/activities/1");
    assert!(card(&update[0]).to_string().contains(NEEDS));
    let cards = json!([card(&below[0]), new, card(&update[0])]);
    assert_eq!(judged(SCHEMA, &cards), "3\n");
    assert_eq!(rendered(&cards), "3\n");
    stage.deliver().await;
    assert!(stage.teams.take().is_empty(), "once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_mail_tells_each_group_that_others_may_answer_too() {
    let mut server = MailServer::start(&[]);
    let _stage = mail::denied_after_the_leads_joined(&server, "leads").await;
    let mut got: Vec<(String, String)> = Vec::new();
    for _ in 0..5 {
        let mail = server.next();
        let subject = mail["headers"]["subject"].as_str().unwrap();
        let word = subject.split(['[', ']', ':']).nth(2).unwrap().trim();
        let to = mail["to"][0].as_str().unwrap().to_owned();
        if word == "escalated" {
            let text = mail["text"].as_str().unwrap();
            assert!(text.starts_with(JOINED), "{text}");
            assert!(text.contains(NEEDS), "{text}");
        }
        got.push((to, word.to_owned()));
    }
    got.sort();
    let pairs = [
        ("ops@example.com", "denied"),
        ("ops@example.com", "escalated"),
        ("ops@example.com", "pending"),
        ("second@example.com", "denied"),
        ("second@example.com", "escalated"),
    ];
    assert_eq!(
        got,
        pairs.map(|(to, word)| (to.to_owned(), word.to_owned()))
    );
}

#[tokio::test]
async fn a_webhook_and_a_workflow_are_told_that_others_may_answer_too() {
    let peer = Peer::start(|_| peer::json(200, &json!({}))).await;
    let stage = Stage::with(|dir| hook_and_flow(dir, &peer), |_| {}).await;
    stage.add_for("hook", "leads", "group:leads");
    stage.asks_bob_and_then_the_leads("web").await;
    stage.deliver().await;
    stage.pass_a_minute().await;
    stage.deliver().await;
    let calls = peer.take();
    let told = |path: &str| -> Vec<Value> {
        let found = calls.iter().filter(|call| call.path == path);
        found.map(|call| call.json()["type"].clone()).collect()
    };
    let mut first = told("/hook");
    first.sort_by_key(Value::to_string);
    assert_eq!(
        first,
        ["request.escalated", "request.pending", "request.pending"]
    );
    let mut second = told("/hook/second");
    second.sort_by_key(Value::to_string);
    assert_eq!(second, ["request.escalated", "request.pending"]);
    let cards: Vec<Value> = calls
        .iter()
        .filter(|call| call.path == "/flow")
        .map(|call| card(&call.json()).clone())
        .collect();
    assert_eq!(cards.len(), 2, "the question, and that others joined");
    assert!(cards[1]["body"][0].to_string().contains(JOINED));
    assert_eq!(judged(SCHEMA, &json!(cards)), "2\n");
}
