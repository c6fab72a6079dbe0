//! Browsers sign in and out, each time on the record.

use gate_protocol::log::RecordType;
use gate_protocol::principal::Role;
use serde_json::json;

use super::session::{self, Secret, Visitor};
use crate::clock;
use crate::identity::Token;
use crate::problem::Failure;
use crate::service::Change;
use crate::state::Server;
use crate::store::principals;
use crate::store::web_session::{self, NewSession};

/// What somebody signs in with.
pub(super) enum Proof {
    /// A token of the role approver, auditor or admin.
    Token(Token),
    /// A code from a sign-in link.
    Code(Secret),
}

/// What became of it.
pub(super) enum SignIn {
    /// The browser holds this from now on.
    Done(Secret),
    /// The proof is unknown, used or over.
    Unknown,
    /// The token is good, and for a role that has no pages.
    OtherRole(Role),
}

/// Whom a proof stands for.
struct Proven {
    principal: String,
    role: Role,
    token: Option<String>,
}

impl Server {
    /// Signs a browser in. The session that it had ends.
    pub(super) async fn sign_in(
        &self,
        proof: &Proof,
        before: Option<Visitor>,
    ) -> Result<SignIn, Failure> {
        let mut change = self.change().await?;
        let proven = match proof {
            Proof::Token(token) => by_token(&mut change, token).await?,
            Proof::Code(code) => by_code(&mut change, code).await?,
        };
        let Some(proven) = proven else {
            return Ok(SignIn::Unknown);
        };
        match proven.role {
            Role::Approver | Role::Auditor | Role::Admin => {}
            Role::Requester => return Ok(SignIn::OtherRole(proven.role)),
        }
        if let Some(visitor) = before {
            end(&mut change, &visitor).await?;
        }
        let secret = Secret::generate()?;
        let now = change.now();
        web_session::forget(change.connection(), now).await?;
        let session = NewSession {
            hash: secret.hash(),
            principal: &proven.principal,
            role: proven.role,
            token: proven.token.as_deref(),
            expires_at: clock::after(now, session::LIFE_SECONDS),
        };
        web_session::insert(change.connection(), &session, now).await?;
        let body = json!({
            "principal": proven.principal,
            "role": proven.role.as_str(),
            "by": match proof { Proof::Token(_) => "token", Proof::Code(_) => "code" },
            "token": proven.token,
            "expires_at": session.expires_at,
        });
        change.record(&RecordType::SessionCreated, &body).await?;
        change.commit().await?;
        Ok(SignIn::Done(secret))
    }

    /// Signs a browser out.
    pub(super) async fn sign_out(&self, visitor: &Visitor) -> Result<(), Failure> {
        let mut change = self.change().await?;
        end(&mut change, visitor).await?;
        change.commit().await
    }
}

async fn end(change: &mut Change<'_>, visitor: &Visitor) -> Result<(), Failure> {
    if web_session::remove(change.connection(), visitor.secret().hash()).await? {
        let body = json!({ "principal": visitor.name(), "role": visitor.role() });
        change.record(&RecordType::SessionEnded, &body).await?;
    }
    Ok(())
}

async fn by_token(change: &mut Change<'_>, token: &Token) -> Result<Option<Proven>, Failure> {
    let now = change.now();
    let Some(actor) = principals::bearer(change.connection(), token.hash(), now).await? else {
        return Ok(None);
    };
    let token = web_session::token_id(change.connection(), token.hash()).await?;
    Ok(Some(Proven {
        principal: actor.principal.name,
        role: actor.role,
        token,
    }))
}

/// Uses the code up in the transaction that makes the session: once, or not at all.
async fn by_code(change: &mut Change<'_>, code: &Secret) -> Result<Option<Proven>, Failure> {
    let now = change.now();
    let Some(found) = web_session::find_code(change.connection(), code.hash(), now).await? else {
        return Ok(None);
    };
    if !web_session::use_code(change.connection(), code.hash(), now).await? {
        return Ok(None);
    }
    Ok(Some(Proven {
        principal: found.principal,
        role: Role::Approver,
        token: found.token,
    }))
}
