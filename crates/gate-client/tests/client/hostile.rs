//! Answers that a broken or hostile server gives. Each would be an approval if
//! it were read with good will; none is one, and each ends in time.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gate_client::{ClientError, IdempotencyKey};
use gate_protocol::id::RequestId;
use gate_protocol::problem::{Problem, ProblemCode};
use gate_protocol::request::ApprovalStatus;

use crate::sample::{approved, claim, json, ok, request, submission};
use crate::stub::{JSON, PROBLEM, Stub, answer, read_request};

/// How long any of the questions below may take in all: five attempts of 1 s
/// and the pauses between them.
const IN_TIME: Duration = Duration::from_secs(9);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Garbled,
    Unavailable,
    Unreachable,
    Timeout,
    Refused,
}

fn kind(error: &ClientError) -> Kind {
    match error {
        ClientError::Garbled { .. } => Kind::Garbled,
        ClientError::Unavailable { .. } => Kind::Unavailable,
        ClientError::Unreachable { .. } => Kind::Unreachable,
        ClientError::Timeout { .. } => Kind::Timeout,
        ClientError::Refused(_) => Kind::Refused,
        ClientError::Settings(_)
        | ClientError::NoToken(_)
        | ClientError::Unsendable { .. }
        | ClientError::Tls { .. }
        | ClientError::Unproven { .. }
        | ClientError::Unanswered => panic!("{error:?} is not about an answer"),
    }
}

/// Asks every question that could lead to a run, and holds each error against
/// what is expected.
async fn nothing_is_approved(name: &str, stub: &Stub, id: RequestId, expected: Kind) {
    let client = stub.client();
    let begun = Instant::now();
    let key = IdempotencyKey::generate().unwrap();
    let poll = client.poll(id, 1, Duration::ZERO).await.unwrap_err();
    assert_eq!(kind(&poll), expected, "{name}: {poll:?}");
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{name}: {:?}",
        begun.elapsed()
    );
    let submitted = client.submit(&submission(), &key).await.unwrap_err();
    assert_eq!(kind(&submitted), expected, "{name}: {submitted:?}");
    assert!(begun.elapsed() < IN_TIME, "{name}: {:?}", begun.elapsed());
    for error in [poll, submitted] {
        assert!(!error.hint().is_empty());
        let shown = error.to_string();
        assert!(!shown.chars().any(char::is_control), "{name}: {shown:?}");
    }
    if !matches!(
        expected,
        Kind::Unavailable | Kind::Unreachable | Kind::Timeout
    ) {
        let claimed = client.claim(id, &claim(id)).await.unwrap_err();
        assert_eq!(kind(&claimed), expected, "{name}: {claimed:?}");
    }
}

