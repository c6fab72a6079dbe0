//! All rules in force, from every layer, compiled into one policy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gate_policy::{Layer, Policy, PolicyBuilder, Profiles, RuleError};
use gate_protocol::inert::inert;

use super::{Configuration, ServerRules, stored_rules};
use crate::failure::{Failure, FailureKind};
use crate::trust;
use crate::world::World;

/// One file, or the server's bundle, that holds rules; or the file of a profile.
#[derive(Debug)]
pub(crate) struct RuleSource {
    /// Who it speaks for.
    pub(crate) layer: Layer,
    /// Its path, or the server's name with the version.
    pub(crate) name: String,
    /// The rules as TOML.
    pub(crate) text: String,
}

/// Returns every source of rules that is in force for a command in `cwd`.
///
/// # Errors
/// A file is there and can't be read or trusted, or the server's rules are
/// required and are not there or not good.
pub(crate) fn rule_sources(
    configuration: &Configuration,
    world: &World,
    cwd: &Path,
) -> Result<Vec<RuleSource>, Failure> {
    let mut sources = Vec::new();
    match stored_rules::in_force(configuration, world)? {
        Some(source) => sources.push(source),
        None if configuration.server_rules() == ServerRules::Required => {
            return Err(Failure::new(
                FailureKind::Configuration,
                "the server's rules are required here and have not been fetched",
            )
            .hint("run `gate rules pull`"));
        }
        None => {}
    }
    let machine = world.layout.machine_rules();
    for path in rule_files(&machine, trust::Owner::Root)? {
        sources.push(source(Layer::Machine, &path, trust::Owner::Root)?);
    }
    if let Some(folder) = world.layout.user_rules() {
        for path in rule_files(&folder, trust::Owner::Caller)? {
            sources.push(source(Layer::User, &path, trust::Owner::Caller)?);
        }
    }
    if let Some(path) = world.layout.project_rules(cwd) {
        sources.push(source(Layer::Project, &path, trust::Owner::Anyone)?);
    }
    Ok(sources)
}

/// Returns every tool profile that is in force beside those that are built in: the
/// owner's, then the user's. A project has none.
///
/// # Errors
/// A file is there and can't be read or trusted.
pub(crate) fn profile_sources(world: &World) -> Result<Vec<RuleSource>, Failure> {
    let mut sources = Vec::new();
    for path in rule_files(&world.layout.machine_profiles(), trust::Owner::Root)? {
        sources.push(source(Layer::Machine, &path, trust::Owner::Root)?);
    }
    if let Some(folder) = world.layout.user_profiles() {
        for path in rule_files(&folder, trust::Owner::Caller)? {
            sources.push(source(Layer::User, &path, trust::Owner::Caller)?);
        }
    }
    Ok(sources)
}

/// Returns the tool profiles in force.
///
/// # Errors
/// A file is there and can't be read, trusted or understood.
pub(crate) fn profiles(world: &World) -> Result<Profiles, Failure> {
    let mut profiles = Profiles::default();
    let mut found = Vec::new();
    for source in profile_sources(world)? {
        if let Err(mistakes) = profiles.add(source.layer, &source.name, &source.text) {
            found.extend(mistakes);
        }
    }
    if found.is_empty() {
        return Ok(profiles);
    }
    Err(mistakes(&found))
}

/// Compiles the rules in force.
pub(super) fn compile(
    configuration: &Configuration,
    world: &World,
    cwd: &Path,
) -> Result<Policy, Failure> {
    let mut builder = PolicyBuilder::knowing(Arc::clone(world.profiles()?));
    let mut found: Vec<RuleError> = Vec::new();
    for source in rule_sources(configuration, world, cwd)? {
        if let Err(mistakes) = builder.layer(source.layer, &source.name, &source.text) {
            found.extend(mistakes);
        }
    }
    if found.is_empty() {
        return Ok(builder.build());
    }
    Err(mistakes(&found))
}

/// Returns the baseline with the rules of files that the command line names, and with no others.
pub(crate) fn rules_of_files<'f>(
    world: &World,
    files: impl IntoIterator<Item = (Layer, &'f Path)>,
) -> Result<PolicyBuilder, Failure> {
    let mut builder = PolicyBuilder::knowing(Arc::clone(world.profiles()?));
    for (layer, file) in files {
        let text = trust::read_named(&world.cwd.join(file))?;
        builder
            .layer(layer, &file.to_string_lossy(), &text)
            .map_err(|found| mistakes(&found))?;
    }
    Ok(builder)
}

/// Returns the failure that mistakes in rules are: each of them, a line each.
pub(super) fn mistakes(found: &[RuleError]) -> Failure {
    let mut lines = found.iter().map(mistake_line);
    let first = lines.next().unwrap_or_default();
    let mut hint: Vec<String> = lines.collect();
    hint.push("gate decides nothing until that is mended".to_owned());
    Failure::new(FailureKind::Configuration, first).hint(hint.join("\n"))
}

/// Returns a mistake as a line that editors and CI systems understand. What it
/// repeats of the file is inert already; the file's name is not.
pub(crate) fn mistake_line(mistake: &RuleError) -> String {
    let shown = RuleError {
        source_name: inert(&mistake.source_name).into_owned(),
        ..mistake.clone()
    };
    shown.to_string()
}

/// Reads a file of rules that was found. That it is gone by now is no reason to
/// go on without what it forbids.
fn source(layer: Layer, path: &Path, owner: trust::Owner) -> Result<RuleSource, Failure> {
    let name = path.display().to_string();
    let Some(text) = trust::read(path, owner)? else {
        return Err(Failure::new(
            FailureKind::Configuration,
            format!("the file `{}` went away while it was read", inert(&name)),
        )
        .hint("nothing was run; run it again"));
    };
    Ok(RuleSource { layer, name, text })
}

/// Returns the `*.toml` files of a folder, of rules or profiles, by name; none where there is no folder.
/// A link to a folder that is not there is not none.
pub(super) fn rule_files(folder: &Path, owner: trust::Owner) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error| {
        Failure::new(
            FailureKind::Configuration,
            format!(
                "cannot read the folder `{}`",
                inert(&folder.to_string_lossy())
            ),
        )
        .caused_by(error)
        .hint("make it a folder that you can read, or remove it; nothing runs before")
    };
    trust::refuse_rules_folder(folder, owner)?;
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound && !trust::leads_nowhere(folder) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(unreadable(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
