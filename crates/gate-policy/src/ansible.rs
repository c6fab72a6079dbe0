//! What ansible takes from an inventory, from variables and from playbooks.
//!
//! An inventory that is a program is started, and templates in variables call
//! lookups, one of which starts any program: both also where ansible only lists.

use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::read::path_of;
use crate::read::words::{Parsed, shown};

/// What must not stand in the text of an inventory that is only read.
const IN_INVENTORY: &[&[u8]] = &[
    b"{{",
    b"{%",
    b"_args",
    b"_executable",
    b"_interpreter",
    b"ansible_connection",
    b"plugin:",
];
/// What must not stand in a playbook that is only listed.
const IN_PLAYBOOK: &[&[u8]] = &[
    b"lookup",
    b"query",
    b"q(",
    b"import_",
    b"include",
    b"roles",
    b"vars_files",
    b"{%",
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
        let content = line.files.read(&line.cwd.join(path_of(operand.bytes)));
        let is_plain = content.is_ok_and(|text| !holds(&text, IN_PLAYBOOK));
        if !is_plain {
            let name = shown(operand.bytes);
            let reason =
                format!("`{name}` can call a lookup or lead to others also when it is listed");
            invocation.add(Effect::Unknown, &reason);
        }
    }
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
    match line.files.read(&line.cwd.join(path_of(value))) {
        Ok(content) if content.starts_with(b"#!") => {
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

fn judge_variables(value: &[u8], invocation: &mut Invocation) {
    let leads_on = value.starts_with(b"@") || value.contains(&b'{');
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
        assert!(!holds(b"[web]\nweb-1\nweb-2\n", IN_INVENTORY));
    }
}
