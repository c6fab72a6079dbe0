//! Which records `gate audit log` shows.

use gate_protocol::id::RequestId;
use gate_protocol::log::AuditRecord;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::show::record;

/// What a record must be to be shown.
#[derive(Debug, clap::Args)]
pub(super) struct Wanted {
    /// Only records of this type, as `run.finished`, or of all that begin so, as `run`.
    #[arg(long = "type", value_name = "TYPE")]
    record_type: Option<String>,
    /// Only records about this request; its first or last 6 digits or more will do.
    #[arg(long, value_name = "ID", value_parser = parse_request)]
    request: Option<String>,
    /// Only records of what this principal did.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only records from this time on, by the server's clock: RFC 3339, or a date in UTC.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<Timestamp>,
    /// Only records before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<Timestamp>,
}

pub(super) fn parse_request(text: &str) -> Result<String, String> {
    let part = text.to_ascii_lowercase();
    let is_part = part.len() >= 6 && part.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if is_part || part.parse::<RequestId>().is_ok() {
        return Ok(part);
    }
    Err("give a request's id, or its first or last 6 digits or more".to_owned())
}

pub(in crate::cli) fn parse_time(text: &str) -> Result<Timestamp, String> {
    let of_date = |date: Date| date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    text.parse()
        .or_else(|_| text.parse().and_then(of_date))
        .map_err(|_| "write a time as 2026-01-31T09:00:00Z, or a date as 2026-01-31".to_owned())
}

impl Wanted {
    /// Tells whether not all records are wanted.
    pub(super) fn is_narrow(&self) -> bool {
        self.record_type.is_some()
            || self.request.is_some()
            || self.actor.is_some()
            || self.since.is_some()
            || self.until.is_some()
    }

    pub(super) fn is_met_by(&self, record: &AuditRecord) -> bool {
        let name = record.record_type().as_str();
        let is_of_type = |wanted: &String| {
            name.strip_prefix(wanted.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let about = self.request.as_ref();
        self.record_type.as_ref().is_none_or(is_of_type)
            && about.is_none_or(|part| is_about(record, part))
            && self
                .actor
                .as_deref()
                .is_none_or(|name| actor_of(record) == Some(name))
            && self.since.is_none_or(|since| record.at() >= since)
            && self.until.is_none_or(|until| record.at() < until)
    }
}

/// Tells whether a record is about the request of which this is a part of the id.
pub(super) fn is_about(record: &AuditRecord, part: &str) -> bool {
    record::request_of(record).is_some_and(|id| id.starts_with(part) || id.ends_with(part))
}

/// Returns the principal that did what a record tells, where it names one.
pub(super) fn actor_of(record: &AuditRecord) -> Option<&str> {
    let body = record.body();
    let named = |name: &str| body.get(name).and_then(Value::as_str);
    // Beside a `by` stands whom it was done to; only of a session it says by which means.
    if record.record_type().as_str().starts_with("session.") {
        return named("principal");
    }
    let requester = body
        .get("requester")
        .and_then(|who| who.get("name")?.as_str());
    named("by")
        .or_else(|| named("reviewer"))
        .or(requester)
        .or_else(|| named("principal"))
}
