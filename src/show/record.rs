//! Audit records as a table.

use gate_protocol::inert::inert;
use gate_protocol::invocation::BoundInvocation;
use gate_protocol::log::{AuditRecord, RecordType};
use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::report;
use crate::show::clock;
use crate::show::screen::{Screen, Tone};
use crate::show::table::Table;

/// What a row says of a record of a type that this version knows, and where it stands in the
/// body, in this order: who and what came of it before the free text, which may be cut.
const SHOWN: &[(&str, &str)] = &[
    ("request", "/request"),
    ("requester", "/requester/name"),
    ("reviewer", "/reviewer"),
    ("principal", "/principal/name"),
    ("principal", "/principal"),
    ("name", "/name"),
    ("kind", "/principal/kind"),
    ("role", "/role"),
    ("token", "/token"),
    ("version", "/version"),
    ("by", "/by"),
    ("approved_by", "/approved_by"),
    ("answer", "/answer"),
    ("status", "/status"),
    ("was", "/was"),
    ("exit_code", "/outcome/exit_code"),
    ("signal", "/outcome/signal"),
    ("not_run", "/outcome/not_run"),
    ("decided", "/decided"),
    ("late", "/late"),
    ("inferred", "/inferred"),
    ("effect", "/invocation/effect"),
    ("effect", "/decided/effect"),
    ("rule", "/decided/rule"),
    ("why", "/why"),
    ("abandoned", "/abandoned"),
];

/// What stands after the command, as it may be cut.
const SAID: &[(&str, &str)] = &[
    ("comment", "/comment"),
    ("reason", "/reason"),
    ("expires_at", "/expires_at"),
];

/// Columns of a row where there is no screen whose width would say.
const ROW: usize = 200;

/// How many of the last digits of a request's id a screen shows; `--request` takes them.
const DIGITS: usize = 8;

/// Returns the request that a record is about.
pub(crate) fn request_of(record: &AuditRecord) -> Option<&str> {
    record.body().get("request").and_then(Value::as_str)
}

/// Returns what stands beside a record and was put in its place, by its place.
pub(crate) fn beside(record: &AuditRecord) -> Option<Value> {
    let body = Value::Object(record.body().clone());
    let places = body.pointer("/erasable/parts")?.as_array()?;
    let parts = places.iter().filter_map(|place| {
        let place = place.as_str()?;
        Some((place.to_owned(), body.pointer(place)?.clone()))
    });
    let parts: Map<String, Value> = parts.collect();
    (!parts.is_empty()).then_some(Value::Object(parts))
}

/// Returns records as a table; its headings only where `first` says that
/// nothing stands above it.
pub(crate) fn table(screen: &Screen, records: &[AuditRecord], first: bool) -> String {
    let headings: &[&str] = if first {
        &["RECORD", "TIME", "TYPE", "WHAT"]
    } else {
        &[]
    };
    let mut table = Table::new(screen, headings);
    table.cut_at_width_or(ROW);
    for record in records {
        let name = record.record_type().as_str();
        let cells = vec![
            record.seq().to_string(),
            clock::local(screen, record.at()),
            inert(name).into_owned(),
            words(screen, record),
        ];
        table.row(tone(name), cells);
    }
    table.finish()
}

/// Tells whether records of a type are what somebody should look at.
pub(crate) fn is_alarm(name: &str) -> bool {
    matches!(
        name,
        "run.unknown"
            | "client.gap"
            | "client.epoch_reset"
            | "server.epoch"
            | "request.rejected_review"
            | "decision.voided"
            | "break_glass.asked"
            | "break_glass.used"
    )
}

fn tone(name: &str) -> Tone {
    if is_alarm(name) {
        Tone::Alarm
    } else {
        Tone::Plain
    }
}

/// Returns what matters of the body as `name=value`, inert; all of it where the type is of another
/// version, or is one about a client's events, which hold nothing long.
fn words(screen: &Screen, record: &AuditRecord) -> String {
    let body = record.body();
    let record_type = record.record_type();
    let is_whole = matches!(record_type, RecordType::Unknown(_))
        || record_type.as_str().starts_with("client.")
        || matches!(record_type, RecordType::ServerEpoch);
    let pairs: Vec<String> = if is_whole {
        let all = body.iter();
        all.map(|(name, value)| pair(name, value)).collect()
    } else {
        let body = Value::Object(body.clone());
        let mut pairs = pairs(&body, SHOWN, screen);
        pairs.extend(command(&body).map(|command| format!("command={}", quoted(&command))));
        pairs.extend(self::pairs(&body, SAID, screen));
        pairs
    };
    pairs.join(" ")
}

