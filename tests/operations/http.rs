//! HTTP as a program of the test's own speaks it: to the byte, with nothing added.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::stage::SOON;

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Sends a request to an address, and returns the answer; none where there is none.
pub(crate) fn send(address: &str, head: &str, body: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(SOON)).unwrap();
    let length = body.len();
    let request = format!(
        "{head}\r\nHost: gate\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    drop(stream.read_to_end(&mut answer));
    parse(&String::from_utf8_lossy(&answer))
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

/// Fetches a path.
pub(crate) fn get(address: &str, path: &str) -> Option<Answer> {
    send(address, &format!("GET {path} HTTP/1.1"), "")
}
