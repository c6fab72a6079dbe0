//! kuberc: aliases, and flags that kubectl adds by itself. Versions disagree on
//! whether it is read at all; where it is, it can change what a command does.
//!
//! An alias can't stand for a subcommand of kubectl's own, so that a command
//! that gate knows is never one. Source: Kubernetes, KEP-3104 and
//! `kubectl/pkg/kuberc`.

use super::yaml::{self, Node};
use super::{content, home_file, option, refuse_file};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::profile::Text;

/// Flags that may be added, with the values that say nothing else than how
/// something is shown, or that a person is asked.
const PLAIN: &[(&str, &[&str])] = &[
    ("interactive", &["true", "false"]),
    ("no-headers", &["true", "false"]),
    ("output", &["wide", "name"]),
    ("server-side", &["true", "false"]),
    ("show-labels", &["true", "false"]),
    ("show-kind", &["true", "false"]),
];

/// Adds what the kuberc in force makes of the command.
pub(super) fn read(line: &CommandLine<'_>, invocation: &mut Invocation) {
    // Another file than this, by an option or a variable, is `unknown` anyway.
    let is_off = line.env.get("KUBERC").is_some_and(|value| value == "off")
        || line
            .env
            .get("KUBECTL_KUBERC")
            .is_some_and(|value| value == "false")
        || option(invocation, "kuberc").is_some();
    if is_off {
        return;
    }
    let path = home_file(line, ".kube/kuberc");
    let Some(text) = content(line, &path, "kuberc", invocation) else {
        return;
    };
    let added = yaml::read(&text).and_then(|file| flags_of(&file, &invocation.command));
    match added {
        Err(problem) => refuse_file(&path, "kuberc", &problem, invocation),
        Ok(flags) => {
            for (name, value) in flags {
                if !is_plain(&name, &value) {
                    let reason = format!("the kuberc adds `--{name}={value}` to the command");
                    invocation.add(Effect::Unknown, &reason);
                }
            }
        }
    }
}

/// Returns the flags that a kuberc adds to a command, in either of its forms.
fn flags_of(file: &Node, command: &[Text]) -> Result<Vec<(String, String)>, String> {
    let mut added = Vec::new();
    for (list, flags) in [("defaults", "options"), ("overrides", "flags")] {
        for entry in file.sequence(list)? {
            let mut words = entry.text("command")?.split_whitespace();
            let is_meant =
                command.iter().all(|word| words.next() == Some(&**word)) && words.next().is_none();
            if !is_meant {
                continue;
            }
            for flag in entry.sequence(flags)? {
                let (name, value) = (flag.text("name")?, flag.text("default")?);
                added.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    Ok(added)
}

fn is_plain(name: &str, value: &str) -> bool {
    PLAIN
        .iter()
        .any(|(known, values)| *known == name && values.contains(&value))
}
