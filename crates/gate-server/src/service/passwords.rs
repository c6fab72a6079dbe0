//! Users with a password: invited by an admin, set by themselves.

use gate_protocol::account::{CreateInvitation, CreatedInvitation};
use gate_protocol::log::RecordType;
use gate_protocol::principal::{PrincipalKind, Role, is_name};
use gate_protocol::problem::ProblemCode;
use serde_json::json;

use crate::clock;
use crate::identity::{Limit, Secret, network_of, password};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::passwords::{self, Invitation, Password};
use crate::store::{principals, web_session};

/// How long an invitation is good, in seconds.
const INVITATION_SECONDS: u64 = 3 * 24 * 3600;

/// Who tried to sign in with a password, and as whom they may.
#[derive(Debug)]
pub(crate) enum Tried {
    /// It is theirs.
    Right(Vec<Role>),
    /// It is not, or there is no such user: nothing tells which.
    Wrong,
    /// Too many were wrong: again in so many seconds.
    Later(u64),
}

impl Server {
    /// Makes a link by which a user sets their password, once.
    pub(crate) async fn invite(
        &self,
        by: &str,
        wanted: &CreateInvitation,
    ) -> Result<CreatedInvitation, Failure> {
        if !self.settings.identity.sign_in.passwords {
            return Err(Failure::new(
                ProblemCode::Conflict,
                "the settings of this server let nobody in by a password",
            ));
        }
        if wanted.roles.is_empty() {
            return Err(Failure::bad_request("`roles` must name at least one"));
        }
        let mut change = self.change().await?;
        principals::find(change.connection(), &wanted.principal)
            .await?
            .filter(|found| found.kind == PrincipalKind::User && !found.disabled)
            .ok_or_else(|| {
                Failure::bad_request("`principal` must be the name of a user who is not disabled")
            })?;
        let mut roles = wanted.roles.clone();
        roles.sort_unstable_by_key(|role| role.as_str());
        roles.dedup();
        let secret = Secret::generate()?;
        let expires_at = clock::after(change.now(), INVITATION_SECONDS);
        let invitation = Invitation {
            principal: wanted.principal.clone(),
            roles,
            by: by.to_owned(),
        };
        let hash = secret.hash();
        passwords::invite(change.connection(), hash, &invitation, expires_at).await?;
        let body = json!({
            "principal": invitation.principal,
            "roles": invitation.roles,
            "expires_at": expires_at,
            "by": by,
        });
        change.record(&RecordType::InvitationCreated, &body).await?;
        change.note_edit(by, &wanted.principal, "invited").await?;
        change.commit().await?;
        let public_url = &self.settings.public_url;
        Ok(CreatedInvitation {
            url: format!("{public_url}/invitation?code={}", secret.reveal()),
            expires_at,
        })
    }

    /// Tells whether anybody has a password here.
    pub(crate) async fn has_passwords(&self) -> Result<bool, Failure> {
        let mut reader = self.store.read().await?;
        Ok(passwords::is_anybodys(reader.connection()).await?)
    }

    /// Returns whom an invitation is for, if it is good now.
    pub(crate) async fn invited(&self, code: &Secret) -> Result<Option<String>, Failure> {
        let mut reader = self.store.read().await?;
        let now = clock::now();
        let found = passwords::invitation(reader.connection(), code.hash(), now).await?;
        Ok(found.map(|invitation| invitation.principal))
    }

