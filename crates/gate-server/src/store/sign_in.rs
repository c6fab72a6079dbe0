//! Sign-ins at a provider that a browser has begun.

use gate_protocol::principal::Role;
use jiff::Timestamp;

use super::columns::{count, get, integer, name};
use super::sql::query;
use super::{Connection, StoreError};
use crate::identity::TokenHash;

/// A sign-in that was begun.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) provider: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    /// The role that is wanted, if one was chosen.
    pub(crate) role: Option<Role>,
    /// Where to go on afterwards.
    pub(crate) next: String,
}

/// The two halves by which the answer to an attempt is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Halves {
    /// What the provider hands back.
    pub(crate) state: TokenHash,
    /// What the browser's cookie says.
    pub(crate) browser: TokenHash,
}

/// Stores an attempt.
pub(crate) async fn insert(
    connection: &mut Connection,
    halves: Halves,
    attempt: &Attempt,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO sign_in_attempts
           (state, browser, provider, nonce, verifier, role, next, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(halves.state.as_bytes())
    .bind(halves.browser.as_bytes())
    .bind(&attempt.provider)
    .bind(&attempt.nonce)
    .bind(&attempt.verifier)
    .bind(attempt.role.map(Role::as_str))
    .bind(&attempt.next)
    .bind(expires_at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets the oldest attempts, so that with one more there are at most `most`.
pub(crate) async fn make_room(connection: &mut Connection, most: u64) -> Result<(), StoreError> {
    let row = query("SELECT count(*) AS number FROM sign_in_attempts")
        .fetch_one(&mut *connection)
        .await?;
    let over = (count(&row, "number")? + 1).saturating_sub(most);
    if over > 0 {
        query(
            "DELETE FROM sign_in_attempts WHERE state IN (
               SELECT state FROM sign_in_attempts ORDER BY expires_at, state LIMIT ?)",
        )
        .bind(integer(over))
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Takes an attempt out: once, in the browser that began it, before its end.
pub(crate) async fn take(
    connection: &mut Connection,
    halves: Halves,
    now: Timestamp,
) -> Result<Option<Attempt>, StoreError> {
    let row = query(
        "DELETE FROM sign_in_attempts WHERE state = ? AND browser = ? AND expires_at > ?
         RETURNING provider, nonce, verifier, role, next",
    )
    .bind(halves.state.as_bytes())
    .bind(halves.browser.as_bytes())
    .bind(now.as_millisecond())
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let role: Option<String> = get(&row, "role")?;
        Ok(Attempt {
            provider: get(&row, "provider")?,
            nonce: get(&row, "nonce")?,
            verifier: get(&row, "verifier")?,
            role: match role {
                Some(_) => Some(name(&row, "role")?),
                None => None,
            },
            next: get(&row, "next")?,
        })
    })
    .transpose()
}

/// Forgets the attempts that are over.
pub(crate) async fn forget(connection: &mut Connection, now: Timestamp) -> Result<(), StoreError> {
    query("DELETE FROM sign_in_attempts WHERE expires_at <= ?")
        .bind(now.as_millisecond())
        .execute(connection)
        .await?;
    Ok(())
}
