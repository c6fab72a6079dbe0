//! `gate audit flush`.

use crate::audit;
use crate::failure::{Failure, FailureKind};
use crate::show::answer;
use crate::world::World;

/// Deliver what this machine has not reported yet
#[derive(Debug, clap::Args)]
pub(super) struct Flush {}

impl Flush {
    #[expect(clippy::unused_self, reason = "every verb runs the same way")]
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let flushed = audit::flush(world)?;
        answer::line(&format!("delivered {} events", flushed.delivered))?;
        if flushed.left == 0 {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::Unreachable,
            format!("{} events could not be delivered", flushed.left),
        )
        .hint("they are kept; run `gate audit flush` again when the server answers"))
    }
}
