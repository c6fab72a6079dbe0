//! `gate rules compile`.

use gate_protocol::inert::inert;

use crate::config::compiled::{self, Compiled};
use crate::failure::{Failure, FailureKind};
use crate::show::answer;
use crate::world::World;

/// Compile the rules in force, so that shims decide by them at once
///
/// A shim does this by itself where it finds rules that are not compiled, so this
/// is for a machine whose owner has rules in /etc/gate: there root has to, and
/// again after each change. Until then nothing is decided by the old ones: every
/// command takes the longer way through gate.
#[derive(Debug, clap::Args)]
pub(super) struct Compile {}

impl Compile {
    #[expect(clippy::unused_self, reason = "every verb runs the same way")]
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let (path, done) = match compiled::refresh(world)? {
            Compiled::Current(path) => (path, "is current"),
            Compiled::Made(path) => (path, "was compiled"),
            Compiled::None(why) => {
                return Err(Failure::new(
                    FailureKind::Configuration,
                    "the rules in force are not compiled",
                )
                .hint(why));
            }
        };
        let path = path.to_string_lossy();
        answer::line(&format!("{} {done}", inert(&path)))
    }
}
