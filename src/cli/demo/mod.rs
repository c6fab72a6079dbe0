//! `gate demo`: the whole of gate on one machine, with the tools that are here.
//!
//! It starts the approval server inside this process, puts shims of the tools
//! in front of PATH, and either opens a shell in which to try them or plays one
//! complete scenario with real commands.

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

use crate::failure::Failure;
use crate::world::World;
use place::Place;
use serving::Serving;

/// Try gate here and now: a server, the wrapped tools, and a shell
///
/// Without a terminal it plays one scenario with real commands instead, and
/// ends with 0 only if every step held. Everything it makes is in one temporary
/// folder, which is removed at the end.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Play the scenario even on a terminal
    #[arg(long)]
    scripted: bool,
}

impl Demo {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        let place = Place::make(world)?;
        let serving = Serving::start(&place)?;
        let is_interactive = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let ended = place.configure(&serving).and_then(|()| {
            if self.scripted || !is_interactive {
                scripted::play(&place, &serving)
            } else {
                shell::open(&place, &serving)
            }
        });
        serving.stop();
        ended
    }
}
