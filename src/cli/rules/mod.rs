//! `gate rules`: the rules in force, their mistakes, and the server's copy.

mod check;
mod compile;
mod proposal;
mod pull;
mod push;
mod schema;
mod show;
mod suggest;
mod test;

use gate_policy::RuleError;

use crate::config::mistake_line;
use crate::failure::{Failure, FailureKind};
use crate::show::answer;
use crate::world::World;

/// See, check and share the rules
#[derive(Debug, clap::Args)]
pub(crate) struct Rules {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Check(check::Check),
    Compile(compile::Compile),
    Test(test::Test),
    Schema(schema::Schema),
    Show(show::Show),
    Suggest(suggest::Suggest),
    Pull(pull::Pull),
    Push(push::Push),
    Proposal(proposal::Proposal),
}

impl Rules {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        match &self.verb {
            Verb::Check(check) => check.run(world),
            Verb::Compile(compile) => compile.run(world),
            Verb::Test(test) => test.run(world),
            Verb::Schema(schema) => schema.run(),
            Verb::Show(show) => show.run(world),
            Verb::Suggest(suggest) => suggest.run(world),
            Verb::Pull(pull) => pull.run(world),
            Verb::Push(push) => push.run(world),
            Verb::Proposal(proposal) => proposal.run(world),
        }
    }
}

/// Prints every mistake, which is what was asked for, and returns the failure
/// that they are.
fn print_mistakes(found: &[RuleError]) -> Result<Failure, Failure> {
    for mistake in found {
        answer::line(&mistake_line(mistake))?;
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
