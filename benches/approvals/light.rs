//! A client that costs little, so that thousands of them fit beside the server: one connection,
//! HTTP by hand, bodies as they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// As the real client asks.
const POLL_SECONDS: u64 = gate_client::POLL_WAIT.as_secs();
/// What the server says in `Retry-After`.
const BUSY_FOR: Duration = Duration::from_secs(1);
/// How long anything but a poll may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection that is kept.
pub(crate) struct Light {
    stream: TcpStream,
    received: Vec<u8>,
}

/// Returns a call as it goes over the wire.
pub(crate) fn call(method: &str, path: &str, token: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// The same with a key that lets it be asked again.
pub(crate) fn keyed(call: &str) -> String {
    let key = gate_protocol::id::Nonce::generate().unwrap();
    call.replacen(
        "\r\n\r\n",
        &format!("\r\nidempotency-key: {key}\r\n\r\n"),
        1,
    )
}

impl Light {
    pub(crate) async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            received: Vec::new(),
        }
    }

    /// Sends a call and returns its answer, which must be a good one.
    pub(crate) async fn send(&mut self, call: &str) -> Value {
        let answer = tokio::time::timeout(PATIENCE, async {
            self.stream.write_all(call.as_bytes()).await.unwrap();
            self.answer().await
        });
        let answer = answer.await.unwrap();
        answer.unwrap_or_else(|| panic!("the server is too busy for `{call}`"))
    }

    /// Returns the answer; nothing where the server is too busy and says to come again.
    async fn answer(&mut self) -> Option<Value> {
        self.received.clear();
        let (head, length) = loop {
            self.more().await;
            let Some(end) = self
                .received
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
            else {
                continue;
            };
            let head = String::from_utf8_lossy(&self.received[..end]).into_owned();
            let mut lines = head.lines();
            let length = lines.find_map(|line| line.strip_prefix("content-length: "));
            break (end + 4, length.unwrap().parse::<usize>().unwrap());
        };
        while self.received.len() < head + length {
            self.more().await;
        }
        let text = String::from_utf8_lossy(&self.received);
        let is_busy = text.starts_with("HTTP/1.1 503");
        assert!(is_busy || text.starts_with("HTTP/1.1 2"), "{text}");
        let value = serde_json::from_slice(&self.received[head..]).unwrap();
        // What waits has nothing of its own but the connection.
        self.received = Vec::new();
        (!is_busy).then_some(value)
    }

    async fn more(&mut self) {
        let read = self.stream.read_buf(&mut self.received).await.unwrap();
        assert!(read > 0, "the server hung up");
    }
}

/// Sends all calls over so many connections at once and returns the answers, in the calls' order,
/// and how long that took.
pub(crate) async fn send_all(port: u16, calls: Vec<String>, at_once: usize) -> (Vec<Value>, f64) {
    let (calls, next) = (Arc::new(calls), Arc::new(AtomicUsize::new(0)));
    let mut connections = Vec::new();
    for _ in 0..at_once {
        connections.push(Light::connect(port).await);
    }
    let since = Instant::now();
    let mut tasks = Vec::new();
    for mut light in connections {
        let (calls, next) = (calls.clone(), next.clone());
        tasks.push(tokio::spawn(async move {
            let mut answers = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(call) = calls.get(number) else {
                    return answers;
                };
                answers.push((number, light.send(call).await));
            }
        }));
    }
    let mut answers = Vec::new();
    for task in tasks {
        answers.extend(task.await.unwrap());
    }
    let spent = since.elapsed().as_secs_f64();
    answers.sort_by_key(|(number, _)| *number);
    let answers = answers.into_iter().map(|(_, answer)| answer).collect();
    (answers, spent)
}

/// What became of the clients that wait.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// How many have sent their first poll.
    pub(crate) sent: AtomicUsize,
    /// How many were told of a change, and wait no more.
    pub(crate) told: AtomicUsize,
    /// How many polls the server was too busy for: they come again, as those of gate do.
    pub(crate) put_off: AtomicUsize,
}

/// Waits for a change of a request, by one long poll after the other, as gate does.
pub(crate) async fn wait(port: u16, token: String, request: Value, waiting: Arc<Waiting>) {
    let (id, version) = (
        request["id"].as_str().unwrap(),
        request["version"].as_u64().unwrap(),
    );
    let path = format!("/v1/requests/{id}?wait={POLL_SECONDS}&after={version}");
    let poll = call("GET", &path, &token, "");
    let mut light = Light::connect(port).await;
    light.stream.write_all(poll.as_bytes()).await.unwrap();
    waiting.sent.fetch_add(1, Ordering::Relaxed);
    loop {
        match light.answer().await {
            Some(shown) if shown["version"].as_u64() > Some(version) => {
                waiting.told.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Some(_) => {}
            None => {
                waiting.put_off.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(BUSY_FOR).await;
            }
        }
        light.stream.write_all(poll.as_bytes()).await.unwrap();
    }
}
