//! The keys of this client: the runner key that alone can claim what was
//! approved for it, and the key under which secrets are committed to.

use std::io;
use std::path::Path;

use gate_protocol::runner_key::RunnerSecret;
use zeroize::Zeroizing;

use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::layout::Layout;

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
        if let Ok(identity) = Identity::load(layout) {
            return Ok(identity.commitment);
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
        let folder = layout.identity()?;
        let read = |name: &str| {
            let path = folder.join(name);
            read_or_make(&path).map_err(|error| {
                Failure::new(
                    FailureKind::Configuration,
                    format!("cannot use the key `{}`", path.display()),
                )
                .caused_by(error)
            })
        };
        Ok(Self {
            runner: RunnerSecret::from_seed(&*read("runner.key")?),
            commitment: CommitmentKey(read("commitment.key")?),
        })
    }
}

fn read_or_make(path: &Path) -> io::Result<Zeroizing<[u8; 32]>> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = Zeroizing::new([0; 32]);
            getrandom::fill(key.as_mut_slice()).map_err(io::Error::other)?;
            durable::create(path, key.as_slice())?;
            // Two gates may have begun at once: the first one's key counts.
            read(path)
        }
        found => found,
    }
}

fn read(path: &Path) -> io::Result<Zeroizing<[u8; 32]>> {
    use std::os::unix::fs::MetadataExt as _;
    let mode = std::fs::metadata(path)?.mode();
    if mode & 0o077 != 0 {
        return Err(io::Error::other(
            "others can read it; chmod 600 it, or remove it",
        ));
    }
    let bytes = Zeroizing::new(std::fs::read(path)?);
    let key = <[u8; 32]>::try_from(bytes.as_slice())
        .map_err(|_| io::Error::other("it is not 32 bytes long; remove it to get a new one"))?;
    Ok(Zeroizing::new(key))
}
