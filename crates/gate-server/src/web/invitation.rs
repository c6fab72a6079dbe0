//! Setting a password by an invitation.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::form::Fields;
use super::page::{Refused, render, see_other};
use super::session::Visitor;
use crate::identity::Secret;
use crate::state::Server;

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage {
    visitor: Option<Visitor>,
    complaint: Option<String>,
    code: String,
    name: String,
}

#[derive(Deserialize)]
pub(super) struct InvitationQuery {
    code: Option<String>,
}

/// Shows the form. The invitation is looked at, not used: previews open links too.
pub(super) async fn ask(
    State(server): State<Server>,
    query: Result<Query<InvitationQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Refused> {
    let code = query.ok().and_then(|Query(query)| query.code);
    let code = code.as_deref().and_then(Secret::parse).ok_or_else(over)?;
    let name = server.invited(&code).await?.ok_or_else(over)?;
    let page = InvitationPage {
        visitor: None,
        complaint: None,
        code: code.reveal().to_owned(),
        name,
    };
    Ok(render(StatusCode::OK, &page))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InvitationForm {
    code: String,
    password: String,
    again: String,
}

/// Sets the password and leads to the sign-in.
pub(super) async fn accept(
    State(server): State<Server>,
    Fields(form): Fields<InvitationForm>,
) -> Result<Response, Refused> {
    let code = Secret::parse(&form.code).ok_or_else(over)?;
    let name = server.invited(&code).await?.ok_or_else(over)?;
    let complain = |complaint: String| {
        let page = InvitationPage {
            visitor: None,
            complaint: Some(complaint),
            code: code.reveal().to_owned(),
            name: name.clone(),
        };
        render(StatusCode::BAD_REQUEST, &page)
    };
    if form.password != form.again {
        return Ok(complain("The two are not the same.".to_owned()));
    }
    match server.accept_invitation(&code, form.password).await {
        Ok(Some(_)) => Ok(see_other("/login", None)),
        Ok(None) => Err(over()),
        Err(failure) if failure.problem().status == 400 => {
            Ok(complain(format!("{}.", failure.detail())))
        }
        Err(failure) => Err(failure.into()),
    }
}

fn over() -> Refused {
    Refused::new(
        StatusCode::UNAUTHORIZED,
        "This invitation is over",
        "It was used already, was replaced by a newer one, or is older than 3 days. Ask your \
         administrator for another.",
    )
}
