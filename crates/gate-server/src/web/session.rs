//! Who looks: the cookie of a signed-in browser.

use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, InvalidHeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gate_protocol::canonical::Digest;
use gate_protocol::principal::Role;
use subtle::ConstantTimeEq as _;

use super::page::{NotSignedIn, Refused};
use crate::clock;
use crate::identity::{Actor, TokenHash};
use crate::state::Server;
use crate::store::web_session;

/// How long a browser stays signed in, in seconds.
pub(super) const LIFE_SECONDS: u64 = 12 * 3600;

/// A random secret of 256 bits, as the cookie and the sign-in link carry it. Has
/// neither `Debug` nor `Display`, so that no log can show one.
#[derive(Clone)]
pub(super) struct Secret(String);

impl Secret {
    /// Returns a new secret from the operating system's random source.
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Returns the secret that `text` could be, by its form alone.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_secret = text.len() == 43
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        is_secret.then(|| Self(text.to_owned()))
    }

    pub(super) fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// Returns what forms of this session carry: made from the secret in a
    /// domain of its own, so it tells neither the secret nor its stored hash.
    fn csrf(&self) -> String {
        Digest::of("gate/web-form/v1", self.0.as_bytes()).to_string()
    }

    /// Hands out the secret: to the browser, or into a link.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) actor: Actor,
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
        let mut reader = server.store.read().await?;
        let actor = web_session::bearer(reader.connection(), secret.hash(), clock::now()).await?;
        Ok(actor.map(|actor| Self { actor, secret }))
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

    /// Returns what forms for this visitor carry.
    pub(super) fn csrf(&self) -> String {
        self.secret.csrf()
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
        match Self::from_parts(parts, server).await {
            Ok(Some(visitor)) => Ok(visitor),
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

/// Tells whether browsers reach the server by TLS.
pub(super) fn is_secure(server: &Server) -> bool {
    server.settings.tls.is_some() || server.settings.public_url.starts_with("https://")
}

/// `__Host-` makes browsers refuse such a cookie from another host or without TLS.
fn cookie_name(server: &Server) -> &'static str {
    if is_secure(server) {
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
    let life = if secret.is_some() { LIFE_SECONDS } else { 0 };
    let secure = if is_secure(server) { "; Secure" } else { "" };
    format!("{name}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={life}{secure}").parse()
}

/// Returns the session's secret. Two are none: which one is meant can't be told.
fn cookie(headers: &HeaderMap, server: &Server) -> Option<Secret> {
    let name = cookie_name(server);
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
