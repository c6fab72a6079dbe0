//! `gate server restore`.

use std::path::PathBuf;

use gate_protocol::inert::inert;
use gate_server::Settings;
use gate_server::backup::{RestoreError, restore};

use super::{data_folder, runtime};
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::show::answer;
use crate::world::World;

/// Make a data folder from a backup, after everything in it was verified
///
/// What was approved before the backup and not claimed in it may have run
/// since: it is void, standing grants are taken back, browsers are signed out,
/// and the record `server.epoch` says so.
#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    /// What `gate server backup` made.
    #[arg(value_name = "DIR")]
    backup: PathBuf,
    /// The data folder to make; it must be empty, or not there.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The folder with the server's secret keys, where they are not in the backup.
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Restore {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let data = data_folder(world, self.data.as_ref())?;
        let settings = Settings::new(&data, "http://127.0.0.1");
        let backup = world.cwd.join(&self.backup);
        let keys = self.keys.as_ref().map(|keys| world.cwd.join(keys));
        let restored = runtime()?
            .block_on(restore(&settings, &backup, keys.as_deref()))
            .map_err(cannot_restore)?;
        let manifest = &restored.manifest;
        if self.json {
            return answer::json(&serde_json::json!({
                "data": data.to_string_lossy(),
                "manifest": manifest,
                "epoch": restored.epoch,
                "claims_ended": restored.claims_ended,
                "standing_grants_revoked": restored.standing_grants_revoked,
                "sessions_ended": restored.sessions_ended,
            }));
        }
        answer::line(&format!(
            "restored into {}: {} records as of {}, epoch {}",
            inert(&data.to_string_lossy()),
            manifest.log.size,
            manifest.made_at,
            restored.epoch
        ))?;
        report::line(&format!(
            "void: {} approvals and claims, {} standing grants, {} signed-in browsers",
            restored.claims_ended, restored.standing_grants_revoked, restored.sessions_ended
        ));
        report::line(&format!(
            "whoever was disabled, and each token that was revoked, after {} is good again: take them back anew",
            manifest.made_at
        ));
        Ok(())
    }
}

fn cannot_restore(error: RestoreError) -> Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "RestoreError is non-exhaustive"
    )]
    let (kind, hint) = match &error {
        RestoreError::NotEmpty(_) => (
            FailureKind::Usage,
            Some("name a folder that is empty or not there with --data"),
        ),
        RestoreError::NoKeys => (
            FailureKind::Usage,
            Some("name the folder with grant.key, log.key and channels.key with --keys"),
        ),
        RestoreError::OtherKeys(_) | RestoreError::Keys(_) => (
            FailureKind::Configuration,
            Some("name the folder with this server's own keys with --keys"),
        ),
        RestoreError::Newer(_) => (
            FailureKind::Configuration,
            Some("use the gate that made the backup, or a newer one"),
        ),
        RestoreError::Manifest(_)
        | RestoreError::Changed(_)
        | RestoreError::Unnamed(_)
        | RestoreError::Checkpoint(_)
        | RestoreError::OtherHead
        | RestoreError::Log(_) => (
            FailureKind::Found,
            Some("nothing was restored; take another backup"),
        ),
        _ => (FailureKind::Internal, None),
    };
    let failure = Failure::new(kind, "cannot restore").caused_by(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
