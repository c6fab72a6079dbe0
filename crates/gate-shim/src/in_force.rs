//! The compiled policy that decides about a caller's commands, or why none does.

use std::io::ErrorKind;
use std::path::Path;

use gate_exec::MappedFile;
use gate_policy::{CompiledPolicy, Environment};

use crate::place;
use crate::stamp::Stamp;

/// Why no compiled policy decides. Every command is the full gate's then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotInForce {
    /// The environment does not say where gate's state is.
    NoState,
    /// There is none.
    Missing,
    /// It can't be read, is not a regular file, or others could have written it.
    Refused,
    /// It is not whole, or another gate's.
    Damaged,
    /// Something that had a say is not as it was, or a time is over.
    Stale,
    /// It is the machine's, and the caller may have settings or rules of its own beside it.
    OwnSettings,
    /// A project's rules may be heard here.
    Project,
}

/// A compiled policy that is in force for a caller, in a folder.
#[derive(Debug)]
pub struct InForce {
    policy: CompiledPolicy<'static>,
    stamp: Stamp,
}

impl InForce {
    /// Finds it. `now` is in seconds since the epoch, and asked for only where a clock ends it.
    ///
    /// # Errors
    /// None is in force: see [`NotInForce`].
    pub fn find(
        env: &Environment,
        cwd: &Path,
        now: impl FnOnce() -> u64,
    ) -> Result<Self, NotInForce> {
        let state = place::state(env).ok_or(NotInForce::NoState)?;
        let is_machines = place::has_owner();
        let path = if is_machines {
            place::OF_MACHINE.into()
        } else {
            place::compiled(&state)
        };
        let file = MappedFile::open(&path).map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                NotInForce::Missing
            } else {
                NotInForce::Refused
            }
        })?;
        if is_machines && file.owner() != 0 {
            return Err(NotInForce::Refused);
        }
        // It decides until the process is another program, or ends.
        let policy = CompiledPolicy::open(file.leak()).map_err(|_| NotInForce::Damaged)?;
        let stamp = Stamp::decode(policy.stamp()).ok_or(NotInForce::Damaged)?;
        if stamp.is_machines() != is_machines || !stamp.holds(env, now) {
            return Err(NotInForce::Stale);
        }
        if is_machines && place::has_own_settings(env, &state) {
            return Err(NotInForce::OwnSettings);
        }
        if place::may_have_project_rules(cwd) {
            return Err(NotInForce::Project);
        }
        Ok(Self { policy, stamp })
    }

    /// Returns the policy.
    pub(crate) fn policy(&self) -> &CompiledPolicy<'static> {
        &self.policy
    }

    /// Tells whether there are tool profiles beside those that are built in.
    pub(crate) fn has_profiles(&self) -> bool {
        self.stamp.has_profiles
    }

    /// Tells whether root compiled it, for everybody on this machine.
    #[must_use]
    pub fn is_machines(&self) -> bool {
        self.stamp.is_machines()
    }
}
