//! Signing in at a provider: off to it, and back.
//!
//! The way back is the one GET that changes something. It must: that is how a
//! provider hands a browser over. It does so once, for the browser that began,
//! and only with a code that the provider takes.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use gate_protocol::principal::Role;
use serde::Deserialize;

use super::form::Fields;
use super::page::{Place, Refused, render};
use super::session::{ATTEMPT_SECONDS, Visitor, attempt_cookie, set_attempt_cookie, set_cookie};
use super::sign_in::{Proof, SignIn};
use crate::clock;
use crate::identity::Secret;
use crate::identity::oidc::Answer;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::sign_in::{self, Attempt, Halves};

/// The most sign-ins that are under way at the same time. Anybody can begin one, so
/// there is a bound; beyond it the oldest gives way, and not the one who comes now:
/// who would keep others out has to begin so many while they type their password.
pub(super) const MOST_ATTEMPTS: u64 = 10_000;

/// Sends the browser on by itself. The answer to a form can't lead to another
/// site by a redirect: `form-action` forbids it, and shall. And after the way
/// back, only a step from our own page brings the session's cookie along.
#[derive(Template)]
#[template(path = "onward.html")]
struct Onward {
    visitor: Option<Visitor>,
    title: &'static str,
    address: String,
}

/// Returns the page that sends the browser on.
pub(super) fn onward(title: &'static str, address: String) -> Response {
    let page = Onward {
        visitor: None,
        title,
        address,
    };
    render(StatusCode::OK, &page)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderForm {
    provider: String,
    role: Option<Role>,
    next: Option<String>,
}

/// Returns where providers send browsers back to.
fn redirect_uri(server: &Server) -> String {
    format!("{}/login/callback", server.settings.public_url)
}

/// Begins to sign in at a provider.
pub(super) async fn leave(
    State(server): State<Server>,
    Fields(form): Fields<ProviderForm>,
) -> Result<Response, Refused> {
    let provider = server
        .authorities
        .provider(&form.provider)
        .ok_or_else(Failure::not_found)?;
    let begun = provider
        .begin(&redirect_uri(&server))
        .await
        .map_err(|error| unreachable(&error))?;
    let next = form.next.as_deref().and_then(Place::parse);
    let browser = Secret::generate().map_err(Failure::from)?;
    let attempt = Attempt {
        provider: form.provider,
        nonce: begun.nonce.reveal().to_owned(),
        verifier: begun.verifier.reveal().to_owned(),
        role: form.role,
        next: next.unwrap_or(Place::Inbox).path(),
    };
    let halves = Halves {
        state: begun.state.hash(),
        browser: browser.hash(),
    };
    let mut change = server.change().await?;
    let now = change.now();
    sign_in::forget(change.connection(), now).await?;
    let expires_at = clock::after(now, ATTEMPT_SECONDS);
    sign_in::make_room(change.connection(), MOST_ATTEMPTS).await?;
    sign_in::insert(change.connection(), halves, &attempt, expires_at).await?;
    change.commit().await?;
    let mut response = onward("To the provider", begun.address);
    let cookie = set_attempt_cookie(&server, Some(&browser));
    let cookie = cookie.map_err(|error| Failure::internal(&error))?;
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

fn unreachable(error: &crate::identity::oidc::OidcError) -> Refused {
    tracing::warn!(%error, "a provider can't be asked");
    Refused::new(
        StatusCode::BAD_GATEWAY,
        "The provider can't be asked",
        format!("Nobody was signed in: {error}. Try again, or tell your administrator."),
    )
}

/// What a provider says as it hands the browser over.
#[derive(Deserialize)]
pub(super) struct CallbackQuery {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// Takes the browser back.
pub(super) async fn come_back(
    State(server): State<Server>,
    method: Method,
    headers: HeaderMap,
    query: Result<Query<CallbackQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Refused> {
    // Who only asks for the head, as previews do, must not use the code up.
    if method != Method::GET {
        return Err(super::page::other_method().await);
    }
    let Ok(Query(query)) = query else {
        return Err(stale());
    };
    let state = query.state.as_deref().and_then(Secret::parse);
    let browser = attempt_cookie(&headers, &server);
    let (Some(state), Some(browser)) = (state, browser) else {
        return Err(stale());
    };
    let halves = Halves {
        state: state.hash(),
        browser: browser.hash(),
    };
    // Used up before anything else happens: a second answer finds nothing.
    let mut change = server.change().await?;
    let now = change.now();
    let attempt = sign_in::take(change.connection(), halves, now).await?;
    change.commit().await?;
    let attempt = attempt.ok_or_else(stale)?;
    let outcome = prove(&server, &attempt, &query).await?;
    let mut response = match outcome {
        SignIn::Done(secret) => {
            let mut response = onward("Signed in", attempt.next);
            let cookie = set_cookie(&server, Some(&secret));
            let cookie = cookie.map_err(|error| Failure::internal(&error))?;
            response.headers_mut().append(SET_COOKIE, cookie);
            response
        }
        SignIn::Refused(why) => refused(why),
        SignIn::Unknown => refused("The provider vouched for nobody.".to_owned()),
        SignIn::OtherRole(role) => refused(format!(
            "You can't sign in as {} with this account.",
            role.as_str()
        )),
    };
    let forget = set_attempt_cookie(&server, None);
    let forget = forget.map_err(|error| Failure::internal(&error))?;
    response.headers_mut().append(SET_COOKIE, forget);
    Ok(response)
}

/// Has the provider say who it is, and signs them in.
async fn prove(
    server: &Server,
    attempt: &Attempt,
    query: &CallbackQuery,
) -> Result<SignIn, Refused> {
    let provider = server
        .authorities
        .provider(&attempt.provider)
        .ok_or_else(stale)?;
    let Some(code) = query.code.as_deref().filter(|_| query.error.is_none()) else {
        let said = query.error.as_deref().unwrap_or("no code");
        let said: String = said.chars().take(100).collect();
        let said = gate_protocol::inert::inert(&said);
        return Ok(SignIn::Refused(format!(
            "The provider did not sign you in ({said})."
        )));
    };
    let answer = Answer {
        code,
        issuer: query.iss.as_deref(),
        nonce: &attempt.nonce,
        verifier: &attempt.verifier,
        redirect_uri: &redirect_uri(server),
    };
    let person = match provider.finish(&answer).await {
        Ok(person) => person,
        Err(error) => {
            let why = error.to_string();
            let body = serde_json::json!({ "means": attempt.provider, "why": why });
            server.record_refused_sign_in(body).await?;
            return Ok(SignIn::Refused(format!("Nobody was signed in: {why}.")));
        }
    };
    let proof = Proof::Provider {
        settings: provider.settings(),
        person: &person,
        role: attempt.role,
    };
    Ok(server.sign_in(&proof, None).await?)
}

fn stale() -> Refused {
    Refused::new(
        StatusCode::BAD_REQUEST,
        "This sign-in is over",
        "It was not begun in this browser, was finished already, or is older than 10 minutes. \
         Nobody was signed in. Open the sign-in page and begin again.",
    )
}

fn refused(why: String) -> Response {
    use axum::response::IntoResponse as _;
    Refused::new(StatusCode::FORBIDDEN, "Not signed in", why).into_response()
}
