//! Audit records as a table.

use gate_protocol::inert::inert;
use gate_protocol::log::AuditRecord;
use serde_json::Value;

use crate::show::clock;
use crate::show::screen::{Screen, Tone};
use crate::show::table::Table;

/// What a reader looks for first in a record, in this order; the rest follows
/// by name.
const FIRST: &[&str] = &[
    "request",
    "principal",
    "requester",
    "reviewer",
    "answer",
    "status",
    "tool",
    "effect",
    "shown",
    "outcome",
];

/// Returns the request that a record is about.
pub(crate) fn request_of(record: &AuditRecord) -> Option<&str> {
    record.body().get("request").and_then(Value::as_str)
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
    for record in records {
        let name = record.record_type().as_str();
        let cells = vec![
            record.seq().to_string(),
            clock::local(screen, record.at()),
            inert(name).into_owned(),
            words(record),
        ];
        table.row(tone(name), cells);
    }
    table.finish()
}

fn tone(name: &str) -> Tone {
    match name {
        "run.unknown" | "client.gap" | "client.epoch_reset" | "request.rejected_review" => {
            Tone::Alarm
        }
        _ => Tone::Plain,
    }
}

/// Returns the body as `name=value`, inert and whole.
fn words(record: &AuditRecord) -> String {
    let body = record.body();
    let first = FIRST.iter().filter_map(|name| body.get_key_value(*name));
    let rest = body
        .iter()
        .filter(|(name, _)| !FIRST.contains(&name.as_str()));
    let pairs: Vec<String> = first
        .chain(rest)
        .map(|(name, value)| format!("{}={}", inert(name), value_words(value)))
        .collect();
    pairs.join(" ")
}

fn value_words(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() || text.contains([' ', '"', '\'']) => {
            format!("\"{}\"", inert(text))
        }
        Value::String(text) => inert(text).into_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            inert(&value.to_string()).into_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use gate_protocol::canonical::Digest;
    use gate_protocol::log::RecordType;

    use super::*;

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
             7       2026-11-22 17:00:00 +00:00  run.finished  request=0199 outcome={\"exit_code\":0} \
             comment=\"do it\\u{1b}[2J\" digest=e3b0\n"
        );
        assert_eq!(table(&screen, &[record], false).lines().count(), 1);
    }
}