/// What is wrong, the answer, and what it must be taken for.
type WrongAnswer = (&'static str, Vec<u8>, Kind);

fn undamaged(id: RequestId) -> String {
    json(&request(id, ApprovalStatus::Approved, 2))
}

fn with_type(content_type: &str, id: RequestId) -> Vec<u8> {
    let header = format!("content-type: {content_type}\r\n");
    answer(200, &header, undamaged(id))
}

/// An approval under a status that is not good news.
fn wrong_statuses(id: RequestId) -> Vec<WrongAnswer> {
    let good = undamaged(id);
    let html = "content-type: text/html\r\n";
    let later = format!("{JSON}retry-after: 9999\r\n");
    let problem = json(&Problem::new(
        ProblemCode::Forbidden,
        "no \u{1b}[2J\u{202e}",
    ));
    let unknown = problem.replace("\"forbidden\"", "\"cosmic_rays\"");
    vec![
        ("500", answer(500, JSON, &good), Kind::Unavailable),
        (
            "503 of a proxy",
            answer(503, html, "<p>"),
            Kind::Unavailable,
        ),
        ("429", answer(429, &later, &good), Kind::Unavailable),
        (
            "429, absurd",
            answer(429, "retry-after: -1e9\r\n", ""),
            Kind::Unavailable,
        ),
        ("206", answer(206, JSON, &good), Kind::Garbled),
        ("204", answer(204, "", ""), Kind::Garbled),
        ("304 unasked", answer(304, "", ""), Kind::Garbled),
        ("404 in HTML", answer(404, html, "<p>"), Kind::Garbled),
        (
            "401 that says 403",
            answer(401, PROBLEM, &problem),
            Kind::Garbled,
        ),
        (
            "unknown problem",
            answer(403, PROBLEM, unknown),
            Kind::Garbled,
        ),
        ("403", answer(403, PROBLEM, problem), Kind::Refused),
    ]
}

/// An approval of the wrong type.
fn wrong_types(id: RequestId) -> Vec<WrongAnswer> {
    let good = undamaged(id);
    let gzip = format!("{JSON}content-encoding: gzip\r\n");
    let answers = vec![
        (
            "HTML",
            answer(200, "content-type: text/html\r\n", "<h1>approved</h1>"),
        ),
        (
            "HTML said to be JSON",
            answer(200, JSON, "<h1>approved</h1>"),
        ),
        ("JSON said to be text", with_type("text/plain", id)),
        (
            "JSON said to be JSON Lines",
            with_type("application/jsonl", id),
        ),
        (
            "JSON said to be a problem",
            with_type("application/problem+json", id),
        ),
        ("no content type", answer(200, "", &good)),
        ("two content types", answer(200, &JSON.repeat(2), &good)),
        ("gzip", answer(200, &gzip, b"\x1f\x8b")),
    ];
    as_garbled(answers)
}

/// An approval whose JSON is not strict, or not a request.
fn wrong_bodies(id: RequestId) -> Vec<WrongAnswer> {
    let good = undamaged(id);
    let status = |text: &str| good.replace("\"approved\"", text);
    let twice = good.replacen("\"status\":", "\"status\":\"pending\",\"status\":", 1);
    let half: String = good.chars().take(good.len() / 2).collect();
    let bodies = vec![
        ("truncated", half),
        ("empty", String::new()),
        ("duplicate key", twice),
        ("two values", good.repeat(2)),
        ("unknown status", status("\"rubber_stamped\"")),
        ("status in another case", status("\"Approved\"")),
        ("status of another type", status("1")),
        ("no status", good.replace("\"status\"", "\"state\"")),
        ("null", "null".into()),
        ("a list", format!("[{good}]")),
        ("nested 100,000 deep", "[".repeat(100_000)),
    ];
    let mut answers: Vec<_> = Vec::new();
    for (name, body) in bodies {
        answers.push((name, answer(200, JSON, body)));
    }
    answers.push(("not UTF-8", answer(200, JSON, b"{\"status\":\"\xff\"}")));
    as_garbled(answers)
}

fn as_garbled(answers: Vec<(&'static str, Vec<u8>)>) -> Vec<WrongAnswer> {
    let garbled = |(name, bytes)| (name, bytes, Kind::Garbled);
    answers.into_iter().map(garbled).collect()
}

#[tokio::test]
async fn no_well_framed_but_wrong_answer_is_an_approval() {
    let id = RequestId::generate();
    let table = [wrong_statuses(id), wrong_types(id), wrong_bodies(id)].concat();
    for (name, bytes, expected) in table {
        let (stub, _) = Stub::answering(vec![bytes]);
        nothing_is_approved(name, &stub, id, expected).await;
    }
}

#[tokio::test]
async fn the_table_would_be_approved_by_its_undamaged_answer() {
    let id = RequestId::generate();
    for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
        let (stub, _) = Stub::answering(vec![with_type(content_type, id)]);
        let answer = stub.client().poll(id, 1, Duration::ZERO).await.unwrap();
        assert_eq!(answer.status, ApprovalStatus::Approved);
    }
}

/// What a server does with the connection, and with these bytes.
type WrongTransport = (&'static str, fn(TcpStream, &[u8]), Kind, Vec<u8>);

/// What a server does to the connection instead of answering well.
fn wrong_transports(id: RequestId) -> Vec<WrongTransport> {
    let good = approved(id);
    vec![
        (
            "closes at once",
            |stream, _| drop(stream),
            Kind::Unreachable,
            Vec::new(),
        ),
        ("resets", reset, Kind::Unreachable, Vec::new()),
        (
            "closes in the middle of the head",
            send,
            Kind::Unreachable,
            good[..30].to_vec(),
        ),
        (
            "closes in the middle of the body",
            send,
            Kind::Unreachable,
            good[..good.len() - 9].to_vec(),
        ),
        (
            "speaks another protocol",
            send,
            Kind::Unreachable,
            b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        ),
        (
            "sends a head without an end",
            endless_head,
            Kind::Unreachable,
            Vec::new(),
        ),
        ("says nothing", silence, Kind::Timeout, Vec::new()),
        ("sends a byte a second", drip, Kind::Timeout, good),
    ]
}

fn send(mut stream: TcpStream, bytes: &[u8]) {
    read_request(&mut stream);
    drop(stream.write_all(bytes));
}

/// A socket that is closed with bytes unread sends RST (Linux tcp(7), RFC 2525
/// section 2.17).
fn reset(mut stream: TcpStream, _: &[u8]) {
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 1);
}

fn endless_head(mut stream: TcpStream, _: &[u8]) {
    read_request(&mut stream);
    let line = format!("x: {}\r\n", "y".repeat(8000));
    if stream.write_all(b"HTTP/1.1 200 OK\r\n").is_ok() {
        while stream.write_all(line.as_bytes()).is_ok() {}
    }
}

fn silence(mut stream: TcpStream, _: &[u8]) {
    read_request(&mut stream);
    // Returns when the client gives up and closes.
    drop(stream.read(&mut [0]));
}

fn drip(mut stream: TcpStream, bytes: &[u8]) {
    read_request(&mut stream);
    stream
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    for byte in bytes {
        if stream.write_all(&[*byte]).is_err() || stream.read(&mut [0]).is_ok() {
            return;
        }
    }
}

#[tokio::test]
async fn no_broken_or_endless_connection_is_an_approval() {
    let id = RequestId::generate();
    for (name, behave, expected, bytes) in wrong_transports(id) {
        let stub = Stub::start(move |stream, _| behave(stream, &bytes));
        nothing_is_approved(name, &stub, id, expected).await;
    }
}

#[tokio::test]
async fn a_hundred_megabytes_are_given_up_before_they_are_received() {
    let id = RequestId::generate();
    let (head, body) = (
        approved(id),
        json(&request(id, ApprovalStatus::Approved, 2)),
    );
    assert!(head.ends_with(body.as_bytes()));
    let announced = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 104857600\r\n\r\n{body}");
    let until_close = format!("HTTP/1.1 200 OK\r\n{JSON}connection: close\r\n\r\n{body}");
    for head in [announced, until_close] {
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        let stub = Stub::start(move |mut stream, _| {
            read_request(&mut stream);
            drop(stream.write_all(head.as_bytes()));
            let spaces = vec![b' '; 65536];
            while count.load(Ordering::SeqCst) < 100 << 20 {
                let Ok(length) = stream.write(&spaces) else {
                    return;
                };
                count.fetch_add(length, Ordering::SeqCst);
            }
        });
        let error = stub.client().poll(id, 1, Duration::ZERO).await.unwrap_err();
        assert!(matches!(error, ClientError::Garbled { .. }), "{error:?}");
        // One mebibyte and what the sockets of both sides hold.
        assert!(sent.load(Ordering::SeqCst) < 20 << 20);
    }
}

#[tokio::test]
async fn a_redirect_is_an_error_and_its_goal_is_never_asked() {
    let id = RequestId::generate();
    for status in [300, 301, 302, 303, 307, 308] {
        let (goal, _) = Stub::answering(vec![approved(id)]);
        let location = format!("location: http://{}/v1/requests/{id}\r\n", goal.address);
        let (stub, _) = Stub::answering(vec![answer(status, &location, "")]);
        nothing_is_approved("redirect", &stub, id, Kind::Garbled).await;
        assert_eq!(goal.connections(), 0);
    }
}

#[tokio::test]
async fn an_answer_about_something_else_is_garbled() {
    let (asked, other) = (RequestId::generate(), RequestId::generate());
    let client_of = |answer| {
        let (stub, _) = Stub::answering(vec![answer]);
        (stub.client(), stub)
    };
    let (client, _stub) = client_of(approved(other));
    for error in [
        client.poll(asked, 1, Duration::ZERO).await.unwrap_err(),
        client.show(asked).await.unwrap_err(),
        client.cancel(asked).await.unwrap_err(),
    ] {
        assert_eq!(kind(&error), Kind::Garbled);
    }
    let (client, _stub) = client_of(approved(asked));
    let error = client.poll(asked, 3, Duration::ZERO).await.unwrap_err();
    assert_eq!(
        kind(&error),
        Kind::Garbled,
        "an answer from before what was known"
    );

    let mut another = request(asked, ApprovalStatus::Approved, 2);
    another.invocation = crate::sample::invocation("get");
    let (client, _stub) = client_of(ok(&another));
    let key = IdempotencyKey::generate().unwrap();
    let error = client.submit(&submission(), &key).await.unwrap_err();
    assert_eq!(
        kind(&error),
        Kind::Garbled,
        "the digest asked for, on another invocation"
    );
}
