//! The data folder: keys, and the database where that is a file, opened by one
//! process at a time. Servers that share a `PostgreSQL` database have a folder each, with
//! the same keys in it.

use std::path::{Path, PathBuf};

use crate::identity::Authorities;
use crate::keys::{self, FolderLock, Keys, KeysError};
use crate::rotation;
use crate::settings::{Database, DatabaseError, Settings};
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
    /// What the settings say of the database can't be used.
    Database(DatabaseError),
}

impl From<DatabaseError> for FolderError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
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

/// Tells whether a database is there, without making one. One that is elsewhere has to be
/// asked.
pub(crate) fn has_database(settings: &Settings) -> bool {
    settings.database.is_some() || database_of(&settings.data_dir).exists()
}

fn database_of(dir: &Path) -> PathBuf {
    dir.join("gate.db")
}

async fn open_store(dir: &Path, database: Option<&Database>) -> Result<Store, FolderError> {
    if let Some(database) = database {
        return Ok(Store::connect(database.options()?).await?);
    }
    let file = database_of(dir);
    keys::prepare_file(&file)?;
    Ok(Store::open_file(&file).await?)
}

impl Folder {
    /// Hands out the parts: the folder, its store, and the lock on it.
    pub(crate) fn into_parts(self) -> (PathBuf, Store, FolderLock) {
        (self.dir, self.store, self.lock)
    }

    /// Opens the folder and its database, and makes both where they are missing;
    /// none where another process has the folder.
    pub(crate) async fn open(settings: &Settings) -> Result<Option<Self>, FolderError> {
        let dir = &settings.data_dir;
        keys::prepare_dir(dir)?;
        let Some(lock) = keys::lock(dir)? else {
            return Ok(None);
        };
        let store = open_store(dir, settings.database.as_ref()).await?;
        let mut reader = store.read().await?;
        let names = server::names(reader.connection()).await?;
        drop(reader);
        rotation::finish_resealing(dir, &store).await?;
        Ok(Some(Self {
            dir: dir.clone(),
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
        let mut keys = match &self.names {
            Some(_) => Keys::open(&self.dir, &names.audience, &names.log_origin)?,
            None => Keys::make(&self.dir, &names.audience, &names.log_origin)?,
        };
        if let Some(known) = names.keys.filter(|known| *known != keys.print()) {
            let whose = (names.audience.as_str(), names.log_origin.as_str());
            if !keys::finish_rotation(&self.dir, whose, known)? {
                return Err(KeysError::Foreign { dir: self.dir });
            }
            keys = Keys::open(&self.dir, &names.audience, &names.log_origin)?;
        }
        if settings.database.is_some() {
            // Made with the other keys, since every server on the database needs the same.
            keys::channels_key_of(&self.dir, self.names.is_some())?;
        }
        let server = Server::new(self.store, settings, authorities, names, keys);
        Ok((server, self.lock))
    }
}
