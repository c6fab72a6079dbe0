//! Linking an account of a chat: the page that shows the code, and what is
//! linked already.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::form::{Posted, Tokened};
use super::page::{Refused, render, see_other};
use super::session::Visitor;
use super::shown::Shown;
use crate::notify::LINK_CODE_LIFE_SECONDS;
use crate::problem::Failure;
use crate::state::Server;
use crate::store::accounts::Account;

/// A chat whose accounts can be linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chat {
    Slack,
    Teams,
}

impl Chat {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "slack" => Some(Self::Slack),
            "teams" => Some(Self::Teams),
            _ => None,
        }
    }

    fn provider(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Teams => "teams",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Slack => "Slack",
            Self::Teams => "Microsoft Teams",
        }
    }

    /// Returns where the code is typed.
    fn how(self) -> &'static str {
        match self {
            Self::Slack => {
                "In Slack, press “Type in the code” under gate's answer to you, or pick the \
                 shortcut “Link your account with gate”."
            }
            Self::Teams => "In Teams, write to gate's bot: link, a blank, and the code.",
        }
    }
}

/// An account that is linked.
struct ShownAccount {
    tenant: Shown,
    subject: Shown,
    since: String,
    raw_tenant: String,
    raw_subject: String,
}

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage {
    visitor: Option<Visitor>,
    csrf: String,
    chat: Chat,
    code: Option<String>,
    minutes: u64,
    is_stale: bool,
    accounts: Vec<ShownAccount>,
}

/// Shows what is linked and offers a code.
pub(super) async fn show(
    State(server): State<Server>,
    visitor: Visitor,
    Path(chat): Path<String>,
) -> Result<Response, Refused> {
    page(&server, visitor, &chat, None).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeForm {
    csrf: String,
}

impl Tokened for CodeForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Makes a code and shows it, this once.
pub(super) async fn create_code(
    State(server): State<Server>,
    Path(chat): Path<String>,
    posted: Posted<CodeForm>,
) -> Result<Response, Refused> {
    let visitor = posted.visitor;
    let Some(known) = Chat::parse(&chat) else {
        return Err(Refused::from(Failure::not_found()).signed_in(visitor));
    };
    if !visitor.is_approver() {
        return Err(Refused::new(
            StatusCode::FORBIDDEN,
            "You are signed in to look only",
            "An account of a chat answers requests, so only an approver links one. Nothing was \
             changed.",
        )
        .signed_in(visitor));
    }
    if let Err(stale) = visitor.must_be_fresh() {
        return Err(Refused::from(stale).signed_in(visitor));
    }
    let code = server
        .create_link_code(&visitor.actor, visitor.secret().hash(), known.provider())
        .await?;
    page(&server, visitor, &chat, Some(code.reveal())).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnlinkForm {
    csrf: String,
    tenant: String,
    subject: String,
}

impl Tokened for UnlinkForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Ends a link of the visitor's own.
pub(super) async fn unlink(
    State(server): State<Server>,
    Path(chat): Path<String>,
    posted: Posted<UnlinkForm>,
) -> Result<Response, Refused> {
    let Posted { visitor, form } = posted;
    let Some(chat) = Chat::parse(&chat) else {
        return Err(Refused::from(Failure::not_found()).signed_in(visitor));
    };
    let account = Account {
        provider: chat.provider(),
        tenant: &form.tenant,
        subject: &form.subject,
    };
    match server.unlink_own(&visitor.actor, account).await {
        Ok(()) => Ok(see_other(&format!("/link/{}", chat.provider()), None)),
        Err(failure) => Err(Refused::from(failure).signed_in(visitor)),
    }
}

async fn page(
    server: &Server,
    visitor: Visitor,
    chat: &str,
    code: Option<String>,
) -> Result<Response, Refused> {
    let Some(chat) = Chat::parse(chat) else {
        return Err(Refused::from(Failure::not_found()).signed_in(visitor));
    };
    let accounts = server.accounts_of(visitor.name()).await?;
    let accounts = accounts
        .into_iter()
        .filter(|account| account.provider == chat.provider())
        .map(|account| ShownAccount {
            tenant: Shown::of(&account.tenant),
            subject: Shown::of(&account.subject),
            since: super::moment::utc(account.linked_at),
            raw_tenant: account.tenant,
            raw_subject: account.subject,
        })
        .collect();
    let page = LinkPage {
        csrf: visitor.csrf(),
        is_stale: !visitor.is_fresh(),
        visitor: Some(visitor),
        chat,
        code,
        minutes: LINK_CODE_LIFE_SECONDS / 60,
        accounts,
    };
    Ok(render(StatusCode::OK, &page))
}
