//! Tokens: made and taken back, each on the record.

use gate_protocol::log::RecordType;
use gate_protocol::principal::{CreateToken, CreatedToken, Role, TOKEN_TTL_SECONDS, TokenEntry};
use gate_protocol::problem::ProblemCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::change::Change;
use crate::clock;
use crate::identity::{self, Actor, Token};
use crate::lifecycle::Void;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::edits::{self, PrincipalEdit};
use crate::store::principals::{self, NewToken};
use crate::store::standing_grants;

/// The most tools that a token can be narrowed to, and the longest name of one.
const MOST_TOOLS: usize = 100;
const TOOL_BYTES: usize = 128;

/// A token that somebody wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenWish<'a> {
    /// Whose it will be.
    pub(crate) principal: &'a str,
    pub(crate) role: Role,
    pub(crate) expires_at: Option<Timestamp>,
    /// The tools that it may be used to ask for; empty: any.
    pub(crate) tools: &'a [String],
    /// What it is made for.
    pub(crate) note: Option<&'a str>,
    /// The token with which it ends.
    pub(crate) parent: Option<&'a str>,
}

impl Server {
    /// Returns all tokens, the oldest first, and never a token itself.
    pub(crate) async fn tokens(&self) -> Result<Vec<TokenEntry>, Failure> {
        let mut reader = self.store.read().await?;
        Ok(principals::tokens(reader.connection()).await?)
    }

    /// Makes a token, and shows it this once.
    pub(crate) async fn create_token(
        &self,
        by: &str,
        wanted: &CreateToken,
    ) -> Result<CreatedToken, Failure> {
        if !TOKEN_TTL_SECONDS.contains(&wanted.ttl_seconds) {
            return Err(Failure::bad_request(format!(
                "`ttl_seconds` must be from {} to {}",
                TOKEN_TTL_SECONDS.start(),
                TOKEN_TTL_SECONDS.end()
            )));
        }
        validate_tools(wanted)?;
        let mut change = self.change().await?;
        let expires_at = clock::after(change.now(), wanted.ttl_seconds);
        let wish = TokenWish {
            principal: &wanted.principal,
            role: wanted.role,
            expires_at: Some(expires_at),
            tools: &wanted.tools,
            note: None,
            parent: None,
        };
        let (id, token) = change.make_token(by, &wish).await?;
        change.commit().await?;
        Ok(CreatedToken {
            id,
            token: token.reveal(),
            expires_at,
        })
    }

    /// Takes a token back; twice is as once.
    pub(crate) async fn revoke_token(&self, by: &str, id: &str) -> Result<(), Failure> {
        let mut change = self.change().await?;
        let token = principals::find_token(change.connection(), id)
            .await?
            .ok_or_else(Failure::not_found)?;
        if !token.is_revoked {
            let now = change.now();
            principals::revoke_token(change.connection(), id, now).await?;
            let body = json!({
                "token": id,
                "principal": token.principal,
                "role": token.role.as_str(),
                "by": by,
            });
            change.record(&RecordType::TokenRevoked, &body).await?;
            change
                .note_edit(by, &token.principal, "token_revoked")
                .await?;
            change
                .take_back_given_with(by, &token.principal, id)
                .await?;
        }
        change.commit().await
    }
}

/// Returns what is on record of a token that is made.
fn told(id: &str, by: &str, wish: &TokenWish<'_>) -> Value {
    let mut body = json!({
        "token": id,
        "principal": wish.principal,
        "role": wish.role.as_str(),
        "expires_at": wish.expires_at,
        "by": by,
    });
    if let Some(members) = body.as_object_mut() {
        if !wish.tools.is_empty() {
            members.insert("tools".to_owned(), json!(wish.tools));
        }
        members.extend(wish.note.map(|note| ("note".to_owned(), json!(note))));
    }
    body
}

/// Refuses what could narrow nothing, or a token that asks for nothing anyway.
fn validate_tools(wanted: &CreateToken) -> Result<(), Failure> {
    let tools = &wanted.tools;
    if !tools.is_empty() && wanted.role != Role::Requester {
        return Err(Failure::bad_request(
            "`tools` narrows a token of the role requester only",
        ));
    }
    let is_tool = |tool: &String| {
        (1..=TOOL_BYTES).contains(&tool.len())
            && tool
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'/')
    };
    if tools.len() > MOST_TOOLS || !tools.iter().all(is_tool) {
        return Err(Failure::bad_request(format!(
            "`tools` may have {MOST_TOOLS} names of tools, as `kubectl`, without a path"
        )));
    }
    Ok(())
}

impl Change<'_> {
    /// Refuses an answer whose token was revoked while it waited for its turn.
    pub(crate) async fn refuse_revoked(&mut self, actor: &Actor) -> Result<(), Failure> {
        let Some(id) = &actor.token else {
            return Ok(());
        };
        let token = principals::find_token(self.connection(), id).await?;
        if token.is_none_or(|token| token.is_revoked) {
            let detail = "the token was revoked a moment ago";
            return Err(Failure::new(ProblemCode::Unauthorized, detail));
        }
        Ok(())
    }

    /// Makes void what was approved with a token and nobody has claimed, and revokes the standing
    /// grants that were confirmed with it: whoever stole it said so, for all that is known.
    async fn take_back_given_with(
        &mut self,
        by: &str,
        principal: &str,
        token: &str,
    ) -> Result<(), Failure> {
        self.void_votes_of(principal, Void::TokenRevoked, |one| {
            one.token.as_deref() == Some(token)
        })
        .await?;
        let found = standing_grants::confirmed_with(self.connection(), token).await?;
        self.revoke_each(by, found).await
    }

    /// Stores a new token of a principal that can have one of this role.
    pub(crate) async fn make_token(
        &mut self,
        by: &str,
        wish: &TokenWish<'_>,
    ) -> Result<(String, Token), Failure> {
        let principal = principals::find(self.connection(), wish.principal)
            .await?
            .filter(|principal| !principal.disabled)
            .ok_or_else(|| {
                Failure::bad_request("`principal` must be the name of one that is not disabled")
            })?;
        if !identity::may_have(principal.kind, wish.role) {
            return Err(Failure::new(
                ProblemCode::Forbidden,
                format!(
                    "`{}` is of kind {}, and only a user can have the role {}",
                    principal.name,
                    principal.kind.as_str(),
                    wish.role.as_str()
                ),
            ));
        }
        let token = Token::generate(principal.kind)?;
        let id = Uuid::now_v7().to_string();
        let now = self.now();
        let new = NewToken {
            id: &id,
            hash: token.hash(),
            principal: &principal.name,
            role: wish.role,
            expires_at: wish.expires_at,
            by,
            note: wish.note,
            tools: wish.tools,
            parent: wish.parent,
        };
        principals::insert_token(self.connection(), &new, now).await?;
        let body = told(&id, by, wish);
        self.record(&RecordType::TokenCreated, &body).await?;
        let edit = PrincipalEdit {
            principal: &principal.name,
            token: Some(&id),
            editor: by,
            what: "token_created",
            person_before: None,
            gained: &[],
        };
        edits::note(self.connection(), edit, now).await?;
        Ok((id, token))
    }
}
