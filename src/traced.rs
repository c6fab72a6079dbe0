//! The span of a run that people are asked about, for the collector that the environment names: the
//! parent of what the server exports of the same run. Who names none pays nothing.
//!
//! Source: `OpenTelemetry`, "OTLP Exporter" and "Environment Variable Carriers". It holds the times and
//! the exit code, and nothing that somebody wrote.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gate_client::{Destination, OtlpSender, join_trace, own_span};
use gate_protocol::trace::TraceParent;
use serde_json::{Value, json};

use crate::circumstances::Env;
use crate::exit_code::Ending;
use crate::failure::{Failure, FailureKind};
use crate::session::Session;
use crate::world::World;

/// How long a run that is over waits for the collector.
const PATIENCE: Duration = Duration::from_secs(1);
/// `SPAN_KIND_CLIENT`.
const CLIENT: u8 = 3;
/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;
/// What Ctrl-C sends, the same number on every Unix.
const SIGINT: i32 = 2;

/// A span that has begun. It has no `Debug`: headers hold what a collector lets in by.
pub(crate) struct Traced {
    to: Destination,
    headers: Vec<(String, String)>,
    ca_pem: Option<Vec<u8>>,
    parent: Option<TraceParent>,
    begun: SystemTime,
    since: Instant,
}

impl Traced {
    /// Begins the span of this run, if the environment says where it goes.
    pub(crate) fn begin(world: &World) -> Option<Self> {
        let env = |name: &str| world.env(name);
        let to = endpoint(&env)?;
        let parent: Option<TraceParent> = env("TRACEPARENT").and_then(|text| text.parse().ok());
        let parent = parent.filter(|parent| join_trace(*parent));
        // Whoever began the trace keeps none of its spans.
        if parent.is_some_and(|parent| !parent.is_sampled()) {
            return None;
        }
        Some(Self {
            to,
            headers: headers(&env),
            // From the configuration, as for the server itself: none comes from the environment.
            ca_pem: world.configuration().ok()?.ca_certificates_pem(),
            parent,
            begun: SystemTime::now(),
            since: Instant::now(),
        })
    }

    /// Sends the span as far as that can be done soon. Nobody is told where it can't.
    fn send(&self, session: &Session, ended: Ending, has_failed: bool) {
        let ca_pem = self.ca_pem.as_deref();
        let Ok(sender) = OtlpSender::new(self.to.clone(), ca_pem, &self.headers) else {
            return;
        };
        let Some(request) = self.request(ended, has_failed) else {
            return;
        };
        let sent = async { tokio::time::timeout(PATIENCE, sender.send(&request)).await };
        drop(session.block_on(sent));
    }

    fn request(&self, ended: Ending, has_failed: bool) -> Option<Value> {
        let own = own_span()?;
        let text = |key: &str, text: &str| json!({ "key": key, "value": { "stringValue": text } });
        let attributes: Vec<Value> = match ended {
            Ending::Code(code) => {
                let code = json!({ "intValue": code.to_string() });
                vec![json!({ "key": "process.exit.code", "value": code })]
            }
            Ending::Signal(_) => Vec::new(),
        };
        let nanoseconds = |at: SystemTime| {
            let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
            since.as_nanos().to_string()
        };
        let parent = self.parent.map_or_else(String::new, |one| one.span_id());
        Some(json!({ "resourceSpans": [{
            "resource": { "attributes": [
                text("service.name", "gate"),
                text("service.version", env!("CARGO_PKG_VERSION")),
            ] },
            "scopeSpans": [{
                "scope": { "name": "gate", "version": env!("CARGO_PKG_VERSION") },
                "spans": [{
                    "traceId": own.trace_id(),
                    "spanId": own.span_id(),
                    "parentSpanId": parent,
                    "name": "gate run",
                    "kind": CLIENT,
                    "startTimeUnixNano": nanoseconds(self.begun),
                    "endTimeUnixNano": nanoseconds(self.begun + self.since.elapsed()),
                    "attributes": attributes,
                    "status": { "code": if has_failed { ERROR } else { 0 } },
                    "links": [],
                }],
            }],
        }]}))
    }
}

