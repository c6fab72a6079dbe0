//! What is past the rules is said in every channel, before anything else.

use axum::http::StatusCode;
use gate_protocol::channel::ChannelSettings;
use gate_protocol::id::Nonce;
use gate_protocol::invocation::{BoundVariable, Treatment};
use gate_protocol::masked::{MaskedSecret, MaskedText, Segment};
use gate_protocol::request::{ApprovalRequest, ApprovalStatus, Requirement};
use gate_protocol::review::Answer;
use serde_json::{Value, json};

use super::mail::{self, MailServer};
use super::peer::{self, Call, Peer};
use super::slack_judges::BLOCKS;
use super::stage::{
    BOB, SlackStage, Stage, button, channel, judged, place, press, refusals, value_of,
};
use super::teams::{SCHEMA, TeamsStage, card};
use super::webhooks::hook_and_flow;
use crate::settings::Settings;
use crate::tests::bench::submission;

/// What is said of a request as break-glass, and of its use.
const PAST: &str = "past the people whom the rules name";
const USED: &str = "BREAK-GLASS was used, past the people whom the rules name. Somebody without a \
                    part in it has to review it.";

/// Lets bob break the glass.
fn for_bob(settings: &mut Settings) {
    let people = vec!["user:bob".to_owned()];
    settings.approving.break_glass = Some(Requirement::of(people, 1));
}

/// Asks past the people whom the rules name.
async fn breaks_the_glass(stage: &Stage) -> ApprovalRequest {
    let request = breaks_the_glass_for(stage, "web").await;
    stage.deliver().await;
    request
}

/// Asks so for this one, of which nobody is told yet.
async fn breaks_the_glass_for(stage: &Stage, word: &str) -> ApprovalRequest {
    let mut wanted = submission(word);
    wanted.invocation.effect = "write".to_owned();
    wanted.digest = wanted.invocation.digest().unwrap();
    wanted.break_glass = true;
    wanted.reason = Some("the site is down".to_owned());
    let asked = stage.submit(&stage.setup.agent, &wanted).await;
    assert_eq!(asked.status, StatusCode::CREATED, "{}", asked.text());
    asked.request()
}

/// Has bob approve it, and runs it.
async fn uses_it(stage: &Stage, request: &ApprovalRequest) {
    let bob = &stage.setup.bob_approver;
    stage.review(bob, request, Answer::Approve).await;
    let claimed = stage.claim(request, Nonce::generate().unwrap()).await;
    assert_eq!(claimed.status, StatusCode::OK, "{}", claimed.text());
    assert_eq!(stage.count("break_glass.used").await, 1);
    stage.deliver().await;
}

#[tokio::test]
async fn break_glass_is_loud_in_a_chat_and_is_not_answered_there() {
    let stage = SlackStage::of(|_| {}, for_bob).await;
    let request = breaks_the_glass(&stage).await;
    let message = stage.slack.take_of("/chat.postMessage")[0].json();
    assert!(
        message["text"]
            .as_str()
            .unwrap()
            .starts_with("BREAK-GLASS.")
    );
    let blocks = message["blocks"].to_string();
    assert!(blocks.contains(PAST), "{blocks}");
    assert!(button(&message, "gate_approve").is_none(), "{blocks}");
    let ts = place(&stage, "chat", &request).await;
    stage
        .call_back(&press(BOB, "gate_approve", &value_of(&request), &ts))
        .await;
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Pending);
    assert_eq!(stage.refusals().await, ["not_here"]);
    // Its use is said where everybody sees it, once.
    stage.slack.take();
    uses_it(&stage, &request).await;
    let posts = stage.slack.take_of("/chat.postMessage");
    let said: Vec<Value> = posts.iter().map(Call::json).collect();
    let loud: Vec<&Value> = said
        .iter()
        .filter(|post| post["reply_broadcast"] == true)
        .collect();
    assert_eq!(loud.len(), 1, "{said:?}");
    assert_eq!(loud[0]["thread_ts"], ts);
    let blocks = loud[0]["blocks"].to_string();
    assert!(
        blocks.contains(USED) && blocks.contains("bob approved by api"),
        "{blocks}"
    );
    judged(BLOCKS, &json!(said));
}

