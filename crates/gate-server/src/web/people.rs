//! Who may act: principals, and agents with their owners. An admin changes them, an
//! auditor looks.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use gate_protocol::account::{PrincipalChange, PrincipalChanges};
use gate_protocol::principal::{Principal, PrincipalKind};
use jiff::Timestamp;
use serde::Deserialize;

use super::form::{Posted, Tokened};
use super::history;
use super::moment;
use super::page::{Place, Refused, render, see_other};
use super::row::Row;
use super::session::{Keeper, Visitor};
use super::shown::Shown;
use crate::clock;
use crate::problem::Failure;
use crate::service::{Channel, Seen, etag};
use crate::state::Server;
use crate::store::search::{self, Wanted};

#[derive(Template)]
#[template(path = "principals.html")]
struct PrincipalsPage {
    visitor: Option<Visitor>,
    csrf: String,
    principals: Vec<Principal>,
    waiting: Vec<Waiting>,
}

/// An account that does not count yet in all that it could approve.
struct Waiting {
    name: Shown,
    /// As it stands in an address.
    path: String,
    /// What was done by whom, and from when on it counts.
    changes: Vec<Shown>,
    /// Of what is shown here.
    tag: String,
}

impl Waiting {
    fn of(changes: &PrincipalChanges) -> Result<Self, Failure> {
        let body = serde_json::to_vec(changes).map_err(|error| Failure::internal(&error))?;
        let told = |one: &PrincipalChange| {
            let groups = match one.groups.as_slice() {
                [] => String::new(),
                groups => format!(" (into {})", groups.join(", ")),
            };
            Shown::of(&format!(
                "{}{groups} by {} at {}: counts from {} in what is asked after it",
                one.what,
                one.by,
                moment::utc(one.at),
                moment::utc(one.counts_from)
            ))
        };
        Ok(Self {
            name: Shown::of(&changes.name),
            path: changes.name.clone(),
            changes: changes.unconfirmed.iter().map(told).collect(),
            tag: etag(&body),
        })
    }
}

impl PrincipalsPage {
    fn is_admin(&self) -> bool {
        self.visitor.as_ref().is_some_and(Visitor::is_admin)
    }

    fn may_edit(&self) -> bool {
        self.visitor.as_ref().is_some_and(Visitor::may_edit)
    }
}

/// Lists everybody.
pub(super) async fn principals(
    State(server): State<Server>,
    Keeper(visitor): Keeper,
) -> Result<Response, Refused> {
    let page = PrincipalsPage {
        csrf: visitor.csrf(),
        principals: server.principals().await?,
        waiting: waiting(&server).await?,
        visitor: Some(visitor),
    };
    Ok(render(StatusCode::OK, &page))
}

/// Returns the accounts that a second admin could confirm.
async fn waiting(server: &Server) -> Result<Vec<Waiting>, Failure> {
    let mut waiting = Vec::new();
    for name in server.unconfirmed_users().await? {
        let changes = server.principal_changes(&name).await?;
        if !changes.unconfirmed.is_empty() {
            waiting.push(Waiting::of(&changes)?);
        }
    }
    Ok(waiting)
}

/// An agent or workload, and what it asked for last.
struct Agent {
    principal: Principal,
    /// Where all that it asked for is.
    link: String,
    last: Option<Row>,
}

#[derive(Template)]
#[template(path = "agents.html")]
struct AgentsPage {
    visitor: Option<Visitor>,
    agents: Vec<Agent>,
}

/// Lists the agents and workloads with their owners.
pub(super) async fn agents(
    State(server): State<Server>,
    Keeper(visitor): Keeper,
) -> Result<Response, Refused> {
    let now = clock::now();
    let mut agents = Vec::new();
    for principal in server.principals().await? {
        if principal.kind != PrincipalKind::User {
            let last = last_request(&server, &principal.name, now).await?;
            agents.push(Agent {
                link: history::link_of(&principal.name),
                principal,
                last,
            });
        }
    }
    let page = AgentsPage {
        agents,
        visitor: Some(visitor),
    };
    Ok(render(StatusCode::OK, &page))
}

