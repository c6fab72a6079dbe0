//! Holds profiles against the help of the tools themselves, as
//! `generate/help_tree.py` recorded it: each has every command and flag of its
//! tool, with its letter and arity, and none that its tool does not have.
//!
//! The promise: a flag is read as its tool reads it, or not at all.
#![expect(
    clippy::disallowed_methods,
    reason = "the trees are files of this crate"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use gate_policy::profile::{Arity, CommandSpec, FlagSpec, ToolSpec, find_builtin};

/// A command's flags by name, each with its letter and what it takes.
type Flags = BTreeMap<String, (u8, Takes)>;
/// The commands of a tool by their paths.
type Tree = BTreeMap<String, Flags>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Nothing,
    Value,
    /// In the same word only.
    Optional,
}

/// Adds the tree of a file, if there is one.
fn add_tree(name: &str, tree: &mut Tree) -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("generate/trees");
    let text = std::fs::read_to_string(folder.join(name)).map_err(|e| format!("{name}: {e}"))?;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (path, flags) = line.split_once(':').ok_or("a line without a colon")?;
        let path = if path == "/" { "" } else { path };
        let known = tree.entry(path.to_owned()).or_default();
        for word in flags.split_whitespace() {
            let (word, takes) = if let Some(word) = word.strip_suffix("[=]") {
                (word, Takes::Optional)
            } else if let Some(word) = word.strip_suffix('=') {
                (word, Takes::Value)
            } else {
                (word, Takes::Nothing)
            };
            let (short, name) = word.split_once('/').unwrap_or(("", word));
            let letter = short.bytes().next().unwrap_or(0);
            known.insert(name.to_owned(), (letter, takes));
        }
    }
    Ok(())
}

/// Returns a node by the words that lead to it.
fn node<'s>(spec: &'s ToolSpec, path: &str) -> Option<&'s CommandSpec> {
    let mut index = 0;
    for word in path.split_whitespace() {
        let parent = u16::try_from(index).ok()?;
        let of_parent = |node: &CommandSpec| node.parent == parent && node.name == word;
        index = 1 + spec.commands.iter().skip(1).position(of_parent)?;
    }
    spec.commands.get(index)
}

fn path_of(spec: &ToolSpec, node: &CommandSpec) -> String {
    let mut words = Vec::new();
    let mut node = node;
    while !node.name.is_empty() {
        words.push(node.name.to_string());
        let Some(above) = spec.commands.get(usize::from(node.parent)) else {
            break;
        };
        node = above;
    }
    words.reverse();
    words.join(" ")
}

/// The flags of a command, the first group that has one counts.
fn flags_of<'s>(spec: &'s ToolSpec, node: &CommandSpec, at_root: bool) -> Vec<&'s FlagSpec> {
    let mut groups: Vec<_> = node.groups.iter().map(|at| usize::from(*at)).collect();
    if at_root {
        groups.push(0);
    }
    let groups = groups.iter().filter_map(|at| spec.groups.get(*at));
    let mut found: Vec<&FlagSpec> = Vec::new();
    for flag in groups.flat_map(|group| group.flags.iter()) {
        if found.iter().all(|known| known.name != flag.name) {
            found.push(flag);
        }
    }
    found
}

fn takes(flag: &FlagSpec) -> Takes {
    match flag.arity {
        Arity::Switch => Takes::Nothing,
        Arity::Optional => Takes::Optional,
        Arity::Required | Arity::Many | Arity::Pair => Takes::Value,
    }
}

/// Whether a profile may have more than the help lists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    /// It may: the help leaves out what it names elsewhere.
    Allowed,
    /// Only what the second file of the tool lists, from its reference pages.
    Listed,
}

/// Says where a profile and its trees differ. A help page that shows defaults
/// can't say that a value may be left out, and some don't show a value:
/// `unsaid` names those flags.
fn hold(tool: &str, more: More, unsaid: &[&str]) -> Result<Vec<String>, Box<dyn Error>> {
    let mut tree = Tree::new();
    add_tree(&format!("{tool}.txt"), &mut tree)?;
    if more == More::Listed {
        add_tree(&format!("{tool}.pages.txt"), &mut tree)?;
    }
    let spec = find_builtin(tool.as_bytes()).ok_or("no such profile")?;
    let global = spec
        .groups
        .iter()
        .take(1)
        .flat_map(|group| group.flags.iter());
    let global: Vec<&str> = global.map(|flag| &*flag.name).collect();
    let mut wrong = Vec::new();
    for (path, flags) in &tree {
        let Some(found) = node(spec, path) else {
            wrong.push(format!("`{path}` is not in the profile"));
            continue;
        };
        let known = flags_of(spec, found, path.is_empty());
        for (name, (letter, wanted)) in flags {
            let Some(flag) = known.iter().find(|flag| flag.name == *name) else {
                if !global.contains(&&**name) {
                    wrong.push(format!("`{path}` has no `{name}`"));
                }
                continue;
            };
            let agrees = takes(flag) == *wanted || unsaid.contains(&&**name);
            if !agrees || (*letter != 0 && flag.short != *letter) {
                wrong.push(format!(
                    "`{path}` has `{name}` with another value or letter"
                ));
            }
        }
        if more == More::Allowed {
            continue;
        }
        for flag in known.iter().filter(|flag| !flags.contains_key(&*flag.name)) {
            if !global.contains(&&*flag.name) {
                wrong.push(format!("`{path}` of the tool has no `{}`", flag.name));
            }
        }
    }
    for found in spec.commands.iter().skip(1) {
        let path = path_of(spec, found);
        // No help names what the scripts of the shells call.
        let is_hidden = path.starts_with("__complete");
        if more == More::Listed
            && !is_hidden
            && !tree.contains_key(&path)
            && found.name == found.canonical
        {
            wrong.push(format!("the tool has no `{path}`"));
        }
    }
    Ok(wrong)
}

#[test]
fn docker_is_read_as_its_help_has_it() {
    let wrong = hold("docker", More::Listed, &[]).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn podman_is_read_as_its_help_has_it() {
    let wrong = hold("podman", More::Listed, &["pull"]).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn gh_is_read_as_its_help_has_it() {
    let wrong = hold("gh", More::Listed, &[]).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn kubectl_is_read_as_its_help_has_it() {
    let wrong = hold("kubectl", More::Listed, &["dry-run", "cascade", "validate"]).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The help of `terraform apply` points to that of `plan` for most flags.
#[test]
fn terraform_is_read_as_its_help_has_it() {
    let wrong = hold("terraform", More::Allowed, &["plugin-dir"]).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
