//! The log for other systems: a record becomes an event of theirs, with the record itself inside.
//!
//! Sources: OCSF 1.4.0, classes 3001, 3002 and 6003; `ArcSight` CEF, version 0, as a message of
//! RFC 5424; OTLP 1, logs in JSON, one export request a line.

use gate_protocol::inert::inert;
use gate_protocol::log::AuditRecord;
use serde_json::{Map, Value, json};

use crate::cli::audit::records::{self, Records};
use crate::cli::audit::wanted::actor_of;
use crate::failure::Failure;
use crate::session::Session;
use crate::show::{answer, record};

/// The version of the schema that the events are of.
const OCSF: &str = "1.4.0";
/// What is said of a record whose type no class of OCSF is made for: other API activity.
const OTHER: (u32, u32) = (6003, 99);
/// The facility "log audit" of RFC 5424, times 8.
const FACILITY: u8 = 13 * 8;

/// How the records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// The records themselves, one a line.
    Jsonl,
    /// Events of the Open Cybersecurity Schema Framework, one a line.
    Ocsf,
    /// Common Event Format in syslog messages, one a line.
    Cef,
    /// Requests of the OpenTelemetry protocol, with many records in each line.
    Otlp,
}

/// Prints the records from an index on.
///
/// # Errors
/// They can't be had, or stdout can't be written to.
pub(super) fn print(session: &Session, format: Format, from: u64) -> Result<(), Failure> {
    let mut records = Records::from(session, from);
    loop {
        let (from, page) = records.page()?;
        if page.records.is_empty() {
            return Ok(());
        }
        let told = records::each(from, &page).map(|told| told.read());
        let read: Vec<AuditRecord> = told.collect::<Result<_, _>>()?;
        let line = |value: Value| answer::line(&answer::printable(&value.to_string()));
        match format {
            Format::Jsonl => read
                .iter()
                .try_for_each(|record| answer::line(&answer::printable(&text(record))))?,
            Format::Ocsf => read.iter().map(ocsf).try_for_each(line)?,
            Format::Cef => read
                .iter()
                .try_for_each(|record| answer::line(&cef(record)))?,
            Format::Otlp => line(otlp(&read))?,
        }
    }
}

fn text(record: &AuditRecord) -> String {
    String::from_utf8_lossy(record.bytes()).into_owned()
}

/// Returns the class of OCSF and what was done, and to whom, where the class wants to know.
fn class(record: &AuditRecord) -> ((u32, u32), Option<&str>) {
    let body = record.body();
    let principal = body.get("principal").or_else(|| body.get("name"));
    let whom = principal.and_then(|whom| whom.as_str().or_else(|| whom.get("name")?.as_str()));
    let class = match record.record_type().as_str() {
        "session.created" => (3002, 1),
        "session.ended" => (3002, 2),
        "principal.created" => (3001, 1),
        "principal.enabled" => (3001, 2),
        "principal.disabled" => (3001, 5),
        "token.created" | "token.revoked" => (3001, 99),
        _ => OTHER,
    };
    match whom {
        Some(_) => (class, whom),
        None => (OTHER, None),
    }
}

fn ocsf(record: &AuditRecord) -> Value {
    let name = record.record_type().as_str();
    let ((class, activity), whom) = class(record);
    let event = json!({
        "activity_id": activity,
        "activity_name": name,
        "category_uid": class / 1000,
        "class_uid": class,
        "type_uid": class * 100 + activity,
        "severity_id": if record::is_alarm(name) { 4 } else { 1 },
        "time": record.at().as_millisecond(),
        "message": name,
        "metadata": {
            "version": OCSF,
            "product": {
                "name": "gate",
                "vendor_name": "gate",
                "version": env!("CARGO_PKG_VERSION"),
            },
            "event_code": name,
            "sequence": record.seq(),
            "uid": record.hash(),
        },
        "raw_data": text(record),
    });
    let mut members = Map::new();
    if let Value::Object(always) = event {
        members = always;
    }
    if let (true, Some(whom)) = (class != OTHER.0, whom) {
        members.insert("user".to_owned(), json!({ "name": whom }));
    } else {
        let api = match record::request_of(record) {
            Some(request) => json!({ "operation": name, "request": { "uid": request } }),
            None => json!({ "operation": name }),
        };
        members.insert("api".to_owned(), api);
        members.insert("src_endpoint".to_owned(), json!({ "svc_name": "gate" }));
    }
    if let Some(parts) = record::beside(record) {
        members.insert("unmapped".to_owned(), parts);
    }
    if class == 3002 {
        members.insert("service".to_owned(), json!({ "name": "gate" }));
    } else {
        // What nobody did, the server did.
        let actor = match actor_of(record) {
            Some(actor) => json!({ "user": { "name": actor } }),
            None => json!({ "app_name": "gate" }),
        };
        members.insert("actor".to_owned(), actor);
    }
    Value::Object(members)
}

