//! `gate demo`: the whole of gate on one machine, with the tools that are here.
//!
//! It starts the approval server inside this process, puts shims of the tools
//! in front of PATH, and either opens a shell in which to try them or plays one
//! complete scenario with real commands.

mod cargo;
mod git;
mod ground;
mod place;
mod postgres;
mod scenario;
mod scripted;
mod serving;
mod shell;
mod terraform;

use std::io::IsTerminal as _;

use gate_client::ServerUrl;

use crate::config::{Sourced, machine_server};
use crate::failure::{Failure, FailureKind};
use crate::world::World;
use place::Place;
use serving::Serving;

/// Try gate here and now: a server, the wrapped tools, and a shell
///
/// Without a terminal it plays one scenario with real commands instead, and
/// ends with 0 only if every step held. Everything it makes is in one temporary
/// folder, which is removed at the end.
///
/// Where `/etc/gate/config.toml` names a server, the shell is refused, since you
/// would approve your own commands in it; the scenario can still be played.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Play the scenario even on a terminal
    #[arg(long)]
    scripted: bool,
}

impl Demo {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        let owners = machine_server(&world.layout)?;
        let is_interactive = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let opens_shell = is_interactive && !self.scripted;
        if let Some(owners) = owners.as_ref().filter(|_| opens_shell) {
            return Err(no_shell_beside(owners));
        }
        let place = Place::make(world, owners.as_ref())?;
        let serving = Serving::start(&place)?;
        let ended = place.configure(&serving).and_then(|()| {
            if opens_shell {
                shell::open(&place, &serving)
            } else {
                scripted::play(&place, &serving)
            }
        });
        serving.stop();
        ended
    }
}

/// The demo's shell would let its user approve what the machine's owner wants
/// others to approve; the played scenario touches only what it made.
fn no_shell_beside(owners: &Sourced<ServerUrl>) -> Failure {
    Failure::new(
        FailureKind::Configuration,
        format!(
            "this machine's approvals are `{}`'s ({}), and in the demo's shell you would approve your own commands",
            owners.value, owners.source
        ),
    )
    .hint("`gate demo --scripted` plays it here, in a folder of its own")
}
