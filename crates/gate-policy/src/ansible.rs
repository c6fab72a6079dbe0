//! What ansible takes from an inventory, from variables and from playbooks.
//!
//! An inventory that is a program is started, and templates in variables call
//! lookups, one of which starts any program: both also where ansible only lists.

use std::path::{Component, Path};

use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::{Input, InputKind, Invocation};
use crate::read::path_of;
use crate::read::secret_files::reveals;
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
    b"plugin",
];
/// Variables of an inventory that say where and as whom, and start nothing. Of
/// ansible's own all others can: one names the module that gathers facts.
const PLAIN_VARIABLES: &[&[u8]] = &[
    b"ansible_become",
    b"ansible_become_pass",
    b"ansible_become_password",
    b"ansible_become_user",
    b"ansible_host",
    b"ansible_password",
    b"ansible_port",
    b"ansible_ssh_host",
    b"ansible_ssh_pass",
    b"ansible_ssh_port",
    b"ansible_ssh_private_key_file",
    b"ansible_ssh_user",
    b"ansible_user",
];
/// How the names of ansible's own variables begin.
const OWN: &[u8] = b"ansible_";
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
            "args" => {}
            name => {
                judge_word(value, invocation);
                if name == "limit" {
                    judge_limit(line, value, invocation);
                }
            }
        }
    }
    for operand in &parsed.operands {
        judge_word(operand.bytes, invocation);
    }
    judge_arguments(line, &parsed.uses, invocation);
    judge_working_folder(line, invocation);
    let is_given = |name: &str| parsed.uses.iter().any(|used| used.name == name && used.on);
    let is_quiet = ["help", "version", "list-hosts"].into_iter().any(is_given);
    if parsed.spec.name == "ansible" && !is_given("module-name") && !is_quiet {
        let reason = "without `-m` ansible runs a command on the hosts";
        invocation.add(Effect::Execute, reason);
    }
    if parsed.spec.name == "ansible-playbook" && invocation.does_more_than_read() {
        for operand in &parsed.operands {
            crate::played::follow(line, operand.bytes, invocation);
        }
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
    (0..text.len()).any(|at| {
        let (before, rest) = text.split_at(at);
        rest.strip_prefix(b"q").is_some_and(|rest| {
            rest.trim_ascii_start().starts_with(b"(")
                && !before.last().copied().is_some_and(is_of_name)
        })
    })
}

