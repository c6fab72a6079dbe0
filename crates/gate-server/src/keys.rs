//! The server's two keys: one signs grants and rules, one signs the log's head.
//!
//! Each is a file with the seed in hexadecimal, mode 0600, in the data folder.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use gate_protocol::canonical::Digest;
use gate_protocol::signed_note::{Cosigner, KeyError, KeyPurpose, SigningKey, VerifierKey};

/// The two keys of a server.
pub(crate) struct Keys {
    pub(crate) grant: SigningKey,
    pub(crate) log: SigningKey,
}

/// Why a data folder or a key can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// A file or folder can't be made, read or written.
    #[error("cannot use `{}`", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Others than the owner can read it.
    #[error("`{}` can be read by others (mode {mode:03o}); set it to {wanted:03o}", .path.display())]
    Open {
        /// The file or folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// What the mode must be.
        wanted: u32,
    },
    /// The key of a server that was made before is gone.
    #[error("`{}` is gone; put it back from a backup, or start with an empty folder", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The keys in the folder are not those that the database's server was made with.
    #[error(
        "`{}` holds the keys of another server; copy `grant.key`, `log.key` and `channels.key` \
         from the folder that the database was initialised with", .dir.display()
    )]
    Foreign {
        /// The folder.
        dir: PathBuf,
    },
    /// The file does not hold a key.
    #[error("`{}` does not hold a key", .path.display())]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// The key was refused.
    #[error("a key of the server can't be used")]
    Key(#[from] KeyError),
}

const GRANT: &str = "grant.key";
const LOG: &str = "log.key";
const CHANNELS: &str = "channels.key";
const WITNESS: &str = "witness.key";
/// What the key of channels is called where a key has a name.
const CHANNELS_NAME: &str = "channels";

impl Keys {
    /// Reads both keys of a server that was made before.
    pub(crate) fn open(data_dir: &Path, audience: &str, origin: &str) -> Result<Self, KeysError> {
        Ok(Self {
            grant: read_key(&data_dir.join(GRANT), audience)?,
            log: read_key(&data_dir.join(LOG), origin)?,
        })
    }

    /// Reads both keys of a server that is being made, and makes those that are missing.
    pub(crate) fn make(data_dir: &Path, audience: &str, origin: &str) -> Result<Self, KeysError> {
        Ok(Self {
            grant: make_key(&data_dir.join(GRANT), audience)?,
            log: make_key(&data_dir.join(LOG), origin)?,
        })
    }

    /// Returns the SHA-256 of both public keys, by which a server that shares a database finds
    /// that it has others than the rest.
    pub(crate) fn print(&self) -> Digest {
        let mut bytes = self.grant.verifier().public_bytes().to_vec();
        bytes.extend_from_slice(self.log.verifier().public_bytes());
        Digest::of_bytes(&bytes)
    }
}

/// A key that is to come in the place of another, in a file beside it.
pub(crate) struct NextKey {
    pub(crate) key: SigningKey,
    file: PathBuf,
}

impl NextKey {
    /// Makes the next key of a purpose, which nobody signs by yet.
    pub(crate) fn stage(
        data_dir: &Path,
        purpose: KeyPurpose,
        name: &str,
    ) -> Result<Self, KeysError> {
        Self::stage_for(data_dir.join(file_of(purpose)), name)
    }

    /// Makes the next key of channels, which encrypts nothing yet.
    pub(crate) fn for_channels(data_dir: &Path) -> Result<Self, KeysError> {
        Self::stage_for(data_dir.join(CHANNELS), CHANNELS_NAME)
    }

    /// Makes the next key of a witness, which signs nothing yet.
    pub(crate) fn for_witness(dir: &Path, name: &str) -> Result<Self, KeysError> {
        Self::stage_for(dir.join(WITNESS), name)
    }

    fn stage_for(file: PathBuf, name: &str) -> Result<Self, KeysError> {
        let path = next_of(&file);
        let key = SigningKey::generate(name)?;
        write_key(&path, &key).map_err(|source| KeysError::File { path, source })?;
        Ok(Self { key, file })
    }

    /// Puts it in the place of the one before, which stays beside it under its own hash.
    pub(crate) fn take_place(&self, before: &VerifierKey) -> Result<PathBuf, KeysError> {
        replace(&self.file, before)
    }
}

const fn file_of(purpose: KeyPurpose) -> &'static str {
    match purpose {
        KeyPurpose::Grant => GRANT,
        KeyPurpose::Log => LOG,
    }
}

fn next_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".next");
    PathBuf::from(name)
}

fn replace(file: &Path, before: &VerifierKey) -> Result<PathBuf, KeysError> {
    let mut kept = file.as_os_str().to_owned();
    kept.push(format!(".{}", before.id()));
    let kept = PathBuf::from(kept);
    let replaced = match std::fs::hard_link(file, &kept) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => std::fs::rename(next_of(file), file),
    };
    let synced = replaced.and_then(|()| match file.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    });
    synced.map_err(|source| KeysError::File {
        path: file.to_owned(),
        source,
    })?;
    Ok(kept)
}

