//! Accounts elsewhere that are one of our users, and the codes that prove it.
//!
//! `provider` is who vouches for the account, as `slack`, `teams` or `oidc`;
//! `tenant` is the workspace, directory or issuer, without which a subject
//! names nobody; `subject` is the account itself, by the provider's own id and
//! never by an address.

use gate_protocol::principal::PrincipalKind;
use jiff::Timestamp;

use super::columns::{get, integer, time};
use super::sql::{Row, query};
use super::{Connection, StoreError, principals};
use crate::identity::TokenHash;

/// Who vouches for an account at a provider of people.
pub(crate) const OIDC: &str = "oidc";

/// An account by the three names that make it unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account<'a> {
    pub(crate) provider: &'a str,
    pub(crate) tenant: &'a str,
    pub(crate) subject: &'a str,
}

/// An account and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkedAccount {
    pub(crate) provider: String,
    pub(crate) tenant: String,
    pub(crate) subject: String,
    pub(crate) principal: String,
    pub(crate) linked_at: Timestamp,
    pub(crate) linked_by: String,
}

/// What came of linking an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Linked {
    /// It is this user's from now on.
    New,
    /// It was this user's already.
    Before,
    /// It is somebody else's, and stays so.
    OfAnother(String),
}

fn linked_account(row: &Row) -> Result<LinkedAccount, StoreError> {
    Ok(LinkedAccount {
        provider: get(row, "provider")?,
        tenant: get(row, "tenant")?,
        subject: get(row, "subject")?,
        principal: get(row, "principal")?,
        linked_at: time(row, "linked_at")?,
        linked_by: get(row, "linked_by")?,
    })
}

/// Makes an account a user's. Nothing takes an account from somebody else: it
/// must be unlinked first.
pub(crate) async fn link(
    connection: &mut Connection,
    account: Account<'_>,
    principal: &str,
    by: &str,
    now: Timestamp,
) -> Result<Linked, StoreError> {
    let done = query(
        "INSERT INTO accounts (provider, tenant, subject, principal, linked_at, linked_by)
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(account.provider)
    .bind(account.tenant)
    .bind(account.subject)
    .bind(principal)
    .bind(now.as_millisecond())
    .bind(by)
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(Linked::New);
    }
    Ok(match principal_of(connection, account).await? {
        Some(owner) if owner != principal => Linked::OfAnother(owner),
        _ => Linked::Before,
    })
}

/// Ends a link; false where there was none.
pub(crate) async fn unlink(
    connection: &mut Connection,
    account: Account<'_>,
) -> Result<bool, StoreError> {
    let done = query("DELETE FROM accounts WHERE provider = ? AND tenant = ? AND subject = ?")
        .bind(account.provider)
        .bind(account.tenant)
        .bind(account.subject)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns the name of the user whose account it is.
pub(crate) async fn principal_of(
    connection: &mut Connection,
    account: Account<'_>,
) -> Result<Option<String>, StoreError> {
    let row =
        query("SELECT principal FROM accounts WHERE provider = ? AND tenant = ? AND subject = ?")
            .bind(account.provider)
            .bind(account.tenant)
            .bind(account.subject)
            .fetch_optional(connection)
            .await?;
    row.map(|row| get(&row, "principal")).transpose()
}

/// Returns the accounts of a user, the oldest first.
pub(crate) async fn of_principal(
    connection: &mut Connection,
    principal: &str,
) -> Result<Vec<LinkedAccount>, StoreError> {
    let rows = query(
        "SELECT * FROM accounts WHERE principal = ?
         ORDER BY linked_at, provider, tenant, subject",
    )
    .bind(principal)
    .fetch_all(connection)
    .await?;
    rows.iter().map(linked_account).collect()
}

/// Stores a code with which `principal` will link an account of `provider`.
pub(crate) async fn insert_code(
    connection: &mut Connection,
    hash: TokenHash,
    provider: &str,
    principal: &str,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    query("INSERT INTO link_codes (hash, provider, principal, expires_at) VALUES (?, ?, ?, ?)")
        .bind(hash.as_bytes())
        .bind(provider)
        .bind(principal)
        .bind(expires_at.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}

/// Uses a code up and returns whose it is; none where it is not good now, or
/// its user may not act any more.
pub(crate) async fn use_code(
    connection: &mut Connection,
    hash: TokenHash,
    provider: &str,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let row = query(
        "UPDATE link_codes SET used_at = ?1
         WHERE hash = ?2 AND provider = ?3 AND used_at IS NULL AND expires_at > ?1
         RETURNING principal",
    )
    .bind(now.as_millisecond())
    .bind(hash.as_bytes())
    .bind(provider)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let name: String = get(&row, "principal")?;
    let principal = principals::find(connection, &name).await?;
    Ok(principal
        .filter(|principal| !principal.disabled && principal.kind == PrincipalKind::User)
        .map(|principal| principal.name))
}

/// Forgets the codes that are over.
pub(crate) async fn forget_codes(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("DELETE FROM link_codes WHERE expires_at <= ?")
        .bind(now.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns so many accounts, of everybody or of one user, by provider, tenant and
/// subject, behind this one.
pub(crate) async fn page(
    connection: &mut Connection,
    principal: Option<&str>,
    after: Option<Account<'_>>,
    limit: u64,
) -> Result<Vec<LinkedAccount>, StoreError> {
    let rows = query(
        "SELECT * FROM accounts WHERE (?1 IS NULL OR principal = ?1)
           AND (?2 IS NULL OR (provider, tenant, subject) > (?2, ?3, ?4))
         ORDER BY provider, tenant, subject LIMIT ?5",
    )
    .bind(principal)
    .bind(after.map(|account| account.provider))
    .bind(after.map(|account| account.tenant))
    .bind(after.map(|account| account.subject))
    .bind(integer(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(linked_account).collect()
}
