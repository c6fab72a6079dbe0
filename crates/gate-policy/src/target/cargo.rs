//! What the settings of a project make cargo start. Source: the cargo book,
//! "Configuration".
//!
//! cargo reads `.cargo/config.toml` of the working directory and of each folder
//! above it, and asks the compiler that they name for its version also where it
//! builds nothing. Before that, rustup takes the toolchain that
//! `rust-toolchain.toml` names.

use toml::{Table, Value};

use super::{content, refuse_file};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::Invocation;

/// Subcommands that start nothing and log in nowhere.
const WITHOUT_SETTINGS: &[&str] = &["", "help", "version"];
/// Tables that name no program, no server and no folder of packages.
const HARMLESS: &[&str] = &[
    "cache",
    "cargo-new",
    "future-incompat-report",
    "profile",
    "term",
];
/// Settings of `build` that name no program.
const OF_BUILD: &[&str] = &[
    "build-dir",
    "dep-info-basedir",
    "incremental",
    "jobs",
    "pipelining",
    "rustdocflags",
    "rustflags",
    "target",
    "target-dir",
];
/// Settings of `net` that name no program.
const OF_NET: &[&str] = &["offline", "retry"];
/// Settings of a target that cargo uses only where it builds, and those that
/// are only text for the compiler.
const OF_TARGET: &[&str] = &["rustdocflags", "rustflags"];
/// Programs that are what they are called.
const PROGRAMS: &[&str] = &["", "rustc", "rustdoc", "sccache"];

/// Reads the settings in force for a command that would not ask otherwise.
pub(super) fn resolve(line: &CommandLine<'_>, invocation: &mut Invocation) {
    if invocation.effects.strictest() > Effect::Local {
        return;
    }
    judge_toolchain(line, invocation);
    let first = invocation.command.first().cloned().unwrap_or_default();
    if WITHOUT_SETTINGS.contains(&first.as_str()) {
        return;
    }
    for folder in line.cwd.ancestors() {
        for name in [".cargo/config.toml", ".cargo/config"] {
            let path = folder.join(name);
            let Some(text) = content(line, &path, "cargo settings", invocation) else {
                continue;
            };
            let text = std::str::from_utf8(&text).unwrap_or("=");
            match text.parse::<Table>() {
                Err(_) => refuse_file(&path, "cargo settings", "it is no TOML", invocation),
                Ok(settings) => {
                    if let Some(name) = first_odd(&settings, &first) {
                        let path = path.to_string_lossy();
                        let reason = format!(
                            "`{name}` of `{path}` can make cargo start a program or lead it \
                             elsewhere"
                        );
                        invocation.add(Effect::Unknown, &reason);
                    }
                }
            }
        }
    }
}

/// Judges the file that names the toolchain: with a path, cargo itself comes
/// from there. Source: the rustup book, "Overrides".
fn judge_toolchain(line: &CommandLine<'_>, invocation: &mut Invocation) {
    for folder in line.cwd.ancestors() {
        for name in ["rust-toolchain", "rust-toolchain.toml"] {
            let path = folder.join(name);
            let Some(text) = content(line, &path, "toolchain file", invocation) else {
                continue;
            };
            if !names_channel(&text) {
                let problem = "it can name a folder that cargo comes from";
                refuse_file(&path, "toolchain file", problem, invocation);
            }
        }
    }
}

/// Tells whether a toolchain is named by its channel: alone in the file, or in
/// a table without a path.
fn names_channel(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let is_channel = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    match text.parse::<Table>() {
        Ok(file) => match file.get("toolchain") {
            Some(Value::Table(table)) => !table.contains_key("path"),
            _ => file.is_empty(),
        },
        Err(_) => text.trim().chars().all(is_channel),
    }
}

/// Returns the first setting that is not plainly harmless to a command.
fn first_odd<'s>(settings: &'s Table, command: &str) -> Option<&'s str> {
    let mut all = settings.iter();
    let found = all.find(|(name, value)| !is_harmless(name, value, command));
    found.map(|(name, _)| name.as_str())
}

fn is_harmless(name: &str, value: &Value, command: &str) -> bool {
    let Value::Table(table) = value else {
        return false;
    };
    let holds_only = |known: &[&str]| table.keys().all(|key| known.contains(&key.as_str()));
    match name {
        // An alias stands for no command that cargo has itself.
        "alias" => !table.contains_key(command),
        "build" => table.iter().all(|(key, value)| {
            let is_program = matches!(key.as_str(), "rustc" | "rustc-wrapper" | "rustdoc")
                && value.as_str().is_some_and(|name| PROGRAMS.contains(&name));
            is_program || OF_BUILD.contains(&key.as_str())
        }),
        "net" => holds_only(OF_NET),
        "target" => table.values().all(|target| {
            let table = target.as_table();
            table.is_some_and(|table| table.keys().all(|key| OF_TARGET.contains(&key.as_str())))
        }),
        _ => HARMLESS.contains(&name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_that_start_nothing_are_harmless() {
        for (text, odd) in [
            (
                "[build]\njobs = 2\ntarget-dir = \"t\"\nrustc-wrapper = \"sccache\"",
                None,
            ),
            ("[alias]\nxtask = \"run\"\n[term]\ncolor = \"never\"", None),
            ("[net]\nretry = 2\n[profile.dev]\ndebug = 0", None),
            ("[alias]\ntree = \"run\"", Some("alias")),
            ("[build]\nrustc = \"./x\"", Some("build")),
            ("build.rustc-wrapper = \"./x\"", Some("build")),
            ("[target.x]\nrunner = \"./x\"", Some("target")),
            ("[env]\nLD_PRELOAD = \"x\"", Some("env")),
            ("paths = [\"x\"]", Some("paths")),
            ("include = [\"x\"]", Some("include")),
            (
                "[registry]\nglobal-credential-providers = [\"./x\"]",
                Some("registry"),
            ),
        ] {
            let settings: Table = text.parse().unwrap();
            assert_eq!(first_odd(&settings, "tree"), odd, "{text}");
        }
    }

    #[test]
    fn a_toolchain_is_named_by_its_channel() {
        for (text, is_channel) in [
            ("1.90.0\n", true),
            ("nightly-2026-01-01", true),
            ("[toolchain]\nchannel = \"stable\"\n", true),
            ("", true),
            ("[toolchain]\npath = \"./x\"\n", false),
            ("toolchain = 1\n", false),
            ("/tmp/x", false),
        ] {
            assert_eq!(names_channel(text.as_bytes()), is_channel, "{text}");
        }
    }
}
