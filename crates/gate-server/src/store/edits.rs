//! Who had a hand in what: in a principal, in a token, in a rule; and whose
//! account an account is.

use gate_protocol::principal::PrincipalKind;
use gate_protocol::request::Requester;
use jiff::Timestamp;

use super::columns::{get, integer, text, time};
use super::sql::{Row, query};
use super::{Connection, StoreError};

/// One change of a principal, or of a token of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrincipalEdit<'a> {
    pub(crate) principal: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) editor: &'a str,
    pub(crate) what: &'static str,
    /// Whose account it was before, where that was changed.
    pub(crate) person_before: Option<&'a str>,
    /// The groups that it was put into, where its groups were changed.
    pub(crate) gained: &'a [String],
}

/// Somebody who had a hand in something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hand {
    /// The account.
    pub(crate) editor: String,
    /// Whose account it was then; none where that was not kept.
    pub(crate) person: Option<String>,
    /// Whether they can act by what they made since: an account, a token, a link, a password.
    pub(crate) acts: bool,
    /// Whether they changed whose account it is, or its groups.
    pub(crate) changes: bool,
}

/// A change of an account by the account of somebody else, that nobody has confirmed.
#[derive(Clone, Debug)]
pub(crate) struct OneHanded {
    pub(crate) principal: String,
    pub(crate) editor: String,
    pub(crate) what: String,
    pub(crate) at: Timestamp,
    /// The token that was made.
    pub(crate) token: Option<String>,
    /// The role of that token.
    pub(crate) role: Option<String>,
    /// The groups that it was put into; none where that was not kept.
    pub(crate) gained: Option<Vec<String>>,
    /// Whether it was made another person's.
    pub(crate) is_another: bool,
}

/// One rule that a version of the rules changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RuleEdit {
    /// The rule's id; none stands for all rules.
    pub(crate) rule: Option<String>,
    /// The tools that it was about before, as patterns; none for every tool.
    pub(crate) tools: Option<Vec<String>>,
}

/// Who changed a rule.
#[derive(Clone, Debug)]
pub(crate) struct RuleEditor {
    pub(crate) editor: String,
    pub(crate) edit: RuleEdit,
}

/// Returns the one human whose account this is; the account's own name where
/// there is no such account any more.
pub(crate) async fn person_of(
    connection: &mut Connection,
    name: &str,
) -> Result<String, StoreError> {
    let row = query("SELECT person FROM principals WHERE name = ?")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    let person = row.map(|row| get(&row, "person")).transpose()?;
    Ok(person.unwrap_or_else(|| name.to_owned()))
}

/// Returns everybody whose account this is, or was after `since`.
pub(crate) async fn persons_of(
    connection: &mut Connection,
    name: &str,
    since: Option<Timestamp>,
) -> Result<Vec<String>, StoreError> {
    let mut persons = vec![person_of(connection, name).await?];
    if let Some(since) = since {
        let rows = query(
            "SELECT DISTINCT person_before FROM principal_edits
             WHERE principal = ? AND at > ? AND person_before IS NOT NULL",
        )
        .bind(name)
        .bind(since.as_millisecond())
        .fetch_all(connection)
        .await?;
        for row in &rows {
            persons.push(get(row, "person_before")?);
        }
    }
    Ok(persons)
}

