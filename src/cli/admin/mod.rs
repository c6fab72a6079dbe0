//! `gate admin`: who may do what on the server and where people hear of it, by its API.

mod accounts;
mod agents;
mod channel_file;
mod channels;
mod groups;
mod principals;
mod tokens;

use crate::failure::Failure;
use crate::world::World;

/// Say who may act on the server that you are logged in to
///
/// Everything here needs the token of an admin.
#[derive(Debug, clap::Args)]
pub(crate) struct Admin {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Channels(channels::Channels),
    Principals(principals::Principals),
    Agents(agents::Agents),
    Groups(groups::Groups),
    Accounts(accounts::Accounts),
    Tokens(tokens::Tokens),
}

impl Admin {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.verb {
            Verb::Channels(channels) => channels.run(world),
            Verb::Principals(principals) => principals.run(world),
            Verb::Agents(agents) => agents.run(world),
            Verb::Groups(groups) => groups.run(world),
            Verb::Accounts(accounts) => accounts.run(world),
            Verb::Tokens(tokens) => tokens.run(world),
        }
    }
}
