//! `gate requests cancel`.

use super::find;
use crate::cli::change;
use crate::failure::Failure;
use crate::session;
use crate::show::screen::Screen;
use crate::show::{answer, request};
use crate::world::World;

/// Take a request back, so that it will not run
#[derive(Debug, clap::Args)]
pub(super) struct Cancel {
    /// The request's id; its first or last 6 digits or more will do.
    #[arg(value_name = "ID")]
    id: String,
    /// Print the request as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Cancel {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let found = find(&session, &self.id)?;
        let cancelled = change::ask(&session, session.client().cancel(found.id))?;
        if self.json {
            return answer::json(&cancelled);
        }
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        answer::line(&request::line(&screen, &cancelled))
    }
}
