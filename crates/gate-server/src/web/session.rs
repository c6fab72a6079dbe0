//! Who looks: the cookie of a signed-in browser.

use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, InvalidHeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use gate_protocol::canonical::Digest;
use gate_protocol::principal::Role;
use gate_protocol::problem::ProblemCode;
use jiff::Timestamp;
use subtle::ConstantTimeEq as _;

use super::page::{NotSignedIn, Place, Refused};
use crate::admission::Admission;
use crate::clock;
use crate::identity::{Actor, Secret};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::web_session;

/// How often it is written down that a browser is still in use, in seconds.
const SEEN_SECONDS: u64 = 60;

/// What a hidden window sends where it looks by itself: nobody is there, and the session grows no
/// younger by it.
const UNATTENDED: &str = "gate-unattended";

/// How long a sign-in is fresh, in seconds: what says who may approve is changed only
/// right after one, so that a window that was left open, or a stolen cookie, changes none
/// of it.
const FRESH_SECONDS: u64 = 900;

/// How long a sign-in at a provider may take, in seconds.
pub(super) const ATTEMPT_SECONDS: u64 = 600;

/// Somebody who is signed in.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) actor: Actor,
    signed_in_at: Timestamp,
    secret: Secret,
}

impl Visitor {
    /// Returns who the cookie signs in, if anybody.
    pub(super) async fn from_parts(
        parts: &mut Parts,
        server: &Server,
    ) -> Result<Option<Self>, Refused> {
        let Some(secret) = cookie(&parts.headers, server) else {
            return Ok(None);
        };
        let now = clock::now();
        let idle_seconds = server.settings.identity.sign_in.idle_seconds;
        let mut reader = server.store.read().await?;
        let found =
            web_session::bearer(reader.connection(), secret.hash(), idle_seconds, now).await?;
        drop(reader);
        let Some(found) = found else {
            server.flood.forget(secret.hash());
            return Ok(None);
        };
        Admission::identify(parts, server, found.actor.name(), secret.hash())?;
        // Not at each look: a page that is open all day would write all day.
        let is_due = clock::after(found.seen_at, SEEN_SECONDS.min(idle_seconds / 2)) <= now;
        if is_due && !parts.headers.contains_key(UNATTENDED) {
            server.seen(&secret, now).await?;
        }
        Ok(Some(Self {
            actor: found.actor,
            signed_in_at: found.signed_in_at,
            secret,
        }))
    }

    pub(super) fn name(&self) -> &str {
        self.actor.name()
    }

    pub(super) fn role(&self) -> &'static str {
        self.actor.role.as_str()
    }

    /// Tells whether the visitor may answer at all; an auditor only looks.
    pub(super) fn is_approver(&self) -> bool {
        self.actor.role == Role::Approver
    }

    /// Tells whether the visitor changes who may act.
    pub(super) fn is_admin(&self) -> bool {
        self.actor.role == Role::Admin
    }

    /// Tells whether the visitor sees the log and who may act.
    pub(super) fn keeps(&self) -> bool {
        matches!(self.actor.role, Role::Admin | Role::Auditor)
    }

    /// Tells whether the visitor has signed in lately.
    pub(super) fn is_fresh(&self) -> bool {
        clock::after(self.signed_in_at, FRESH_SECONDS) > clock::now()
    }

    /// Tells whether the visitor may give now: change groups and rules, make, enable and
    /// confirm.
    pub(super) fn may_edit(&self) -> bool {
        self.is_admin() && self.is_fresh()
    }

    /// Refuses whoever is no admin. The service does not ask for the role: it is the door that
    /// does, here as in the API.
    pub(super) fn must_administer(&self) -> Result<(), Failure> {
        if self.is_admin() {
            return Ok(());
        }
        Err(Failure::new(
            ProblemCode::Forbidden,
            "only an admin changes groups, rules and who may act",
        ))
    }

    /// Refuses whoever is no admin, and one whose sign-in is not fresh.
    pub(super) fn must_edit(&self) -> Result<(), Failure> {
        self.must_administer()?;
        self.must_be_fresh()
    }

    /// Refuses whoever has not signed in lately.
    pub(super) fn must_be_fresh(&self) -> Result<(), Failure> {
        if self.is_fresh() {
            return Ok(());
        }
        let minutes = FRESH_SECONDS / 60;
        Err(Failure::new(
            ProblemCode::Forbidden,
            format!(
                "what says who may act or approve is changed only within {minutes} minutes of a \
                 sign-in; sign out and in again"
            ),
        ))
    }

    /// Returns what forms for this visitor carry: made from the secret in a
    /// domain of its own, so it tells neither the secret nor its stored hash.
    pub(super) fn csrf(&self) -> String {
        Digest::of("gate/web-form/v1", self.secret.reveal().as_bytes()).to_string()
    }

    /// Tells whether a form was made for this session.
    pub(super) fn wrote(&self, csrf: &str) -> bool {
        self.csrf().as_bytes().ct_eq(csrf.as_bytes()).into()
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }
}

