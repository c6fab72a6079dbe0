//! `gate admin principals`.

use gate_client::ClientError;
use gate_protocol::account::{
    ChangePrincipal, CreateInvitation, PrincipalChange, PrincipalChanges,
};
use gate_protocol::inert::inert;
use gate_protocol::principal::{Principal, PrincipalKind, Role};

use crate::cli::at_most::AtMost;
use crate::cli::change;
use crate::cli::named::{one_of, parse_name};
use crate::failure::Failure;
use crate::report;
use crate::session::{self, Session};
use crate::show::answer;
use crate::world::World;

/// Make, list, disable and enable people, agents and workloads
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
pub(super) struct Principals {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Create(Create),
    List(List),
    Change(Change),
    Invite(Invite),
    Disable(Disable),
    Enable(Enable),
    Changes(Changes),
    Confirm(Confirm),
}

/// Make a person, an agent or a workload known
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Create {
    /// The unique name: 1 to 128 of a-z, 0-9, and `._@+-`.
    name: String,
    /// What it is.
    #[arg(long, value_name = "KIND", value_parser = one_of(PrincipalKind::ALL, PrincipalKind::as_str))]
    kind: PrincipalKind,
    /// The user who owns it; agents and workloads need one.
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// The human whose account it is, where that is not its own name: several
    /// users can be one person, who then counts once.
    #[arg(long, value_name = "PERSON")]
    person: Option<String>,
    /// A group that it is in; may be given again.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
}

/// List the principals, by name
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    at_most: AtMost,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Say whose account a user is
///
/// Accounts of the same person count as one, and none of them reviews what another
/// asked for. Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Change {
    /// Its name, as `gate admin principals list` shows it.
    #[arg(value_parser = parse_name)]
    name: String,
    /// The human whose account it is.
    #[arg(long, value_name = "PERSON", value_parser = parse_name)]
    person: String,
}

/// Make a link by which a user sets a password, once
///
/// Where there is no provider of people. Give it to them alone: whoever opens it
/// first, within 3 days, is that user. Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Invite {
    /// Its name, as `gate admin principals list` shows it.
    #[arg(value_parser = parse_name)]
    name: String,
    /// A role that they can sign in with; may be given again.
    #[arg(long = "role", value_name = "ROLE", default_value = "approver",
        value_parser = one_of(Role::ALL, Role::as_str))]
    roles: Vec<Role>,
}

