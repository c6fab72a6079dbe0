//! Tables as earlier versions made them, for tests.

use std::path::Path;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use super::migrator::migrator;
use super::postgres::migrate;
use super::{StoreError, postgres, sqlite};

/// Makes a file with the tables of this version but for the last migration.
pub(crate) async fn make_file(path: &Path) {
    let options = SqliteConnectOptions::new().filename(path);
    let pool = SqlitePool::connect_with(options.create_if_missing(true));
    let pool = pool.await.unwrap();
    let [earlier @ .., _] = &sqlite::MIGRATIONS;
    migrator(earlier).run(&pool).await.unwrap();
    pool.close().await;
}

/// Makes the tables of this version but for the last migration in an empty database.
pub(crate) async fn make_in(options: &PgConnectOptions) {
    let [earlier @ .., _] = &postgres::MIGRATIONS;
    migrate(options, earlier).await.unwrap();
}

/// Brings tables up to date by these migrations.
pub(crate) async fn bring_up_to_date(
    options: &PgConnectOptions,
    migrations: &[(i64, &'static str, &'static str)],
) -> Result<(), StoreError> {
    migrate(options, migrations).await
}
