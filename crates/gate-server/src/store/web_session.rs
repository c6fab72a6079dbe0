//! Signed-in browsers and the codes that sign one in. Both are secrets of which
//! only the hash is kept, and both end with the token that they came from.

use gate_protocol::principal::Role;
use jiff::Timestamp;

use super::columns::{get, name};
use super::{Connection, StoreError, principals};
use crate::identity::{Actor, TokenHash};

/// A session that is about to be stored.
#[derive(Debug)]
pub(crate) struct NewSession<'a> {
    pub(crate) hash: TokenHash,
    pub(crate) principal: &'a str,
    pub(crate) role: Role,
    /// The id of the token that it came from.
    pub(crate) token: Option<&'a str>,
    pub(crate) expires_at: Timestamp,
}

/// A code that is about to be stored. Who signs in with it is an approver.
#[derive(Debug)]
pub(crate) struct NewCode<'a> {
    pub(crate) hash: TokenHash,
    pub(crate) principal: &'a str,
    /// The id of the token whose bearer asked for it.
    pub(crate) token: Option<&'a str>,
    pub(crate) expires_at: Timestamp,
}

/// Whom a code signs in.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) principal: String,
    pub(crate) token: Option<String>,
}

/// Stores a session.
pub(crate) async fn insert(
    connection: &mut Connection,
    session: &NewSession<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sessions (hash, principal, role, token, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(session.hash.as_bytes())
    .bind(session.principal)
    .bind(session.role.as_str())
    .bind(session.token)
    .bind(now.as_millisecond())
    .bind(session.expires_at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns who is signed in by the session with this hash, if it is good now:
/// not over, its principal (and that one's owner) not disabled, its token
/// neither revoked nor over.
pub(crate) async fn bearer(
    connection: &mut Connection,
    hash: TokenHash,
    now: Timestamp,
) -> Result<Option<Actor>, StoreError> {
    let row = sqlx::query(
        "SELECT s.principal, s.role, s.expires_at
         FROM sessions s JOIN principals p ON p.name = s.principal
         LEFT JOIN principals o ON o.name = p.owner
         LEFT JOIN tokens t ON t.id = s.token
         WHERE s.hash = ?1 AND s.expires_at > ?2
           AND p.disabled_at IS NULL AND o.disabled_at IS NULL
           AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ?2)",
    )
    .bind(hash.as_bytes())
    .bind(now.as_millisecond())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let role = name(&row, "role")?;
    let expires_at = super::columns::time_if_any(&row, "expires_at")?;
    let principal = principals::find(connection, get(&row, "principal")?).await?;
    // Only a user has a session, so the human is the one whose account it is.
    Ok(principal.map(|principal| Actor {
        person: principal.person().to_owned(),
        principal,
        role,
        expires_at,
        token: None,
    }))
}

/// Ends a session; false where there was none.
pub(crate) async fn remove(
    connection: &mut Connection,
    hash: TokenHash,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM sessions WHERE hash = ?")
        .bind(hash.as_bytes())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores a code.
pub(crate) async fn insert_code(
    connection: &mut Connection,
    code: &NewCode<'_>,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO login_codes (hash, principal, token, expires_at) VALUES (?, ?, ?, ?)")
        .bind(code.hash.as_bytes())
        .bind(code.principal)
        .bind(code.token)
        .bind(code.expires_at.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns whom the code with this hash signs in, if it is good now.
pub(crate) async fn find_code(
    connection: &mut Connection,
    hash: TokenHash,
    now: Timestamp,
) -> Result<Option<Code>, StoreError> {
    let row = sqlx::query(
        "SELECT c.principal, c.token
         FROM login_codes c JOIN principals p ON p.name = c.principal
         LEFT JOIN tokens t ON t.id = c.token
         WHERE c.hash = ?1 AND c.used_at IS NULL AND c.expires_at > ?2
           AND p.disabled_at IS NULL
           AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ?2)",
    )
    .bind(hash.as_bytes())
    .bind(now.as_millisecond())
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Code {
            principal: get(&row, "principal")?,
            token: get(&row, "token")?,
        })
    })
    .transpose()
}

/// Uses a code up; false where it was used before.
pub(crate) async fn use_code(
    connection: &mut Connection,
    hash: TokenHash,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE login_codes SET used_at = ? WHERE hash = ? AND used_at IS NULL")
        .bind(now.as_millisecond())
        .bind(hash.as_bytes())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns the id of the token with this hash.
pub(crate) async fn token_id(
    connection: &mut Connection,
    hash: TokenHash,
) -> Result<Option<String>, StoreError> {
    let row = sqlx::query("SELECT id FROM tokens WHERE hash = ?")
        .bind(hash.as_bytes())
        .fetch_optional(connection)
        .await?;
    row.map(|row| get(&row, "id")).transpose()
}

/// Forgets the sessions and codes that are over.
pub(crate) async fn forget(connection: &mut Connection, now: Timestamp) -> Result<(), StoreError> {
    for table in [
        "DELETE FROM sessions WHERE expires_at <= ?",
        "DELETE FROM login_codes WHERE expires_at <= ?",
    ] {
        sqlx::query(table)
            .bind(now.as_millisecond())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
