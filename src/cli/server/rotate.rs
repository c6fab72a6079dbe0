//! `gate server keys`.

use std::path::{Path, PathBuf};

use gate_protocol::inert::inert;
use gate_protocol::signed_note::KeyPurpose;
use gate_server::Settings;
use gate_server::rotation::{Resealed, RotateError, Rotated, rotate_channels_key, rotate_keys};

use super::{data_folder, runtime, settings};
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::show::answer;
use crate::world::World;

/// Change the keys of a server
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
/// its signature, and so does who verifies the log. Without --grant, --log or
/// --channels those two are changed. The secrets of channels are encrypted anew by
/// theirs, in one transaction. What is cut off is finished at the next start.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
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
    /// Change the key that encrypts the secrets of channels.
    #[arg(long)]
    channels: bool,
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
            (false, false) if self.channels => &[],
            (true, true) | (false, false) => &[KeyPurpose::Grant, KeyPurpose::Log],
        };
        let mut rotated = Vec::new();
        if !purposes.is_empty() {
            let rotating = rotate_keys(&settings, purposes);
            rotated = runtime()?.block_on(rotating).map_err(cannot_rotate)?;
        }
        // What was done is said before what may fail begins: where the old keys are is told once.
        if !self.json {
            tell_rotated(&rotated)?;
        }
        let mut resealed = None;
        if self.channels {
            let resealing = rotate_channels_key(&settings);
            match runtime()?.block_on(resealing) {
                Ok(done) => resealed = Some(done),
                Err(error) => {
                    if self.json && !rotated.is_empty() {
                        tell_as_json(&rotated, None)?;
                    } else if !rotated.is_empty() {
                        tell_rest(&rotated, None)?;
                    }
                    return Err(cannot_rotate(error));
                }
            }
        }
        if self.json {
            return tell_as_json(&rotated, resealed.as_ref());
        }
        tell_rest(&rotated, resealed.as_ref())
    }
}

fn tell_as_json(rotated: &[Rotated], resealed: Option<&Resealed>) -> Result<(), Failure> {
    let key = |one: &Rotated| {
        serde_json::json!({
            "purpose": one.purpose.as_str(),
            "before": one.before,
            "after": one.after,
            "kept": one.kept.to_string_lossy(),
        })
    };
    let keys: Vec<_> = rotated.iter().map(key).collect();
    let channels = resealed.map(
        |one| serde_json::json!({ "resealed": one.channels, "kept": one.kept.to_string_lossy() }),
    );
    answer::json(&serde_json::json!({ "keys": keys, "channels": channels }))
}

fn tell_kept(what: &str, file: &Path) {
    report::line(&format!(
        "the {what} before is {}; keep it as long as you keep backups of before",
        inert(&file.to_string_lossy())
    ));
}

fn tell_rotated(rotated: &[Rotated]) -> Result<(), Failure> {
    for one in rotated {
        let purpose = one.purpose.as_str();
        // First: the place of the old key is told once, and the output may be closed.
        tell_kept(&format!("{purpose} key"), &one.kept);
        answer::line(&format!("{purpose} {}", one.after))?;
    }
    Ok(())
}

/// Says what the channels' half did, and what is to be done next.
fn tell_rest(rotated: &[Rotated], resealed: Option<&Resealed>) -> Result<(), Failure> {
    if let Some(resealed) = resealed {
        let count = resealed.channels.len();
        tell_kept("key of channels", &resealed.kept);
        answer::line(&format!("channels encrypted anew: {count}"))?;
    }
    let is_of_log = rotated.iter().any(|one| one.purpose == KeyPurpose::Log);
    report::line(if is_of_log {
        "start the server; witnesses must be told of a new key of the log"
    } else {
        "start the server"
    });
    Ok(())
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
