//! What must hold for every flag of every profile: neither `=` nor a space,
//! neither its place nor its neighbours change what a command does.

#![expect(
    clippy::indexing_slicing,
    reason = "an index that is wrong fails the test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use gate_policy::profile::{
    Arity, CommandSpec, FlagSpec, Neutral, Order, Style, ToolSpec, builtin,
};
use gate_policy::{
    CommandLine, Effect, EffectSet, Environment, Invocation, NoFiles, Stdin, read_invocation,
};
use proptest::prelude::*;

/// What two spellings of one command must agree on.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    effects: EffectSet,
    target: BTreeMap<String, String>,
    inputs: Vec<String>,
}

fn meaning(argv: &[String]) -> Meaning {
    let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
    let Invocation {
        effects,
        target,
        inputs,
        ..
    } = read_invocation(&CommandLine {
        argv: &argv,
        env: &Environment::default(),
        cwd: Path::new("/srv/app"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    });
    let mut inputs: Vec<String> = inputs
        .iter()
        .map(|input| format!("{} {}", input.role, input.path.display()))
        .collect();
    inputs.sort();
    Meaning {
        effects,
        target,
        inputs,
    }
}

/// The words that lead to a command, where it has no pattern in its name.
fn path_of(tool: &ToolSpec, command: &CommandSpec) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut node = Some(command);
    // The root has no name, or no parent that there is.
    while let Some(spec) = node.filter(|spec| !spec.name.is_empty()) {
        // Neither a pattern nor a node that no word names.
        if spec.name.ends_with('*') || spec.name.contains('\0') {
            return None;
        }
        words.insert(0, spec.name.to_string());
        node = tool.commands.get(usize::from(spec.parent));
    }
    Some(words)
}

/// The flags of a command, the global ones apart.
fn local_flags<'s>(tool: &'s ToolSpec, command: &CommandSpec) -> Vec<&'s FlagSpec> {
    let groups = command.groups.iter().filter(|group| **group != 0);
    groups
        .flat_map(|group| tool.groups[usize::from(*group)].flags.iter())
        .collect()
}

fn global_flags(tool: &ToolSpec) -> &[FlagSpec] {
    tool.groups.first().map_or(&[], |group| &group.flags)
}

/// Values that a flag may be given: a plain one, and one for each pattern.
fn values_of(flag: &FlagSpec) -> Vec<String> {
    let patterns = flag.values.iter().map(|value| value.glob.replace('*', "x"));
    std::iter::once("v".to_owned())
        .chain(patterns)
        .filter(|value| !value.is_empty() && !value.starts_with('-'))
        .collect()
}

fn is_letter(flag: &FlagSpec) -> bool {
    flag.name.len() == 1
}

/// Tells whether a command has another flag by the letter or the name of this one,
/// which is then the one that is meant.
fn is_hidden(tool: &ToolSpec, command: &CommandSpec, flag: &FlagSpec) -> bool {
    let others = local_flags(tool, command);
    let mut others = others.iter().filter(|other| !std::ptr::eq(**other, flag));
    others.any(|other| other.name == flag.name || (flag.short != 0 && other.short == flag.short))
}

/// The spellings of a flag with a value that the tool's own parser takes as one.
fn spellings(tool: &ToolSpec, flag: &FlagSpec, value: &str, is_global: bool) -> Vec<Vec<String>> {
    let name = &flag.name;
    let owned = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    let joined = format!("--{name}={value}");
    let long = format!("--{name}");
    let (one_joined, one) = (format!("-{name}={value}"), format!("-{name}"));
    let mut all = match tool.style {
        Style::Redis => vec![owned(&[&long, value])],
        Style::Sqlite => vec![owned(&[&long, value]), owned(&[&one, value])],
        Style::Goflag if is_global => vec![owned(&[&one_joined])],
        Style::Goflag => vec![
            owned(&[&joined]),
            owned(&[&one_joined]),
            owned(&[&long, value]),
            owned(&[&one, value]),
        ],
        Style::Pflag
        | Style::Argparse
        | Style::Python
        | Style::Getopt
        | Style::Git
        | Style::Clap
        | Style::Nopt => {
            if is_letter(flag) {
                Vec::new()
            } else {
                vec![owned(&[&joined]), owned(&[&long, value])]
            }
        }
    };
    let letter = match flag.short {
        0 if is_letter(flag) => name.to_string(),
        0 => return all,
        short => char::from(short).to_string(),
    };
    if matches!(
        tool.style,
        Style::Pflag | Style::Getopt | Style::Git | Style::Python
    ) {
        all.push(owned(&[&format!("-{letter}{value}")]));
        all.push(owned(&[&format!("-{letter}"), value]));
    }
    if tool.style == Style::Pflag {
        all.push(owned(&[&format!("-{letter}={value}")]));
    }
    all
}

