//! The server's rules as last fetched: signed, expiring, never older than what
//! was in force here before.

use std::path::{Path, PathBuf};

use gate_policy::Layer;
use gate_protocol::canonical::{from_strict_slice, to_canonical_bytes};
use gate_protocol::rules::SignedRules;
use jiff::Timestamp;

use super::policy::RuleSource;
use super::{Configuration, trust};
use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::layout::Layout;
use crate::world::World;

const BUNDLE: &str = "bundle.json";
const HIGHEST: &str = "highest-version";

/// Verifies a fetched bundle and puts it in force. The version is remembered
/// before the bundle is used, so that no older one can come after it.
///
/// # Errors
/// The bundle is not good for this server now, or it can't be written.
pub(crate) fn store(world: &World, fetched: &SignedRules) -> Result<u64, Failure> {
    let folder = world.layout.cached_rules()?;
    let version = verify(world.configuration()?, &folder, fetched)?;
    let encoded = to_canonical_bytes(fetched).map_err(|error| {
        Failure::new(FailureKind::Internal, "cannot store the server's rules").caused_by(error)
    })?;
    let write = |name: &str, content: &[u8]| {
        durable::replace(&folder.join(name), content).map_err(|error| {
            Failure::new(FailureKind::Internal, "cannot store the server's rules").caused_by(error)
        })
    };
    write(HIGHEST, version.to_string().as_bytes())?;
    write(BUNDLE, &encoded)?;
    Ok(version)
}

/// Returns the highest version that was ever in force here; 0 for none.
///
/// # Errors
/// The file is there and does not hold a number.
pub(crate) fn highest_version(layout: &Layout) -> Result<u64, Failure> {
    highest(&layout.cached_rules()?)
}

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
    let path = folder.join(BUNDLE);
    let Some(text) = trust::read(&path, trust::Owner::Caller)? else {
        return match highest(&folder)? {
            0 => Ok(None),
            version => Err(Failure::new(
                FailureKind::Configuration,
                format!("version {version} of the server's rules was in force here and is gone"),
            )
            .hint("run `gate rules pull`")),
        };
    };
    let stored: SignedRules =
        from_strict_slice(text.as_bytes()).map_err(|error| damaged(&path).caused_by(error))?;
    let version = verify(configuration, &folder, &stored)?;
    Ok(Some(RuleSource {
        layer: Layer::Server,
        name: format!("{} version {version}", stored.bundle.audience),
        text: stored.bundle.text,
    }))
}

fn verify(
    configuration: &Configuration,
    folder: &Path,
    rules: &SignedRules,
) -> Result<u64, Failure> {
    let key = configuration.server_key()?;
    let seen = highest(folder)?;
    rules
        .verify(key, key.name(), seen, Timestamp::now())
        .map(|bundle| bundle.version)
        .map_err(|error| {
            Failure::new(
                FailureKind::Configuration,
                "the server's rules are not used",
            )
            .caused_by(error)
            .hint("run `gate rules pull`; if that does not help, ask who runs the server")
        })
}

fn highest(folder: &Path) -> Result<u64, Failure> {
    let path: PathBuf = folder.join(HIGHEST);
    match trust::read(&path, trust::Owner::Caller)? {
        None => Ok(0),
        Some(text) => text.trim().parse().map_err(|_| damaged(&path)),
    }
}

fn damaged(path: &Path) -> Failure {
    Failure::new(
        FailureKind::Configuration,
        format!("`{}` is damaged", path.display()),
    )
    .hint("run `gate rules pull`")
}
