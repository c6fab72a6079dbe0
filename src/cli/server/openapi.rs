//! `gate server openapi`.

use crate::failure::{Failure, FailureKind};
use crate::show::answer;

/// Print the description of the HTTP API
#[derive(Debug, clap::Args)]
pub(super) struct Openapi {}

impl Openapi {
    #[expect(clippy::unused_self, reason = "every verb runs the same way")]
    pub(super) fn run(&self) -> Result<(), Failure> {
        let document = gate_server::openapi_document().map_err(|error| {
            Failure::new(FailureKind::Internal, "cannot describe the API").caused_by(error)
        })?;
        answer::line(&document)
    }
}
