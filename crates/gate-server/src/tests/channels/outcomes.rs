//! How a run ended is told wherever the question was.

use axum::http::{Method, StatusCode};
use gate_protocol::canonical::Digest;
use gate_protocol::channel::ChannelSettings;
use gate_protocol::event::{
    ClientEvent, EventBatch, Fact, RunAbandonedFact, RunFinishedFact, RunOutcome,
};
use gate_protocol::id::{ClientId, EpochId, Nonce};
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::Answer;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::mail::{self, MailServer};
use super::peer::{self, Call, Peer};
use super::stage::{SlackStage, Stage, channel, judged, place};
use super::teams::{SCHEMA, TeamsStage, card};
use super::webhooks::hook_and_flow;

/// How a run ended.
#[derive(Clone, Copy)]
enum End {
    Code(u8),
    Signal(u32),
    NotRun(&'static str),
}

const CODE: &str = "Approved; it exited with 3 after 0.005 s, as its client reported";
const SIGNAL: &str = "Approved; it was ended by signal 9 after 0.005 s, as its client reported";

/// Asks, has bob approve it, and reports that it was run and ended so.
async fn ran(stage: &Stage, word: &str, end: End) -> ApprovalRequest {
    let request = stage.asks(word).await;
    stage.deliver().await;
    let bob = &stage.setup.bob_approver;
    stage.review(bob, &request, Answer::Approve).await;
    stage.deliver().await;
    let claim_nonce = Nonce::generate().unwrap();
    let claimed = stage.claim(&request, claim_nonce).await;
    assert_eq!(claimed.status, StatusCode::OK, "{}", claimed.text());
    let outcome = |exit_code, signal| RunOutcome {
        exit_code,
        signal,
        not_run: None,
        duration_ms: 5,
        user_ms: 1,
        system_ms: 1,
        max_rss_bytes: 4096,
    };
    let finished = |outcome| {
        Fact::RunFinished(RunFinishedFact {
            request: request.id,
            claim_nonce,
            outcome,
        })
    };
    let fact = match end {
        End::Code(code) => finished(outcome(Some(code), None)),
        End::Signal(signal) => finished(outcome(None, Some(signal))),
        End::NotRun(why) => Fact::RunAbandoned(RunAbandonedFact {
            request: request.id,
            claim_nonce,
            why: why.to_owned(),
        }),
    };
    let batch = EventBatch {
        client: ClientId::generate(),
        epoch: EpochId::generate(),
        events: vec![ClientEvent {
            seq: 1,
            prev: Digest::ZERO,
            at: Timestamp::UNIX_EPOCH,
            fact,
        }],
    };
    let told = stage.post(&stage.setup.agent, "/v1/events", &batch).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text());
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Finished);
    stage.deliver().await;
    request
}

#[tokio::test]
async fn the_thread_and_the_message_in_slack_say_how_it_ended() {
    let stage = SlackStage::new().await;
    for (end, said) in [
        (End::Code(3), CODE),
        (End::Signal(9), SIGNAL),
        (
            End::NotRun("<!channel>\u{202e}"),
            r"Approved; it did not run: <!channel>\\u{202e}",
        ),
    ] {
        let request = ran(&stage, "web", end).await;
        let ts = place(&stage, "chat", &request).await;
        let calls = stage.slack.take();
        let last = |path: &str| {
            let mut found = calls.iter().filter(|call| call.path.ends_with(path));
            found.next_back().unwrap().json()
        };
        let thread = last("/chat.postMessage");
        assert_eq!(thread["thread_ts"], ts);
        assert!(thread["blocks"].to_string().contains(said), "{thread}");
        assert!(!thread["text"].as_str().unwrap().contains('<'), "{thread}");
        let update = last("/chat.update");
        assert!(update["blocks"].to_string().contains(said), "{update}");
    }
}

#[tokio::test]
async fn the_card_in_teams_says_how_it_ended() {
    let stage = TeamsStage::good().await;
    for (end, said) in [(End::Code(3), CODE), (End::Signal(9), SIGNAL)] {
        ran(&stage, "web", end).await;
        let calls = stage.teams.take();
        let mut updates = calls.iter().filter(|call| call.method == Method::PUT);
        let update = updates.next_back().unwrap().json();
        let card = card(&update);
        assert!(card["body"][0].to_string().contains(said), "{card}");
        assert_eq!(judged(SCHEMA, &json!([card])), "1\n");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_says_how_it_ended() {
    let mut server = MailServer::start(&[]);
    let settings = ChannelSettings::Mail(mail::settings(server.port, None));
    let stage = Stage::with(|dir| vec![channel(dir, "mail", settings, &[])], |_| {}).await;
    for (end, said) in [(End::Code(3), CODE), (End::Signal(9), SIGNAL)] {
        ran(&stage, "web", end).await;
        let mails: Vec<Value> = (0..3).map(|_| server.next()).collect();
        let subjects = mails.iter().map(|mail| mail["headers"]["subject"].clone());
        let expected = ["pending", "approved", "finished"]
            .map(|word| json!(format!("[gate] {word}: kubectl delete")));
        assert_eq!(subjects.collect::<Vec<Value>>(), expected);
        let text = mails[2]["text"].as_str().unwrap();
        assert!(text.starts_with(said), "{text}");
        assert!(text.contains("Answer: bob approved by api"), "{text}");
    }
}

#[tokio::test]
async fn a_webhook_and_a_workflow_say_how_it_ended() {
    let peer = Peer::start(|_: &Call| peer::json(200, &json!({}))).await;
    let stage = Stage::with(|dir| hook_and_flow(dir, &peer), |_| {}).await;
    let of = |exit_code: Value, signal: Value, not_run: Value, duration_ms: u64| {
        json!({
            "exit_code": exit_code, "signal": signal, "not_run": not_run,
            "duration_ms": duration_ms,
        })
    };
    for (end, outcome, said) in [
        (
            End::Code(3),
            of(json!(3), json!(null), json!(null), 5),
            CODE,
        ),
        (
            End::Signal(9),
            of(json!(null), json!(9), json!(null), 5),
            SIGNAL,
        ),
        (
            End::NotRun("gone\u{7}"),
            of(json!(null), json!(null), json!(r"gone\u{7}"), 0),
            "it did not run: gone",
        ),
    ] {
        ran(&stage, "web", end).await;
        let calls = peer.take();
        let bodies = calls.iter().filter(|call| call.path == "/hook");
        let bodies: Vec<Value> = bodies.map(Call::json).collect();
        let first = bodies.iter().find(|body| body["type"] == "request.pending");
        assert_eq!(first.unwrap()["data"]["request"]["outcome"], json!(null));
        let last = bodies
            .iter()
            .find(|body| body["type"] == "request.finished");
        assert_eq!(last.unwrap()["data"]["request"]["outcome"], outcome);
        let mut cards = calls.iter().filter(|call| call.path == "/flow");
        let last = cards.next_back().unwrap().json();
        assert!(card(&last)["body"][0].to_string().contains(said), "{last}");
    }
}
