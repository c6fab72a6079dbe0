//! One complete scenario on one real tool.

use std::path::PathBuf;
use std::process::Command;

use super::place::Place;
use super::{git, postgres, terraform};
use crate::failure::{Failure, FailureKind};

/// What the scenario does, and how it is seen from outside what happened.
pub(super) struct Scenario {
    /// The wrapped tool.
    pub(super) tool: &'static str,
    /// Where it runs.
    pub(super) folder: PathBuf,
    /// The tool's own environment.
    pub(super) env: Vec<(&'static str, String)>,
    /// Only reads.
    pub(super) read: Vec<String>,
    /// Changes something, and succeeds.
    pub(super) change: Vec<String>,
    /// Would change something, and fails with `failing_code`.
    pub(super) failing: Vec<String>,
    /// The tool's own exit code for that.
    pub(super) failing_code: i32,
    /// Runs the real tool, around gate, and prints the state that `change` changes.
    pub(super) state: Command,
    /// The server that was started for it, which ends when this is dropped.
    #[expect(dead_code, reason = "held so that it ends with the scenario")]
    pub(super) cluster: Option<postgres::Cluster>,
}

/// Prepares the scenario of the first tool that is here: terraform, then psql
/// with a `PostgreSQL` that can be started, then git.
pub(super) fn prepare(place: &Place) -> Result<Scenario, Failure> {
    let has = |tool: &str| place.tools().contains(&tool);
    if has("terraform") {
        return terraform::prepare(place);
    }
    if has("psql")
        && let Some(scenario) = postgres::prepare(place)?
    {
        return Ok(scenario);
    }
    if has("git") {
        return git::prepare(place);
    }
    Err(Failure::new(
        FailureKind::NotFound,
        "none of terraform, psql and git is installed",
    )
    .hint("install git, and run the demo again"))
}

/// Runs a command that prepares the ground, around gate.
pub(super) fn must_succeed(command: &mut Command) -> Result<(), Failure> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|error| super::place::cannot(&format!("start {shown}"), error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Internal,
        format!(
            "the demo's ground can't be prepared: {shown}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    ))
}

/// Returns words as a command line.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
