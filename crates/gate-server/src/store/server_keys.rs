//! The keys that came after those which the server was made with.

use gate_protocol::signed_note::{KeyPurpose, VerifierKey};
use jiff::Timestamp;

use super::columns::get;
use super::sql::query;
use super::{Connection, StoreError};

/// Keeps a key that signs from now on, with the statement of the one before.
pub(crate) async fn add(
    connection: &mut Connection,
    purpose: KeyPurpose,
    (key, statement): (&VerifierKey, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    query("INSERT INTO server_keys (vkey, purpose, added_at, statement) VALUES (?, ?, ?, ?)")
        .bind(key.to_string())
        .bind(purpose.as_str())
        .bind(now.as_millisecond())
        .bind(statement)
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns the statements, the oldest first.
pub(crate) async fn statements(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    let rows = query("SELECT statement FROM server_keys ORDER BY added_at, vkey")
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| get(row, "statement")).collect()
}
