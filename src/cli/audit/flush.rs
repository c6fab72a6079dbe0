//! `gate audit flush`.

use super::verify::finding::does_not_verify;
use crate::answers::PATIENCE;
use crate::audit;
use crate::failure::{Failure, FailureKind};
use crate::log_key;
use crate::receipts::{self, FetchError};
use crate::report;
use crate::session;
use crate::show::answer;
use crate::world::World;

/// Deliver what this machine has not reported yet, and fetch the proofs of its receipts
#[derive(Debug, clap::Args)]
pub(super) struct Flush {}

impl Flush {
    #[expect(clippy::unused_self, reason = "every verb runs the same way")]
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let flushed = audit::flush(world)?;
        answer::line(&format!("delivered {} events", flushed.delivered))?;
        if flushed.left == 0 {
            return fetch_proofs(world);
        }
        Err(Failure::new(
            FailureKind::Unreachable,
            format!("{} events could not be delivered", flushed.left),
        )
        .hint("they are kept; run `gate audit flush` again when the server answers"))
    }
}

/// Fetches the proofs of what the server handed out to this user. Nothing that runs needs them: that
/// the server does not answer now is only told.
fn fetch_proofs(world: &World) -> Result<(), Failure> {
    let server = world.configuration()?.server()?.to_string();
    let (kept, proofs) = (world.layout.receipts()?, world.layout.proofs()?);
    // One that the known keys do not verify is as good as none.
    let known = log_key::pinned(world).ok();
    let unproved =
        receipts::unproved(&kept, &proofs, &server, known.as_ref()).map_err(|error| {
            Failure::new(FailureKind::Configuration, "cannot read the kept receipts")
                .caused_by(error)
        })?;
    if unproved.is_empty() {
        return Ok(());
    }
    let session = session::connect(world)?;
    let keys = log_key::pin(world, &session)?;
    let fetched = receipts::fetch(
        (&proofs, session.client(), PATIENCE),
        Some(&keys),
        &unproved,
    );
    match session.block_on(fetched) {
        Ok(0) => Ok(()),
        Ok(count) => answer::line(&format!("fetched the proofs of {count} receipts")),
        Err(FetchError::Lost { index, why }) => Err(does_not_verify(
            &index.to_string(),
            &format!("the server handed out record {index}, and does not prove it: {why}"),
        )),
        Err(error @ FetchError::Signed { index }) => {
            Err(does_not_verify(&index.to_string(), &error.to_string()))
        }
        Err(error) => {
            report::line(&format!(
                "warning: not all proofs could be fetched: {error}"
            ));
            Ok(())
        }
    }
}
