//! A standby of the store's database, of which only what is past is read, and what tells whether
//! what it has is a beginning of what the database itself has.

use std::time::Duration;

use gate_protocol::canonical::Digest;
use sqlx::postgres::{PgConnectOptions, PgPool};

use super::columns::{count, get, integer};
use super::postgres::{Bounded, reading};
use super::sql::query;
use super::{Connection, StoreError};

/// How long a standby may take to say how far it is. Nobody waits longer for one that is gone: the
/// database itself is asked then.
const PATIENCE: Duration = Duration::from_secs(2);

/// A standby, whether or not it can be reached now.
#[derive(Debug)]
pub(crate) struct Standby(PgPool);

/// How far a database's log goes in a snapshot, and by what its last record is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// How many records there are.
    pub(crate) records: u64,
    /// The leaf of the last of them, which stands for all before it: each names the one before.
    pub(crate) last: Digest,
    /// The database only follows another one.
    pub(crate) is_standby: bool,
}

/// What the database itself says of a log that a standby has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// How many records it has itself.
    pub(crate) records: u64,
    /// The leaf of the standby's last record, as it has it; none where it has no such record.
    pub(crate) last: Option<Digest>,
    /// What a standby has to know of before anything is read from it: how many records there were
    /// after something was erased or archived, or an epoch began.
    pub(crate) least: u64,
}

impl Standby {
    /// Names a standby; the first look connects.
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        Self(reading(options))
    }

    /// Returns a snapshot, and how far the log goes in it; none where there is no log.
    pub(crate) async fn read(&self) -> Result<(Connection, Option<Reach>), StoreError> {
        let mut connection = self.begin().await?;
        let row = query(
            "SELECT seq, leaf, pg_is_in_recovery() AS is_standby FROM log_records
             ORDER BY seq DESC LIMIT 1",
        )
        .fetch_optional(&mut connection)
        .await?;
        let reach = match row {
            Some(row) => Some(Reach {
                records: count(&row, "seq")?.saturating_add(1),
                last: leaf(get(&row, "leaf")?)?,
                is_standby: get(&row, "is_standby")?,
            }),
            None => None,
        };
        if let Connection::Postgres(bounded) = &mut connection {
            bounded.read_much();
        }
        Ok((connection, reach))
    }

    /// Returns which database it is, whatever is in it, and whether it only follows another one.
    pub(crate) async fn identity(&self) -> Result<(String, bool), StoreError> {
        let mut connection = self.begin().await?;
        let identity = identity(&mut connection).await?;
        let row = query("SELECT pg_is_in_recovery() AS is_standby")
            .fetch_one(&mut connection)
            .await?;
        Ok((identity, get(&row, "is_standby")?))
    }

    async fn begin(&self) -> Result<Connection, StoreError> {
        let bounded = Bounded::read(&self.0, PATIENCE).await?;
        Ok(Connection::Postgres(bounded))
    }

    /// Closes the connections.
    pub(crate) async fn close(&self) {
        self.0.close().await;
    }
}

fn leaf(bytes: Vec<u8>) -> Result<Digest, StoreError> {
    let bytes = bytes.try_into();
    let bytes = bytes.map_err(|_| StoreError::Unreadable { what: "leaf" })?;
    Ok(Digest::from_bytes(bytes))
}

/// Returns what a database and its physical copies have alike, and no other one has.
pub(crate) async fn identity(connection: &mut Connection) -> Result<String, StoreError> {
    let row = query(
        "SELECT CAST(system_identifier AS TEXT) || ' ' || (SELECT CAST(oid AS TEXT)
           FROM pg_database WHERE datname = current_database()) AS identity
         FROM pg_control_system()",
    )
    .fetch_one(connection)
    .await?;
    get(&row, "identity")
}

/// Asks the database itself about the log that a standby has.
pub(crate) async fn hold(connection: &mut Connection, standby: Reach) -> Result<Held, StoreError> {
    let record_text = connection.record_text();
    let mut asked = query(
        "SELECT coalesce((SELECT max(seq) + 1 FROM log_records), 0) AS records,
           (SELECT leaf FROM log_records WHERE seq = ",
    );
    asked.push_bind(integer(standby.records.saturating_sub(1)));
    asked.push(") AS leaf, greatest(0");
    // One by one, each by the index of types.
    for record_type in ["payload.erased", "log.pruned", "server.epoch"] {
        asked.push(", (SELECT max(seq) + 1 FROM log_records WHERE json_extract(");
        asked.push(record_text).push(", '$.type') = ");
        asked.push_bind(record_type).push(")");
    }
    asked.push(") AS least");
    let row = asked.fetch_one(connection).await?;
    let last: Option<Vec<u8>> = get(&row, "leaf")?;
    Ok(Held {
        records: count(&row, "records")?,
        last: last.map(leaf).transpose()?,
        least: count(&row, "least")?,
    })
}
