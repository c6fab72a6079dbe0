//! Tokens: whose, for what, until when. A token itself is shown once.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use gate_protocol::principal::{CreateToken, Role, TokenEntry};
use serde::Deserialize;

use super::form::{Posted, Tokened};
use super::moment;
use super::page::{Place, Refused, render, see_other};
use super::people::PlainForm;
use super::session::{Keeper, Visitor};
use crate::clock;
use crate::problem::Failure;
use crate::state::Server;

/// A day, in seconds.
const DAY: u64 = 24 * 3600;

/// One token, as the list shows it.
struct Token {
    id: String,
    principal: String,
    role: &'static str,
    /// What it may be used to ask for; nothing where it asks for nothing.
    tools: String,
    made: String,
    made_iso: String,
    end: Option<(String, String)>,
    is_good: bool,
    is_revoked: bool,
}

/// A token that was made right now.
struct Made {
    token: String,
    principal: String,
    role: &'static str,
    tools: Vec<String>,
}

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    visitor: Option<Visitor>,
    csrf: String,
    made: Option<Made>,
    tokens: Vec<Token>,
    names: Vec<String>,
}

impl TokensPage {
    fn is_admin(&self) -> bool {
        self.visitor.as_ref().is_some_and(Visitor::is_admin)
    }

    fn may_edit(&self) -> bool {
        self.visitor.as_ref().is_some_and(Visitor::may_edit)
    }
}

fn scope(role: Role, tools: &[String]) -> String {
    match (role, tools) {
        (Role::Requester, []) => "any".to_owned(),
        (Role::Requester, tools) => tools.join(", "),
        (Role::Approver | Role::Admin | Role::Auditor, _) => "–".to_owned(),
    }
}

async fn page(
    server: &Server,
    visitor: Visitor,
    made: Option<Made>,
) -> Result<TokensPage, Failure> {
    let now = clock::now();
    let token = |entry: TokenEntry| Token {
        is_good: entry.is_good(now),
        is_revoked: entry.revoked_at.is_some(),
        id: entry.id,
        tools: scope(entry.role, &entry.tools),
        principal: entry.principal,
        role: entry.role.as_str(),
        made: moment::ago(now, entry.created_at),
        made_iso: entry.created_at.to_string(),
        end: entry
            .expires_at
            .map(|end| (end.to_string(), moment::utc(end))),
    };
    let mut tokens: Vec<Token> = server.tokens().await?.into_iter().map(token).collect();
    // What is good first, and in that the newest.
    tokens.reverse();
    tokens.sort_by_key(|token| !token.is_good);
    let principals = server.principals().await?.into_iter();
    Ok(TokensPage {
        csrf: visitor.csrf(),
        made,
        tokens,
        names: principals
            .filter(|principal| !principal.disabled)
            .map(|principal| principal.name)
            .collect(),
        visitor: Some(visitor),
    })
}

/// Lists the tokens.
pub(super) async fn tokens(
    State(server): State<Server>,
    Keeper(visitor): Keeper,
) -> Result<Response, Refused> {
    let page = page(&server, visitor, None).await?;
    Ok(render(StatusCode::OK, &page))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenForm {
    csrf: String,
    principal: String,
    role: Role,
    days: u64,
    /// The tools that it may be used to ask for, with blanks between; empty: any.
    #[serde(default)]
    tools: String,
}

impl Tokened for TokenForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Makes a token, and shows it this once: in the answer to the form and nowhere
/// else, so that no address leads to it.
pub(super) async fn create(
    State(server): State<Server>,
    posted: Posted<TokenForm>,
) -> Result<Response, Refused> {
    let Posted { visitor, form } = posted;
    let wanted = CreateToken {
        principal: form.principal.trim().to_owned(),
        role: form.role,
        ttl_seconds: form.days.saturating_mul(DAY),
        tools: form
            .tools
            .split([',', ' '])
            .filter(|tool| !tool.is_empty())
            .map(ToOwned::to_owned)
            .collect(),
    };
    let made = async {
        visitor.must_edit()?;
        server.create_token(visitor.name(), &wanted).await
    };
    match made.await {
        Ok(created) => {
            let made = Made {
                token: created.token,
                principal: wanted.principal,
                role: wanted.role.as_str(),
                tools: wanted.tools,
            };
            let page = page(&server, visitor, Some(made)).await?;
            Ok(render(StatusCode::CREATED, &page))
        }
        Err(failure) => Err(back(failure, visitor)),
    }
}

/// Takes a token back: at any time, as it only takes away.
pub(super) async fn revoke(
    State(server): State<Server>,
    Path(id): Path<String>,
    posted: Posted<PlainForm>,
) -> Result<Response, Refused> {
    let visitor = posted.visitor;
    let done = async {
        visitor.must_administer()?;
        server.revoke_token(visitor.name(), &id).await
    };
    match done.await {
        Ok(()) => Ok(see_other("/tokens", None)),
        Err(failure) => Err(back(failure, visitor)),
    }
}

fn back(failure: Failure, visitor: Visitor) -> Refused {
    Refused::from(failure)
        .back_to(Place::Tokens)
        .signed_in(visitor)
}
