//! The versions of the server's rules.

use gate_protocol::canonical::Digest;
use jiff::Timestamp;

use super::columns::{count, get, integer, time};
use super::{Connection, StoreError};

/// One version.
#[derive(Clone, Debug)]
pub(crate) struct StoredRules {
    pub(crate) version: u64,
    pub(crate) text: String,
    pub(crate) activated_at: Timestamp,
}

impl StoredRules {
    pub(crate) fn sha256(&self) -> Digest {
        Digest::of_bytes(self.text.as_bytes())
    }
}

/// Returns the version in force.
pub(crate) async fn current(
    connection: &mut Connection,
) -> Result<Option<StoredRules>, StoreError> {
    let row =
        sqlx::query("SELECT version, text, activated_at FROM rules ORDER BY version DESC LIMIT 1")
            .fetch_optional(connection)
            .await?;
    row.map(|row| {
        Ok(StoredRules {
            version: count(&row, "version")?,
            text: get(&row, "text")?,
            activated_at: time(&row, "activated_at")?,
        })
    })
    .transpose()
}

/// Returns the number of the version in force; 0 where there is none.
pub(crate) async fn version(connection: &mut Connection) -> Result<u64, StoreError> {
    let row = sqlx::query("SELECT coalesce(max(version), 0) AS version FROM rules")
        .fetch_one(connection)
        .await?;
    count(&row, "version")
}

/// Stores a new version.
pub(crate) async fn insert(
    connection: &mut Connection,
    rules: &StoredRules,
    by: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO rules (version, text, activated_by, activated_at) VALUES (?, ?, ?, ?)",
    )
    .bind(integer(rules.version))
    .bind(&rules.text)
    .bind(by)
    .bind(rules.activated_at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}
