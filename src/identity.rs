//! The keys of this client: the runner key that alone can claim what was
//! approved for it, and the key under which secrets are committed to.

use std::io;
use std::path::Path;

use gate_protocol::inert::inert;
use gate_protocol::runner_key::RunnerSecret;
use zeroize::Zeroizing;

use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::layout::Layout;
use crate::trust::{self, Owner, TrustError};

/// The length of a key.
const KEY_BYTES: usize = 32;

/// Thirty-two secret bytes. Neither shown nor sent.
pub(crate) struct CommitmentKey(Zeroizing<[u8; 32]>);

impl CommitmentKey {
    /// Returns the bytes for the one computation that needs them.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the key to mask a record with: this client's, or where there is
    /// none a fresh one, under which nothing can be compared later.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn for_record(layout: &Layout) -> Result<Self, Failure> {
        // Looked at, never made: who only asks how a command is read writes nothing.
        if let Ok(path) = layout.commitment_key()
            && let Ok(Some(key)) = read(&path)
        {
            return Ok(Self(key));
        }
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice()).map_err(|error| {
            Failure::new(FailureKind::Internal, "the system gives no random bytes").caused_by(error)
        })?;
        Ok(Self(key))
    }

    #[cfg(test)]
    pub(crate) fn for_test(byte: u8) -> Self {
        Self(Zeroizing::new([byte; 32]))
    }
}

/// The keys of this client.
pub(crate) struct Identity {
    /// Signs claims.
    pub(crate) runner: RunnerSecret,
    /// Commits to secrets.
    pub(crate) commitment: CommitmentKey,
}

impl Identity {
    /// Reads the keys, making them on first use.
    ///
    /// # Errors
    /// There is no folder for them, or one can't be read, is damaged, or can be
    /// read by others.
    pub(crate) fn load(layout: &Layout) -> Result<Self, Failure> {
        let runner = read_or_make(layout, &layout.runner_key()?)?;
        let commitment = read_or_make(layout, &layout.commitment_key()?)?;
        Ok(Self {
            runner: RunnerSecret::from_seed(&runner),
            commitment: CommitmentKey(commitment),
        })
    }
}

fn read_or_make(layout: &Layout, path: &Path) -> Result<Zeroizing<[u8; 32]>, Failure> {
    if let Some(key) = read(path).map_err(|error| unusable(layout, path, error))? {
        return Ok(key);
    }
    let made = make(path).and_then(|()| {
        // Two gates may have begun at once: the first one's key counts.
        read(path)?.ok_or(KeyError::Gone)
    });
    made.map_err(|error| unusable(layout, path, error))
}

fn make(path: &Path) -> Result<(), KeyError> {
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(key.as_mut_slice()).map_err(KeyError::Random)?;
    durable::create(path, key.as_slice()).map_err(KeyError::Write)
}

fn read(path: &Path) -> Result<Option<Zeroizing<[u8; 32]>>, KeyError> {
    let Some(bytes) = trust::read_bytes(path, Owner::CallerAlone, KEY_BYTES)? else {
        return Ok(None);
    };
    let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| KeyError::Length)?;
    Ok(Some(Zeroizing::new(key)))
}

/// Why a key can't be used.
#[derive(Debug, thiserror::Error)]
enum KeyError {
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error("it is not {KEY_BYTES} bytes long")]
    Length,
    #[error("it can't be written")]
    Write(#[source] io::Error),
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
    #[error("it is gone as soon as it was made")]
    Gone,
}

fn unusable(layout: &Layout, path: &Path, error: KeyError) -> Failure {
    let shown = inert(&path.to_string_lossy()).into_owned();
    let failure = Failure::new(
        FailureKind::Configuration,
        format!("cannot use the key `{shown}`"),
    );
    match &error {
        KeyError::Trust(TrustError::Read(_)) | KeyError::Write(_) => {
            failure.caused_by(error).hint(layout.state_mend())
        }
        KeyError::Trust(_) | KeyError::Length => failure.caused_by(error).hint(
            "make it a file of yours that nobody else can read: chmod 600; or remove it to get a new one",
        ),
        KeyError::Random(_) | KeyError::Gone => failure.caused_by(error),
    }
}