/// Ends the span, if there is one, with what `run` ends with.
///
/// # Errors
/// What `run` fails with.
pub(crate) fn around(
    traced: Option<Traced>,
    session: &Session,
    run: impl FnOnce() -> Result<Ending, Failure>,
) -> Result<Ending, Failure> {
    let ran = run();
    let (ended, has_failed) = match &ran {
        Ok(ended) => (*ended, false),
        Err(failure) => (Ending::from(failure.kind()), true),
    };
    if let Some(traced) = traced.filter(|_| !is_left(&ran)) {
        traced.send(session, ended, has_failed);
    }
    ran
}

/// Tells whether somebody pressed Ctrl-C, here or at the tool: they wait for nothing more.
fn is_left(ran: &Result<Ending, Failure>) -> bool {
    match ran {
        Ok(ended) => *ended == Ending::Signal(SIGINT),
        Err(failure) => matches!(failure.kind(), FailureKind::Interrupted(_)),
    }
}

/// Returns where spans go; nowhere unless the environment says so in a way that is spoken here.
fn endpoint(env: Env<'_>) -> Option<Destination> {
    let is = |name: &str, value: &str| {
        env(name).is_some_and(|text| text.trim().eq_ignore_ascii_case(value))
    };
    let protocol =
        env("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| env("OTEL_EXPORTER_OTLP_PROTOCOL"));
    let is_http = protocol.is_none_or(|protocol| protocol.trim().starts_with("http/"));
    if !is_http || is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
        return None;
    }
    let whole = env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| {
        let base = env("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        Some(format!("{}/v1/traces", base.trim().trim_end_matches('/')))
    });
    let to: Destination = whole?.trim().parse().ok()?;
    (!to.is_syslog()).then_some(to)
}

/// Returns the headers that a collector wants to see, as `name=value,name=value` with what can't stand
/// there escaped by `%`.
fn headers(env: Env<'_>) -> Vec<(String, String)> {
    let text =
        env("OTEL_EXPORTER_OTLP_TRACES_HEADERS").or_else(|| env("OTEL_EXPORTER_OTLP_HEADERS"));
    let text = text.unwrap_or_default();
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.trim().to_owned(), unescaped(value.trim())))
        .collect()
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let escaped = part
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let (Some(byte), Some(rest)) = (escaped, part.get(2..)) {
            bytes.push(byte);
            bytes.extend_from_slice(rest.as_bytes());
        } else {
            bytes.push(b'%');
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(set: &[(&str, &str)]) -> Option<String> {
        let env = |name: &str| {
            let found = set.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        endpoint(&env).map(|to| to.to_string())
    }

    #[test]
    fn the_environment_says_where_spans_go_and_whether() {
        const BASE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let given = |text: &str| Some(text.to_owned());
        assert_eq!(to(&[]), None);
        let local = (BASE, "http://localhost:4318/");
        assert_eq!(to(&[local]), given("http://localhost:4318/v1/traces"));
        let below = (BASE, "https://c.example.com/otlp");
        assert_eq!(to(&[below]), given("https://c.example.com/otlp/v1/traces"));
        let whole = (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "https://c.example.com/t",
        );
        assert_eq!(to(&[local, whole]), given("https://c.example.com/t"));
        for off in [
            ("OTEL_SDK_DISABLED", "TRUE"),
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ] {
            assert_eq!(to(&[local, off]), None, "{off:?}");
        }
        assert_eq!(to(&[(BASE, "http://collector:4318")]), None);
        assert_eq!(to(&[(BASE, "syslog+tls://logs.example.com")]), None);
    }

    #[test]
    fn who_pressed_ctrl_c_waits_for_no_collector() {
        assert!(is_left(&Ok(Ending::Signal(SIGINT))));
        let interrupted = Failure::new(FailureKind::Interrupted(SIGINT), "left");
        assert!(is_left(&Err(interrupted)));
        assert!(!is_left(&Ok(Ending::Code(1))));
        assert!(!is_left(&Ok(Ending::Signal(15))));
    }

    #[test]
    fn headers_are_read_as_they_are_written() {
        let env = |name: &str| {
            (name == "OTEL_EXPORTER_OTLP_HEADERS").then(|| "a=b, c = d%20e%2,f".to_owned())
        };
        let pairs = [("a", "b"), ("c", "d e%2")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(headers(&env), pairs);
    }
}
