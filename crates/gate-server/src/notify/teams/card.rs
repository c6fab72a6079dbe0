//! A request as an Adaptive Card.
//!
//! A `TextBlock` reads Markdown out of its text and a `TextRun` does not, so
//! all text from outside stands in `TextRun`s.
//!
//! Source: Adaptive Cards 1.5; Teams, "Format cards" and "Universal Actions".

use serde_json::{Value, json};

use super::super::callback::button_value;
use super::super::notice::Notice;
use super::super::plain::Plain;

pub(super) const CONTENT_TYPE: &str = "application/vnd.microsoft.card.adaptive";

/// The longest summary, in characters: lists of notifications show it.
const SUMMARY_LIMIT: usize = 200;

fn run(text: &str) -> Value {
    json!({ "type": "TextRun", "text": text })
}

fn bold(text: &str) -> Value {
    json!({ "type": "TextRun", "text": text, "weight": "Bolder" })
}

fn block(inlines: Vec<Value>) -> Value {
    let inlines: Vec<Value> = inlines
        .into_iter()
        .filter(|run| run.get("text").is_none_or(|text| text != ""))
        .collect();
    json!({ "type": "RichTextBlock", "inlines": inlines })
}

fn line(name: &str, text: &Plain) -> Value {
    block(vec![bold(name), run(" "), run(text.as_str())])
}

fn card(body: &[Value], actions: &[Value]) -> Value {
    json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "body": body,
        "actions": actions,
    })
}

/// Returns a card that only says something of our own, each line by itself.
pub(super) fn plain(text: &str) -> Value {
    let lines: Vec<Value> = text.lines().map(|line| block(vec![run(line)])).collect();
    card(&lines, &[])
}

/// Returns a card of our own that leads to a page.
pub(super) fn leading(text: &str, url: &str) -> Value {
    let open = json!({ "type": "Action.OpenUrl", "title": "Open the inbox", "url": url });
    card(&[block(vec![bold(text)])], &[open])
}

/// Returns the card of a request.
pub(super) fn of(notice: &Notice, has_buttons: bool) -> Value {
    card(&body(notice), &actions(notice, has_buttons))
}

/// Returns a card that says something of our own above all of the request, and takes no answer.
pub(super) fn saying(said: Option<&str>, notice: &Notice) -> Value {
    let said = said.map(|text| block(vec![bold(text)]));
    let blocks: Vec<Value> = said.into_iter().chain(body(notice)).collect();
    card(&blocks, &actions(notice, false))
}

fn body(notice: &Notice) -> Vec<Value> {
    let mut body = vec![
        block(vec![bold(&notice.standing)]),
        block(vec![
            bold(notice.asker.as_str()),
            run(" asks to run "),
            bold(notice.title.as_str()),
        ]),
        json!({
            "type": "RichTextBlock",
            "inlines": [{
                "type": "TextRun",
                "text": notice.command.as_str(),
                "fontType": "Monospace",
            }],
        }),
        block(vec![
            bold("Effect "),
            bold(notice.effect.as_str()),
            run(&format!(" ({})", notice.meaning)),
        ]),
    ];
    for target in &notice.target {
        let mark = if target.is_production {
            "  PRODUCTION"
        } else {
            ""
        };
        body.push(block(vec![
            bold("Target "),
            run(target.text.as_str()),
            bold(mark),
        ]));
    }
    let preview = notice.preview.iter();
    body.extend(preview.map(|text| line("Would do", text)));
    body.extend(notice.details.iter().map(|text| line("Runs", text)));
    body.push(line("Rule", &notice.rule));
    body.extend(notice.needs.iter().map(|text| line("Needs", text)));
    body.extend(notice.answers.iter().map(|text| line("Answer", text)));
    body.extend(
        notice
            .warnings
            .iter()
            .map(|text| block(vec![bold("Mind: "), run(text)])),
    );
    if let Some(reason) = &notice.reason {
        body.push(line("Unverified text from the requester:", reason));
    }
    body
}

fn execute(verb: &str, title: &str, style: &str, value: &str) -> Value {
    json!({
        "type": "Action.Execute",
        "verb": verb,
        "title": title,
        "style": style,
        "data": { "gate": value },
    })
}

fn actions(notice: &Notice, has_buttons: bool) -> Vec<Value> {
    let mut actions = Vec::new();
    let value = button_value(notice);
    if has_buttons && notice.is_whole {
        actions.push(execute("gate_approve", "Approve", "positive", &value));
    }
    if has_buttons {
        actions.push(json!({
            "type": "Action.ShowCard",
            "title": "Deny",
            "card": {
                "type": "AdaptiveCard",
                "body": [{
                    "type": "Input.Text",
                    "id": "gate_reason",
                    "label": "Reason, which whoever asked will read",
                    "isMultiline": true,
                    "maxLength": 500,
                }],
                "actions": [execute("gate_deny", "Deny", "destructive", &value)],
            },
        }));
    }
    let needs_page = notice.is_pending() && !(has_buttons && notice.is_whole);
    actions.push(json!({
        "type": "Action.OpenUrl",
        "title": if needs_page { "Open to answer" } else { "Open" },
        "url": notice.url,
    }));
    actions
}

/// Returns the card as a message of the bot.
pub(super) fn activity(summary: &str, card: &Value) -> Value {
    let mut summary = Plain::of_inert(summary);
    summary.keep(SUMMARY_LIMIT);
    json!({
        "type": "message",
        "summary": summary.as_str(),
        "attachments": [{ "contentType": CONTENT_TYPE, "content": card }],
    })
}
