//! HTTP/1.1 by hand, so that a test can send and answer what no library would.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a silent peer is listened to: longer than any long poll.
const PATIENCE: Duration = Duration::from_secs(70);

/// One question or answer, its body whole.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The first line.
    pub(crate) start: String,
    /// Name and value of each header, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// Returns a question with the headers that every one has.
    pub(crate) fn ask(method: &str, path: &str) -> Self {
        Self {
            start: format!("{method} {path} HTTP/1.1"),
            headers: vec![("host".to_owned(), "gate".to_owned())],
            body: Vec::new(),
        }
    }

    /// Returns an answer.
    pub(crate) fn answer(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            start: format!("HTTP/1.1 {status} As It Is"),
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    /// Returns the same with one more header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the same with a body.
    pub(crate) fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the method and the path with its query, of a question.
    pub(crate) fn line(&self) -> (&str, &str) {
        let mut words = self.start.split(' ');
        (words.next().unwrap(), words.next().unwrap_or_default())
    }

    /// Returns the status of an answer.
    pub(crate) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Returns the body as JSON; null where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Reads one message; its body ends by its length, or with the connection.
    pub(crate) fn read(stream: &mut TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut bytes = Vec::new();
        let head_end = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            let mut some = [0; 4096];
            match stream.read(&mut some)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => bytes.extend_from_slice(some.get(..count).unwrap()),
            }
        };
        let body = bytes.split_off(head_end + 4);
        let head = String::from_utf8_lossy(&bytes).into_owned();
        let mut lines = head.trim_end().split("\r\n");
        let mut message = Self {
            start: lines.next().unwrap_or_default().to_owned(),
            headers: lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            body,
        };
        let is_answer = message.start.starts_with("HTTP/");
        let length = message
            .header("content-length")
            .map(|length| length.parse::<usize>().unwrap());
        match length {
            Some(length) => {
                let rest = length.saturating_sub(message.body.len());
                let mut body = vec![0; rest];
                stream.read_exact(&mut body)?;
                message.body.extend_from_slice(&body);
            }
            None if is_answer => {
                stream.read_to_end(&mut message.body)?;
            }
            None => {}
        }
        Ok(message)
    }

    /// Writes the message as the last one on its connection.
    pub(crate) fn write(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.write_all(&self.to_bytes())
    }

    /// Returns the message as it goes over the wire.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.start);
        let own = ["content-length", "connection", "transfer-encoding"];
        let others = self.headers.iter();
        for (name, value) in others.filter(|(name, _)| !own.contains(&name.as_str())) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let length = self.body.len();
        let _ = write!(
            head,
            "content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        [head.as_bytes(), &self.body].concat()
    }
}

/// Sends a question on a connection of its own and returns the answer.
pub(crate) fn exchange(address: SocketAddr, asked: &Message) -> io::Result<Message> {
    let mut stream = TcpStream::connect(address)?;
    // What the server does not want to read to its end it may answer before.
    let bytes = asked.to_bytes();
    let mut writer = stream.try_clone()?;
    std::thread::spawn(move || drop(writer.write_all(&bytes)));
    Message::read(&mut stream)
}
