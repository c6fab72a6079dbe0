//! The server's rules as last fetched: signed, expiring, never older than what
//! was in force here before.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use gate_policy::Layer;
use gate_protocol::canonical::from_strict_slice;
use gate_protocol::inert::inert;
use gate_protocol::rules::{RULES_MESSAGE_LIMIT_BYTES, RulesError, SignedRules};
use gate_protocol::signed_note::VerifierKey;
use jiff::Timestamp;

use super::Configuration;
use super::policy::RuleSource;
use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::layout::RulesFolder;
use crate::trust;
use crate::world::World;

/// How long another gate may be about putting rules in force: two small files.
const LOCK: Duration = Duration::from_secs(2);

/// Returns the stored rules where they are in force. None where none were
/// ever fetched.
///
/// # Errors
/// They were fetched and are gone, damaged, ended or not signed by the pinned
/// key: then nothing is decided, since nobody knows what they forbid.
pub(super) fn in_force(
    configuration: &Configuration,
    world: &World,
) -> Result<Option<RuleSource>, Failure> {
    let (Some(_), Ok(folder)) = (configuration.named_server(), world.layout.cached_rules()) else {
        return Ok(None);
    };
    let first_look = look(configuration, &folder);
    if first_look.is_ok() {
        return first_look;
    }
    if world.layout.is_state_blocked() {
        let mend = world.layout.state_mend();
        return first_look.map_err(|failure| failure.hint(mend));
    }
    // Another gate may be between its two writes; with the lock none is.
    match lock(&folder) {
        Ok(_held) => look(configuration, &folder),
        Err(_) => first_look,
    }
}

fn look(
    configuration: &Configuration,
    folder: &RulesFolder,
) -> Result<Option<RuleSource>, Failure> {
    let Some(stored) = stored(folder)? else {
        return match highest(folder)? {
            0 => Ok(None),
            version => Err(Failure::new(
                FailureKind::Configuration,
                format!("version {version} of the server's rules was in force here and is gone"),
            )
            .hint("run `gate rules pull`")),
        };
    };
    // What was put in force under a key that signed before is good for its time.
    let version = verify(&configuration.server_keys()?, folder, &stored)?;
    Ok(Some(RuleSource {
        layer: Layer::Server,
        name: format!("{} version {version}", stored.bundle.audience),
        text: stored.bundle.text,
    }))
}

/// Holds whoever puts rules in force to one at a time, so that the highest
/// version only grows.
///
/// # Errors
/// The folder or the lock can't be made; `TimedOut` where another gate holds it.
pub(crate) fn lock(folder: &RulesFolder) -> std::io::Result<File> {
    durable::make_folder(folder.path())?;
    durable::lock(&folder.lock(), LOCK)
}

/// Returns the rules that were fetched last, whether or not they are good.
///
/// # Errors
/// They can't be read, trusted or understood.
pub(crate) fn stored(folder: &RulesFolder) -> Result<Option<SignedRules>, Failure> {
    let path = folder.bundle();
    let Some(text) = trust::read_up_to(&path, trust::Owner::Caller, RULES_MESSAGE_LIMIT_BYTES)?
    else {
        return Ok(None);
    };
    from_strict_slice(text.as_bytes())
        .map(Some)
        .map_err(|error| damaged(&path).caused_by(error))
}

/// Verifies rules by the server's keys and the clock, and holds them against the
/// highest version that was in force here. Returns theirs.
///
/// # Errors
/// They are not good for this server now.
pub(crate) fn verify(
    keys: &[VerifierKey],
    folder: &RulesFolder,
    rules: &SignedRules,
) -> Result<u64, Failure> {
    let seen = highest(folder)?;
    let by = |key: &VerifierKey| rules.verify(key, key.name(), seen, Timestamp::now());
    let mut found = Err(RulesError::Signature(String::new()));
    for key in keys {
        found = by(key);
        if !matches!(found, Err(RulesError::Signature(_))) {
            break;
        }
    }
    found.map(|bundle| bundle.version).map_err(|error| {
        let hint = if matches!(error, RulesError::Expired(_)) {
            "see that this machine's clock is right, and run `gate rules pull`; if that does not\n\
             help, ask who runs the server"
        } else {
            "run `gate rules pull`; if that does not help, ask who runs the server"
        };
        Failure::new(
            FailureKind::Configuration,
            "the server's rules are not used",
        )
        .caused_by(error)
        .hint(hint)
    })
}

fn highest(folder: &RulesFolder) -> Result<u64, Failure> {
    let path = folder.highest_version();
    match trust::read(&path, trust::Owner::Caller)? {
        None => Ok(0),
        Some(text) => text.trim().parse().map_err(|_| damaged(&path)),
    }
}

fn damaged(path: &Path) -> Failure {
    Failure::new(
        FailureKind::Configuration,
        format!("`{}` is damaged", inert(&path.to_string_lossy())),
    )
    .hint("run `gate rules pull`")
}
