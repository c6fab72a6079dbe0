//! `Caller<R>`: an actor whose role is one of `R`'s. It is the only way to an
//! [`Actor`], so a handler that forgets to ask for it can't call a service.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use gate_protocol::principal::Role;
use gate_protocol::problem::ProblemCode;

use super::{Actor, Token, TokenHash};
use crate::admission::Admission;
use crate::clock;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::{Connection, principals};

/// The roles that an endpoint is for.
pub(crate) trait Roles: Send + Sync + 'static {
    /// Any of these will do.
    const ROLES: &'static [Role];
}

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident: $($role:ident),+;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) enum $name {}

        impl Roles for $name {
            const ROLES: &'static [Role] = &[$(Role::$role),+];
        }
    )+};
}

roles! {
    /// Everybody who is signed in.
    AnyRole: Requester, Approver, Admin, Auditor;
    /// Who asks.
    Requester: Requester;
    /// Who answers.
    Approver: Approver;
    /// Who keeps the server.
    Operator: Admin;
    /// Who reads the log.
    Keeper: Auditor, Admin;
    /// Who looks at what was approved past the rules.
    Watching: Approver, Admin, Auditor;
    /// Who reviews it.
    Reviewing: Approver, Auditor;
}

/// Who calls, in one of the roles `R`.
pub(crate) struct Caller<R> {
    pub(crate) actor: Actor,
    token: TokenHash,
    roles: PhantomData<fn() -> R>,
}

impl<R: Roles> FromRequestParts<Server> for Caller<R> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Failure> {
        let token = bearer_token(parts).ok_or_else(unauthorized)?.hash();
        // Boxed, and so gone while the call waits for a change of a request.
        let actor = Box::pin(async {
            let mut reader = server.store.look_up().await?;
            bearer(reader.connection(), token).await
        });
        let actor = actor.await;
        // A token that was good lately is no way past the limits any more.
        let actor = actor.inspect_err(|_| server.flood.forget(token))?;
        Admission::identify(parts, server, actor.name(), token)?;
        if !R::ROLES.contains(&actor.role) {
            let detail = format!(
                "this is for the role {}, and this token has the role {}",
                R::ROLES
                    .iter()
                    .map(|role| role.as_str())
                    .collect::<Vec<_>>()
                    .join(" or "),
                actor.role.as_str()
            );
            return Err(Failure::new(ProblemCode::Forbidden, detail));
        }
        Ok(Self {
            actor,
            token,
            roles: PhantomData,
        })
    }
}

impl<R> Caller<R> {
    /// Looks at the token again, after a wait in which it may have been revoked.
    ///
    /// # Errors
    /// It is not good any more.
    pub(crate) async fn still(&self, connection: &mut Connection) -> Result<Actor, Failure> {
        bearer(connection, self.token).await
    }
}

async fn bearer(connection: &mut Connection, token: TokenHash) -> Result<Actor, Failure> {
    principals::bearer(connection, token, clock::now())
        .await?
        .ok_or_else(unauthorized)
}

pub(crate) fn bearer_token(parts: &Parts) -> Option<Token> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    // Two tokens are none: who speaks would depend on which one is read.
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| Token::parse(token.trim()))?
}

fn unauthorized() -> Failure {
    Failure::new(
        ProblemCode::Unauthorized,
        "give a token that is known, has not ended and is not of a disabled principal, \
         as `Authorization: Bearer TOKEN`",
    )
}
