//! Everything that knows SQL. Callers see rows as domain types and hold either
//! a [`Reader`], one consistent snapshot, or the one [`Writer`].
//!
//! Each file owns the tables of one noun and takes a [`Connection`], so that
//! another database is another variant of it behind the same functions.

pub(crate) mod accounts;
pub(crate) mod archiving;
pub(crate) mod break_glass;
pub(crate) mod channel_messages;
pub(crate) mod channels;
pub(crate) mod clients;
pub(crate) mod columns;
pub(crate) mod copying;
mod database;
pub(crate) mod deliveries;
pub(crate) mod device;
#[cfg(test)]
pub(crate) mod earlier;
pub(crate) mod edits;
pub(crate) mod epoch;
pub(crate) mod erasing;
pub(crate) mod idempotency;
pub(crate) mod log;
pub(crate) mod log_proofs;
mod migrator;
pub(crate) mod outbox;
pub(crate) mod passwords;
pub(crate) mod payloads;
mod postgres;
pub(crate) mod principals;
pub(crate) mod requests;
pub(crate) mod rules;
pub(crate) mod search;
pub(crate) mod server;
pub(crate) mod server_keys;
pub(crate) mod sign_in;
pub(crate) mod sql;
mod sqlite;
pub(crate) mod standby;
pub(crate) mod standing;
pub(crate) mod standing_grants;
pub(crate) mod timers;
pub(crate) mod traces;
pub(crate) mod waiting;
pub(crate) mod web_session;
pub(crate) mod workload;

pub(crate) use database::{Store, Writer};
pub(crate) use postgres::Listener;
pub(crate) use sql::Connection;

/// Why the store did not do it. Nothing was changed then, but for what is
/// [`Unconfirmed`](Self::Unconfirmed).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database did not answer in time.
    #[error("the database is busy")]
    Busy(#[source] sqlx::Error),
    /// The connection ended while a change was being made durable: it was, or it was not.
    #[error("the database did not confirm a change")]
    Unconfirmed(#[source] sqlx::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// The disk of the database is full, or fails.
    #[error("the disk of the database is full or fails")]
    Disk(#[source] sqlx::Error),
    /// A text holds the character NUL, which `PostgreSQL` does not store.
    #[error("a text holds NUL")]
    Nul(#[source] sqlx::Error),
    /// The tables can't be brought up to date.
    #[error("the database cannot be migrated")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The tables were brought up to date by a newer server than this one.
    #[error(
        "the database has the tables of a newer gate (migration {migration}); start that version"
    )]
    Newer {
        /// The first migration that this version does not know.
        migration: i64,
    },
    /// The database is set so that it could lose or spoil what it was given.
    #[error("the database has `{setting}` set to `{value}`; set it to {wanted} for gate's user")]
    Unsafe {
        /// The setting.
        setting: &'static str,
        /// What it is set to.
        value: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// The database only follows another one.
    #[error("the database is a standby and takes no changes; name the primary in `database.url`")]
    Standby,
    /// A stored value does not read back.
    #[error("the database holds an unreadable {what}")]
    Unreadable {
        /// What it should be.
        what: &'static str,
    },
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        if let sqlx::migrate::MigrateError::VersionMissing(migration) = error {
            Self::Newer { migration }
        } else {
            Self::Migrate(error)
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        let code = code.map(std::borrow::Cow::into_owned);
        let is_passing = matches!(
            error,
            // A balancer before a database that is gone answers with what is no protocol.
            sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
        ) || code.as_deref().is_some_and(is_passing);
        if is_passing {
            Self::Busy(error)
        } else if code.as_deref().is_some_and(is_of_the_disk) {
            Self::Disk(error)
        } else if code.is_some_and(|code| code == "22021") {
            Self::Nul(error)
        } else {
            Self::Database(error)
        }
    }
}

/// Tells whether a database's error says that it may do it later.
fn is_passing(code: &str) -> bool {
    match code.parse::<u32>() {
        // SQLITE_BUSY and SQLITE_LOCKED, with their extended codes.
        Ok(number) if code.len() < 5 => matches!(number & 0xff, 5 | 6),
        // Connections, resources, an operator's doing, the lock's timeout, and a primary that
        // became a standby (PostgreSQL, appendix A).
        _ => {
            ["08", "53", "57"]
                .iter()
                .any(|class| code.starts_with(class))
                || matches!(code, "55P03" | "40001" | "40P01" | "25006" | "25P03")
        }
    }
}

/// Tells whether a database's error says that its disk does not take or give what it should.
fn is_of_the_disk(code: &str) -> bool {
    match code.parse::<u32>() {
        // SQLITE_IOERR and SQLITE_FULL, with their extended codes.
        Ok(number) if code.len() < 5 => matches!(number & 0xff, 10 | 13),
        // A system error, as io_error (PostgreSQL, appendix A); its full disk passes.
        _ => code.starts_with("58"),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_of_the_disk, is_passing};

    #[test]
    fn what_the_disk_does_is_told_from_what_else_goes_wrong() {
        for code in ["10", "13", "778", "1034", "58030"] {
            assert!(is_of_the_disk(code) && !is_passing(code), "{code}");
        }
        for code in ["5", "2067", "23505", "10000", "53100"] {
            assert!(!is_of_the_disk(code), "{code}");
        }
    }

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        for code in ["5", "6", "261", "517", "55P03", "57P01", "08006", "53300"] {
            assert!(is_passing(code), "{code}");
        }
        // A unique key, a syntax error, a value that is too long.
        for code in ["2067", "23505", "42601", "22001"] {
            assert!(!is_passing(code), "{code}");
        }
    }
}
