//! `gate requests`: what was asked, and how it stands.

mod cancel;
mod find;
mod list;
mod show;
mod watch;

use crate::failure::Failure;
use crate::world::World;

pub(super) use find::find;

/// See and take back approval requests.
#[derive(Debug, clap::Args)]
pub(crate) struct Requests {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List requests, newest first.
    List(list::List),
    /// Show one request in full.
    Show(show::Show),
    /// Follow one request until it ends, or all of them.
    Watch(watch::Watch),
    /// Take a request back, so that it will not run.
    Cancel(cancel::Cancel),
}

impl Requests {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.verb {
            Verb::List(list) => list.run(world),
            Verb::Show(show) => show.run(world),
            Verb::Watch(watch) => watch.run(world),
            Verb::Cancel(cancel) => cancel.run(world),
        }
    }
}
