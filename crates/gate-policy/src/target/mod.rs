//! The target as the tool itself would resolve it: from its options, its
//! variables and the files in force.
//!
//! The words of argv name a part of it (`--context dev`); what that stands for
//! is in files. They are read through [`Files`](crate::Files), so that what was
//! judged is bound, and become inputs like those that a profile lists. A file
//! that is there and is not understood makes the command `unknown`: it could
//! lead anywhere. One that is not there says what its absence says to the tool, but only where all
//! files can be seen ([`Files::sees_all`](crate::Files::sees_all)).

mod aws;
mod az;
mod az_servers;
mod cargo;
mod docker;
mod forge;
mod forge_host;
mod gcloud;
mod git;
mod git_config;
mod host;
mod ini;
mod kubeconfig;
mod kuberc;
mod kubernetes;
mod libpq;
mod login;
mod made;
mod pulumi;
mod settings;
mod ssh;
mod terraform;
mod terraformrc;
mod yaml;

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::command_line::{CommandLine, FileError, joined};
use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::profile::ToolSpec;
use crate::read::MAX_SCRIPT_BYTES;
pub(crate) use git::pointed;
pub(crate) use host::{has_host, settled};

/// Writes what the files in force say of the target, and the effects that they
/// add.
pub(crate) fn resolve(line: &CommandLine<'_>, spec: &ToolSpec, invocation: &mut Invocation) {
    match spec.name.as_ref() {
        "ansible" => {
            settings::judge_ansible(line, invocation);
            ssh::judge_settings(line, "hosts", invocation);
        }
        "ansible-galaxy" | "ansible-inventory" | "ansible-playbook" | "ansible-vault" => {
            settings::judge_ansible(line, invocation);
        }
        "aws" => aws::resolve(line, spec, invocation),
        "az" => az::resolve(line, invocation),
        "cargo" => cargo::resolve(line, invocation),
        "bq" => settings::judge_bq(line, invocation),
        "docker" => docker::resolve(line, invocation),
        "gcloud" => gcloud::resolve(line, invocation),
        "gh" | "glab" => {
            forge::resolve(line, spec, invocation);
            settings::judge_forge(line, spec, invocation);
        }
        "git" => git::resolve(line, invocation),
        "helm" => kubernetes::resolve_for_helm(line, invocation),
        "kubectl" => kubernetes::resolve(line, invocation),
        "podman" => docker::resolve_for_podman(line, invocation),
        "psql" => libpq::resolve(line, invocation),
        "pulumi" => pulumi::resolve(line, invocation),
        "rsync" => {
            settings::judge_popt(line, invocation);
            ssh::judge_settings(line, "host", invocation);
        }
        "scp" | "sftp" => ssh::judge_settings(line, "host", invocation),
        "ssh" => ssh::resolve(invocation),
        "terraform" => terraform::resolve(line, invocation),
        _ => {}
    }
    made::judge(line, spec, invocation);
    host::settle(&mut invocation.target);
}

/// Returns the fields that only the files in force, or what an address is made of,
/// can say: no word or variable of the profile sets them alone.
pub(crate) fn resolved_fields(tool: &str) -> &'static [&'static str] {
    match tool {
        "aws" => &[
            "account",
            "config_file",
            "credentials_file",
            "endpoint",
            "login",
            "region",
            "role",
        ],
        "az" => &["cloud", "subscription_id", "tenant"],
        "gcloud" => &["proxy", "tls"],
        "git" => &["branch", "refspecs", "remote", "url"],
        "helm" | "kubectl" => &[
            "as",
            "cluster",
            "context",
            "login",
            "namespace",
            "proxy",
            "server",
            "tls",
            "user",
        ],
        "mongosh" => &["database", "host"],
        "psql" => &["address", "database"],
        "redis-cli" => &["database", "host", "port"],
        "terraform" => &["backend", "state", "workspace"],
        _ => &[],
    }
}

/// Returns the content of a file in force: nothing where there is none. What
/// can't be read makes the command unknown.
fn content<'f>(
    line: &CommandLine<'f>,
    path: &Path,
    role: &str,
    invocation: &mut Invocation,
) -> Option<Cow<'f, [u8]>> {
    if path == Path::new("/dev/null") {
        return None;
    }
    let whole = if path.is_absolute() {
        Cow::Borrowed(path)
    } else {
        Cow::Owned(line.cwd.join(path))
    };
    let problem = match line.files.read(&whole) {
        Ok(content) if content.len() <= MAX_SCRIPT_BYTES => return Some(content),
        Ok(_) => "it is too long".to_owned(),
        Err(FileError::Absent) => return None,
        Err(FileError::Unreadable(problem)) => problem,
    };
    refuse_file(path, role, &problem, invocation);
    None
}

