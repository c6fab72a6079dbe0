//! What ansible takes from an inventory, from variables and from playbooks.
//!
//! An inventory that is a program is started, and templates in variables call
//! lookups, one of which starts any program: both also where ansible only lists.

use std::path::{Component, Path};

use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation};
use crate::read::path_of;
use crate::read::words::{Parsed, Use, shown};

/// What must not stand in the text of an inventory that is only read. With a
/// backslash anything can be written.
const IN_INVENTORY: &[&[u8]] = &[
    b"\\",
    b"{{",
    b"{%",
    b"{#",
    b"_args",
    b"_executable",
    b"_interpreter",
    b"ansible_connection",
    b"plugin",
];
/// What must not stand in a playbook that is only listed.
const IN_PLAYBOOK: &[&[u8]] = &[
    b"lookup",
    b"query",
    b"#jinja2",
    b"import_",
    b"include",
    b"roles",
    b"vars_files",
    b"\\",
    b"{%",
    b"{#",
];
/// Folders beside a playbook, or where there is none of the working folder, whose files are
/// programs or more of it.
const PLUGIN_FOLDERS: &[&str] = &[
    "action_plugins",
    "become_plugins",
    "cache_plugins",
    "callback_plugins",
    "collections",
    "connection_plugins",
    "filter_plugins",
    "inventory_plugins",
    "library",
    "lookup_plugins",
    "module_utils",
    "strategy_plugins",
    "test_plugins",
    "vars_plugins",
];
/// Folders beside an inventory or a playbook whose files set variables.
const VARIABLE_FOLDERS: &[&str] = &["group_vars", "host_vars"];
/// Databases that `getent` prints without a secret.
const PLAIN_DATABASES: &[&str] = &[
    "ahosts",
    "aliases",
    "ethers",
    "group",
    "hosts",
    "netgroup",
    "networks",
    "passwd",
    "protocols",
    "rpc",
    "services",
];

pub(crate) fn read(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    for used in &parsed.uses {
        let value = used.value.unwrap_or_default();
        match used.name.as_ref() {
            "inventory" | "inventory-file" => judge_inventory(line, value, invocation),
            "extra-vars" => judge_variables(value, invocation),
            _ => {}
        }
    }
    judge_arguments(&parsed.uses, invocation);
    judge_working_folder(line, invocation);
    let is_given = |name: &str| parsed.uses.iter().any(|used| used.name == name && used.on);
    let is_quiet = ["help", "version", "list-hosts"].into_iter().any(is_given);
    if parsed.spec.name == "ansible" && !is_given("module-name") && !is_quiet {
        let reason = "without `-m` ansible runs a command on the hosts";
        invocation.add(Effect::Execute, reason);
    }
    if parsed.spec.name != "ansible-playbook" || invocation.effects.contains(Effect::Execute) {
        return;
    }
    for operand in &parsed.operands {
        judge_neighbours(line, operand.bytes, PLUGIN_FOLDERS, invocation);
        judge_neighbours(line, operand.bytes, VARIABLE_FOLDERS, invocation);
        let content = line.files.read(&line.cwd.join(path_of(operand.bytes)));
        let is_plain = content.is_ok_and(|text| is_plain_playbook(&text));
        if !is_plain {
            let name = shown(operand.bytes);
            let reason =
                format!("`{name}` can call a lookup or lead to others also when it is listed");
            invocation.add(Effect::Unknown, &reason);
        }
    }
}

/// Tells whether a playbook names nothing that listing it would start: its
/// templates are names of variables and filters alone.
fn is_plain_playbook(text: &[u8]) -> bool {
    let is_plain = |letter: &u8| letter.is_ascii_alphanumeric() || b"_.| ".contains(letter);
    let mut rest = text;
    while let Some(start) = rest.windows(2).position(|two| two == b"{{") {
        let inside = rest.get(start + 2..).unwrap_or_default();
        let end = inside.iter().position(|letter| !is_plain(letter));
        let behind = inside
            .get(end.unwrap_or(inside.len())..)
            .unwrap_or_default();
        if !behind.starts_with(b"}}") {
            return false;
        }
        rest = behind;
    }
    !holds(text, IN_PLAYBOOK) && !calls_query(text)
}

/// Tells whether `q`, which is short for `query`, is called.
fn calls_query(text: &[u8]) -> bool {
    let is_of_name = |letter: &u8| letter.is_ascii_alphanumeric() || *letter == b'_';
    (0..text.len()).any(|at| {
        let (before, rest) = text.split_at(at);
        rest.strip_prefix(b"q").is_some_and(|rest| {
            rest.trim_ascii_start().starts_with(b"(") && !before.last().is_some_and(is_of_name)
        })
    })
}

fn judge_inventory(line: &CommandLine<'_>, value: &[u8], invocation: &mut Invocation) {
    // A list of hosts has a comma in it.
    if value.contains(&b',') {
        if holds(value, IN_INVENTORY) {
            invocation.add(Effect::Unknown, "a template stands in the list of hosts");
        }
        return;
    }
    let name = shown(value);
    judge_neighbours(line, value, VARIABLE_FOLDERS, invocation);
    match line.files.read(&line.cwd.join(path_of(value))) {
        Ok(content) if !is_plain_text(&content) => {
            let reason = format!("inventory `{name}` is a program, which ansible starts");
            invocation.add(Effect::Execute, &reason);
        }
        Ok(content) if !holds(&content, IN_INVENTORY) => {}
        Ok(_) => {
            let reason =
                format!("inventory `{name}` says how ansible connects, or holds a template");
            invocation.add(Effect::Unknown, &reason);
        }
        Err(problem) => {
            let reason = format!("can't read inventory `{name}`: {problem}");
            invocation.add(Effect::Unknown, &reason);
        }
    }
}

