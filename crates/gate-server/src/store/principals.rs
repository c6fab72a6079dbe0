//! Principals and their tokens.

use gate_protocol::principal::{Principal, Role, TokenEntry};
use jiff::Timestamp;

use super::columns::{get, integer, json, name, text, time, time_if_any};
use super::sql::{Row, query};
use super::{Connection, StoreError};
use crate::clock;
use crate::identity::{Actor, TokenHash};

/// A token that is about to be stored.
#[derive(Debug)]
pub(crate) struct NewToken<'a> {
    pub(crate) id: &'a str,
    pub(crate) hash: TokenHash,
    pub(crate) principal: &'a str,
    pub(crate) role: Role,
    pub(crate) expires_at: Option<Timestamp>,
    /// Who makes it.
    pub(crate) by: &'a str,
    pub(crate) note: Option<&'a str>,
    pub(crate) tools: &'a [String],
    /// The token with which it ends.
    pub(crate) parent: Option<&'a str>,
}

/// A token as it is stored.
#[derive(Debug)]
pub(crate) struct StoredToken {
    pub(crate) principal: String,
    pub(crate) role: Role,
    pub(crate) is_revoked: bool,
}

fn principal(row: &Row) -> Result<Principal, StoreError> {
    let own: String = get(row, "name")?;
    let person: String = get(row, "person")?;
    let mut groups: Vec<String> = json(row, "groups")?;
    // What a provider said is believed for a while: who has left is in none of
    // its groups once nobody has said so lately.
    if time(row, "provider_groups_until")? > clock::now() {
        let more: Vec<String> = json(row, "provider_groups")?;
        groups.extend(more);
        groups.sort_unstable();
        groups.dedup();
    }
    Ok(Principal {
        person: (person != own).then_some(person),
        name: own,
        kind: name(row, "kind")?,
        owner: get(row, "owner")?,
        groups,
        disabled: time_if_any(row, "disabled_at")?.is_some(),
    })
}

