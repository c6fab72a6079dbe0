//! `gate shim remove`.

use gate_protocol::inert::inert;

use super::Which;
use crate::failure::Failure;
use crate::shims;
use crate::show::answer;
use crate::world::World;

/// Take shims away
///
/// Only what leads to gate is removed. The tools themselves are not touched.
#[derive(Debug, clap::Args)]
#[command(mut_arg("all", |all| all.help("Every shim of the folder")))]
pub(super) struct Remove {
    #[command(flatten)]
    which: Which,
}

impl Remove {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let folder = self.which.place.folder(world)?;
        let tools = if self.which.all {
            folder.shims()?.into_iter().map(|shim| shim.tool).collect()
        } else {
            self.which.tools.clone()
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
