//! The way back from a backup: into an empty folder, after everything in it was verified.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gate_protocol::log::{Checkpoint, CheckpointError, SignedCheckpoint};
use serde_json::json;

use super::manifest::{Manifest, ManifestError};
use super::{
    CHECKPOINT, DATABASE, FileError, KEY_FILES, KEYS, LogError, MANIFEST, at, copy_new, digest_of,
    sync_folder, verify_log,
};
use crate::identity::Authorities;
use crate::keys::{self, Keys, KeysError};
use crate::problem::Failure;
use crate::service::Begun;
use crate::settings::Settings;
use crate::state::Server;
use crate::store::server::Names;
use crate::store::{Store, StoreError, log, server};

/// The database while it is being verified; no server starts on it.
const STAGED: &str = "gate.db.restoring";

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The folder has something in it.
    #[error("`{}` is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// The keys are not in the backup, and nobody said where they are.
    #[error("the secret keys are not in the backup")]
    NoKeys,
    /// The keys are not those of the backup's server.
    #[error("`{}` holds the keys of another server than the backup is of", .0.display())]
    OtherKeys(PathBuf),
    /// The manifest is none, or was changed.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file differs from what the manifest says of it.
    #[error("`{0}` of the backup was changed after it was made")]
    Changed(String),
    /// A file is there that the manifest does not name.
    #[error("`{0}` is in the backup and not in its manifest")]
    Unnamed(String),
    /// The checkpoint does not hold.
    #[error("the checkpoint of the backup does not hold")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is not the one of the manifest.
    #[error("the checkpoint of the backup is not over the log in it")]
    OtherHead,
    /// The backup was made by a version whose tables are newer.
    #[error("the backup has the tables of migration {0}, which this gate does not know")]
    Newer(i64),
    /// The log does not verify.
    #[error("the backup is no good")]
    Log(#[source] Box<LogError>),
    /// The keys can't be used.
    #[error("the keys can't be used")]
    Keys(#[from] KeysError),
    /// The database can't be used.
    #[error("the database can't be used")]
    Store(#[from] StoreError),
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The record of it could not be made.
    #[error("the new epoch was not begun: {0}")]
    Epoch(String),
}

impl From<Failure> for RestoreError {
    fn from(failure: Failure) -> Self {
        Self::Epoch(failure.detail().to_owned())
    }
}

/// A server that was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What the backup held.
    pub manifest: Manifest,
    /// The epoch that began.
    pub epoch: u64,
    /// How many approvals and claims are void.
    pub claims_ended: usize,
    /// How many standing grants were taken back.
    pub standing_grants_revoked: usize,
    /// How many browsers were signed out.
    pub sessions_ended: u64,
}

/// Restores a backup into the data folder of `settings`, which is empty or not there. The secret
/// keys are taken from `keys`, or from the backup where they are in it.
///
/// # Errors
/// Each [`RestoreError`] as its name says; the folder is as it was then.
pub async fn restore(
    settings: &Settings,
    backup: &Path,
    keys: Option<&Path>,
) -> Result<Restored, RestoreError> {
    let target = &settings.data_dir;
    let was_there = target.exists();
    if was_there && names_in(target)?.next().is_some() {
        return Err(RestoreError::NotEmpty(target.clone()));
    }
    let own = backup.join(KEYS);
    let keys = match keys {
        Some(keys) => keys,
        None if own.exists() => &own,
        None => return Err(RestoreError::NoKeys),
    };
    let (manifest, secret) = verify(backup, keys)?;
    keys::prepare_dir(target)?;
    let restored = fill(settings, backup, keys, (&manifest, secret)).await;
    if restored.is_err() {
        clear(target, was_there);
    }
    let begun = restored?;
    Ok(Restored {
        manifest,
        epoch: begun.epoch,
        claims_ended: begun.claims,
        standing_grants_revoked: begun.standing_grants,
        sessions_ended: begun.sessions,
    })
}

fn names_in(dir: &Path) -> Result<impl Iterator<Item = String> + use<>, FileError> {
    let entries = std::fs::read_dir(dir).map_err(at(dir))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(at(dir))?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    Ok(names.into_iter())
}

/// Leaves the folder as it was.
fn clear(target: &Path, was_there: bool) {
    if let Ok(names) = names_in(target) {
        for name in names {
            drop(std::fs::remove_file(target.join(name)));
        }
    }
    if !was_there {
        drop(std::fs::remove_dir(target));
    }
}

impl From<LogError> for RestoreError {
    fn from(error: LogError) -> Self {
        Self::Log(Box::new(error))
    }
}

/// Verifies each file of a backup, and returns what it says of itself and the keys of its server.
fn verify(backup: &Path, keys: &Path) -> Result<(Manifest, Keys), RestoreError> {
    let path = backup.join(MANIFEST);
    let note = std::fs::read(&path).map_err(at(&path))?;
    let said = Manifest::unverified(&note)?;
    let secret = Keys::open(keys, &said.audience, &said.log_origin)?;
    let (grant, log) = (secret.grant.verifier(), secret.log.verifier());
    if grant != said.grant_key || log != said.log_key {
        return Err(RestoreError::OtherKeys(keys.to_owned()));
    }
    let manifest = Manifest::verified(&note, &log)?;
    if manifest.migration > Store::MIGRATION {
        return Err(RestoreError::Newer(manifest.migration));
    }
    for (name, digest) in &manifest.files {
        if digest_of(&backup.join(name))? != *digest {
            return Err(RestoreError::Changed(name.clone()));
        }
    }
    let named: BTreeSet<&str> = manifest.files.keys().map(String::as_str).collect();
    for name in names_in(backup)? {
        let is_known = name == MANIFEST || named.contains(name.as_str());
        let is_keys = name == KEYS && named.iter().any(|one| one.starts_with("keys/"));
        if !(is_known || is_keys) {
            return Err(RestoreError::Unnamed(name));
        }
    }
    let path = backup.join(CHECKPOINT);
    let note = std::fs::read(&path).map_err(at(&path))?;
    let signed = SignedCheckpoint::verify(&note, &log, &[])?.checkpoint;
    if (signed.size, signed.root) != (manifest.log.size, manifest.log.root) {
        return Err(RestoreError::OtherHead);
    }
    Ok((manifest, secret))
}

async fn fill(
    settings: &Settings,
    backup: &Path,
    keys: &Path,
    (manifest, secret): (&Manifest, Keys),
) -> Result<Begun, RestoreError> {
    let target = &settings.data_dir;
    let Some(_lock) = keys::lock(target)? else {
        return Err(RestoreError::NotEmpty(target.clone()));
    };
    let staged = target.join(STAGED);
    copy_new(&backup.join(DATABASE), &staged)?;
    let store = Store::open_file(&staged).await?;
    let begun = begin(&store, manifest, secret, settings).await;
    store.close().await;
    let begun = begun?;
    for name in KEY_FILES.iter().filter(|name| keys.join(name).exists()) {
        copy_new(&keys.join(name), &target.join(name))?;
    }
    let database = target.join(DATABASE);
    std::fs::rename(&staged, &database).map_err(at(&database))?;
    sync_folder(target)?;
    Ok(begun)
}

/// Verifies the log of what was copied, and begins the next epoch in it.
async fn begin(
    store: &Store,
    manifest: &Manifest,
    secret: Keys,
    settings: &Settings,
) -> Result<Begun, RestoreError> {
    let mut reader = store.read().await?;
    let connection = reader.connection();
    let names = server::names(connection).await?;
    let names = names.filter(|names| {
        names.audience == manifest.audience && names.log_origin == manifest.log_origin
    });
    let names: Names = names.ok_or(RestoreError::OtherHead)?;
    let tree = log::head(connection).await?.tree;
    let head = Checkpoint {
        origin: names.log_origin.clone(),
        size: manifest.log.size,
        root: manifest.log.root,
    };
    if (tree.size(), tree.root()) != (head.size, head.root) {
        return Err(RestoreError::OtherHead);
    }
    verify_log(connection, &head).await?;
    drop(reader);
    let bare = Settings::new(&settings.data_dir, settings.public_url.clone());
    let server = Server::new(store.clone(), bare, Authorities::default(), names, secret);
    let mut change = server.change().await?;
    let why = json!({
        "why": "restored",
        "backup": { "made_at": manifest.made_at, "log_size": head.size, "log_root": head.root },
    });
    let begun = change.begin_epoch(why).await?;
    change.commit().await?;
    server
        .checkpoint()
        .await
        .map_err(|error| RestoreError::Epoch(error.to_string()))?;
    Ok(begun)
}
