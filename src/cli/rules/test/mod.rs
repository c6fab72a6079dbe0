//! `gate rules test`: a table of commands, held against rules.

mod case;
mod words;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use gate_policy::{Layer, Policy};
use gate_protocol::inert::inert;
use serde_json::json;

use crate::config;
use crate::failure::{Failure, FailureKind};
use crate::layout;
use crate::report;
use crate::show::answer;
use crate::show::screen::{Screen, Tone};
use crate::trust;
use crate::world::World;
use case::{Case, Difference};

/// Hold a table of commands against rules
///
/// Each case names a command, its surroundings and what shall be decided about it; docs/rules.md
/// describes the fields. What a case does not name does not exist: no file, no variable, no
/// stdin. Nothing is run. Exits 0 if all is as it shall be, 1 if not, 78 if a file has a mistake.
#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// The files of cases.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Hold them against these rules and the built-in baseline alone, and not against the rules in
    /// force here. They are the machine owner's, and a project's in a file of the name
    /// `.gate.toml`. May be given more than once.
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Only cases whose name holds this text.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Print one JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

impl Test {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let profiles = world.profiles()?;
        let policy = self.policy(world)?;
        let mut cases = Vec::new();
        for file in &self.files {
            let text = trust::read_named(&world.cwd.join(file))?;
            cases.extend(case::read(file, &text)?);
        }
        let all = cases.len();
        let filter = self.filter.as_deref().unwrap_or_default();
        cases.retain(|case| case.name.contains(filter));
        let tried: Vec<(Case, Vec<Difference>)> = cases
            .into_iter()
            .map(|case| {
                let differences = case.differences(profiles, &policy);
                (case, differences)
            })
            .collect();
        let failed = tried.iter().filter(|(_, found)| !found.is_empty()).count();
        if self.json {
            answer::json(&object(&tried, failed, all))?;
        } else {
            let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
            answer::text(&lines(&screen, &tried, failed, all))?;
        }
        if tried.is_empty() {
            return Err(Failure::new(FailureKind::Usage, "no case has such a name"));
        }
        if failed > 0 {
            let text = format!("{failed} of {} cases failed", tried.len());
            return Err(Failure::new(FailureKind::Found, text));
        }
        Ok(())
    }

    fn policy(&self, world: &World) -> Result<Policy, Failure> {
        if self.rules.is_empty() {
            let policy = world.configuration()?.policy(world, &world.cwd)?;
            return Ok(policy);
        }
        let files = self.rules.iter();
        let files = files.map(|file| (layer_of(file), file.as_path()));
        let builder = config::rules_of_files(world, files)?;
        for warning in builder.warnings() {
            report::line(&format!("warning: {}", inert(warning)));
        }
        Ok(builder.build())
    }
}

/// Returns whose rules a file holds that is named on the command line.
fn layer_of(file: &Path) -> Layer {
    let is_project = file
        .file_name()
        .is_some_and(|name| name == layout::PROJECT_RULES);
    if is_project {
        Layer::Project
    } else {
        Layer::Machine
    }
}

/// The names first, then what failed, then the counts: as cargo shows its tests.
fn lines(screen: &Screen, tried: &[(Case, Vec<Difference>)], failed: usize, all: usize) -> String {
    // Writing to a String can't fail.
    let mut text = format!("running {} cases\n", tried.len());
    for (case, found) in tried {
        let (tone, word) = if found.is_empty() {
            (Tone::Good, "ok")
        } else {
            (Tone::Alarm, "FAILED")
        };
        let word = screen.paint(tone, word);
        let _ = writeln!(text, "case {} ... {word}", inert(&case.name));
    }
    for (case, found) in tried.iter().filter(|(_, found)| !found.is_empty()) {
        let head = format!("{} ({})", inert(&case.name), inert(&case.place));
        let _ = writeln!(text, "\n---- {head} ----");
        for difference in found {
            let (expected, found) = (inert(&difference.expected), inert(&difference.found));
            let less = screen.paint(Tone::Alarm, &format!("- {expected}"));
            let more = screen.paint(Tone::Good, &format!("+ {found}"));
            let _ = writeln!(
                text,
                "  {}\n    {less}\n    {more}",
                inert(&difference.field)
            );
        }
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    let passed = tried.len() - failed;
    let left_out = all - tried.len();
    let _ = writeln!(
        text,
        "\nresult: {word}. {passed} passed; {failed} failed; {left_out} filtered out"
    );
    text
}

fn object(tried: &[(Case, Vec<Difference>)], failed: usize, all: usize) -> serde_json::Value {
    let cases: Vec<_> = tried
        .iter()
        .map(|(case, differences)| {
            json!({
                "name": case.name,
                "place": case.place,
                "ok": differences.is_empty(),
                "differences": differences,
            })
        })
        .collect();
    json!({
        "passed": tried.len() - failed,
        "failed": failed,
        "filtered_out": all - tried.len(),
        "cases": cases,
    })
}
