//! Something between the client and the server that does with questions and
//! answers what a test wants: rewrite them, hold them, lose them.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::http::{Message, exchange};

/// How long a test and the proxy wait for each other.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the client gets.
#[derive(Debug)]
pub(crate) enum Reply {
    /// An answer.
    Answer(Message),
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes, one each second.
    Drip(Vec<u8>),
    /// A header that announces so many bytes of JSON, and as many of them as are taken.
    Flood(usize),
    /// The end of the connection.
    Nothing,
}

impl Reply {
    /// Returns the answer changed, where it is one.
    pub(crate) fn changed(self, change: impl FnOnce(Message) -> Self) -> Self {
        if let Self::Answer(answer) = self {
            return change(answer);
        }
        self
    }
}

/// Where the questions go that are passed on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upstream(SocketAddr);

impl Upstream {
    /// Passes the question on and returns what came back.
    pub(crate) fn pass(self, asked: &Message) -> Reply {
        exchange(self.0, asked).map_or(Reply::Nothing, Reply::Answer)
    }

    /// Returns the server's address.
    pub(crate) fn address(self) -> SocketAddr {
        self.0
    }

    /// Sends the question and waits for nothing.
    fn send(self, asked: &Message) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.0)?;
        asked.write(&mut stream)?;
        Ok(stream)
    }
}

/// What the proxy does with each question.
pub(crate) type Script = Arc<dyn Fn(&Message, Upstream) -> Reply + Send + Sync>;

/// A proxy on a port of its own, as long as the test runs.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    upstream: Arc<Mutex<SocketAddr>>,
    script: Arc<Mutex<Script>>,
}

impl Proxy {
    /// Starts a proxy that passes everything on.
    pub(crate) fn to(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let pass: Script = Arc::new(|asked: &Message, upstream: Upstream| upstream.pass(asked));
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            upstream: Arc::new(Mutex::new(upstream)),
            script: Arc::new(Mutex::new(pass)),
        };
        let (upstream, script) = (Arc::clone(&proxy.upstream), Arc::clone(&proxy.script));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let upstream = Upstream(*upstream.lock().unwrap());
                let script = Arc::clone(&script.lock().unwrap());
                std::thread::spawn(move || serve(stream, &script, upstream));
            }
        });
        proxy
    }

    /// Passes on to another address from here on.
    pub(crate) fn redirect(&self, upstream: SocketAddr) {
        *self.upstream.lock().unwrap() = upstream;
    }

    /// Does this from here on.
    pub(crate) fn set(&self, script: Script) {
        *self.script.lock().unwrap() = script;
    }

    /// Stops at `point`, once, and passes everything else on.
    pub(crate) fn stop_at(&self, point: Point) -> Stop {
        let (script, stop) = point.into_script();
        self.set(script);
        stop
    }
}

fn serve(mut stream: TcpStream, script: &Script, upstream: Upstream) {
    // A client that went away is what some tests are about.
    let Ok(mut asked) = Message::read(&mut stream) else {
        return;
    };
    // What is asked next has to come on the same connection.
    while asked.line().1.starts_with("/v1/server/proof?") {
        let Ok(next) = prove(&mut stream, &asked, upstream) else {
            return;
        };
        asked = next;
    }
    drop(match script(&asked, upstream) {
        Reply::Answer(answer) => answer.write(&mut stream),
        Reply::Bytes(bytes) => stream.write_all(&bytes),
        Reply::Drip(bytes) => drip(&mut stream, &bytes),
        Reply::Flood(length) => flood(&mut stream, length),
        Reply::Nothing => Ok(()),
    });
}

/// Passes on the question for the server's key, and returns what comes after it.
fn prove(stream: &mut TcpStream, asked: &Message, upstream: Upstream) -> io::Result<Message> {
    let answer = exchange(upstream.0, asked)?.to_bytes();
    let kept = String::from_utf8_lossy(&answer).replacen("connection: close\r\n", "", 1);
    stream.write_all(kept.as_bytes())?;
    Message::read(stream)
}

