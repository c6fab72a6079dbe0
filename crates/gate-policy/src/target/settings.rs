//! Settings of the user's home, judged as those of `~/.my.cnf` are: only keys
//! that are known to start nothing and to lead nowhere pass.
//!
//! The home is where `HOME` says, which is the caller's to set.

use std::path::Path;

use super::yaml::{self, Node};
use super::{content, forge, home_file, ini, is_harmless, option, refuse_file};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::profile::ToolSpec;

/// Settings of ansible, each with its section.
#[rustfmt::skip]
const OF_ANSIBLE: &[(&str, &[&str])] = &[
    ("defaults", &[
        "any_errors_fatal", "deprecation_warnings", "display_args_to_stdout", "display_skipped_hosts", "force_color",
        "forks", "gather_subset", "gather_timeout", "gathering", "host_key_checking", "localhost_warning", "nocolor",
        "nocows", "poll_interval", "private_key_file", "remote_port", "remote_user", "retry_files_enabled",
        "show_custom_stats", "system_warnings", "timeout", "verbosity",
    ]),
    ("colors", &["changed", "debug", "error", "highlight", "ok", "skip", "unreachable", "verbose", "warn"]),
    ("diff", &["always", "context"]),
    ("privilege_escalation", &["become", "become_ask_pass", "become_user"]),
    ("ssh_connection", &["pipelining", "reconnection_retries", "retries", "timeout"]),
];
/// Options of `~/.bigqueryrc`.
#[rustfmt::skip]
const OF_BQ: &[&str] = &[
    "dataset_id", "format", "headless", "location", "max_results", "max_rows_per_request", "nosync",
    "nosynchronous_mode", "nouse_legacy_sql", "project_id", "quiet", "sync", "synchronous_mode", "use_legacy_sql",
];
/// Settings of gh and of glab that only shape what is shown, or say where.
#[rustfmt::skip]
const OF_FORGES: &[&str] = &[
    "accessible_colors", "accessible_prompter", "branch_prefix", "check_update", "color_labels",
    "display_hyperlinks", "git_protocol", "glamour_style", "host", "last_update_check_timestamp", "no_prompt",
    "prefer_editor_prompt", "prompt", "spinner", "telemetry", "version",
];
/// What glab keeps of each host: the token is of the same file.
#[rustfmt::skip]
const OF_HOSTS: &[&str] = &[
    "client_id", "container_registry_domains", "git_protocol", "is_oauth2", "job_token",
    "oauth2_code_verifier", "oauth2_expiry_date", "oauth2_refresh_token", "ssh_host", "token", "user",
];

/// Judges `~/.ansible.cfg`. An inventory that it names is read as one of argv.
pub(super) fn judge_ansible(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let says = |name| option(invocation, name).is_some();
    if says("help") || says("version") {
        return;
    }
    crate::ansible::judge_folder(line, &home_file(line, ".ansible/plugins"), invocation);
    let path = home_file(line, ".ansible.cfg");
    let Some(text) = content(line, &path, ROLE, invocation) else {
        return;
    };
    let ini = match ini::read(&text) {
        Ok(ini) => ini,
        Err(problem) => return refuse_file(&path, ROLE, &problem, invocation),
    };
    for section in &ini.sections {
        let known = OF_ANSIBLE.iter().find(|(name, _)| *name == section.name);
        let known = known.map_or(&[][..], |(_, known)| known);
        for (name, value) in &section.values {
            match name.as_str() {
                "inventory" if value.starts_with('/') && !value.contains([';', '#']) => {
                    crate::ansible::judge_inventory(line, value.as_bytes(), invocation);
                }
                "interpreter_python" if value.starts_with("auto") => {}
                name if known.contains(&name) && !value.contains('{') => {}
                name => refuse_key(&path, name, invocation),
            }
        }
    }
}

/// Judges `~/.bigqueryrc`, in which each line is an option of bq.
pub(super) fn judge_bq(line: &CommandLine<'_>, invocation: &mut Invocation) {
    let path = home_file(line, ".bigqueryrc");
    let Some(text) = content(line, &path, ROLE, invocation) else {
        return;
    };
    for line in String::from_utf8_lossy(&text).lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', '[']) {
            continue;
        }
        let name = line.split_once('=').map_or(line, |(name, _)| name);
        let name = name.trim().trim_start_matches('-');
        if !OF_BQ.contains(&name) {
            refuse_key(&path, name, invocation);
        }
    }
}

