//! The open database, whichever it is: snapshots for who reads, and one
//! transaction at a time for who writes.

use std::path::Path;
use std::time::Instant;

use sqlx::postgres::PgConnectOptions;

use super::postgres::{Listener, Postgres};
use super::sql::Connection;
use super::sqlite::Sqlite;
use super::{StoreError, copying};
use crate::metrics::{Histogram, Operations, Timing};

/// The open database, and how long it takes. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    database: Database,
    pub(crate) timing: Timing,
}

#[derive(Clone, Debug)]
enum Database {
    /// A file of this server.
    Sqlite(Sqlite),
    /// A server of its own, which several of ours can share.
    Postgres(Postgres),
}

/// One consistent snapshot.
pub(crate) struct Reader {
    connection: Connection,
    since: Instant,
    timing: Timing,
    kind: fn(&Operations) -> &Histogram,
}

/// The one transaction that can change something: no other is in progress, in this process or in
/// any other on the same database. Dropped without [`commit`](Self::commit), it changes nothing.
pub(crate) struct Writer {
    connection: Connection,
    since: Instant,
    timing: Timing,
}

impl Reader {
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.timing.observe(self.kind, self.since);
    }
}

impl Writer {
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Returns once everything is durable.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        let begun = Instant::now();
        match self.connection {
            Connection::Sqlite(transaction) => {
                let done = transaction.commit().await;
                done.map_err(|error| {
                    let error = StoreError::from(error);
                    // Its bytes may all be in the file; whether they stay there only the next
                    // change, or the next start, will show.
                    if let StoreError::Disk(error) = error {
                        StoreError::Unconfirmed(error)
                    } else {
                        error
                    }
                })?;
            }
            Connection::Postgres(bounded) => {
                bounded
                    .commit()
                    .await
                    .map_err(|error| match error.as_database_error() {
                        Some(_) => error.into(),
                        None => StoreError::Unconfirmed(error),
                    })?;
            }
        }
        self.timing.observe(|of| &of.commit, begun);
        self.timing.observe(|of| &of.change, self.since);
        Ok(())
    }
}

impl From<Database> for Store {
    fn from(database: Database) -> Self {
        Self {
            database,
            timing: Timing::default(),
        }
    }
}

impl Store {
    /// The last migration that this program knows, the same of both databases.
    pub(crate) const MIGRATION: i64 = super::sqlite::LAST_MIGRATION;

    /// Opens the file, makes it where there is none, and brings its tables up to date.
    pub(crate) async fn open_file(path: &Path) -> Result<Self, StoreError> {
        Ok(Database::Sqlite(Sqlite::open(path).await?).into())
    }

    /// Opens a file as it is, to read from it beside the server that has it.
    pub(crate) async fn open_beside(path: &Path) -> Result<Self, StoreError> {
        Ok(Database::Sqlite(Sqlite::open_beside(path).await?).into())
    }

    /// Writes a copy of what is committed now into a new file of `SQLite`: a snapshot, whoever
    /// writes meanwhile.
    pub(crate) async fn copy_into(&self, path: &Path) -> Result<(), StoreError> {
        match &self.database {
            Database::Sqlite(database) => database.copy_into(path).await,
            Database::Postgres(_) => {
                let copy = Self::open_file(path).await?;
                let copied = self.copy_tables_into(&copy).await;
                copy.close().await;
                copied
            }
        }
    }

    /// Copies every table into one that has none filled.
    async fn copy_tables_into(&self, copy: &Self) -> Result<(), StoreError> {
        let mut writer = copy.write().await?;
        let mut reader = self.read().await?;
        copying::take_time(reader.connection()).await?;
        for table in copying::tables(writer.connection()).await? {
            copying::copy(&table, None, reader.connection(), writer.connection()).await?;
        }
        writer.commit().await
    }

    /// Connects, and makes the tables or brings them up to date.
    pub(crate) async fn connect(options: PgConnectOptions) -> Result<Self, StoreError> {
        Ok(Database::Postgres(Postgres::open(options).await?).into())
    }

    /// Connects to a database as it is: no table is made or changed.
    pub(crate) async fn connect_beside(options: PgConnectOptions) -> Result<Self, StoreError> {
        Ok(Database::Postgres(Postgres::open_beside(options).await?).into())
    }

    /// Tells whether other servers can be on the same database.
    pub(crate) const fn is_shared(&self) -> bool {
        match &self.database {
            Database::Sqlite(_) => false,
            Database::Postgres(_) => true,
        }
    }

    /// Starts to listen for changes of other servers on the same database; none where there
    /// can be no other.
    pub(crate) async fn listen(&self) -> Result<Option<Listener>, StoreError> {
        match &self.database {
            Database::Sqlite(_) => Ok(None),
            Database::Postgres(database) => database.listen().await.map(Some),
        }
    }

    /// Waits for the writer.
    pub(crate) async fn write(&self) -> Result<Writer, StoreError> {
        let asked = Instant::now();
        let connection = match &self.database {
            Database::Sqlite(database) => Connection::Sqlite(database.write().await?),
            Database::Postgres(database) => Connection::Postgres(database.write().await?),
        };
        self.timing.observe(|of| &of.turn, asked);
        Ok(Writer {
            connection,
            since: Instant::now(),
            timing: self.timing.clone(),
        })
    }

    /// Returns a snapshot of what is committed.
    pub(crate) async fn read(&self) -> Result<Reader, StoreError> {
        let since = Instant::now();
        let connection = match &self.database {
            Database::Sqlite(database) => Connection::Sqlite(database.read().await?),
            Database::Postgres(database) => Connection::Postgres(database.read().await?),
        };
        Ok(self.reader(connection, since, |of| &of.read))
    }

    /// Returns a snapshot of what is committed, for a look at a row or two.
    pub(crate) async fn look_up(&self) -> Result<Reader, StoreError> {
        let since = Instant::now();
        let connection = match &self.database {
            Database::Sqlite(database) => Connection::Sqlite(database.look_up().await?),
            Database::Postgres(database) => Connection::Postgres(database.look_up().await?),
        };
        Ok(self.reader(connection, since, |of| &of.look_up))
    }

    fn reader(
        &self,
        connection: Connection,
        since: Instant,
        kind: fn(&Operations) -> &Histogram,
    ) -> Reader {
        Reader {
            connection,
            since,
            timing: self.timing.clone(),
            kind,
        }
    }

    /// Takes what was erased out of what the database keeps beside its tables. `PostgreSQL` does so
    /// by itself, when it cleans up.
    pub(crate) async fn scrub(&self) -> Result<(), StoreError> {
        match &self.database {
            Database::Sqlite(database) => database.scrub().await,
            Database::Postgres(_) => Ok(()),
        }
    }

    /// Waits for what runs and closes the connections.
    pub(crate) async fn close(&self) {
        match &self.database {
            Database::Sqlite(database) => database.close().await,
            Database::Postgres(database) => database.close().await,
        }
    }
}
