//! A request as blocks of Slack.
//!
//! All text from outside stands in `rich_text`, whose text is shown as it is:
//! no markup, no mention, no emoji is read out of it. What is left to `text`,
//! which a list of notifications shows, is escaped.
//!
//! Source: Slack's "Block Kit" and "Formatting text for app surfaces".

use serde_json::{Value, json};

use super::super::callback::button_value;
use super::super::notice::Notice;
use super::super::plain::Plain;
use super::super::with;

/// The longest `text` beside the blocks, in characters.
const TEXT_LIMIT: usize = 300;

/// Escapes what `text` could read as markup. Source: as above, "Escaping text".
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn words(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn bold(text: &str) -> Value {
    json!({ "type": "text", "text": text, "style": { "bold": true } })
}

fn section(elements: Vec<Value>) -> Value {
    // An empty text is refused by Slack.
    let elements: Vec<Value> = elements
        .into_iter()
        .filter(|element| element.get("text").is_none_or(|text| text != ""))
        .collect();
    json!({ "type": "rich_text_section", "elements": elements })
}

fn line(name: &str, text: &Plain) -> Value {
    section(vec![bold(name), words(" "), words(text.as_str())])
}

/// Returns a message: its `text` and its blocks, not yet where it stands.
pub(super) fn of(notice: &Notice, has_buttons: bool) -> Value {
    let mut headline = Plain::of_inert(&notice.headline());
    headline.keep(TEXT_LIMIT);
    let mut blocks = vec![question(notice), facts(notice)];
    if let Some(reason) = &notice.reason {
        blocks.push(rich(&[
            section(vec![bold("Unverified text from the requester:")]),
            json!({ "type": "rich_text_quote", "elements": [words(reason.as_str())] }),
        ]));
    }
    blocks.push(actions(notice, has_buttons));
    json!({ "text": escaped(headline.as_str()), "blocks": blocks })
}

fn rich(elements: &[Value]) -> Value {
    json!({ "type": "rich_text", "elements": elements })
}

/// Who asks for what, and the command.
fn question(notice: &Notice) -> Value {
    rich(&[
        section(vec![bold(&notice.standing)]),
        section(vec![
            bold(notice.asker.as_str()),
            words(" asks to run "),
            bold(notice.title.as_str()),
        ]),
        json!({
            "type": "rich_text_preformatted",
            "elements": [words(notice.command.as_str())],
        }),
    ])
}

fn facts(notice: &Notice) -> Value {
    let mut lines = vec![section(vec![
        bold("Effect"),
        words(" "),
        bold(notice.effect.as_str()),
        words(&format!(" ({})", notice.meaning)),
    ])];
    for target in &notice.target {
        let mark = if target.is_production {
            "  PRODUCTION"
        } else {
            ""
        };
        lines.push(section(vec![
            bold("Target"),
            words(" "),
            words(target.text.as_str()),
            bold(mark),
        ]));
    }
    let preview = notice.preview.iter();
    lines.extend(preview.map(|text| line("Would do", text)));
    lines.extend(notice.details.iter().map(|text| line("Runs", text)));
    lines.push(line("Rule", &notice.rule));
    lines.extend(notice.needs.iter().map(|text| line("Needs", text)));
    lines.extend(notice.answers.iter().map(|text| line("Answer", text)));
    lines.extend(
        notice
            .warnings
            .iter()
            .map(|text| section(vec![bold("Mind: "), words(text)])),
    );
    rich(&lines)
}

fn button(action: &str, label: &str) -> Value {
    json!({
        "type": "button",
        "action_id": action,
        "text": { "type": "plain_text", "text": label, "emoji": false },
    })
}

/// The buttons, and always the way to the page.
fn actions(notice: &Notice, has_buttons: bool) -> Value {
    let mut elements = Vec::new();
    let value = button_value(notice);
    if has_buttons && notice.is_whole {
        let approve = button("gate_approve", "Approve");
        let approve = with(approve, "style", "primary");
        elements.push(with(approve, "value", value.clone()));
    }
    if has_buttons {
        let deny = with(button("gate_deny", "Deny"), "style", "danger");
        elements.push(with(deny, "value", value));
    }
    let label = if notice.is_pending() && !(has_buttons && notice.is_whole) {
        "Open to answer"
    } else {
        "Open"
    };
    let open = button("gate_open", label);
    elements.push(with(open, "url", notice.url.clone()));
    json!({ "type": "actions", "block_id": "gate", "elements": elements })
}

/// Returns a message of our own that leads to a page.
pub(super) fn counting(text: &str, url: &str) -> Value {
    let open = with(button("gate_open", "Open the inbox"), "url", url);
    json!({
        "text": escaped(text),
        "blocks": [
            rich(&[section(vec![bold(text)])]),
            { "type": "actions", "block_id": "gate", "elements": [open] },
        ],
    })
}

/// Returns a message for where it stands: a new one, or one that is there.
pub(super) fn at(body: &Value, conversation: &str, message: Option<&str>) -> Value {
    let placed = with(body.clone(), "channel", conversation);
    let quiet = ["unfurl_links", "unfurl_media", "link_names"]
        .into_iter()
        .fold(placed, |body, field| with(body, field, false));
    let body = with(quiet, "parse", "none");
    match message {
        Some(ts) => with(body, "ts", ts),
        None => body,
    }
}

/// Returns an answer in the thread of a message.
pub(super) fn in_thread(conversation: &str, message: &str, text: &str) -> Value {
    let lines: Vec<Value> = text
        .lines()
        .map(|line| section(vec![words(line)]))
        .collect();
    let body = at(
        &json!({ "text": escaped(text), "blocks": [rich(&lines)] }),
        conversation,
        None,
    );
    with(body, "thread_ts", message)
}

/// Returns what one person alone sees, with a button to link their account.
pub(super) fn for_one(conversation: &str, user: &str, text: &str, may_link: bool) -> Value {
    let mut blocks = vec![rich(&[section(vec![words(text)])])];
    if may_link {
        blocks.push(json!({
            "type": "actions",
            "block_id": "gate_link",
            "elements": [button("gate_link", "Type in the code")],
        }));
    }
    json!({
        "channel": conversation,
        "user": user,
        "text": escaped(text),
        "blocks": blocks,
    })
}

fn input(label: &str, hint: &str, is_optional: bool) -> Value {
    json!({
        "type": "input",
        "block_id": "gate_input",
        "optional": is_optional,
        "label": { "type": "plain_text", "text": label, "emoji": false },
        "hint": { "type": "plain_text", "text": hint, "emoji": false },
        "element": {
            "type": "plain_text_input",
            "action_id": "gate_input",
            "max_length": 500,
            "multiline": is_optional,
        },
    })
}

fn modal(callback: &str, title: &str, submit: &str, blocks: &[Value]) -> Value {
    let plain = |text: &str| json!({ "type": "plain_text", "text": text, "emoji": false });
    json!({
        "type": "modal",
        "callback_id": callback,
        "title": plain(title),
        "submit": plain(submit),
        "close": plain("Cancel"),
        "blocks": blocks,
    })
}

/// Returns the window that asks why it is denied. What it answers travels with it.
pub(super) fn deny_modal(trigger: &str, private: &str) -> Value {
    let reason = input("Reason", "Whoever asked will read it.", true);
    let view = modal("gate_deny", "Deny the request", "Deny", &[reason]);
    let view = with(view, "private_metadata", private);
    json!({ "trigger_id": trigger, "view": view })
}

/// Returns the window that takes the code of the page.
pub(super) fn link_modal(trigger: &str) -> Value {
    let code = input(
        "Code",
        "From gate's page, where you are signed in. Type only a code that you got there yourself.",
        false,
    );
    let view = modal("gate_link", "Link your account", "Link", &[code]);
    json!({ "trigger_id": trigger, "view": view })
}