/// Makes the command unknown because a file in force is not understood.
fn refuse_file(path: &Path, role: &str, problem: &str, invocation: &mut Invocation) {
    let path = path.to_string_lossy();
    let reason = format!("the {role} `{path}` is not understood: {problem}");
    invocation.add(Effect::Unknown, &reason);
}

/// Writes a field of the target, where something is known of it.
fn set(invocation: &mut Invocation, field: &str, value: &str) {
    if !value.is_empty() {
        let value = without_password(value);
        invocation
            .target
            .insert(field.to_owned(), value.into_owned());
    }
}

/// Returns the field of the target that options and variables have named.
fn named<'i>(invocation: &'i Invocation, field: &str) -> &'i str {
    invocation.target.get(field).map_or("", String::as_str)
}

/// Tells whether the profile knows a value as harmless for a variable, so that it is in a file too.
fn is_harmless(spec: &ToolSpec, variable: &str, value: &str) -> bool {
    let mut known = spec.environment.iter().filter(|one| one.name == variable);
    value.is_empty() || known.any(|one| one.harmless.iter().any(|name| name == value))
}

/// Returns a file below `HOME`, or below the working directory without it.
fn home_file(line: &CommandLine<'_>, name: &str) -> PathBuf {
    let home = line.env.get("HOME").unwrap_or_default();
    joined([line.cwd, Path::new(home), Path::new(name)])
}

/// Returns the value of the last use of an option; a switch that stands alone
/// has an empty one.
fn option<'i>(invocation: &'i Invocation, name: &str) -> Option<&'i [u8]> {
    let last = invocation.options.iter().rfind(|used| used.name == name)?;
    Some(last.value.as_deref().unwrap_or_default())
}

/// Tells whether a word holds a path with another name behind a mark than this one, in letters of
/// any size: `/subscriptions/OTHER/…`.
fn names_another(argv: &[OsString], mark: &str, own: &str) -> bool {
    argv.iter().any(|word| {
        let word = word.to_string_lossy().to_ascii_lowercase();
        let mut paths = word.split(mark).skip(1);
        paths.any(|path| {
            let name = path.split(['/', '?', '"', '\'', ',', ' ']).next();
            name.is_some_and(|name| !name.eq_ignore_ascii_case(own))
        })
    })
}

/// Returns an address without the password in it: the target is shown and
/// recorded in clear.
fn without_password(address: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = address.split_once("://") else {
        return Cow::Borrowed(address);
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let Some((credentials, host)) = authority.rsplit_once('@') else {
        return Cow::Borrowed(address);
    };
    let behind = rest.get(authority.len()..).unwrap_or_default();
    // A name without a password is no secret, but for a token that stands alone.
    let is_name = matches!(credentials, "git" | "hg" | "ssh") && scheme != "https";
    let name = if is_name { credentials } else { "…" };
    Cow::Owned(format!("{scheme}://{name}@{host}{behind}"))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::profile::builtin;

    #[test]
    fn no_password_of_an_address_becomes_part_of_the_target() {
        for (address, shown) in [
            ("https://h:6443/x", "https://h:6443/x"),
            ("https://u:p@h/x@y", "https://…@h/x@y"),
            ("https://ghp_x@github.com/a/b", "https://…@github.com/a/b"),
            ("ssh://git@github.com/a/b", "ssh://git@github.com/a/b"),
            ("http://u:p@q@h", "http://…@h"),
            ("git@github.com:a/b", "git@github.com:a/b"),
        ] {
            assert_eq!(without_password(address), shown);
        }
    }

    #[test]
    fn the_page_about_rules_lists_the_fields_of_each_tool() {
        let page = include_str!("../../../../docs/rules.md");
        let (_, table) = page
            .split_once("| tool | fields of its target |\n")
            .unwrap();
        let mut listed = BTreeMap::new();
        for row in table.lines().skip(1).take_while(|row| !row.is_empty()) {
            let mut cells = row.split('|').skip(1).map(quoted);
            let (tools, fields) = (cells.next().unwrap(), cells.next().unwrap());
            listed.extend(tools.into_iter().map(|tool| (tool, fields.clone())));
        }
        let mut known = BTreeMap::new();
        for tool in builtin() {
            let fields: BTreeSet<String> = tool.target_fields().map(str::to_owned).collect();
            if !fields.is_empty() {
                known.insert(tool.name.to_string(), fields);
            }
        }
        for (tool, fields) in &known {
            assert_eq!(listed.get(tool), Some(fields), "{tool}");
        }
        assert_eq!(listed, known);
    }

    fn quoted(cell: &str) -> BTreeSet<String> {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    }
}
