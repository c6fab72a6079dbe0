//! `PostgreSQL`: any number of servers on one database, and one writer among them.
//!
//! A change holds an advisory lock from its first statement to its commit, as a change of
//! `SQLite` holds the file's. So each statement sees what every change before it left, a claim is
//! one compare-and-swap, the log has one appender, and nothing fails because of another
//! transaction: there is nothing to run again. The lock ends with the transaction, and that with
//! its connection: who was killed holds nothing.

use std::time::{Duration, Instant};

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPool, PgPoolOptions};
use sqlx::{Connection as _, Row as _, SqlSafeStr as _, Transaction};

use super::StoreError;
use super::migrator::migrator;
use crate::clock;

/// How long a caller waits for the writer or a reader before it is told to come again.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the database may take for one statement of a change or of a look at a row or two, and
/// how long for one of what reads much. `SESSION` has it end them sooner by itself: where nothing
/// comes within this, it does not live, or the network does not bring what it says.
const BRIEFLY: Duration = Duration::from_secs(10);
const AT_LENGTH: Duration = Duration::from_secs(35);

/// How long the database may take for a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// A connection that was used so shortly before is taken to be alive.
const ALIVE: Duration = Duration::from_secs(1);

/// How many snapshots one server reads at the same time.
const READERS: u32 = 8;

/// How many more are read by what looks up one row and is done.
const LOOKUPS: u32 = 2;

/// The lock of whoever writes: "gate", and 1 for the store as a whole.
const WRITER_LOCK: i64 = 0x6761_7465_0000_0001;

/// What begins a snapshot.
const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// What every session is set to. A server that stops in the middle of a change, and is not dead,
/// would hold the lock of all: the database ends its session instead.
const SESSION: [(&str, &str); 4] = [
    ("application_name", "gate"),
    ("lock_timeout", "5s"),
    ("statement_timeout", "30s"),
    ("idle_in_transaction_session_timeout", "10s"),
];

/// What a session is set to beside it that does nothing that takes long.
const BRIEF_SESSION: [(&str, &str); 1] = [("statement_timeout", "8s")];

/// What the session of a migration is set to.
const MIGRATING: [(&str, &str); 2] = [("application_name", "gate"), ("lock_timeout", "2s")];

/// How long a migration gives way to others before it is given up, and how long it leaves them each
/// time.
const GIVING_WAY: Duration = Duration::from_mins(10);
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// Append-only: a released migration is never edited. From 7 on each has the number of that of
/// `SQLite` which does the same. Servers of the version before go on while it runs and
/// afterwards, so a migration only adds: columns that may be missing, tables, indexes.
pub(super) const MIGRATIONS: [(i64, &str, &str); 8] = [
    (
        6,
        "first",
        include_str!("migrations/postgres/0006_first.sql"),
    ),
    (
        7,
        "chat_links",
        include_str!("migrations/postgres/0007_chat_links.sql"),
    ),
    (9, "keys", include_str!("migrations/postgres/0009_keys.sql")),
    (
        10,
        "witnesses",
        include_str!("migrations/postgres/0010_witnesses.sql"),
    ),
    (
        11,
        "hands",
        include_str!("migrations/postgres/0011_hands.sql"),
    ),
    (
        15,
        "operations",
        include_str!("migrations/postgres/0015_operations.sql"),
    ),
    (
        16,
        "payloads",
        include_str!("migrations/postgres/0016_payloads.sql"),
    ),
    (
        17,
        "second person",
        include_str!("migrations/postgres/0017_second_person.sql"),
    ),
];

/// The open database.
#[derive(Clone, Debug)]
pub(crate) struct Postgres {
    writer: PgPool,
    readers: PgPool,
    /// Kept apart, so that nobody who reads much keeps everybody else from being known.
    lookups: PgPool,
    /// What a listener takes its one connection from.
    listening: PgPool,
}

/// Hears when the log has grown, whichever server appended to it.
#[derive(Debug)]
pub(crate) struct Listener(PgListener);

impl Listener {
    /// Returns when the log may have grown: somebody said so, or the connection was lost and is
    /// there again. What is said at once is told once.
    pub(crate) async fn heard(&mut self) -> Result<(), StoreError> {
        self.0.try_recv().await?;
        while self.0.next_buffered().is_some() {}
        Ok(())
    }
}

/// One transaction, each statement of which is answered within a bound.
#[derive(Debug)]
pub(crate) struct Bounded {
    transaction: Transaction<'static, sqlx::Postgres>,
    patience: Duration,
}

