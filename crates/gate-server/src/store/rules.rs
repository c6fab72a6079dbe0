//! The versions of the server's rules.

use gate_protocol::canonical::Digest;
use jiff::Timestamp;

use super::columns::{count, get, integer, json, text, time};
use super::sql::{Row, query};
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
    let row = query("SELECT version, text, activated_at FROM rules ORDER BY version DESC LIMIT 1")
        .fetch_optional(connection)
        .await?;
    row.map(|row| stored(&row)).transpose()
}

fn stored(row: &Row) -> Result<StoredRules, StoreError> {
    Ok(StoredRules {
        version: count(row, "version")?,
        text: get(row, "text")?,
        activated_at: time(row, "activated_at")?,
    })
}

/// A version without its text.
#[derive(Clone, Debug)]
pub(crate) struct Activation {
    pub(crate) version: u64,
    pub(crate) by: String,
    pub(crate) at: Timestamp,
    pub(crate) size_bytes: u64,
}

/// Returns who activated which version when, newest first, up to a version.
pub(crate) async fn activations(
    connection: &mut Connection,
    up_to: u64,
    limit: u64,
) -> Result<Vec<Activation>, StoreError> {
    let rows = query(
        "SELECT version, activated_by, activated_at, CAST(octet_length(text) AS BIGINT) AS bytes FROM rules
         WHERE version <= ? ORDER BY version DESC LIMIT ?",
    )
    .bind(integer(up_to))
    .bind(integer(limit))
    .fetch_all(connection)
    .await?;
    let activation = |row: &Row| {
        Ok(Activation {
            version: count(row, "version")?,
            by: get(row, "activated_by")?,
            at: time(row, "activated_at")?,
            size_bytes: count(row, "bytes")?,
        })
    };
    rows.iter().map(activation).collect()
}

/// Returns one version.
pub(crate) async fn find(
    connection: &mut Connection,
    version: u64,
) -> Result<Option<StoredRules>, StoreError> {
    let row = query("SELECT version, text, activated_at FROM rules WHERE version = ?")
        .bind(integer(version))
        .fetch_optional(connection)
        .await?;
    row.map(|row| stored(&row)).transpose()
}

/// Returns the number of the version in force; 0 where there is none.
pub(crate) async fn version(connection: &mut Connection) -> Result<u64, StoreError> {
    let row = query("SELECT coalesce(max(version), 0) AS version FROM rules")
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
    query("INSERT INTO rules (version, text, activated_by, activated_at) VALUES (?, ?, ?, ?)")
        .bind(integer(rules.version))
        .bind(&rules.text)
        .bind(by)
        .bind(rules.activated_at.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}

/// Rules that wait for a second admin.
#[derive(Clone, Debug)]
pub(crate) struct StoredProposal {
    pub(crate) id: String,
    /// The version that they take the place of.
    pub(crate) base_version: u64,
    pub(crate) text: String,
    /// What they loosen, in words.
    pub(crate) loosens: Vec<String>,
    pub(crate) by: String,
    pub(crate) at: Timestamp,
}

/// Returns the rules that wait for a second admin; there is one such text at most.
pub(crate) async fn proposal(
    connection: &mut Connection,
) -> Result<Option<StoredProposal>, StoreError> {
    let row = query(
        "SELECT id, base_version, text, loosens, proposed_by, proposed_at FROM pending_rules
         WHERE ended_at IS NULL",
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(StoredProposal {
            id: get(&row, "id")?,
            base_version: count(&row, "base_version")?,
            text: get(&row, "text")?,
            loosens: json(&row, "loosens")?,
            by: get(&row, "proposed_by")?,
            at: time(&row, "proposed_at")?,
        })
    })
    .transpose()
}

/// Stores rules that wait for a second admin.
pub(crate) async fn propose(
    connection: &mut Connection,
    proposal: &StoredProposal,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO pending_rules (id, base_version, text, loosens, proposed_by, proposed_at)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(&proposal.id)
    .bind(integer(proposal.base_version))
    .bind(&proposal.text)
    .bind(text(&proposal.loosens, "loosens")?)
    .bind(&proposal.by)
    .bind(proposal.at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends the wait of rules for a second admin, however it went.
pub(crate) async fn end_proposal(
    connection: &mut Connection,
    id: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("UPDATE pending_rules SET ended_at = ? WHERE id = ? AND ended_at IS NULL")
        .bind(now.as_millisecond())
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}