/// Tells whether a file is no program that a system starts.
fn is_plain_text(content: &[u8]) -> bool {
    let is_plain = |letter: char| !letter.is_control() || matches!(letter, '\t' | '\n' | '\r');
    let text = std::str::from_utf8(content);
    text.is_ok_and(|text| !text.starts_with("#!") && text.chars().all(is_plain))
}

/// Looks for folders beside an inventory or a playbook that count with it, and
/// binds them: what appears there would count too.
fn judge_neighbours(
    line: &CommandLine<'_>,
    value: &[u8],
    folders: &[&str],
    invocation: &mut Invocation,
) {
    let name = path_of(value);
    let mut parts = name.components();
    let goes_back = parts.any(|part| !matches!(part, Component::ParentDir | Component::CurDir))
        && parts.any(|part| part == Component::ParentDir);
    // ansible expands these, and takes `..` back in the text of the name.
    if goes_back || value.contains(&b'~') || value.contains(&b'$') {
        let reason = format!("`{}` can be another file to ansible", shown(value));
        invocation.add(Effect::Unknown, &reason);
    }
    let folder = line.cwd.join(name.parent().unwrap_or(Path::new("")));
    for below in folders {
        let path = folder.join(below);
        judge_folder(line, &path, invocation);
        invocation.add_input(Input::unnamed(
            InputKind::Directory,
            path,
            "variables and plugins",
        ));
    }
}

/// Looks in the working folder, from where all of ansible's programs take plugins.
fn judge_working_folder(line: &CommandLine<'_>, invocation: &mut Invocation) {
    for below in PLUGIN_FOLDERS.iter().chain(VARIABLE_FOLDERS) {
        judge_folder(line, &line.cwd.join(below), invocation);
    }
}

fn judge_folder(line: &CommandLine<'_>, path: &Path, invocation: &mut Invocation) {
    if line.files.kind(path).is_some() {
        let path = path.display();
        let reason = format!("`{path}` sets variables or holds plugins, which start programs");
        invocation.add(Effect::Unknown, &reason);
    }
}

/// Judges what the arguments of a module add to it.
fn judge_arguments(uses: &[Use<'_>], invocation: &mut Invocation) {
    let last = |name: &str| {
        let one = uses.iter().rfind(|one| one.name == name);
        one.and_then(|one| one.value)
    };
    let (Some(module), Some(arguments)) = (last("module-name"), last("args")) else {
        return;
    };
    let module = module.strip_prefix(b"ansible.builtin.").unwrap_or(module);
    match module {
        b"getent" if !names_plain_database(arguments) => {
            invocation.add(
                Effect::Secret,
                "the database can hold the hashes of passwords",
            );
        }
        b"setup" | b"gather_facts" if holds(arguments, &[b"fact_path"]) => {
            let reason = "the hosts start the programs of the folder of facts";
            invocation.add(Effect::Execute, reason);
        }
        _ => {}
    }
}

/// Tells whether each database that arguments name is a plain one, and one is.
fn names_plain_database(arguments: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(arguments) else {
        return false;
    };
    let words = text.split_whitespace();
    let mut databases = words
        .filter_map(|word| word.strip_prefix("database="))
        .peekable();
    let is_simple = !text.contains(['\'', '"', '\\', '{']);
    is_simple && databases.peek().is_some() && databases.all(|name| PLAIN_DATABASES.contains(&name))
}

fn judge_variables(value: &[u8], invocation: &mut Invocation) {
    let leads_on = value.starts_with(b"@") || value.contains(&b'{') || value.contains(&b'\\');
    if leads_on || holds(value, &[b"ansible_"]) {
        let reason = "a variable can name a program, or stands in a file or a template";
        invocation.add(Effect::Unknown, reason);
    }
}

fn holds(text: &[u8], parts: &[&[u8]]) -> bool {
    let mut parts = parts.iter();
    parts.any(|part| text.windows(part.len()).any(|found| found == *part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_wherever_it_stands() {
        assert!(holds(b"web ansible_ssh_common_args=x", IN_INVENTORY));
        assert!(is_plain_text("[web]\nweb-1 # zwölf\n".as_bytes()));
        for program in [&b"\x7fELF\x02\x01\x01\0"[..], b"#!/bin/sh\n", b"\xcf\xfa"] {
            assert!(!is_plain_text(program));
        }
        assert!(!holds(b"[web]\nweb-1\nweb-2\n", IN_INVENTORY));
    }

    #[test]
    fn templates_of_a_listed_playbook_are_names_and_filters() {
        for (text, is_plain) in [
            ("- hosts: all\n", true),
            ("- hosts: \"{{ group | lower }} {{ a.b }}\"\n", true),
            ("- hosts: \"{{ q ('pipe', 'x') }}\"\n", false),
            ("- hosts: \"{{ [x] }}\"\n", false),
            ("- hosts: \"{{ x\n", false),
            ("- hosts: all\n  vars: {x: q\n ('pipe')}\n", false),
            ("- hosts: seq (a)\n", true),
            ("- hosts: \"#jinja2: {{ x }} [[ y ]]\"\n", false),
        ] {
            assert_eq!(is_plain_playbook(text.as_bytes()), is_plain, "{text}");
        }
    }
}
