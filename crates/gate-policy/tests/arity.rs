//! Asks the real tools whether a flag takes the next word for its value.
//!
//! A flag that gate takes to have a value where it has none hides the word
//! behind it, and one that swallows a `--` moves everything behind that. What
//! a tool says of an option that it can't know shows which it does.
#![expect(
    clippy::disallowed_methods,
    reason = "this test starts the real tools; the crate itself starts nothing"
)]

use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gate_policy::profile::{Arity, CommandSpec, FlagSpec, Style, ToolSpec, find_builtin};

const FIRST: &str = "gate-no-such-option";
const SECOND: &str = "gate-no-other-option";

/// What a tool does with the word behind a flag.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// It is the flag's value.
    Value,
    /// It is a word of its own.
    Own,
    /// The tool has no such flag, or did not say.
    Unsaid,
}

fn ask(tool: &str, path: &[String], spelling: &str, folder: &Path) -> io::Result<Next> {
    let dashes = dashes(tool);
    let output = Command::new(tool)
        .args(path)
        .arg(spelling)
        .arg(format!("{dashes}{FIRST}"))
        .arg(format!("{dashes}{SECOND}"))
        .current_dir(folder)
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("CHECKPOINT_DISABLE", "1")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()?;
    let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stdout));
    Ok(if refuses(&said, spelling.trim_start_matches('-')) {
        Next::Unsaid
    } else if refuses(&said, FIRST) {
        Next::Own
    } else if refuses(&said, SECOND) {
        Next::Value
    } else {
        Next::Unsaid
    })
}

fn dashes(tool: &str) -> &'static str {
    if tool == "terraform" { "-" } else { "--" }
}

/// Tells whether a tool says that it knows no option of this name.
fn refuses(said: &str, name: &str) -> bool {
    [
        "unknown option",
        "unknown flag",
        "unknown shorthand flag",
        "unknown switch",
        "unrecognized argument",
        "unrecognized option",
        "invalid option",
        "flag provided but not defined",
    ]
    .iter()
    .flat_map(|words| said.split(words).skip(1))
    .any(|rest| {
        let line = rest.lines().next().unwrap_or_default();
        let word = line.trim_start_matches(|letter: char| !letter.is_alphanumeric());
        let end = word.find(|letter: char| !letter.is_alphanumeric() && letter != '-');
        word.get(..end.unwrap_or(word.len())) == Some(name)
    })
}

/// Returns the words that lead to a node, or nothing where one of them stands
/// for many.
fn path_of(spec: &ToolSpec, command: &CommandSpec) -> Option<Vec<String>> {
    let mut path = Vec::new();
    let mut node = command;
    while !node.name.is_empty() {
        if node.name.ends_with('*') || node.name.starts_with('-') {
            return None;
        }
        path.push(node.name.to_string());
        node = spec.commands.get(usize::from(node.parent))?;
    }
    path.reverse();
    Some(path)
}

fn spellings(tool: &str, flag: &FlagSpec) -> Vec<String> {
    let long = (flag.name.len() > 1).then(|| format!("{}{}", dashes(tool), flag.name));
    let short = (flag.short != 0).then(|| format!("-{}", char::from(flag.short)));
    long.into_iter().chain(short).collect()
}

/// A flag of a command, the group that it stands in, and one spelling.
type Spelled<'s> = (&'s str, &'s FlagSpec, String);

/// The flags of a command in each spelling; the first group that has it counts.
fn flags_of<'s>(spec: &'s ToolSpec, command: &CommandSpec) -> Vec<Spelled<'s>> {
    let mut groups: Vec<_> = command.groups.iter().map(|at| usize::from(*at)).collect();
    if matches!(spec.style, Style::Getopt | Style::Pflag) {
        groups.push(0);
    }
    let mut found: Vec<Spelled<'_>> = Vec::new();
    for group in groups.iter().filter_map(|at| spec.groups.get(*at)) {
        for flag in group.flags.iter() {
            for spelling in spellings(&spec.name, flag) {
                if found.iter().all(|(_, _, known)| *known != spelling) {
                    found.push((&group.name, flag, spelling));
                }
            }
        }
    }
    found
}

/// An empty folder, for git with a repository.
fn folder_for(tool: &str) -> io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("arity-{tool}"));
    std::fs::create_dir_all(&folder)?;
    if tool == "git" {
        let mut git = Command::new("git");
        git.args(["init", "-q"]).current_dir(&folder).status()?;
    }
    Ok(folder)
}

/// Plugins of docker. Where one is not installed docker itself answers.
const PLUGINS: &[&str] = &["buildx", "compose"];

