//! One request: looking at it, and answering it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use gate_protocol::id::RequestId;
use gate_protocol::mode::Mode;
use gate_protocol::review::{Answer, SubmitReview};
use jiff::Timestamp;
use serde::Deserialize;

use super::choice::Choice;
use super::form::{Posted, Tokened};
use super::page::{Place, Refused, render, see_other};
use super::question::Question;
use super::session::Visitor;
use crate::clock;
use crate::lifecycle::{Event, apply};
use crate::problem::Failure;
use crate::service::Channel;
use crate::state::Server;
use crate::store::requests::{self, Request};

#[derive(Template)]
#[template(path = "request.html")]
struct RequestPage {
    visitor: Option<Visitor>,
    csrf: String,
    question: Question,
    choice: Choice,
    /// After how many seconds the page looks again; never where somebody could
    /// be typing on it.
    refresh: Option<u32>,
}

/// Shows a request.
pub(super) async fn show(
    State(server): State<Server>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let (request, now) = match find(&server, &visitor, &id).await {
        Ok(found) => found,
        Err(failure) => return Err(Refused::from(failure).signed_in(visitor)),
    };
    let question = Question::of(&request, now);
    let say = match server.say_of(&visitor.actor, &request, now).await {
        Ok(say) => say,
        Err(failure) => return Err(Refused::from(failure).signed_in(visitor)),
    };
    let choice = Choice::of(&request, (&visitor, &say), question.is_whole(), now);
    let can_type = question.is_pending && choice.is_open();
    let is_moving = !request.state.status.is_terminal() && !can_type;
    let page = RequestPage {
        csrf: visitor.csrf(),
        question,
        refresh: is_moving.then_some(5),
        choice,
        visitor: Some(visitor),
    };
    Ok(render(StatusCode::OK, &page))
}

async fn find(
    server: &Server,
    visitor: &Visitor,
    id: &str,
) -> Result<(Request, Timestamp), Failure> {
    let id: RequestId = id.parse().map_err(|_| Failure::not_found())?;
    let mut reader = server.store.read().await?;
    let mut request = requests::find(reader.connection(), id)
        .await?
        .filter(|request| {
            visitor
                .actor
                .sees_requests_of(&request.state.requester.name)
        })
        .ok_or_else(Failure::not_found)?;
    let now = clock::now();
    pass(&mut request, now);
    Ok((request, now))
}

/// Shows what time has done and nobody has written down yet.
pub(super) fn pass(request: &mut Request, now: Timestamp) {
    if let Ok(transition) = apply(&request.state, &Event::Pass, now) {
        request.state.status = transition.status;
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReviewForm {
    csrf: String,
    /// The digest of what was shown.
    digest: String,
    answer: Answer,
    #[serde(default)]
    comment: String,
}

impl Tokened for ReviewForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Answers a request, and shows it again.
pub(super) async fn review(
    State(server): State<Server>,
    Path(id): Path<String>,
    posted: Posted<ReviewForm>,
) -> Result<Response, Refused> {
    let Posted { visitor, form } = posted;
    let place = id.parse().map_or(Place::Inbox, Place::Request);
    match answer(&server, &visitor, &id, form).await {
        Ok(()) => Ok(see_other(&place.path(), None)),
        Err(failure) => {
            let back = match failure.problem().status {
                404 => Place::Inbox,
                _ => place,
            };
            Err(Refused::from(failure).back_to(back).signed_in(visitor))
        }
    }
}

async fn answer(
    server: &Server,
    visitor: &Visitor,
    id: &str,
    form: ReviewForm,
) -> Result<(), Failure> {
    use gate_protocol::problem::ProblemCode::Forbidden;
    if !visitor.is_approver() {
        let id: RequestId = id.parse().map_err(|_| Failure::not_found())?;
        return server.refuse_role(&visitor.actor, id, Channel::Web).await;
    }
    let (request, now) = find(server, visitor, id).await?;
    let is_whole = Question::of(&request, now).is_whole();
    if form.answer == Answer::Approve && !is_whole {
        return Err(Failure::new(
            Forbidden,
            "the command is too long to be shown whole here, and what is not shown whole is not \
             approved; it can be denied",
        ));
    }
    let digest = form.digest.parse().map_err(|_| {
        Failure::bad_request("the form does not say which command it answers; look at it again")
    })?;
    // The lines of a comment become one: it is shown as one.
    let words: Vec<&str> = form.comment.split_whitespace().collect();
    let comment = words.join(" ");
    let review = SubmitReview {
        answer: form.answer,
        digest,
        comment: (!comment.is_empty()).then_some(comment),
    };
    server
        .review(&visitor.actor, request.id, review, Channel::Web)
        .await?;
    Ok(())
}