/// Remembers who changed a principal.
pub(crate) async fn note(
    connection: &mut Connection,
    edit: PrincipalEdit<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let person = person_of(&mut *connection, edit.editor).await?;
    let gained = text(&edit.gained, "gained")?;
    query(
        "INSERT INTO principal_edits
           (principal, token, editor, what, at, editor_person, person_before, gained)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(edit.principal)
    .bind(edit.token)
    .bind(edit.editor)
    .bind(edit.what)
    .bind(now.as_millisecond())
    .bind(person)
    .bind(edit.person_before)
    .bind(&gained)
    .execute(&mut *connection)
    .await?;
    // Who could act as the editor may be who did it: whoever made a token of it that is good, its
    // password or its way to sign in. Noted now, it holds however long ago that was.
    query(
        "INSERT INTO principal_edits
           (principal, token, editor, what, at, editor_person, person_before, gained)
         SELECT DISTINCT ?1, ?2, made.editor, ?3, ?4, made.editor_person, ?5, ?7
         FROM principal_edits made LEFT JOIN tokens ON tokens.id = made.token
         WHERE made.principal = ?6 AND made.editor <> ?6
           AND made.what IN ('token_created', 'invited', 'password_set', 'linked')
           AND (made.token IS NULL OR (tokens.revoked_at IS NULL
             AND (tokens.expires_at IS NULL OR tokens.expires_at > ?4)))",
    )
    .bind(edit.principal)
    .bind(edit.token)
    .bind(edit.what)
    .bind(now.as_millisecond())
    .bind(edit.person_before)
    .bind(edit.editor)
    .bind(&gained)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns what others changed of an account after `since` and nobody has confirmed; of every
/// account without a name. What the server, a provider or an issuer did is nobody's.
pub(crate) async fn one_handed(
    connection: &mut Connection,
    principal: Option<&str>,
    since: Timestamp,
) -> Result<Vec<OneHanded>, StoreError> {
    let rows = query(
        "SELECT e.principal, e.editor, e.what, e.at, e.token, t.role, e.gained,
           CAST(CASE WHEN e.person_before IS NULL THEN 0 ELSE 1 END AS BIGINT) AS is_another
         FROM principal_edits e JOIN principals p ON p.name = e.editor
         LEFT JOIN tokens t ON t.id = e.token
         WHERE (?1 IS NULL OR e.principal = ?1) AND e.at > ?2 AND e.confirmed_at IS NULL
           AND e.editor <> e.principal
           AND e.what IN ('created', 'enabled', 'changed', 'token_created', 'password_set', 'linked')
         ORDER BY e.principal, e.at, e.editor",
    )
    .bind(principal)
    .bind(since.as_millisecond())
    .fetch_all(connection)
    .await?;
    let one = |row: &Row| {
        let is_another: i64 = get(row, "is_another")?;
        let gained: Option<&str> = get(row, "gained")?;
        let gained = gained.map(serde_json::from_str).transpose();
        Ok(OneHanded {
            principal: get(row, "principal")?,
            editor: get(row, "editor")?,
            what: get(row, "what")?,
            at: time(row, "at")?,
            token: get(row, "token")?,
            role: get(row, "role")?,
            gained: gained.map_err(|_| StoreError::Unreadable { what: "gained" })?,
            is_another: is_another != 0,
        })
    };
    rows.iter().map(one).collect()
}

/// Remembers that a second person confirmed what an editor changed of an account until now.
pub(crate) async fn confirm(
    connection: &mut Connection,
    (principal, editor): (&str, &str),
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "UPDATE principal_edits SET confirmed_by = ?, confirmed_at = ?
         WHERE principal = ? AND editor = ? AND confirmed_at IS NULL",
    )
    .bind(by)
    .bind(now.as_millisecond())
    .bind(principal)
    .bind(editor)
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the token that a token came from.
pub(crate) async fn parent_of(
    connection: &mut Connection,
    token: &str,
) -> Result<Option<String>, StoreError> {
    let row = query("SELECT parent FROM tokens WHERE id = ?")
        .bind(token)
        .fetch_optional(connection)
        .await?;
    let parent: Option<Option<String>> = row.map(|row| get(&row, "parent")).transpose()?;
    Ok(parent.flatten())
}

/// Returns who made a token, or the one that it came from.
pub(crate) async fn makers_of_token(
    connection: &mut Connection,
    token: &str,
) -> Result<Vec<Hand>, StoreError> {
    let rows = query(
        "SELECT DISTINCT editor, editor_person, CAST(1 AS BIGINT) AS acts, CAST(0 AS BIGINT) AS changes FROM principal_edits
         WHERE what IN ('token_created', 'set_off')
           AND token IN (?1, (SELECT parent FROM tokens WHERE id = ?1))",
    )
    .bind(token)
    .fetch_all(connection)
    .await?;
    rows.iter().map(hand).collect()
}

/// Returns who made an agent or workload, whenever that was; nobody for a user.
pub(crate) async fn makers_of(
    connection: &mut Connection,
    requester: &Requester,
) -> Result<Vec<Hand>, StoreError> {
    if requester.kind == PrincipalKind::User {
        return Ok(Vec::new());
    }
    let rows = query(
        "SELECT DISTINCT editor, editor_person, CAST(1 AS BIGINT) AS acts, CAST(0 AS BIGINT) AS changes FROM principal_edits
         WHERE principal = ? AND what = 'created'",
    )
    .bind(&requester.name)
    .fetch_all(connection)
    .await?;
    rows.iter().map(hand).collect()
}

/// Returns who made or changed a principal since then, its tokens, or how it signs in.
pub(crate) async fn editors_of(
    connection: &mut Connection,
    principal: &str,
    since: Timestamp,
) -> Result<Vec<Hand>, StoreError> {
    let rows = query(
        "SELECT editor, editor_person, CAST(max(CASE WHEN what IN
           ('created', 'token_created', 'invited', 'password_set', 'linked')
           THEN 1 ELSE 0 END) AS BIGINT) AS acts,
           CAST(max(CASE WHEN what = 'changed' THEN 1 ELSE 0 END) AS BIGINT) AS changes
         FROM principal_edits WHERE principal = ? AND at > ? AND what <> 'set_off'
         GROUP BY editor, editor_person",
    )
    .bind(principal)
    .bind(since.as_millisecond())
    .fetch_all(connection)
    .await?;
    rows.iter().map(hand).collect()
}

