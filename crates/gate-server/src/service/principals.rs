//! Principals and tokens: made, disabled and revoked, each on the record.

use gate_protocol::log::RecordType;
use gate_protocol::principal::{
    CreateToken, CreatedToken, Principal, PrincipalKind, Role, TOKEN_TTL_SECONDS, TokenEntry,
    is_name,
};
use gate_protocol::problem::ProblemCode;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::change::Change;
use crate::clock;
use crate::identity::{self, Token};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::edits::{self, PrincipalEdit};
use crate::store::principals::{self, NewToken};

/// The most groups that a principal can be in.
const MAX_GROUPS: usize = 100;

impl Server {
    /// Returns all principals, by name.
    pub(crate) async fn principals(&self) -> Result<Vec<Principal>, Failure> {
        let mut reader = self.store.read().await?;
        Ok(principals::all(reader.connection()).await?)
    }

    /// Makes a principal known.
    pub(crate) async fn create_principal(
        &self,
        by: &str,
        principal: Principal,
    ) -> Result<Principal, Failure> {
        let mut change = self.change().await?;
        if !change.create_principal(by, &principal).await? {
            let detail = format!("the name `{}` is taken", principal.name);
            return Err(Failure::new(ProblemCode::Conflict, detail));
        }
        change.commit().await?;
        Ok(principal)
    }

    /// Stops a principal, and what it owns, from acting; twice is as once. Nobody
    /// disables themselves: the only admin would lock the server for ever.
    pub(crate) async fn disable_principal(
        &self,
        by: &str,
        name: &str,
    ) -> Result<Principal, Failure> {
        if by == name {
            return Err(Failure::new(
                ProblemCode::Conflict,
                "nobody disables themselves; another admin can",
            ));
        }
        let mut change = self.change().await?;
        let now = change.now();
        if principals::disable(change.connection(), name, now).await? {
            let body = json!({ "name": name, "by": by });
            change.record(&RecordType::PrincipalDisabled, &body).await?;
            change.note_edit(by, name, "disabled").await?;
            change.recount_votes_of(name).await?;
        }
        let principal = principals::find(change.connection(), name)
            .await?
            .ok_or_else(Failure::not_found)?;
        change.commit().await?;
        Ok(principal)
    }

    /// Lets a principal act again, and what it owns unless that is disabled by
    /// itself; twice is as once.
    pub(crate) async fn enable_principal(
        &self,
        by: &str,
        name: &str,
    ) -> Result<Principal, Failure> {
        let mut change = self.change().await?;
        if principals::enable(change.connection(), name).await? {
            let body = json!({ "name": name, "by": by });
            change.record(&RecordType::PrincipalEnabled, &body).await?;
            change.note_edit(by, name, "enabled").await?;
        }
        let principal = principals::find(change.connection(), name)
            .await?
            .ok_or_else(Failure::not_found)?;
        change.commit().await?;
        Ok(principal)
    }

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
        let mut change = self.change().await?;
        let expires_at = clock::after(change.now(), wanted.ttl_seconds);
        let (id, token) = change
            .create_token(by, &wanted.principal, wanted.role, Some(expires_at))
            .await?;
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
        }
        change.commit().await
    }
}

impl Change<'_> {
    /// Stores a principal; false where the name is taken.
    pub(crate) async fn create_principal(
        &mut self,
        by: &str,
        principal: &Principal,
    ) -> Result<bool, Failure> {
        validate(principal)?;
        if let Some(owner) = &principal.owner {
            let found = principals::find(self.connection(), owner).await?;
            if !found.is_some_and(|owner| owner.kind == PrincipalKind::User && !owner.disabled) {
                return Err(Failure::bad_request(
                    "`owner` must be the name of a user who is not disabled",
                ));
            }
        }
        let now = self.now();
        if !principals::insert(self.connection(), principal, now).await? {
            return Ok(false);
        }
        let body = json!({ "principal": principal, "by": by });
        self.record(&RecordType::PrincipalCreated, &body).await?;
        self.note_edit(by, &principal.name, "created").await?;
        Ok(true)
    }

    /// Remembers who changed a principal, who has no say for a while in what it
    /// asks. Whatever changes one calls this.
    pub(crate) async fn note_edit(
        &mut self,
        by: &str,
        principal: &str,
        what: &'static str,
    ) -> Result<(), Failure> {
        let edit = PrincipalEdit {
            principal,
            token: None,
            editor: by,
            what,
        };
        let now = self.now();
        Ok(edits::note(self.connection(), edit, now).await?)
    }

    /// Stores a new token of a principal that can have one of this role.
    pub(crate) async fn create_token(
        &mut self,
        by: &str,
        name: &str,
        role: Role,
        expires_at: Option<Timestamp>,
    ) -> Result<(String, Token), Failure> {
        let principal = principals::find(self.connection(), name)
            .await?
            .filter(|principal| !principal.disabled)
            .ok_or_else(|| {
                Failure::bad_request("`principal` must be the name of one that is not disabled")
            })?;
        if !identity::may_have(principal.kind, role) {
            return Err(Failure::new(
                ProblemCode::Forbidden,
                format!(
                    "`{}` is of kind {}, and only a user can have the role {}",
                    principal.name,
                    principal.kind.as_str(),
                    role.as_str()
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
            role,
            expires_at,
        };
        principals::insert_token(self.connection(), &new, now).await?;
        let body = json!({
            "token": id,
            "principal": principal.name,
            "role": role.as_str(),
            "expires_at": expires_at,
            "by": by,
        });
        self.record(&RecordType::TokenCreated, &body).await?;
        let edit = PrincipalEdit {
            principal: &principal.name,
            token: Some(&id),
            editor: by,
            what: "token_created",
        };
        edits::note(self.connection(), edit, now).await?;
        Ok((id, token))
    }
}

fn validate(principal: &Principal) -> Result<(), Failure> {
    const FORM: &str = "must be 1 to 128 of a-z, 0-9 and . _ @ + -, and neither `.` nor `..`";
    if !is_name(&principal.name) {
        return Err(Failure::bad_request(format!("`name` {FORM}")));
    }
    if principal.groups.len() > MAX_GROUPS {
        return Err(Failure::bad_request(format!(
            "`groups` has {} names, and may have {MAX_GROUPS}",
            principal.groups.len()
        )));
    }
    if !principal.groups.iter().all(|group| is_name(group)) {
        return Err(Failure::bad_request(format!("each of `groups` {FORM}")));
    }
    match &principal.person {
        Some(_) if principal.kind != PrincipalKind::User => {
            return Err(Failure::bad_request(
                "only a user has a `person`; behind an agent or a workload stands its owner",
            ));
        }
        Some(person) if !is_name(person) => {
            return Err(Failure::bad_request(format!("`person` {FORM}")));
        }
        Some(_) | None => {}
    }
    match (principal.kind, &principal.owner) {
        (PrincipalKind::User, Some(_)) => Err(Failure::bad_request("a user has no `owner`")),
        (PrincipalKind::Agent | PrincipalKind::Workload, None) => Err(Failure::bad_request(
            "an agent and a workload need an `owner`, who answers for it",
        )),
        (PrincipalKind::User, None) | (PrincipalKind::Agent | PrincipalKind::Workload, Some(_)) => {
            Ok(())
        }
    }
}
