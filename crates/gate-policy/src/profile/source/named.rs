//! Names of flags in a profile that are names of no flag there. Such a name is a slip of the pen,
//! and what stands beside it would never hold, or always.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

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
            found.extend(names(Some(&known), placed.flag.negates.as_slice()));
            found.extend(excuses(Some(&known), &placed.flag.unless));
        }
    }
    for command in &profile.command {
        let groups = command.flags.iter().map(|group| group.get_ref().as_str());
        let known = flags.of(groups.chain([GLOBAL]));
        // A flag that is not listed is a parameter of an open command, and may have any name.
        found.extend(of_command((!command.open).then_some(&known), command));
    }
    let known = flags.of(flags.0.keys().copied());
    found.extend(names(Some(&known), &profile.moved_by));
    for placed in &profile.environment {
        found.extend(names(Some(&known), &placed.get_ref().unless));
    }
    let roles = roles(profile);
    for placed in &profile.implicit {
        let implicit = placed.get_ref();
        found.extend(names(Some(&known), &implicit.named_by));
        let is_role = |word: &&Word| roles.contains(word.get_ref().as_str());
        let options = implicit.unless.iter().filter(|word| !is_role(word));
        found.extend(options.filter_map(|word| mistake(Some(&known), word, word.get_ref())));
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

/// Flags that a name may stand for; any where nothing is known of them.
type Known<'k> = Option<&'k BTreeSet<&'k str>>;

fn of_command(known: Known<'_>, command: &Command) -> Vec<Mistake> {
    let operands = command.operands.iter().map(Spanned::get_ref);
    let mut mistakes = Vec::new();
    for operand in operands.clone() {
        mistakes.extend(excuses(known, &operand.unless));
        let elsewhere = operand.present.iter().flatten();
        let options = elsewhere.filter(|word| !is_variable(word.get_ref()));
        mistakes.extend(options.filter_map(|word| mistake(known, word, word.get_ref())));
    }
    let operands = operands.flat_map(|operand| [&operand.given, &operand.not_given]);
    let stdin = command.stdin.iter();
    let stdin = stdin.flat_map(|stdin| [&stdin.given, &stdin.unless]);
    let found = command.found.iter();
    let found = found.flat_map(|found| [&found.given, &found.unless_off]);
    let lists = operands.chain(stdin).chain(found);
    mistakes.extend(lists.flat_map(|list| names(known, list)));
    mistakes
}

/// Tells whether a name is written as variables are, and as no flag is.
fn is_variable(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name.len() > 1
        && name
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
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

fn names(known: Known<'_>, words: &[Word]) -> Vec<Mistake> {
    let mistakes = words
        .iter()
        .map(|word| mistake(known, word, word.get_ref()));
    mistakes.flatten().collect()
}

/// Returns the mistakes of an `unless` that looks at values.
fn excuses(known: Known<'_>, words: &[Word]) -> Vec<Mistake> {
    let found = words.iter().filter_map(|word| {
        match word.get_ref().split_once('=') {
            Some((name, _)) => mistake(known, word, name),
            // It stands for no flag: see the description of `unless`.
            None if word.get_ref() == "graphql" => None,
            None => {
                let problem = format!("`{}` has no value, and never holds", shown(word.get_ref()));
                Some(Mistake::at(
                    word,
                    problem,
                    "write the flag with its value, as `method=GET`",
                ))
            }
        }
    });
    found.collect()
}

/// Returns the mistake of a name that no flag has.
fn mistake(known: Known<'_>, word: &Word, name: &str) -> Option<Mistake> {
    let long = name.trim_start_matches('-');
    let is_flag = known.map_or(long == name && !name.is_empty(), |known| {
        known.contains(name)
    });
    if is_flag {
        return None;
    }
    let mend = if known.is_none_or(|known| known.contains(long)) {
        format!("write `{}`, without dashes", shown(long))
    } else {
        "write the long name of a flag that the command takes, or its letter where it has no other"
            .to_owned()
    };
    let problem = format!("`{}` is no flag of the command", shown(name));
    Some(Mistake::at(word, problem, mend))
}
