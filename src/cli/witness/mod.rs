//! `gate witness`: somebody else's signature under the head of a server's log.

mod rotate;
mod serve;

use crate::failure::Failure;
use crate::world::World;

/// Sign the heads of logs that somebody else keeps
#[derive(Debug, clap::Args)]
pub(crate) struct Witness {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Serve(serve::Serve),
    Rotate(rotate::Rotate),
}

impl Witness {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.verb {
            Verb::Serve(serve) => serve.run(world),
            Verb::Rotate(rotate) => rotate.run(world),
        }
    }
}
