//! Copies of a server's data, and the way back from one: a folder with the database, a checkpoint
//! over exactly its log, and a manifest that the log's key signs.

mod make;
mod manifest;
mod moving;
mod restore;

pub use make::{Backup, BackupError, KeysIn, back_up};
pub use manifest::{FileDigest, LogHead, Manifest, ManifestError};
pub use moving::{MoveError, Moved, Moving, move_store};
pub use restore::{RestoreError, Restored, restore};

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use gate_protocol::canonical::Digest;
use gate_protocol::log::{Checkpoint, Frontier, LogFault, LogVerifier, VerifiedLog};
use sha2::{Digest as _, Sha256};

use crate::store::{Connection, StoreError, archiving, log, log_proofs};

/// The database in a backup, as in the data folder.
const DATABASE: &str = "gate.db";
/// The signed head of the log in it.
const CHECKPOINT: &str = "checkpoint";
/// What the backup holds; written last.
const MANIFEST: &str = "manifest";
/// The folder with the secret keys, where they are in it.
const KEYS: &str = "keys";
/// The files of the secret keys; the last is there once there are channels.
const KEY_FILES: [&str; 3] = ["grant.key", "log.key", "channels.key"];

/// How many records are read at once.
const PAGE: u64 = 1_000;

/// A file that can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot use `{}`", .path.display())]
pub struct FileError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> FileError {
    let path = path.to_owned();
    |source| FileError { path, source }
}

/// Why the log of a database is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The database can't be read.
    #[error("the log can't be read")]
    Store(#[from] StoreError),
    /// The log does not verify.
    #[error("the log does not verify")]
    Fault(#[from] LogFault),
    /// It has another number of records, or another root, than was said.
    #[error("the log has {} records with the root {}, and not {size} with {root}", .found.records, .found.root)]
    Other {
        /// What was found.
        found: VerifiedLog,
        /// How many records were expected.
        size: u64,
        /// The root that was expected.
        root: Digest,
    },
}

/// Verifies every record of a database, and that they are those of `head`.
async fn verify_log(connection: &mut Connection, head: &Checkpoint) -> Result<(), LogError> {
    let first = log::pruned(connection).await?;
    let last = archiving::hash_before(connection, first).await?;
    let mut tree = Frontier::default();
    for leaf in log_proofs::leaves(connection, 0..first).await? {
        tree.append(leaf);
    }
    let mut verifier = LogVerifier::after_pruning(tree, last, vec![head.clone()]);
    loop {
        let records = log::page(connection, verifier.records(), PAGE).await?;
        if records.is_empty() {
            break;
        }
        for record in &records {
            verifier.feed(record.as_bytes())?;
        }
    }
    let found = verifier.finish()?;
    if (found.records, found.root) != (head.size, head.root) {
        return Err(LogError::Other {
            found,
            size: head.size,
            root: head.root,
        });
    }
    Ok(())
}

/// Returns the size and the SHA-256 of a file.
fn digest_of(path: &Path) -> Result<FileDigest, FileError> {
    let mut file = File::open(path).map_err(at(path))?;
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).map_err(at(path))?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        hasher.update(part);
        bytes += part.len() as u64;
    }
    Ok(FileDigest {
        bytes,
        sha256: Digest::from_bytes(hasher.finalize().into()),
    })
}

/// Makes a new file of mode 0600 with these bytes, and waits until it is on the disk.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(at(path))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(at(path))
}

/// Copies a file into a new one of mode 0600, and waits until it is on the disk.
fn copy_new(from: &Path, to: &Path) -> Result<(), FileError> {
    let mut source = File::open(from).map_err(at(from))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut target = options.open(to).map_err(at(to))?;
    std::io::copy(&mut source, &mut target).map_err(at(to))?;
    target.sync_all().map_err(at(to))
}

/// Waits until the names in a folder are on the disk.
fn sync_folder(path: &Path) -> Result<(), FileError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(at(path))
}
