//! THREATS 2.6 on every surface of channels, row by row: what came from outside is shown as
//! what it is. The page, the terminal and real browsers play the same table.

use axum::body::Body;
use axum::http::Response;
use gate_protocol::channel::{ChannelSettings, TeamsWorkflowSettings, WebhookSettings};
use gate_protocol::masked::{MaskedSecret, MaskedText};
use gate_protocol::preview::Preview;
use gate_protocol::request::ApprovalRequest;
use gate_testkit::display::{REASON, Row, is_unseen, loads};
use serde_json::{Value, json};

use super::peer::{self, Call, Peer};
use super::stage::{SlackStage, Stage, button, channel};
use super::teams::TeamsStage;
use crate::tests::bench::submission;

/// How much of the table one message has room for, in characters of its command.
pub(super) const ROOM: usize = 1_500;
/// What is seen of a secret.
const MASK: &str = "\u{2039}secret 20 bytes, hmac 9f3a\u{203a}";

/// Returns every text in a message, in the order in which it stands there.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|one| texts(one, found)),
        Value::Object(fields) => fields.values().for_each(|one| texts(one, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn text_of(value: &Value) -> String {
    let mut found = Vec::new();
    texts(value, &mut found);
    found.join("\n")
}

fn fine(_: &Call) -> Response<Body> {
    peer::json(200, &json!({}))
}

/// Asks with the rows in every place that a requester can write to, and has it told.
pub(super) async fn told(stage: &Stage, load: &[Row]) -> ApprovalRequest {
    let words: Vec<_> = load
        .iter()
        .map(|row| String::from_utf8_lossy(&row.word).replace('\u{fffd}', "?"))
        .collect();
    let hostile = words.join(" ");
    let short = |limit| hostile.chars().take(limit).collect::<String>();
    let mut wanted = submission("x");
    wanted.invocation.effect = "write".to_owned();
    let rows = load.iter().map(|row| MaskedText::plain(&row.word));
    wanted.invocation.argv.extend(rows);
    let mut secret = MaskedText::plain(b"--token=");
    secret.push_secret(MaskedSecret {
        kind: "token".to_owned(),
        length_bytes: 20,
        commitment: "9f3a00112233445566778899aabbccdd".to_owned(),
    });
    wanted.invocation.argv.push(secret);
    wanted.invocation.target = [(hostile.clone(), hostile.clone())].into();
    wanted.invocation.cwd = MaskedText::plain(hostile.as_bytes());
    wanted.invocation.tool.name = short(60);
    wanted.invocation.preview = Some(Preview {
        source: "a plan".to_owned(),
        summary: short(200),
        text: String::new(),
        left_out: 0,
    });
    wanted.digest = wanted.invocation.digest().unwrap();
    wanted.circumstances.host = short(200);
    wanted.reason = Some(format!("{REASON} {}", short(400)));
    wanted.terms.reasons = vec![hostile.clone()];
    let asked = stage.submit(&stage.setup.agent, &wanted).await.request();
    stage.deliver().await;
    asked
}

/// Asks for what is harmless as far as a message reads.
pub(super) async fn told_at_length(stage: &Stage) -> ApprovalRequest {
    let word = format!("{}; rm -rf /", "a".repeat(20_000));
    let asked = stage.asks(&word).await;
    stage.deliver().await;
    asked
}

/// Looks at what a surface shows of [`told`].
pub(super) fn assert_shown(text: &str, load: &[Row], surface: &str) {
    for row in load {
        for part in &row.shown {
            assert!(text.contains(part), "{surface}: {row:?} is not in {text}");
        }
    }
    let unseen: Vec<char> = text.chars().filter(|c| is_unseen(*c)).collect();
    assert!(unseen.is_empty(), "{surface}: {unseen:?} in {text}");
    let masks = text.matches('\u{2039}').count();
    assert!(
        masks > 0 && masks == text.matches(MASK).count(),
        "{surface}: a mask is there, and none is forged: {text}"
    );
    let (facts, reason) = text
        .rsplit_once("Unverified text from the requester:")
        .unwrap_or_else(|| panic!("{surface}: {text}"));
    assert!(reason.contains(REASON), "{surface}: {reason}");
    assert!(
        !facts.contains(REASON) && facts.contains(MASK),
        "{surface}: what nobody checked stands behind the facts: {facts}"
    );
    assert!(facts.contains("as its gate read it, not verified"));
    let is_odd = load.iter().any(|row| row.sentence == "imitation");
    let warned = facts.contains("has letters of another alphabet");
    assert_eq!(warned, is_odd, "{surface}: {facts}");
}

#[tokio::test]
async fn in_slack_all_of_it_is_literal() {
    let stage = SlackStage::new().await;
    for load in loads(ROOM) {
        told(&stage, &load).await;
        let message = stage.slack.take_of("/chat.postMessage")[0].json();
        assert_shown(&text_of(&message["blocks"]), &load, "slack");
        assert!(!text_of(&message).chars().any(is_unseen), "{message}");
        // Only `text` is read for markup, and nothing in it opens any.
        let text = message["text"].as_str().unwrap();
        assert!(!text.contains('<') && !text.contains('>'), "{text}");
        for field in ["unfurl_links", "unfurl_media", "link_names"] {
            assert_eq!(message[field], false, "{field}");
        }
        assert_eq!(message["parse"], "none");
        for block in message["blocks"].as_array().unwrap() {
            let kind = block["type"].as_str().unwrap();
            assert!(matches!(kind, "rich_text" | "actions"), "{block}");
        }
        assert!(!message.to_string().contains("mrkdwn"));
    }
    told_at_length(&stage).await;
    let message = stage.slack.take_of("/chat.postMessage")[0].json();
    assert!(button(&message, "gate_approve").is_none(), "{message}");
    let text = text_of(&message);
    assert!(
        text.contains("more characters are not shown here"),
        "{text}"
    );
    assert!(text.contains("approved on its page only"), "{text}");
}

/// Looks at a card: all of it is in runs of text, which read no Markdown.
fn assert_runs(card: &Value) {
    for block in card["body"].as_array().unwrap() {
        assert_eq!(block["type"], "RichTextBlock", "{block}");
        for run in block["inlines"].as_array().unwrap() {
            assert_eq!(run["type"], "TextRun");
            assert!(run.get("selectAction").is_none());
        }
    }
}

#[tokio::test]
async fn in_teams_all_of_it_is_in_runs_that_read_no_markdown() {
    let stage = TeamsStage::good().await;
    let posted = || {
        let calls = stage.teams.take_of("/svc/v3/conversations");
        calls[0].json()["activity"].clone()
    };
    for load in loads(ROOM) {
        told(&stage, &load).await;
        let activity = posted();
        let card = &activity["attachments"][0]["content"];
        assert_runs(card);
        assert_shown(&text_of(&card["body"]), &load, "teams");
        assert!(!text_of(&activity).chars().any(is_unseen), "{activity}");
    }
    told_at_length(&stage).await;
    let activity = posted();
    let text = text_of(&activity);
    assert!(text.contains("gate_deny") && !text.contains("gate_approve"));
    assert!(
        text.contains("more characters are not shown here"),
        "{text}"
    );
    assert!(text.contains("approved on its page only"), "{text}");
}

#[tokio::test]
async fn in_a_workflow_of_teams_it_is_the_same_card() {
    let workflow = Peer::start(fine).await;
    let settings = ChannelSettings::TeamsWorkflow(TeamsWorkflowSettings {});
    let url = workflow.url();
    let stage = Stage::with(
        |dir| vec![channel(dir, "flow", settings, &[("url", &url)])],
        |_| {},
    )
    .await;
    for load in loads(ROOM) {
        told(&stage, &load).await;
        let message = workflow.take()[0].json();
        let card = &message["attachments"][0]["content"];
        assert_runs(card);
        assert_shown(&text_of(&card["body"]), &load, "workflow");
    }
}

#[tokio::test]
async fn a_webhook_carries_inert_text() {
    let hook = Peer::start(fine).await;
    let settings = ChannelSettings::Webhook(WebhookSettings { url: hook.url() });
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let stage = Stage::with(
        |dir| {
            vec![channel(
                dir,
                "hook",
                settings,
                &[("signing_secret", secret)],
            )]
        },
        |_| {},
    )
    .await;
    for load in loads(ROOM) {
        told(&stage, &load).await;
        let body = hook.take()[0].json();
        let text = text_of(&body);
        assert!(!text.chars().any(is_unseen), "{body}");
        for part in load.iter().flat_map(|row| &row.shown) {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let reason = body["data"]["request"]["unverified_reason"].as_str();
        assert!(reason.is_some_and(|reason| reason.starts_with(REASON)));
    }
    told_at_length(&stage).await;
    assert_eq!(hook.take()[0].json()["data"]["request"]["is_whole"], false);
}
