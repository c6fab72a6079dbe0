//! In which workspace terraform would work, and where its state is. Source:
//! terraform, `internal/command/meta.go`, `workdir` and `clistate`.

use std::path::{Path, PathBuf};

use super::yaml::{self, Node};
use super::{content, home_file, named, refuse_file, set, terraformrc};
use crate::command_line::{CommandLine, FileKind, joined};
use crate::effect::Effect;
use crate::invocation::Invocation;

/// Subcommands that read no state.
const WITHOUT_STATE: &[&str] = &["", "fmt", "get", "login", "logout", "metadata", "version"];
/// What of a backend's settings says where the state is, by its type. Nothing
/// of it is a secret.
const ADDRESSES: &[(&str, &[&str])] = &[
    (
        "azurerm",
        &["storage_account_name", "container_name", "key"],
    ),
    ("cloud", &["hostname", "organization"]),
    ("consul", &["address", "path"]),
    ("cos", &["bucket", "prefix", "key"]),
    ("gcs", &["bucket", "prefix"]),
    ("http", &["address"]),
    ("kubernetes", &["namespace", "secret_suffix"]),
    ("local", &["path"]),
    ("oss", &["bucket", "prefix", "key"]),
    ("pg", &["schema_name"]),
    ("remote", &["hostname", "organization"]),
    ("s3", &["bucket", "key"]),
];

/// What the names of providers end in whose data sources start programs that the configuration
/// names: `hashicorp/external`, and others of their names.
const STARTERS: &[&str] = &["/external", "/localrun", "/shell"];

/// Subcommands that read a state, and make no workspace.
const WITHOUT_MAKING: &[&[&str]] = &[
    &["validate"],
    &["test"],
    &["workspace", "list"],
    &["workspace", "show"],
    &["env", "list"],
    &["env", "show"],
    &["providers", "lock"],
];

pub(super) fn resolve(line: &CommandLine<'_>, invocation: &mut Invocation) {
    read_settings(line, invocation);
    let first = invocation.command.first().map_or("", AsRef::as_ref);
    let is_saved = invocation.inputs.iter().any(|input| input.role == "plan");
    // A saved plan has a backend and a workspace of its own.
    if WITHOUT_STATE.contains(&first) || is_saved {
        return;
    }
    if first == "plan" {
        judge_providers(line, invocation);
    }
    let data = data_folder(line, invocation);
    judge_new_workspace(line, &data, invocation);
    choose_workspace(line, &data, invocation);
    let path = joined([&data, Path::new("terraform.tfstate")]);
    if let Some(text) = content(line, &path, "state of the backend", invocation)
        && let Err(problem) = choose_backend(&text, invocation)
    {
        refuse_file(&path, "state of the backend", &problem, invocation);
    }
}

/// Returns the folder that `init` writes into.
fn data_folder(line: &CommandLine<'_>, invocation: &Invocation) -> PathBuf {
    let folder = Path::new(named(invocation, "folder"));
    let own = line.env.get("TF_DATA_DIR").filter(|own| !own.is_empty());
    let own = own.map_or(Path::new(".terraform"), Path::new);
    joined([line.cwd, folder, own])
}

/// Judges a plan by the lock file of its folder: a provider that does not stand in there is none
/// that terraform starts. Source: terraform, `internal/depsfile`.
fn judge_providers(line: &CommandLine<'_>, invocation: &mut Invocation) {
    const ROLE: &str = "lock file of providers";
    let folder = Path::new(named(invocation, "folder"));
    let path = joined([line.cwd, folder, Path::new(".terraform.lock.hcl")]);
    let Some(text) = content(line, &path, ROLE, invocation) else {
        return;
    };
    match std::str::from_utf8(&text).ok().and_then(providers) {
        Some(providers) => {
            if let Some(provider) = providers.iter().find(|provider| provider.starts_programs()) {
                let name = provider.name;
                let reason = format!("the provider `{name}` starts programs that the folder names");
                invocation.add(Effect::Execute, &reason);
            }
        }
        None => refuse_file(&path, ROLE, "it is not as terraform writes it", invocation),
    }
}

/// A provider of a lock file, and its version where one is said.
struct Provider<'t> {
    name: &'t str,
    version: Option<&'t str>,
}

impl Provider<'_> {
    /// Tells whether it is one of [`STARTERS`], or `hashicorp/local`, which has a data source for
    /// that from 2.6 on.
    fn starts_programs(&self) -> bool {
        let is_early = || self.version.is_some_and(is_before_2_6);
        STARTERS.iter().any(|end| self.name.ends_with(end))
            || (self.name.ends_with("/local") && !is_early())
    }
}

/// Reads a lock file line by line, as terraform writes it; none where it is written in another
/// way, which terraform may read otherwise.
fn providers(text: &str) -> Option<Vec<Provider<'_>>> {
    let mut lines = text.lines().map(str::trim);
    let mut all = Vec::new();
    while let Some(line) = lines.next() {
        if !line.is_empty() && !line.starts_with('#') {
            let name = line.strip_prefix("provider ")?.strip_suffix('{')?;
            all.push(provider(quoted(name)?, &mut lines)?);
        }
    }
    Some(all)
}

