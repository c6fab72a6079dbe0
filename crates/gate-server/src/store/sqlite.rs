//! The `SQLite` database: one writer, some readers, every commit on the disk.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, SqliteConnection, Transaction};

use super::StoreError;
use super::migrator::migrator;

/// How long a caller waits for the writer or a reader before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many snapshots can be read at the same time.
const READERS: u32 = 4;

/// How many snapshots can be read beside those by what looks up one row and is done:
/// whose token it is, and whether a request that somebody waits for has changed.
const LOOKUPS: u32 = 2;

/// Tells whether a connection that is given back can begin another change. Where the disk was full or
/// failed, the database has ended the change by itself, and sqlx, which then can't, counts it as going
/// on for ever.
async fn is_between_changes(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // Behind whatever is still to be done on it.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Append-only: a released migration is never edited.
pub(super) const MIGRATIONS: [(i64, &str, &str); 13] = [
    (1, "first", include_str!("migrations/0001_first.sql")),
    (
        2,
        "web session",
        include_str!("migrations/0002_web_session.sql"),
    ),
    (3, "identity", include_str!("migrations/0003_identity.sql")),
    (
        4,
        "who may approve",
        include_str!("migrations/0004_who_may_approve.sql"),
    ),
    (5, "web", include_str!("migrations/0005_web.sql")),
    (6, "channels", include_str!("migrations/0006_channels.sql")),
    (
        7,
        "chat_links",
        include_str!("migrations/0007_chat_links.sql"),
    ),
    (9, "keys", include_str!("migrations/0009_keys.sql")),
    (
        10,
        "witnesses",
        include_str!("migrations/0010_witnesses.sql"),
    ),
    (11, "hands", include_str!("migrations/0011_hands.sql")),
    (
        15,
        "operations",
        include_str!("migrations/0015_operations.sql"),
    ),
    (16, "payloads", include_str!("migrations/0016_payloads.sql")),
    (
        17,
        "second person",
        include_str!("migrations/0017_second_person.sql"),
    ),
];

/// The number of the last one.
pub(super) const LAST_MIGRATION: i64 = {
    let [.., (number, _, _)] = MIGRATIONS;
    number
};

/// The open database.
#[derive(Clone, Debug)]
pub(crate) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    /// Kept apart, so that nobody who reads much keeps everybody else from being known.
    lookups: SqlitePool,
}

impl Sqlite {
    /// Opens the database, makes it where there is none, and brings its tables up to date.
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // What is erased is overwritten, and not only forgotten.
            .pragma("secure_delete", "on")
            .busy_timeout(PATIENCE);
        // A lone connection that is never retired: the lock is the pool.
        let writer = SqlitePoolOptions::new()
            .min_connections(1)
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_release(|connection, _| Box::pin(is_between_changes(connection)))
            .connect_with(options.clone())
            .await?;
        migrator(&MIGRATIONS).run(&writer).await?;
        Self::reading_beside(writer, options).await
    }

    /// Opens a database as it is, whoever else has it open: it is not made, not migrated, and only
    /// read.
    pub(super) async fn open_beside(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .pragma("query_only", "on");
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .connect_with(options.clone())
            .await?;
        Self::reading_beside(writer, options).await
    }

    async fn reading_beside(
        writer: SqlitePool,
        options: SqliteConnectOptions,
    ) -> Result<Self, StoreError> {
        let options = options.pragma("query_only", "on");
        let reading = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(PATIENCE)
                .idle_timeout(None)
                .max_lifetime(None)
                .connect_with(options.clone())
        };
        Ok(Self {
            writer,
            readers: reading(READERS).await?,
            lookups: reading(LOOKUPS).await?,
        })
    }

    /// IMMEDIATE takes the lock at once, so that no transaction reads first and
    /// then finds that it can't write.
    pub(super) async fn write(&self) -> Result<Transaction<'static, sqlx::Sqlite>, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    pub(super) async fn read(&self) -> Result<Transaction<'static, sqlx::Sqlite>, StoreError> {
        Ok(self.readers.begin().await?)
    }

    /// Returns a snapshot of what is committed, for a look at a row or two.
    pub(super) async fn look_up(&self) -> Result<Transaction<'static, sqlx::Sqlite>, StoreError> {
        Ok(self.lookups.begin().await?)
    }

    /// Writes a copy of what is committed now into a new file, and waits until it is on the disk.
    pub(super) async fn copy_into(&self, path: &Path) -> Result<(), StoreError> {
        let path = path
            .to_str()
            .ok_or(StoreError::Unreadable { what: "path" })?;
        let mut connection = self.writer.acquire().await?;
        sqlx::query("PRAGMA query_only = off")
            .execute(&mut *connection)
            .await?;
        sqlx::query("VACUUM INTO ?")
            .bind(path)
            .execute(&mut *connection)
            .await?;
        std::fs::File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(sqlx::Error::Io)?;
        Ok(())
    }

    /// Takes what was overwritten out of the log of changes beside the file, as far as nobody reads
    /// from it; the next change does the rest.
    pub(super) async fn scrub(&self) -> Result<(), StoreError> {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    pub(super) async fn close(&self) {
        self.lookups.close().await;
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::columns::get;
    use super::super::sql::query;
    use super::*;

    async fn open(dir: &Path) -> Store {
        Store::open_file(&dir.join("gate.db")).await.unwrap()
    }

    #[tokio::test]
    async fn the_database_survives_power_cuts_and_is_migrated_once() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let store = open(dir.path()).await;
            let mut writer = store.write().await.unwrap();
            let mut ask = async |sql: &'static str| -> String {
                let row = query(sql).fetch_one(writer.connection()).await.unwrap();
                get(&row, "answer").unwrap()
            };
            let wal = "SELECT journal_mode AS answer FROM pragma_journal_mode";
            let full = "SELECT cast(synchronous AS TEXT) AS answer FROM pragma_synchronous";
            let migrations = "SELECT cast(count(*) AS TEXT) AS answer FROM _sqlx_migrations";
            assert_eq!(ask(wal).await, "wal");
            assert_eq!(ask(full).await, "2");
            assert_eq!(ask(migrations).await, MIGRATIONS.len().to_string());
            drop(writer);
            store.close().await;
        }
    }

    #[tokio::test]
    async fn a_dropped_writer_changes_nothing_and_a_reader_cannot() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        let insert = "INSERT INTO rules VALUES (1, '', '', 0)";
        let mut writer = store.write().await.unwrap();
        query(insert).execute(writer.connection()).await.unwrap();
        drop(writer);
        let mut reader = store.read().await.unwrap();
        let rows = query("SELECT * FROM rules")
            .fetch_all(reader.connection())
            .await
            .unwrap();
        assert!(rows.is_empty());
        assert!(query(insert).execute(reader.connection()).await.is_err());
    }

    #[tokio::test]
    async fn an_audit_record_can_be_neither_changed_nor_removed() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        let mut writer = store.write().await.unwrap();
        let mut run = async |sql: &'static str| query(sql).execute(writer.connection()).await;
        run("INSERT INTO log_records VALUES (0, CAST('{}' AS BLOB), x'00')")
            .await
            .unwrap();
        assert!(run("UPDATE log_records SET record = x'01'").await.is_err());
        assert!(run("DELETE FROM log_records").await.is_err());
    }
}
