//! `gate admin`: who may do what on the server, by its API.

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
    Principals(principals::Principals),
    Tokens(tokens::Tokens),
}

impl Admin {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.verb {
            Verb::Principals(principals) => principals.run(world),
            Verb::Tokens(tokens) => tokens.run(world),
        }
    }
}
