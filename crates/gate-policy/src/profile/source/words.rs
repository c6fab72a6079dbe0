//! The words of a profile that stand for something of gate's.

use std::borrow::Cow;

use super::{Mistake, Word};
use crate::effect::Effect;
use crate::profile::{
    Arity, Changes, FlagRuns, Follows, Order, Place, Reader, RunsReading, Style, Table, Text,
};

/// The words that can stand in a place, and what each stands for.
pub(super) type Choice<T> = &'static [(&'static str, T)];

pub(super) const STYLES: Choice<Style> = &[
    ("pflag", Style::Pflag),
    ("clap", Style::Clap),
    ("nopt", Style::Nopt),
    ("goflag", Style::Goflag),
    ("argparse", Style::Argparse),
    ("python", Style::Python),
    ("getopt", Style::Getopt),
    ("git", Style::Git),
    ("redis", Style::Redis),
    ("sqlite", Style::Sqlite),
];
pub(super) const READERS: Choice<Reader> = &[
    ("tables", Reader::Tables),
    ("psql", Reader::Psql),
    ("shell", Reader::Shell),
    ("find", Reader::Find),
    ("sftp", Reader::Sftp),
    ("redis", Reader::Redis),
    ("mysql", Reader::Mysql),
    ("sqlite", Reader::Sqlite),
    ("mongo", Reader::Mongo),
    ("ansible", Reader::Ansible),
    ("sed", Reader::Sed),
    ("awk", Reader::Awk),
    ("jq", Reader::Jq),
    ("docker", Reader::Docker),
    ("npm", Reader::Npm),
    ("cargo", Reader::Cargo),
];
pub(super) const ARITIES: Choice<Arity> = &[
    ("switch", Arity::Switch),
    ("required", Arity::Required),
    ("optional", Arity::Optional),
    ("many", Arity::Many),
    ("pair", Arity::Pair),
];
pub(super) const FLAG_RUNS: Choice<FlagRuns> = &[
    ("nothing", FlagRuns::Nothing),
    ("shell", FlagRuns::Shell),
    ("split", FlagRuns::Split),
];
pub(super) const CHANGES: Choice<Changes> = &[
    ("nothing", Changes::Nothing),
    ("clears", Changes::Clears),
    ("unsets", Changes::Unsets),
];
pub(super) const FOLLOWS: Choice<Follows> = &[
    ("nothing", Follows::Nothing),
    ("kustomization", Follows::Kustomization),
    ("template", Follows::Template),
    ("folder", Follows::Folder),
    ("bicep", Follows::Bicep),
];
pub(super) const ORDERS: Choice<Order> = &[
    ("free", Order::Free),
    ("first", Order::First),
    ("words", Order::Words),
];
pub(super) const PLACES: Choice<Place> = &[("here", Place::Here), ("elsewhere", Place::Elsewhere)];
pub(super) const READINGS: Choice<RunsReading> = &[
    ("words", RunsReading::Words),
    ("shell", RunsReading::Shell),
    ("appended", RunsReading::Appended),
];

/// Returns what a word stands for; where there is none, what is taken then.
pub(super) fn one_of<T: Copy>(
    word: Option<&Word>,
    otherwise: T,
    choice: Choice<T>,
) -> Result<T, Mistake> {
    let Some(word) = word else {
        return Ok(otherwise);
    };
    let mut known = choice.iter();
    let found = known.find(|(name, _)| *name == word.get_ref().as_str());
    found.map(|(_, meant)| *meant).ok_or_else(|| {
        let names: Vec<&str> = choice.iter().map(|(name, _)| *name).collect();
        let problem = format!("`{}` is not one of its words", shown(word.get_ref()));
        Mistake::at(word, problem, format!("write one of {}", names.join(", ")))
    })
}

pub(super) fn effect(word: &Word) -> Result<Effect, Mistake> {
    one_of(Some(word), Effect::Unknown, &Effect::BY_WORD)
}

pub(super) fn optional_effect(word: Option<&Word>) -> Result<Option<Effect>, Mistake> {
    word.map(effect).transpose()
}

/// Returns text of the file for a message, with what can't be printed escaped.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .take(80)
        .flat_map(char::escape_default)
        .collect()
}

pub(super) fn text(text: &str) -> Text {
    Cow::Owned(text.to_owned())
}

/// Returns words as a table, as [`texts`] does.
pub(super) fn plain(words: &[Word]) -> Table<Text> {
    let texts: Vec<String> = words.iter().map(|word| word.get_ref().clone()).collect();
    self::texts(&texts)
}

/// Returns texts as a table, those that stand twice in a row once.
pub(super) fn texts(texts: &[String]) -> Table<Text> {
    let mut all: Vec<Text> = texts.iter().map(|one| text(one)).collect();
    all.dedup();
    Cow::Owned(all)
}
