//! `gate rules check`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gate_policy::{Layer, PolicyBuilder, Profiles, RuleError};
use gate_protocol::inert::inert;

use super::print_mistakes;
use crate::cli::named::one_of;
use crate::config::{RuleSource, profile_sources, rule_sources};
use crate::failure::Failure;
use crate::layout;
use crate::report;
use crate::show::answer;
use crate::trust;
use crate::world::World;

/// Name every mistake in rule files and tool profiles
///
/// Without files, all rules and profiles that are in force here are read. Each
/// mistake is a line with file, line, column, field, and what to write instead.
/// Exits 0 only if there is none.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The files to read.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Whose rules they are to be. By default `machine`, and `project` for a file of
    /// the name `.gate.toml`.
    #[arg(long, value_name = "LAYER", value_parser = one_of(LAYERS, Layer::as_str), requires = "files")]
    layer: Option<Layer>,
}

/// The layers that somebody writes rules in; the baseline is gate's own.
const LAYERS: &[Layer] = &[Layer::Server, Layer::Machine, Layer::User, Layer::Project];

impl Check {
    pub(super) fn run(&self, world: &World) -> Result<(), Failure> {
        let (profiles, sources) = self.sources(world)?;
        let mut found: Vec<RuleError> = Vec::new();
        let mut known = Profiles::default();
        for profile in &profiles {
            if let Err(errors) = known.add(profile.layer, &profile.name, &profile.text) {
                found.extend(errors);
            }
        }
        let mut builder = PolicyBuilder::knowing(Arc::new(known));
        for source in &sources {
            if let Err(errors) = builder.layer(source.layer, &source.name, &source.text) {
                found.extend(errors);
            }
        }
        for warning in builder.warnings() {
            report::line(&format!("warning: {}", inert(warning)));
        }
        for note in builder.notes() {
            report::line(&format!("note: {}", inert(&note)));
        }
        if !found.is_empty() {
            return Err(print_mistakes(&found)?);
        }
        let policy = builder.build();
        let own = policy
            .rules()
            .filter(|rule| rule.rule.layer != Layer::Baseline)
            .count();
        let (rules, files) = (counted(own, "rule"), counted(sources.len(), "source"));
        let told = match profiles.len() {
            0 => String::new(),
            count => format!(", and in {}", counted(count, "profile")),
        };
        answer::line(&format!("no mistakes in {rules} from {files}{told}"))
    }

    /// Returns the profiles and the rules, told apart by what stands in them.
    fn sources(&self, world: &World) -> Result<(Vec<RuleSource>, Vec<RuleSource>), Failure> {
        if self.files.is_empty() {
            let rules = rule_sources(world.configuration()?, world, &world.cwd)?;
            return Ok((profile_sources(world)?, rules));
        }
        let files = self.files.iter().map(|file| self.source(world, file));
        let files = files.collect::<Result<Vec<_>, _>>()?.into_iter();
        Ok(files.partition(|source| Profiles::is_profile(&source.text)))
    }

    fn source(&self, world: &World, file: &Path) -> Result<RuleSource, Failure> {
        let is_project = file
            .file_name()
            .is_some_and(|name| name == layout::PROJECT_RULES);
        let layer = if is_project {
            Layer::Project
        } else {
            Layer::Machine
        };
        Ok(RuleSource {
            layer: self.layer.unwrap_or(layer),
            name: file.to_string_lossy().into_owned(),
            text: trust::read_named(&world.cwd.join(file))?,
        })
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
