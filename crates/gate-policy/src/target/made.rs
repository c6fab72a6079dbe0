//! Folders that a command makes where a word says. One outside of the working folder can be where
//! other programs take their settings or their programs from.

use std::path::{Component, Path, PathBuf};

use crate::command_line::{CommandLine, without_dots};
use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::profile::ToolSpec;
use crate::read::path_of;

/// Commands that make a folder, and which operand names it.
const MAKING: &[(&str, &[&str], usize)] = &[
    ("cargo", &["init"], 0),
    ("cargo", &["new"], 0),
    ("gh", &["gist", "clone"], 1),
    ("gh", &["repo", "clone"], 1),
    ("git", &["clone"], 1),
    ("git", &["init"], 0),
    ("glab", &["project", "clone"], 1),
    ("glab", &["repo", "clone"], 1),
    ("helm", &["create"], 0),
];
/// What is made below these is nobody's settings.
const TEMPORARY: &[&str] = &["/tmp", "/var/tmp"];

pub(super) fn judge(line: &CommandLine<'_>, spec: &ToolSpec, invocation: &mut Invocation) {
    let makes = |(tool, path, _): &&(&str, &[&str], usize)| {
        *tool == spec.name && invocation.command.iter().eq(path.iter())
    };
    let Some((_, _, operand)) = MAKING.iter().find(makes) else {
        return;
    };
    let mut named = PathBuf::new();
    for used in invocation.options.iter().filter(|used| used.name == "C") {
        named.push(path_of(used.value.as_deref().unwrap_or_default()));
    }
    if let Some(operand) = invocation.operands.get(*operand) {
        named.push(path_of(operand));
    }
    let is_back = goes_back(&named);
    let folder = line.cwd.join(named);
    let folder = without_dots(&folder);
    if is_back || is_outside(line, &folder) {
        let folder = folder.to_string_lossy();
        let reason = format!("`{folder}`, where it makes files, is outside of the working folder");
        invocation.add(Effect::Write, &reason);
    }
}

/// Tells whether a path, or where a link on its way leads, is neither in the working folder nor in
/// one for temporary files.
fn is_outside(line: &CommandLine<'_>, path: &Path) -> bool {
    let is_temporary = |path: &Path| TEMPORARY.iter().any(|folder| path.starts_with(folder));
    if !path.starts_with(line.cwd) && !is_temporary(path) {
        return true;
    }
    let there = path.ancestors().find_map(|path| line.files.canonical(path));
    let base = line.files.canonical(line.cwd);
    let (Some(there), Some(base)) = (there, base) else {
        return false;
    };
    let mut temporary = TEMPORARY.iter().map(Path::new);
    let is_temporary = is_temporary(&there)
        || temporary.any(|folder| {
            let folder = line.files.canonical(folder);
            folder.is_some_and(|folder| there.starts_with(folder))
        });
    !there.starts_with(&base) && !is_temporary
}

/// Tells whether a path goes back from a folder that it names, which can be a link to elsewhere.
fn goes_back(path: &Path) -> bool {
    let mut behind_a_name = false;
    path.components().any(|part| {
        let is_back = behind_a_name && part == Component::ParentDir;
        behind_a_name |= matches!(part, Component::Normal(_));
        is_back
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::command_line::{Environment, NoFiles, Stdin};

    #[test]
    fn a_folder_made_outside_of_the_working_folder_is_a_write() {
        for (words, effect) in [
            ("git clone https://h/x", Effect::Local),
            ("git clone https://h/x sub/y", Effect::Local),
            ("git clone https://h/x /srv/app/y", Effect::Local),
            ("git clone https://h/x /tmp/y", Effect::Local),
            ("git clone https://h/x ../y", Effect::Write),
            ("git clone https://h/x sub/../y", Effect::Write),
            ("glab project clone o/r /home/a/bin", Effect::Write),
            ("helm create /etc/x", Effect::Write),
            ("git clone https://h/x /etc/cron.d", Effect::Write),
            ("git clone https://h/x /tmp/../etc", Effect::Write),
            ("git -C .. clone https://h/x", Effect::Write),
            ("git init", Effect::Local),
            ("git init /etc/x", Effect::Write),
            ("git -C sub init", Effect::Local),
            ("gh repo clone o/r /home/a/bin", Effect::Write),
            ("gh repo clone o/r", Effect::Local),
            ("glab repo clone o/r /home/a/bin", Effect::Write),
            ("cargo new /etc/x", Effect::Write),
            ("cargo new x", Effect::Local),
            ("cargo init /home/a/x", Effect::Write),
        ] {
            let argv: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            let invocation = crate::read_invocation(&CommandLine {
                argv: &argv,
                env: &Environment::default(),
                cwd: Path::new("/srv/app"),
                stdin: Stdin::Absent,
                files: &NoFiles,
            });
            assert_eq!(invocation.effect, effect, "{words}");
        }
    }
}