fn drip(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    for byte in bytes {
        stream.write_all(&[*byte])?;
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn flood(stream: &mut TcpStream, length: usize) -> io::Result<()> {
    // Without a length in the head, so that only the reader's own limit ends it.
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[\"")?;
    let block = vec![b'x'; 1 << 16];
    for _ in 0..length.div_ceil(block.len()) {
        stream.write_all(&block)?;
    }
    stream.write_all(b"\"]")
}

/// When the proxy stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// With the question in hand.
    Before,
    /// With the question on its way to the server.
    Sent,
    /// With the answer in hand.
    After,
}

/// Where the proxy stops: a question of this method, whose path ends so, and
/// whose body has this in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) method: &'static str,
    pub(crate) path_end: &'static str,
    pub(crate) body_has: &'static str,
    pub(crate) when: When,
}

impl Point {
    pub(crate) const SUBMISSION: Self = Self::post("/v1/requests", "");
    pub(crate) const CLAIM: Self = Self::post("/claim", "");
    pub(crate) const START: Self = Self::post("/v1/events", "run_started");
    pub(crate) const OUTCOME: Self = Self::post("/v1/events", "run_finished");
    pub(crate) const RULES: Self = Self::get("/v1/rules");
    /// The path of the one request that is waited for.
    pub(crate) const POLL: Self = Self::get("/v1/requests/*");

    const fn get(path_end: &'static str) -> Self {
        Self {
            method: "GET",
            path_end,
            body_has: "",
            when: When::Before,
        }
    }

    pub(crate) const fn post(path_end: &'static str, body_has: &'static str) -> Self {
        Self {
            method: "POST",
            path_end,
            body_has,
            when: When::Before,
        }
    }

    pub(crate) const fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    pub(crate) fn matches(self, asked: &Message) -> bool {
        let (method, target) = asked.line();
        let path = target.split('?').next().unwrap_or_default();
        let is_there = match self.path_end.strip_suffix('*') {
            Some(folder) => path.starts_with(folder),
            None => path.ends_with(self.path_end),
        };
        method == self.method
            && is_there
            && String::from_utf8_lossy(&asked.body).contains(self.body_has)
    }

    fn into_script(self) -> (Script, Stop) {
        let (tell, reached) = channel();
        let (go, wait) = channel();
        let (tell, wait) = (Mutex::new(tell), Mutex::new(wait));
        let is_used = AtomicBool::new(false);
        let script = move |asked: &Message, upstream: Upstream| {
            if !self.matches(asked) || is_used.swap(true, Ordering::SeqCst) {
                return upstream.pass(asked);
            }
            let in_hand = match self.when {
                When::Before => None,
                When::Sent => {
                    let stream = upstream.send(asked);
                    let _ = tell.lock().unwrap().send(());
                    let _ = wait.lock().unwrap().recv_timeout(PATIENCE);
                    drop(stream);
                    return Reply::Nothing;
                }
                When::After => Some(upstream.pass(asked)),
            };
            let _ = tell.lock().unwrap().send(());
            match wait.lock().unwrap().recv_timeout(PATIENCE) {
                Ok(Go::On) => in_hand.unwrap_or_else(|| upstream.pass(asked)),
                Ok(Go::Lost) | Err(_) => Reply::Nothing,
            }
        };
        (Arc::new(script), Stop { reached, go })
    }
}

#[derive(Clone, Copy, Debug)]
enum Go {
    On,
    Lost,
}

/// A point that is reached once, where everything then waits for the test.
pub(crate) struct Stop {
    reached: Receiver<()>,
    go: Sender<Go>,
}

impl Stop {
    /// Waits until the point is reached.
    pub(crate) fn reached(&self) {
        self.reached.recv_timeout(PATIENCE).unwrap();
    }

    /// Lets what is in hand go on.
    pub(crate) fn go_on(self) {
        let _ = self.go.send(Go::On);
    }

    /// Loses what is in hand.
    pub(crate) fn lose(self) {
        let _ = self.go.send(Go::Lost);
    }
}
