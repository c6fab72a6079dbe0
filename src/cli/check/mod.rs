//! `gate check`: what would be decided, without running anything or asking
//! anyone. Touches no network.

mod checked;
mod lines;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use gate_policy::{Layer, Policy};

use crate::circumstances;
use crate::config;
use crate::failure::Failure;
#[cfg(feature = "mcp")]
use crate::failure::FailureKind;
use crate::pipeline;
use crate::reading;
use crate::show;
use crate::show::json::Json;
use crate::world::World;
use checked::Checked;

/// Say what would be decided about a command, without running it
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Print one JSON object
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
    /// Read JSON lines from stdin and answer each with one: an object with `argv`, and
    /// where wanted `id`, `stdin`, `cwd`, `env` and `files`. A line that is none is answered with
    /// `{"id":…,"error":…}`; it ends with 0 then too, and whatever is decided
    #[arg(long, conflicts_with = "command")]
    jsonl: bool,
    /// Decide by these rules and the built-in baseline alone, with the profiles in force
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// The command and its arguments
    #[arg(last = true, required_unless_present = "jsonl", value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Returns the object of `gate check --json` for a command whose standard input is not this
/// process's.
///
/// # Errors
/// The rules or profiles can't be read, trusted or understood.
#[cfg(feature = "mcp")]
pub(super) fn checked(world: &World, argv: &[OsString]) -> Result<serde_json::Value, Failure> {
    let policy = world.configuration()?.policy(world, &world.cwd)?;
    let reading = reading::read_beside(world, argv, gate_policy::Stdin::Unread)?;
    let around = circumstances::of_caller(&|name| world.env(name));
    let evaluation = policy.evaluate(&reading.invocation, &world.cwd, &pipeline::caller(&around));
    let mut json = Json::default();
    Checked::new(&reading.invocation, &evaluation).write(None, &mut json);
    serde_json::from_str(json.as_str()).map_err(|error| {
        Failure::new(FailureKind::Internal, "cannot write the answer as JSON").caused_by(error)
    })
}

impl Check {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        if self.jsonl {
            let policy = policy_of(world, self.rules.as_deref())?;
            return lines::answer_all(world.profiles()?, &policy);
        }
        let policy = match &self.rules {
            Some(file) => policy_of(world, Some(file))?,
            None => world.configuration()?.policy(world, &world.cwd)?,
        };
        let reading = reading::read(world, &self.command)?;
        let around = circumstances::of_caller(&|name| world.env(name));
        let evaluation =
            policy.evaluate(&reading.invocation, &world.cwd, &pipeline::caller(&around));
        let checked = Checked::new(&reading.invocation, &evaluation);
        if self.json {
            let mut json = Json::default();
            checked.write(None, &mut json);
            return show::answer::line(json.as_str());
        }
        show::print(&checked.for_people())
    }
}

/// Returns the baseline, with the rules of one file as the machine owner's where one is named.
fn policy_of(world: &World, file: Option<&Path>) -> Result<Policy, Failure> {
    let files = file.map(|file| (Layer::Machine, file));
    Ok(config::rules_of_files(world, files)?.build())
}
