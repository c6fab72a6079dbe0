//! Browsers sign in and out, each time on the record.

use gate_protocol::log::RecordType;
use gate_protocol::principal::{PrincipalKind, Role};
use serde_json::json;

use super::session::Visitor;
use crate::clock;
use crate::identity::oidc::ProvenPerson;
use crate::identity::{Secret, Token};
use crate::problem::Failure;
use crate::service::Change;
use crate::settings::Provider;
use crate::state::Server;
use crate::store::principals;
use crate::store::web_session::{self, NewSession};

/// What somebody signs in with.
pub(super) enum Proof<'a> {
    /// A token of the role approver or auditor.
    Token(Token),
    /// A code from a sign-in link.
    Code(Secret),
    /// The word of a provider, and the role that is wanted.
    Provider {
        settings: &'a Provider,
        person: &'a ProvenPerson,
        role: Option<Role>,
    },
    /// A password that was right for this user, the roles that it is for, and
    /// the one that is wanted.
    Password {
        principal: &'a str,
        roles: &'a [Role],
        role: Option<Role>,
    },
}

impl Proof<'_> {
    /// Returns how it is called in records.
    fn means(&self) -> &str {
        match self {
            Self::Token(_) => "token",
            Self::Code(_) => "code",
            Self::Provider { settings, .. } => &settings.name,
            Self::Password { .. } => "password",
        }
    }
}

/// What became of it.
pub(super) enum SignIn {
    /// The browser holds this from now on.
    Done(Secret),
    /// The proof is unknown, used or over.
    Unknown,
    /// The proof is good, and not for this role.
    OtherRole(Role),
    /// It is known who it is, and they are not let in.
    Refused(String),
}

/// Whom a proof stands for.
pub(super) struct Proven {
    pub(super) principal: String,
    pub(super) role: Role,
    pub(super) token: Option<String>,
}

/// What a proof proves.
pub(super) enum Judged {
    Proven(Proven),
    Unknown,
    /// It is this principal's, and not for this role.
    OtherRole(String, Role),
    Refused(String),
}

impl Server {
    /// Signs a browser in. The session that it had ends.
    pub(super) async fn sign_in(
        &self,
        proof: &Proof<'_>,
        before: Option<Visitor>,
    ) -> Result<SignIn, Failure> {
        let mut change = self.change().await?;
        let judged = match proof {
            Proof::Token(token) => by_token(&mut change, token).await?,
            Proof::Code(code) => by_code(&mut change, code).await?,
            Proof::Provider {
                settings,
                person,
                role,
            } => change.by_provider(settings, person, *role).await?,
            Proof::Password {
                principal,
                roles,
                role,
            } => chosen((*principal).to_owned(), roles, *role),
        };
        let proven = match judged {
            Judged::Proven(proven) => proven,
            Judged::Unknown => return Ok(SignIn::Unknown),
            Judged::OtherRole(principal, role) => {
                let why = format!("`{principal}` can't sign in here as {}", role.as_str());
                let body = json!({
                    "means": proof.means(),
                    "principal": principal,
                    "role": role.as_str(),
                    "why": why,
                });
                change.record_refused_sign_in(body).await?;
                // What was learned of them stays: who lost a group has lost it.
                change.commit().await?;
                return Ok(SignIn::OtherRole(role));
            }
            Judged::Refused(why) => {
                let body = json!({ "means": proof.means(), "why": why });
                change.record_refused_sign_in(body).await?;
                change.commit().await?;
                return Ok(SignIn::Refused(why));
            }
        };
        if let Some(visitor) = before {
            end(&mut change, &visitor).await?;
        }
        let secret = change.open_session(&proven, proof.means()).await?;
        change.commit().await?;
        Ok(SignIn::Done(secret))
    }

    /// Signs a browser out, and returns how it was signed in.
    pub(super) async fn sign_out(&self, visitor: &Visitor) -> Result<Option<String>, Failure> {
        let mut change = self.change().await?;
        let means = end(&mut change, visitor).await?;
        change.commit().await?;
        Ok(means)
    }
}

impl Change<'_> {
    /// Makes a session and returns the secret of its cookie.
    async fn open_session(&mut self, proven: &Proven, means: &str) -> Result<Secret, Failure> {
        let secret = Secret::generate()?;
        let now = self.now();
        web_session::forget(self.connection(), now).await?;
        let life = self.server().settings.identity.sign_in.session_seconds;
        let session = NewSession {
            hash: secret.hash(),
            principal: &proven.principal,
            role: proven.role,
            token: proven.token.as_deref(),
            means,
            expires_at: clock::after(now, life),
        };
        web_session::insert(self.connection(), &session, now).await?;
        let body = json!({
            "principal": proven.principal,
            "role": proven.role.as_str(),
            "by": means,
            "token": proven.token,
            "expires_at": session.expires_at,
        });
        self.record(&RecordType::SessionCreated, &body).await?;
        Ok(secret)
    }
}

/// Returns the proof of a user who may have these roles, in the one that is
/// wanted; without a wish, in that of a person who answers.
pub(super) fn chosen(principal: String, roles: &[Role], wanted: Option<Role>) -> Judged {
    const USUAL: [Role; 4] = [Role::Approver, Role::Auditor, Role::Admin, Role::Requester];
    let usual = USUAL.into_iter().find(|role| roles.contains(role));
    let role = match wanted {
        Some(role) if !roles.contains(&role) => return Judged::OtherRole(principal, role),
        Some(role) => Some(role),
        None => usual,
    };
    match role {
        Some(role) => Judged::Proven(Proven {
            principal,
            role,
            token: None,
        }),
        None => Judged::Unknown,
    }
}

async fn end(change: &mut Change<'_>, visitor: &Visitor) -> Result<Option<String>, Failure> {
    let means = web_session::remove(change.connection(), visitor.secret().hash()).await?;
    if means.is_some() {
        let body = json!({ "principal": visitor.name(), "role": visitor.role() });
        change.record(&RecordType::SessionEnded, &body).await?;
    }
    Ok(means)
}

/// A token is pasted by who looks and answers. Its bearer could administer and
/// ask from where it is already, so a browser gains nothing by it but a place
/// where it can be stolen.
async fn by_token(change: &mut Change<'_>, token: &Token) -> Result<Judged, Failure> {
    let now = change.now();
    let Some(actor) = principals::bearer(change.connection(), token.hash(), now).await? else {
        return Ok(Judged::Unknown);
    };
    match actor.role {
        // The pages are for people, whatever an agent's token may read by the API.
        _ if actor.principal.kind != PrincipalKind::User => {
            return Ok(Judged::OtherRole(actor.principal.name, actor.role));
        }
        Role::Approver | Role::Auditor => {}
        Role::Requester | Role::Admin => {
            return Ok(Judged::OtherRole(actor.principal.name, actor.role));
        }
    }
    let token = web_session::token_id(change.connection(), token.hash()).await?;
    Ok(Judged::Proven(Proven {
        principal: actor.principal.name,
        role: actor.role,
        token,
    }))
}

/// Uses the code up in the transaction that makes the session: once, or not at all.
async fn by_code(change: &mut Change<'_>, code: &Secret) -> Result<Judged, Failure> {
    let now = change.now();
    let Some(found) = web_session::find_code(change.connection(), code.hash(), now).await? else {
        return Ok(Judged::Unknown);
    };
    if !web_session::use_code(change.connection(), code.hash(), now).await? {
        return Ok(Judged::Unknown);
    }
    Ok(Judged::Proven(Proven {
        principal: found.principal,
        role: Role::Approver,
        token: found.token,
    }))
}
