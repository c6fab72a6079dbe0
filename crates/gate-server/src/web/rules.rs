//! The server's rules: each version, who put it in force, and what changed.

use std::time::{Duration, Instant};

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use gate_policy::{Layer, PolicyBuilder};
use jiff::Timestamp;

use super::diff::Diff;
use super::form::Posted;
use super::moment;
use super::page::{Place, Refused, render, see_other};
use super::people::PlainForm;
use super::session::Visitor;
use super::shown::Shown;
use crate::clock;
use crate::problem::Failure;
use crate::service::Channel;
use crate::state::Server;
use crate::store::rules::{self, Activation};

/// How many versions are listed.
const LISTED: u64 = 50;
/// How many rules of the version in force are listed.
const MOST_RULES: usize = 200;
/// How much of a text is shown, in bytes; the rest is announced.
const TEXT_LIMIT: usize = 256 << 10;
/// How long a version is compared with the one before it.
const COMPARED: Duration = Duration::from_secs(1);

/// One version in the list.
struct Version {
    number: u64,
    by: Shown,
    at: String,
    iso: String,
    size: String,
}

/// One rule of the version in force.
struct Rule {
    id: Shown,
    decision: &'static str,
    about: Shown,
    message: Option<Shown>,
}

impl Rule {
    fn class(&self) -> &'static str {
        match self.decision {
            "allow" => "calm",
            "deny" => "alarm",
            _ => "warn",
        }
    }

    fn decision_text(&self) -> String {
        self.decision.replace('_', " ")
    }
}

#[derive(Template)]
#[template(path = "rules.html")]
struct RulesPage {
    visitor: Option<Visitor>,
    versions: Vec<Version>,
    rules: Vec<Rule>,
    more_rules: usize,
    csrf: String,
    is_admin: bool,
    may_edit: bool,
    proposal: Option<Proposal>,
}

/// Rules that wait for a second admin.
struct Proposal {
    id: String,
    by: Shown,
    at: String,
    iso: String,
    loosens: Vec<Shown>,
    diff: Diff,
}

#[derive(Template)]
#[template(path = "rules_version.html")]
struct VersionPage {
    visitor: Option<Visitor>,
    version: Version,
    is_in_force: bool,
    before: u64,
    diff: Option<Diff>,
    lines: Vec<(usize, Shown)>,
    cut_bytes: usize,
    /// Whether the visitor may put it in force again.
    may_edit: bool,
}

fn listed(activation: &Activation, now: Timestamp) -> Version {
    Version {
        number: activation.version,
        by: Shown::of(&activation.by),
        at: moment::ago(now, activation.at),
        iso: activation.at.to_string(),
        size: moment::bytes(activation.size_bytes),
    }
}

/// Lists the versions, and the rules that are in force.
pub(super) async fn rules(
    State(server): State<Server>,
    visitor: Visitor,
) -> Result<Response, Refused> {
    let now = clock::now();
    let mut reader = server.store.read().await?;
    let made = rules::activations(reader.connection(), u64::MAX, LISTED).await?;
    let current = rules::current(reader.connection()).await?;
    drop(reader);
    let proposed = server.proposed_rules().await?;
    let text = current.map(|stored| stored.text).unwrap_or_default();
    let read = tokio::task::spawn_blocking(move || {
        let proposal = proposed.map(|one| Proposal {
            id: one.id,
            by: Shown::of(&one.proposed_by),
            at: moment::ago(now, one.proposed_at),
            iso: one.proposed_at.to_string(),
            loosens: one.loosens.iter().map(|one| Shown::of(one)).collect(),
            diff: Diff::of(&text, &one.text, Instant::now() + COMPARED),
        });
        (in_force(&text), proposal)
    });
    let (mut rules, proposal) = read.await.map_err(|error| Failure::internal(&error))?;
    let more_rules = rules.len().saturating_sub(MOST_RULES);
    rules.truncate(MOST_RULES);
    let page = RulesPage {
        versions: made.iter().map(|one| listed(one, now)).collect(),
        rules,
        more_rules,
        csrf: visitor.csrf(),
        is_admin: visitor.is_admin(),
        may_edit: visitor.may_edit(),
        proposal,
        visitor: Some(visitor),
    };
    Ok(render(StatusCode::OK, &page))
}

