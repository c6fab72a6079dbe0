//! `gate rules`: the rules in force, their mistakes, and the server's copy.

mod check;
mod pull;
mod push;
mod show;

use gate_policy::RuleError;
use gate_protocol::inert::inert;

use crate::failure::{Failure, FailureKind};
use crate::show::answer;
use crate::world::World;

/// See, check and share the rules.
#[derive(Debug, clap::Args)]
pub(crate) struct Rules {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Name every mistake in rule files.
    Check(check::Check),
    /// Show the rules in force here, in the order in which they are listed.
    Show(show::Show),
    /// Fetch the server's rules, verify them and put them in force here.
    Pull(pull::Pull),
    /// Put new rules in force at the server.
    Push(push::Push),
}

impl Rules {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.verb {
            Verb::Check(check) => check.run(world),
            Verb::Show(show) => show.run(world),
            Verb::Pull(pull) => pull.run(world),
            Verb::Push(push) => push.run(world),
        }
    }
}

/// Prints every mistake as a line that editors and CI systems understand, and
/// returns the failure that they are.
fn mistakes(found: &[RuleError]) -> Result<Failure, Failure> {
    for mistake in found {
        // Inert already where it repeats the file, but not in the file's name.
        let name = inert(&mistake.source_name).into_owned();
        let shown = RuleError {
            source_name: name,
            ..mistake.clone()
        };
        answer::line(&shown.to_string())?;
    }
    let count = match found.len() {
        1 => "1 mistake".to_owned(),
        count => format!("{count} mistakes"),
    };
    Ok(Failure::new(
        FailureKind::Configuration,
        format!("{count} in the rules"),
    ))
}
