//! Beginning anew where the data may lack the last that was done, as after a database that followed
//! another one took over from it: what was allowed and not claimed is void, as after a restore.

use std::path::PathBuf;

use gate_protocol::inert::inert;
use serde_json::json;

use crate::folder::{Folder, FolderError, has_database};
use crate::identity::Authorities;
use crate::keys::{FolderLock, Keys, KeysError};
use crate::problem::Failure;
use crate::settings::{DatabaseError, Settings};
use crate::state::Server;
use crate::store::{Store, StoreError, server};

/// The longest reason, in characters.
const REASON_LIMIT: usize = 500;

/// Why no epoch began.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EpochError {
    /// A server has the folder, whose database is a file.
    #[error("a server runs on `{}`", .0.display())]
    InUse(PathBuf),
    /// The database has no server in it.
    #[error("the database has no server in it")]
    NoServer,
    /// The keys are not those of the database's server.
    #[error("the keys can't be used")]
    Keys(#[from] KeysError),
    /// What the settings say of the database can't be used.
    #[error("the settings of the database can't be used")]
    Database(#[from] DatabaseError),
    /// The database can't be used.
    #[error("the store can't be used")]
    Store(#[from] StoreError),
    /// The record of it could not be made.
    #[error("the new epoch was not begun: {0}")]
    Record(String),
}

impl From<FolderError> for EpochError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Keys(error) => Self::Keys(error),
            FolderError::Store(error) => Self::Store(error),
            FolderError::Database(error) => Self::Database(error),
        }
    }
}

impl From<Failure> for EpochError {
    fn from(failure: Failure) -> Self {
        Self::Record(failure.detail().to_owned())
    }
}

/// An epoch that began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its number.
    pub epoch: u64,
    /// How many approvals and claims are void.
    pub claims_ended: usize,
    /// How many standing grants were taken back.
    pub standing_grants_revoked: usize,
    /// How many browsers were signed out.
    pub sessions_ended: u64,
}

/// Begins the next epoch in the database of the settings; the servers on it may run. Where it is a
/// file of the folder, as one that a snapshot of the machine brought back, none may.
///
/// # Errors
/// Each [`EpochError`] as its name says; nothing is changed then.
pub async fn begin_epoch(settings: &Settings, reason: &str) -> Result<Epoch, EpochError> {
    let (store, _lock) = match &settings.database {
        Some(database) => (Store::connect(database.options()?).await?, None),
        None => on_file(settings).await?,
    };
    let begun = begin(settings, &store, reason).await;
    store.close().await;
    begun
}

async fn on_file(settings: &Settings) -> Result<(Store, Option<FolderLock>), EpochError> {
    if !has_database(settings) {
        return Err(EpochError::NoServer);
    }
    let folder = Box::pin(Folder::open(settings)).await?;
    let folder = folder.ok_or_else(|| EpochError::InUse(settings.data_dir.clone()))?;
    let (_, store, lock) = folder.into_parts();
    Ok((store, Some(lock)))
}

async fn begin(settings: &Settings, store: &Store, reason: &str) -> Result<Epoch, EpochError> {
    let mut reader = store.read().await?;
    let names = server::names(reader.connection()).await?;
    drop(reader);
    let names = names.ok_or(EpochError::NoServer)?;
    let dir = &settings.data_dir;
    let keys = Keys::open(dir, &names.audience, &names.log_origin)?;
    if names.keys.is_some_and(|known| known != keys.print()) {
        return Err(KeysError::Foreign { dir: dir.clone() }.into());
    }
    let bare = Settings::new(dir, settings.public_url.clone());
    let server = Server::new(store.clone(), bare, Authorities::default(), names, keys);
    let mut change = server.change().await?;
    let reason: String = reason.chars().take(REASON_LIMIT).collect();
    let why = json!({ "why": "operator", "reason": inert(&reason) });
    let begun = change.begin_epoch(why).await?;
    change.commit().await?;
    Ok(Epoch {
        epoch: begun.epoch,
        claims_ended: begun.claims,
        standing_grants_revoked: begun.standing_grants,
        sessions_ended: begun.sessions,
    })
}
