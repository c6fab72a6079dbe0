//! `gate rules push`.

use std::path::PathBuf;

use gate_client::{Client, ClientError, Fetched, Put};
use gate_policy::{Layer, PolicyBuilder};
use gate_protocol::inert::inert;
use gate_protocol::problem::ProblemCode;
use gate_protocol::rules::ProposedRules;

use super::print_mistakes;
use crate::cli::change;
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::session;
use crate::show::answer;
use crate::trust;
use crate::world::World;

/// Put new rules in force at the server, for every client
///
/// Needs the token of an admin. A client fetches them when it next is about to
/// ask people, or at once with `gate rules pull`. Rules that let more pass than those in
/// force wait for a second admin (`gate rules proposal`), unless the server's settings
/// trust the one who pushes.
#[derive(Debug, clap::Args)]
pub(super) struct Push {
    /// The file with all of the server's rules; they replace those before.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only if this version is in force; 0 for none. Keeps two admins from
    /// undoing each other's changes. By default the one that is in force now.
    #[arg(long, value_name = "N")]
    expected_version: Option<u64>,
}

impl Push {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let text = trust::read_named(&world.cwd.join(&self.file))?;
        let mut builder = PolicyBuilder::new();
        let name = self.file.to_string_lossy();
        if let Err(found) = builder.layer(Layer::Server, &name, &text) {
            return Err(print_mistakes(&found)?);
        }
        for warning in builder.warnings() {
            report::line(&format!("warning: {}", inert(warning)));
        }
        for note in builder.notes() {
            report::line(&format!("note: {}", inert(&note)));
        }
        let session = session::connect(world)?;
        let expected = match self.expected_version {
            Some(expected) => expected,
            None => session.call(version(session.client()))?,
        };
        let put = change::ask(&session, session.client().put_rules(&text, expected))?;
        let pushed = match put {
            Put::InForce(pushed) => pushed,
            Put::Proposed(proposed) => return Err(waits(&proposed)),
        };
        let version = pushed.bundle.version;
        answer::line(&format!(
            "version {version} of the server's rules is in force at the server"
        ))?;
        report::line(
            "a client fetches it when it next asks people, or at once with `gate rules pull`",
        );
        Ok(())
    }
}

/// Says what the new rules loosen, and that they are not in force.
fn waits(proposed: &ProposedRules) -> Failure {
    for one in &proposed.loosens {
        report::line(&format!("looser: {}", inert(one)));
    }
    let id = inert(&proposed.id);
    Failure::new(
        FailureKind::NoAnswer,
        "the rules let more pass than those in force, and wait for a second admin",
    )
    .hint(format!(
        "have another admin run `gate rules proposal` and `gate rules proposal confirm {id}`, or \
         take them back with `gate rules proposal withdraw {id}`"
    ))
}

/// Returns the version in force at the server; 0 for none.
async fn version(client: &Client) -> Result<u64, ClientError> {
    match client.rules(None).await {
        Ok(Fetched::Rules { rules, .. }) => Ok(rules.bundle.version),
        Ok(Fetched::NotModified) => Ok(0),
        Err(ClientError::Refused(problem)) if problem.code == ProblemCode::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}
