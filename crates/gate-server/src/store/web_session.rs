//! Signed-in browsers and the codes that sign one in. Both are secrets of which
//! only the hash is kept, and both end with the token that they came from.

use gate_protocol::principal::Role;
use jiff::Timestamp;

use super::columns::{get, integer, name, time};
use super::sql::query;
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
    /// How it was signed in, for who looks at it.
    pub(crate) means: &'a str,
    pub(crate) expires_at: Timestamp,
}

/// Who a session signs in.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) actor: Actor,
    /// When it was signed in.
    pub(crate) signed_in_at: Timestamp,
    /// When it was last written down that it is in use.
    pub(crate) seen_at: Timestamp,
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
    query(
        "INSERT INTO sessions
           (hash, principal, role, token, means, created_at, seen_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(session.hash.as_bytes())
    .bind(session.principal)
    .bind(session.role.as_str())
    .bind(session.token)
    .bind(session.means)
    .bind(now.as_millisecond())
    .bind(now.as_millisecond())
    .bind(session.expires_at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns who is signed in by the session with this hash, if it is good now:
/// not over and in use lately, its principal not disabled, its token neither
/// revoked nor over.
pub(crate) async fn bearer(
    connection: &mut Connection,
    hash: TokenHash,
    idle_seconds: u64,
    now: Timestamp,
) -> Result<Option<Found>, StoreError> {
    let row = query(
        "SELECT s.principal, s.role, s.expires_at, s.created_at, s.seen_at, s.token
         FROM sessions s JOIN principals p ON p.name = s.principal
         LEFT JOIN tokens t ON t.id = s.token
         WHERE s.hash = ?1 AND s.expires_at > ?2 AND s.seen_at > ?3
           AND p.disabled_at IS NULL
           AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ?2)",
    )
    .bind(hash.as_bytes())
    .bind(now.as_millisecond())
    .bind(now.as_millisecond() - integer(idle_seconds.saturating_mul(1000)))
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let signed_in_at = time(&row, "created_at")?;
    let seen_at = time(&row, "seen_at")?;
    let role = name(&row, "role")?;
    let expires_at = super::columns::time_if_any(&row, "expires_at")?;
    let token = get(&row, "token")?;
    let principal = principals::find(connection, get(&row, "principal")?).await?;
    // Only a user has a session, so the human is the one whose account it is.
    Ok(principal.map(|principal| Found {
        actor: Actor {
            person: principal.person().to_owned(),
            principal,
            role,
            expires_at,
            token,
            tools: Vec::new(),
        },
        signed_in_at,
        seen_at,
    }))
}

/// Returns how a session was signed in.
pub(crate) async fn means_of(
    connection: &mut Connection,
    hash: TokenHash,
) -> Result<Option<String>, StoreError> {
    let row = query("SELECT means FROM sessions WHERE hash = ?")
        .bind(hash.as_bytes())
        .fetch_optional(connection)
        .await?;
    row.map(|row| get(&row, "means")).transpose()
}

/// Writes down that a session is in use.
pub(crate) async fn seen(
    connection: &mut Connection,
    hash: TokenHash,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("UPDATE sessions SET seen_at = ? WHERE hash = ?")
        .bind(now.as_millisecond())
        .bind(hash.as_bytes())
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends every session of a principal.
pub(crate) async fn remove_of(
    connection: &mut Connection,
    principal: &str,
) -> Result<u64, StoreError> {
    let done = query("DELETE FROM sessions WHERE principal = ?")
        .bind(principal)
        .execute(&mut *connection)
        .await?;
    query("DELETE FROM login_codes WHERE principal = ?")
        .bind(principal)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

/// Ends a session, and returns how it was signed in; none where there was none.
pub(crate) async fn remove(
    connection: &mut Connection,
    hash: TokenHash,
) -> Result<Option<String>, StoreError> {
    let row = query("DELETE FROM sessions WHERE hash = ? RETURNING means")
        .bind(hash.as_bytes())
        .fetch_optional(connection)
        .await?;
    row.map(|row| get(&row, "means")).transpose()
}

/// Stores a code.
pub(crate) async fn insert_code(
    connection: &mut Connection,
    code: &NewCode<'_>,
) -> Result<(), StoreError> {
    query("INSERT INTO login_codes (hash, principal, token, expires_at) VALUES (?, ?, ?, ?)")
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
    let row = query(
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
    let done = query("UPDATE login_codes SET used_at = ? WHERE hash = ? AND used_at IS NULL")
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
    let row = query("SELECT id FROM tokens WHERE hash = ?")
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
        query(table)
            .bind(now.as_millisecond())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