/// Reads what stands between the braces of a provider.
fn provider<'t>(name: &'t str, lines: &mut impl Iterator<Item = &'t str>) -> Option<Provider<'t>> {
    let mut version = None;
    loop {
        let line = lines.next()?;
        if line == "}" {
            return Some(Provider { name, version });
        }
        let (key, value) = line.split_once('=')?;
        match (key.trim(), value.trim()) {
            ("version", value) if version.is_none() => version = Some(quoted(value)?),
            ("constraints", value) => drop(quoted(value)?),
            ("hashes", "[") => {
                let mut hashes = lines.take_while(|line| *line != "]");
                let is_plain = |line: &str| line.strip_suffix(',').and_then(quoted).is_some();
                hashes.all(is_plain).then_some(())?;
            }
            _ => return None,
        }
    }
}

/// Returns what stands between quotes, where nothing in it is an escape.
fn quoted(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix('"')?.strip_suffix('"')?;
    (!inside.contains(['"', '\\', '$', '%'])).then_some(inside)
}

fn is_before_2_6(version: &str) -> bool {
    let mut parts = version.splitn(3, '.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < (2, 6),
        _ => false,
    }
}

/// A workspace that only `TF_WORKSPACE` names is made where there is none of
/// that name.
fn judge_new_workspace(line: &CommandLine<'_>, data: &Path, invocation: &mut Invocation) {
    let Some(name) = line.env.get("TF_WORKSPACE").filter(|name| !name.is_empty()) else {
        return;
    };
    let starts_so = |words: &&[&str]| {
        let mut command = invocation.command.iter();
        words
            .iter()
            .all(|word| command.next().is_some_and(|known| known == word))
    };
    let is_certain = line.files.sees_all();
    if !is_certain || name == "default" || WITHOUT_MAKING.iter().any(starts_so) {
        return;
    }
    let states = line.cwd.join(named(invocation, "folder"));
    let is_name = !name.as_encoded_bytes().contains(&b'/') && name != "." && name != "..";
    let state = states.join("terraform.tfstate.d").join(name);
    let is_there = is_name && line.files.kind(&state) == Some(FileKind::Directory);
    let chosen = content(line, &data.join("environment"), "workspace", invocation);
    let is_chosen = chosen.is_some_and(|text| text.trim_ascii() == name.as_encoded_bytes());
    if !is_there && !is_chosen {
        let name = name.to_string_lossy();
        let reason = format!("terraform makes the workspace `{name}` where there is none yet");
        invocation.add(Effect::Write, &reason);
    }
}

fn choose_workspace(line: &CommandLine<'_>, data: &Path, invocation: &mut Invocation) {
    if !named(invocation, "workspace").is_empty() {
        return;
    }
    let path = joined([data, Path::new("environment")]);
    let text = content(line, &path, "workspace", invocation);
    if text.is_none() && !line.files.sees_all() {
        return;
    }
    match std::str::from_utf8(&text.unwrap_or_default()).map(str::trim) {
        Ok("") => set(invocation, "workspace", "default"),
        Ok(name) if !name.contains(char::is_control) => set(invocation, "workspace", name),
        Ok(_) | Err(_) => refuse_file(&path, "workspace", "it is no name", invocation),
    }
}

/// Writes type and address of the backend that `init` has chosen. The file is
/// JSON, which is YAML too.
fn choose_backend(text: &[u8], invocation: &mut Invocation) -> Result<(), String> {
    let state = yaml::read(text)?;
    let Some(backend @ Node::Mapping(_)) = state.get("backend") else {
        return Ok(());
    };
    let kind = backend.text("type")?;
    set(invocation, "backend", kind);
    let Some(config @ Node::Mapping(_)) = backend.get("config") else {
        return Ok(());
    };
    let known = ADDRESSES.iter().find(|(known, _)| *known == kind);
    let mut parts = Vec::new();
    for key in known.map_or(&[][..], |(_, keys)| keys) {
        let part = config.text(key)?;
        if !part.is_empty() {
            parts.push(part);
        }
    }
    set(invocation, "state", &parts.join("/"));
    Ok(())
}

/// Reads the settings of the user, where no variable names others: that makes
/// the command unknown by itself.
fn read_settings(line: &CommandLine<'_>, invocation: &mut Invocation) {
    for name in [".terraformrc", ".tofurc"] {
        let path = home_file(line, name);
        let Some(text) = content(line, &path, "terraform settings", invocation) else {
            continue;
        };
        match terraformrc::problems(&text) {
            Ok(problems) => {
                for problem in problems {
                    invocation.add(Effect::Unknown, &problem);
                }
            }
            Err(problem) => refuse_file(&path, "terraform settings", &problem, invocation),
        }
    }
}
