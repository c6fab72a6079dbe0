//! `gate shim`: puts gate in front of tools on PATH.

mod install;
mod list;
mod place;
mod remove;

use super::doctor::Doctor;
use crate::failure::Failure;
use crate::world::World;

use place::Which;
pub(super) use place::{Place, named};

/// Put gate in front of tools on PATH
///
/// A shim is a link with the name of a tool that leads to gate. Where the folder
/// of the shims comes first on PATH (`gate shell-init`), calling the tool by its
/// name goes through the rules.
#[derive(Debug, clap::Args)]
pub(crate) struct ShimCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Install(install::Install),
    List(list::List),
    Remove(remove::Remove),
    Doctor(Doctor),
}

impl ShimCommand {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.verb {
            Verb::Install(install) => install.run(world),
            Verb::List(list) => list.run(world),
            Verb::Remove(remove) => remove.run(world),
            Verb::Doctor(doctor) => doctor.run(world),
        }
    }
}
