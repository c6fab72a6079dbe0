//! `gate witness rotate`.

use std::path::PathBuf;

use gate_protocol::inert::inert;
use gate_server::witness::Witness;

use super::serve::cannot_witness;
use crate::failure::Failure;
use crate::report;
use crate::show::answer;
use crate::world::World;

/// Put a new key in the place of the one that signs now; the witness must be stopped
///
/// It signs by both from the next start on: give the new key to servers and to whoever
/// verifies, and remove the file of the one before when nobody demands it any more.
#[derive(Debug, clap::Args)]
pub(super) struct Rotate {
    /// The witness's folder.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// What the witness is called; the name stays.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Rotate {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let dir = world.cwd.join(&self.data);
        let rotated = Witness::rotate(&dir, &self.name).map_err(cannot_witness)?;
        let kept = rotated.kept.to_string_lossy();
        if self.json {
            return answer::json(&serde_json::json!({
                "before": rotated.before,
                "after": rotated.after,
                "kept": kept,
            }));
        }
        answer::line(&inert(&rotated.after.to_string()))?;
        report::line(&format!(
            "it signs by the key before too, until {} is removed",
            inert(&kept)
        ));
        Ok(())
    }
}
