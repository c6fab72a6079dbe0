//! Tables of the version before this one, filled, and what happens while they are brought up to date.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use gate_protocol::id::Nonce;
use gate_protocol::log::AuditRecord;
use gate_protocol::request::ApprovalStatus;
use gate_protocol::review::Answer;
use gate_testkit::real::Postgres;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};

use super::bench::Bench;
use super::postgres::{database_on, url_of};
use crate::store::{Store, earlier};

/// A rule that the tests push.
const RULE: &str = "[[rule]]\nid = 'team/a'\ntool = 'helm'\ndecision = 'require_approval'\n";

/// What a server has to have of a little of everything, once its tables are up to date.
struct Filled {
    records: Vec<AuditRecord>,
    approved: gate_protocol::request::ApprovalRequest,
}

impl Filled {
    async fn by(bench: &Bench) -> Self {
        let [claimed, denied] = [bench.approved("claimed").await, bench.asked("denied").await];
        let claim = bench.claim(&claimed, Nonce::generate().unwrap()).await;
        assert!(claim.status.is_success(), "{}", claim.text());
        let bob = &bench.setup.bob_approver;
        bench.review(bob, &denied, Answer::Deny).await;
        bench.push_rules(&bench.setup.admin, RULE).await;
        bench.server.checkpoint().await.unwrap();
        let approved = bench.approved("approved").await;
        let records = bench.records().await;
        bench.server.store.close().await;
        Self { records, approved }
    }

    /// Holds that the log is the same and goes on, and that what was approved before is granted.
    async fn is_served_by(&self, bench: &Bench) {
        let records = bench.records().await;
        assert!(records.starts_with(&self.records));
        let shown = bench.show(&self.approved).await;
        assert_eq!(shown.status, ApprovalStatus::Approved);
        let claim = bench.claim(&self.approved, Nonce::generate().unwrap());
        let claim = claim.await;
        assert!(claim.status.is_success(), "{}", claim.text());
        bench.approved("afterwards").await;
        bench.verified().await;
    }
}

/// A file of `SQLite` with another beside it, which is `other` in statements.
struct Two(SqliteConnection);

impl Two {
    async fn open(path: &Path, other: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(path);
        let options = options.foreign_keys(false);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query("ATTACH ? AS other")
            .bind(other.to_str().unwrap())
            .execute(&mut connection)
            .await
            .unwrap();
        Self(connection)
    }

    async fn run(&mut self, statement: String) {
        let done = sqlx::query(AssertSqlSafe(statement.clone()));
        let done = done.execute(&mut self.0).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    async fn texts(&mut self, statement: String) -> Vec<String> {
        let rows = sqlx::query(AssertSqlSafe(statement));
        let rows = rows.fetch_all(&mut self.0).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Returns the tables of the first file, each with its columns.
    async fn tables(&mut self) -> BTreeMap<String, String> {
        let named = "SELECT name FROM main.sqlite_schema WHERE type = 'table'
            AND name NOT LIKE 'sqlite%' AND name <> '_sqlx_migrations'";
        let mut tables = BTreeMap::new();
        for table in self.texts(named.to_owned()).await {
            let columns = format!("SELECT name FROM pragma_table_info('{table}', 'main')");
            let columns = self.texts(columns).await.join(", ");
            tables.insert(table, columns);
        }
        tables
    }

    /// Fills these columns of the first file from the other.
    async fn fill(&mut self, tables: &BTreeMap<String, String>) {
        for (table, columns) in tables {
            self.run(format!(
                "INSERT OR REPLACE INTO main.{table} ({columns}) SELECT {columns} FROM other.{table}"
            ))
            .await;
        }
    }

    /// Holds that these columns are the same in both.
    async fn assert_same(&mut self, tables: &BTreeMap<String, String>) {
        let mut rows = 0;
        for (table, columns) in tables {
            for (one, two) in [("main", "other"), ("other", "main")] {
                let missing = format!(
                    "SELECT CAST(count(*) AS TEXT) FROM (SELECT {columns} FROM {one}.{table}
                     EXCEPT SELECT {columns} FROM {two}.{table})"
                );
                assert_eq!(self.texts(missing).await, ["0"], "{table} of {one}");
            }
            let count = format!("SELECT CAST(count(*) AS TEXT) FROM main.{table}");
            rows += self.texts(count).await[0].parse::<u64>().unwrap();
        }
        assert!(rows > 30, "{rows}");
    }
}

#[tokio::test]
async fn a_filled_file_of_the_version_before_is_brought_up_to_date() {
    let bench = Bench::new().await;
    if bench.server.store.is_shared() {
        return;
    }
    let filled = Filled::by(&bench).await;
    let (file, newest) = (bench.data().join("gate.db"), bench.data().join("newest.db"));
    std::fs::rename(&file, &newest).unwrap();
    earlier::make_file(&file).await;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut two = Two::open(&file, &newest).await;
    let tables = two.tables().await;
    two.fill(&tables).await;
    two.0.close().await.unwrap();
    // What the version before writes beside a newer one: its own columns into the tables of this.
    let beside = bench.data().join("beside.db");
    Store::open_file(&beside).await.unwrap().close().await;
    let mut two = Two::open(&beside, &file).await;
    two.fill(&tables).await;
    two.assert_same(&tables).await;
    two.0.close().await.unwrap();

    Store::open_file(&file).await.unwrap().close().await;
    let mut two = Two::open(&file, &newest).await;
    two.assert_same(&tables).await;
    two.0.close().await.unwrap();
    let bench = bench.reopened().await;
    filled.is_served_by(&bench).await;
}

/// Fills the tables of the schema `public` from those of `filled`, as far as these have the columns
/// that `filled.columns` names.
const FILL: &str = "
DO $$
DECLARE one record; names text;
BEGIN
  PERFORM set_config('session_replication_role', 'replica', true);
  FOR one IN SELECT DISTINCT of_table FROM filled.columns LOOP
    SELECT string_agg(quote_ident(of_column), ', ') INTO names FROM filled.columns
      WHERE of_table = one.of_table;
    EXECUTE format('DELETE FROM public.%I', one.of_table);
    EXECUTE format('INSERT INTO public.%I (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM filled.%I',
      one.of_table, names, names, one.of_table);
  END LOOP;
  FOR one IN SELECT table_name, column_name FROM information_schema.columns
      WHERE table_schema = 'public' AND is_identity = 'YES' LOOP
    EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, %L), max(%I) + 1) FROM public.%I',
      one.table_name, one.column_name, one.column_name, one.table_name);
  END LOOP;
