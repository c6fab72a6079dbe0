//! Pages that say why there is nothing else to see, and the style sheet.

use askama::Template;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use gate_protocol::id::RequestId;
use gate_protocol::problem::ProblemCode;

use super::session::Visitor;
use crate::problem::Failure;
use crate::store::StoreError;

/// Renders a page.
pub(super) fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => Failure::internal(&error).into_response(),
    }
}

/// Sends the browser elsewhere, by GET. With a cookie where it is signed in or out.
pub(super) fn see_other(path: &str, cookie: Option<HeaderValue>) -> Response {
    let Ok(location) = HeaderValue::from_str(path) else {
        return Refused::from(Failure::not_found()).into_response();
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(LOCATION, location);
    if let Some(cookie) = cookie {
        headers.insert(SET_COOKIE, cookie);
    }
    response
}

/// The path is there, for another method.
pub(super) async fn other_method() -> Refused {
    Refused::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "Nothing to see here",
        "This address takes the forms of gate's own pages and shows nothing by itself. \
         Nothing was changed.",
    )
}

/// Where a page of ours is. Only these are gone to after signing in, so that a
/// link can't lead somewhere else by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Inbox,
    History,
    Grants,
    BreakGlass,
    Request(RequestId),
    Audit,
    Principals,
    Agents,
    Tokens,
    Groups,
    Rules,
    WhatIf,
    /// Where a terminal is let in.
    Device,
}

/// The places that are one page.
const SINGLE: [(Place, &str, &str); 12] = [
    (Place::Inbox, "/", "To the inbox"),
    (Place::History, "/history", "To the history"),
    (Place::Grants, "/grants", "To the standing grants"),
    (Place::BreakGlass, "/break-glass", "To the break-glass"),
    (Place::Audit, "/audit", "To the audit log"),
    (Place::Principals, "/principals", "To the principals"),
    (Place::Agents, "/agents", "To the agents"),
    (Place::Tokens, "/tokens", "To the tokens"),
    (Place::Groups, "/groups", "To the groups"),
    (Place::Rules, "/rules", "To the rules"),
    (Place::WhatIf, "/what-if", "To what would happen"),
    (Place::Device, "/device", "Let a terminal in"),
];

impl Place {
    pub(super) fn parse(path: &str) -> Option<Self> {
        if let Some((place, ..)) = SINGLE.iter().find(|(_, known, _)| *known == path) {
            return Some(*place);
        }
        let id = path.strip_prefix("/requests/")?;
        id.parse().ok().map(Self::Request)
    }

    pub(super) fn path(self) -> String {
        match self {
            Self::Request(id) => format!("/requests/{id}"),
            Self::Inbox
            | Self::History
            | Self::Grants
            | Self::BreakGlass
            | Self::Audit
            | Self::Principals
            | Self::Agents
            | Self::Tokens
            | Self::Groups
            | Self::Rules
            | Self::WhatIf
            | Self::Device => self.single().0.to_owned(),
        }
    }

    fn label(self) -> &'static str {
        if matches!(self, Self::Request(_)) {
            return "Look at the request";
        }
        self.single().1
    }

    fn single(self) -> (&'static str, &'static str) {
        let found = SINGLE.iter().find(|(place, ..)| *place == self);
        found.map_or(("/", "To the inbox"), |(_, path, label)| (*path, *label))
    }
}

/// Nobody is signed in.
pub(super) enum NotSignedIn {
    /// Sign in first, then go on to this place.
    Login(Place),
    /// The browser kept the cookie back because a link on another site led
    /// here (`SameSite=Strict`). It sends it once our own page leads here.
    FromElsewhere(Place),
    /// It can't be told.
    Refused(Refused),
}

impl NotSignedIn {
    pub(super) fn at(parts: &Parts) -> Self {
        let place = Place::parse(parts.uri.path()).unwrap_or(Place::Inbox);
        let site = parts.headers.get("sec-fetch-site");
        let is_looking = matches!(parts.method, Method::GET | Method::HEAD);
        if is_looking && site.is_some_and(|site| site == "cross-site") {
            Self::FromElsewhere(place)
        } else {
            Self::Login(place)
        }
    }
}

