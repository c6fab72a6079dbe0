//! Fetching the server's rules and putting them in force. What is in force is
//! read by [`crate::config`].

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use gate_client::{ClientError, Fetched};
use gate_protocol::canonical::to_canonical_bytes;
use gate_protocol::inert::inert;
use gate_protocol::problem::ProblemCode;
use gate_protocol::rules::{RuleBundle, SignedRules};
use jiff::Timestamp;

use crate::config::stored_rules::{lock, stored, verify};
use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::layout::RulesFolder;
use crate::progress::Voice;
use crate::session::{self, Session, from_client};
use crate::successors;
use crate::world::World;

/// How long after a try to fetch rules that grow old the next one comes.
const TRY_AGAIN: Duration = Duration::from_mins(10);

/// Verifies a fetched bundle and puts it in force. The version is remembered
/// before the bundle is used, so that no older one can come after it.
///
/// # Errors
/// The bundle is not good for this server now, or it can't be written.
pub(crate) fn store(
    world: &World,
    session: &Session,
    fetched: &SignedRules,
) -> Result<u64, Failure> {
    let folder = world.layout.cached_rules()?;
    let _held = held(world, &folder)?;
    let newest = world.configuration()?.server_key()?;
    let version = match verify(&[newest], &folder, fetched) {
        Ok(version) => version,
        // Another key may have come after it.
        Err(failure) => match successors::learn(world, session) {
            Some(key) => verify(&[key], &folder, fetched)?,
            None => return Err(failure),
        },
    };
    let encoded = to_canonical_bytes(fetched).map_err(|error| {
        Failure::new(FailureKind::Internal, "cannot store the server's rules").caused_by(error)
    })?;
    let write = |path: &Path, content: &[u8]| {
        durable::replace(path, content).map_err(|error| {
            Failure::new(FailureKind::Internal, "cannot store the server's rules")
                .caused_by(error)
                .hint(world.layout.state_mend())
        })
    };
    write(&folder.highest_version(), version.to_string().as_bytes())?;
    write(&folder.bundle(), &encoded)?;
    Ok(version)
}

/// Holds the stored rules for this gate alone.
fn held(world: &World, folder: &RulesFolder) -> Result<File, Failure> {
    lock(folder).map_err(|error| {
        let is_held = error.kind() == ErrorKind::TimedOut;
        let path = folder.lock();
        let shown = inert(&path.to_string_lossy()).into_owned();
        let failure = Failure::new(
            FailureKind::Internal,
            format!("cannot store the server's rules: cannot lock `{shown}`"),
        );
        let failure = failure.caused_by(error);
        if is_held {
            return failure.hint(durable::HELD_HINT);
        }
        failure.hint(world.layout.state_mend())
    })
}

/// Forgets rules that were fetched from another server than the configured one: nobody here can
/// verify them, and their versions are not this server's. Tells whether there were any.
///
/// # Errors
/// They can't be removed.
pub(crate) fn forget_others(world: &World) -> Result<bool, Failure> {
    let folder = world.layout.cached_rules()?;
    let cannot = |error| {
        Failure::new(
            FailureKind::Internal,
            "cannot forget another server's rules",
        )
        .caused_by(error)
        .hint(world.layout.state_mend())
    };
    let _held = held(world, &folder)?;
    let own = world.configuration()?.server_key()?;
    let own = own.name();
    let is_other = |kept: &SignedRules| kept.bundle.audience != own;
    // What is damaged is no other server's, and is replaced by what is fetched.
    let kept = stored(&folder).ok().flatten();
    if !kept.as_ref().is_some_and(is_other) {
        return Ok(false);
    }
    for path in [folder.bundle(), folder.highest_version()] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(cannot(error)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(true)
}

/// Fetches the server's rules and puts them in force. Tells whether that
/// changed what is in force here.
///
/// A copy that is the same is kept until half of its life is over, so that
/// asking costs no write. The server gets `patience` to answer.
///
/// # Errors
/// The server can't be asked, or its rules are not good: what it forbids is
/// then not known.
pub(crate) fn refresh(
    world: &World,
    session: &Session,
    patience: Option<Duration>,
) -> Result<bool, Failure> {
    let folder = world.layout.cached_rules()?;
    let known = stored(&folder).ok().flatten();
    // One that is half over is asked for whole: signed anew it lives longer.
    let tag = known
        .as_ref()
        .filter(|known| !is_half_over(&known.bundle))
        .and_then(|known| known.etag().ok());
    let asked = session.within(patience, session.client().rules(tag.as_deref()));
    let fetched = match session.block_on(asked) {
        Ok(Fetched::Rules { rules, .. }) => rules,
        Ok(Fetched::NotModified) => return Ok(false),
        Err(ClientError::Refused(problem)) if problem.code == ProblemCode::NotFound => {
            // It has none. Where some were in force, `verify` and `in_force`
            // go on demanding them.
            return Ok(false);
        }
        Err(error) => return Err(from_client(error)),
    };
    let is_same = |old: &SignedRules| {
        old.bundle.version == fetched.bundle.version && old.bundle.sha256 == fetched.bundle.sha256
    };
    match known.filter(is_same) {
        Some(old) if !is_half_over(&old.bundle) => Ok(false),
        Some(_) => store(world, session, &fetched).map(|_| false),
        None => store(world, session, &fetched).map(|_| true),
    }
}

/// Fetches rules whose time is half over. A server that is away holds up one command in ten
/// minutes for at most `patience`, and stops none: what is stored is good for a while yet.
pub(crate) fn refresh_if_aging(world: &World, patience: Duration, voice: Voice) {
    let Ok(folder) = world.layout.cached_rules() else {
        return;
    };
    let is_aging =
        || stored(&folder).is_ok_and(|stored| stored.is_some_and(|old| is_half_over(&old.bundle)));
    if !is_aging() || was_tried_lately(&folder) {
        return;
    }
    let begun = Instant::now();
    // A keyring that has to be unlocked first is part of what is waited for.
    if let Ok(session) = session::connect_within(world, Some(patience), voice) {
        let left = patience.saturating_sub(begun.elapsed());
        drop(refresh(world, &session, Some(left)));
    }
}

/// Tells whether somebody tried within [`TRY_AGAIN`], and otherwise notes that somebody does now.
fn was_tried_lately(folder: &RulesFolder) -> bool {
    let path = folder.tried();
    let tried = path.metadata().and_then(|tried| tried.modified());
    let is_recent = tried.is_ok_and(|at| at.elapsed().is_ok_and(|since| since < TRY_AGAIN));
    if !is_recent {
        // Where it can't be noted, the next command tries too.
        let mut options = OpenOptions::new();
        drop(durable::open_private(
            options.write(true).create(true).truncate(true),
            &path,
        ));
    }
    is_recent
}

fn is_half_over(bundle: &RuleBundle) -> bool {
    let now = Timestamp::now();
    now.duration_since(bundle.issued_at) > bundle.not_after.duration_since(now)
}
