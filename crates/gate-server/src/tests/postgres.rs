//! The same stories on `PostgreSQL`: this program plays the tests of the store's modules once more,
//! each on a database of its own on a real server.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use gate_testkit::real::Postgres;
use sqlx::migrate::MigrateError;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::bench::{Bench, submission};
use crate::settings::Database;
use crate::store::columns::get;
use crate::store::sql::query;
use crate::store::{Store, StoreError, server};

/// Far beyond what any of this takes.
const SOON: Duration = Duration::from_secs(30);

/// Names the server on which each test makes its database, as `postgres://USER@HOST:PORT`.
const SERVER: &str = "GATE_TEST_DATABASE";

/// The database with empty tables that those of the tests are copied from.
const TABLES: &str = "gate_tables";

/// What is played on both.
const STORIES: [&str; 16] = [
    "tests::access::",
    "tests::approving::",
    "tests::archive::",
    "tests::channels::webhooks::",
    "tests::claims::",
    "tests::erasure::",
    "tests::events::",
    "tests::exceptional::",
    "tests::flood::",
    "tests::identity::",
    "tests::log::",
    "tests::polls::",
    "tests::reviews::",
    "tests::self_approval::",
    "tests::submissions::",
    "tests::web::exceptional::",
];

/// What is not: this looks into the files of `SQLite`, and that is long and about memory.
const ELSEWHERE: [&str; 2] = [
    "tokens_are_made_hashed_revoked_and_on_the_record",
    "ten_thousand_questions_of_one_agent_open_ten_and_disturb_nobody",
];

/// Returns a database with empty tables on the server that the environment names.
pub(super) async fn database_of_the_test() -> Option<Database> {
    let server = std::env::var(SERVER).ok()?;
    let name = format!("gate_{}", uuid::Uuid::now_v7().simple());
    Some(create(&server, &name, TABLES).await)
}

/// Returns a database on a server, without any table.
pub(super) async fn database_on(server: &str) -> Database {
    let name = format!("gate_{}", uuid::Uuid::now_v7().simple());
    create(server, &name, "template1").await
}

async fn create(server: &str, name: &str, template: &str) -> Database {
    let mut connection = PgConnection::connect(&format!("{server}/postgres"))
        .await
        .unwrap();
    let statement = format!("CREATE DATABASE {name} TEMPLATE {template}");
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    Database {
        url: format!("{server}/{name}"),
        password_file: None,
        ca_file: None,
        standby: None,
    }
}

/// Returns how to reach a server over its socket, where its superuser needs no password.
pub(super) fn url_of(postgres: &Postgres) -> String {
    let socket = postgres
        .socket_folder()
        .to_str()
        .unwrap()
        .replace('/', "%2F");
    let password = postgres
        .environment()
        .into_iter()
        .find(|(name, _)| *name == "PGPASSWORD")
        .unwrap();
    let password = password.1.to_str().unwrap().to_owned();
    format!(
        "postgres://postgres:{password}@{socket}:{}",
        postgres.port()
    )
}

#[tokio::test]
async fn the_stories_of_the_store_hold_on_postgres() {
    let postgres = Postgres::start().unwrap();
    let tables = create(&url_of(&postgres), TABLES, "template1").await;
    let store = Store::connect(tables.options().unwrap()).await.unwrap();
    store.close().await;
    let output = Command::new(std::env::current_exe().unwrap())
        .args(STORIES)
        .args(ELSEWHERE.iter().flat_map(|name| ["--skip", name]))
        .arg("--test-threads=4")
        .env(SERVER, url_of(&postgres))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let failed = || {
        let errors = String::from_utf8_lossy(&output.stderr);
        format!("{told}\n{errors}")
    };
    assert!(output.status.success(), "{}", failed());
    let passed = told
        .split_once("test result: ok. ")
        .and_then(|(_, rest)| rest.split(' ').next())
        .map(|count| count.parse::<usize>().unwrap());
    assert!(passed >= Some(100), "{passed:?} stories were played");
}

/// Returns each table with each of its columns.
async fn columns(store: &Store, sql: &'static str) -> BTreeSet<String> {
    let mut reader = store.read().await.unwrap();
    let rows = query(sql).fetch_all(reader.connection()).await.unwrap();
    let column = |row| {
        let (table, column): (String, String) = (
            get(row, "of_table").unwrap(),
            get(row, "of_column").unwrap(),
        );
        format!("{table}.{column}")
    };
    rows.iter().map(column).collect()
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let postgres = Postgres::start().unwrap();
    let shared = database_on(&url_of(&postgres)).await;
    let shared = Store::connect(shared.options().unwrap()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let own = Store::open_file(&dir.path().join("gate.db")).await.unwrap();
    let of_postgres = columns(
        &shared,
        "SELECT CAST(table_name AS TEXT) AS of_table, CAST(column_name AS TEXT) AS of_column
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'
           AND column_name <> 'rowid'",
    );
    let of_sqlite = columns(
        &own,
        "SELECT t.name AS of_table, c.name AS of_column
         FROM sqlite_schema t, pragma_table_info(t.name) c
         WHERE t.type IN ('table', 'view') AND t.name NOT LIKE 'sqlite%'
           AND t.name <> '_sqlx_migrations'",
    );
    let (of_postgres, of_sqlite) = (of_postgres.await, of_sqlite.await);
    assert!(of_sqlite.contains("requests_asked.requester_person"));
    assert_eq!(of_postgres, of_sqlite);
}

#[tokio::test]
async fn a_database_that_forgets_or_is_of_a_newer_version_is_refused_with_what_to_do() {
    let postgres = Postgres::start().unwrap();
    let database = database_on(&url_of(&postgres)).await;
    let name = database.url.rsplit('/').next().unwrap().to_owned();
    let open = async || Store::connect(database.options().unwrap()).await;
    for weak in ["off", "local"] {
        postgres
            .sql(&format!(
                "ALTER DATABASE {name} SET synchronous_commit = {weak}"
            ))
            .unwrap();
        let error = open().await.unwrap_err().to_string();
        assert!(
            error.contains("synchronous_commit") && error.contains(weak),
            "{error}"
        );
    }
    postgres
        .sql(&format!("ALTER DATABASE {name} RESET synchronous_commit"))
        .unwrap();
    let store = open().await.unwrap();
    let mut writer = store.write().await.unwrap();
    query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'later', true, ?, 0)",
    )
    .bind(b"x".as_slice())
    .execute(writer.connection())
    .await
    .unwrap();
    writer.commit().await.unwrap();
    let newer = open().await.unwrap_err();
    assert!(
        matches!(newer, StoreError::Newer { migration: 9999 }),
        "{newer:?}"
    );
    assert!(newer.to_string().contains("start that version"), "{newer}");
}