/// Finishes a change of keys that the database knows of and that was cut off before the files were
/// exchanged; false where that is not why they differ from `known`.
pub(crate) fn finish_rotation(
    data_dir: &Path,
    (audience, origin): (&str, &str),
    known: Digest,
) -> Result<bool, KeysError> {
    let now = Keys::open(data_dir, audience, origin)?;
    let next = |file: &str, name: &str| {
        let path = next_of(&data_dir.join(file));
        path.exists().then(|| read_key(&path, name)).transpose()
    };
    let (grant, log) = (next(GRANT, audience)?, next(LOG, origin)?);
    let (has_grant, has_log) = (grant.is_some(), log.is_some());
    let (old_grant, old_log) = (now.grant.verifier(), now.log.verifier());
    let then = Keys {
        grant: grant.unwrap_or(now.grant),
        log: log.unwrap_or(now.log),
    };
    if then.print() != known {
        return Ok(false);
    }
    if has_grant {
        replace(&data_dir.join(GRANT), &old_grant)?;
    }
    if has_log {
        replace(&data_dir.join(LOG), &old_log)?;
    }
    Ok(true)
}

/// Returns the key that the secrets of channels are encrypted with, and makes it
/// where there is none.
pub(crate) fn channels_key(data_dir: &Path) -> Result<[u8; 32], KeysError> {
    channels_key_of(data_dir, false)
}

/// The same, of a server that was `made_before` on a database which it shares: there it is never
/// made again, or what one server encrypts no other could read.
pub(crate) fn channels_key_of(data_dir: &Path, made_before: bool) -> Result<[u8; 32], KeysError> {
    let path = data_dir.join(CHANNELS);
    let key = if made_before {
        read_key(&path, CHANNELS_NAME)?
    } else {
        make_key(&path, CHANNELS_NAME)?
    };
    Ok(*key.expose_seed())
}

/// Returns the file of the key of channels.
pub(crate) fn file_of_channels(data_dir: &Path) -> PathBuf {
    data_dir.join(CHANNELS)
}

/// Returns the file of a key of channels that was to come; none where no change was cut off.
pub(crate) fn next_key_of_channels(data_dir: &Path) -> Option<PathBuf> {
    let path = next_of(&data_dir.join(CHANNELS));
    path.exists().then_some(path)
}

/// A change of the key of channels that was cut off: the key of now, and the one that was to come.
pub(crate) struct ChannelsChange {
    file: PathBuf,
    now: SigningKey,
    next: SigningKey,
}

impl ChannelsChange {
    /// Returns the one in a folder; none where nothing was cut off.
    pub(crate) fn cut_off(data_dir: &Path) -> Result<Option<Self>, KeysError> {
        let Some(path) = next_key_of_channels(data_dir) else {
            return Ok(None);
        };
        let file = data_dir.join(CHANNELS);
        let now = read_key(&file, CHANNELS_NAME)?;
        let next = read_key(&path, CHANNELS_NAME)?;
        Ok(Some(Self { file, now, next }))
    }

    pub(crate) fn now(&self) -> &[u8; 32] {
        self.now.expose_seed()
    }

    pub(crate) fn next(&self) -> &[u8; 32] {
        self.next.expose_seed()
    }

    /// Ends it where everything is encrypted by the next key: that comes in its place.
    pub(crate) fn finish(&self) -> Result<(), KeysError> {
        replace(&self.file, &self.now.verifier()).map(drop)
    }

    /// Ends it where nothing is encrypted by the next key. That stays beside the other under a name
    /// of its own: a key is never deleted, it may be the only copy.
    pub(crate) fn set_aside(&self) -> Result<(), KeysError> {
        let path = next_of(&self.file);
        let mut aside = self.file.as_os_str().to_owned();
        aside.push(format!(".unused.{}", self.next.verifier().id()));
        let moved = std::fs::rename(&path, PathBuf::from(aside));
        moved.map_err(|source| KeysError::File { path, source })
    }
}

/// Returns the public half of a key of channels, by whose hash its file is kept.
pub(crate) fn print_of_channels(key: &[u8; 32]) -> Result<VerifierKey, KeysError> {
    Ok(SigningKey::from_seed(CHANNELS_NAME, key)?.verifier())
}

/// Returns the keys that a witness signs with, the newest first, and makes one where there is none.
/// Those before stand beside it, each under its own hash, for as long as somebody demands them.
pub(crate) fn witness_keys(dir: &Path, name: &str) -> Result<Vec<Cosigner>, KeysError> {
    make_key(&dir.join(WITNESS), name)?;
    let failed = |source| KeysError::File {
        path: dir.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let file = entry.map_err(failed)?.file_name();
        files.extend(
            file.to_str()
                .filter(|file| is_before(file))
                .map(ToOwned::to_owned),
        );
    }
    files.sort();
    files.insert(0, WITNESS.to_owned());
    let mut cosigners: Vec<Cosigner> = Vec::new();
    for file in files {
        let key = read_key(&dir.join(file), name)?;
        let cosigner = Cosigner::from_seed(name, key.expose_seed())?;
        // Between two steps of a change the newest one stands there too.
        let is_there = cosigners
            .iter()
            .any(|one| one.verifier() == cosigner.verifier());
        if !is_there {
            cosigners.push(cosigner);
        }
    }
    Ok(cosigners)
}