#[tokio::test]
async fn break_glass_is_loud_in_teams_and_is_not_answered_there() {
    let good = |claims| vec![json!({ "claims": claims })];
    let stage = TeamsStage::with(good, for_bob).await;
    let request = breaks_the_glass(&stage).await;
    let begun = stage.teams.take_of("/svc/v3/conversations")[0].json();
    let activity = &begun["activity"];
    let summary = activity["summary"].as_str().unwrap();
    assert!(summary.starts_with("BREAK-GLASS."), "{summary}");
    let shown = card(activity).to_string();
    assert!(
        shown.contains(PAST) && !shown.contains("gate_approve"),
        "{shown}"
    );
    let press = stage.press("gate_approve", &value_of(&request));
    stage.act(&stage.tokens[0], &press).await;
    assert_eq!(stage.show(&request).await.status, ApprovalStatus::Pending);
    assert_eq!(refusals(&stage.stage).await, ["not_here"]);
    stage.teams.take();
    uses_it(&stage, &request).await;
    let calls = stage.teams.take_of("messageid=1/activities");
    assert_eq!(calls.len(), 1, "{calls:?}");
    let said = calls[0].json();
    let text = card(&said).to_string();
    assert!(
        text.contains(USED) && text.contains("bob approved by api"),
        "{text}"
    );
    assert_eq!(judged(SCHEMA, &json!([card(activity), card(&said)])), "2\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn break_glass_is_loud_in_mails_webhooks_and_workflows() {
    let mut server = MailServer::start(&[]);
    let peer = Peer::start(|_| peer::json(200, &json!({}))).await;
    let stage = Stage::with(
        |dir| {
            let mail = ChannelSettings::Mail(mail::settings(server.port, None));
            let mut channels = hook_and_flow(dir, &peer);
            channels.push(channel(dir, "mail", mail, &[]));
            channels
        },
        for_bob,
    )
    .await;
    let request = breaks_the_glass(&stage).await;
    uses_it(&stage, &request).await;
    for (subject, parts) in [
        ("BREAK-GLASS", ["BREAK-GLASS. Waits", PAST]),
        ("BREAK-GLASS used", [USED, "Answer: bob approved by api"]),
    ] {
        let mail = server.next();
        let expected = format!("[gate] {subject}: kubectl delete");
        assert_eq!(mail["headers"]["subject"], expected);
        let text = mail["text"].as_str().unwrap();
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let calls = peer.take();
    let of = |path: &str| -> Vec<Value> {
        let found = calls.iter().filter(|call| call.path == path);
        found.map(Call::json).collect()
    };
    let bodies = of("/hook");
    for word in ["break_glass", "break_glass_used"] {
        let kind = json!(format!("request.{word}"));
        let body = bodies.iter().find(|body| body["type"] == kind).unwrap();
        let told = &body["data"]["request"];
        assert_eq!(told["is_break_glass"], true, "{body}");
        assert!(told["warnings"].to_string().contains(PAST), "{body}");
    }
    let cards = of("/flow");
    let first = |message: &Value| card(message)["body"][0].to_string();
    assert_eq!(cards.len(), 2, "{cards:?}");
    assert!(first(&cards[0]).contains("BREAK-GLASS. Waits"));
    assert!(first(&cards[1]).contains(USED));
}

#[tokio::test]
async fn whom_break_glass_goes_past_hears_of_it_though_their_channel_is_for_them_alone() {
    let stage = SlackStage::of(|_| {}, for_bob).await;
    stage.add_for("chat", "dba", "group:dba");
    let request = breaks_the_glass(&stage).await;
    let posts = stage.slack.take_of("/chat.postMessage");
    let there = posts.iter().filter(|post| post.json()["channel"] == "C2");
    assert_eq!(there.count(), 1, "{}", request.id);
    let mut wanted = submission("other");
    wanted.terms.requirements = vec![Requirement::of(vec!["user:bob".to_owned()], 1)];
    stage.submit(&stage.setup.agent, &wanted).await.request();
    stage.deliver().await;
    let posts = stage.slack.take_of("/chat.postMessage");
    let there = posts.iter().filter(|post| post.json()["channel"] == "C2");
    assert_eq!(
        (posts.len(), there.count()),
        (1, 0),
        "what is not, is not theirs"
    );
}

#[tokio::test]
async fn no_filter_of_a_channel_keeps_break_glass_from_it() {
    let stage = SlackStage::of(|_| {}, for_bob).await;
    stage.add_for("chat", "dba", "group:dba");
    let narrow = stage.server.channels.find("dba").unwrap();
    let mut spec = narrow.spec.clone();
    spec.filter.effects = vec!["secret".to_owned()];
    let other = ("namespace".to_owned(), "other".to_owned());
    spec.filter.target = [other].into();
    stage.change(&narrow, spec);
    let there = || {
        let posts = stage.slack.take_of("/chat.postMessage").into_iter();
        let posts = posts.map(|post| post.json());
        posts.filter(|post| post["channel"] == "C2").count()
    };
    stage.asks("calm").await;
    stage.deliver().await;
    assert_eq!(there(), 0);
    breaks_the_glass(&stage).await;
    assert_eq!(there(), 1);
}

#[tokio::test]
async fn what_runs_and_which_variables_it_reads_is_in_the_message() {
    let stage = SlackStage::new().await;
    let mut wanted = submission("web");
    wanted.invocation.effect = "write".to_owned();
    wanted.invocation.tool.path = MaskedText::plain(b"/home/agent/.evil/kubectl");
    wanted.invocation.environment = vec![BoundVariable {
        name: "TF_VAR_evil".to_owned(),
        treatment: Treatment::Bound,
        value: Some(MaskedText(vec![Segment::Secret(MaskedSecret {
            kind: "variable".to_owned(),
            length_bytes: 3,
            commitment: "0".repeat(32),
        })])),
        why: "the tool could read it".to_owned(),
    }];
    wanted.digest = wanted.invocation.digest().unwrap();
    let asked = stage.submit(&stage.setup.agent, &wanted).await;
    assert_eq!(asked.status, StatusCode::CREATED, "{}", asked.text());
    stage.deliver().await;
    let message = stage.slack.take_of("/chat.postMessage")[0].json();
    let blocks = message["blocks"].to_string();
    assert!(blocks.contains("/home/agent/.evil/kubectl"), "{blocks}");
    assert!(blocks.contains("TF_VAR_evil"), "{blocks}");
    // So many that they do not fit are not approved here.
    let name = |number: usize| format!("A_VARIABLE_WITH_A_LONG_NAME_{number}");
    let one = wanted.invocation.environment[0].clone();
    wanted.invocation.environment = (0..40)
        .map(|number| BoundVariable {
            name: name(number),
            ..one.clone()
        })
        .collect();
    wanted.digest = wanted.invocation.digest().unwrap();
    stage.submit(&stage.setup.agent, &wanted).await;
    stage.deliver().await;
    let message = stage.slack.take_of("/chat.postMessage")[0].json();
    assert!(button(&message, "gate_approve").is_none(), "{message}");
}

#[tokio::test]
async fn a_flood_does_not_hide_break_glass() {
    let stage = SlackStage::of(|_| {}, for_bob).await;
    for number in 0..32 {
        stage.asks(&format!("flood-{number}")).await;
    }
    stage.deliver().await;
    stage.slack.take();
    let request = breaks_the_glass(&stage).await;
    let posts = stage.slack.take_of("/chat.postMessage");
    assert_eq!(posts.len(), 1, "{posts:?}");
    assert!(posts[0].json()["blocks"].to_string().contains(PAST));
    assert!(!place(&stage, "chat", &request).await.is_empty());
}

#[tokio::test]
async fn a_flood_is_one_message_that_counts_and_leads_to_the_inbox() {
    let stage = SlackStage::new().await;
    for number in 0..32 {
        stage.asks(&format!("flood-{number}")).await;
    }
    stage.deliver().await;
    let calls = stage.slack.take();
    let posted = |call: &&Call| call.path.ends_with("chat.postMessage");
    assert_eq!(
        calls.iter().filter(posted).count(),
        21,
        "20, and one for the rest"
    );
    let mut updates = calls
        .iter()
        .filter(|call| call.path.ends_with("chat.update"));
    let last = updates.next_back().unwrap().json();
    assert!(
        last["text"]
            .as_str()
            .unwrap()
            .starts_with("10 more requests")
    );
    let open = button(&last, "gate_open").unwrap();
    assert_eq!(open["url"], "http://127.0.0.1:1/");
    assert_eq!(stage.server.channel_named("chat").await.unwrap().waiting, 0);
}

/// Has so many ask past the rules that some have no message of their own, and returns the last one.
async fn many_break_the_glass(stage: &SlackStage) -> ApprovalRequest {
    let mut last = None;
    for number in 0..23 {
        last = Some(breaks_the_glass_for(stage, &format!("loud-{number}")).await);
    }
    stage.deliver().await;
    last.unwrap()
}

#[tokio::test]
async fn too_many_break_glasses_are_counted_by_themselves() {
    let stage = SlackStage::of(|_| {}, for_bob).await;
    many_break_the_glass(&stage).await;
    let posts = stage.slack.take_of("/chat.postMessage");
    let texts: Vec<String> = posts
        .iter()
        .map(|post| post.json()["text"].as_str().unwrap().to_owned())
        .collect();
    let is_own = |text: &&String| text.starts_with("BREAK-GLASS.");
    assert_eq!(texts.iter().filter(is_own).count(), 20, "{texts:?}");
    let counting = "1 more request for BREAK-GLASS came in";
    assert!(texts[20].starts_with(counting) && texts.len() == 21);
    // What keeps to the rules has as many messages of its own as ever.
    for number in 0..20 {
        stage.posted(&format!("calm-{number}")).await;
    }
    stage.asks("calm-20").await;
    stage.deliver().await;
    let posts = stage.slack.take_of("/chat.postMessage");
    let [post] = &posts[..] else {
        panic!("{posts:?}")
    };
    // And a count of its own.
    let text = post.json()["text"].clone();
    let counting = "1 more request came in";
    assert!(text.as_str().unwrap().starts_with(counting), "{text}");
}

#[tokio::test]
async fn the_use_of_a_break_glass_that_was_counted_has_a_message_of_its_own() {
    let stage = SlackStage::of(|_| {}, for_bob).await;
    let counted = many_break_the_glass(&stage).await;
    stage.slack.take();
    uses_it(&stage, &counted).await;
    let posts = stage.slack.take_of("/chat.postMessage");
    let is_own = |post: &&Call| post.json()["thread_ts"].is_null();
    let own: Vec<Value> = posts.iter().filter(is_own).map(Call::json).collect();
    let [message] = &own[..] else {
        panic!("{posts:?}")
    };
    let blocks = message["blocks"].to_string();
    assert!(
        blocks.contains("loud-22") && blocks.contains(PAST),
        "{blocks}"
    );
    let text = message["text"].as_str().unwrap();
    assert!(text.starts_with("BREAK-GLASS."), "{text}");
    assert!(!place(&stage, "chat", &counted).await.is_empty());
    judged(BLOCKS, &json!(own));
}
