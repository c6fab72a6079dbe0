//! `gate server principal`.

use gate_protocol::inert::inert;
use gate_protocol::principal::{Principal, PrincipalKind};

use crate::failure::Failure;
use crate::session;
use crate::show::answer;
use crate::world::World;

/// Make people, agents and workloads known to the server that you are logged in to
#[derive(Debug, clap::Args)]
pub(super) struct Principals {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Create(Create),
    List(List),
}

/// Make a principal known
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Create {
    /// The unique name: 1 to 128 of a-z, 0-9, and `._@+-`.
    name: String,
    /// What it is: user, agent or workload.
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    kind: PrincipalKind,
    /// The user who owns it; agents and workloads need one.
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// A group that it is in; may be given again.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
}

/// List the principals, by name
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct List {
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

fn parse_kind(text: &str) -> Result<PrincipalKind, String> {
    [
        PrincipalKind::User,
        PrincipalKind::Agent,
        PrincipalKind::Workload,
    ]
    .into_iter()
    .find(|kind| kind.as_str() == text)
    .ok_or_else(|| "a principal is a user, an agent or a workload".to_owned())
}

impl Principals {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.verb {
            Verb::Create(create) => create.run(world),
            Verb::List(list) => list.run(world),
        }
    }
}

impl Create {
    fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let wanted = Principal {
            name: self.name.clone(),
            kind: self.kind,
            owner: self.owner.clone(),
            groups: self.groups.clone(),
            disabled: false,
        };
        let made = session.call(session.client().create_principal(&wanted))?;
        answer::line(&described(&made))
    }
}

impl List {
    fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let principals = session.call(session.client().principals())?;
        if self.json {
            return answer::json(&principals);
        }
        principals
            .iter()
            .try_for_each(|principal| answer::line(&described(principal)))
    }
}

fn described(principal: &Principal) -> String {
    let owner = principal
        .owner
        .as_ref()
        .map(|owner| format!(", owned by {}", inert(owner)));
    let groups = match principal.groups.as_slice() {
        [] => String::new(),
        groups => format!(", in {}", inert(&groups.join(", "))),
    };
    let disabled = if principal.disabled { ", disabled" } else { "" };
    format!(
        "{} {}{}{groups}{disabled}",
        principal.kind.as_str(),
        inert(&principal.name),
        owner.unwrap_or_default(),
    )
}
