//! `gate server keys`.

use std::path::PathBuf;

use gate_protocol::inert::inert;
use gate_protocol::signed_note::KeyPurpose;
use gate_server::Settings;
use gate_server::rotation::{RotateError, rotate_keys};

use super::{data_folder, runtime, settings};
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::show::answer;
use crate::world::World;

/// Change the keys that a server signs by
#[derive(Debug, clap::Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Rotate(Rotate),
}

/// Put new keys in the place of those that sign now; the server must be stopped
///
/// The key before names the next one: clients that pinned it learn of that by
/// its signature, and so does who verifies the log. Without --grant or --log
/// both are changed.
#[derive(Debug, clap::Args)]
struct Rotate {
    /// The server's data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The server's settings, where they name a database.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Change the key that signs grants and rules, which clients pin.
    #[arg(long)]
    grant: bool,
    /// Change the key that signs the heads of the log.
    #[arg(long)]
    log: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Keys {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.verb {
            Verb::Rotate(rotate) => rotate.run(world),
        }
    }
}

impl Rotate {
    fn run(&self, world: &World) -> Result<(), Failure> {
        let data = data_folder(world, self.data.as_ref())?;
        let mut settings = Settings::new(&data, "http://127.0.0.1");
        if let Some(file) = &self.config {
            settings = settings::read(settings, &world.cwd.join(file))?;
        }
        let purposes: &[KeyPurpose] = match (self.grant, self.log) {
            (true, false) => &[KeyPurpose::Grant],
            (false, true) => &[KeyPurpose::Log],
            (true, true) | (false, false) => &[KeyPurpose::Grant, KeyPurpose::Log],
        };
        let rotated = runtime()?
            .block_on(rotate_keys(&settings, purposes))
            .map_err(cannot_rotate)?;
        if self.json {
            let keys: Vec<_> = rotated
                .iter()
                .map(|one| {
                    serde_json::json!({
                        "purpose": one.purpose.as_str(),
                        "before": one.before,
                        "after": one.after,
                        "kept": one.kept.to_string_lossy(),
                    })
                })
                .collect();
            return answer::json(&serde_json::json!({ "keys": keys }));
        }
        for one in &rotated {
            answer::line(&format!("{} {}", one.purpose.as_str(), one.after))?;
            report::line(&format!(
                "the {} key before is {}; keep it as long as you keep backups of before",
                one.purpose.as_str(),
                inert(&one.kept.to_string_lossy())
            ));
        }
        report::line("start the server; witnesses must be told of a new key of the log");
        Ok(())
    }
}

fn cannot_rotate(error: RotateError) -> Failure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "RotateError is non-exhaustive"
    )]
    let (kind, hint) = match &error {
        RotateError::InUse(_) => (
            FailureKind::Configuration,
            Some("stop that server first, and with a shared database all of them"),
        ),
        RotateError::NoServer(_) => (
            FailureKind::Configuration,
            Some("name the server's folder with --data, and its settings with --config"),
        ),
        RotateError::Keys(_) | RotateError::Database(_) => (FailureKind::Configuration, None),
        _ => (FailureKind::Internal, None),
    };
    let failure = Failure::new(kind, "cannot change the keys").caused_by(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
