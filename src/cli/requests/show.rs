//! `gate requests show`.

use super::find;
use crate::failure::Failure;
use crate::session;
use crate::show::screen::Screen;
use crate::show::{answer, request};
use crate::world::World;

/// Show one request in full
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// The request's id; its first or last 6 digits or more will do.
    #[arg(value_name = "ID")]
    id: String,
    /// Print the request as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let found = find(&session, &self.id)?;
        if self.json {
            return answer::json(&found);
        }
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        answer::text(&request::sheet(&screen, &found))
    }
}