async fn last_request(server: &Server, name: &str, now: Timestamp) -> Result<Option<Row>, Failure> {
    let wanted = Wanted {
        requester: Some(name.to_owned()),
        limit: 1,
        limit_bytes: 1,
        ..Wanted::default()
    };
    let mut reader = server.store.read().await?;
    let found = search::search(reader.connection(), &wanted).await?;
    let first = found.requests.into_iter().next();
    Ok(first.map(|mut request| {
        super::request::pass(&mut request, now);
        Row::of(&request, now, &server.settings.production)
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrincipalForm {
    csrf: String,
    name: String,
    kind: PrincipalKind,
    #[serde(default)]
    owner: String,
    #[serde(default)]
    person: String,
    #[serde(default)]
    groups: String,
}

impl Tokened for PrincipalForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Makes a principal known.
pub(super) async fn create(
    State(server): State<Server>,
    posted: Posted<PrincipalForm>,
) -> Result<Response, Refused> {
    let Posted { visitor, form } = posted;
    let (owner, person) = (form.owner.trim(), form.person.trim());
    let principal = Principal {
        name: form.name.trim().to_owned(),
        kind: form.kind,
        owner: (!owner.is_empty()).then(|| owner.to_owned()),
        person: (!person.is_empty()).then(|| person.to_owned()),
        groups: form
            .groups
            .split([',', ' '])
            .filter(|group| !group.is_empty())
            .map(ToOwned::to_owned)
            .collect(),
        disabled: false,
    };
    let made = async {
        visitor.must_edit()?;
        server.create_principal(visitor.name(), principal).await
    };
    match made.await {
        Ok(_) => Ok(see_other("/principals", None)),
        Err(failure) => Err(back(failure, visitor)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlainForm {
    csrf: String,
}

impl Tokened for PlainForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmForm {
    csrf: String,
    /// The tag of the changes that were shown.
    seen: String,
}

impl Tokened for ConfirmForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Stops a principal from acting: at any time, as it only takes away.
pub(super) async fn disable(
    State(server): State<Server>,
    Path(name): Path<String>,
    posted: Posted<PlainForm>,
) -> Result<Response, Refused> {
    let visitor = posted.visitor;
    let done = async {
        visitor.must_administer()?;
        server
            .disable_principal(visitor.name(), &name, false, &Seen::Unsaid)
            .await
    };
    match done.await {
        Ok(_) => Ok(see_other("/principals", None)),
        Err(failure) => Err(back(failure, visitor)),
    }
}

/// Lets a principal act again.
pub(super) async fn enable(
    State(server): State<Server>,
    Path(name): Path<String>,
    posted: Posted<PlainForm>,
) -> Result<Response, Refused> {
    let visitor = posted.visitor;
    let done = async {
        visitor.must_edit()?;
        server
            .enable_principal(visitor.name(), &name, &Seen::Unsaid)
            .await
    };
    match done.await {
        Ok(_) => Ok(see_other("/principals", None)),
        Err(failure) => Err(back(failure, visitor)),
    }
}

/// Confirms as a second admin what another one changed of an account.
pub(super) async fn confirm(
    State(server): State<Server>,
    Path(name): Path<String>,
    posted: Posted<ConfirmForm>,
) -> Result<Response, Refused> {
    let Posted { visitor, form } = posted;
    let done = async {
        visitor.must_edit()?;
        let seen = Seen::Tags(vec![form.seen]);
        server
            .confirm_principal(&visitor.actor, Channel::Web, &name, &seen)
            .await
    };
    match done.await {
        Ok(_) => Ok(see_other("/principals", None)),
        Err(failure) => Err(back(failure, visitor)),
    }
}

fn back(failure: Failure, visitor: Visitor) -> Refused {
    Refused::from(failure)
        .back_to(Place::Principals)
        .signed_in(visitor)
}
