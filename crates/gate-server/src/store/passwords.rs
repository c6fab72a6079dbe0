//! Passwords and the invitations by which they are set.

use gate_protocol::principal::Role;
use jiff::Timestamp;

use super::columns::{get, json, text};
use super::sql::query;
use super::{Connection, StoreError};
use crate::identity::TokenHash;

/// A password as it is stored.
#[derive(Debug)]
pub(crate) struct Password {
    /// A PHC string.
    pub(crate) hash: String,
    /// The roles that one signs in with by it.
    pub(crate) roles: Vec<Role>,
}

/// An invitation that is good.
#[derive(Debug)]
pub(crate) struct Invitation {
    pub(crate) principal: String,
    pub(crate) roles: Vec<Role>,
    /// Who invited them.
    pub(crate) by: String,
}

/// Returns the password of a user who may act.
pub(crate) async fn find(
    connection: &mut Connection,
    principal: &str,
) -> Result<Option<Password>, StoreError> {
    let row = query(
        "SELECT w.hash, w.roles FROM passwords w JOIN principals p ON p.name = w.principal
         WHERE w.principal = ? AND p.disabled_at IS NULL",
    )
    .bind(principal)
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Password {
            hash: get(&row, "hash")?,
            roles: json(&row, "roles")?,
        })
    })
    .transpose()
}

/// Stores a user's password in place of the one before.
pub(crate) async fn put(
    connection: &mut Connection,
    principal: &str,
    password: &Password,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO passwords (principal, hash, roles, set_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (principal) DO UPDATE SET hash = excluded.hash, roles = excluded.roles,
           set_at = excluded.set_at",
    )
    .bind(principal)
    .bind(&password.hash)
    .bind(text(&password.roles, "roles")?)
    .bind(now.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores an invitation in place of those of the same user that nobody used.
pub(crate) async fn invite(
    connection: &mut Connection,
    hash: TokenHash,
    invitation: &Invitation,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    query("DELETE FROM invitations WHERE principal = ?")
        .bind(&invitation.principal)
        .execute(&mut *connection)
        .await?;
    query(
        "INSERT INTO invitations (hash, principal, roles, created_by, expires_at)
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(hash.as_bytes())
    .bind(&invitation.principal)
    .bind(text(&invitation.roles, "roles")?)
    .bind(&invitation.by)
    .bind(expires_at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the invitation of this hash, if it is good now.
pub(crate) async fn invitation(
    connection: &mut Connection,
    hash: TokenHash,
    now: Timestamp,
) -> Result<Option<Invitation>, StoreError> {
    let row = query(
        "SELECT i.principal, i.roles, i.created_by FROM invitations i JOIN principals p ON p.name = i.principal
         WHERE i.hash = ? AND i.used_at IS NULL AND i.expires_at > ? AND p.disabled_at IS NULL",
    )
    .bind(hash.as_bytes())
    .bind(now.as_millisecond())
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Invitation {
            principal: get(&row, "principal")?,
            roles: json(&row, "roles")?,
            by: get(&row, "created_by")?,
        })
    })
    .transpose()
}

/// Uses an invitation up; false where it was used before.
pub(crate) async fn use_invitation(
    connection: &mut Connection,
    hash: TokenHash,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done = query("UPDATE invitations SET used_at = ? WHERE hash = ? AND used_at IS NULL")
        .bind(now.as_millisecond())
        .bind(hash.as_bytes())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets the password and the invitations of a principal.
pub(crate) async fn remove_of(
    connection: &mut Connection,
    principal: &str,
) -> Result<(), StoreError> {
    for table in [
        "DELETE FROM passwords WHERE principal = ?",
        "DELETE FROM invitations WHERE principal = ?",
    ] {
        query(table)
            .bind(principal)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Tells whether anybody has a password.
pub(crate) async fn is_anybodys(connection: &mut Connection) -> Result<bool, StoreError> {
    let row = query("SELECT EXISTS (SELECT 1 FROM passwords) AS has")
        .fetch_one(connection)
        .await?;
    get(&row, "has")
}
