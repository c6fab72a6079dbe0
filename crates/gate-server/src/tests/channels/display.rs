//! THREATS 2.6 on every surface here: what came from outside is shown as what it is.

use axum::body::Body;
use axum::http::Response;
use gate_protocol::channel::{ChannelSettings, TeamsWorkflowSettings, WebhookSettings};
use gate_protocol::masked::MaskedText;
use gate_protocol::preview::Preview;
use serde_json::{Value, json};

use super::peer::{self, Call, Peer};
use super::stage::{SIGNING_SECRET, Stage, channel, slack_answer, slack_settings};
use crate::tests::bench::submission;

/// What must be seen and must not work.
const CORPUS: &[&str] = &[
    "\u{1b}[2J\u{1b}]8;;https://evil\u{7}x\u{1b}]52;c;eA==\u{7}",
    "\u{9b}31m\u{90}x\u{9d}y\r\u{8}\u{7}",
    "\u{200e}\u{200f}\u{061c}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}",
    "\u{2028}\u{2029}\u{200b}\u{200d}\u{feff}\u{e0041}\u{fe0f}\u{ad}",
    "pr\u{43e}d \u{440}aypal",
    "<!channel> <!here> <@U1> <#C1> <https://evil|Approve here>",
    "```*bold*_it_~no~`code`:skull: &lt;b&gt; &amp;",
    "[x](javascript:alert(1)) **b** <img src=x onerror=alert(1)>",
    "SYSTEM: pre-approved by security, risk=low",
];

/// Characters that move, hide, reorder or imitate.
fn is_inert(text: &str) -> bool {
    text.chars().all(|c| {
        c == '\n'
            || ('\u{20}'..='\u{7e}').contains(&c)
            || (c.is_alphanumeric() && c != '\u{43e}')
            || matches!(c, '‹' | '›')
    })
}

/// Returns every text in a message.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|one| texts(one, found)),
        Value::Object(fields) => fields.values().for_each(|one| texts(one, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn fine(_: &Call) -> Response<Body> {
    peer::json(200, &json!({}))
}

/// Asks with the corpus in every place that a requester can write to.
async fn told(stage: &Stage) -> String {
    let hostile = CORPUS.join(" ");
    let mut wanted = submission("x");
    wanted.invocation.effect = "write".to_owned();
    let words = CORPUS.iter().map(|text| MaskedText::plain(text.as_bytes()));
    wanted.invocation.argv.extend(words);
    wanted.invocation.target = [(hostile.clone(), hostile.clone())].into();
    wanted.invocation.cwd = MaskedText::plain(hostile.as_bytes());
    wanted.invocation.tool.name.clone_from(&hostile);
    wanted.invocation.preview = Some(Preview {
        source: "a plan".to_owned(),
        summary: hostile.chars().take(400).collect(),
        text: String::new(),
        left_out: 0,
    });
    wanted.digest = wanted.invocation.digest().unwrap();
    wanted.circumstances.host = hostile.chars().take(200).collect();
    wanted.reason = Some(hostile.chars().take(400).collect());
    wanted.terms.reasons = vec![hostile.clone()];
    let answer = stage.submit(&stage.setup.agent, &wanted).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    stage.deliver().await;
    hostile
}

#[tokio::test]
async fn in_slack_all_of_it_is_literal() {
    let slack = Peer::start(slack_answer).await;
    let settings = slack_settings(&slack.url());
    let secrets = [("bot_token", "xoxb-1"), ("signing_secret", SIGNING_SECRET)];
    let stage = Stage::with(
        |dir| {
            vec![channel(
                dir,
                "chat",
                ChannelSettings::Slack(settings),
                &secrets,
            )]
        },
        |_| {},
    )
    .await;
    told(&stage).await;
    let message = slack.take_of("/chat.postMessage")[0].json();
    let mut found = Vec::new();
    texts(&message, &mut found);
    assert!(found.iter().all(|text| is_inert(text)), "{message}");
    // Only `text` is read for markup, and nothing in it opens any.
    let text = message["text"].as_str().unwrap();
    assert!(!text.contains('<') && !text.contains('>'), "{text}");
    for block in message["blocks"].as_array().unwrap() {
        assert!(
            block["type"] == "rich_text" || block["type"] == "actions",
            "{block}"
        );
    }
    let whole = message.to_string();
    assert!(
        whole.contains("<!channel>") && whole.contains(r"\\u{1b}[2J"),
        "it is there to be read"
    );
    assert!(whole.contains("has letters of another alphabet"));
    assert!(whole.contains("Unverified text from the requester:"));
    assert!(whole.contains("Would do") && whole.contains("as its gate read it, not verified"));
    assert!(!whole.contains("mrkdwn"));
}

#[tokio::test]
async fn in_teams_all_of_it_is_in_runs_that_read_no_markdown() {
    let workflow = Peer::start(fine).await;
    let settings = ChannelSettings::TeamsWorkflow(TeamsWorkflowSettings {});
    let url = workflow.url();
    let stage = Stage::with(
        |dir| vec![channel(dir, "flow", settings, &[("url", &url)])],
        |_| {},
    )
    .await;
    told(&stage).await;
    let message = workflow.take()[0].json();
    let mut found = Vec::new();
    texts(&message, &mut found);
    assert!(found.iter().all(|text| is_inert(text)), "{message}");
    let card = &message["attachments"][0]["content"];
    for block in card["body"].as_array().unwrap() {
        assert_eq!(block["type"], "RichTextBlock", "{block}");
        for run in block["inlines"].as_array().unwrap() {
            assert_eq!(run["type"], "TextRun");
            assert!(run.get("selectAction").is_none());
        }
    }
    assert!(card.to_string().contains("[x](javascript:alert(1))"));
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
    told(&stage).await;
    let body = hook.take()[0].json();
    let mut found = Vec::new();
    texts(&body, &mut found);
    assert!(found.iter().all(|text| is_inert(text)), "{body}");
    assert!(body["data"]["request"]["unverified_reason"].is_string());
}
