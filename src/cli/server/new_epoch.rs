//! `gate server new-epoch`.

use std::path::PathBuf;

use gate_server::Settings;
use gate_server::epoch::{EpochError, begin_epoch};

use super::{data_folder, runtime, settings};
use crate::failure::{Failure, FailureKind};
use crate::show::answer;
use crate::world::World;

/// Make void what was approved and not claimed, after a failover that may have lost the last commits
///
/// Standing grants are revoked and browsers signed out too, and the record
/// `server.epoch` says so. The servers on the database may run; one on a file, as
/// after a snapshot of its machine came back, is stopped before.
#[derive(Debug, clap::Args)]
pub(super) struct NewEpoch {
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The server's settings, where they name a database.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder of a server on it.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl NewEpoch {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let data = data_folder(world, self.data.as_ref())?;
        let settings = Settings::new(&data, "http://127.0.0.1");
        let settings = match &self.config {
            Some(file) => settings::read(settings, &world.cwd.join(file))?,
            None => settings,
        };
        let begun = runtime()?
            .block_on(begin_epoch(&settings, &self.reason))
            .map_err(cannot_begin)?;
        if self.json {
            return answer::json(&serde_json::json!({
                "epoch": begun.epoch,
                "claims_ended": begun.claims_ended,
                "standing_grants_revoked": begun.standing_grants_revoked,
                "sessions_ended": begun.sessions_ended,
            }));
        }
        answer::line(&format!(
            "epoch {}; void: {} approvals and claims, {} standing grants, {} signed-in browsers",
            begun.epoch, begun.claims_ended, begun.standing_grants_revoked, begun.sessions_ended
        ))
    }
}

fn cannot_begin(error: EpochError) -> Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "EpochError is non-exhaustive"
    )]
    let (kind, hint) = match &error {
        EpochError::InUse(_) => (
            FailureKind::Configuration,
            Some("stop the server, and start it again afterwards"),
        ),
        EpochError::NoServer => (
            FailureKind::Configuration,
            Some("name the server's folder with --data, and its settings with --config"),
        ),
        EpochError::Keys(_) | EpochError::Database(_) => (FailureKind::Configuration, None),
        _ => (FailureKind::Internal, None),
    };
    let failure = Failure::new(kind, "cannot begin an epoch").caused_by(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