fn command_line(tool: &ToolSpec, parts: &[&[String]]) -> Vec<String> {
    let mut argv = vec![tool.name.to_string()];
    argv.extend(parts.iter().flat_map(|part| part.iter().cloned()));
    argv
}

#[test]
fn no_spelling_of_a_flag_changes_what_a_command_does() {
    let mut count = 0;
    for tool in builtin() {
        for command in tool.commands.iter() {
            let Some(path) = path_of(tool, command) else {
                continue;
            };
            for flag in local_flags(tool, command) {
                if flag.arity != Arity::Required || is_hidden(tool, command, flag) {
                    continue;
                }
                for value in values_of(flag) {
                    let all = spellings(tool, flag, &value, false);
                    let lines = all.iter().map(|flag| command_line(tool, &[&path, flag]));
                    let mut lines = lines.collect::<Vec<_>>().into_iter();
                    let Some(first) = lines.next() else { continue };
                    let expected = meaning(&first);
                    for line in lines {
                        assert_eq!(meaning(&line), expected, "{line:?} and {first:?}");
                        count += 1;
                    }
                }
            }
        }
    }
    assert!(count > 1_000, "{count} spellings");
}

#[test]
fn a_global_flag_means_the_same_in_each_place_and_spelling() {
    let mut count = 0;
    for tool in builtin() {
        let is_anywhere = matches!(tool.style, Style::Pflag | Style::Argparse);
        for command in tool.commands.iter() {
            let Some(path) = path_of(tool, command) else {
                continue;
            };
            for flag in global_flags(tool) {
                if flag.arity != Arity::Required || is_hidden(tool, command, flag) {
                    continue;
                }
                for value in values_of(flag) {
                    let all = spellings(tool, flag, &value, true);
                    let mut lines: Vec<Vec<String>> = all
                        .iter()
                        .map(|flag| command_line(tool, &[flag, &path]))
                        .collect();
                    if is_anywhere && command.order == Order::Free {
                        lines.extend(all.iter().map(|flag| command_line(tool, &[&path, flag])));
                    }
                    let Some(first) = lines.first() else { continue };
                    let expected = meaning(first);
                    for line in &lines {
                        assert_eq!(meaning(line), expected, "{line:?} and {first:?}");
                        count += 1;
                    }
                }
            }
        }
    }
    assert!(count > 1_000, "{count} places");
}

/// The spellings of any flag that the tool's own parser takes as one word or two.
fn spelled(tool: &ToolSpec, flag: &FlagSpec, is_global: bool) -> Vec<Vec<String>> {
    let name = &flag.name;
    let is_one = tool.style == Style::Goflag || is_letter(flag);
    let dashes = if is_one { "-" } else { "--" };
    match flag.arity {
        Arity::Switch => vec![vec![format!("{dashes}{name}")]],
        Arity::Required => values_of(flag)
            .iter()
            .flat_map(|value| spellings(tool, flag, value, is_global))
            .collect(),
        Arity::Optional if !is_letter(flag) => values_of(flag)
            .iter()
            .map(|value| vec![format!("--{name}={value}")])
            .collect(),
        Arity::Optional | Arity::Many | Arity::Pair => Vec::new(),
    }
}

