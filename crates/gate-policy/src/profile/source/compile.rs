//! Makes the tables of a tool of its profile, sorted and checked.

use std::borrow::Cow;
use std::sync::Arc;

use super::words::{
    ARITIES, CHANGES, FLAG_RUNS, FOLLOWS, READERS, STYLES, effect, one_of, optional_effect, plain,
    text, texts,
};
use super::{Flag, Mistake, Neutral, Placed, Profile, Word, command, named, tree, variables};
use crate::profile::{
    Arity, Changes, CommandSpec, FlagDetail, FlagGroup, FlagRuns, FlagSpec, Follows,
    Neutral as NeutralSpec, Reader, Shared, Style, Table, Text, ToolSpec, ValueEffect,
    VariableAction, VariableSpec,
};

/// Returns the tables, without what stands in files beside the profile, or every mistake.
pub(crate) fn compile(profile: &Profile) -> Result<ToolSpec, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let style = one_of(Some(&profile.style), Style::Getopt, STYLES);
    let reader = one_of(profile.reader.as_ref(), Reader::Tables, READERS);
    let groups = groups(profile, &mut mistakes);
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_ref()).collect();
    let prototypes = command::prototypes(profile, &names, &mut mistakes);
    let commands = tree::rows(profile, &prototypes, &mut mistakes);
    let environment = variables::rows(profile, &mut mistakes);
    let implicit = variables::implicit(profile, &mut mistakes);
    mistakes.extend(named::unknown(profile));
    let style = kept(style, &mut mistakes);
    let reader = kept(reader, &mut mistakes);
    let (true, Some(style), Some(reader)) = (mistakes.is_empty(), style, reader) else {
        return Err(mistakes);
    };
    let sets = |spec: &VariableSpec| matches!(spec.action, VariableAction::Set(_));
    let merges = |spec: &VariableSpec| spec.action == VariableAction::Merge;
    Ok(ToolSpec {
        name: text(profile.name.get_ref()),
        aliases: profile
            .aliases
            .iter()
            .map(|alias| text(alias.get_ref()))
            .collect(),
        style,
        groups: Cow::Owned(groups),
        patterns: patterns(&commands),
        commands: Cow::Owned(commands),
        listed: None,
        sets_variables: environment.iter().any(sets),
        merges_variables: environment.iter().any(merges),
        environment: Cow::Owned(environment),
        moved_by: plain(&profile.moved_by),
        literal: Cow::Owned(literal(profile)),
        implicit: Cow::Owned(implicit),
        operations: Cow::Borrowed(""),
        operation_places: Cow::Borrowed(&[]),
        can_be_python: profile.python,
        completed_by: profile
            .completed_by
            .as_ref()
            .map_or_else(Text::default, |one| text(one.get_ref())),
        reader,
    })
}

/// Returns the indexes of the commands whose word stands for many.
pub(crate) fn patterns(commands: &[CommandSpec]) -> Table<u16> {
    let stands_for_many = |(_, spec): &(u16, &CommandSpec)| spec.name.ends_with('*');
    let numbered = (0..).zip(commands);
    numbered
        .filter(stands_for_many)
        .map(|(index, _)| index)
        .collect()
}

/// Returns what was made, or notes why it was not.
pub(super) fn kept<T>(made: Result<T, Mistake>, mistakes: &mut Vec<Mistake>) -> Option<T> {
    made.map_err(|mistake| mistakes.push(mistake)).ok()
}

/// Sorted, so that a parameter is found by halving.
fn literal(profile: &Profile) -> Vec<Text> {
    let paths = profile.literal.iter();
    let mut literal: Vec<Text> = paths
        .flat_map(|path| tree::expand(path).unwrap_or_default())
        .map(Cow::Owned)
        .collect();
    literal.sort();
    literal
}

