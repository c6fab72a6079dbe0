//! The open database, whichever it is: snapshots for who reads, and one
//! transaction at a time for who writes.

use std::path::Path;

use sqlx::postgres::PgConnectOptions;

use super::StoreError;
use super::postgres::{Listener, Postgres};
use super::sql::Connection;
use super::sqlite::Sqlite;

/// The open database.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    /// A file of this server.
    Sqlite(Sqlite),
    /// A server of its own, which several of ours can share.
    Postgres(Postgres),
}

/// One consistent snapshot.
pub(crate) struct Reader(Connection);

/// The one transaction that can change something: no other is in progress, in this process or in
/// any other on the same database. Dropped without [`commit`](Self::commit), it changes nothing.
pub(crate) struct Writer(Connection);

impl Reader {
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl Writer {
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.0
    }

    /// Returns once everything is durable.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self.0 {
            Connection::Sqlite(transaction) => {
                let done = transaction.commit().await;
                done.map_err(|error| match error.into() {
                    // Its bytes may all be in the file; whether they stay there only the next
                    // change, or the next start, will show.
                    StoreError::Disk(error) => StoreError::Unconfirmed(error),
                    other => other,
                })
            }
            Connection::Postgres(bounded) => {
                bounded
                    .commit()
                    .await
                    .map_err(|error| match error.as_database_error() {
                        Some(_) => error.into(),
                        None => StoreError::Unconfirmed(error),
                    })
            }
        }
    }
}

impl Store {
    /// Opens the file, makes it where there is none, and brings its tables up to date.
    pub(crate) async fn open_file(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::Sqlite(Sqlite::open(path).await?))
    }

    /// Connects, and makes the tables or brings them up to date.
    pub(crate) async fn connect(options: PgConnectOptions) -> Result<Self, StoreError> {
        Ok(Self::Postgres(Postgres::open(options).await?))
    }

    /// Tells whether other servers can be on the same database.
    pub(crate) const fn is_shared(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(_) => true,
        }
    }

    /// Starts to listen for changes of other servers on the same database; none where there
    /// can be no other.
    pub(crate) async fn listen(&self) -> Result<Option<Listener>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(database) => database.listen().await.map(Some),
        }
    }

    /// Waits for the writer.
    pub(crate) async fn write(&self) -> Result<Writer, StoreError> {
        Ok(Writer(match self {
            Self::Sqlite(database) => Connection::Sqlite(database.write().await?),
            Self::Postgres(database) => Connection::Postgres(database.write().await?),
        }))
    }

    /// Returns a snapshot of what is committed.
    pub(crate) async fn read(&self) -> Result<Reader, StoreError> {
        Ok(Reader(match self {
            Self::Sqlite(database) => Connection::Sqlite(database.read().await?),
            Self::Postgres(database) => Connection::Postgres(database.read().await?),
        }))
    }

    /// Returns a snapshot of what is committed, for a look at a row or two.
    pub(crate) async fn look_up(&self) -> Result<Reader, StoreError> {
        Ok(Reader(match self {
            Self::Sqlite(database) => Connection::Sqlite(database.look_up().await?),
            Self::Postgres(database) => Connection::Postgres(database.look_up().await?),
        }))
    }

    /// Waits for what runs and closes the connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(database) => database.close().await,
            Self::Postgres(database) => database.close().await,
        }
    }
}
