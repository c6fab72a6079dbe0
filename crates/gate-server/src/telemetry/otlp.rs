//! Spans as a request of OTLP, in JSON (`opentelemetry-proto`, `ExportTraceServiceRequest`).

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{Attribute, Span};

/// Returns the body of one request.
pub(super) fn request(spans: &[Span], audience: &str) -> Value {
    let resource = [
        ("service.name", "gate-server"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.namespace", audience),
    ];
    let resource: Vec<Value> = resource
        .into_iter()
        .map(|(key, text)| attribute(key, &Attribute::Text(text.to_owned())))
        .collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{
            "scope": { "name": "gate.server", "version": env!("CARGO_PKG_VERSION") },
            "spans": spans.iter().map(one).collect::<Vec<_>>(),
        }],
    }]})
}

fn one(span: &Span) -> Value {
    let attributes = span.attributes.iter();
    let attributes: Vec<Value> = attributes
        .map(|(key, value)| attribute(key, value))
        .collect();
    let links: Vec<Value> = span
        .link
        .iter()
        .map(|link| json!({ "traceId": link.trace_id(), "spanId": link.span_id() }))
        .collect();
    json!({
        "traceId": span.own.trace_id(),
        "spanId": span.own.span_id(),
        "parentSpanId": span.parent.map_or_else(String::new, |parent| parent.span_id()),
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": nanoseconds(span.begun),
        "endTimeUnixNano": nanoseconds(span.ended),
        "attributes": attributes,
        "links": links,
        // STATUS_CODE_ERROR, or unset.
        "status": { "code": if span.has_failed { 2 } else { 0 } },
    })
}

fn attribute(key: &str, value: &Attribute) -> Value {
    let value = match value {
        Attribute::Text(text) => json!({ "stringValue": text }),
        // A 64-bit integer is a string in the JSON of protobuf.
        Attribute::Number(number) => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": key, "value": value })
}

fn nanoseconds(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().to_string()
}
