//! `gate shim remove`.

use std::ffi::OsString;

use gate_protocol::inert::inert;

use super::Place;
use crate::failure::Failure;
use crate::shims;
use crate::show::answer;
use crate::world::World;

/// Take shims away
///
/// Only what leads to gate is removed. The tools themselves are not touched.
#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    /// The tools, by their names.
    #[arg(value_name = "TOOL", required_unless_present = "all")]
    tools: Vec<OsString>,
    /// Every shim of the folder.
    #[arg(long, conflicts_with = "tools")]
    all: bool,
    #[command(flatten)]
    place: Place,
}

impl Remove {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let folder = self.place.folder(world)?;
        let tools = if self.all {
            folder.shims()?.into_iter().map(|shim| shim.tool).collect()
        } else {
            self.tools.clone()
        };
        for tool in &tools {
            shims::refuse_path(tool)?;
            folder.refuse_strange(tool)?;
        }
        for tool in &tools {
            let became = if folder.remove(tool)? {
                "removed"
            } else {
                "there was no shim"
            };
            answer::line(&format!("{}: {became}", inert(&tool.to_string_lossy())))?;
        }
        Ok(())
    }
}