/// The group of the global flags stands first.
fn groups(profile: &Profile, mistakes: &mut Vec<Mistake>) -> Vec<FlagGroup> {
    let mut groups: Vec<FlagGroup> = Vec::new();
    for (name, flags) in &profile.flags {
        let flags = flags.0.iter();
        let made = flags.filter_map(|(name, placed)| kept(flag(name, placed), mistakes));
        groups.push(FlagGroup {
            name: text(name),
            flags: made.collect(),
        });
    }
    groups.sort_by_key(|group| (group.name != "global", group.name.clone()));
    if groups.first().is_none_or(|group| group.name != "global") {
        let global = FlagGroup {
            name: text("global"),
            flags: Cow::Borrowed(&[]),
        };
        groups.insert(0, global);
    }
    groups
}

/// Returns the places of groups of flags.
pub(crate) fn group_indexes(flags: &[Word], groups: &[&str]) -> Result<Vec<u16>, Mistake> {
    let index_of = |name: &Word| {
        let index = groups.iter().position(|group| group == name.get_ref());
        index
            .and_then(|index| u16::try_from(index).ok())
            .ok_or_else(|| {
                let problem = format!("there is no group of flags `{}`", name.get_ref());
                let mend = format!("write a table [flags.{}], or leave it out", name.get_ref());
                Mistake::at(name, problem, mend)
            })
    };
    flags.iter().map(index_of).collect()
}

fn flag(name: &str, placed: &Placed) -> Result<FlagSpec, Mistake> {
    let flag = &placed.flag;
    if name.is_empty() || name.contains(['=', ' ']) {
        let problem = format!("`{name}` is no name of a flag");
        let mend = "write its long name, or its letter where it has none, without a value";
        return Err(Mistake::new(placed.place.clone(), problem, mend));
    }
    Ok(FlagSpec {
        name: text(name),
        short: letter(flag.short.as_ref())?,
        arity: one_of(flag.value.as_ref(), Arity::Switch, ARITIES)?,
        more: Shared::Read(Arc::new(detail(flag)?)),
    })
}

fn detail(flag: &Flag) -> Result<FlagDetail, Mistake> {
    Ok(FlagDetail {
        negates: text(flag.negates.as_ref().map_or("", |word| word.get_ref())),
        neutral: match &flag.neutral {
            None => NeutralSpec::Never,
            Some(Neutral::Present) => NeutralSpec::Present,
            Some(Neutral::Values(values)) => NeutralSpec::Values(texts(values)),
        },
        effect: optional_effect(flag.effect.as_ref())?,
        values: values(flag)?.into(),
        is_beyond_read: flag.beyond_read,
        unless: plain(&flag.unless),
        target: text(&flag.target),
        input: text(&flag.input),
        not_input: texts(&flag.not_input),
        is_behind_at: flag.behind_at,
        in_place: texts(&flag.in_place),
        copied: texts(&flag.copied),
        follows: one_of(flag.follows.as_ref(), Follows::Nothing, FOLLOWS)?,
        secret: text(&flag.secret),
        runs: one_of(flag.runs.as_ref(), FlagRuns::Nothing, FLAG_RUNS)?,
        changes: one_of(flag.changes.as_ref(), Changes::Nothing, CHANGES)?,
        why: text(&flag.why),
    })
}

fn letter(short: Option<&Word>) -> Result<u8, Mistake> {
    match short.map(|word| (word, word.get_ref().as_bytes())) {
        None | Some((_, [])) => Ok(0),
        Some((_, [letter])) => Ok(*letter),
        Some((word, _)) => Err(Mistake::at(
            word,
            "a short name is one letter",
            "write one letter, or the name without it",
        )),
    }
}

fn values(flag: &Flag) -> Result<Vec<ValueEffect>, Mistake> {
    let one = |(glob, word): &(String, Word)| {
        let is_none = word.get_ref() == "none";
        Ok(ValueEffect {
            glob: text(glob),
            effect: if is_none { None } else { Some(effect(word)?) },
        })
    };
    flag.values.iter().map(one).collect()
}
