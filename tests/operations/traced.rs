//! Spans that a collector gets: one request's trace, from the question to the outcome.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use gate_testkit::real::testbed;
use serde_json::Value;

use crate::stage::{Stage, until};

/// The span of the CI job, or of whatever else starts gate.
const JOB_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const JOB_SPAN: &str = "00f067aa0ba902b7";

/// Takes what is posted to it, and answers that it was taken.
fn collector(status: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let keeping = Arc::clone(&taken);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
                    break;
                }
                if let Some((name, value)) = line.split_once(": ")
                    && name.eq_ignore_ascii_case("content-length")
                {
                    length = value.trim().parse().unwrap();
                }
                head += &line;
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
            assert!(
                head.to_lowercase()
                    .contains("content-type: application/json"),
                "{head}"
            );
            keeping
                .lock()
                .unwrap()
                .push(String::from_utf8(body).unwrap());
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (format!("http://{address}/v1/traces"), taken)
}

/// Whether a message is one of OTLP: read by the messages of `OpenTelemetry` itself, in which the JSON of
/// OTLP has ids in hexadecimal where that of protobuf has base64.
const JUDGE: &str = r#"
import base64, json, sys
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
count = 0
for line in sys.stdin:
    message = json.loads(line)
    for resource in message["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for holder in [span, *span["links"]]:
                    for name in ("traceId", "spanId", "parentSpanId"):
                        if name in holder:
                            holder[name] = base64.b64encode(bytes.fromhex(holder[name])).decode()
    read = json_format.ParseDict(message, ExportTraceServiceRequest())
    for resource in read.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                assert len(span.trace_id) == 16 and len(span.span_id) == 8, span
                assert len(span.parent_span_id) in (0, 8), span
                assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano, span
                count += 1
print(count)
"#;

fn assert_otlp(bodies: &[String]) {
    let mut python = Command::new(testbed().join("judges/bin/python3"));
    python
        .args(["-c", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut judging = python.spawn().unwrap();
    let input = bodies.join("\n");
    judging
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = judging.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let count: usize = String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(count >= 10, "{count} spans");
}

fn spans(bodies: &[String]) -> Vec<Value> {
    let mut spans = Vec::new();
    for body in bodies {
        let message: Value = serde_json::from_str(body).unwrap();
        let found = message["resourceSpans"][0]["scopeSpans"][0]["spans"].clone();
        spans.extend(found.as_array().unwrap().iter().cloned());
    }
    spans
}

#[test]
fn the_story_of_a_request_is_one_trace_from_the_question_to_the_outcome() {
    let (endpoint, taken) = collector("200 OK");
    let base = endpoint.trim_end_matches("/v1/traces");
    let (stage, server) = Stage::new(&format!("[telemetry]\nendpoint = '{endpoint}'"));
    stage.pin(&server);
    let waiting = stage
        .command(
            &server,
            "agent",
            &[
                "run",
                "--reason",
                "a-word-of-mine",
                "--",
                "deployer",
                "a-word-of-mine",
            ],
        )
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", base)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-scope=a%20job")
        .env("TRACEPARENT", format!("00-{JOB_TRACE}-{JOB_SPAN}-01"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let id = until("it is asked", || {
        let listed = stage.requests(&server);
        let request = listed.pointer("/requests/0")?;
        Some(request["id"].as_str().unwrap().to_owned())
    });
    stage.approve(&server, &id);
    assert!(waiting.wait_with_output().unwrap().status.success());
    until("the run is on record", || {
        (stage.status(&server, &id) == "finished").then_some(())
    });
    // The last ones are sent on the way out.
    server.stop();
    let bodies = taken.lock().unwrap().clone();
    assert_otlp(&bodies);
    assert!(!bodies.concat().contains("a-word-of-mine"), "{bodies:?}");
    let spans = spans(&bodies);
    assert_story(&spans, &id);
}

/// Holds that what happened to a request is in the trace that it came with.
fn assert_story(spans: &[Value], id: &str) {
    let created = spans
        .iter()
        .find(|span| span["name"] == "request.created")
        .unwrap();
    let trace = created["traceId"].as_str().unwrap();
    assert_eq!(trace, JOB_TRACE, "the run is a part of its caller's trace");
    let story: Vec<&Value> = spans
        .iter()
        .filter(|span| span["traceId"] == trace)
        .collect();
    let named = |name: &str| -> Value {
        let found = story.iter().find(|span| span["name"] == name);
        (*found.unwrap_or_else(|| unreachable!("{name} of {story:#?}"))).clone()
    };
    // The client's calls are in it, and what people did elsewhere.
    let submit = named("POST /v1/requests");
    for name in [
        "decision.recorded",
        "grant.claimed",
        "run.started",
        "run.finished",
    ] {
        let span = named(name);
        let about = span["attributes"].to_string();
        assert!(about.contains(id), "{span}");
    }
    assert_eq!(created["parentSpanId"], submit["spanId"]);
    let claim = named("POST /v1/requests/{id}/claim");
    assert_eq!(named("grant.claimed")["parentSpanId"], claim["spanId"]);
    // Above all of it is the run itself, and above that whoever started it.
    let run = named("gate run");
    assert_eq!(run["parentSpanId"], JOB_SPAN);
    for name in [
        "POST /v1/requests",
        "POST /v1/requests/{id}/claim",
        "POST /v1/events",
    ] {
        assert_eq!(named(name)["parentSpanId"], run["spanId"], "{name}");
    }
    assert_eq!(run["attributes"][0]["key"], "process.exit.code");
    assert_eq!(run["attributes"][0]["value"]["intValue"], "0");
    let time = |span: &Value, end: &str| -> u128 { span[end].as_str().unwrap().parse().unwrap() };
    assert!(time(&run, "startTimeUnixNano") <= time(&submit, "startTimeUnixNano"));
    let finished = named("run.finished");
    assert!(time(&run, "endTimeUnixNano") >= time(&finished, "endTimeUnixNano"));
    // The answer came in another trace, and its span says in which.
    let decided = named("decision.recorded");
    assert_eq!(decided["parentSpanId"], submit["spanId"]);
    let elsewhere = decided["links"][0]["traceId"].as_str().unwrap();
    let review = spans
        .iter()
        .find(|span| span["name"] == "POST /v1/requests/{id}/reviews");
    assert_eq!(review.unwrap()["traceId"], elsewhere);
}

/// A run ends with its own code, soon, whatever becomes of its span; and nobody who names no collector
/// sends one.
#[test]
fn a_collector_of_a_client_that_says_nothing_holds_no_run_up() {
    let (stage, server) = Stage::new("");
    stage.pin(&server);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let ask = |name: &str| {
        let args = ["run", "--no-wait", "--", "deployer", "x"];
        let mut gate = stage.command(&server, "agent", &args);
        gate.env(name, &endpoint)
            .env("OTEL_TRACES_EXPORTER", "otlp");
        let begun = std::time::Instant::now();
        let status = gate.stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(75));
        begun.elapsed()
    };
    let took = ask("OTEL_EXPORTER_OTLP_ENDPOINT");
    assert!(took < std::time::Duration::from_secs(20), "{took:?}");
    silent.set_nonblocking(true).unwrap();
    let (mut asked, _) = silent.accept().unwrap();
    let mut head = [0; 21];
    asked.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"POST /v1/traces HTTP/");
    ask("SOMETHING_ELSE");
    assert!(silent.accept().is_err(), "nobody named it");
}

#[test]
fn a_collector_that_is_away_or_refuses_holds_nothing_up() {
    let (endpoint, _taken) = collector("500 Internal Server Error");
    let (stage, server) = Stage::new(&format!("[telemetry]\nendpoint = '{endpoint}'"));
    let id = stage.ask(&server, "now");
    assert_eq!(stage.status(&server, &id), "pending");
    until("it is said", || {
        server
            .log()
            .contains("the collector takes no spans")
            .then_some(())
    });
    let log = server.stop();
    assert_eq!(
        log.matches("the collector takes no spans").count(),
        1,
        "{log}"
    );
}