/// Returns the principal of this name.
pub(crate) async fn find(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<Principal>, StoreError> {
    let row = query("SELECT * FROM principals WHERE name = ?")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(principal).transpose()
}

/// Returns all principals by name.
pub(crate) async fn all(connection: &mut Connection) -> Result<Vec<Principal>, StoreError> {
    let rows = query("SELECT * FROM principals ORDER BY name")
        .fetch_all(connection)
        .await?;
    rows.iter().map(principal).collect()
}

/// Returns so many principals by name, behind this one.
pub(crate) async fn page(
    connection: &mut Connection,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Principal>, StoreError> {
    let rows =
        query("SELECT * FROM principals WHERE (?1 IS NULL OR name > ?1) ORDER BY name LIMIT ?2")
            .bind(after)
            .bind(integer(limit))
            .fetch_all(connection)
            .await?;
    rows.iter().map(principal).collect()
}

/// Stores a new principal; false where the name is taken.
pub(crate) async fn insert(
    connection: &mut Connection,
    principal: &Principal,
    by: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done = query(
        "INSERT INTO principals
           (name, kind, owner, person, groups, created_by, created_at, disabled_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&principal.name)
    .bind(principal.kind.as_str())
    .bind(&principal.owner)
    .bind(principal.person())
    .bind(text(&principal.groups, "groups")?)
    .bind(by)
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
        query("UPDATE principals SET disabled_at = ? WHERE name = ? AND disabled_at IS NULL")
            .bind(now.as_millisecond())
            .bind(name)
            .execute(connection)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets a principal act again; false where it may already.
pub(crate) async fn enable(connection: &mut Connection, name: &str) -> Result<bool, StoreError> {
    let done = query(
        "UPDATE principals SET disabled_at = NULL WHERE name = ? AND disabled_at IS NOT NULL",
    )
    .bind(name)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Tells whether some account is this person's.
pub(crate) async fn has_person(
    connection: &mut Connection,
    person: &str,
) -> Result<bool, StoreError> {
    let row = query("SELECT EXISTS (SELECT 1 FROM principals WHERE person = ?) AS has")
        .bind(person)
        .fetch_one(connection)
        .await?;
    get(&row, "has")
}

/// Returns the names of the accounts of a person.
pub(crate) async fn accounts_of(
    connection: &mut Connection,
    person: &str,
) -> Result<Vec<String>, StoreError> {
    let rows =
        query("SELECT name FROM principals WHERE person = ? AND kind = 'user' ORDER BY name")
            .bind(person)
            .fetch_all(connection)
            .await?;
    rows.iter().map(|row| get(row, "name")).collect()
}

/// Replaces the groups that a provider says a user is in, believed until then.
pub(crate) async fn set_provider_groups(
    connection: &mut Connection,
    name: &str,
    groups: &[String],
    until: Timestamp,
) -> Result<(), StoreError> {
    query("UPDATE principals SET provider_groups = ?, provider_groups_until = ? WHERE name = ?")
        .bind(text(&groups, "groups")?)
        .bind(until.as_millisecond())
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns until when a provider's word on a user is believed, by their last sign-in there; long
/// past where there was none.
pub(crate) async fn provider_until(
    connection: &mut Connection,
    name: &str,
) -> Result<Timestamp, StoreError> {
    let row = query("SELECT provider_groups_until FROM principals WHERE name = ?")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    row.map_or(Ok(Timestamp::UNIX_EPOCH), |row| {
        time(&row, "provider_groups_until")
    })
}

/// Has the terminals that a user let in go on until then, each no longer than its life.
pub(crate) async fn prolong_terminals_of(
    connection: &mut Connection,
    name: &str,
    (until, life_seconds): (Timestamp, u64),
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "UPDATE tokens SET expires_at =
           CASE WHEN created_at + ?1 < ?2 THEN created_at + ?1 ELSE ?2 END
         WHERE principal = ?3 AND created_by = principal AND parent IS NULL
           AND role = 'requester' AND note LIKE 'gate login on %'
           AND revoked_at IS NULL AND expires_at > ?4
           AND expires_at < CASE WHEN created_at + ?1 < ?2 THEN created_at + ?1 ELSE ?2 END",
    )
    .bind(integer(life_seconds.saturating_mul(1_000)))
    .bind(until.as_millisecond())
    .bind(name)
    .bind(now.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the groups that an admin has put a principal into.
pub(crate) async fn own_groups(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<Vec<String>>, StoreError> {
    let row = query("SELECT groups FROM principals WHERE name = ?")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    row.map(|row| json(&row, "groups")).transpose()
}

/// Replaces the groups that an admin has put a principal into.
pub(crate) async fn set_groups(
    connection: &mut Connection,
    name: &str,
    groups: &[String],
) -> Result<(), StoreError> {
    query("UPDATE principals SET groups = ? WHERE name = ?")
        .bind(text(&groups, "groups")?)
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes a user an account of another person.
pub(crate) async fn set_person(
    connection: &mut Connection,
    name: &str,
    person: &str,
) -> Result<(), StoreError> {
    query("UPDATE principals SET person = ? WHERE name = ?")
        .bind(person)
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes back every token of a principal, and returns how many were good.
pub(crate) async fn revoke_tokens_of(
    connection: &mut Connection,
    name: &str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let done = query(
        "UPDATE tokens SET revoked_at = ?1 WHERE principal = ?2 AND revoked_at IS NULL
         AND (expires_at IS NULL OR expires_at > ?1)",
    )
    .bind(now.as_millisecond())
    .bind(name)
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Takes back the tokens that a user made for themself: those of terminals.
pub(crate) async fn revoke_own_tokens_of(
    connection: &mut Connection,
    name: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "UPDATE tokens SET revoked_at = ? WHERE principal = ? AND created_by = principal
         AND revoked_at IS NULL",
    )
    .bind(now.as_millisecond())
    .bind(name)
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores a token's hash.
pub(crate) async fn insert_token(
    connection: &mut Connection,
    token: &NewToken<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO tokens
           (id, hash, principal, role, created_at, expires_at, created_by, note, tools, parent)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(token.id)
    .bind(token.hash.as_bytes())
    .bind(token.principal)
    .bind(token.role.as_str())
    .bind(now.as_millisecond())
    .bind(token.expires_at.map(Timestamp::as_millisecond))
    .bind(token.by)
    .bind(token.note)
    .bind(text(&token.tools, "tools")?)
    .bind(token.parent)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the token of this id.
pub(crate) async fn find_token(
    connection: &mut Connection,
    id: &str,
) -> Result<Option<StoredToken>, StoreError> {
    let row = query("SELECT principal, role, revoked_at FROM tokens WHERE id = ?")
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
    let rows = query(
        "SELECT id, principal, role, created_at, expires_at, revoked_at, created_by, note, tools
         FROM tokens ORDER BY created_at, id",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(token_entry).collect()
}

/// Returns so many tokens without their hashes, the oldest first, behind this one.
/// Their ids are `UUIDv7`, which stand in the order in which they were made.
pub(crate) async fn token_page(
    connection: &mut Connection,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<TokenEntry>, StoreError> {
    let rows = query(
        "SELECT id, principal, role, created_at, expires_at, revoked_at, created_by, note, tools
         FROM tokens WHERE (?1 IS NULL OR id > ?1) ORDER BY id LIMIT ?2",
    )
    .bind(after)
    .bind(integer(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(token_entry).collect()
}

fn token_entry(row: &Row) -> Result<TokenEntry, StoreError> {
    Ok(TokenEntry {
        id: get(row, "id")?,
        principal: get(row, "principal")?,
        role: name(row, "role")?,
        created_at: time(row, "created_at")?,
        expires_at: time_if_any(row, "expires_at")?,
        revoked_at: time_if_any(row, "revoked_at")?,
        created_by: get(row, "created_by")?,
        note: get(row, "note")?,
        tools: json(row, "tools")?,
    })
}

/// Tells whether the token of this id is good now, and the one that it came from.
pub(crate) async fn is_token_good(
    connection: &mut Connection,
    id: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let row = query(
        "SELECT t.id FROM tokens t LEFT JOIN tokens f ON f.id = t.parent
         WHERE t.id = ?1 AND t.revoked_at IS NULL
           AND (t.expires_at IS NULL OR t.expires_at > ?2)
           AND f.revoked_at IS NULL AND (f.expires_at IS NULL OR f.expires_at > ?2)",
    )
    .bind(id)
    .bind(now.as_millisecond())
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Revokes a token.
pub(crate) async fn revoke_token(
    connection: &mut Connection,
    id: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    query("UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL")
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
    let row = query(
        "SELECT p.*, coalesce(o.person, p.person) AS human, t.role, t.expires_at, t.tools, t.id
         FROM tokens t JOIN principals p ON p.name = t.principal
         LEFT JOIN principals o ON o.name = p.owner
         LEFT JOIN tokens f ON f.id = t.parent
         WHERE t.hash = ?1 AND t.revoked_at IS NULL
           AND (t.expires_at IS NULL OR t.expires_at > ?2)
           AND f.revoked_at IS NULL AND (f.expires_at IS NULL OR f.expires_at > ?2)
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
            tools: json(&row, "tools")?,
        })
    })
    .transpose()
}