/// Holds every flag of a profile against the tool; returns how often the tool
/// spoke. `either` names the flags that take the next word where there is one,
/// which gate reads the stricter way. A tool whose commands share their flags
/// is asked about each once.
fn hold(tool: &str, either: &[&str]) -> Result<usize, Box<dyn Error>> {
    let folder = folder_for(tool)?;
    let spec = find_builtin(tool.as_bytes()).ok_or("no such profile")?;
    let mut known = BTreeSet::new();
    let mut spoken = 0;
    let mut wrong = Vec::new();
    for command in spec.commands.iter() {
        let Some(path) = path_of(spec, command) else {
            continue;
        };
        if tool == "docker" && path.first().is_some_and(|word| PLUGINS.contains(&&**word)) {
            continue;
        }
        for (group, flag, spelling) in flags_of(spec, command) {
            let key = (group, spelling.clone());
            if spec.style != Style::Git && known.contains(&key) {
                continue;
            }
            let next = ask(tool, &path, &spelling, &folder)?;
            if next == Next::Unsaid {
                continue;
            }
            known.insert(key);
            spoken += 1;
            let takes_value = matches!(flag.arity, Arity::Required | Arity::Many);
            if takes_value != (next == Next::Value) && !either.contains(&&*flag.name) {
                wrong.push(format!("{} {spelling}: {next:?}", path.join(" ")));
            }
        }
    }
    if wrong.is_empty() {
        Ok(spoken)
    } else {
        Err(wrong.join("\n").into())
    }
}

#[test]
fn git_takes_the_next_word_for_a_value_where_gate_does() {
    let either = ["contains", "no-contains", "merged", "no-merged"];
    let spoken = hold("git", &either).unwrap();
    assert!(spoken > 700, "{spoken}");
}

#[test]
fn psql_takes_the_next_word_for_a_value_where_gate_does() {
    // `--pset` complains of its value in the words of an unknown option.
    let spoken = hold("psql", &["pset"]).unwrap();
    assert!(spoken > 40, "{spoken}");
}

#[test]
fn terraform_takes_the_next_word_for_a_value_where_gate_does() {
    let spoken = hold("terraform", &[]).unwrap();
    assert!(spoken > 60, "{spoken}");
}

#[test]
fn kubectl_takes_the_next_word_for_a_value_where_gate_does() {
    let spoken = hold("kubectl", &[]).unwrap();
    assert!(spoken > 300, "{spoken}");
}

/// Holds a tool that the test machine need not have: its recorded help is held
/// by `help_trees` everywhere.
#[expect(
    clippy::print_stderr,
    reason = "who runs the tests sees who was not asked"
)]
fn hold_if_here(tool: &str, either: &[&str]) -> Result<(), Box<dyn Error>> {
    if Command::new(tool).arg("--version").output().is_err() {
        eprintln!("{tool} is not here: nobody asked it");
        return Ok(());
    }
    let spoken = hold(tool, either)?;
    if spoken > 15 {
        Ok(())
    } else {
        Err(format!("{tool} spoke {spoken} times").into())
    }
}

#[test]
fn docker_takes_the_next_word_for_a_value_where_gate_does() {
    hold_if_here("docker", &[]).unwrap();
}

#[test]
fn podman_takes_the_next_word_for_a_value_where_gate_does() {
    hold_if_here("podman", &[]).unwrap();
}

#[test]
fn gh_takes_the_next_word_for_a_value_where_gate_does() {
    hold_if_here("gh", &[]).unwrap();
}

#[test]
fn systemctl_takes_the_next_word_for_a_value_where_gate_does() {
    hold_if_here("systemctl", &[]).unwrap();
}

#[test]
fn journalctl_takes_the_next_word_for_a_value_where_gate_does() {
    hold_if_here("journalctl", &["boot", "lines", "case-sensitive"]).unwrap();
}

/// Tools that start other tools, and filters, that every machine has.
const WRAPPERS_AND_FILTERS: &[&str] = &[
    "env",
    "timeout",
    "nice",
    "nohup",
    "stdbuf",
    "setsid",
    "ionice",
    "chrt",
    "taskset",
    "unshare",
    "nsenter",
    "xargs",
    "grep",
    "sort",
    "head",
    "tail",
    "cut",
    "tr",
    "uniq",
    "wc",
    "tee",
    "cat",
    "comm",
    "du",
    "df",
    "ls",
    "ln",
    "cp",
    "mv",
    "rm",
    "mkdir",
    "rmdir",
    "touch",
    "stat",
    "chmod",
    "chown",
    "readlink",
    "realpath",
    "sha256sum",
    "basename",
    "dirname",
    "seq",
    "date",
    "id",
    "base64",
    "nl",
    "od",
    "paste",
    "tac",
];

#[test]
fn wrappers_and_filters_take_the_next_word_for_a_value_where_gate_does() {
    let mut spoken = 0;
    let mut wrong = Vec::new();
    for tool in WRAPPERS_AND_FILTERS {
        // env splits the value into words, and looks for options among them; gate says `unknown`
        // to such words, and to `--wdns` in any case.
        match hold(tool, &["split-string", "wdns"]) {
            Ok(count) => spoken += count,
            Err(error) => wrong.push(format!("{tool}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(spoken > 300, "{spoken}");
}
