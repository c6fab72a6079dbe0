//! Messages of at most so many bytes, each one line of JSON: what is none is answered, and kept
//! nowhere.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rmcp::RoleServer;
use rmcp::model::ErrorData;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The longest line that is read, in bytes: a command line can't be longer than two, and none that
/// anybody writes comes near it.
const LINE_LIMIT_BYTES: usize = 1 << 20;
/// How much is read at once, in bytes.
const READ_BYTES: usize = 8 << 10;

/// Why a line is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    TooLong,
    NoJson,
}

/// What is read, line by line; what is no message is left out.
struct Lines<R> {
    source: R,
    /// What the line holds so far; nothing where it is too long.
    line: Vec<u8>,
    /// How long the line is so far.
    line_bytes: usize,
    /// What is passed on and was not taken yet.
    passed: VecDeque<u8>,
    refused: UnboundedSender<Refusal>,
}

impl<R> Lines<R> {
    /// Passes on the lines that end in these bytes. Tells whether one was refused.
    fn pass(&mut self, bytes: &[u8]) -> bool {
        let mut has_refused = false;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let was_cut = self.line_bytes > LINE_LIMIT_BYTES;
            self.line_bytes = self.line_bytes.saturating_add(piece.len());
            if self.line_bytes <= LINE_LIMIT_BYTES {
                self.line.extend(piece);
            } else if !was_cut {
                self.line = Vec::new();
                has_refused |= self.refuse(Refusal::TooLong);
            }
            if piece.ends_with(b"\n") {
                has_refused |= self.end_line();
            }
        }
        has_refused
    }

    /// Passes the line on, if it is one of JSON. Tells whether it was refused.
    fn end_line(&mut self) -> bool {
        let line = std::mem::take(&mut self.line);
        self.line_bytes = 0;
        // A number without an end and a text of half a letter are read only where a value is made.
        if serde_json::from_slice::<Value>(&line).is_ok() {
            self.passed.extend(line);
            return false;
        }
        !line.trim_ascii().is_empty() && self.refuse(Refusal::NoJson)
    }

    fn refuse(&self, why: Refusal) -> bool {
        self.refused.send(why).is_ok()
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Lines<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.passed.is_empty() {
            let mut bytes = [0; READ_BYTES];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.source).poll_read(cx, &mut read))?;
            let is_end = read.filled().is_empty();
            let has_refused = if is_end {
                this.end_line()
            } else {
                this.pass(read.filled())
            };
            if has_refused {
                // That is told before more is read.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if is_end {
                break;
            }
        }
        let count = this.passed.len().min(buf.remaining());
        let passed: Vec<u8> = this.passed.drain(..count).collect();
        buf.put_slice(&passed);
        Poll::Ready(Ok(()))
    }
}

/// A transport that answers what is no message with an error.
pub(super) struct Bounded<R: AsyncRead + Unpin, W: AsyncWrite> {
    inner: AsyncRwTransport<RoleServer, Lines<R>, W>,
    refused: UnboundedReceiver<Refusal>,
}

impl<R, W> Bounded<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    pub(super) fn new((source, sink): (R, W)) -> Self {
        let (sender, refused) = unbounded_channel();
        let source = Lines {
            source,
            line: Vec::new(),
            line_bytes: 0,
            passed: VecDeque::new(),
            refused: sender,
        };
        Self {
            inner: AsyncRwTransport::new(source, sink),
            refused,
        }
    }
}

/// Which message it was can't be said: nothing of it was read.
fn error_of(why: Refusal) -> ErrorData {
    match why {
        Refusal::TooLong => {
            let text = format!(
                "the message is longer than {LINE_LIMIT_BYTES} bytes; nothing was done about it"
            );
            ErrorData::invalid_request(text, None)
        }
        Refusal::NoJson => {
            let text = "the message is a line that is no JSON; nothing was done about it";
            ErrorData::parse_error(text, None)
        }
    }
}

impl<R, W> Transport<RoleServer> for Bounded<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        self.inner.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            let why = tokio::select! {
                biased;
                Some(why) = self.refused.recv() => why,
                message = self.inner.receive() => return message,
            };
            let error = TxJsonRpcMessage::<RoleServer>::error(error_of(why), None);
            self.inner.send(error).await.ok()?;
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.inner.close().await
    }
}
