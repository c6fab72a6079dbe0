//! The data folder: keys and database, opened by one process at a time.

use std::path::{Path, PathBuf};

use crate::identity::Authorities;
use crate::keys::{self, FolderLock, Keys, KeysError};
use crate::settings::Settings;
use crate::state::Server;
use crate::store::server::{self, Names};
use crate::store::{Store, StoreError};

/// Why a folder can't be opened.
#[derive(Debug)]
pub(crate) enum FolderError {
    /// The folder, the lock or a key can't be used.
    Keys(KeysError),
    /// The database can't be used.
    Store(StoreError),
}

impl From<KeysError> for FolderError {
    fn from(error: KeysError) -> Self {
        Self::Keys(error)
    }
}

impl From<StoreError> for FolderError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// An open folder, locked against any other process.
pub(crate) struct Folder {
    dir: PathBuf,
    store: Store,
    lock: FolderLock,
    /// What the server in it is known by; none where there is no server yet.
    pub(crate) names: Option<Names>,
}

/// Tells whether a database is there, without making one.
pub(crate) fn has_database(dir: &Path) -> bool {
    database_of(dir).exists()
}

fn database_of(dir: &Path) -> PathBuf {
    dir.join("gate.db")
}

impl Folder {
    /// Opens the folder and its database, and makes both where they are missing;
    /// none where another process has the folder.
    pub(crate) async fn open(dir: &Path) -> Result<Option<Self>, FolderError> {
        keys::prepare_dir(dir)?;
        let Some(lock) = keys::lock(dir)? else {
            return Ok(None);
        };
        let database = database_of(dir);
        keys::prepare_file(&database)?;
        let store = Store::open(&database).await?;
        let mut reader = store.read().await?;
        let names = server::names(reader.connection()).await?;
        drop(reader);
        Ok(Some(Self {
            dir: dir.to_owned(),
            store,
            lock,
            names,
        }))
    }

    /// Returns the server of this name, with its keys: they are made with a new
    /// server and never again. The lock ends when dropped.
    pub(crate) fn into_server(
        self,
        settings: Settings,
        authorities: Authorities,
        names: Names,
    ) -> Result<(Server, FolderLock), KeysError> {
        let keys = match &self.names {
            Some(_) => Keys::open(&self.dir, &names.audience, &names.log_origin)?,
            None => Keys::make(&self.dir, &names.audience, &names.log_origin)?,
        };
        let server = Server::new(self.store, settings, authorities, names, keys);
        Ok((server, self.lock))
    }
}