pub(crate) fn judge_inventory(line: &CommandLine<'_>, value: &[u8], invocation: &mut Invocation) {
    // A list of hosts has a comma in it.
    if value.contains(&b',') {
        if !is_plain_inventory(value) {
            let reason = "a template or an option of ssh stands in the list of hosts";
            invocation.add(Effect::Unknown, reason);
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
        Ok(content) if is_plain_inventory(&content) => {}
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

/// Tells whether an inventory only names hosts, and says where they are.
fn is_plain_inventory(text: &[u8]) -> bool {
    let text = without_quotes(text);
    !holds(&text, IN_INVENTORY)
        && own_variables(&text).all(|name| PLAIN_VARIABLES.contains(&name))
        && !holds_option(&text)
}

/// Takes quotes out: ansible splits a line of hosts as a shell does, and a name
/// can be put together from parts of which some stand in quotes.
fn without_quotes(text: &[u8]) -> Vec<u8> {
    let letters = text.iter().copied();
    letters.filter(|letter| !b"'\"".contains(letter)).collect()
}

/// Returns the names that begin as those of ansible's own variables do.
fn own_variables(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts = (0..text.len()).filter_map(|at| text.get(at..));
    starts.filter(|rest| rest.starts_with(OWN)).map(|rest| {
        rest.split(|letter| !is_of_name(*letter))
            .next()
            .unwrap_or(rest)
    })
}

/// Tells whether a word looks like an option, as which ssh would take the name
/// of a host that begins so.
fn holds_option(text: &[u8]) -> bool {
    let is_option = |two: &[u8]| matches!(two, [b'-', next] if next.is_ascii_alphanumeric());
    let ends_before = |letter: u8| letter.is_ascii_whitespace() || b"=:,@[{&!|>".contains(&letter);
    text.get(..2).is_some_and(is_option)
        || text.windows(3).any(|three| {
            three.first().copied().is_some_and(ends_before) && three.get(1..).is_some_and(is_option)
        })
}

fn is_of_name(letter: u8) -> bool {
    letter.is_ascii_alphanumeric() || letter == b'_'
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

pub(crate) fn judge_folder(line: &CommandLine<'_>, path: &Path, invocation: &mut Invocation) {
    if line.files.kind(path).is_some() {
        let path = path.display();
        let reason = format!("`{path}` sets variables or holds plugins, which start programs");
        invocation.add(Effect::Unknown, &reason);
    }
}

/// The pattern of hosts and most options become parts of a play, whose templates
/// are filled in on this machine.
fn judge_word(word: &[u8], invocation: &mut Invocation) {
    if holds(word, &[b"{{", b"{%", b"{#"]) {
        let name = shown(word);
        let reason = format!("a template in `{name}` can start a program");
        invocation.add(Effect::Unknown, &reason);
    }
}

/// Hosts can stand in a file, and a line of it that is none is shown.
fn judge_limit(line: &CommandLine<'_>, value: &[u8], invocation: &mut Invocation) {
    let parts = value.split(|letter| b",:; \t".contains(letter));
    for file in parts.filter_map(|part| part.strip_prefix(b"@")) {
        if reveals((line, line.cwd), file) {
            let reason = format!("`{}` holds secrets", shown(file));
            invocation.add(Effect::Secret, &reason);
        }
    }
}

/// Judges what the arguments of a module add to it.
fn judge_arguments(line: &CommandLine<'_>, uses: &[Use<'_>], invocation: &mut Invocation) {
    let last = |name: &str| {
        let one = uses.iter().rfind(|one| one.name == name);
        one.and_then(|one| one.value)
    };
    let (Some(module), Some(arguments)) = (last("module-name"), last("args")) else {
        return;
    };
    let module = module.strip_prefix(b"ansible.builtin.").unwrap_or(module);
    if invocation.does_more_than_read() {
        let (module, arguments) = (shown(module), shown(arguments));
        crate::played::in_arguments(line, (&module, &arguments), invocation);
    }
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
    if leads_on || own_variables(&without_quotes(value)).next().is_some() {
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
        assert!(is_plain_text("[web]\nweb-1 # zwölf\n".as_bytes()));
        for program in [&b"\x7fELF\x02\x01\x01\0"[..], b"#!/bin/sh\n", b"\xcf\xfa"] {
            assert!(!is_plain_text(program));
        }
    }

    #[test]
    fn an_inventory_says_where_hosts_are_and_nothing_else() {
        for (text, is_plain) in [
            ("[web]\nweb-1\nweb-2\n", true),
            (
                "[web]\nweb-[01:20] ansible_host=10.0.0.1 ansible_port=22 x=-\n",
                true,
            ),
            (
                "---\nall:\n  hosts:\n    - a\n    b: {ansible_user: me}\n",
                true,
            ),
            ("web ansible_ssh_common_args=x", false),
            ("[all:vars]\nansible_facts_modules=command\n", false),
            ("web ans'ible_facts_mod'ules=command\n", false),
            ("web ansible_hosts=x\n", false),
            ("web ansible_become_exe=x\n", false),
            ("-oProxyCommand=x,", false),
            ("a,'-oProxyCommand=x'", false),
            ("web ansible_host=-oProxyCommand=x\n", false),
            (
                "all:\n  hosts:\n    a:\n      ansible_host: !!str -oProxyCommand=x\n",
                false,
            ),
        ] {
            assert_eq!(is_plain_inventory(text.as_bytes()), is_plain, "{text}");
        }
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
