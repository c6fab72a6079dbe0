//! `gate explain`: how gate reads a command, and why it decides as it does.

mod drawn;
mod explained;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use crate::circumstances;
use crate::failure::Failure;
use crate::identity::CommitmentKey;
use crate::mask::Masker;
use crate::pipeline;
use crate::reading;
use crate::show::answer;
use crate::show::screen::Screen;
use crate::world::World;
use explained::{Explained, Source};

/// Explain how a command is read and what decides about it
///
/// Each word and what it is, the effect and why, what it acts on, what it reads, what becomes of
/// the environment, and every rule about such a command with the field that keeps it from
/// matching. Nothing is run and nobody is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// Print one JSON object instead of a tree
    #[arg(long)]
    json: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Explain {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        let mut reading = reading::read(world, &self.command)?;
        let around = circumstances::of_caller(&|name| world.env(name));
        let policy = world.configuration()?.policy(world, &world.cwd)?;
        let occasion = pipeline::caller(&around);
        let evaluation = policy.evaluate(&reading.invocation, &world.cwd, &occasion);
        let considered = policy.consider(&reading.invocation, &world.cwd, &occasion);
        let set = &evaluation.obligations.environment;
        reading.invocation.set_variables(set);
        let invocation = &reading.invocation;
        let key = CommitmentKey::for_record(&world.layout)?;
        let masker = Masker::new(&key, &invocation.secrets);
        let words = self.command.iter().enumerate();
        let words = words.map(|(index, word)| masker.word(index, word.as_bytes()).shown_word());
        let secrets = invocation.secret_values(&self.command, |name| world.variable(name));
        let source = Source {
            evaluation: &evaluation,
            considered: considered.into_iter(),
            secrets: &secrets,
            is_typed: gate_exec::terminal::is_terminal(std::io::stdin()),
        };
        let name = self.command.first();
        let name = name.map(OsString::as_os_str).unwrap_or_default();
        let runs = pipeline::real_tool(world, name, pipeline::Search::AtTheStart)
            .map(|tool| tool.canonical.display().to_string())
            .map_err(|failure| failure.to_string());
        let explained = Explained::new(source, runs, (invocation, &world.cwd), words.collect());
        if self.json {
            return answer::json(&explained);
        }
        let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
        answer::text(&drawn::tree(&explained).shown(&screen))
    }
}
