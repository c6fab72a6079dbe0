//! A server that can misbehave: plain threads over plain sockets, so that
//! nothing repairs what goes over the wire.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use gate_client::{Client, ClientSettings};

/// One request as it came in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    /// Returns the request line without the version.
    pub(crate) fn target(&self) -> &str {
        self.head
            .lines()
            .next()
            .unwrap()
            .trim_end_matches(" HTTP/1.1")
    }

    /// Returns the value of the header with this lowercase name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// What the server does with its n-th connection, from 0.
pub(crate) type Behaviour = dyn Fn(TcpStream, usize) + Send + Sync;

/// A server that behaves as told until it is dropped.
pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
    is_stopped: Arc<AtomicBool>,
    connections: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
    acceptor: Option<thread::JoinHandle<()>>,
}

impl Stub {
    pub(crate) fn start(behaviour: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), behaviour)
    }

    pub(crate) fn start_at(
        address: SocketAddr,
        behaviour: impl Fn(TcpStream, usize) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let mut stub = Self {
            address: listener.local_addr().unwrap(),
            is_stopped: Arc::default(),
            connections: Arc::default(),
            most_at_once: Arc::default(),
            acceptor: None,
        };
        let behaviour: Arc<Behaviour> = Arc::new(behaviour);
        let is_stopped = Arc::clone(&stub.is_stopped);
        let connections = Arc::clone(&stub.connections);
        let most_at_once = Arc::clone(&stub.most_at_once);
        stub.acceptor = Some(thread::spawn(move || {
            let open = Arc::new(AtomicUsize::new(0));
            for stream in listener.incoming() {
                if is_stopped.load(Ordering::SeqCst) {
                    return;
                }
                let stream = stream.unwrap();
                stream
                    .set_read_timeout(Some(Duration::from_secs(20)))
                    .unwrap();
                stream
                    .set_write_timeout(Some(Duration::from_secs(20)))
                    .unwrap();
                let number = connections.fetch_add(1, Ordering::SeqCst);
                most_at_once.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let (open, behaviour) = (Arc::clone(&open), Arc::clone(&behaviour));
                thread::spawn(move || {
                    behaviour(stream, number);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        }));
        stub
    }

    /// Starts a server that answers the n-th request with the n-th text, and
    /// all later ones with the last.
    pub(crate) fn answering(answers: Vec<Vec<u8>>) -> (Self, Arc<Mutex<Vec<Seen>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let stub = Self::start(move |mut stream, number| {
            log.lock().unwrap().push(read_request(&mut stream));
            let answer = answers.get(number).or(answers.last()).unwrap();
            // The client may have left, which is what some tests are about.
            drop(stream.write_all(answer));
        });
        (stub, seen)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.most_at_once.load(Ordering::SeqCst)
    }

    /// Returns a client of this server with 1 s for each exchange.
    pub(crate) fn client(&self) -> Client {
        Client::new(settings(&format!("http://{}", self.address))).unwrap()
    }
}

impl Drop for Stub {
    /// Stops listening and waits until the port is free again.
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().unwrap();
        }
    }
}

pub(crate) fn settings(server: &str) -> ClientSettings {
    let mut settings = ClientSettings::new(server.parse().unwrap());
    settings = settings.with_token("gate_test_token".parse().unwrap());
    settings.connect_timeout = Duration::from_secs(1);
    settings.request_timeout = Duration::from_secs(1);
    settings
}

pub(crate) fn read_request(stream: &mut impl Read) -> Seen {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        bytes.push(byte[0]);
    }
    let mut seen = Seen {
        head: String::from_utf8(bytes).unwrap(),
        body: String::new(),
    };
    let length = seen
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    seen.body = String::from_utf8(body).unwrap();
    seen
}

/// Returns a whole answer with these headers (each ended by CR LF) and this body.
pub(crate) fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Any\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

pub(crate) const JSON: &str = "content-type: application/json\r\n";
pub(crate) const PROBLEM: &str = "content-type: application/problem+json\r\n";
