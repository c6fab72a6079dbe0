//! Changing the server's rules: the text, what it would change, and only then the button.

use std::time::{Duration, Instant};

use askama::Template;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use gate_policy::{Layer, PolicyBuilder};
use gate_protocol::canonical::Digest;
use gate_protocol::problem::ProblemCode;
use gate_protocol::rules::PutRules;
use serde::Deserialize;

use super::diff::Diff;
use super::form::{Posted, Tokened};
use super::page::{Place, Refused, render, see_other};
use super::session::Visitor;
use super::shown::Shown;
use crate::problem::Failure;
use crate::rules::Put;
use crate::service::{Channel, Seen, loosened};
use crate::state::Server;
use crate::store::rules::{self, StoredRules};

/// The longest text that is changed here, in bytes. Longer ones come by `gate rules push`.
const TEXT_LIMIT: usize = 256 << 10;
/// Each byte of it can take three in a form.
const FORM_BYTES: usize = 3 * TEXT_LIMIT + (16 << 10);
/// How long two texts are compared.
const COMPARED: Duration = Duration::from_secs(1);

/// Returns the page's own handlers, with room for a long text.
pub(super) fn form() -> MethodRouter<Server> {
    get(edit)
        .post(change)
        .layer(DefaultBodyLimit::max(FORM_BYTES))
}

#[derive(Template)]
#[template(path = "rules_edit.html")]
struct EditPage {
    visitor: Option<Visitor>,
    csrf: String,
    text: String,
    limit: usize,
    /// The version that it takes the place of.
    version: u64,
    complaints: Vec<String>,
    /// What it would change, where it was looked at.
    diff: Option<Diff>,
    /// What of it lets more pass than the rules in force.
    loosens: Vec<Shown>,
    /// Whether a second admin must confirm it.
    waits: bool,
    /// The hash of the text that was compared.
    looked_at: String,
}

/// Which version to begin with.
#[derive(Deserialize)]
pub(super) struct From {
    from: Option<u64>,
}

/// Shows the text in force, or that of an earlier version.
async fn edit(
    State(server): State<Server>,
    visitor: Visitor,
    Query(From { from }): Query<From>,
) -> Result<Response, Refused> {
    let found = async {
        visitor.must_edit()?;
        let mut reader = server.store.read().await?;
        let current = rules::current(reader.connection()).await?;
        let wanted = match from {
            None => current.clone(),
            Some(version) => Some(
                rules::find(reader.connection(), version)
                    .await?
                    .ok_or_else(Failure::not_found)?,
            ),
        };
        Ok((current, text_of(wanted)))
    };
    let (current, text) = match found.await {
        Ok(found) => found,
        Err(failure) => return Err(back(failure, visitor)),
    };
    if text.len() > TEXT_LIMIT {
        let failure = Failure::new(
            ProblemCode::TooLarge,
            "these rules are too long for this page; `gate rules pull` and `gate rules push` \
             change them",
        );
        return Err(back(failure, visitor));
    }
    let mut page = EditPage::of(current.as_ref(), text);
    page.csrf = visitor.csrf();
    page.visitor = Some(visitor);
    Ok(render(StatusCode::OK, &page))
}

/// A text of rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RulesForm {
    csrf: String,
    text: String,
    /// The version in force when it was begun.
    version: u64,
    /// The hash of the text whose changes were shown; empty where none were.
    #[serde(default)]
    looked_at: String,
    /// What to do.
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Look,
    Activate,
}