impl Bounded {
    async fn begin(
        pool: &PgPool,
        statement: &'static str,
        patience: Duration,
    ) -> Result<Self, sqlx::Error> {
        let begun = pool.begin_with(statement.into_sql_str());
        Ok(Self {
            transaction: answered(patience, begun).await?,
            patience,
        })
    }

    /// Begins to read a snapshot: each statement is answered as soon as `soon` says.
    pub(super) async fn read(pool: &PgPool, soon: Duration) -> Result<Self, StoreError> {
        Ok(Self::begin(pool, READ, soon).await?)
    }

    /// Lets each statement take as long as one of what reads much may.
    pub(super) const fn read_much(&mut self) {
        self.patience = AT_LENGTH;
    }

    /// Returns how long a statement may take, and where it runs.
    pub(super) fn parts(&mut self) -> (Duration, &mut PgConnection) {
        (self.patience, &mut self.transaction)
    }

    /// Lets each statement take as long as it takes.
    pub(super) const fn take_time(&mut self) {
        self.patience = Duration::from_hours(24);
    }

    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        answered(self.patience, self.transaction.commit()).await
    }
}

/// Returns what the database answers. Where it says nothing, the connection is given up as it is
/// given back: see [`is_alive`].
pub(super) async fn answered<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let answer = tokio::time::timeout(patience, answer).await;
    answer.unwrap_or_else(|_| Err(silent()))
}

fn silent() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        "the database says nothing",
    ))
}

/// Fails where the database says nothing on this connection, upon which the pool forgets it: to
/// close it in good order would take as long as whatever else is said to nobody.
async fn is_alive(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let pong = tokio::time::timeout(SIGN_OF_LIFE, connection.ping()).await;
    pong.unwrap_or_else(|_| Err(silent())).map(|()| true)
}

/// Returns how pools of so many connections are made.
fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        // In place of its own, which waits for ever.
        .test_before_acquire(false)
        .before_acquire(|connection, known| {
            Box::pin(async move { Ok(known.idle_for < ALIVE || is_alive(connection).await?) })
        })
        .after_release(|connection, _| Box::pin(is_alive(connection)))
}

/// Returns the readers of another database than the one that is written to, which connect when
/// somebody reads.
pub(super) fn reading(options: PgConnectOptions) -> PgPool {
    pool(READERS).connect_lazy_with(options.options(SESSION))
}

impl Postgres {
    /// Connects and brings the tables up to date; servers that start together do that one after
    /// the other.
    pub(super) async fn open(options: PgConnectOptions) -> Result<Self, StoreError> {
        let first = pool(1).connect_with(options.clone()).await?;
        refuse_unsafe(&first).await?;
        let is_up_to_date = is_up_to_date(&first).await?;
        first.close().await;
        if !is_up_to_date {
            migrate(&options, &MIGRATIONS).await?;
        }
        Self::connect(options).await
    }

    /// Connects to a database as it is, of which nothing is made or changed.
    pub(super) async fn open_beside(options: PgConnectOptions) -> Result<Self, StoreError> {
        let first = pool(1).connect_with(options.clone()).await?;
        refuse_unsafe(&first).await?;
        first.close().await;
        Self::connect(options).await
    }

    async fn connect(options: PgConnectOptions) -> Result<Self, StoreError> {
        let options = options.options(SESSION);
        let brief = options.clone().options(BRIEF_SESSION);
        let writer = pool(1).connect_with(brief.clone()).await?;
        let readers = pool(READERS).connect_with(options.clone()).await?;
        let lookups = pool(LOOKUPS).connect_with(brief).await?;
        Ok(Self {
            writer,
            readers,
            lookups,
            listening: pool(1).connect_lazy_with(options),
        })
    }

