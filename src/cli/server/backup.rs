//! `gate server backup`.

use std::path::PathBuf;

use gate_protocol::inert::inert;
use gate_server::Settings;
use gate_server::backup::{BackupError, KeysIn, back_up};

use super::{data_folder, runtime, settings};
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::show::answer;
use crate::world::World;

/// Copy the database, with a signed list of what the copy holds
///
/// The server may run: the copy is one moment of it. It has no secret keys, so
/// keep grant.key, log.key and channels.key of the data folder apart; `gate
/// server restore` needs them.
#[derive(Debug, clap::Args)]
pub(super) struct Backup {
    /// The new folder for the copy; only you will be able to read it.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The server's data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The server's settings: where they name a database, that one is copied.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Copy the secret keys too. Whoever reads the copy can make grants then.
    #[arg(long)]
    with_keys: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Backup {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let data = data_folder(world, self.data.as_ref())?;
        let mut settings = Settings::new(&data, "http://127.0.0.1");
        if let Some(file) = &self.config {
            settings = settings::read(settings, &world.cwd.join(file))?;
        }
        let out = world.cwd.join(&self.out);
        let keys = if self.with_keys {
            KeysIn::TheBackup
        } else {
            KeysIn::Apart
        };
        let made = runtime()?
            .block_on(back_up(&settings, &out, keys))
            .map_err(cannot_back_up)?;
        let (shown, log) = (
            inert(&out.to_string_lossy()).into_owned(),
            made.manifest.log,
        );
        if self.json {
            return answer::json(&serde_json::json!({
                "backup": out.to_string_lossy(),
                "manifest": made.manifest,
                "has_keys": made.keys == KeysIn::TheBackup,
            }));
        }
        answer::line(&format!(
            "backed up into {shown}: {} records, root {}",
            log.size, log.root
        ))?;
        if made.keys == KeysIn::TheBackup {
            report::line("the secret keys are in it: keep it as secret as the data folder");
        } else {
            report::line(
                "the secret keys are not in it: keep grant.key, log.key and channels.key of the data folder apart",
            );
        }
        Ok(())
    }
}

fn cannot_back_up(error: BackupError) -> Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "BackupError is non-exhaustive"
    )]
    let (kind, hint) = match &error {
        BackupError::Exists(_) => (
            FailureKind::Usage,
            Some("name a folder that is not there yet with --out"),
        ),
        BackupError::NoServer(_) => (
            FailureKind::Configuration,
            Some("name the server's folder with --data, and its settings with --config"),
        ),
        BackupError::Version { .. } => (
            FailureKind::Configuration,
            Some("use the gate that the server runs with"),
        ),
        BackupError::Keys(_) | BackupError::Database(_) | BackupError::CutOff(_) => {
            (FailureKind::Configuration, None)
        }
        BackupError::Log(_) => (
            FailureKind::Found,
            Some("the server's own log is bad: `gate audit verify --live` names the record"),
        ),
        _ => (FailureKind::Internal, None),
    };
    let failure = Failure::new(kind, "cannot back up").caused_by(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
