//! The daemon that docker and podman reach, and whether it is behind ssh.
//!
//! docker keeps a context in a folder that has the hash of its name. Source:
//! `cli/context/store` and `cli/command/cli.go` of docker 28.

use sha2::{Digest as _, Sha256};

use super::yaml::{self, Node};
use super::{content, home_file, named, option, refuse_file, set};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::Invocation;

const REASON: &str = "the daemon is behind ssh, whose settings can start a program";

/// Judges where docker goes, also for a mere read: behind ssh the daemon is
/// reached by a command on another machine.
pub(super) fn resolve(line: &CommandLine<'_>, invocation: &mut Invocation) {
    if is_behind_ssh(named(invocation, "host")) {
        invocation.add(Effect::Unknown, REASON);
    }
    drop_overridden(invocation);
    let context = named(invocation, "context").to_owned();
    if !context.is_empty() {
        return judge_context(line, &context, invocation);
    }
    if !named(invocation, "host").is_empty() {
        return;
    }
    let path = home_file(line, ".docker/config.json");
    let Some(text) = content(line, &path, "settings of docker", invocation) else {
        return;
    };
    match yaml::read(&text) {
        Ok(Node::Mapping(entries)) => {
            // docker takes a key in letters of any case.
            let is_current = |name: &str| name.eq_ignore_ascii_case("currentContext");
            for (_, value) in entries.iter().filter(|(name, _)| is_current(name)) {
                if let Node::Text(context) = value {
                    set(invocation, "context", context);
                    judge_context(line, context, invocation);
                }
            }
        }
        Ok(_) => {}
        Err(problem) => refuse_file(&path, "settings of docker", &problem, invocation),
    }
}

/// Leaves the one that counts of a host and a context: `--context`, `--host`,
/// `DOCKER_HOST`, `DOCKER_CONTEXT`. docker refuses the two options together.
fn drop_overridden(invocation: &mut Invocation) {
    let given = |name: &str| option(invocation, name).is_some();
    let (is_context, is_host) = (given("context"), given("host"));
    if is_context && !is_host {
        invocation.target.remove("host");
    } else if !is_context && invocation.target.contains_key("host") {
        invocation.target.remove("context");
    }
}

/// Where podman 5, and podman before it, keep the addresses of connections.
const CONNECTIONS: &[&str] = &[
    ".config/containers/podman-connections.json",
    ".config/containers/containers.conf",
];

/// Judges what podman is told. Which of two variables counts, versions disagree
/// on.
pub(super) fn resolve_for_podman(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let variables = ["CONTAINER_HOST", "DOCKER_HOST"];
    let mut values = variables.iter().filter_map(|name| line.env.get(name));
    if is_behind_ssh(named(invocation, "host"))
        || values.any(|value| is_behind_ssh(&value.to_string_lossy()))
    {
        invocation.add(Effect::Unknown, REASON);
    }
    if named(invocation, "connection").is_empty() && option(invocation, "remote").is_none() {
        return;
    }
    for name in CONNECTIONS {
        let path = home_file(line, name);
        let text = content(line, &path, "connections of podman", invocation);
        // Which of them is meant hardly matters: those that are kept are by ssh.
        if text.is_some_and(|text| may_name_ssh(&text)) {
            let reason =
                "a connection of podman can be behind ssh, whose settings can start a program";
            invocation.add(Effect::Unknown, reason);
        }
    }
}

/// Tells whether a text, in which a backslash can write any letter, can hold an
/// address behind ssh.
fn may_name_ssh(text: &[u8]) -> bool {
    text.contains(&b'\\')
        || text
            .windows(3)
            .any(|part| part.eq_ignore_ascii_case(b"ssh"))
}

/// Judges a context by the file that docker keeps of it.
fn judge_context(line: &CommandLine<'_>, name: &str, invocation: &mut Invocation) {
    if name.is_empty() || name == "default" {
        return;
    }
    let digest = hex(&Sha256::digest(name.as_bytes()));
    let path = home_file(line, &format!(".docker/contexts/meta/{digest}/meta.json"));
    let Some(text) = content(line, &path, "context of docker", invocation) else {
        return;
    };
    match yaml::read(&text) {
        Ok(document) => {
            if leads_behind_ssh(&document) {
                invocation.add(Effect::Unknown, REASON);
            }
            if let Some(host) = daemon(&document) {
                set(invocation, "host", host);
            }
        }
        Err(problem) => refuse_file(&path, "context of docker", &problem, invocation),
    }
}

/// Returns the address of the daemon in the file of a context.
fn daemon(document: &Node) -> Option<&str> {
    match document.get("Endpoints")?.get("docker")?.get("Host")? {
        Node::Text(host) => (!host.is_empty()).then_some(host),
        Node::Sequence(_) | Node::Mapping(_) => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = halves.filter_map(|half| char::from_digit(u32::from(half), 16));
    digits.collect()
}

/// Tells whether any text of a document is an address behind ssh.
fn leads_behind_ssh(node: &Node) -> bool {
    match node {
        Node::Text(text) => is_behind_ssh(text),
        Node::Sequence(nodes) => nodes.iter().any(leads_behind_ssh),
        Node::Mapping(entries) => entries.iter().any(|(_, node)| leads_behind_ssh(node)),
    }
}

fn is_behind_ssh(address: &str) -> bool {
    let start = address.trim_start().get(..6);
    start.is_some_and(|start| start.eq_ignore_ascii_case("ssh://"))
}