/// Puts in force, as a second admin, the rules that wait for one.
pub(super) async fn confirm(
    State(server): State<Server>,
    Path(id): Path<String>,
    posted: Posted<PlainForm>,
) -> Result<Response, Refused> {
    let visitor = posted.visitor;
    let done = async {
        visitor.must_edit()?;
        let confirmed = server.confirm_rules(&visitor.actor, Channel::Web, &id);
        confirmed.await.map(drop)
    };
    ended(done.await, visitor)
}

/// Takes back the rules that wait for a second admin.
pub(super) async fn withdraw(
    State(server): State<Server>,
    Path(id): Path<String>,
    posted: Posted<PlainForm>,
) -> Result<Response, Refused> {
    let visitor = posted.visitor;
    let done = async {
        visitor.must_administer()?;
        server.withdraw_rules(&visitor.actor, &id).await
    };
    ended(done.await, visitor)
}

fn ended(done: Result<(), Failure>, visitor: Visitor) -> Result<Response, Refused> {
    match done {
        Ok(()) => Ok(see_other("/rules", None)),
        Err(failure) => Err(Refused::from(failure)
            .back_to(Place::Rules)
            .signed_in(visitor)),
    }
}

fn in_force(text: &str) -> Vec<Rule> {
    let mut builder = PolicyBuilder::new();
    // What is stored was read before it was stored.
    if builder.layer(Layer::Server, "server", text).is_err() {
        return Vec::new();
    }
    let policy = builder.build();
    let own = policy.rules().filter(|one| one.rule.layer == Layer::Server);
    own.map(|one| {
        let mut about = if one.tools.is_empty() {
            "every tool".to_owned()
        } else {
            one.tools.join(", ")
        };
        if !one.commands.is_empty() {
            about = format!("{about} {}", one.commands.join(", "));
        }
        Rule {
            id: Shown::of(&one.rule.id),
            decision: one.decision.as_str(),
            about: Shown::of(about.trim()),
            message: one.message.as_deref().map(Shown::of),
        }
    })
    .collect()
}

/// Shows one version, and what it changed.
pub(super) async fn version(
    State(server): State<Server>,
    visitor: Visitor,
    Path(number): Path<String>,
) -> Result<Response, Refused> {
    match version_page(&server, &number).await {
        Ok(page) => {
            let page = VersionPage {
                may_edit: visitor.may_edit(),
                visitor: Some(visitor),
                ..page
            };
            Ok(render(StatusCode::OK, &page))
        }
        Err(failure) => Err(Refused::from(failure)
            .back_to(Place::Rules)
            .signed_in(visitor)),
    }
}

async fn version_page(server: &Server, number: &str) -> Result<VersionPage, Failure> {
    let number: u64 = number.parse().map_err(|_| Failure::not_found())?;
    let now = clock::now();
    let mut reader = server.store.read().await?;
    let made = rules::activations(reader.connection(), number, 2).await?;
    let stored = rules::find(reader.connection(), number).await?;
    let (Some(stored), Some(own)) = (stored, made.first()) else {
        return Err(Failure::not_found());
    };
    let in_force = rules::version(reader.connection()).await?;
    let before = made.get(1).map_or(0, |one| one.version);
    let earlier = rules::find(reader.connection(), before).await?;
    drop(reader);
    let version = listed(own, now);
    let read = tokio::task::spawn_blocking(move || {
        let cut_bytes = stored.text.len().saturating_sub(TEXT_LIMIT);
        let end = stored.text.floor_char_boundary(TEXT_LIMIT);
        let text = stored.text.get(..end).unwrap_or_default();
        let lines = text.lines().enumerate();
        VersionPage {
            visitor: None,
            version,
            is_in_force: in_force == number,
            before,
            diff: earlier
                .map(|earlier| Diff::of(&earlier.text, &stored.text, Instant::now() + COMPARED)),
            lines: lines.map(|(at, line)| (at + 1, Shown::of(line))).collect(),
            cut_bytes,
            may_edit: false,
        }
    });
    read.await.map_err(|error| Failure::internal(&error))
}
