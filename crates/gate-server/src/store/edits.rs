//! Who had a hand in what: in a principal, in a token, in a rule; and whose
//! account an account is.

use gate_protocol::principal::PrincipalKind;
use gate_protocol::request::Requester;
use jiff::Timestamp;

use super::columns::{get, integer, text};
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
    query(
        "INSERT INTO principal_edits
           (principal, token, editor, what, at, editor_person, person_before)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(edit.principal)
    .bind(edit.token)
    .bind(edit.editor)
    .bind(edit.what)
    .bind(now.as_millisecond())
    .bind(person)
    .bind(edit.person_before)
    .execute(&mut *connection)
    .await?;
    // Who could act as the editor may be who did it: whoever made a token of it that is good, its
    // password or its way to sign in. Noted now, it holds however long ago that was.
    query(
        "INSERT INTO principal_edits
           (principal, token, editor, what, at, editor_person, person_before)
         SELECT DISTINCT ?1, ?2, made.editor, ?3, ?4, made.editor_person, ?5
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
    .execute(connection)
    .await?;
    Ok(())
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
