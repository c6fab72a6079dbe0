//! Everything that knows SQL. Callers see rows as domain types and hold either
//! a [`Reader`], one consistent snapshot, or the one [`Writer`].
//!
//! Each file owns the tables of one noun and takes a [`Connection`], so that
//! another database is another variant of it behind the same functions.

pub(crate) mod accounts;
pub(crate) mod break_glass;
pub(crate) mod channel_messages;
pub(crate) mod channels;
pub(crate) mod clients;
pub(crate) mod columns;
pub(crate) mod deliveries;
pub(crate) mod device;
pub(crate) mod edits;
pub(crate) mod idempotency;
pub(crate) mod log;
pub(crate) mod log_proofs;
pub(crate) mod outbox;
pub(crate) mod passwords;
pub(crate) mod principals;
pub(crate) mod requests;
pub(crate) mod rules;
pub(crate) mod search;
pub(crate) mod server;
pub(crate) mod sign_in;
pub(crate) mod sql;
mod sqlite;
pub(crate) mod standing_grants;
pub(crate) mod timers;
pub(crate) mod waiting;
pub(crate) mod web_session;
pub(crate) mod workload;

pub(crate) use sql::Connection;
pub(crate) use sqlite::{Store, Writer};

/// Why the store did not do it. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database did not answer in time.
    #[error("the database is busy")]
    Busy(#[source] sqlx::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// The tables can't be brought up to date.
    #[error("the database cannot be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A stored value does not read back.
    #[error("the database holds an unreadable {what}")]
    Unreadable {
        /// What it should be.
        what: &'static str,
    },
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // SQLITE_BUSY and SQLITE_LOCKED, with their extended codes.
        let is_locked = error
            .as_database_error()
            .and_then(|error| error.code()?.parse::<u32>().ok())
            .is_some_and(|code| matches!(code & 0xff, 5 | 6));
        if is_locked || matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) {
            Self::Busy(error)
        } else {
            Self::Database(error)
        }
    }
}
