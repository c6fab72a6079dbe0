//! Files that hold secrets, by their names: to print one reveals them.

mod names;

use std::path::Path;

use names::{HOLDING, NAMES};

use super::path_of;
use super::paths::plain_join;
use super::words::{Parsed, Use, shown};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::glob;
use crate::invocation::Invocation;
use crate::profile::Style;

/// Folders that hold files with secrets beside others: whoever reads all of one reads them too.
const SEARCHED: &[&str] = &[
    "/",
    "/home",
    "/root",
    "/run",
    "/var",
    "/var/run",
    "/etc",
    "/etc/rancher",
    "/etc/ssl",
    "/proc",
    "/proc/*",
    "*/.config",
    "*/.docker",
    "*/.kube",
    "*/.terraform.d",
];

/// What the files are for from which a tool shows parts in its messages.
const IN_MESSAGES: &[&str] = &["dates", "list", "names", "paths", "words"];

/// What the files are for that a command prints, or sends where it asks, if it
/// changes nothing.
const PRINTED: &[&str] = &["content", "field", "input", "request", "values"];

/// Templates and public halves, which everyone may read.
const PUBLIC: &[&str] = &[
    "*.pub",
    ".env.example",
    ".env.sample",
    ".env.template",
    "*.example",
    "*/.ssh/known_hosts*",
    "*/.ssh/config",
];

/// Tells whether a file of this name holds secrets.
pub(crate) fn holds_secrets(path: &[u8]) -> bool {
    let mut path = path.to_ascii_lowercase();
    while path.len() > 1 && path.ends_with(b"/") {
        path.pop();
    }
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(&path);
    let is_public = matches_any(PUBLIC, &path) || matches_any(PUBLIC, name);
    !is_public && (is_held(&path) || matches_any(NAMES, name))
}

/// Tells whether a pattern of names aims at files that hold secrets: one of them
/// matches it, and they have letters in common.
pub(crate) fn aims_at_secrets(pattern: &[u8]) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let is_wild = |byte: &u8| matches!(byte, b'*' | b'?');
    let has = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|found| found == part);
    let letters = || pattern.split(is_wild).filter(|part| !part.is_empty());
    NAMES.iter().map(|name| name.as_bytes()).any(|name| {
        let mut parts = name.split(is_wild).filter(|part| !part.is_empty());
        let share = parts.any(|part| letters().any(|own| has(part, own) || has(own, part)));
        // What a shell puts for a sign at the start begins with no dot.
        let is_hidden = name.starts_with(b".") && pattern.first().is_some_and(is_wild);
        share && !is_hidden && meet(&pattern, name)
    })
}

/// How many patterns one can stand for.
const MOST_PATTERNS: usize = 64;

/// Tells whether a path is a pattern of such names, as [`aims_at_secrets`] has it: `.e*`, `id_*`,
/// `*.p?m`. Of `*.json` few are.
pub(super) fn aims(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next();
    let name = name.unwrap_or(path);
    name != b"*.json" && name.iter().any(|byte| b"*?[".contains(byte)) && aims_at_secrets(name)
}

/// Returns the patterns that one with `{a,b}` stands for, in which `[…]` is any letter. What has more
/// than a few is anything.
fn spelt_out(pattern: &[u8]) -> Vec<Vec<u8>> {
    let mut whole = Vec::new();
    let mut open = vec![pattern.to_vec()];
    while let Some(pattern) = open.pop() {
        let Some((before, inside, behind)) = bracket(&pattern, b'{', b'}') else {
            whole.push(pattern);
            continue;
        };
        for part in inside.split(|byte| *byte == b',') {
            open.push([before, part, behind].concat());
        }
        if open.len() + whole.len() > MOST_PATTERNS {
            return vec![b"*".to_vec()];
        }
    }
    for pattern in &mut whole {
        while let Some((before, _, behind)) = bracket(pattern, b'[', b']') {
            *pattern = [before, b"?", behind].concat();
        }
    }
    whole
}