#[tokio::test]
async fn a_database_that_is_set_to_forget_later_takes_no_change_and_one_without_fsync_is_told() {
    let postgres = Postgres::start().unwrap();
    let bench = Bench::on(database_on(&url_of(&postgres)).await).await;
    let begun = Instant::now();
    let mut words = (0..).map(|number| submission(&format!("word-{number}")));
    for (value, wanted) in [
        ("off", StatusCode::SERVICE_UNAVAILABLE),
        ("on", StatusCode::CREATED),
    ] {
        let set = format!("ALTER SYSTEM SET synchronous_commit = {value}");
        postgres.sql(&set).unwrap();
        postgres.sql("SELECT pg_reload_conf()").unwrap();
        // A session hears of it between two statements, sooner or later.
        loop {
            let word = words.next().unwrap();
            let answer = bench.submit(&bench.setup.agent, &word).await;
            if answer.status == wanted {
                assert_eq!(answer.text().contains("could lose"), value == "off");
                break;
            }
            assert!(begun.elapsed() < SOON, "{value}: {}", answer.text());
        }
    }
    let mut reader = bench.server.store.read().await.unwrap();
    let perils = server::perils(reader.connection()).await.unwrap();
    assert_eq!(perils, ["fsync = off"]);
}

#[tokio::test]
async fn tables_that_another_migration_made_are_not_taken_for_ours() {
    let postgres = Postgres::start().unwrap();
    let database = database_on(&url_of(&postgres)).await;
    let name = database.url.rsplit('/').next().unwrap();
    let in_it = |statement: &str| postgres.sql_in(name, statement).unwrap();
    let open = async || Store::connect(database.options().unwrap()).await;
    open().await.unwrap().close().await;
    open().await.unwrap().close().await;
    in_it("CREATE TABLE kept AS SELECT * FROM _sqlx_migrations");
    in_it("UPDATE _sqlx_migrations SET checksum = 'x' WHERE version = 9");
    let altered = open().await.unwrap_err();
    assert!(
        matches!(
            altered,
            StoreError::Migrate(MigrateError::VersionMismatch(9))
        ),
        "{altered:?}"
    );
    // What is missing is made, which fails where it is there after all.
    in_it("DELETE FROM _sqlx_migrations WHERE version = 9");
    let incomplete = open().await.unwrap_err();
    assert!(
        matches!(
            incomplete,
            StoreError::Migrate(MigrateError::ExecuteMigration(_, 9))
        ),
        "{incomplete:?}"
    );
    in_it("TRUNCATE _sqlx_migrations; INSERT INTO _sqlx_migrations SELECT * FROM kept");
    open().await.unwrap();
}

#[tokio::test]
async fn a_reader_changes_nothing_and_the_log_is_never_rewritten() {
    let postgres = Postgres::start().unwrap();
    let database = database_on(&url_of(&postgres)).await;
    let store = Store::connect(database.options().unwrap()).await.unwrap();
    let insert = "INSERT INTO log_records VALUES (0, '{}', 'leaf')";
    let mut reader = store.read().await.unwrap();
    assert!(query(insert).execute(reader.connection()).await.is_err());
    let mut writer = store.write().await.unwrap();
    query(insert).execute(writer.connection()).await.unwrap();
    writer.commit().await.unwrap();
    for rewriting in [
        "UPDATE log_records SET record = '[]'",
        "DELETE FROM log_records",
        "TRUNCATE log_records",
    ] {
        let mut writer = store.write().await.unwrap();
        let refused = query(rewriting).execute(writer.connection()).await;
        assert!(refused.is_err(), "{rewriting}");
    }
}

#[tokio::test]
async fn servers_that_start_together_make_the_tables_once() {
    let postgres = Postgres::start().unwrap();
    let database = database_on(&url_of(&postgres)).await;
    let starting: Vec<_> = (0..4)
        .map(|_| tokio::spawn(Store::connect(database.options().unwrap())))
        .collect();
    for started in starting {
        started.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_nul_in_what_somebody_says_does_not_break_the_server() {
    let postgres = Postgres::start().unwrap();
    let bench = Bench::on(database_on(&url_of(&postgres)).await).await;
    let mut wanted = submission("prod");
    wanted.reason = Some("a\u{0}b".to_owned());
    let answer = bench.submit(&bench.setup.agent, &wanted).await;
    assert!(answer.status.is_client_error(), "{}", answer.text());
    let calm = bench.submit(&bench.setup.agent, &submission("prod")).await;
    assert!(calm.status.is_success(), "{}", calm.text());
}