/// Escapes what ends a field of CEF's header.
fn header(text: &str) -> String {
    inert(text).replace('\\', "\\\\").replace('|', "\\|")
}

/// Escapes what ends a value of CEF's extension.
fn value(text: &str) -> String {
    inert(text).replace('\\', "\\\\").replace('=', "\\=")
}

/// Returns a record as one message of syslog.
pub(in crate::cli::audit) fn cef(record: &AuditRecord) -> String {
    let name = record.record_type().as_str();
    let (level, severity) = if record::is_alarm(name) {
        (4, 8)
    } else {
        (6, 3)
    };
    // RFC 5424 gives the id of a message 32 characters.
    let id: String = name.chars().take(32).collect();
    let mut fields = vec![
        ("rt", record.at().as_millisecond().to_string()),
        ("externalId", record.seq().to_string()),
        ("cs1Label", "recordHash".to_owned()),
        ("cs1", record.hash().to_string()),
    ];
    if let Some(request) = record::request_of(record) {
        fields.push(("cs2Label", "request".to_owned()));
        fields.push(("cs2", request.to_owned()));
    }
    if let Some(actor) = actor_of(record) {
        fields.push(("suser", actor.to_owned()));
    }
    if let Some(parts) = record::beside(record) {
        fields.push(("cs3Label", "erasable".to_owned()));
        fields.push(("cs3", parts.to_string()));
    }
    fields.push(("msg", text(record)));
    let fields: Vec<String> = fields
        .into_iter()
        .map(|(name, text)| format!("{name}={}", value(&text)))
        .collect();
    format!(
        "<{}>1 {:.3} - gate - {id} - CEF:0|gate|gate|{}|{}|{}|{severity}|{}",
        FACILITY + level,
        record.at(),
        env!("CARGO_PKG_VERSION"),
        header(name),
        header(name),
        fields.join(" ")
    )
}

/// Returns records as one request of OTLP logs.
pub(in crate::cli::audit) fn otlp(read: &[AuditRecord]) -> Value {
    let attribute = |key: &str, text: &str| json!({ "key": key, "value": { "stringValue": text } });
    let log = |record: &AuditRecord| {
        let name = record.record_type().as_str();
        let (number, level) = if record::is_alarm(name) {
            (13, "WARN")
        } else {
            (9, "INFO")
        };
        let mut attributes = vec![
            json!({ "key": "gate.audit.seq", "value": { "intValue": record.seq().to_string() } }),
            attribute("gate.audit.hash", &record.hash().to_string()),
        ];
        let named = [
            ("gate.request", record::request_of(record)),
            ("enduser.id", actor_of(record)),
        ];
        for (key, text) in named {
            attributes.extend(text.map(|text| attribute(key, text)));
        }
        let beside = record::beside(record).map(|parts| parts.to_string());
        attributes.extend(beside.map(|parts| attribute("gate.audit.erasable", &parts)));
        json!({
            "timeUnixNano": record.at().as_nanosecond().to_string(),
            "observedTimeUnixNano": record.at().as_nanosecond().to_string(),
            "severityNumber": number,
            "severityText": level,
            "eventName": name,
            "body": { "stringValue": text(record) },
            "attributes": attributes,
        })
    };
    json!({ "resourceLogs": [{
        "resource": { "attributes": [attribute("service.name", "gate")] },
        "scopeLogs": [{
            "scope": { "name": "gate.audit", "version": env!("CARGO_PKG_VERSION") },
            "logRecords": read.iter().map(log).collect::<Vec<_>>(),
        }],
    }]})
}