/// Returns those of `fields` that are there and plain.
fn pairs(body: &Value, fields: &[(&str, &str)], screen: &Screen) -> Vec<String> {
    let found = fields.iter().filter_map(|(name, place)| {
        let value = body.pointer(place)?;
        let is_plain = !value.is_null() && !value.is_object();
        is_plain.then(|| match (*name, value) {
            ("request", Value::String(id)) if screen.width.is_some() => {
                pair(name, &Value::from(last_digits(id)))
            }
            _ => pair(name, value),
        })
    });
    found.collect()
}

/// Returns the end of an id, the part that differs between requests of one moment.
fn last_digits(id: &str) -> &str {
    let from = id.len().saturating_sub(DIGITS);
    id.get(from..).unwrap_or(id)
}

/// Returns the command as approvers were shown it, or as gate wrote it down where nobody was
/// asked; inert.
fn command(body: &Value) -> Option<String> {
    if let Some(shown) = body.pointer("/decided/shown").and_then(Value::as_str) {
        return Some(report::shown(shown));
    }
    let invocation = body.get("invocation")?;
    match BoundInvocation::deserialize(invocation) {
        Ok(invocation) => Some(invocation.shown_command()),
        // Of another version: what the record says of it is said as it is.
        Err(_) => Some(inert(&invocation.get("argv")?.to_string()).into_owned()),
    }
}

fn pair(name: &str, value: &Value) -> String {
    format!("{}={}", inert(name), value_words(value))
}

fn value_words(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() || text.contains([' ', '"', '\'', '=']) => {
            quoted(&inert(text))
        }
        Value::String(text) => inert(text).into_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            inert(&value.to_string()).into_owned()
        }
    }
}

/// Returns an inert text in quotes that it can't end by itself.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gate_protocol::canonical::Digest;

    #[test]
    fn a_record_is_a_line_that_names_its_request_first() {
        let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
        let body = serde_json::json!({
            "digest": "e3b0", "request": "0199", "comment": "do it\u{1b}[2J", "outcome": { "exit_code": 0 }
        });
        let at = "2026-11-22T17:00:00Z".parse().unwrap();
        let record =
            AuditRecord::new(7, Digest::ZERO, at, &RecordType::RunFinished, &body).unwrap();
        assert_eq!(request_of(&record), Some("0199"));
        let text = table(&screen, std::slice::from_ref(&record), true);
        assert_eq!(
            text,
            "RECORD  TIME                        TYPE          WHAT\n\
             7       2026-11-22 17:00:00 +00:00  run.finished  request=0199 exit_code=0 \
             comment=\"do it\\u{1b}[2J\"\n"
        );
        assert_eq!(table(&screen, &[record], false).lines().count(), 1);
    }

    #[test]
    fn a_text_of_a_record_can_not_pass_for_another_field() {
        let screen = Screen::for_test(Some(300), "2026-11-22T17:39:34Z");
        let body = serde_json::json!({
            "request": "0199a3c0-1111-7000-8000-0000deadbeef",
            "reviewer": "bob", "status": "denied", "comment": "no\" status=\"approved"
        });
        let at = "2026-11-22T17:00:00Z".parse().unwrap();
        let kind = RecordType::DecisionRecorded;
        let record = AuditRecord::new(7, Digest::ZERO, at, &kind, &body).unwrap();
        let text = table(&screen, &[record], false);
        assert!(
            text.ends_with(
                "request=deadbeef reviewer=bob status=denied \
                 comment=\"no\\\" status=\\\"approved\"\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_type_of_another_version_is_shown_whole() {
        let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
        let body = serde_json::json!({ "what": { "a": 1 } });
        let at = "2026-11-22T17:00:00Z".parse().unwrap();
        let record_type = "request.moved".parse().unwrap();
        let record = AuditRecord::new(7, Digest::ZERO, at, &record_type, &body).unwrap();
        let text = table(&screen, &[record], false);
        assert!(text.ends_with("what={\"a\":1}\n"), "{text}");
    }
}
