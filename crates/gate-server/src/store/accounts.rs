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

/// How a browser was signed in: what it linked is worth no more than that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// As sessions have it; none for a link of before this was kept.
    pub(crate) means: Option<String>,
    /// The token that it ends with.
    pub(crate) token: Option<String>,
}

/// A code that is about to be stored.
#[derive(Debug)]
pub(crate) struct NewCode<'a> {
    pub(crate) hash: TokenHash,
    pub(crate) provider: &'a str,
    /// Who will have the account.
    pub(crate) principal: &'a str,
    pub(crate) proof: &'a Proof,
    pub(crate) expires_at: Timestamp,
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

impl LinkedAccount {
    /// Returns its name elsewhere.
    pub(crate) fn account(&self) -> Account<'_> {
        Account {
            provider: &self.provider,
            tenant: &self.tenant,
            subject: &self.subject,
        }
    }
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

/// Writes down how whoever linked an account was signed in.
pub(crate) async fn prove(
    connection: &mut Connection,
    account: Account<'_>,
    proof: &Proof,
) -> Result<(), StoreError> {
    query(
        "UPDATE accounts SET means = ?, token = ?
         WHERE provider = ? AND tenant = ? AND subject = ?",
    )
    .bind(&proof.means)
    .bind(&proof.token)
    .bind(account.provider)
    .bind(account.tenant)
    .bind(account.subject)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns whose account it is, and how whoever linked it was signed in.
pub(crate) async fn proven(
    connection: &mut Connection,
    account: Account<'_>,
) -> Result<Option<(String, Proof)>, StoreError> {
    let row = query(
        "SELECT principal, means, token FROM accounts
         WHERE provider = ? AND tenant = ? AND subject = ?",
    )
    .bind(account.provider)
    .bind(account.tenant)
    .bind(account.subject)
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok((get(&row, "principal")?, proof(&row)?)))
        .transpose()
}

fn proof(row: &Row) -> Result<Proof, StoreError> {
    Ok(Proof {
        means: get(row, "means")?,
        token: get(row, "token")?,
    })
}

/// Stores a code that links an account once.
pub(crate) async fn insert_code(
    connection: &mut Connection,
    code: &NewCode<'_>,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO link_codes (hash, provider, principal, means, token, expires_at)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(code.hash.as_bytes())
    .bind(code.provider)
    .bind(code.principal)
    .bind(&code.proof.means)
    .bind(&code.proof.token)
    .bind(code.expires_at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Uses a code up and returns whose it is and how they were signed in; none where
/// it is not good now, or its user may not act any more.
pub(crate) async fn use_code(
    connection: &mut Connection,
    hash: TokenHash,
    provider: &str,
    now: Timestamp,
) -> Result<Option<(String, Proof)>, StoreError> {
    let row = query(
        "UPDATE link_codes SET used_at = ?1
         WHERE hash = ?2 AND provider = ?3 AND used_at IS NULL AND expires_at > ?1
         RETURNING principal, means, token",
    )
    .bind(now.as_millisecond())
    .bind(hash.as_bytes())
    .bind(provider)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let proof = proof(&row)?;
    let principal = principals::find(connection, get(&row, "principal")?).await?;
    Ok(principal
        .filter(|principal| !principal.disabled && principal.kind == PrincipalKind::User)
        .map(|principal| (principal.name, proof)))
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

/// Forgets the codes with which a user would link an account.
pub(crate) async fn forget_codes_of(
    connection: &mut Connection,
    principal: &str,
) -> Result<(), StoreError> {
    query("DELETE FROM link_codes WHERE principal = ?")
        .bind(principal)
        .execute(connection)
        .await?;
    Ok(())
}