/// Tells whether a command is understood as less than another: milder, or elsewhere, without
/// that gate says it does not know.
fn is_other(one: &Meaning, expected: &Meaning) -> bool {
    one != expected && !one.effects.contains(Effect::Unknown)
}

#[test]
fn a_global_flag_between_the_words_of_a_command_changes_nothing_or_is_not_understood() {
    let (mut same, mut unknown) = (0, 0);
    for tool in builtin().iter().filter(|tool| tool.style != Style::Redis) {
        let is_anywhere = matches!(tool.style, Style::Pflag | Style::Argparse);
        for command in tool.commands.iter() {
            let Some(path) = path_of(tool, command).filter(|path| !path.is_empty()) else {
                continue;
            };
            for flag in global_flags(tool) {
                if is_hidden(tool, command, flag) {
                    continue;
                }
                let Some(flag) = spelled(tool, flag, true).into_iter().last() else {
                    continue;
                };
                let expected = meaning(&command_line(tool, &[&flag, &path]));
                for at in 1..=path.len() {
                    let line = command_line(tool, &[&path[..at], &flag, &path[at..]]);
                    let read = meaning(&line);
                    let may_differ = !is_anywhere || command.order != Order::Free;
                    assert!(
                        read == expected || may_differ && !is_other(&read, &expected),
                        "{line:?} is {read:?}, and in front {expected:?}"
                    );
                    if read == expected {
                        same += 1;
                    } else {
                        unknown += 1;
                    }
                }
            }
        }
    }
    assert!(
        same > 10_000 && unknown > 100,
        "{same} the same, {unknown} not understood"
    );
}

/// Flags that keep a tool from acting although a subcommand stands behind them,
/// and where that was looked at. Every other one that shows a version or a list does
/// so without a subcommand alone: the rest of the line runs.
const KEEPING: &[(&str, &[&str], &str)] = &[
    ("ansible-galaxy", &["version"], "argparse ends there"),
    ("ansible-vault", &["version"], "argparse ends there"),
    ("aws", &["version"], "argparse ends there"),
    ("cargo", &["version"], "`src/bin/cargo/cli.rs`"),
    (
        "docker",
        &["dry-run"],
        "compose takes it for all of its commands",
    ),
    ("gcloud", &["version"], "argparse ends there"),
    (
        "git",
        &["h", "html-path", "info-path", "man-path"],
        "`git.c`",
    ),
    (
        "glab",
        &["dry-run"],
        "the command below has it too, or refuses it",
    ),
    ("npm", &["?", "H", "h", "version"], "`lib/npm.js`"),
    ("redis-cli", &["version"], "`parseOptions` ends there"),
    (
        "systemctl",
        &["dry-run", "version"],
        "`parse_argv`; verbs that heed it",
    ),
    (
        "terraform",
        &["h", "v", "version"],
        "`main.go` puts `version` in front",
    ),
    ("twine", &["version"], "argparse ends there"),
    ("vault", &["h"], "the package `cli` shows help alone"),
];

/// The flags that can stand in front of a subcommand and take an effect away.
fn keeping_flags(tool: &ToolSpec) -> Vec<&FlagSpec> {
    let groups = tool.commands.iter().filter(|command| command.is_group);
    let local = groups.flat_map(|command| local_flags(tool, command));
    let mut flags: Vec<&FlagSpec> = local.chain(global_flags(tool)).collect();
    flags.retain(|flag| matches!(flag.neutral, Neutral::Present) && flag.name != "help");
    flags
}

