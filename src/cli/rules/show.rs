//! `gate rules show`.

use crate::failure::Failure;
use crate::report;
use crate::show::screen::Screen;
use crate::show::{answer, rules};
use crate::world::World;

/// Show the rules in force here, with the layer and the place of each
///
/// The rules of the server and of the machine decide together, and the
/// strictest wins; where none of them matches, the baseline decides. Rules of
/// the user and of the project can only tighten that.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let policy = world.configuration()?.policy(world, &world.cwd)?;
        for warning in policy.warnings() {
            report::line(&format!(
                "warning: {}",
                gate_protocol::inert::inert(warning)
            ));
        }
        let in_force: Vec<_> = policy.rules().collect();
        if self.json {
            return answer::json(&serde_json::json!({ "rules": in_force }));
        }
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        answer::text(&rules::table(&screen, &in_force))?;
        report::line("what no rule of the server or the machine matches, the baseline decides:");
        report::line("effects read and local are allowed, everything else asks");
        Ok(())
    }
}
