//! A Kubernetes API server that keeps no state: it answers discovery and reads
//! with plausible objects, says yes to every change, and writes down what it
//! was sent. Whoever deletes something is told that nothing is left, so that
//! nobody waits for it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::objects;
use crate::second::listen;

/// One request, as it came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    pub(super) query: String,
    pub(super) body: Vec<u8>,
    pub(super) is_authorized: bool,
    accept: String,
}

/// The server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(super) fn start() -> io::Result<Self> {
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let record = Arc::clone(&seen);
        let port = listen(move |stream| {
            let record = Arc::clone(&record);
            // A client that goes away in the middle of an answer is no fault of ours.
            thread::spawn(move || drop(serve(&stream, &record)));
        })?;
        Ok(Self { port, seen })
    }

    /// Returns what came since the last time.
    pub(super) fn take(&self) -> Vec<Request> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *seen)
    }
}

fn serve(stream: &TcpStream, record: &Mutex<Vec<Request>>) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader)? {
        let has_deleted = {
            let mut seen = record.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(request.clone());
            seen.iter().any(|request| request.method == "DELETE")
        };
        let (status, kind, body) = answer(&request, has_deleted);
        let mut out = stream;
        out.write_all(
            format!(
                "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
                body.len()
            )
            .as_bytes(),
        )?;
        out.write_all(body.as_bytes())?;
    }
    Ok(())
}

fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut parts = line.split_whitespace();
    let method = parts.next().unwrap_or_default().to_owned();
    let target = parts.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        body: Vec::new(),
        is_authorized: false,
        accept: String::new(),
    };
    let mut length = 0_u64;
    let mut is_chunked = false;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "transfer-encoding" => is_chunked = value.trim() == "chunked",
            "authorization" => request.is_authorized = true,
            "accept" => value.trim().clone_into(&mut request.accept),
            _ => {}
        }
    }
    if is_chunked {
        read_chunks(reader, &mut request.body)?;
    } else {
        reader.take(length).read_to_end(&mut request.body)?;
    }
    Ok(Some(request))
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
        reader.by_ref().take(size).read_to_end(body)?;
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(());
        }
    }
}

type Answer = (u16, &'static str, String);
const JSON: &str = "application/json";

fn answer(request: &Request, has_deleted: bool) -> Answer {
    let path = request.path.trim_end_matches('/');
    match path {
        "/healthz" | "/livez" | "/readyz" | "/metrics" => return (200, "text/plain", "ok".into()),
        _ => {}
    }
    if let Some(found) = objects::discovery(path) {
        return (200, JSON, found.to_string());
    }
    if let Some(review) = objects::review(path) {
        return (201, JSON, review.to_string());
    }
    let Some(place) = objects::Place::of(path) else {
        return missing(path);
    };
    match (request.method.as_str(), place.below) {
        ("GET", "log") => (200, "text/plain", "one line\n".into()),
        (_, "exec" | "attach" | "portforward" | "proxy") => missing(path),
        ("GET", _) if has_deleted && !place.name.is_empty() => missing(path),
        ("GET", _) if request.query.contains("watch=") => (200, JSON, String::new()),
        ("GET", _) if place.name.is_empty() => {
            (200, JSON, place.list(request.accept.contains("as=Table")))
        }
        ("GET", _) if request.accept.contains("as=Table") => (200, JSON, place.list(true)),
        ("POST", _) => (201, JSON, place.object().to_string()),
        _ => (200, JSON, place.object().to_string()),
    }
}

fn missing(path: &str) -> Answer {
    let status = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound",
        "message": format!("{path} not found"), "code": 404,
    });
    (404, JSON, status.to_string())
}
