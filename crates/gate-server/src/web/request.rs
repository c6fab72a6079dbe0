//! One request: looking at it, and answering it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use gate_protocol::id::RequestId;
use gate_protocol::mode::Mode;
use gate_protocol::problem::ProblemCode;
use gate_protocol::review::{Answer, SubmitReview};
use jiff::Timestamp;
use serde::Deserialize;

use super::choice::Choice;
use super::form::{Posted, Tokened};
use super::input::{Approved, InputContent};
use super::page::{Place, Refused, render, see_other};
use super::past::Past;
use super::proposal::Proposal;
use super::question::{self, KnownAbout, Question};
use super::reading::Reading;
use super::risk::Risk;
use super::rule_age;
use super::session::Visitor;
use super::shown::Shown;
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
    past: Past,
    choice: Choice,
    risk: Risk,
    proposal: Proposal,
    /// After how many seconds the page looks again where there is no script;
    /// never where somebody could be typing on it.
    refresh: Option<u32>,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    visitor: Option<Visitor>,
    csrf: String,
    id: String,
    digest: String,
    comment: String,
    complaint: &'static str,
    command: Shown,
    cut_bytes: usize,
    risk: Risk,
}

/// How much of the command the page shows that asks once more, in bytes.
const CONFIRM_LIMIT: usize = 4_000;

/// Shows a request.
pub(super) async fn show(
    State(server): State<Server>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    match look(&server, &visitor, &id).await {
        Ok(looked) => {
            let Looked {
                question,
                past,
                choice,
                risk,
                proposal,
            } = *looked;
            let can_type = question.is_pending && (choice.is_open() || proposal.form.is_some());
            let page = RequestPage {
                csrf: visitor.csrf(),
                refresh: (!question.is_over && !can_type).then_some(5),
                question,
                past,
                choice,
                risk,
                proposal,
                visitor: Some(visitor),
            };
            Ok(render(StatusCode::OK, &page))
        }
        Err(failure) => Err(Refused::from(failure).signed_in(visitor)),
    }
}

/// All that the page shows.
struct Looked {
    question: Question,
    past: Past,
    choice: Choice,
    risk: Risk,
    proposal: Proposal,
}

/// Finds out all that the page shows.
async fn look(server: &Server, visitor: &Visitor, id: &str) -> Result<Box<Looked>, Failure> {
    let (request, now) = find(server, visitor, id).await?;
    let production = &server.settings.production;
    let about = KnownAbout {
        reading: Reading::of(&request.invocation).await,
        approved: Approved::before(server, &request).await?,
        ages: rule_age::ages(server, &request.terms.rules, now).await?,
    };
    let past = Past::of(server, &request, now).await?;
    let risk = Risk::of(&request, production);
    let say = server
        .say_of((&visitor.actor, Channel::Web), &request, now)
        .await?;
    let proposal = Proposal::of(server, (visitor, &say), &request, now).await?;
    let question = Question::of(&request, about, production, now);
    let mut choice = Choice::of(&request, (visitor, &say), question.is_whole(), now);
    if question.is_pending {
        for (name, rest) in server.counting_later(&request, now).await? {
            choice
                .later
                .push(Shown::of(&format!("{name} counts {}", rest.words())));
        }
    }
    Ok(Box::new(Looked {
        question,
        past,
        choice,
        risk,
        proposal,
    }))
}

pub(super) async fn find(
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
    /// What was typed to approve what is dangerous.
    #[serde(default)]
    confirm: String,
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
    match Box::pin(answer(&server, &visitor, &id, form)).await {
        Ok(None) => Ok(see_other(&place.path(), None)),
        Ok(Some(page)) => {
            let page = ConfirmPage {
                visitor: Some(visitor),
                ..*page
            };
            Ok(render(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(failure) => {
            let back = match failure.problem().status {
                404 => Place::Inbox,
                _ => place,
            };
            Err(Refused::from(failure).back_to(back).signed_in(visitor))
        }
    }
}

/// Counts the answer; or returns the page that asks once more, and nothing was
/// changed then.
async fn answer(
    server: &Server,
    visitor: &Visitor,
    id: &str,
    form: ReviewForm,
) -> Result<Option<Box<ConfirmPage>>, Failure> {
    if !visitor.is_approver() {
        let id: RequestId = id.parse().map_err(|_| Failure::not_found())?;
        return server.refuse_role(&visitor.actor, id, Channel::Web).await;
    }
    let (request, now) = find(server, visitor, id).await?;
    let is_approval = form.answer == Answer::Approve;
    let is_whole = question::is_whole(&request.invocation);
    if is_approval && !is_whole {
        return Err(Failure::new(
            ProblemCode::Forbidden,
            "the command, or a text that comes with it, is too long to be shown whole here, and \
             what is not shown whole is not approved; it can be denied",
        ));
    }
    let digest = form.digest.parse().map_err(|_| {
        Failure::bad_request("the form does not say which command it answers; look at it again")
    })?;
    let risk = Risk::of(&request, &server.settings.production);
    // Who can't approve it is told so, and not to type something first.
    let say = server
        .say_of((&visitor.actor, Channel::Web), &request, now)
        .await?;
    let can_approve = Choice::of(&request, (visitor, &say), is_whole, now).can_approve;
    if is_approval && can_approve && !risk.is_met_by(&form.confirm) {
        return Ok(Some(Box::new(confirm_page(&request, visitor, form, risk))));
    }
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
    Ok(None)
}

fn confirm_page(request: &Request, visitor: &Visitor, form: ReviewForm, risk: Risk) -> ConfirmPage {
    let mut command = Shown::of_command(&request.invocation);
    ConfirmPage {
        visitor: None,
        csrf: visitor.csrf(),
        id: request.id.to_string(),
        digest: form.digest,
        comment: form.comment,
        complaint: if form.confirm.trim().is_empty() {
            "This is approved by typing what it is about. Nothing was approved yet."
        } else {
            "What you typed is something else. Nothing was approved."
        },
        cut_bytes: command.keep(CONFIRM_LIMIT),
        command,
        risk,
    }
}
