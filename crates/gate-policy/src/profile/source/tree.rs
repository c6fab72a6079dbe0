//! The subcommand tree of a profile.

use std::collections::BTreeMap;

use super::words::{shown, text};
use super::{Mistake, Profile};
use crate::profile::CommandSpec;

/// The name of the node above all classes. No word of argv holds a zero.
pub(crate) const CLASSES: &str = "\0";
/// The most commands of a profile: more than the tables of any tool have.
const MAX_COMMANDS: usize = 60_000;
/// The most paths that one text stands for.
const MAX_PATHS: usize = 10_000;

/// A node before it has a place in the table.
struct Node<'p> {
    name: String,
    canonical: String,
    command: Option<&'p CommandSpec>,
    children: BTreeMap<String, Node<'p>>,
}

/// Returns the rows of all commands, each made of that of its entry.
pub(super) fn rows(
    profile: &Profile,
    prototypes: &[Option<CommandSpec>],
    mistakes: &mut Vec<Mistake>,
) -> Vec<CommandSpec> {
    let mut root = Node::new("");
    let mut count = 0;
    for (command, prototype) in profile.command.iter().zip(prototypes) {
        let Some(prototype) = prototype else { continue };
        if let Some(class) = &command.class {
            let mut words = vec![CLASSES];
            words.extend(class.get_ref().split_whitespace());
            root.insert(&words, &vec!["*"; words.len()], prototype);
        }
        for path in &command.paths {
            let all = expand(path.get_ref()).unwrap_or_default();
            count += all.len() * (1 + command.aliases.len());
            if all.is_empty() || count > MAX_COMMANDS {
                let problem = format!("`{}` stands for too many commands", shown(path.get_ref()));
                mistakes.push(Mistake::at(path, problem, "name fewer of them"));
                return Vec::new();
            }
            for one in all {
                let words: Vec<&str> = one.split_whitespace().collect();
                root.insert(&words, &words, prototype);
                for alias in &command.aliases {
                    let mut other = words.clone();
                    if let Some(last) = other.last_mut() {
                        *last = alias.get_ref();
                    }
                    root.insert(&other, &words, prototype);
                }
            }
        }
    }
    flatten(&root)
}

impl<'p> Node<'p> {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            canonical: name.to_owned(),
            command: None,
            children: BTreeMap::new(),
        }
    }

    fn insert(&mut self, path: &[&str], canonical: &[&str], command: &'p CommandSpec) {
        let (Some((first, rest)), Some((name, names))) =
            (path.split_first(), canonical.split_first())
        else {
            // Two entries can name one path, as patterns overlap: the stricter
            // effect holds.
            if self
                .command
                .is_none_or(|known| known.effect < command.effect)
            {
                self.command = Some(command);
            }
            return;
        };
        let child = self
            .children
            .entry((*first).to_owned())
            .or_insert_with(|| Self::new(first));
        (*name).clone_into(&mut child.canonical);
        child.insert(rest, names, command);
    }

    fn row(&self, parent: u16) -> CommandSpec {
        let (name, canonical) = (text(&self.name), text(&self.canonical));
        let is_group = !self.children.is_empty();
        match self.command {
            Some(command) => CommandSpec {
                parent,
                name,
                canonical,
                is_group,
                ..command.clone()
            },
            None => CommandSpec::leading(parent, name, canonical),
        }
    }
}

/// Lays the tree out breadth first: parents before children, siblings
/// together and sorted, so that (parent, name) is sorted as a whole.
fn flatten(root: &Node<'_>) -> Vec<CommandSpec> {
    let mut queue: Vec<(&Node<'_>, u16)> = vec![(root, 0)];
    let mut rows = Vec::new();
    while let Some((node, parent)) = queue.get(rows.len()).copied() {
        // Their number is bounded: see `MAX_COMMANDS`.
        let index = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        rows.push(node.row(parent));
        queue.extend(node.children.values().map(|child| (child, index)));
    }
    rows
}

/// Expands each `{a,b}` of a path; returns nothing where it stands for too many.
pub(super) fn expand(path: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut waiting = vec![path.to_owned()];
    while let Some(one) = waiting.pop() {
        if done.len() + waiting.len() >= MAX_PATHS {
            return None;
        }
        let parts = one
            .split_once('{')
            .and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
        let Some((before, (inside, after))) = parts else {
            done.push(one);
            continue;
        };
        let each = inside.split(',').rev();
        waiting.extend(each.map(|word| format!("{before}{}{after}", word.trim())));
    }
    Some(done)
}