/// Returns who made that by which a user signs in without a token, whenever that was: a password by
/// an invitation, or an account at a provider. In a chat it may have come of any token.
pub(crate) async fn makers_of_sign_in(
    connection: &mut Connection,
    principal: &str,
    is_chat: bool,
) -> Result<Vec<Hand>, StoreError> {
    let rows = query(
        "SELECT DISTINCT editor, editor_person, CAST(1 AS BIGINT) AS acts, CAST(0 AS BIGINT) AS changes FROM principal_edits
         WHERE principal = ? AND (what IN ('invited', 'password_set', 'linked')
           OR (what = 'token_created' AND ? = 1))",
    )
    .bind(principal)
    .bind(i64::from(is_chat))
    .fetch_all(connection)
    .await?;
    rows.iter().map(hand).collect()
}

fn hand(row: &Row) -> Result<Hand, StoreError> {
    let acts: i64 = get(row, "acts")?;
    let changes: i64 = get(row, "changes")?;
    Ok(Hand {
        editor: get(row, "editor")?,
        person: get(row, "editor_person")?,
        acts: acts != 0,
        changes: changes != 0,
    })
}

/// Remembers which rules a version changed.
pub(crate) async fn note_rules(
    connection: &mut Connection,
    version: u64,
    edits: &[RuleEdit],
    by: (&str, Timestamp),
) -> Result<(), StoreError> {
    for edit in edits {
        let tools = match &edit.tools {
            Some(tools) => Some(text(tools, "tools")?),
            None => None,
        };
        query("INSERT INTO rule_edits (version, rule, tools, editor, at) VALUES (?, ?, ?, ?, ?)")
            .bind(integer(version))
            .bind(&edit.rule)
            .bind(tools)
            .bind(by.0)
            .bind(by.1.as_millisecond())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Returns who changed which rules since then.
pub(crate) async fn rule_editors(
    connection: &mut Connection,
    since: Timestamp,
) -> Result<Vec<RuleEditor>, StoreError> {
    let rows =
        query("SELECT DISTINCT editor, rule, tools FROM rule_edits WHERE at > ? ORDER BY editor")
            .bind(since.as_millisecond())
            .fetch_all(connection)
            .await?;
    let editor = |row| {
        let tools: Option<&str> = get(row, "tools")?;
        let tools = tools.map(serde_json::from_str).transpose();
        Ok(RuleEditor {
            editor: get(row, "editor")?,
            edit: RuleEdit {
                rule: get(row, "rule")?,
                tools: tools.map_err(|_| StoreError::Unreadable { what: "tools" })?,
            },
        })
    };
    rows.iter().map(editor).collect()
}
