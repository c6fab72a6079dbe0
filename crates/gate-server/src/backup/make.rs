//! A backup of a server, made beside the server that runs.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use gate_protocol::log::{Checkpoint, CheckpointError};

use super::manifest::{FileDigest, LogHead, Manifest, ManifestError};
use super::{
    CHECKPOINT, DATABASE, FileError, KEY_FILES, KEYS, LogError, MANIFEST, at, copy_new, digest_of,
    sync_folder, verify_log, write_new,
};
use crate::clock;
use crate::keys::{Keys, KeysError, file_of_channels, next_key_of_channels};
use crate::settings::{DatabaseError, Settings};
use crate::store::server::Names;
use crate::store::{Store, StoreError, log, server};

/// Whether the secret keys are in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysIn {
    /// They are kept apart.
    Apart,
    /// They are in it: whoever reads it can make grants.
    TheBackup,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The folder for it is there already.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    /// The data folder holds no server.
    #[error("`{}` holds no server", .0.display())]
    NoServer(PathBuf),
    /// The key of channels changes, or its change was cut off, so the copy may not be of the keys.
    #[error(
        "`{}` is of a change of keys that goes on or was cut off; start the server once, which ends \
         it, and make the backup again", .0.display()
    )]
    CutOff(PathBuf),
    /// The tables are those of another version.
    #[error("the database has the tables of migration {found}, and this gate knows {known}")]
    Version {
        /// Of the database.
        found: i64,
        /// Of this program.
        known: i64,
    },
    /// The keys can't be read.
    #[error("the server's keys can't be used")]
    Keys(#[from] KeysError),
    /// The settings of the database can't be used.
    #[error("the settings of the database can't be used")]
    Database(#[from] DatabaseError),
    /// The database can't be copied.
    #[error("the database can't be copied")]
    Store(#[from] StoreError),
    /// A file can't be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The log in the copy does not verify.
    #[error("the copy is no good")]
    Log(#[from] LogError),
    /// The head can't be signed.
    #[error("the head of the log can't be signed")]
    Checkpoint(#[from] CheckpointError),
    /// The manifest can't be signed.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct Backup {
    /// What it holds.
    pub manifest: Manifest,
    /// Whether the secret keys are in it.
    pub keys: KeysIn,
}

/// Makes a backup of the server of these settings in the new folder `out`. The server may run:
/// what is copied is one moment of its database.
///
/// # Errors
/// Each [`BackupError`] as its name says; nothing is left then.
pub async fn back_up(settings: &Settings, out: &Path, keys: KeysIn) -> Result<Backup, BackupError> {
    if out.exists() {
        return Err(BackupError::Exists(out.to_owned()));
    }
    if let Some(next) = change_of_channels(settings, keys) {
        return Err(BackupError::CutOff(next));
    }
    let channels = digest_of_channels(settings)?;
    let store = source(settings).await?;
    let mut builder = DirBuilder::new();
    builder.mode(0o700).create(out).map_err(at(out))?;
    let made = write(settings, &store, out, (keys, channels)).await;
    store.close().await;
    if made.is_err() {
        // What is left of it has no manifest, so nobody takes it for a backup.
        drop(std::fs::remove_dir_all(out));
    }
    Ok(Backup {
        manifest: made?,
        keys,
    })
}

/// Returns the file of a change of the key of channels that goes on or was cut off, which matters where
/// the keys are to be in the backup.
fn change_of_channels(settings: &Settings, keys: KeysIn) -> Option<PathBuf> {
    let is_copied = keys == KeysIn::TheBackup;
    is_copied.then(|| next_key_of_channels(&settings.data_dir))?
}

/// Returns the hash of the key of channels; none where there is none.
fn digest_of_channels(settings: &Settings) -> Result<Option<FileDigest>, FileError> {
    let file = file_of_channels(&settings.data_dir);
    file.exists().then(|| digest_of(&file)).transpose()
}

async fn source(settings: &Settings) -> Result<Store, BackupError> {
    if let Some(database) = &settings.database {
        return Ok(Store::connect_beside(database.options()?).await?);
    }
    let file = settings.data_dir.join(DATABASE);
    if !file.exists() {
        return Err(BackupError::NoServer(settings.data_dir.clone()));
    }
    Ok(Store::open_beside(&file).await?)
}

async fn write(
    settings: &Settings,
    store: &Store,
    out: &Path,
    (keys, channels): (KeysIn, Option<FileDigest>),
) -> Result<Manifest, BackupError> {
    let dir = &settings.data_dir;
    // Made first, so that it is readable for its owner alone from the first byte.
    let database = out.join(DATABASE);
    write_new(&database, b"")?;
    store.copy_into(&database).await?;
    let mut files = BTreeMap::from([(DATABASE.to_owned(), digest_of(&database)?)]);
    let copy = Store::open_beside(&database).await?;
    let read = head(&copy, dir).await;
    copy.close().await;
    let (secret, head, manifest) = read?;
    let note = head.sign(&[&secret.log])?;
    write_new(&out.join(CHECKPOINT), note.as_bytes())?;
    files.insert(CHECKPOINT.to_owned(), digest_of(&out.join(CHECKPOINT))?);
    if keys == KeysIn::TheBackup {
        let folder = out.join(KEYS);
        let mut builder = DirBuilder::new();
        builder.mode(0o700).create(&folder).map_err(at(&folder))?;
        for name in KEY_FILES.iter().filter(|name| dir.join(name).exists()) {
            copy_new(&dir.join(name), &folder.join(name))?;
            files.insert(format!("{KEYS}/{name}"), digest_of(&folder.join(name))?);
        }
        sync_folder(&folder)?;
        let is_other = channels.is_some() && digest_of_channels(settings)? != channels;
        if is_other || change_of_channels(settings, keys).is_some() {
            return Err(BackupError::CutOff(file_of_channels(dir)));
        }
    }
    let manifest = Manifest { files, ..manifest };
    write_new(&out.join(MANIFEST), manifest.sign(&secret.log)?.as_bytes())?;
    sync_folder(out)?;
    Ok(manifest)
}

/// Reads what a copy holds, verifies its log, and returns the keys of its server.
async fn head(copy: &Store, dir: &Path) -> Result<(Keys, Checkpoint, Manifest), BackupError> {
    let mut reader = copy.read().await?;
    let connection = reader.connection();
    let migration = server::migration(connection).await?;
    if migration != Store::MIGRATION {
        return Err(BackupError::Version {
            found: migration,
            known: Store::MIGRATION,
        });
    }
    let names = server::names(connection).await?;
    let Names {
        audience,
        log_origin,
        keys: known,
    } = names.ok_or_else(|| BackupError::NoServer(dir.to_owned()))?;
    let keys = Keys::open(dir, &audience, &log_origin)?;
    if known.is_some_and(|known| known != keys.print()) {
        return Err(BackupError::Keys(KeysError::Foreign {
            dir: dir.to_owned(),
        }));
    }
    let tree = log::head(connection).await?.tree;
    let head = Checkpoint {
        origin: log_origin.clone(),
        size: tree.size(),
        root: tree.root(),
    };
    verify_log(connection, &head).await?;
    let manifest = Manifest {
        made_at: clock::now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        audience,
        log_origin,
        grant_key: keys.grant.verifier(),
        log_key: keys.log.verifier(),
        migration,
        epoch: server::epoch(connection).await?,
        log: LogHead {
            size: head.size,
            root: head.root,
        },
        files: BTreeMap::new(),
    };
    Ok((keys, head, manifest))
}
