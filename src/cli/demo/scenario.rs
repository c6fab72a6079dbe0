//! One complete scenario on one real tool.

use std::path::PathBuf;
use std::process::Command;

use gate_protocol::inert::inert;

use super::place::Place;
use super::{git, postgres, terraform};
use crate::failure::{Failure, FailureKind};
use crate::report;

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

type Prepare = fn(&Place) -> Result<Scenario, Failure>;

/// The tools that can play, the best first; git is everywhere.
const PLAYERS: [(&str, Prepare); 3] = [
    ("terraform", terraform::prepare),
    ("psql", postgres::prepare),
    ("git", git::prepare),
];

/// Prepares the scenario of the first tool that is here and does.
///
/// # Errors
/// None of them is installed, or none does; why is told of each.
pub(super) fn prepare(place: &Place) -> Result<Scenario, Failure> {
    let is_here = |(tool, _): &&(&str, Prepare)| place.tools().contains(tool);
    let mut players = PLAYERS.iter().filter(is_here).peekable();
    while let Some((tool, prepare)) = players.next() {
        match (prepare(place), players.peek()) {
            (Err(failure), Some((next, _))) => {
                let why = inert(&failure.to_string()).into_owned();
                report::line(&format!("{tool} does not do here, so {next} it is: {why}"));
            }
            (prepared, _) => return prepared,
        }
    }
    Err(Failure::new(
        FailureKind::NotFound,
        "none of terraform, psql and git is installed",
    )
    .hint("install git, and run the demo again"))
}

/// Returns words as a command line.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