END $$;";

/// Fails where a column that `filled.columns` names has other rows in the two schemas.
const COMPARE: &str = "
DO $$
DECLARE one record; names text; missing bigint; rows bigint := 0; many bigint;
BEGIN
  FOR one IN SELECT DISTINCT of_table FROM filled.columns LOOP
    SELECT string_agg(quote_ident(of_column), ', ') INTO names FROM filled.columns
      WHERE columns.of_table = one.of_table;
    EXECUTE format('SELECT count(*) FROM ((SELECT %s FROM public.%I EXCEPT ALL SELECT %s FROM filled.%I)
      UNION ALL (SELECT %s FROM filled.%I EXCEPT ALL SELECT %s FROM public.%I)) AS differs',
      names, one.of_table, names, one.of_table, names, one.of_table, names, one.of_table)
      INTO missing;
    IF missing > 0 THEN RAISE 'table % differs in % rows', one.of_table, missing; END IF;
    EXECUTE format('SELECT count(*) FROM public.%I', one.of_table) INTO many;
    rows := rows + many;
  END LOOP;
  IF rows < 30 THEN RAISE 'only % rows', rows; END IF;
END $$;";

#[tokio::test]
async fn a_filled_database_of_the_version_before_is_brought_up_to_date() {
    let postgres = Postgres::start().unwrap();
    let database = database_on(&url_of(&postgres)).await;
    let (_, name) = database.url.rsplit_once('/').unwrap();
    let run = |statements: &str| postgres.sql_in(name, statements).unwrap();
    let bench = Bench::on_with(database.clone(), |settings| {
        settings.approving.trusted_admins = vec!["admin".to_owned()];
    })
    .await;
    let filled = Filled::by(&bench).await;
    run("ALTER SCHEMA public RENAME TO filled; CREATE SCHEMA public;");
    let options = database.options().unwrap();
    earlier::make_in(&options).await;
    run("CREATE TABLE filled.columns AS
         SELECT CAST(table_name AS text) AS of_table, CAST(column_name AS text) AS of_column
         FROM information_schema.columns JOIN information_schema.tables
           USING (table_schema, table_name)
         WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
           AND table_name <> '_sqlx_migrations'");
    run(FILL);
    run(COMPARE);
    Store::connect(options).await.unwrap().close().await;
    run(COMPARE);
    // What the version before writes beside a newer one: its own columns into the tables of this.
    run(&format!("BEGIN; {FILL} {COMPARE} ROLLBACK;"));
    let bench = bench.reopened().await;
    filled.is_served_by(&bench).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_behind_who_reads_for_long_holds_nobody_else_up_and_comes_through() {
    let postgres = Postgres::start().unwrap();
    let database = database_on(&url_of(&postgres)).await;
    let options = database.options().unwrap();
    let first = (1, "first", "CREATE TABLE kept (a BIGINT)");
    let second = (2, "second", "ALTER TABLE kept ADD COLUMN b BIGINT");
    earlier::bring_up_to_date(&options, &[first]).await.unwrap();
    let mut reading = PgConnection::connect_with(&options).await.unwrap();
    let mut long = reading.begin().await.unwrap();
    let look = "SELECT count(*) FROM kept";
    sqlx::query(look).execute(&mut *long).await.unwrap();
    let changing = options.clone();
    let changing =
        tokio::spawn(async move { earlier::bring_up_to_date(&changing, &[first, second]).await });
    // Long enough for it to come twice. Behind it others wait for as long as it does, and no longer.
    let mut other = PgConnection::connect_with(&options).await.unwrap();
    let begun = Instant::now();
    let mut longest = Duration::ZERO;
    while begun.elapsed() < Duration::from_secs(5) {
        let asked = Instant::now();
        sqlx::query(look).execute(&mut other).await.unwrap();
        longest = longest.max(asked.elapsed());
    }
    assert!(
        longest > Duration::from_millis(500),
        "nobody waited: {longest:?}"
    );
    assert!(longest < Duration::from_secs(4), "{longest:?}");
    assert!(!changing.is_finished());
    long.commit().await.unwrap();
    changing.await.unwrap().unwrap();
    let added = "SELECT count(b) FROM kept";
    sqlx::query(added).execute(&mut other).await.unwrap();
}