#[derive(Template)]
#[template(path = "elsewhere.html")]
struct Elsewhere {
    path: String,
}

impl IntoResponse for NotSignedIn {
    fn into_response(self) -> Response {
        match self {
            Self::Login(Place::Inbox) => see_other("/login", None),
            Self::Login(place) => see_other(&format!("/login?next={}", place.path()), None),
            Self::FromElsewhere(place) => {
                let path = place.path();
                render(StatusCode::OK, &Elsewhere { path })
            }
            Self::Refused(refused) => refused.into_response(),
        }
    }
}

/// Why something was not done, for a person.
#[derive(Template)]
#[template(path = "refused.html")]
pub(super) struct Refused {
    /// Boxed, as every handler's result carries room for it.
    visitor: Option<Box<Visitor>>,
    status: StatusCode,
    title: String,
    text: String,
    back: Place,
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl Refused {
    pub(super) fn new(
        status: StatusCode,
        title: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            visitor: None,
            status,
            title: title.into(),
            text: text.into(),
            back: Place::Inbox,
            header: None,
        }
    }

    pub(super) fn signed_out() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "You are not signed in",
            "Your session is over, or you signed out. Nothing was changed. \
             Sign in and open the page again.",
        )
    }

    /// Says it to somebody who is signed in.
    pub(super) fn signed_in(mut self, visitor: Visitor) -> Self {
        self.visitor = Some(Box::new(visitor));
        self
    }

    /// Shows the way to another page than the inbox.
    pub(super) fn back_to(mut self, place: Place) -> Self {
        self.back = place;
        self
    }

    fn back_label(&self) -> &'static str {
        self.back.label()
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        let problem = failure.problem();
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let detail = failure.detail();
        let text = match problem.code {
            ProblemCode::SelfReview => {
                "You asked for this, or you own the agent or workload that did. Somebody else \
                 has to answer; gate makes no exception, for admins neither. That you tried is \
                 in the audit log."
                    .to_owned()
            }
            ProblemCode::NotFound => {
                "There is no such page, or nothing that you may see on it.".to_owned()
            }
            ProblemCode::Conflict => format!("Your answer was not counted: {detail}."),
            ProblemCode::DigestMismatch => format!(
                "Your answer was not counted: {detail}. What you were shown is not what would run."
            ),
            ProblemCode::BadRequest
            | ProblemCode::Unauthorized
            | ProblemCode::Forbidden
            | ProblemCode::IdempotencyMismatch
            | ProblemCode::TooLarge
            | ProblemCode::TooMany
            | ProblemCode::MediaType
            | ProblemCode::Internal
            | ProblemCode::Unavailable
            | _ => format!("Nothing was changed: {detail}."),
        };
        let mut refused = Self::new(status, problem.title.clone(), text);
        refused.header = failure.header().cloned().map(Box::new);
        refused
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Failure::from(error).into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = render(self.status, &self);
        response
            .headers_mut()
            .extend(self.header.map(|header| *header));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_put_off_says_when_to_come_again() {
        let busy = Failure::new(ProblemCode::Unavailable, "busy").retry_after(2);
        let page = Refused::from(busy).into_response();
        assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(page.headers()["retry-after"], "2");
    }

    #[test]
    fn only_our_own_pages_are_places() {
        let id = RequestId::generate();
        for path in [
            "/",
            "/history",
            "/device",
            "/what-if",
            &format!("/requests/{id}"),
        ] {
            assert_eq!(Place::parse(path).unwrap().path(), path);
        }
        for path in [
            "",
            "//evil.example",
            "https://evil.example",
            "/requests/",
            "/requests/x",
            "/logout",
            "/\\evil.example",
        ] {
            assert_eq!(Place::parse(path), None, "{path}");
        }
    }
}