/// Divides a pattern at the innermost of its first brackets.
fn bracket(pattern: &[u8], open: u8, close: u8) -> Option<(&[u8], &[u8], &[u8])> {
    let end = pattern.iter().position(|byte| *byte == close)?;
    let (head, behind) = pattern.split_at_checked(end)?;
    let start = head.iter().rposition(|byte| *byte == open)?;
    let (before, inside) = head.split_at_checked(start)?;
    Some((before, inside.get(1..)?, behind.get(1..)?))
}

/// Tells whether a text matches both of two patterns.
fn meet(one: &[u8], other: &[u8]) -> bool {
    // Which rests of the other one are met behind each letter of this one.
    let mut reached: Vec<bool> = vec![false; other.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    spread(&mut reached, other);
    for letter in one {
        let mut next = vec![false; other.len() + 1];
        for (at, _) in reached.iter().enumerate().filter(|(_, is)| **is) {
            if *letter == b'*' {
                next.iter_mut().skip(at).for_each(|is| *is = true);
                continue;
            }
            let is_same =
                |wanted: &u8| *wanted == *letter || matches!(wanted, b'?') || *letter == b'?';
            match other.get(at) {
                Some(b'*') => next.iter_mut().skip(at).take(2).for_each(|is| *is = true),
                Some(wanted) if is_same(wanted) => {
                    next.iter_mut()
                        .skip(at + 1)
                        .take(1)
                        .for_each(|is| *is = true);
                }
                Some(_) | None => {}
            }
        }
        spread(&mut next, other);
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

/// A `*` can stand for nothing.
fn spread(reached: &mut [bool], pattern: &[u8]) {
    for (at, letter) in pattern.iter().enumerate() {
        let is_reached = reached.get(at).copied().unwrap_or_default();
        if is_reached
            && *letter == b'*'
            && let Some(next) = reached.get_mut(at + 1)
        {
            *next = true;
        }
    }
}

/// Tells whether a name stands for a file in a folder of secrets, which only the
/// working folder says.
pub(crate) fn stands_in_secrets(cwd: &Path, name: &[u8]) -> bool {
    let path = plain_join(cwd, &path_of(name));
    let path = path.as_os_str().as_encoded_bytes().to_ascii_lowercase();
    !name.starts_with(b"/") && !matches_any(PUBLIC, &path) && is_held(&path)
}

/// Tells whether a file that is named from a folder holds secrets: by its name, by the folder that
/// it stands in, or by what its links lead to.
pub(crate) fn reveals((line, cwd): (&CommandLine<'_>, &Path), name: &[u8]) -> bool {
    if holds_secrets(name) || stands_in_secrets(cwd, name) {
        return true;
    }
    let path = plain_join(cwd, &path_of(name));
    let real = line.files.canonical(&path).filter(|real| *real != path);
    real.is_some_and(|real| holds_secrets(real.as_os_str().as_encoded_bytes()))
}

/// Adds the effect of a search through folders, where one of them is a folder
/// of secrets, or holds all that a person has.
pub(super) fn judge_search(
    line: &CommandLine<'_>,
    parsed: &Parsed<'_>,
    invocation: &mut Invocation,
) {
    let is_on = |name: &str| parsed.uses.iter().any(|used| used.on && used.name == name);
    let chooses = |used: &Use<'_>| {
        let value = used.value.unwrap_or_default();
        let is_choice = matches!(used.name.as_ref(), "include" | "glob" | "iglob");
        // What is left out is not read, and names alone tell nothing.
        let is_read = is_choice && !value.starts_with(b"!") && !is_on("files");
        let mut each = spelt_out(value).into_iter();
        is_read && each.any(|value| holds_secrets(&value) || aims(&value))
    };
    let searches = matches!(parsed.spec.name.as_ref(), "grep" | "rg");
    if searches && parsed.uses.iter().any(chooses) {
        invocation.add(Effect::Secret, "a pattern chooses files that hold secrets");
    }
    let mut flags = ["recursive", "dereference-recursive"].into_iter();
    let skipped = match parsed.spec.name.as_ref() {
        "grep" if flags.any(is_on) => usize::from(!(is_on("regexp") || is_on("file"))),
        "rg" if is_on("files") => return,
        "rg" => usize::from(!(is_on("regexp") || is_on("file"))),
        "git" if parsed.path == ["grep"] && is_on("no-index") => {
            usize::from(!(is_on("e") || is_on("f")))
        }
        // Of a folder and a file it compares the file of that name in the folder.
        "diff" => 0,
        _ => return,
    };
    let folders = parsed.operands.iter().skip(skipped);
    let mut folders: Vec<&[u8]> = folders.map(|folder| folder.bytes).collect();
    if folders.is_empty() {
        folders.push(b".");
    }
    for folder in folders {
        if stand_below((line, line.cwd), folder) {
            let why = format!("files with secrets stand below `{}`", shown(folder));
            invocation.add(Effect::Secret, &why);
        }
    }
}

/// Tells whether files with secrets stand in a folder, named from another one,
/// or below it.
pub(crate) fn stand_below((line, cwd): (&CommandLine<'_>, &Path), folder: &[u8]) -> bool {
    let path = plain_join(cwd, &path_of(folder));
    let real = line.files.canonical(&path).filter(|real| *real != path);
    let home = line.env.get("HOME").filter(|home| !home.is_empty());
    std::iter::once(path).chain(real).any(|path| {
        let holds_home = home.is_some_and(|home| Path::new(home).starts_with(&path));
        let bytes = path.as_os_str().as_encoded_bytes().to_ascii_lowercase();
        let is_held = !matches_any(PUBLIC, &bytes) && is_held(&bytes);
        holds_home || matches_any(SEARCHED, &bytes) || is_held
    })
}

/// Adds the effect of options that name files: a tool that takes words from one
/// says of what is none what it is, and one that changes nothing prints what it
/// was given.
pub(super) fn judge_shown(
    line: &CommandLine<'_>,
    parsed: &Parsed<'_>,
    invocation: &mut Invocation,
) {
    let is_read = !invocation.does_more_than_read();
    for used in parsed.uses.iter().filter(|used| used.on) {
        let (Some(flag), Some(value)) = (used.flag, used.value) else {
            continue;
        };
        let role = flag.input.as_ref();
        let is_shown = IN_MESSAGES.contains(&role) || (is_read && PRINTED.contains(&role));
        let file = if is_shown {
            Some(behind_name(value))
        } else {
            format_file(parsed, &flag.name, value).or_else(|| variables_file(parsed, role, value))
        };
        if let Some(file) = file.filter(|file| reveals((line, line.cwd), file)) {
            let (name, file) = (&flag.name, shown(file));
            let reason = format!("`{name}` shows `{file}`, which holds secrets");
            invocation.add(Effect::Secret, &reason);
        }
    }
    if is_read {
        judge_parameters(line, parsed, invocation);
    }
}

/// Adds the effect of parameters that the CLI of AWS or Azure takes from a file: it shows in a
/// message what it does not understand, and sends the rest.
fn judge_parameters(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let marks: &[&[u8]] = match (parsed.spec.style, parsed.spec.name.as_ref()) {
        (Style::Argparse, _) => &[b"file://", b"fileb://"],
        (Style::Python, "az") => &[b"@"],
        _ => return,
    };
    for used in parsed.uses.iter().filter(|used| used.on) {
        let value = used.value.unwrap_or_default();
        let mut files = marks.iter().filter_map(|mark| value.strip_prefix(*mark));
        if let Some(file) = files.find(|file| reveals((line, line.cwd), file)) {
            let (name, file) = (&used.name, shown(file));
            let reason = format!("`{name}` is taken from `{file}`, which holds secrets");
            invocation.add(Effect::Secret, &reason);
        }
    }
}

/// Returns the file of `NAME=FILE` and `NAME=@FILE`.
fn behind_name(value: &[u8]) -> &[u8] {
    let mut parts = value.splitn(2, |byte| *byte == b'=');
    let first = parts.next().unwrap_or_default();
    let file = parts.next().unwrap_or(first);
    file.strip_prefix(b"@").unwrap_or(file)
}

/// Returns the file that kubectl prints objects by.
fn format_file<'v>(parsed: &Parsed<'_>, flag: &str, value: &'v [u8]) -> Option<&'v [u8]> {
    let is_output = |name: &str| parsed.spec.name == "kubectl" && name == "output";
    if is_output(flag) {
        let at = value.windows(5).position(|part| part == b"file=")?;
        return value.get(at + 5..);
    }
    let names_file = |value: &[u8]| value.ends_with(b"file");
    let mut uses = parsed.uses.iter();
    let is_named = uses.any(|used| is_output(&used.name) && used.value.is_some_and(names_file));
    (flag == "template" && is_named).then_some(value)
}

fn matches_any(patterns: &[&str], text: &[u8]) -> bool {
    let mut patterns = patterns.iter();
    patterns.any(|pattern| glob::matches(pattern.as_bytes(), text))
}

/// terraform shows the line of a file of variables that it takes for a mistake, which in a file of
/// something else is each.
fn variables_file<'v>(parsed: &Parsed<'_>, role: &str, value: &'v [u8]) -> Option<&'v [u8]> {
    let mut ends = [&b".tfvars"[..], b".tfvars.json"].into_iter();
    let is_other = !ends.any(|end| value.ends_with(end));
    (parsed.spec.name == "terraform" && role == "variables" && is_other).then_some(value)
}

/// Tells whether a path stands in a folder of secrets, or is one: such a one is
/// read with everything in it.
fn is_held(path: &[u8]) -> bool {
    let below = [path, b"/"].concat();
    matches_any(HOLDING, path) || matches_any(HOLDING, &below)
}

#[cfg(test)]
mod tests {
    use super::{aims_at_secrets, holds_secrets};

    #[test]
    fn a_pattern_aims_at_secrets_where_it_has_letters_of_their_names() {
        for pattern in [
            "*.pem",
            ".env*",
            "id_*",
            "*.p?m",
            "cred*",
            "*pass*",
            "*secret.md",
            "*.ke?",
            "*.json",
            "kube*",
            "I*_RSA",
            "?hadow",
        ] {
            assert!(aims_at_secrets(pattern.as_bytes()), "{pattern}");
        }
        for pattern in [
            "*", "*.md", "*.rs", "*.log", "*.yml", "*.py", "src-*", "README*",
        ] {
            assert!(!aims_at_secrets(pattern.as_bytes()), "{pattern}");
        }
    }

    #[test]
    fn files_of_secrets_are_known_by_their_names_in_any_spelling_of_the_path() {
        for path in [
            "/home/a/.kube/config",
            "../.aws/credentials",
            "/etc/shadow",
            "tls/server.PEM",
            ".env",
            "./.env.production",
            "/proc/self/environ",
            "terraform.tfstate",
            ".ssh/id_ed25519",
            "/home/a/.aws/",
            "/home/a/.config/helm/repositories.yaml",
            "/home/a/.kube/cache/oidc-login/0a1b",
            "/home/a/.config/configstore/firebase-tools.json",
            ".envrc",
            "/etc/NetworkManager/system-connections/home.nmconnection",
            "ci-key.json",
            "site/wp-config.php",
            "token.txt",
        ] {
            assert!(holds_secrets(path.as_bytes()), "{path}");
        }
        for path in [
            "README.md",
            ".env.example",
            "id_rsa.pub",
            "src/main.rs",
            "config",
        ] {
            assert!(!holds_secrets(path.as_bytes()), "{path}");
        }
    }
}
