//! `gate admin groups`.

use gate_protocol::account::{ChangePrincipal, Group};
use gate_protocol::inert::inert;

use crate::cli::at_most::AtMost;
use crate::cli::change;
use crate::cli::named::parse_name;
use crate::failure::Failure;
use crate::session::{self, Session};
use crate::show::answer;
use crate::world::World;

/// List groups, and put principals into one or take them out
///
/// Rules name groups as `group:NAME`. What a provider of people says comes on top of
/// what is set here. Needs the token of an admin.
#[derive(Debug, clap::Args)]
pub(super) struct Groups {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    List(List),
    Add(Add),
    Remove(Remove),
}

/// List the groups that somebody is in, with their members
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

/// Put principals into a group
///
/// Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Add {
    /// The group.
    #[arg(value_parser = parse_name)]
    group: String,
    /// Who is put into it.
    #[arg(required = true, value_parser = parse_name)]
    names: Vec<String>,
}

/// Take principals out of a group
///
/// Who is in it because a provider says so stays in it. Needs the token of an admin.
#[derive(Debug, clap::Args)]
struct Remove {
    /// The group.
    #[arg(value_parser = parse_name)]
    group: String,
    /// Who is taken out of it.
    #[arg(required = true, value_parser = parse_name)]
    names: Vec<String>,
}

impl Groups {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        match &self.verb {
            Verb::List(List { at_most, json }) => list(&session, *at_most, *json),
            Verb::Add(Add { group, names }) => each(&session, names, || ChangePrincipal {
                add_groups: vec![group.clone()],
                ..ChangePrincipal::default()
            }),
            Verb::Remove(Remove { group, names }) => each(&session, names, || ChangePrincipal {
                remove_groups: vec![group.clone()],
                ..ChangePrincipal::default()
            }),
        }
    }
}

fn list(session: &Session, at_most: AtMost, json: bool) -> Result<(), Failure> {
    let groups = AtMost::taken(session.call(session.client().groups(at_most.most()))?);
    if json {
        return answer::json(&groups);
    }
    groups
        .iter()
        .try_for_each(|group| answer::line(&described(group)))
}

/// Changes the groups of each, and says what they are then.
fn each(
    session: &Session,
    names: &[String],
    wanted: impl Fn() -> ChangePrincipal,
) -> Result<(), Failure> {
    for name in names {
        let changed = change::ask(
            session,
            session.client().change_principal(name, &wanted(), None),
        )?;
        let groups = match changed.groups.as_slice() {
            [] => "in no group".to_owned(),
            groups => format!("in {}", inert(&groups.join(", "))),
        };
        answer::line(&format!("{} is {groups}", inert(&changed.name)))?;
    }
    Ok(())
}

fn described(group: &Group) -> String {
    format!(
        "{}: {}",
        inert(&group.name),
        inert(&group.members.join(", "))
    )
}
