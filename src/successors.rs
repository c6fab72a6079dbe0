//! The keys that came after the pinned key of a server: each is named by the one before it, under both
//! signatures, so that whoever pinned one need not be told of the next by another way.
//!
//! What the server says of it is kept in gate's state folder, and verified each time it is read: who
//! can write that file can take statements away, and can't make one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gate_client::ServerUrl;
use gate_protocol::canonical::{from_strict_slice, to_canonical_bytes};
use gate_protocol::inert::inert;
use gate_protocol::server::ServerIdentity;
use gate_protocol::signed_note::{KeyPurpose, VerifierKey, successors};

use crate::layout::Layout;
use crate::session::Session;
use crate::world::World;
use crate::{durable, report};

/// The statements of each server, by its URL.
type Kept = BTreeMap<String, Vec<String>>;

fn file(layout: &Layout) -> Option<PathBuf> {
    Some(layout.state().ok()?.join("server-keys.json"))
}

fn kept(layout: &Layout) -> Kept {
    // Without it the pinned key alone is known, which only makes gate stricter.
    let read = file(layout).and_then(|path| std::fs::read(path).ok());
    read.and_then(|bytes| from_strict_slice(&bytes).ok())
        .unwrap_or_default()
}

/// Returns the keys that are known to have come after the pinned one, the newest last.
pub(crate) fn known(layout: &Layout, server: &ServerUrl, pinned: &VerifierKey) -> Vec<VerifierKey> {
    match kept(layout).get(&server.to_string()) {
        Some(statements) => successors(pinned, KeyPurpose::Grant, statements),
        None => Vec::new(),
    }
}

/// Tells whether the key that a server shows came after a known one, as that one says itself; what
/// says so is kept then.
pub(crate) fn has_succeeded(
    world: &World,
    server: &ServerUrl,
    identity: &ServerIdentity,
    known: &VerifierKey,
) -> bool {
    let after = successors(known, KeyPurpose::Grant, &identity.key_statements);
    let Some(newest) = after
        .last()
        .filter(|key| key.to_string() == identity.grant_key)
    else {
        return false;
    };
    let mut kept = kept(&world.layout);
    kept.insert(server.to_string(), identity.key_statements.clone());
    if let (Some(path), Ok(encoded)) = (file(&world.layout), to_canonical_bytes(&kept)) {
        // Where it can't be kept, it is learned again the next time.
        drop(durable::replace(&path, &encoded));
    }
    report::line(&format!(
        "the server signs by {} from now on: {}, which was pinned, says so",
        inert(&newest.label()),
        inert(&known.label())
    ));
    true
}

/// Asks the server whether another key has come after the newest that is known here, and returns it.
pub(crate) fn learn(world: &World, session: &Session) -> Option<VerifierKey> {
    let configuration = world.configuration().ok()?;
    let (server, known) = (
        configuration.server().ok()?,
        configuration.server_key().ok()?,
    );
    let identity = session.call(session.client().server_identity()).ok()?;
    if !has_succeeded(world, server, &identity, &known) {
        return None;
    }
    let newest: VerifierKey = identity.grant_key.parse().ok()?;
    configuration.goes_on_with(newest.clone());
    Some(newest)
}
