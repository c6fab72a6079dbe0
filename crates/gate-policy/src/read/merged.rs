//! What a variable adds to the words of a command, as `TF_CLI_ARGS_apply` does to those of
//! `terraform apply`: read where the tool puts it, right behind the subcommand.
//!
//! Source: terraform, `main.go`, `mergeEnvArgs`, and github.com/mattn/go-shellwords, by which the
//! value is split.

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::unix::ffi::OsStringExt as _;

use super::inner::{masked_words, only};
use super::is_too_long;
use super::secrets::merged as as_one;
use super::words::Parsed;
use crate::command_line::CommandLine;
use crate::invocation::{Invocation, SecretPlace, Word, WordRole};
use crate::profile::{ToolSpec, VariableAction, VariableSpec};

/// A word that a variable adds to those of argv.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedWord {
    /// The variable.
    pub variable: OsString,
    /// The word of argv that it stands before; their number where it stands behind all.
    pub at: usize,
    /// What it is.
    pub word: Word,
    /// The word itself, its secrets masked, non-UTF-8 shown lossily.
    pub text: String,
}

/// A command line with the words of its variables in it.
#[derive(Default)]
pub(super) struct Merged {
    /// All words; empty where no variable adds any.
    pub(super) argv: Vec<OsString>,
    /// Where the words of variables begin.
    at: usize,
    added: Vec<Added>,
    /// The variables whose words are not understood, or stand nobody knows where.
    unread: Vec<OsString>,
}

/// A word of a variable.
struct Added {
    variable: OsString,
    /// Where it stands in the value, with its quotes.
    place: Range<usize>,
    /// What stands there.
    text: Vec<u8>,
}

/// A word of a value: what the tool gets, and where it stands.
struct Piece {
    word: Vec<u8>,
    place: Range<usize>,
}

impl Merged {
    /// Returns what the variables of a tool add to a command; nothing where none of them is set.
    pub(super) fn of(line: &CommandLine<'_>, spec: &ToolSpec) -> Option<Self> {
        if !spec.merges_variables || line.env.is_empty() {
            return None;
        }
        let mut bare = Parsed::new(spec, line.argv);
        bare.read();
        let (at, words) = subcommand(line, &bare);
        let is_unclear = words.is_empty() && !bare.problems.is_empty();
        let variables = variables(line, spec, &words);
        let mut merged = Self {
            at,
            ..Self::default()
        };
        let mut between = Vec::new();
        for (name, value) in variables {
            let pieces = split(value.as_encoded_bytes()).filter(|_| !is_unclear);
            let Some(pieces) = pieces else {
                merged.unread.push(name);
                continue;
            };
            for Piece { word, place } in pieces {
                let text = value.as_encoded_bytes().get(place.clone());
                between.push(OsString::from_vec(word));
                merged.added.push(Added {
                    variable: name.clone(),
                    text: text.unwrap_or_default().to_vec(),
                    place,
                });
            }
        }
        let (before, behind) = line.argv.split_at_checked(at)?;
        let argv = [before, &between, behind].concat();
        if is_too_long(&argv) {
            let names = merged.added.drain(..).map(|added| added.variable);
            merged.unread.extend(names);
            merged.unread.dedup();
        } else if !between.is_empty() {
            merged.argv = argv;
        }
        let is_any = !merged.added.is_empty() || !merged.unread.is_empty();
        is_any.then_some(merged)
    }

    /// Tells whether words of a variable were read with those of the command.
    pub(super) fn holds(&self, name: &OsStr) -> bool {
        self.added.iter().any(|added| added.variable == name)
    }

    /// Tells whether a variable adds words that were not read.
    pub(super) fn is_unread(&self, name: &OsStr) -> bool {
        self.unread.iter().any(|unread| unread == name)
    }

    /// Makes what was read of all words a reading of those of the command: what a word of a
    /// variable says has its place in the environment.
    pub(super) fn settle(self, invocation: &mut Invocation) {
        let count = self.added.len();
        let place = |index: usize| match index.checked_sub(self.at) {
            None => Ok(index),
            Some(inside) => match self.added.get(inside) {
                Some(added) => Err(added),
                None => Ok(index - count),
            },
        };
        let texts = masked_words(&self.argv, &invocation.secrets);
        let end = (self.at + count).min(invocation.words.len());
        let words = invocation.words.drain(self.at.min(end)..end);
        let shown = texts.into_iter().skip(self.at);
        invocation.merged = self
            .added
            .iter()
            .zip(words.zip(shown))
            .map(|(added, (word, text))| MergedWord {
                variable: added.variable.clone(),
                at: self.at,
                word,
                text,
            })
            .collect();
        for used in &mut invocation.options {
            if let Ok(index) = place(used.argv_index) {
                used.argv_index = index;
            } else {
                (used.argv_index, used.range) = (self.at.saturating_sub(1), 0..0);
            }
        }
        for input in &mut invocation.inputs {
            match input.argv_index.map(place) {
                None => {}
                Some(Ok(index)) => input.argv_index = Some(index),
                Some(Err(_)) => (input.argv_index, input.range) = (None, 0..0),
            }
        }
        let mut secrets = std::mem::take(&mut invocation.secrets);
        for secret in &mut secrets {
            let SecretPlace::Argv(index) = secret.place else {
                continue;
            };
            match place(index) {
                Ok(index) => secret.place = SecretPlace::Argv(index),
                Err(added) => {
                    let word = self.argv.get(index).map(|word| word.as_encoded_bytes());
                    let value = word.and_then(|word| word.get(secret.range.clone()));
                    secret.range = added.place_of(value.unwrap_or_default());
                    secret.place = SecretPlace::Env(added.variable.clone());
                }
            }
        }
        invocation.secrets = as_one(secrets);
    }
}

