//! The command line of gate: one file for each subcommand.

mod admin;
mod approve;
mod at_most;
mod audit;
mod change;
mod check;
mod completions;
#[cfg(feature = "server")]
mod demo;
mod deny;
mod doctor;
mod explain;
mod grants;
mod hook;
mod login;
mod logout;
mod man;
#[cfg(feature = "mcp")]
mod mcp;
mod named;
#[cfg(test)]
mod quoted;
mod requests;
mod review;
mod rules;
mod run;
#[cfg(feature = "server")]
mod server;
mod shell_init;
mod shim;
mod whoami;
#[cfg(feature = "server")]
mod witness;

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser, Subcommand};
use gate_protocol::inert::inert;

use crate::exit_code::{self, Ending};
use crate::failure::Failure;
use crate::report;
use crate::world::World;

/// A human decision between a command and its consequences
#[derive(Debug, Parser)]
#[command(
    name = "gate",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(after_help = "Exit codes, when the command was not run:\n  \
    64 usage | 69 server unreachable | 75 nobody answered yet (run it again to go on)\n  \
    77 denied by a rule or a person | 78 bad configuration, rules or token\n  \
    125 gate failed, or a grant was refused | 126 can't be run | 127 not found\n  \
    death by SIGINT when cancelled at the keyboard")]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunCommand),
    Check(check::Check),
    Explain(explain::Explain),
    Login(login::Login),
    Logout(logout::Logout),
    Whoami(whoami::Whoami),
    Requests(requests::Requests),
    Approve(approve::Approve),
    Deny(deny::Deny),
    Grants(grants::Grants),
    Rules(rules::Rules),
    Audit(audit::Audit),
    Admin(admin::Admin),
    Shim(shim::ShimCommand),
    ShellInit(shell_init::ShellInit),
    Doctor(doctor::Doctor),
    #[cfg(feature = "server")]
    Server(server::Server),
    #[cfg(feature = "server")]
    Demo(demo::Demo),
    #[cfg(feature = "server")]
    Witness(witness::Witness),
    Hook(hook::Hook),
    #[cfg(feature = "mcp")]
    Mcp(mcp::Mcp),
    Completions(completions::Completions),
    #[command(name = "__complete", hide = true)]
    Complete(completions::Complete),
    Man(man::Man),
}

/// Runs the command line.
pub(crate) fn main(argv: &[OsString]) -> Ending {
    match Cli::try_parse_from(argv) {
        Ok(cli) => {
            let world = World::capture();
            dispatch(&cli.command, &world)
        }
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // As it is, and on stderr: nothing was asked that stdout could have the answer of.
            // Help into a closed pipe is nobody's loss.
            drop(error.print());
            Ending::Code(exit_code::USAGE)
        }
        Err(error) if error.use_stderr() => {
            let told = error.to_string();
            for line in told.lines().filter(|line| !line.trim().is_empty()) {
                report::line(&inert(line.strip_prefix("error: ").unwrap_or(line)));
            }
            if let Some(hint) = hint(&error, argv) {
                report::line(&hint);
            }
            Ending::Code(usage_code(argv))
        }
        Err(help) => {
            // Help into a closed pipe is nobody's loss.
            drop(help.print());
            Ending::Code(0)
        }
    }
}

/// Returns the code for a slip. A hook that can't be understood is a no to the agent that calls it.
fn usage_code(argv: &[OsString]) -> u8 {
    let word = |index: usize| argv.get(index).map(|word| word.to_string_lossy());
    let is_hook = word(1).is_some_and(|verb| verb == "hook");
    let is_for_people = word(2).is_none_or(|verb| hook::VERBS.contains(&&*verb));
    if is_hook && !is_for_people {
        hook::NO
    } else {
        exit_code::USAGE
    }
}

/// Returns what somebody meant who wrote a command where gate can't see that it begins.
fn hint(error: &clap::Error, argv: &[OsString]) -> Option<String> {
    let verb = argv.get(1)?.to_string_lossy();
    let takes_command = ["run", "check", "explain"].contains(&&*verb);
    let has_separator = argv.iter().any(|word| word == "--");
    let kind = error.kind();
    if matches!(
        kind,
        ErrorKind::UnknownArgument | ErrorKind::MissingRequiredArgument
    ) && takes_command
        && !has_separator
    {
        return Some(format!(
            "put `--` before the command: gate {verb} -- COMMAND ARGUMENTS"
        ));
    }
    let unknown = ContextValue::String(verb.to_string());
    // Where it is like a subcommand of ours, that is said already.
    let is_tool = kind == ErrorKind::InvalidSubcommand
        && error.get(ContextKind::InvalidSubcommand) == Some(&unknown)
        && error.get(ContextKind::SuggestedSubcommand).is_none();
    let tool = inert(&verb);
    is_tool.then(|| format!("to run `{tool}` through gate: gate run -- {tool} ARGUMENTS"))
}

fn dispatch(command: &Command, world: &World) -> Ending {
    let done = match command {
        Command::Run(command) => return command.run(world),
        Command::Check(command) => command.run(world),
        Command::Explain(command) => command.run(world),
        Command::Login(command) => command.run(world),
        Command::Logout(command) => command.run(world),
        Command::Whoami(command) => command.run(world),
        Command::Requests(command) => command.run(world),
        Command::Approve(command) => command.run(world),
        Command::Deny(command) => command.run(world),
        Command::Grants(command) => command.run(world),
        Command::Rules(command) => command.run(world),
        Command::Audit(command) => command.run(world),
        Command::Admin(command) => command.run(world),
        Command::Shim(command) => command.run(world),
        Command::ShellInit(command) => command.run(world),
        Command::Doctor(command) => command.run(world),
        #[cfg(feature = "server")]
        Command::Server(command) => command.run(world),
        #[cfg(feature = "server")]
        Command::Demo(command) => command.run(world),
        #[cfg(feature = "server")]
        Command::Witness(command) => command.run(world),
        Command::Hook(command) => command.run(world),
        #[cfg(feature = "mcp")]
        Command::Mcp(command) => command.run(),
        Command::Completions(command) => command.run(world),
        Command::Complete(command) => command.run(),
        Command::Man(command) => command.run(world),
    };
    done.map_or_else(|failure| end(&failure), |()| Ending::Code(0))
}

/// Tells the failure and returns how the process ends.
fn end(failure: &Failure) -> Ending {
    report::failure(failure);
    failure.kind().into()
}

/// Returns the definition of the command line, for completions and manuals.
pub(crate) fn definition() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