/// Stop a principal, and what it owns, from acting
///
/// Of a user, every account of the same person. Its tokens, browsers and password
/// are gone for good, and so are its approvals that are not claimed yet. Needs the
/// token of an admin, who can't disable themselves.
#[derive(Debug, clap::Args)]
struct Disable {
    /// Its name, as `gate admin principals list` shows it.
    #[arg(value_parser = parse_name)]
    name: String,
    /// Only this account, and not every account of the same person.
    #[arg(long)]
    only_this: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Let a disabled principal act again
///
/// It needs a new token, or has to sign in again. What it owns goes on with the
/// tokens that it had. Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Enable {
    /// Its name, as `gate admin principals list` shows it.
    #[arg(value_parser = parse_name)]
    name: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Show what one admin alone changed of an account, and from when on it counts
///
/// An account that one admin alone made or changed says no yes to what was asked before
/// that, nor for a while after it. Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Changes {
    /// Its name, as `gate admin principals list` shows it.
    #[arg(value_parser = parse_name)]
    name: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Confirm as a second admin what another one changed of an account
///
/// It counts from then on. Look at `gate admin principals changes` first. Needs the token
/// of an admin who neither made the change nor could act as who did.
#[derive(Debug, clap::Args)]
struct Confirm {
    /// Its name, as `gate admin principals list` shows it.
    #[arg(value_parser = parse_name)]
    name: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Principals {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let client = session.client();
        match &self.verb {
            Verb::Create(create) => create.run(&session),
            Verb::List(list) => list.run(&session),
            Verb::Change(Change { name, person }) => {
                let wanted = ChangePrincipal {
                    person: Some(person.clone()),
                    ..ChangePrincipal::default()
                };
                changed(
                    &session,
                    client.change_principal(name, &wanted, None),
                    false,
                )
            }
            Verb::Invite(invite) => invite.run(&session),
            Verb::Disable(Disable {
                name,
                only_this: true,
                json,
            }) => changed(&session, client.disable_account(name), *json),
            Verb::Disable(Disable { name, json, .. }) => {
                changed(&session, client.disable_principal(name), *json)
            }
            Verb::Enable(Enable { name, json }) => {
                changed(&session, client.enable_principal(name), *json)
            }
            Verb::Changes(Changes { name, json }) => {
                let found = change::ask(&session, client.principal_changes(name))?;
                told(&found.thing, *json)
            }
            Verb::Confirm(confirm) => confirm.run(&session),
        }
    }
}

impl Create {
    fn run(&self, session: &Session) -> Result<(), Failure> {
        let wanted = Principal {
            name: self.name.clone(),
            kind: self.kind,
            owner: self.owner.clone(),
            person: self.person.clone(),
            groups: self.groups.clone(),
            disabled: false,
        };
        changed(session, session.client().create_principal(&wanted), false)
    }
}

impl Invite {
    fn run(&self, session: &Session) -> Result<(), Failure> {
        let wanted = CreateInvitation {
            principal: self.name.clone(),
            roles: self.roles.clone(),
        };
        let created = change::ask(session, session.client().invite(&wanted))?;
        report::line(&format!(
            "{} sets a password there, once; it is not shown again:",
            inert(&self.name)
        ));
        answer::line(&created.url)
    }
}

impl List {
    fn run(&self, session: &Session) -> Result<(), Failure> {
        let most = self.at_most.most();
        let principals = AtMost::taken(session.call(session.client().principals(most))?);
        if self.json {
            return answer::json(&principals);
        }
        principals
            .iter()
            .try_for_each(|principal| answer::line(&described(principal)))
    }
}

impl Confirm {
    fn run(&self, session: &Session) -> Result<(), Failure> {
        let client = session.client();
        let seen = change::ask(session, client.principal_changes(&self.name))?;
        for one in &seen.thing.unconfirmed {
            report::line(&format!("confirms: {}", told_change(one)));
        }
        let confirmed = client.confirm_principal(&self.name, seen.etag.as_deref());
        told(&change::ask(session, confirmed)?, self.json)
    }
}

fn told(changes: &PrincipalChanges, json: bool) -> Result<(), Failure> {
    if json {
        return answer::json(changes);
    }
    if changes.unconfirmed.is_empty() {
        return answer::line(&format!(
            "{} counts: no change of it waits for a second admin",
            inert(&changes.name)
        ));
    }
    changes
        .unconfirmed
        .iter()
        .try_for_each(|one| answer::line(&told_change(one)))
}

fn told_change(change: &PrincipalChange) -> String {
    let groups = match change.groups.as_slice() {
        [] => String::new(),
        groups => format!(" (into {})", inert(&groups.join(", "))),
    };
    format!(
        "{}{groups} by {} at {}, counts from {} in what is asked after it",
        inert(&change.what),
        inert(&change.by),
        change.at,
        change.counts_from
    )
}

/// Asks for the change, and shows the principal as it is then.
fn changed(
    session: &Session,
    asked: impl Future<Output = Result<Principal, ClientError>>,
    json: bool,
) -> Result<(), Failure> {
    let principal = change::ask(session, asked)?;
    if json {
        return answer::json(&principal);
    }
    answer::line(&described(&principal))
}

fn described(principal: &Principal) -> String {
    let owner = principal
        .owner
        .as_ref()
        .map(|owner| format!(", owned by {}", inert(owner)));
    let person = principal
        .person
        .as_ref()
        .map(|person| format!(", an account of {}", inert(person)));
    let groups = match principal.groups.as_slice() {
        [] => String::new(),
        groups => format!(", in {}", inert(&groups.join(", "))),
    };
    let disabled = if principal.disabled { ", disabled" } else { "" };
    format!(
        "{} {}{}{}{groups}{disabled}",
        principal.kind.as_str(),
        inert(&principal.name),
        owner.unwrap_or_default(),
        person.unwrap_or_default(),
    )
}
