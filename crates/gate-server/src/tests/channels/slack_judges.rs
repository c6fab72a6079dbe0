//! Slack's own libraries on what gate sends and takes.

use serde_json::{Value, json};

use super::peer::Call;
use super::stage::{SIGNING_SECRET, SlackStage, button, form, judged, press, signature, value_of};
use crate::tests::channels::stage::{BOB, place};

/// Blocks and their elements by the models of `slack_sdk`, which know what
/// Slack refuses.
pub(super) const BLOCKS: &str = r#"
import json, sys
from slack_sdk.models.blocks import Block, BlockElement
def look(found, at):
    if isinstance(found, list):
        for number, one in enumerate(found): look(one, f"{at}[{number}]")
    elif isinstance(found, dict):
        for key, one in found.items(): look(one, f"{at}.{key}")
        if "action_id" in found:
            element = BlockElement.parse(dict(found))
            assert element is not None, (at, found)
            element.validate_json()
            assert set(element.to_dict()) == set(found), (at, element.to_dict(), found)
count = 0
for message in json.load(sys.stdin):
    blocks = message["blocks"]
    assert 1 <= len(blocks) <= 50, len(blocks)
    assert message.get("text"), "a message without text"
    for block in blocks:
        parsed = Block.parse(json.loads(json.dumps(block)))
        assert parsed is not None and type(parsed).__name__ != "Block", block
        parsed.validate_json()
        assert parsed.to_dict()["type"] == block["type"]
        look(block, block["type"])
        count += 1
print(count)
"#;

#[tokio::test]
async fn every_message_is_one_that_slack_takes() {
    let stage = SlackStage::new().await;
    let mut messages = Vec::new();
    let (request, message) = stage.posted("web").await;
    messages.push(message);
    let (_, long) = stage.posted(&"x\u{202e}<!channel>".repeat(2_000)).await;
    messages.push(long);
    let ts = place(&stage, "chat", &request).await;
    stage
        .call_back(&press("UNEW", "gate_approve", &value_of(&request), &ts))
        .await;
    messages.extend(
        stage
            .slack
            .take_of("/chat.postEphemeral")
            .iter()
            .map(Call::json),
    );
    stage
        .call_back(&press(BOB, "gate_approve", &value_of(&request), &ts))
        .await;
    stage.deliver().await;
    let told = stage.slack.take();
    let told = told.iter().filter(|call| call.path.contains("/chat."));
    messages.extend(told.map(Call::json));
    assert!(messages.len() >= 5, "{}", messages.len());
    assert!(
        judged(BLOCKS, &json!(messages))
            .trim()
            .parse::<u32>()
            .unwrap()
            > 10
    );
}

#[tokio::test]
async fn a_window_is_one_that_slack_takes() {
    let stage = SlackStage::new().await;
    let (request, _) = stage.posted("web").await;
    let ts = place(&stage, "chat", &request).await;
    for action in ["gate_deny", "gate_link"] {
        stage
            .call_back(&press(BOB, action, &value_of(&request), &ts))
            .await;
    }
    let views: Vec<Value> = stage
        .slack
        .take_of("/views.open")
        .iter()
        .map(|call| call.json()["view"].clone())
        .collect();
    assert_eq!(views.len(), 2);
    let script = r"
import json, sys
from slack_sdk.models.views import View
for view in json.load(sys.stdin):
    parsed = View(**view)
    parsed.validate_json()
    assert len(view['title']['text']) <= 24
    assert len(view['private_metadata'] if 'private_metadata' in view else '') <= 3000
    print(parsed.to_dict()['callback_id'])
";
    assert_eq!(judged(script, &json!(views)), "gate_deny\ngate_link\n");
}

#[tokio::test]
async fn slacks_own_signatures_are_taken_and_ours_for_the_tests_are_the_same() {
    let stage = SlackStage::new().await;
    let (request, message) = stage.posted("web").await;
    assert!(button(&message, "gate_approve").is_some());
    let ts = place(&stage, "chat", &request).await;
    let body = form(&press(BOB, "gate_approve", &value_of(&request), &ts));
    let now = crate::clock::now().as_second();
    let script = r"
import json, sys
from slack_sdk.signature import SignatureVerifier
given = json.load(sys.stdin)
verifier = SignatureVerifier(given['secret'])
print(verifier.generate_signature(timestamp=str(given['now']), body=given['body']))
";
    let given = json!({ "secret": SIGNING_SECRET, "now": now, "body": body });
    let official = judged(script, &given).trim().to_owned();
    assert_eq!(official, signature(SIGNING_SECRET, now, &body));
    let answered = stage.call_back_with(&body, now, &official).await;
    assert_eq!(answered.status, 200);
    assert_eq!(stage.show(&request).await.reviews.len(), 1);
}
