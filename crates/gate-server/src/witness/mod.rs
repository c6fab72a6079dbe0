//! A witness: somebody else's signature under the head of a log.
//!
//! It runs where who keeps the log has no say, and signs each head that goes on from the one that
//! it signed before. Who holds its key knows that no second history was shown to anybody under
//! it. It knows nothing of records. Source: C2SP tlog-witness and tlog-cosignature.

mod book;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum_server::Handle;
use gate_protocol::log::WitnessRefusal;
use gate_protocol::signed_note::{Cosigner, VerifierKey};

use self::book::{Book, BookError};
use crate::keys::{self, KeysError, NextKey};

/// The largest body, in bytes: a proof and a signed note.
const BODY_BYTES: usize = 1 << 20;
/// How long a client may take to send the head of a request, and how long a stop waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a witness can't work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// The folder or the key can't be used.
    #[error("the witness's folder can't be used")]
    Keys(#[from] KeysError),
    /// Another witness has the folder: two could sign two histories.
    #[error("another witness runs on `{}`", .0.display())]
    InUse(PathBuf),
    /// What it signed before can't be read, so nothing can be signed.
    #[error("what was signed before can't be read from `{}`", .0.display())]
    Unreadable(PathBuf),
    /// One key of a log was named twice.
    #[error("one key of the log `{0}` is named twice")]
    Ambiguous(String),
    /// The listener failed.
    #[error("the listener failed")]
    Listen(#[source] std::io::Error),
}

/// The keys of a witness, of which the second came after the first.
#[derive(Clone, Debug)]
pub struct RotatedWitness {
    /// The key before, by which it still signs.
    pub before: VerifierKey,
    /// The key of now.
    pub after: VerifierKey,
    /// The file of the key before.
    pub kept: PathBuf,
}

/// A witness of some logs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Witness {
    book: Arc<Book>,
}

impl Witness {
    /// Opens the witness that is in a folder, or makes one there, under a name that is never
    /// changed; it signs for these logs alone.
    ///
    /// # Errors
    /// Each [`WitnessError`] as its name says, but not [`WitnessError::Listen`].
    pub fn open(dir: &Path, name: &str, logs: Vec<VerifierKey>) -> Result<Self, WitnessError> {
        let book = Arc::new(Book::open(dir, name, logs)?);
        Ok(Self { book })
    }

    /// Returns the keys that it signs with, the newest first: those before stay until their files
    /// are removed.
    pub fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.book.keys()
    }

    /// Makes a new key for the witness in a folder, on which none runs. It signs by both from then on,
    /// so that whoever demands the one before has time.
    ///
    /// # Errors
    /// Each [`WitnessError`] as its name says; nothing was changed then, or all of it was.
    pub fn rotate(dir: &Path, name: &str) -> Result<RotatedWitness, WitnessError> {
        let _lock = keys::lock(dir)?.ok_or_else(|| WitnessError::InUse(dir.to_owned()))?;
        let before = keys::witness_key(dir, name)?.verifier().clone();
        let next = NextKey::for_witness(dir, name)?;
        let after = Cosigner::from_seed(name, next.key.expose_seed()).map_err(KeysError::from)?;
        let kept = next.take_place(&before)?;
        Ok(RotatedWitness {
            before,
            after: after.verifier().clone(),
            kept,
        })
    }

    /// Answers on `listener` until `shutdown` ends, on the caller's runtime: `POST
    /// /add-checkpoint`, and nothing else. What it answers with is signed, and what it is asked
    /// must be, so TLS may be somebody else's.
    ///
    /// # Errors
    /// [`WitnessError::Listen`].
    pub async fn serve_on(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), WitnessError> {
        let service = Router::new()
            .route("/add-checkpoint", post(add_checkpoint))
            .layer(DefaultBodyLimit::max(BODY_BYTES))
            .with_state(self)
            .into_make_service();
        let handle = Handle::new();
        let mut listening = axum_server::from_tcp(listener)
            .map_err(WitnessError::Listen)?
            .handle(handle.clone())
            .http1_only();
        let mut http = listening.http_builder().http1();
        http.header_read_timeout(PATIENCE);
        let answering = listening.serve(service);
        tokio::pin!(answering);
        tokio::select! {
            ended = &mut answering => return ended.map_err(WitnessError::Listen),
            () = shutdown => {}
        }
        handle.graceful_shutdown(Some(PATIENCE));
        answering.await.map_err(WitnessError::Listen)
    }
}

async fn add_checkpoint(State(witness): State<Witness>, body: Bytes) -> Response {
    // It waits for the disk.
    let signed = tokio::task::spawn_blocking(move || witness.book.add(&body)).await;
    match signed {
        Ok(Ok(line)) => line.into_response(),
        Ok(Err(BookError::Refused(refusal))) => refused(&refusal),
        Ok(Err(BookError::File(error))) => failed(&error),
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> Response {
    tracing::error!(%error, "a checkpoint was not signed");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn refused(refusal: &WitnessRefusal) -> Response {
    tracing::warn!(%refusal, "a checkpoint was not signed");
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    if let WitnessRefusal::Conflict { size } = refusal {
        let headers = [(CONTENT_TYPE, "text/x.tlog.size")];
        return (status, headers, format!("{size}\n")).into_response();
    }
    (status, format!("{refusal}\n")).into_response()
}
