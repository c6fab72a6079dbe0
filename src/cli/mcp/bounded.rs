//! Messages of at most so many bytes, each one line: what is longer is answered, and kept nowhere.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rmcp::RoleServer;
use rmcp::model::ErrorData;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// The longest line that is read, in bytes: a command line can't be longer than two, and none that
/// anybody writes comes near it.
const LINE_LIMIT_BYTES: usize = 1 << 20;
/// How much is read at once, in bytes.
const READ_BYTES: usize = 8 << 10;
/// What ends a line that is cut off: no JSON has such a byte outside of what it would stand in, so
/// nothing of the line is taken for a message.
const CUT: &[u8] = b"\x01\n";

/// What is read, with each line that is too long cut off.
struct CutOff<R> {
    source: R,
    /// How long the line is so far.
    line_bytes: usize,
    /// What is passed on and was not taken yet.
    passed: VecDeque<u8>,
    has_cut: Arc<Notify>,
}

impl<R> CutOff<R> {
    /// Passes on what of the bytes is within the limit.
    fn pass(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let was_cut = self.line_bytes > LINE_LIMIT_BYTES;
            self.line_bytes = self.line_bytes.saturating_add(piece.len());
            if self.line_bytes <= LINE_LIMIT_BYTES {
                self.passed.extend(piece);
            } else if !was_cut {
                self.passed.extend(CUT);
                self.has_cut.notify_one();
            }
            if piece.ends_with(b"\n") {
                self.line_bytes = 0;
            }
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for CutOff<R> {
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
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.pass(read.filled());
        }
        let count = this.passed.len().min(buf.remaining());
        let passed: Vec<u8> = this.passed.drain(..count).collect();
        buf.put_slice(&passed);
        Poll::Ready(Ok(()))
    }
}

/// A transport that answers what is too long with an error.
pub(super) struct Bounded<R: AsyncRead + Unpin, W: AsyncWrite> {
    inner: AsyncRwTransport<RoleServer, CutOff<R>, W>,
    has_cut: Arc<Notify>,
}

impl<R, W> Bounded<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    pub(super) fn new((source, sink): (R, W)) -> Self {
        let has_cut = Arc::new(Notify::new());
        let source = CutOff {
            source,
            line_bytes: 0,
            passed: VecDeque::new(),
            has_cut: Arc::clone(&has_cut),
        };
        Self {
            inner: AsyncRwTransport::new(source, sink),
            has_cut,
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
            tokio::select! {
                biased;
                () = self.has_cut.notified() => {}
                message = self.inner.receive() => return message,
            }
            let text = format!(
                "the message is longer than {LINE_LIMIT_BYTES} bytes; nothing was done about it"
            );
            // Which message it was can't be said: nothing of it was read.
            let error = ErrorData::invalid_request(text, None);
            let told = self
                .inner
                .send(TxJsonRpcMessage::<RoleServer>::error(error, None));
            told.await.ok()?;
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.inner.close().await
    }
}