#[test]
fn a_flag_in_front_of_a_subcommand_keeps_it_from_acting_only_where_the_tool_was_looked_at() {
    let (mut used, mut wrong) = (BTreeSet::new(), BTreeSet::new());
    for tool in builtin().iter().filter(|tool| tool.commands.len() > 1) {
        for command in tool.commands.iter() {
            let Some(path) = path_of(tool, command).filter(|path| !path.is_empty()) else {
                continue;
            };
            if meaning(&command_line(tool, &[&path])).effects.strictest() <= Effect::Local {
                continue;
            }
            for flag in keeping_flags(tool) {
                for at in 0..path.len() {
                    let spelled = spelled(tool, flag, true);
                    let flag_words = spelled.last().map_or(&[][..], Vec::as_slice);
                    let line = command_line(tool, &[&path[..at], flag_words, &path[at..]]);
                    if meaning(&line).effects.strictest() > Effect::Local {
                        continue;
                    }
                    let is_known = |known: &&(&str, &[&str], &str)| {
                        known.0 == tool.name && known.1.contains(&&*flag.name)
                    };
                    let known = KEEPING.iter().any(|known| is_known(&known));
                    let list = if known { &mut used } else { &mut wrong };
                    list.insert((tool.name.to_string(), flag.name.to_string()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "not looked at: {wrong:?}");
    let listed = KEEPING.iter().map(|known| known.1.len()).sum::<usize>();
    assert_eq!(used.len(), listed, "of these each is needed: {used:?}");
}

/// A command with flags of its own, each of another name, and an operand.
fn several() -> impl Strategy<Value = (Vec<String>, Vec<Vec<String>>, bool)> {
    let commands: Vec<(&'static ToolSpec, &'static CommandSpec)> = builtin()
        .iter()
        .filter(|tool| tool.style != Style::Redis)
        .flat_map(|tool| tool.commands.iter().map(move |command| (*tool, command)))
        .filter(|(tool, command)| {
            // Where a subcommand may follow, an operand is an unknown one.
            let is_leaf = !tool.commands.iter().skip(1).any(|below| {
                let parent = tool.commands.get(usize::from(below.parent));
                parent.is_some_and(|parent| std::ptr::eq(parent, *command))
            });
            is_leaf && path_of(tool, command).is_some() && local_flags(tool, command).len() > 2
        })
        .collect();
    (prop::sample::select(commands), 0_usize..1_000).prop_map(|((tool, command), start)| {
        let flags = local_flags(tool, command);
        let chosen = (0..4).filter_map(|step| {
            let flag = flags[(start + step * 7) % flags.len()];
            if is_hidden(tool, command, flag) {
                return None;
            }
            let values = values_of(flag);
            match flag.arity {
                // A switch that another turns off depends on which one is last.
                Arity::Switch if flag.negates.is_empty() => {
                    let dashes = if tool.style == Style::Goflag || is_letter(flag) {
                        "-"
                    } else {
                        "--"
                    };
                    Some((
                        flag.name.to_string(),
                        vec![format!("{dashes}{}", flag.name)],
                    ))
                }
                Arity::Required => {
                    let value = &values[start % values.len()];
                    let all = spellings(tool, flag, value, false);
                    let spelled = all.get(start % all.len().max(1))?;
                    Some((flag.name.to_string(), spelled.clone()))
                }
                Arity::Switch | Arity::Optional | Arity::Many | Arity::Pair => None,
            }
        });
        // Each name once: of a flag that stands twice the last counts.
        let chosen: BTreeMap<String, Vec<String>> = chosen.collect();
        let may_permute = tool.style != Style::Goflag && command.order == Order::Free;
        let mut path = vec![tool.name.to_string()];
        path.extend(path_of(tool, command).unwrap_or_default());
        (path, chosen.into_values().collect(), may_permute)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3_000) })]

    #[test]
    fn neither_their_order_nor_an_operand_between_them_changes_what_flags_do(
        (path, flags, may_permute) in several(),
        turn in 0_usize..4,
        at in 0_usize..5,
    ) {
        let line = |flags: &[Vec<String>], at: usize| {
            let mut argv = path.clone();
            argv.extend(flags[..at].iter().flatten().cloned());
            argv.push("operand".to_owned());
            argv.extend(flags[at..].iter().flatten().cloned());
            argv
        };
        let mut turned = flags.clone();
        turned.rotate_left(turn.min(flags.len()));
        let first = line(&flags, flags.len());
        let place = if may_permute { at.min(flags.len()) } else { flags.len() };
        let other = line(&turned, place);
        prop_assert_eq!(meaning(&other), meaning(&first), "{:?} and {:?}", other, first);
    }
}
