//! `gate rules pull`.

use gate_client::{ClientError, Fetched};
use gate_protocol::problem::ProblemCode;

use crate::failure::{Failure, FailureKind};
use crate::server_rules;
use crate::session::{self, from_client};
use crate::show::answer;
use crate::world::World;

/// Fetch the server's rules, verify them and put them in force here
///
/// They must be signed by the pinned key, be of this server, not have ended,
/// and not be older than rules that were in force here before.
#[derive(Debug, clap::Args)]
pub(super) struct Pull {}

impl Pull {
    #[expect(clippy::unused_self, reason = "every verb runs the same way")]
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        // No version is named: a copy that is the same is signed anew and lives longer.
        let session = session::connect(world)?;
        let fetched = match session.block_on(session.client().rules(None)) {
            Err(ClientError::Refused(problem)) if problem.code == ProblemCode::NotFound => {
                return without(server_rules::forget_others(world)?);
            }
            other => other.map_err(from_client)?,
        };
        match fetched {
            Fetched::Rules { rules, .. } => {
                server_rules::forget_others(world)?;
                let version = server_rules::store(world, &session, &rules)?;
                let until = rules.bundle.not_after;
                answer::line(&format!(
                    "version {version} of the server's rules is in force here until {until}"
                ))
            }
            Fetched::NotModified => Err(Failure::new(
                FailureKind::Internal,
                "the server says that its rules are unchanged, though it was told of none",
            )),
        }
    }
}

/// Says that the server has no rules. Where it had some before, they stay in force here and are
/// missed: a server that lost them is no reason to decide more softly.
fn without(has_forgotten: bool) -> Result<(), Failure> {
    let forgotten = if has_forgotten {
        ", and those of another server are forgotten"
    } else {
        ""
    };
    answer::line(&format!("the server has no rules{forgotten}"))
}
