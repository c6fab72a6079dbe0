//! A port that stands for another server.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::Outcome;

/// A port that counts who comes, and sends everybody away.
#[derive(Debug)]
pub(crate) struct Second {
    pub(crate) port: u16,
    came: Arc<AtomicUsize>,
}

impl Second {
    pub(crate) fn start() -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let came: Arc<AtomicUsize> = Arc::default();
        let count = Arc::clone(&came);
        thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                drop(stream);
            }
        });
        Ok(Self { port, came })
    }

    pub(crate) fn take(&self) -> usize {
        self.came.swap(0, Ordering::SeqCst)
    }
}
