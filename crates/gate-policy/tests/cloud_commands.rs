//! Holds the lists of commands of gcloud and az: what a name gives away is in
//! its effect.
//!
//! The promise: "A read that reveals credentials or secrets is `secret`,
//! permission changes are `access`", and what is in no list asks.

use std::ffi::OsString;
use std::path::Path;

use gate_policy::profile::{ToolSpec, find_builtin};
use gate_policy::{CommandLine, Effect, Environment, NoFiles, Stdin, read_invocation};

/// Commands that pass although a word of theirs speaks of a secret or of
/// permissions: they were looked at one by one. They print names, public parts,
/// who may do what, or how something is set up.
const LOOKED_AT: &str = include_str!("cloud_commands.txt");

/// Parts of words that speak of something that must not be shown.
const REVEALING: &[&str] = &[
    "secret",
    "password",
    "passw",
    "token",
    "credential",
    "creds",
    "private-key",
    "key",
    "keys",
    "connection-string",
    "sas",
    "jwt",
    "decrypt",
    "kubeconfig",
    "publishing",
    "cat",
    "access",
];
/// Verbs that a command never has which only reads.
const ACTING: &[&str] = &[
    "add", "apply", "assign", "cancel", "create", "delete", "deploy", "destroy", "disable",
    "enable", "exec", "import", "invoke", "move", "patch", "purge", "remove", "replace", "reset",
    "restart", "restore", "revoke", "rotate", "run", "set", "ssh", "start", "stop", "submit",
    "update", "upload",
];

fn tools() -> Vec<&'static ToolSpec> {
    let tools = ["gcloud", "az"].into_iter();
    tools
        .filter_map(|tool| find_builtin(tool.as_bytes()))
        .collect()
}

fn effect(tool: &str, command: &str) -> Effect {
    let words = std::iter::once(tool).chain(command.split(' '));
    let argv: Vec<OsString> = words.map(OsString::from).collect();
    read_invocation(&CommandLine {
        argv: &argv,
        env: &Environment::default(),
        cwd: Path::new("/"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    })
    .effect
}

/// Tells whether a word has one of these parts between its dashes.
fn speaks_of(word: &str, parts: &[&str]) -> bool {
    let dashed = format!("-{word}-");
    let mut parts = parts.iter();
    parts.any(|part| dashed.contains(&format!("-{part}-")))
}

#[test]
fn every_listed_command_is_read_with_the_effect_of_the_list() {
    assert_eq!(tools().len(), 2);
    for tool in tools() {
        let mut count = 0;
        for (command, listed) in tool.listed_commands() {
            let effect = effect(&tool.name, &command);
            count += 1;
            // What stands in the profile itself knows more.
            let has_entry = ["storage ", "login", "account set", "rest"]
                .iter()
                .any(|start| command.starts_with(start));
            if !has_entry {
                assert_eq!(effect.as_str(), listed, "{} {command}", tool.name);
            }
        }
        assert!(count > 5_000, "{}: {count}", tool.name);
    }
}

#[test]
fn no_command_whose_name_speaks_of_a_secret_passes_unseen() {
    let mut passing = Vec::new();
    for tool in tools() {
        for (command, _) in tool.listed_commands() {
            if effect(&tool.name, &command) > Effect::Local {
                continue;
            }
            let line = format!("{} {command}", tool.name);
            let speaks = command.split(' ').any(|word| speaks_of(word, REVEALING));
            if speaks && !LOOKED_AT.lines().any(|known| known == line) {
                passing.push(line);
            }
        }
    }
    assert!(passing.is_empty(), "{}", passing.join("\n"));
}

#[test]
fn no_command_whose_verb_acts_passes() {
    for tool in tools() {
        for (command, _) in tool.listed_commands() {
            let verb = command.split(' ').next_back().unwrap_or_default();
            let first = verb.split('-').next().unwrap_or_default();
            if ACTING.contains(&verb) || (ACTING.contains(&first) && verb != "check-in") {
                let effect = effect(&tool.name, &command);
                assert!(
                    effect > Effect::Local,
                    "{} {command} is {effect}",
                    tool.name
                );
            }
        }
    }
}
