//! Letting a terminal in: a person types the code that it shows, sees where it
//! is, and decides.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::form::{Posted, Tokened};
use super::moment;
use super::page::{Place, Refused, render};
use super::session::{AnyVisitor, Visitor};
use super::shown::Shown;
use crate::clock;
use crate::service::UserCode;
use crate::state::Server;

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage {
    visitor: Option<Visitor>,
    complaint: Option<String>,
    waiting: Option<Waiting>,
    /// What became of the terminal.
    done: Option<&'static str>,
    /// What the forms of the visitor carry.
    csrf: String,
}

/// The terminal that shows the code.
struct Waiting {
    code: String,
    host: Shown,
    address: Shown,
    agent: Shown,
    asked: String,
}

impl DevicePage {
    fn for_visitor(visitor: Visitor) -> Self {
        Self {
            csrf: visitor.csrf(),
            visitor: Some(visitor),
            complaint: None,
            waiting: None,
            done: None,
        }
    }
}

/// Asks for the code.
pub(super) async fn ask(AnyVisitor(visitor): AnyVisitor) -> Response {
    render(StatusCode::OK, &DevicePage::for_visitor(visitor))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeForm {
    csrf: String,
    code: String,
    answer: Option<Answer>,
}

/// What the visitor wants done with the terminal.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    LetIn,
    Refuse,
}

impl Tokened for CodeForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Shows which terminal it is, and then does what the visitor decides.
pub(super) async fn answer(
    State(server): State<Server>,
    posted: Posted<CodeForm>,
) -> Result<Response, Refused> {
    let Posted { visitor, form } = posted;
    let key = format!("device {}", visitor.name());
    if let Err(wait) = server.backoff.attempt(&key) {
        let mut page = DevicePage::for_visitor(visitor);
        page.complaint = Some(format!(
            "Too many codes were wrong. Try again in {} seconds.",
            wait.as_secs().max(1)
        ));
        return Ok(render(StatusCode::TOO_MANY_REQUESTS, &page));
    }
    let code = UserCode::parse(&form.code);
    let found = match &code {
        Some(code) => server.waiting_device(code).await?,
        None => None,
    };
    let (Some(code), Some(found)) = (code, found) else {
        let mut page = DevicePage::for_visitor(visitor);
        page.complaint = Some(
            "No terminal waits with this code. It is good for 10 minutes and once; look at the \
             terminal again."
                .to_owned(),
        );
        return Ok(render(StatusCode::NOT_FOUND, &page));
    };
    server.backoff.succeeded(&key);
    let Some(answer) = form.answer else {
        let mut page = DevicePage::for_visitor(visitor);
        page.waiting = Some(Waiting {
            code: code.to_string(),
            host: Shown::of(&found.host),
            address: Shown::of(&found.address),
            agent: Shown::of(&found.agent),
            asked: moment::ago(clock::now(), found.asked_at),
        });
        return Ok(render(StatusCode::OK, &page));
    };
    let is_let_in = matches!(answer, Answer::LetIn);
    let who = (&visitor.actor, visitor.secret().hash());
    let is_done = match server.answer_device(who, &code, is_let_in).await {
        Ok(is_done) => is_done,
        Err(failure) => {
            let refused = Refused::from(failure).back_to(Place::Device);
            return Err(refused.signed_in(visitor));
        }
    };
    let mut page = DevicePage::for_visitor(visitor);
    match (is_done, answer) {
        (true, Answer::LetIn) => {
            page.done = Some("The terminal is let in. You can go back to it and close this page.");
        }
        (true, Answer::Refuse) => page.done = Some("The terminal is not let in."),
        (false, _) => page.complaint = Some("The terminal does not wait any more.".to_owned()),
    }
    Ok(render(StatusCode::OK, &page))
}
