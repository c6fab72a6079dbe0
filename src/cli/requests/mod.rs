//! `gate requests`: what was asked, and how it stands.

mod break_glass;
mod cancel;
mod filter;
mod find;
mod list;
mod show;
mod watch;

use crate::failure::Failure;
use crate::world::World;

pub(super) use find::find;
#[cfg(feature = "mcp")]
pub(super) use list::own;

/// See and take back approval requests
#[derive(Debug, clap::Args)]
pub(crate) struct Requests {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    List(list::List),
    Show(show::Show),
    Watch(watch::Watch),
    Cancel(cancel::Cancel),
    BreakGlass(break_glass::BreakGlass),
    ReviewBreakGlass(break_glass::ReviewBreakGlass),
}

impl Requests {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.verb {
            Verb::List(list) => list.run(world),
            Verb::Show(show) => show.run(world),
            Verb::Watch(watch) => watch.run(world),
            Verb::Cancel(cancel) => cancel.run(world),
            Verb::BreakGlass(list) => list.run(world),
            Verb::ReviewBreakGlass(review) => review.run(world),
        }
    }
}