    /// Sets the password of the one who was invited, and ends what was signed in as
    /// them; none where the invitation is not good any more.
    pub(crate) async fn accept_invitation(
        &self,
        code: &Secret,
        new: String,
    ) -> Result<Option<String>, Failure> {
        if !password::PASSWORD_CHARS.contains(&new.chars().count()) {
            return Err(Failure::bad_request(format!(
                "a password has {} to {} characters",
                password::PASSWORD_CHARS.start(),
                password::PASSWORD_CHARS.end()
            )));
        }
        // Looked at before the costly part, and again when it counts.
        if self.invited(code).await?.is_none() {
            return Ok(None);
        }
        let hash = password::hash(new).await?;
        let mut change = self.change().await?;
        let now = change.now();
        let found = passwords::invitation(change.connection(), code.hash(), now).await?;
        let Some(invitation) = found else {
            return Ok(None);
        };
        passwords::use_invitation(change.connection(), code.hash(), now).await?;
        let password = Password {
            hash,
            roles: invitation.roles,
        };
        let name = invitation.principal;
        passwords::put(change.connection(), &name, &password, now).await?;
        web_session::remove_of(change.connection(), &name).await?;
        let body = json!({ "principal": name, "roles": password.roles });
        change.record(&RecordType::PasswordSet, &body).await?;
        // From now on, and not from the invitation on, whoever invited can act as them: nobody
        // knows who opened the link.
        change
            .note_edit(&invitation.by, &name, "password_set")
            .await?;
        change.commit().await?;
        Ok(Some(name))
    }

    /// Holds a password against that of a user. Who guesses waits longer each time.
    pub(crate) async fn try_password(
        &self,
        name: &str,
        given: String,
        address: &str,
    ) -> Result<Tried, Failure> {
        let longest = *password::PASSWORD_CHARS.end();
        // Nobody has such a name or such a password, so nothing is told by not looking.
        if !is_name(name) || given.chars().count() > longest {
            return Ok(Tried::Wrong);
        }
        let tries = Tries::of(self, name, address);
        if let Err(wait) = self.backoff.attempt_all(&tries.counted) {
            return Ok(Tried::Later(wait.as_secs().max(1)));
        }
        let mut reader = self.store.read().await?;
        let found = passwords::find(reader.connection(), name).await?;
        drop(reader);
        let is_known = found.is_some();
        let (hash, roles) = match found {
            Some(found) => (Some(found.hash), found.roles),
            None => (None, Vec::new()),
        };
        let is_right = match password::verify(given, hash).await {
            Ok(is_right) => is_right,
            // It was not looked at.
            Err(failure) => {
                tries.take_back(self);
                return Err(failure);
            }
        };
        if is_right {
            tries.succeeded(self);
            return Ok(Tried::Right(roles));
        }
        // What is said of nobody would only tell the log what people mistype, which
        // may be a password. The answer does not wait for it: how long it took would
        // tell who is known here.
        if is_known {
            let refused = self.note_wrong_password(name.to_owned(), address.to_owned());
            tokio::spawn(refused);
        }
        Ok(Tried::Wrong)
    }

    fn note_wrong_password(
        &self,
        name: String,
        address: String,
    ) -> impl Future<Output = ()> + Send + 'static {
        let server = self.clone();
        async move {
            let body = json!({
                "means": "password",
                "principal": name,
                "address": address,
                "why": "wrong password",
            });
            if let Err(failure) = server.record_refused_sign_in(body).await {
                tracing::error!(
                    detail = failure.detail(),
                    "a wrong password is not in the log"
                );
            }
        }
    }
}

/// By what a try of a password is counted.
struct Tries {
    /// One name from one network.
    own: String,
    counted: Vec<(String, Limit)>,
    /// Says that this user signed in from this network before.
    at_home: String,
}

impl Tries {
    fn of(server: &Server, name: &str, address: &str) -> Self {
        let network = network_of(address);
        let own = format!("password {name} {network}");
        let at_home = format!("{name} at {network}");
        let mut counted = vec![(own.clone(), Limit::OWN)];
        // Others' guesses don't slow down who signed in from here before.
        if !server.backoff.knows(&at_home) {
            counted.push((format!("passwords from {network}"), Limit::SHARED));
            counted.push((format!("passwords of {name}"), Limit::SHARED));
        }
        Self {
            own,
            counted,
            at_home,
        }
    }

    fn take_back(&self, server: &Server) {
        for (key, _) in &self.counted {
            server.backoff.take_back(key);
        }
    }

    fn succeeded(&self, server: &Server) {
        self.take_back(server);
        server.backoff.succeeded(&self.own);
        server.backoff.remember(&self.at_home);
    }
}
