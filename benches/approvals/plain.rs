//! The plain store: the rows that the server wrote, written again into the same tables and indices
//! of another database on the same disk, by the same library, as durably, and nothing else.

use std::path::Path;
use std::time::Instant;

use serde_json::Value;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};

/// What one request is made of.
const CREATE: [&str; 3] = [
    "INSERT INTO requests SELECT * FROM kept.requests WHERE id = ?",
    "INSERT INTO idempotency_keys SELECT * FROM kept.idempotency_keys WHERE request = ?",
    "INSERT INTO log_records SELECT seq, record, leaf FROM kept.log_records WHERE request = ?",
];

/// What one answer is made of.
const DECIDE: [&str; 3] = [
    "UPDATE requests SET (status, version, expires_at, deadline_at) =
       (SELECT status, version, expires_at, deadline_at FROM kept.requests WHERE id = ?1)
     WHERE id = ?1",
    "INSERT INTO reviews SELECT * FROM kept.reviews WHERE request = ?",
    "INSERT INTO log_records SELECT seq, record, leaf FROM kept.log_records WHERE request = ?
       AND seq NOT IN (SELECT seq FROM log_records)",
];

/// Every change moves the log's head. Its value differs each time, or the library would not write it.
const MOVE_HEAD: &str = "UPDATE log_head SET prev = 'sha256:' || lower(hex(randomblob(32)))";

/// A copy of the server's database as it was before the first request.
pub(crate) struct Plain {
    connection: SqliteConnection,
}

impl Plain {
    /// Copies the database of a server that runs.
    pub(crate) async fn copy(served: &Path, to: &Path) -> Self {
        let mut source = SqliteConnectOptions::new()
            .filename(served)
            .connect()
            .await
            .unwrap();
        let copy = sqlx::query("VACUUM INTO ?").bind(to.to_str().unwrap());
        copy.execute(&mut source).await.unwrap();
        // As the server opens its own.
        let connection = SqliteConnectOptions::new()
            .filename(to)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .connect()
            .await
            .unwrap();
        Self { connection }
    }

    /// Creates the requests again, and returns the seconds that took.
    pub(crate) async fn create(&mut self, served: &Path, requests: &[Value]) -> f64 {
        self.keep(served).await;
        self.play(&CREATE, requests).await
    }

    /// Answers them again, and returns the seconds that took.
    pub(crate) async fn decide(&mut self, served: &Path, requests: &[Value]) -> f64 {
        self.keep(served).await;
        self.play(&DECIDE, requests).await
    }

    /// Reads what the server has now into memory, so that no time goes into reading it.
    async fn keep(&mut self, served: &Path) {
        self.run("ATTACH ':memory:' AS kept").await;
        let attach = sqlx::query("ATTACH ? AS served").bind(served.to_str().unwrap());
        attach.execute(&mut self.connection).await.unwrap();
        for copy in [
            "CREATE TABLE kept.requests AS SELECT * FROM served.requests",
            "CREATE TABLE kept.idempotency_keys AS SELECT * FROM served.idempotency_keys",
            "CREATE TABLE kept.reviews AS SELECT * FROM served.reviews",
            "CREATE TABLE kept.log_records AS SELECT *,
               json_extract(CAST(record AS TEXT), '$.body.request') AS request
             FROM served.log_records",
            "CREATE INDEX kept.requests_by_id ON requests (id)",
            "CREATE INDEX kept.keys_by_request ON idempotency_keys (request)",
            "CREATE INDEX kept.reviews_by_request ON reviews (request)",
            "CREATE INDEX kept.records_by_request ON log_records (request)",
            "DETACH served",
        ] {
            self.run(copy).await;
        }
    }

    async fn play(&mut self, statements: &[&'static str], requests: &[Value]) -> f64 {
        let since = Instant::now();
        for request in requests {
            let id = request["id"].as_str().unwrap();
            self.run("BEGIN IMMEDIATE").await;
            for statement in statements {
                let query = sqlx::query(*statement).bind(id);
                let done = query.execute(&mut self.connection).await.unwrap();
                assert_eq!(done.rows_affected(), 1, "{statement}");
            }
            self.run(MOVE_HEAD).await;
            self.run("COMMIT").await;
        }
        let spent = since.elapsed().as_secs_f64();
        self.run("DETACH kept").await;
        spent
    }

    async fn run(&mut self, statement: &'static str) {
        let query = sqlx::query(statement);
        query.execute(&mut self.connection).await.unwrap();
    }
}
