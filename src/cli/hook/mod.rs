//! `gate hook`: what a coding agent asks before it runs a shell command.
//!
//! A hook stops mistakes earlier than a shim and says what to do instead. It is no boundary: the
//! shim and the server are. So it never widens what the agent may do by itself: it says no, or it
//! says nothing.

mod agent;
mod answer;
mod call;
mod install;
mod list;
mod opinion;
mod remove;
mod scope;
mod setting;
mod turn;
mod words;

use std::io::{self, Read as _, Write as _};
use std::panic::AssertUnwindSafe;

use agent::Agent;
use opinion::{Manner, Opinion};
use setting::Scope;
use turn::Turn;

use crate::cli::named::one_of;
use crate::exit_code::Ending;
use crate::failure::{Failure, FailureKind};
use crate::report;
use crate::world::World;

/// The longest question that is read, in bytes. A longer one is answered with a no.
const QUESTION_LIMIT_BYTES: u64 = 4 << 20;
/// The code that means no in the protocols that have one for it, where nothing better can be said.
pub(super) const NO: u8 = 2;
/// What people call; anything else behind `gate hook` is an agent.
pub(super) const VERBS: [&str; 5] = ["install", "remove", "list", "--help", "-h"];

/// Answer a coding agent's hook: may this shell command be run?
///
/// Reads the hook's JSON on stdin and answers in the agent's own format: no, with what to do
/// instead, or nothing. It never says yes: what the agent's own rules ask about, they go on asking
/// about. It starts nothing and touches no network. A hook helps; the shim is the boundary.
#[derive(Debug, clap::Args)]
#[command(
    name = "hook",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Hook {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The agent that asks
    #[arg(
        value_name = "AGENT",
        required = true,
        value_parser = one_of(Agent::ALL, Agent::as_str)
    )]
    agent: Option<Agent>,
    #[command(flatten)]
    manner: Manner,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Install(install::Install),
    Remove(remove::Remove),
    List(list::List),
}

impl Hook {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        match (&self.verb, self.agent) {
            (Some(Verb::Install(install)), _) => install.run(world),
            (Some(Verb::Remove(remove)), _) => remove.run(world),
            (Some(Verb::List(list)), _) => list.run(world),
            (None, None | Some(Agent::Aider)) => Err(no_hook()),
            (None, Some(agent)) => self.answer(world, agent),
        }
    }

    fn answer(&self, world: &World, agent: Agent) -> Result<(), Failure> {
        let turn = Turn::default();
        turn.or_late(move || say(agent, &Opinion::No(words::late())));
        // Whatever fails in here is a no: most agents take any other end of a hook for a yes.
        let opinion = std::panic::catch_unwind(AssertUnwindSafe(|| self.opinion(world, agent)));
        let opinion = opinion.unwrap_or_else(|_| Opinion::No(words::failed()));
        turn.take();
        let ending = say(agent, &opinion);
        if ending == Ending::Code(0) {
            return Ok(());
        }
        ending.leave()
    }

    fn opinion(&self, world: &World, agent: Agent) -> Opinion {
        let mut question = Vec::new();
        let read = io::stdin()
            .lock()
            .take(QUESTION_LIMIT_BYTES + 1)
            .read_to_end(&mut question);
        let is_too_long = u64::try_from(question.len()).is_ok_and(|len| len > QUESTION_LIMIT_BYTES);
        let call = match read {
            Err(_) => Err("the hook's input can't be read"),
            Ok(_) if is_too_long => Err("the hook's input is longer than 4 MiB"),
            Ok(_) => call::Call::read(agent, &question),
        };
        match call {
            Ok(None) => Opinion::None,
            Ok(Some(call)) => opinion::on(world, agent, &call, &self.manner)
                .unwrap_or_else(|failure| Opinion::No(words::undecided(&failure))),
            Err(why) => Opinion::No(words::unreadable(why)),
        }
    }
}

/// Writes the answer, and returns how the process is to end.
fn say(agent: Agent, opinion: &Opinion) -> Ending {
    let answer = answer::of(agent, opinion);
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{answer}").and_then(|()| stdout.flush());
    match (written, opinion) {
        (Err(_), Opinion::No(text)) => {
            report::line(&text.replace('\n', "\ngate: "));
            Ending::Code(NO)
        }
        (Ok(()), _) | (Err(_), Opinion::None) => Ending::Code(0),
    }
}

/// Which agent's hook is changed, where, and whether it is.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Change {
    /// The agent
    #[arg(value_name = "AGENT", value_parser = one_of(Agent::ALL, Agent::as_str))]
    agent: Agent,
    /// In the settings of the project around the working folder, for all who work in it
    #[arg(long)]
    project: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Change {
    fn scope(self) -> Scope {
        if self.project {
            Scope::Project
        } else {
            Scope::User
        }
    }
}

/// Says what there is instead for an agent without hooks.
fn no_hook() -> Failure {
    Failure::new(FailureKind::Usage, "aider has no hooks").hint(
        "put gate's shims first on the PATH that aider is started with: what aider runs meets them;\n\
         `gate hook install aider` keeps it from offering the model's shell commands",
    )
}