/// Tells whether a file of this name is the key of a witness before the one of now.
fn is_before(file: &str) -> bool {
    let hash = file
        .strip_prefix(WITNESS)
        .and_then(|rest| rest.strip_prefix('.'));
    hash.is_some_and(|hash| hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Returns the key of a witness that was made before.
pub(crate) fn witness_key(dir: &Path, name: &str) -> Result<Cosigner, KeysError> {
    let key = read_key(&dir.join(WITNESS), name)?;
    Ok(Cosigner::from_seed(name, key.expose_seed())?)
}

/// Makes the data folder with mode 0700, or refuses one that others can read.
pub(crate) fn prepare_dir(path: &Path) -> Result<(), KeysError> {
    let failed = |source| KeysError::File {
        path: path.to_owned(),
        source,
    };
    if !path.exists() {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(path).map_err(failed)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    refuse_open(path, 0o700)
}

/// Makes an empty file with mode 0600 where there is none: `SQLite` gives the
/// files beside its database the mode of the database.
pub(crate) fn prepare_file(path: &Path) -> Result<(), KeysError> {
    let failed = |source| KeysError::File {
        path: path.to_owned(),
        source,
    };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(failed)?;
    refuse_open(path, 0o600)
}

/// The data folder is this process's until this is dropped.
#[derive(Debug)]
pub(crate) struct FolderLock(File);

impl Drop for FolderLock {
    /// Closing would do only once every copy of the descriptor is closed, and a process that is
    /// being started beside us holds one until its `execve(2)` (`flock(2)`).
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the data folder stays locked until this process ends");
        }
    }
}

/// Takes the data folder for this process; none where another has it. Two
/// servers on one folder would not wake each other's waiters.
pub(crate) fn lock(dir: &Path) -> Result<Option<FolderLock>, KeysError> {
    let path = dir.join("lock");
    let failed = |source| KeysError::File {
        path: path.clone(),
        source,
    };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(FolderLock(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn refuse_open(path: &Path, wanted: u32) -> Result<(), KeysError> {
    let metadata = std::fs::metadata(path).map_err(|source| KeysError::File {
        path: path.to_owned(),
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeysError::Open {
            path: path.to_owned(),
            mode,
            wanted,
        });
    }
    Ok(())
}

fn make_key(path: &Path, name: &str) -> Result<SigningKey, KeysError> {
    if path.exists() {
        return read_key(path, name);
    }
    let key = SigningKey::generate(name)?;
    write_key(path, &key).map_err(|source| KeysError::File {
        path: path.to_owned(),
        source,
    })?;
    Ok(key)
}

fn read_key(path: &Path, name: &str) -> Result<SigningKey, KeysError> {
    let failed = |source| KeysError::File {
        path: path.to_owned(),
        source,
    };
    // A new key in its place would be another server to every client, and another log.
    if !path.exists() {
        return Err(KeysError::Missing {
            path: path.to_owned(),
        });
    }
    refuse_open(path, 0o600)?;
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(1024).read_to_string(&mut text).map_err(failed)?;
    let seed: Digest = text.trim_end().parse().map_err(|_| KeysError::Form {
        path: path.to_owned(),
    })?;
    Ok(SigningKey::from_seed(name, seed.as_bytes())?)
}

/// Writes beside and renames, so that a crash leaves a whole key or none.
fn write_key(path: &Path, key: &SigningKey) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&new)?;
    let seed = Digest::from_bytes(*key.expose_seed());
    file.write_all(format!("{seed}\n").as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_only_their_owner_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        prepare_dir(&data).unwrap();
        let early = Keys::open(&data, "gate-x", "gate-x/audit").err();
        assert!(matches!(early, Some(KeysError::Missing { .. })));
        let first = Keys::make(&data, "gate-x", "gate-x/audit").unwrap();
        let again = Keys::open(&data, "gate-x", "gate-x/audit").unwrap();
        assert_eq!(first.grant.expose_seed(), again.grant.expose_seed());
        assert_ne!(first.grant.expose_seed(), first.log.expose_seed());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&data), 0o700);
        assert_eq!(mode(&data.join("grant.key")), 0o600);
        assert_eq!(mode(&data.join("log.key")), 0o600);
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        prepare_dir(&data).unwrap();
        let path = data.join("grant.key");
        std::fs::write(&path, "00").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let open = || Keys::open(&data, "a", "b").err();
        assert!(matches!(open(), Some(KeysError::Open { mode: 0o644, .. })));
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(open(), Some(KeysError::Form { .. })));
    }
}
