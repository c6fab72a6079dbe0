//! Ports that stand for servers.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::{Outcome, Said};

/// Hands everybody who comes to a free port to `serve`, and returns the port. Its thread ends
/// with the process: it holds nothing but sockets.
pub(crate) fn listen(serve: impl Fn(TcpStream) + Send + 'static) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    Ok(port)
}

/// A port that counts who comes, and sends everybody away.
#[derive(Debug)]
pub(crate) struct Second {
    pub(crate) port: u16,
    came: Arc<AtomicUsize>,
}

impl Second {
    pub(crate) fn start() -> Outcome<Self> {
        let came: Arc<AtomicUsize> = Arc::default();
        let count = Arc::clone(&came);
        let port = listen(move |stream| {
            count.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        })?;
        Ok(Self { port, came })
    }

    /// Returns what is wrong where somebody came since the last time, and gate named another port.
    pub(crate) fn redirect(&self, said: &Said) -> Option<String> {
        let has_come = self.came.swap(0, Ordering::SeqCst) > 0;
        let named = said.target.get("port").map(String::as_str);
        let port = self.port.to_string();
        (has_come && named != Some(&port)).then(|| format!("redirect: to port {port}"))
    }
}
