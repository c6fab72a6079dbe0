//! Signing in and out.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::form::{Fields, Posted, Tokened};
use super::page::{Place, Refused, render, see_other};
use super::session::{MaybeVisitor, Secret, Visitor, set_cookie};
use super::sign_in::{Proof, SignIn};
use crate::identity::Token;
use crate::problem::Failure;
use crate::state::Server;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    visitor: Option<Visitor>,
    /// Why the last try did not work.
    complaint: Option<String>,
    /// A code that is good, and whom it signs in.
    code: Option<(String, String)>,
    next: String,
}

/// What a link to the page can say. What else stands in it is somebody's
/// tracking and tells us nothing.
#[derive(Deserialize)]
pub(super) struct LoginQuery {
    code: Option<String>,
    next: Option<String>,
}

const ENDED_LINK: &str = "This sign-in link was used already or is older than 10 minutes. Make a new one, or paste a \
     token.";

/// Shows the form; a code in the link is looked at, not used.
pub(super) async fn ask(
    State(server): State<Server>,
    MaybeVisitor(visitor): MaybeVisitor,
    query: Result<Query<LoginQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Refused> {
    let Ok(Query(query)) = query else {
        return Err(Refused::new(
            StatusCode::BAD_REQUEST,
            "The link is malformed",
            "Make a new one, or open the sign-in page and paste a token.",
        ));
    };
    let next = query.next.as_deref().and_then(Place::parse);
    let next = next.unwrap_or(Place::Inbox);
    let mut page = LoginPage {
        visitor,
        complaint: None,
        code: None,
        next: next.path(),
    };
    let Some(text) = query.code else {
        if page.visitor.is_some() {
            return Ok(see_other(&page.next, None));
        }
        return Ok(render(StatusCode::OK, &page));
    };
    let whose = match Secret::parse(&text) {
        Some(code) => server.whose_code(&code).await?,
        None => None,
    };
    page.code = whose.map(|name| (text, name));
    if page.code.is_some() {
        return Ok(render(StatusCode::OK, &page));
    }
    page.complaint = Some(ENDED_LINK.to_owned());
    Ok(render(StatusCode::UNAUTHORIZED, &page))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginForm {
    token: Option<String>,
    code: Option<String>,
    next: Option<String>,
}

/// Signs in by a token or a code.
pub(super) async fn sign_in(
    State(server): State<Server>,
    MaybeVisitor(before): MaybeVisitor,
    Fields(form): Fields<LoginForm>,
) -> Result<Response, Refused> {
    let next = form.next.as_deref().and_then(Place::parse);
    let next = next.unwrap_or(Place::Inbox).path();
    let is_code = form.code.is_some();
    let proof = match (&form.token, &form.code) {
        (Some(token), None) => Token::parse(token.trim()).map(Proof::Token),
        (None, Some(code)) => Secret::parse(code).map(Proof::Code),
        _ => None,
    };
    let outcome = match &proof {
        Some(proof) => server.sign_in(proof, before).await?,
        None => SignIn::Unknown,
    };
    let (status, complaint) = match outcome {
        SignIn::Done(secret) => {
            let cookie =
                set_cookie(&server, Some(&secret)).map_err(|error| Failure::internal(&error))?;
            return Ok(see_other(&next, Some(cookie)));
        }
        SignIn::Unknown if is_code => (StatusCode::UNAUTHORIZED, ENDED_LINK.to_owned()),
        SignIn::Unknown => (
            StatusCode::UNAUTHORIZED,
            "This is no token that is good now. A token looks like gate_user_… and may have \
             ended or been taken back."
                .to_owned(),
        ),
        SignIn::OtherRole(role) => (
            StatusCode::FORBIDDEN,
            format!(
                "This token has the role {}. Sign in with one of the role approver, auditor to \
                 look only, or admin.",
                role.as_str()
            ),
        ),
    };
    let page = LoginPage {
        visitor: None,
        complaint: Some(complaint),
        code: None,
        next,
    };
    Ok(render(status, &page))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogoutForm {
    csrf: String,
}

impl Tokened for LogoutForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Signs out.
pub(super) async fn sign_out(
    State(server): State<Server>,
    posted: Posted<LogoutForm>,
) -> Result<Response, Refused> {
    server.sign_out(&posted.visitor).await?;
    let cookie = set_cookie(&server, None).map_err(|error| Failure::internal(&error))?;
    Ok(see_other("/login", Some(cookie)).into_response())
}