impl FromRequestParts<Server> for Visitor {
    type Rejection = NotSignedIn;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, NotSignedIn> {
        let AnyVisitor(visitor) = AnyVisitor::from_request_parts(parts, server).await?;
        if visitor.actor.role == Role::Requester {
            return Err(NotSignedIn::Refused(
                Refused::new(
                    StatusCode::FORBIDDEN,
                    "There is nothing for you to answer",
                    "You are signed in as one who asks. You can let a terminal of yours in; what \
                     others ask for is for those who answer.",
                )
                .back_to(Place::Device)
                .signed_in(visitor),
            ));
        }
        Ok(visitor)
    }
}

/// Whoever is signed in, in whatever role: for pages that show nobody's requests.
pub(super) struct AnyVisitor(pub(super) Visitor);

impl FromRequestParts<Server> for AnyVisitor {
    type Rejection = NotSignedIn;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, NotSignedIn> {
        match Visitor::from_parts(parts, server).await {
            Ok(Some(visitor)) => Ok(Self(visitor)),
            Ok(None) => Err(NotSignedIn::at(parts)),
            Err(refused) => Err(NotSignedIn::Refused(refused)),
        }
    }
}

/// Somebody who sees the log and who may act: an auditor or an admin.
pub(super) struct Keeper(pub(super) Visitor);

impl FromRequestParts<Server> for Keeper {
    type Rejection = NotSignedIn;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, NotSignedIn> {
        let visitor = Visitor::from_request_parts(parts, server).await?;
        if visitor.keeps() {
            return Ok(Self(visitor));
        }
        Err(NotSignedIn::Refused(
            Refused::new(
                StatusCode::FORBIDDEN,
                "This page is for others",
                "Auditors and admins see the log and who may act. Sign in with a token of one of \
                 these roles.",
            )
            .signed_in(visitor),
        ))
    }
}

/// Whoever looks may be nobody: the visitor of a page that needs none.
pub(super) struct MaybeVisitor(pub(super) Option<Visitor>);

impl FromRequestParts<Server> for MaybeVisitor {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Refused> {
        Visitor::from_parts(parts, server).await.map(Self)
    }
}

impl Server {
    async fn seen(&self, secret: &Secret, now: Timestamp) -> Result<(), Failure> {
        let mut change = self.change().await?;
        web_session::seen(change.connection(), secret.hash(), now).await?;
        change.commit().await
    }
}

/// `__Host-` makes browsers refuse such a cookie from another host or without TLS.
fn cookie_name(server: &Server) -> &'static str {
    if server.settings.is_secure() {
        "__Host-gate_session"
    } else {
        "gate_session"
    }
}

/// Returns the header that signs a browser in, or out where there is no secret.
pub(super) fn set_cookie(
    server: &Server,
    secret: Option<&Secret>,
) -> Result<HeaderValue, InvalidHeaderValue> {
    let name = cookie_name(server);
    let value = secret.map_or("", Secret::reveal);
    let life = match secret {
        Some(_) => server.settings.identity.sign_in.session_seconds,
        None => 0,
    };
    let secure = if server.settings.is_secure() {
        "; Secure"
    } else {
        ""
    };
    format!("{name}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={life}{secure}").parse()
}

/// The cookie of a browser that signs in at a provider and is not back yet.
fn attempt_cookie_name(server: &Server) -> &'static str {
    if server.settings.is_secure() {
        "__Host-gate_signing_in"
    } else {
        "gate_signing_in"
    }
}

/// Returns the header that marks the browser that began to sign in, or forgets it
/// where there is no secret. `Lax`, unlike the session: the provider's page leads
/// back here, and with `Strict` the browser would keep it back.
pub(super) fn set_attempt_cookie(
    server: &Server,
    secret: Option<&Secret>,
) -> Result<HeaderValue, InvalidHeaderValue> {
    let name = attempt_cookie_name(server);
    let value = secret.map_or("", Secret::reveal);
    let life = if secret.is_some() { ATTEMPT_SECONDS } else { 0 };
    let secure = if server.settings.is_secure() {
        "; Secure"
    } else {
        ""
    };
    format!("{name}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={life}{secure}").parse()
}

/// Returns the secret of the browser that began to sign in.
pub(super) fn attempt_cookie(headers: &HeaderMap, server: &Server) -> Option<Secret> {
    secret_in(headers, attempt_cookie_name(server))
}

/// Returns the session's secret. Two are none: which one is meant can't be told.
pub(crate) fn cookie(headers: &HeaderMap, server: &Server) -> Option<Secret> {
    secret_in(headers, cookie_name(server))
}

fn secret_in(headers: &HeaderMap, name: &str) -> Option<Secret> {
    let mut values = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let value = values.next()?;
    match values.next() {
        None => Secret::parse(value),
        Some(_) => None,
    }
}
