//! Which key a log must be signed with: the named one, or the one that this
//! machine saw first and pinned.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use gate_protocol::canonical::{from_strict_slice, to_canonical_bytes};
use gate_protocol::inert::inert;
use gate_protocol::signed_note::VerifierKey;

use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::session::Session;
use crate::world::World;

/// The pinned keys, by the server's URL.
type Pins = BTreeMap<String, VerifierKey>;

/// Returns the pinned key of the configured server's log, without asking anyone.
///
/// # Errors
/// None is pinned, or the pins can't be read.
pub(super) fn pinned(world: &World) -> Result<VerifierKey, Failure> {
    let server = world
        .configuration()?
        .named_server()
        .map(|server| server.value.to_string());
    let pins = read(&path(world)?)?;
    server.and_then(|server| pins.get(&server).cloned()).ok_or_else(|| {
        Failure::new(FailureKind::Configuration, "the log's key is not pinned here")
            .hint("give it with --key; `gate audit verify --live` pins it once the server can be asked")
    })
}

/// Returns the pinned key of the server's log, and pins the one that the server
/// names now where none is pinned. A key that is not the pinned one is refused:
/// whoever can exchange it can sign another history.
///
/// # Errors
/// The server names another key than the pinned one, or does not answer.
pub(super) fn pin(world: &World, session: &Session) -> Result<VerifierKey, Failure> {
    let server = world.configuration()?.server()?.to_string();
    let path = path(world)?;
    let mut pins = read(&path)?;
    let identity = session.call(session.client().server_identity())?;
    let named: VerifierKey = identity.log_key.parse().map_err(|error| {
        Failure::new(
            FailureKind::Unreachable,
            "the server names no key of its log",
        )
        .caused_by(error)
    })?;
    match pins.get(&server) {
        Some(pinned) if *pinned == named => Ok(named),
        Some(pinned) => Err(Failure::new(
            FailureKind::Denied,
            format!(
                "the log of `{server}` was signed by `{pinned}` and now claims the key `{named}`"
            ),
        )
        .hint(format!(
            "ask who runs the server; if the change is meant, remove {} and compare the new key",
            inert(&path.to_string_lossy())
        ))),
        None => {
            pins.insert(server, named.clone());
            write(&path, &pins)?;
            report::line(&format!(
                "pinned the log's key {}",
                inert(&named.to_string())
            ));
            report::line("compare it with what the server's operator says");
            Ok(named)
        }
    }
}

fn path(world: &World) -> Result<PathBuf, Failure> {
    Ok(world.layout.state()?.join("log-keys.json"))
}

fn read(path: &Path) -> Result<Pins, Failure> {
    let failed = || {
        let shown = inert(&path.to_string_lossy()).into_owned();
        Failure::new(
            FailureKind::Configuration,
            format!("cannot read the pinned keys `{shown}`"),
        )
    };
    match std::fs::read(path) {
        Ok(bytes) => from_strict_slice(&bytes).map_err(|error| failed().caused_by(error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Pins::new()),
        Err(error) => Err(failed().caused_by(error)),
    }
}

fn write(path: &Path, pins: &Pins) -> Result<(), Failure> {
    let failed = || Failure::new(FailureKind::Internal, "cannot pin the log's key");
    let encoded = to_canonical_bytes(pins).map_err(|error| failed().caused_by(error))?;
    durable::replace(path, &encoded).map_err(|error| failed().caused_by(error))
}