/// Judges the settings of gh or glab. A program that they name counts as one
/// that a variable of the profile names.
pub(super) fn judge_forge(line: &CommandLine<'_>, spec: &ToolSpec, invocation: &mut Invocation) {
    let files: &[&Path] = if spec.name == "gh" {
        &[&home_file(line, ".config/gh/config.yml")]
    } else {
        // glab has settings of a repository besides.
        &[
            &home_file(line, ".config/glab-cli/config.yml"),
            &line.cwd.join(".git/glab-cli/config.yml"),
        ]
    };
    for path in files {
        let Some(text) = content(line, path, ROLE, invocation) else {
            continue;
        };
        match yaml::read(&text) {
            Ok(Node::Mapping(entries)) => {
                for (name, value) in &entries {
                    if !is_plain_of_forge(spec, name, value, invocation) {
                        refuse_key(path, name, invocation);
                    }
                }
            }
            Ok(Node::Text(text)) if text.is_empty() => {}
            Ok(_) => refuse_file(path, ROLE, "it is no mapping", invocation),
            Err(problem) => refuse_file(path, ROLE, &problem, invocation),
        }
    }
}

fn is_plain_of_forge(spec: &ToolSpec, name: &str, value: &Node, invocation: &Invocation) -> bool {
    match (name, value) {
        ("browser", Node::Text(program)) => {
            !forge::opens_page(invocation) || forge::is_browser(program)
        }
        ("pager" | "glab_pager", Node::Text(program)) => is_harmless(spec, "PAGER", program),
        ("editor", Node::Text(program)) => {
            !invocation.does_more_than_read() || is_harmless(spec, "EDITOR", program)
        }
        ("http_unix_socket", Node::Text(path)) => path.is_empty(),
        // An alias never stands for a command that the tool has: it matters
        // where a version does not have the one that is called.
        ("aliases", Node::Mapping(aliases)) => !aliases.iter().any(|(alias, _)| {
            let first = alias.split_whitespace().next();
            first == invocation.command.first().map(AsRef::as_ref)
        }),
        ("aliases", Node::Text(none)) => none.is_empty(),
        ("api_protocol", Node::Text(protocol)) => matches!(&**protocol, "" | "https"),
        ("hosts", Node::Mapping(hosts)) => hosts.iter().all(|(host, says)| match says {
            Node::Mapping(entries) => {
                let mut entries = entries.iter();
                entries.all(|(name, value)| is_plain_of_host(host, name, value))
            }
            Node::Text(none) => none.is_empty(),
            Node::Sequence(_) => false,
        }),
        (name, Node::Text(_)) => OF_FORGES.contains(&name),
        (_, Node::Sequence(_) | Node::Mapping(_)) => false,
    }
}

/// Tells whether a setting of a host leads no token elsewhere, and none by plain `http`.
fn is_plain_of_host(host: &str, name: &str, value: &Node) -> bool {
    match (name, value) {
        ("api_host", Node::Text(other)) => other.is_empty() || other.eq_ignore_ascii_case(host),
        ("api_protocol", Node::Text(protocol)) => matches!(&**protocol, "" | "https"),
        (name, _) => OF_HOSTS.contains(&name),
    }
}

/// Judges the files in which popt, by which rsync reads its options, is told of more of them: an
/// alias of an option that is given adds others, `--rsh=PROGRAM` too. Source: popt(3), "OPTION
/// ALIASING".
pub(super) fn judge_popt(line: &CommandLine<'_>, invocation: &mut Invocation) {
    for path in ["/etc/popt".into(), home_file(line, ".popt")] {
        let Some(text) = content(line, &path, ROLE, invocation) else {
            continue;
        };
        // The first word of a line is the program, or a pattern of its name.
        let is_of_another = |line: &str| {
            let program = line.split_whitespace().next().unwrap_or("#");
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            program.starts_with('#') || (program != "rsync" && program.bytes().all(is_plain))
        };
        if !String::from_utf8_lossy(&text).lines().all(is_of_another) {
            let path = path.to_string_lossy();
            let reason = format!("`{path}` gives rsync options of another meaning");
            invocation.add(Effect::Unknown, &reason);
        }
    }
}

const ROLE: &str = "file of settings";

fn refuse_key(path: &Path, name: &str, invocation: &mut Invocation) {
    let path = path.to_string_lossy();
    let reason = format!("gate does not know what `{name}` of the settings `{path}` changes");
    invocation.add(Effect::Unknown, &reason);
}