impl Added {
    /// Returns where a part of the word stands in the value; the whole word where that is not
    /// clear.
    fn place_of(&self, part: &[u8]) -> Range<usize> {
        let start = self.place.start;
        only(&self.text, part).map_or(self.place.clone(), |at| start + at.start..start + at.end)
    }
}

/// Returns behind which word the words of a variable stand, and the words of the subcommand.
/// Without a subcommand they stand behind what moves the folder.
fn subcommand<'a>(line: &CommandLine<'a>, bare: &Parsed<'_>) -> (usize, Vec<&'a OsStr>) {
    let is_command = |role: WordRole| role == WordRole::Command;
    let roles = bare.words.iter().map(|word| word.role);
    let places: Vec<usize> = roles
        .enumerate()
        .filter(|(_, role)| is_command(*role))
        .map(|(index, _)| index)
        .collect();
    let moves = |name: &str| bare.spec.moved_by.iter().any(|option| option == name);
    let last_move = bare.words.iter().rposition(|word| moves(&word.name));
    let last = places.last().copied().or(last_move).unwrap_or(0);
    let words = places.iter().filter_map(|index| line.argv.get(*index));
    (last + 1, words.map(OsString::as_os_str).collect())
}

/// Returns the variables that add words to a command. Those of its own subcommand are put in last,
/// and so stand first.
fn variables<'e>(
    line: &CommandLine<'e>,
    spec: &ToolSpec,
    words: &[&OsStr],
) -> Vec<(OsString, &'e OsStr)> {
    let merges = |spec: &&VariableSpec| spec.action == VariableAction::Merge;
    let mut found: Vec<(bool, OsString, &OsStr)> = Vec::new();
    for spec in spec.environment.iter().filter(merges) {
        let name = name_for(&spec.name, words);
        let value = line.env.get(&name).filter(|value| !value.is_empty());
        if let Some(value) = value {
            found.push((!spec.name.contains('*'), name, value));
        }
    }
    found.sort();
    let found = found.into_iter();
    found.map(|(_, name, value)| (name, value)).collect()
}

/// Returns the name of a variable for a subcommand, whose words stand for the star.
fn name_for(pattern: &str, words: &[&OsStr]) -> OsString {
    let Some((prefix, end)) = pattern.split_once('*') else {
        return pattern.into();
    };
    let mut name = prefix.as_bytes().to_vec();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            name.push(b'_');
        }
        let bytes = word.as_encoded_bytes().iter();
        name.extend(bytes.map(|byte| if *byte == b'-' { b'_' } else { *byte }));
    }
    name.extend(end.as_bytes());
    OsString::from_vec(name)
}

/// Splits a value into words. Versions of the tool disagree on backslashes, on quotes with nothing
/// in them, and on what a shell would run: a value with one of these is not split.
fn split(value: &[u8]) -> Option<Vec<Piece>> {
    std::str::from_utf8(value).ok()?;
    let mut pieces = Vec::new();
    let mut piece: Option<Piece> = None;
    let mut quote = None;
    for (at, byte) in value.iter().enumerate() {
        let is_blank = b" \t\r\n".contains(byte);
        if quote.is_none() && is_blank {
            pieces.extend(piece.take());
            continue;
        }
        let open = piece.get_or_insert_with(|| Piece {
            word: Vec::new(),
            place: at..at,
        });
        open.place.end = at + 1;
        match (byte, quote) {
            (b'\\' | b'`' | b'$', _) | (b'(' | b')' | b';' | b'&' | b'|' | b'<' | b'>', None) => {
                return None;
            }
            (b'\'' | b'"', None) => quote = Some(*byte),
            (byte, Some(open)) if *byte == open => quote = None,
            (byte, _) => open.word.push(*byte),
        }
    }
    pieces.extend(piece);
    let is_word = |piece: &Piece| !piece.word.trim_ascii().is_empty();
    (quote.is_none() && pieces.iter().all(is_word)).then_some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(value: &str) -> Option<Vec<String>> {
        let pieces = split(value.as_bytes())?;
        let words = pieces.into_iter();
        words
            .map(|piece| String::from_utf8(piece.word).ok())
            .collect()
    }

    #[test]
    fn a_value_is_split_at_blanks_and_quotes_hold_a_word_together() {
        let two = words(" -var='a=b c'\t\"-target=m.x['k']\" ");
        assert_eq!(two.unwrap(), ["-var=a=b c", "-target=m.x['k']"]);
        assert_eq!(words("  ").unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_split_in_more_than_one_way_is_not_split() {
        for value in [
            "a\\ b",
            "`id`",
            "-var=$(id)",
            "a;b",
            "'a",
            "''",
            "a ' '",
            "a>b",
        ] {
            assert_eq!(words(value), None, "{value}");
        }
    }

    #[test]
    fn the_words_of_a_subcommand_stand_in_the_name() {
        let words = ["state", "replace-provider"].map(OsStr::new);
        assert_eq!(name_for("A_*", &words), "A_state_replace_provider");
        assert_eq!(name_for("A", &words), "A");
    }
}