impl Tokened for RulesForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Shows what the text would change; or puts it in force, where that was shown.
async fn change(
    State(server): State<Server>,
    posted: Posted<RulesForm>,
) -> Result<Response, Refused> {
    let Posted { visitor, form } = posted;
    match changed(&server, &visitor, form).await {
        Ok(Changed::Activated(version)) => Ok(see_other(&format!("/rules/{version}"), None)),
        // There it stands, with whom it waits for.
        Ok(Changed::Proposed) => Ok(see_other("/rules", None)),
        Ok(Changed::Looked(mut page)) => {
            let status = if page.complaints.is_empty() {
                StatusCode::OK
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            page.csrf = visitor.csrf();
            page.visitor = Some(visitor);
            Ok(render(status, &*page))
        }
        Err(failure) => Err(back(failure, visitor)),
    }
}

enum Changed {
    Activated(u64),
    Proposed,
    Looked(Box<EditPage>),
}

async fn changed(server: &Server, visitor: &Visitor, form: RulesForm) -> Result<Changed, Failure> {
    visitor.must_edit()?;
    // A browser ends the lines of a form with two characters.
    let text = form.text.replace("\r\n", "\n");
    if text.len() > TEXT_LIMIT {
        let detail = format!(
            "the rules have {} bytes, and may have {TEXT_LIMIT}",
            text.len()
        );
        return Err(Failure::new(ProblemCode::TooLarge, detail));
    }
    let was_shown = form.looked_at == Digest::of_bytes(text.as_bytes()).to_string();
    if form.step == Step::Activate && was_shown {
        let new = PutRules {
            text,
            expected_version: Some(form.version),
        };
        let put = server.put_rules(&visitor.actor, Channel::Web, new, &Seen::Unsaid);
        return Ok(match put.await? {
            Put::InForce(_) => Changed::Activated(form.version + 1),
            Put::Proposed(_) => Changed::Proposed,
        });
    }
    let mut reader = server.store.read().await?;
    let current = rules::current(reader.connection()).await?;
    drop(reader);
    let looked = tokio::task::spawn_blocking(move || look(current.as_ref(), text));
    let mut page = looked.await.map_err(|error| Failure::internal(&error))?;
    if !page.loosens.is_empty() {
        // Only looked at: what was begun is dropped.
        let mut change = server.change().await?;
        page.waits = !change.is_trusted(&visitor.actor, Channel::Web).await?;
    }
    if form.step == Step::Activate && page.complaints.is_empty() {
        page.complaints.push(
            "The text is not the one whose changes you were shown. Look at them, and put it in \
             force then. Nothing was changed."
                .to_owned(),
        );
    }
    Ok(Changed::Looked(Box::new(page)))
}

fn look(current: Option<&StoredRules>, text: String) -> EditPage {
    let mut page = EditPage::of(current, text);
    if let Err(errors) = PolicyBuilder::new().layer(Layer::Server, "rules", &page.text) {
        page.complaints = errors.iter().map(ToString::to_string).collect();
        return page;
    }
    let before = current.map_or("", |stored| stored.text.as_str());
    page.diff = Some(Diff::of(before, &page.text, Instant::now() + COMPARED));
    let loosens = loosened(before, &page.text);
    page.loosens = loosens.iter().map(|one| Shown::of(one)).collect();
    page.looked_at = Digest::of_bytes(page.text.as_bytes()).to_string();
    page
}

impl EditPage {
    fn of(current: Option<&StoredRules>, text: String) -> Self {
        Self {
            visitor: None,
            csrf: String::new(),
            text,
            limit: TEXT_LIMIT,
            version: current.map_or(0, |stored| stored.version),
            complaints: Vec::new(),
            diff: None,
            loosens: Vec::new(),
            waits: false,
            looked_at: String::new(),
        }
    }

    /// Tells whether there is something to put in force.
    fn changes(&self) -> bool {
        let mut diff = self.diff.iter();
        diff.any(|diff| diff.added + diff.removed > 0)
    }
}

fn text_of(stored: Option<StoredRules>) -> String {
    stored.map(|stored| stored.text).unwrap_or_default()
}

fn back(failure: Failure, visitor: Visitor) -> Refused {
    Refused::from(failure)
        .back_to(Place::Rules)
        .signed_in(visitor)
}
