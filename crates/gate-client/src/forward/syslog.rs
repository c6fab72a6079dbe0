//! Syslog over TCP and TLS: RFC 5424 messages with their length in front of them (RFC 6587, section
//! 3.4.1, and RFC 5425, section 4.3).
//!
//! Neither has an acknowledgement. What a socket took may be lost with the receiver, or with the
//! machine between. So each batch has a connection of its own, whose end is said first by this side:
//! a receiver closes its half when it has read everything up to there, and only then was it received.

use std::io::{self, BufWriter, Read as _, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::destination::Destination;
use super::{ForwardError, chain};
use crate::settings::SettingsError;
use crate::tls;

/// How long one address may take to answer.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the receiver may take nothing of what is sent.
const WRITE: Duration = Duration::from_secs(30);
/// How long it may take to read all of it and to close.
const CLOSE: Duration = Duration::from_mins(1);
/// What a receiver may say in all, which no protocol here gives it to say.
const MOST_BYTES: usize = 64 << 10;

/// Sends messages to one syslog receiver.
#[derive(Debug)]
pub struct SyslogSender {
    destination: Destination,
    tls: Option<Arc<ClientConfig>>,
}

impl SyslogSender {
    /// Returns a sender that trusts these certificates besides Mozilla's roots. Sends nothing.
    ///
    /// # Errors
    /// The certificates can't be used.
    pub fn new(destination: Destination, ca_pem: Option<&[u8]>) -> Result<Self, SettingsError> {
        let tls = destination.is_tls();
        let tls = tls.then(|| tls::client_config(ca_pem)).transpose()?;
        let tls = tls.map(Arc::new);
        Ok(Self { destination, tls })
    }

    /// Sends messages in their order, and returns once the receiver has read all of them.
    ///
    /// # Errors
    /// [`ForwardError::Later`]: it may have read any number of them.
    pub fn send(&self, messages: &[String]) -> Result<(), ForwardError> {
        self.exchange(messages)
            .map_err(|error| ForwardError::Later {
                destination: self.destination.to_string(),
                why: chain(&error),
                retry_after: None,
            })
    }

    fn exchange(&self, messages: &[String]) -> io::Result<()> {
        let mut stream = self.connect()?;
        let Some(config) = &self.tls else {
            write_frames(&mut stream, messages)?;
            stream.shutdown(Shutdown::Write)?;
            return read_to_end(|buffer| (&stream).read(buffer), &stream);
        };
        let (host, _) = self.destination.address();
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let mut tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        write_frames(&mut rustls::Stream::new(&mut tls, &mut stream), messages)?;
        tls.send_close_notify();
        while tls.wants_write() {
            tls.write_tls(&mut stream)?;
        }
        stream.shutdown(Shutdown::Write)?;
        // A receiver that closes without a word of TLS has read everything as well, as GnuTLS does
        // in rsyslog. One that refuses says so by an alert.
        let mut has_closed = false;
        let ended = |buffer: &mut [u8]| {
            // Behind its last word of TLS the connection may still be reset.
            if has_closed {
                return (&stream).read(buffer);
            }
            let read = tls.read_tls(&mut &stream)?;
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            let plain = state.plaintext_bytes_to_read().min(buffer.len());
            drop(tls.reader().read(buffer.split_at_mut(plain).0));
            has_closed = state.peer_has_closed();
            Ok(read)
        };
        read_to_end(ended, &stream)
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let (host, port) = self.destination.address();
        let addresses: Vec<SocketAddr> = if host == "localhost" {
            // RFC 6761, section 6.3: no resolver is asked.
            let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            loopback.map(|ip| SocketAddr::new(ip, port)).to_vec()
        } else {
            (host, port).to_socket_addrs()?.collect()
        };
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(stream) => {
                    stream.set_write_timeout(Some(WRITE))?;
                    stream.set_read_timeout(Some(WRITE))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn write_frames(to: &mut impl Write, messages: &[String]) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(64 << 10, to);
    for message in messages {
        write!(to, "{} {message}", message.len())?;
    }
    to.flush()
}

/// Reads until the other side has closed.
fn read_to_end(
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    socket: &TcpStream,
) -> io::Result<()> {
    let begun = Instant::now();
    let mut total = 0;
    let mut buffer = [0; 4096];
    loop {
        let left = CLOSE.saturating_sub(begun.elapsed());
        if left.is_zero() {
            let why = "it did not close the connection after the last message";
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        socket.set_read_timeout(Some(left))?;
        match read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => total += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if total > MOST_BYTES {
            let why = "it says more than a receiver of syslog does";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn sender(listener: &TcpListener) -> SyslogSender {
        let port = listener.local_addr().unwrap().port();
        let destination = format!("syslog+tcp://127.0.0.1:{port}");
        SyslogSender::new(destination.parse().unwrap(), None).unwrap()
    }

    #[test]
    fn messages_have_their_length_in_bytes_in_front_and_count_once_they_were_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sender = sender(&listener);
        let receiver = std::thread::spawn(move || {
            let mut text = String::new();
            listener
                .accept()
                .unwrap()
                .0
                .read_to_string(&mut text)
                .unwrap();
            text
        });
        sender
            .send(&["ä".to_owned(), String::new(), "two words".to_owned()])
            .unwrap();
        assert_eq!(receiver.join().unwrap(), "2 ä0 9 two words");
    }

    /// A receiver that dies with what it was sent unread resets the connection: `tcp(7)`.
    #[test]
    fn what_a_receiver_did_not_read_to_its_end_was_not_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sender = sender(&listener);
        let receiver = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut some = [0; 10];
            stream.read_exact(&mut some).unwrap();
            // What comes after this much fills the buffers of the machine, and is never read.
            std::thread::sleep(Duration::from_millis(200));
        });
        let messages = vec!["x".repeat(100_000); 3];
        let lost = sender.send(&messages).unwrap_err();
        assert!(matches!(lost, ForwardError::Later { .. }), "{lost}");
        receiver.join().unwrap();
        let gone = sender.send(&messages).unwrap_err();
        assert!(matches!(gone, ForwardError::Later { .. }), "{gone}");
    }
}
