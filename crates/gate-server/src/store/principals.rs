//! Principals and their tokens.

use gate_protocol::principal::{Principal, Role, TokenEntry};
use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;

use super::columns::{get, json, name, text, time, time_if_any};
use super::{Connection, StoreError};
use crate::identity::{Actor, TokenHash};

/// A token that is about to be stored.
#[derive(Debug)]
pub(crate) struct NewToken<'a> {
    pub(crate) id: &'a str,
    pub(crate) hash: TokenHash,
    pub(crate) principal: &'a str,
    pub(crate) role: Role,
    pub(crate) expires_at: Option<Timestamp>,
}

/// A token as it is stored.
#[derive(Debug)]
pub(crate) struct StoredToken {
    pub(crate) principal: String,
    pub(crate) role: Role,
    pub(crate) is_revoked: bool,
}

fn principal(row: &SqliteRow) -> Result<Principal, StoreError> {
    let own: String = get(row, "name")?;
    let person: String = get(row, "person")?;
    Ok(Principal {
        person: (person != own).then_some(person),
        name: own,
        kind: name(row, "kind")?,
        owner: get(row, "owner")?,
        groups: json(row, "groups")?,
        disabled: time_if_any(row, "disabled_at")?.is_some(),
    })
}

/// Returns the principal of this name.
pub(crate) async fn find(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<Principal>, StoreError> {
    let row = sqlx::query("SELECT * FROM principals WHERE name = ?")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(principal).transpose()
}

/// Returns all principals by name.
pub(crate) async fn all(connection: &mut Connection) -> Result<Vec<Principal>, StoreError> {
    let rows = sqlx::query("SELECT * FROM principals ORDER BY name")
        .fetch_all(connection)
        .await?;
    rows.iter().map(principal).collect()
}

/// Stores a new principal; false where the name is taken.
pub(crate) async fn insert(
    connection: &mut Connection,
    principal: &Principal,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO principals (name, kind, owner, person, groups, created_at, disabled_at)
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&principal.name)
    .bind(principal.kind.as_str())
    .bind(&principal.owner)
    .bind(principal.person())
    .bind(text(&principal.groups, "groups")?)
    .bind(now.as_millisecond())
    .bind(principal.disabled.then(|| now.as_millisecond()))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Disables a principal; false where it was disabled already.
pub(crate) async fn disable(
    connection: &mut Connection,
    name: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE principals SET disabled_at = ? WHERE name = ? AND disabled_at IS NULL")
            .bind(now.as_millisecond())
            .bind(name)
            .execute(connection)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets a principal act again; false where it may already.
pub(crate) async fn enable(connection: &mut Connection, name: &str) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE principals SET disabled_at = NULL WHERE name = ? AND disabled_at IS NOT NULL",
    )
    .bind(name)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores a token's hash.
pub(crate) async fn insert_token(
    connection: &mut Connection,
    token: &NewToken<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO tokens (id, hash, principal, role, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(token.id)
    .bind(token.hash.as_bytes())
    .bind(token.principal)
    .bind(token.role.as_str())
    .bind(now.as_millisecond())
    .bind(token.expires_at.map(Timestamp::as_millisecond))
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the token of this id.
pub(crate) async fn find_token(
    connection: &mut Connection,
    id: &str,
) -> Result<Option<StoredToken>, StoreError> {
    let row = sqlx::query("SELECT principal, role, revoked_at FROM tokens WHERE id = ?")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(StoredToken {
            principal: get(&row, "principal")?,
            role: name(&row, "role")?,
            is_revoked: time_if_any(&row, "revoked_at")?.is_some(),
        })
    })
    .transpose()
}

/// Returns all tokens, the oldest first, without their hashes.
pub(crate) async fn tokens(connection: &mut Connection) -> Result<Vec<TokenEntry>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, principal, role, created_at, expires_at, revoked_at FROM tokens
         ORDER BY created_at, id",
    )
    .fetch_all(connection)
    .await?;
    let entry = |row: &SqliteRow| {
        Ok(TokenEntry {
            id: get(row, "id")?,
            principal: get(row, "principal")?,
            role: name(row, "role")?,
            created_at: time(row, "created_at")?,
            expires_at: time_if_any(row, "expires_at")?,
            revoked_at: time_if_any(row, "revoked_at")?,
        })
    };
    rows.iter().map(entry).collect()
}

/// Revokes a token.
pub(crate) async fn revoke_token(
    connection: &mut Connection,
    id: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL")
        .bind(now.as_millisecond())
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns who bears the token with this hash, if it is good now. An agent or a
/// workload acts for its owner: where the owner is disabled, so is it.
pub(crate) async fn bearer(
    connection: &mut Connection,
    hash: TokenHash,
    now: Timestamp,
) -> Result<Option<Actor>, StoreError> {
    let row = sqlx::query(
        "SELECT p.*, coalesce(o.person, p.person) AS human, t.role, t.expires_at, t.id
         FROM tokens t JOIN principals p ON p.name = t.principal
         LEFT JOIN principals o ON o.name = p.owner
         WHERE t.hash = ? AND t.revoked_at IS NULL
           AND (t.expires_at IS NULL OR t.expires_at > ?)
           AND p.disabled_at IS NULL AND o.disabled_at IS NULL",
    )
    .bind(hash.as_bytes())
    .bind(now.as_millisecond())
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Actor {
            principal: principal(&row)?,
            person: get(&row, "human")?,
            role: name(&row, "role")?,
            expires_at: time_if_any(&row, "expires_at")?,
            token: Some(get(&row, "id")?),
        })
    })
    .transpose()
}
