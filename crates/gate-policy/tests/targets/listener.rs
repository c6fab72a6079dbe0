//! A listener of this machine that says what it was asked.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::Any;

/// A listener that refuses every request, and says what it was asked.
pub(crate) struct Listener {
    pub(crate) port: u16,
    heard: Receiver<Vec<u8>>,
}

impl Listener {
    pub(crate) fn start(answer: &'static [u8]) -> Any<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let (say, heard) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                drop(say.send(asked(stream, answer).unwrap_or_default()));
            }
        });
        Ok(Self { port, heard })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns what was asked until it is quiet: what a tool asked last can
    /// still wait to be heard.
    pub(crate) fn all(&self) -> Vec<String> {
        let mut heard = Vec::new();
        while let Ok(bytes) = self.heard.recv_timeout(Duration::from_millis(150)) {
            heard.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        heard
    }

    pub(crate) fn first(&self) -> Option<String> {
        self.all().into_iter().next()
    }
}

fn asked(mut stream: TcpStream, answer: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut bytes = vec![0; 8_192];
    let length = stream.read(&mut bytes)?;
    bytes.truncate(length);
    stream.write_all(answer)?;
    Ok(bytes)
}