    pub(super) async fn write(&self) -> Result<Bounded, StoreError> {
        // READ COMMITTED: each statement sees what was committed before it. A snapshot that was
        // taken before the lock was had would show what another change has replaced since.
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
        let mut bounded = Bounded::begin(&self.writer, begin, BRIEFLY).await?;
        let (patience, connection) = bounded.parts();
        let asked = clock::Asked::now();
        // Its clock is read when the lock is had: what stands in a list is evaluated in its order.
        let locked = sqlx::query(
            "SELECT pg_advisory_xact_lock($1),
               current_setting('synchronous_commit') AS synchronous_commit,
               CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT) AS now_ms",
        )
        .bind(WRITER_LOCK)
        .fetch_one(connection);
        let locked = answered(patience, locked).await?;
        asked.told(locked.try_get("now_ms")?);
        // It may have been set since the server started.
        refuse_forgetful(locked.try_get("synchronous_commit")?)?;
        Ok(bounded)
    }

    pub(super) async fn read(&self) -> Result<Bounded, StoreError> {
        Ok(Bounded::begin(&self.readers, READ, AT_LENGTH).await?)
    }

    /// Returns a snapshot of what is committed, for a look at a row or two.
    pub(super) async fn look_up(&self) -> Result<Bounded, StoreError> {
        Ok(Bounded::begin(&self.lookups, READ, BRIEFLY).await?)
    }

    pub(super) async fn listen(&self) -> Result<Listener, StoreError> {
        let mut listener = PgListener::connect_with(&self.listening).await?;
        listener.listen("gate_log").await?;
        Ok(Listener(listener))
    }

    pub(super) async fn close(&self) {
        // Not waited for: its connection is the listener's as long as that lives.
        drop(self.listening.close());
        self.lookups.close().await;
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Brings the tables up to date beside servers that go on. What changes a table needs it for itself,
/// and whoever comes after waits behind it: where somebody reads it for long, as a backup does, it
/// gives way and comes again.
pub(super) async fn migrate(
    options: &PgConnectOptions,
    migrations: &[(i64, &'static str, &'static str)],
) -> Result<(), StoreError> {
    // Without the session's bounds: a migration takes as long as it takes.
    let options = options.clone().options(MIGRATING);
    let begun = Instant::now();
    loop {
        // Each time on a new connection: the lock of who migrates ends with it.
        let lone = pool(1).connect_with(options.clone()).await?;
        let done = migrator(migrations).run(&lone).await;
        lone.close().await;
        match done {
            Err(error) if is_held_up(&error) && begun.elapsed() < GIVING_WAY => {
                tracing::warn!("a migration waits for who reads a table, or for another server");
                tokio::time::sleep(BETWEEN_TRIES).await;
            }
            done => return Ok(done?),
        }
    }
}

/// Tells whether a lock was not had in time.
fn is_held_up(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    error
        .as_database_error()
        .and_then(DatabaseError::code)
        .is_some_and(|code| code == "55P03")
}

/// Tells whether the tables are those of this version, each made by the very migration that this
/// program has. Who may not make tables can then serve; of anything else sqlx says what is wrong.
async fn is_up_to_date(pool: &PgPool) -> Result<bool, StoreError> {
    let made = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL AS is_made";
    if !sqlx::query(made)
        .fetch_one(pool)
        .await?
        .try_get("is_made")?
    {
        return Ok(false);
    }
    let rows =
        sqlx::query("SELECT version, checksum, success FROM _sqlx_migrations ORDER BY version")
            .fetch_all(pool)
            .await?;
    let mut made = Vec::new();
    for row in &rows {
        let (version, checksum): (i64, &[u8]) = (row.try_get("version")?, row.try_get("checksum")?);
        made.push((version, checksum, row.try_get("success")?));
    }
    let wanted = migrator(&MIGRATIONS);
    let wanted = wanted.iter().map(|one| (one.version, &*one.checksum, true));
    Ok(wanted.eq(made))
}

/// Refuses a database that says that something is done before it is on its disk, or on those that
/// are to have it too.
fn refuse_forgetful(synchronous_commit: &str) -> Result<(), StoreError> {
    if matches!(synchronous_commit, "off" | "local") {
        return Err(StoreError::Unsafe {
            setting: "synchronous_commit",
            value: synchronous_commit.to_owned(),
            wanted: "on, remote_write or remote_apply",
        });
    }
    Ok(())
}

/// Refuses a database that would forget what it said is done, or can't hold every text, and sets the
/// clock by it.
async fn refuse_unsafe(pool: &PgPool) -> Result<(), StoreError> {
    let asked = clock::Asked::now();
    let row = sqlx::query(
        "SELECT current_setting('synchronous_commit') AS synchronous_commit,
           current_setting('server_encoding') AS server_encoding,
           pg_is_in_recovery() AS is_standby,
           current_setting('fsync') AS fsync,
           current_setting('full_page_writes') AS full_page_writes,
           CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT) AS now_ms",
    )
    .fetch_one(pool)
    .await?;
    // Before anything is found to be over.
    asked.told(row.try_get("now_ms")?);
    refuse_forgetful(row.try_get("synchronous_commit")?)?;
    for setting in ["fsync", "full_page_writes"] {
        if row.try_get::<&str, _>(setting)? == "off" {
            tracing::error!(
                setting,
                "the database is set so that a crash of its machine can destroy it; set it to on"
            );
        }
    }
    let encoding: String = row.try_get("server_encoding")?;
    if encoding != "UTF8" {
        return Err(StoreError::Unsafe {
            setting: "server_encoding",
            value: encoding,
            wanted: "UTF8",
        });
    }
    if row.try_get("is_standby")? {
        return Err(StoreError::Standby);
    }
    Ok(())
}
