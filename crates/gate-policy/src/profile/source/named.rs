//! Names of flags in a profile that are names of no flag there. Such a name is a slip of the pen,
//! and what stands beside it would never hold, or always.

use std::collections::{BTreeMap, BTreeSet};

use super::words::shown;
use super::{Command, Mistake, Profile, Word};

/// The names of flags, by their groups.
struct Flags<'p>(BTreeMap<&'p str, BTreeSet<&'p str>>);

/// The group whose flags are valid with every command.
const GLOBAL: &str = "global";

/// Returns every name that no flag has which can stand in the same command line.
pub(super) fn unknown(profile: &Profile) -> Vec<Mistake> {
    let groups = profile.flags.iter();
    let flags = Flags(
        groups
            .map(|(name, group)| (name.as_str(), group.0.keys().map(String::as_str).collect()))
            .collect(),
    );
    let mut found = Vec::new();
    for (name, group) in &profile.flags {
        let known = flags.beside(name, profile);
        for placed in group.0.values() {
            found.extend(names(&known, placed.flag.negates.as_slice()));
            found.extend(names(&known, &placed.flag.unless));
        }
    }
    // A flag that is not listed is a parameter of an open command, and may have any name.
    for command in profile.command.iter().filter(|command| !command.open) {
        let groups = command.flags.iter().map(|group| group.get_ref().as_str());
        let known = flags.of(groups.chain([GLOBAL]));
        found.extend(of_command(&known, command));
    }
    let known = flags.of(flags.0.keys().copied());
    found.extend(names(&known, &profile.moved_by));
    let roles = roles(profile);
    for placed in &profile.implicit {
        let implicit = placed.get_ref();
        found.extend(names(&known, &implicit.named_by));
        let is_role = |word: &&Word| roles.contains(word.get_ref().as_str());
        let options = implicit.unless.iter().filter(|word| !is_role(word));
        found.extend(options.filter_map(|word| name(&known, word)));
    }
    found
}

impl<'p> Flags<'p> {
    /// The names in some groups.
    fn of<'g>(&self, groups: impl IntoIterator<Item = &'g str>) -> BTreeSet<&'p str> {
        let groups = groups.into_iter().filter_map(|group| self.0.get(group));
        groups.flatten().copied().collect()
    }

    /// The names in a group, and in each that stands beside it in some command.
    fn beside(&self, group: &str, profile: &Profile) -> BTreeSet<&'p str> {
        if group == GLOBAL {
            return self.of(self.0.keys().copied());
        }
        let commands = profile.command.iter();
        let commands =
            commands.filter(|command| command.flags.iter().any(|one| one.get_ref() == group));
        let beside = commands.flat_map(|command| &command.flags);
        let beside = beside.map(|one| one.get_ref().as_str());
        self.of(beside.chain([group, GLOBAL]))
    }
}

fn of_command(known: &BTreeSet<&str>, command: &Command) -> Vec<Mistake> {
    let operands = command.operands.iter().flat_map(|placed| {
        let operand = placed.get_ref();
        [&operand.given, &operand.not_given, &operand.unless]
    });
    let stdin = command.stdin.iter();
    let stdin = stdin.flat_map(|stdin| [&stdin.given, &stdin.unless]);
    let found = command.found.iter();
    let found = found.flat_map(|found| [&found.given, &found.unless_off]);
    let lists = operands.chain(stdin).chain(found);
    lists.flat_map(|list| names(known, list)).collect()
}

/// What files are to the tool, where argv names them.
fn roles(profile: &Profile) -> BTreeSet<&str> {
    let groups = profile.flags.values();
    let flags = groups.flat_map(|group| group.0.values());
    let operands = profile.command.iter().flat_map(|command| &command.operands);
    flags
        .map(|placed| placed.flag.input.as_str())
        .chain(operands.map(|placed| placed.get_ref().input.as_str()))
        .collect()
}

fn names(known: &BTreeSet<&str>, words: &[Word]) -> Vec<Mistake> {
    words.iter().filter_map(|word| name(known, word)).collect()
}

/// Returns the mistake of a name, or of a `name=value`, that no flag has.
fn name(known: &BTreeSet<&str>, word: &Word) -> Option<Mistake> {
    let text = word.get_ref().as_str();
    let (name, _) = text.split_once('=').unwrap_or((text, ""));
    // What it stands for is no flag: see the description of `unless`.
    if known.contains(name) || name == "graphql" {
        return None;
    }
    let long = name.trim_start_matches('-');
    let mend = if known.contains(long) {
        format!("write `{}`, without dashes", shown(long))
    } else {
        "write the long name of a flag that the command takes, or its letter where it has no other"
            .to_owned()
    };
    let problem = format!("`{}` is no flag of the command", shown(name));
    Some(Mistake::at(word, problem, mend))
}
