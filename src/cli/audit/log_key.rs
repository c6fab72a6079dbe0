//! Which key a log must be signed with: the named one, or the one that this
//! machine saw first and pinned.

use gate_protocol::inert::inert;
use gate_protocol::signed_note::VerifierKey;

use super::remembered::Remembered;
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::session::Session;
use crate::world::World;

/// The pinned keys, by the server's URL.
fn pins(world: &World) -> Result<Remembered<VerifierKey>, Failure> {
    Remembered::read(world, "log-keys.json", "the pinned keys")
}

/// Returns the pinned key of the configured server's log, without asking anyone.
///
/// # Errors
/// None is pinned, or the pins can't be read.
pub(super) fn pinned(world: &World) -> Result<VerifierKey, Failure> {
    let server = world
        .configuration()?
        .named_server()
        .map(|server| server.value.to_string());
    let pins = pins(world)?;
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
    let mut pins = pins(world)?;
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
            FailureKind::Configuration,
            format!(
                "the log of `{server}` was signed by `{pinned}` and now claims the key `{named}`"
            ),
        )
        .hint(format!(
            "ask who runs the server; if the change is meant, remove {} and compare the new key",
            pins.place()
        ))),
        None => {
            pins.put(server, named.clone())?;
            report::line(&format!(
                "pinned the log's key {}",
                inert(&named.to_string())
            ));
            report::line("compare it with what the server's operator says");
            Ok(named)
        }
    }
}
