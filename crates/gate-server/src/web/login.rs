//! Signing in and out.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use gate_protocol::principal::Role;
use serde::Deserialize;

use super::form::{Fields, Posted, Tokened};
use super::page::{Place, Refused, render, see_other};
use super::session::{MaybeVisitor, Visitor, set_cookie};
use super::sign_in::{Proof, SignIn};
use crate::identity::{CallerAddress, Secret, Token};
use crate::problem::Failure;
use crate::service::Tried;
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
    ways: Ways,
    /// The name that was tried.
    username: String,
}

/// How one can sign in here.
struct Ways {
    providers: Vec<Button>,
    passwords: bool,
    tokens: bool,
}

/// A provider to sign in at.
struct Button {
    name: String,
    label: String,
    /// Whether somebody can sign in there to administer.
    has_admins: bool,
}

impl Ways {
    async fn of(server: &Server) -> Result<Self, Failure> {
        let button = |provider: &crate::identity::oidc::OpenIdProvider| {
            let settings = provider.settings();
            Button {
                name: settings.name.clone(),
                label: settings.label().to_owned(),
                has_admins: !settings.admin_groups.is_empty(),
            }
        };
        let sign_in = &server.settings.identity.sign_in;
        Ok(Self {
            providers: server.authorities.providers().iter().map(button).collect(),
            // Where nobody has one, nobody is asked for one.
            passwords: sign_in.passwords && server.has_passwords().await?,
            tokens: sign_in.tokens,
        })
    }
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
        ways: Ways::of(&server).await?,
        username: String::new(),
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
    username: Option<String>,
    password: Option<String>,
    role: Option<Role>,
    next: Option<String>,
}

/// What was tried, for the words about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Means {
    Token,
    Code,
    Password,
}

/// Signs in by a token, a code or a password.
pub(super) async fn sign_in(
    State(server): State<Server>,
    MaybeVisitor(before): MaybeVisitor,
    CallerAddress(address): CallerAddress,
    Fields(form): Fields<LoginForm>,
) -> Result<Response, Refused> {
    let next = form.next.as_deref().and_then(Place::parse);
    let next = next.unwrap_or(Place::Inbox).path();
    let allowed = &server.settings.identity.sign_in;
    let username = form.username.clone().unwrap_or_default();
    let (means, outcome) = match (form.token, form.code, form.username, form.password) {
        (Some(token), None, None, None) if allowed.tokens => {
            let proof = Token::parse(token.trim()).map(Proof::Token);
            (Means::Token, signed_in(&server, proof, before).await?)
        }
        (None, Some(code), None, None) => {
            let proof = Secret::parse(&code).map(Proof::Code);
            (Means::Code, signed_in(&server, proof, before).await?)
        }
        (None, None, Some(name), Some(password)) if allowed.passwords => {
            let name = name.trim().to_ascii_lowercase();
            match server.try_password(&name, password, &address).await? {
                Tried::Later(seconds) => {
                    let why = format!("Too many were wrong. Try again in {seconds} seconds.");
                    return again(&server, StatusCode::TOO_MANY_REQUESTS, why, next).await;
                }
                Tried::Wrong => (Means::Password, SignIn::Unknown),
                Tried::Right(roles) => {
                    let proof = Proof::Password {
                        principal: &name,
                        roles: &roles,
                        role: form.role,
                    };
                    (Means::Password, server.sign_in(&proof, before).await?)
                }
            }
        }
        _ => (Means::Token, SignIn::Unknown),
    };
    if let SignIn::Done(secret) = outcome {
        let cookie =
            set_cookie(&server, Some(&secret)).map_err(|error| Failure::internal(&error))?;
        return Ok(see_other(&next, Some(cookie)));
    }
    let (status, complaint) = complaint(means, outcome);
    let page = LoginPage {
        visitor: None,
        complaint: Some(complaint),
        code: None,
        next,
        ways: Ways::of(&server).await?,
        username,
    };
    Ok(render(status, &page))
}

async fn signed_in(
    server: &Server,
    proof: Option<Proof<'_>>,
    before: Option<Visitor>,
) -> Result<SignIn, Failure> {
    match proof {
        Some(proof) => server.sign_in(&proof, before).await,
        None => Ok(SignIn::Unknown),
    }
}

async fn again(
    server: &Server,
    status: StatusCode,
    complaint: String,
    next: String,
) -> Result<Response, Refused> {
    let page = LoginPage {
        visitor: None,
        complaint: Some(complaint),
        code: None,
        next,
        ways: Ways::of(server).await?,
        username: String::new(),
    };
    Ok(render(status, &page))
}

/// Says why nobody is signed in.
fn complaint(means: Means, outcome: SignIn) -> (StatusCode, String) {
    match (outcome, means) {
        (SignIn::Refused(why), _) => (StatusCode::FORBIDDEN, why),
        (SignIn::OtherRole(role), Means::Password) => (
            StatusCode::FORBIDDEN,
            format!("You can't sign in as {}.", role.as_str()),
        ),
        (SignIn::OtherRole(role), _) => (
            StatusCode::FORBIDDEN,
            format!(
                "This token has the role {}. Sign in with one of the role approver, or of auditor \
                 to look only. Who administers signs in by a password or by a provider.",
                role.as_str()
            ),
        ),
        (_, Means::Code) => (StatusCode::UNAUTHORIZED, ENDED_LINK.to_owned()),
        (_, Means::Password) => (
            StatusCode::UNAUTHORIZED,
            "No user here has this name and this password.".to_owned(),
        ),
        (_, Means::Token) => (
            StatusCode::UNAUTHORIZED,
            "This is no token that is good now. A token looks like gate_user_… and may have \
             ended or been taken back."
                .to_owned(),
        ),
    }
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

/// Signs out here, and at the provider too where it offers that.
pub(super) async fn sign_out(
    State(server): State<Server>,
    posted: Posted<LogoutForm>,
) -> Result<Response, Refused> {
    let means = server.sign_out(&posted.visitor).await?;
    let cookie = set_cookie(&server, None).map_err(|error| Failure::internal(&error))?;
    let provider = means.and_then(|means| server.authorities.provider(&means));
    let back = format!("{}/login", server.settings.public_url);
    let elsewhere = match provider {
        Some(provider) => provider.end_address(&back).await,
        None => None,
    };
    let mut response = match elsewhere {
        Some(address) => super::provider::onward("Signed out", address),
        None => see_other("/login", None),
    };
    let headers = response.headers_mut();
    headers.insert(SET_COOKIE, cookie);
    // Not `"cookies"`: browsers take it for the whole domain, and with it others' sessions.
    let forget = HeaderValue::from_static("\"cache\", \"storage\"");
    headers.insert(HeaderName::from_static("clear-site-data"), forget);
    Ok(response)
}
