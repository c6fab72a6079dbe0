//! The profile files as they are written, and what is made of them; `docs/profiles.md`
//! describes them.
//!
//! The build script reads the built-in profiles by this, and gate those of a
//! machine's owner and of a user: both are checked by the same code.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

mod command;
pub(crate) mod compile;
mod mistake;
mod named;
mod operand;
mod tree;
mod variables;
mod words;

pub(crate) use compile::compile;
pub(crate) use mistake::Mistake;
pub(crate) use tree::CLASSES;

/// A word with the place where it stands.
pub(crate) type Word = Spanned<String>;
/// Words with their places.
pub(crate) type Words = Vec<Word>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) name: Word,
    #[serde(default)]
    pub(crate) aliases: Words,
    pub(crate) style: Word,
    pub(crate) reader: Option<Word>,
    /// The profile whose global flags, variables and implicit inputs it has too.
    pub(crate) shares: Option<Word>,
    #[serde(default)]
    pub(crate) flags: BTreeMap<String, Group>,
    #[serde(default)]
    pub(crate) command: Vec<Command>,
    pub(crate) listed: Option<Spanned<Listed>>,
    #[serde(default)]
    pub(crate) environment: Vec<Spanned<Variable>>,
    #[serde(default)]
    pub(crate) moved_by: Words,
    /// Paths with a parameter behind them; `{a,b}` in a word stands for either.
    #[serde(default)]
    pub(crate) literal: Vec<String>,
    #[serde(default)]
    pub(crate) implicit: Vec<Spanned<Implicit>>,
    /// The file that names the class of each operation.
    pub(crate) operations: Option<Word>,
    /// Whether it can be a program of Python.
    #[serde(default = "yes")]
    pub(crate) python: bool,
    /// The variable with which it only completes a line.
    pub(crate) completed_by: Option<Word>,
}

/// Commands that stand in a list beside the profile.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listed {
    pub(crate) file: String,
    /// First words that change nothing.
    #[serde(default)]
    pub(crate) skipped: Vec<String>,
    /// The groups of flags that all of them take.
    #[serde(default)]
    pub(crate) flags: Words,
}

/// A group of flags. Plain ones stand in the lists `switches` and `values`, as
/// `name` or `n/name`; the others have a table each.
pub(crate) struct Group(pub(crate) BTreeMap<String, Placed>);

/// A flag with the place of its name.
pub(crate) struct Placed {
    pub(crate) place: std::ops::Range<usize>,
    pub(crate) flag: Flag,
}

/// What stands under a name in a group.
enum Entry {
    Plain(Words),
    Flag(Box<Flag>),
}

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let mut group = Self(BTreeMap::new());
        for (name, entry) in BTreeMap::<Word, Entry>::deserialize(source)? {
            match (name.get_ref().as_str(), entry) {
                (list @ ("switches" | "values"), Entry::Plain(names)) => {
                    for one in names {
                        let value = (list == "values")
                            .then(|| Spanned::new(one.span(), "required".to_owned()));
                        let (short, long) = match one.get_ref().split_once('/') {
                            Some((short, long)) => (Some(short), long),
                            None => (None, one.get_ref().as_str()),
                        };
                        let short = short.map(|short| Spanned::new(one.span(), short.to_owned()));
                        let flag = Flag {
                            short,
                            value,
                            ..Flag::default()
                        };
                        group.add(long, one.span(), flag)?;
                    }
                }
                (name, Entry::Plain(_)) => {
                    let why =
                        format!("flag `{name}` is a list, and only `switches` and `values` are");
                    return Err(D::Error::custom(why));
                }
                // A flag that is called as the lists are stands with its dashes.
                (dashed, Entry::Flag(flag)) => {
                    group.add(dashed.trim_start_matches('-'), name.span(), *flag)?;
                }
            }
        }
        Ok(group)
    }
}

impl Group {
    fn add<E: serde::de::Error>(
        &mut self,
        name: &str,
        place: std::ops::Range<usize>,
        flag: Flag,
    ) -> Result<(), E> {
        match self.0.insert(name.to_owned(), Placed { place, flag }) {
            Some(_) => Err(E::custom(format!("flag `{name}` stands twice"))),
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table for a flag, or a list of plain ones")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Entry, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = items.next_element()? {
            names.push(name);
        }
        Ok(Entry::Plain(names))
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Entry, A::Error> {
        let flag = Flag::deserialize(MapAccessDeserializer::new(fields))?;
        Ok(Entry::Flag(Box::new(flag)))
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flag {
    pub(crate) short: Option<Word>,
    pub(crate) value: Option<Word>,
    pub(crate) negates: Option<Word>,
    #[serde(default)]
    pub(crate) neutral: Option<Neutral>,
    pub(crate) effect: Option<Word>,
    /// Pairs of a pattern and an effect, or `none`.
    #[serde(default)]
    pub(crate) values: Vec<(String, Word)>,
    /// Whether its effect counts only where the command does more than read.
    #[serde(default)]
    pub(crate) beyond_read: bool,
    /// `flag=value` pairs with which its effect does not count.
    #[serde(default)]
    pub(crate) unless: Words,
    #[serde(default)]
    pub(crate) target: String,
    #[serde(default)]
    pub(crate) input: String,
    /// Patterns of values that name no file.
    #[serde(default)]
    pub(crate) not_input: Vec<String>,
    /// Whether only what stands behind an `@` names one.
    #[serde(default)]
    pub(crate) behind_at: bool,
    /// Patterns of names that mean something to the tool.
    #[serde(default)]
    pub(crate) in_place: Vec<String>,
    /// Patterns of names for which a copy of the same name can stand.
    #[serde(default)]
    pub(crate) copied: Vec<String>,
    pub(crate) follows: Option<Word>,
    #[serde(default)]
    pub(crate) secret: String,
    /// The command that its value is: `shell` or `split`.
    pub(crate) runs: Option<Word>,
    /// What it does to the environment of the command that is run: `clears` or `unsets`.
    pub(crate) changes: Option<Word>,
    #[serde(default)]
    pub(crate) why: String,
}

pub(crate) enum Neutral {
    Present,
    Values(Vec<String>),
}

impl<'de> Deserialize<'de> for Neutral {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(NeutralVisitor)
    }
}

struct NeutralVisitor;

impl<'de> Visitor<'de> for NeutralVisitor {
    type Value = Neutral;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or a list of values")
    }

    fn visit_bool<E: serde::de::Error>(self, is_neutral: bool) -> Result<Neutral, E> {
        if is_neutral {
            return Ok(Neutral::Present);
        }
        Err(E::invalid_value(serde::de::Unexpected::Bool(false), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Neutral, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            values.push(value);
        }
        Ok(Neutral::Values(values))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Command {
    /// Paths; `{a,b}` in a word stands for either.
    #[serde(default)]
    pub(crate) paths: Words,
    /// What the file of operations calls those that this is said of.
    pub(crate) class: Option<Word>,
    /// Other words for the last one of each path.
    #[serde(default)]
    pub(crate) aliases: Words,
    pub(crate) effect: Word,
    /// Another effect that it has too.
    pub(crate) also: Option<Word>,
    #[serde(default)]
    pub(crate) flags: Words,
    #[serde(default)]
    pub(crate) open: bool,
    #[serde(default = "yes")]
    pub(crate) neutral: bool,
    /// `free` or `first`.
    pub(crate) order: Option<Word>,
    #[serde(default)]
    pub(crate) passed: bool,
    /// The first operand of a command that is passed on without `--`.
    pub(crate) passed_from: Option<u8>,
    pub(crate) runs: Option<Runs>,
    #[serde(default)]
    pub(crate) operands: Vec<Spanned<Operand>>,
    pub(crate) stdin: Option<Stdin>,
    #[serde(default)]
    pub(crate) found: Vec<Found>,
    pub(crate) shows: Option<Shows>,
    #[serde(default)]
    pub(crate) why: String,
}

/// How a command that is passed on is run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Runs {
    /// `here` or `elsewhere`.
    pub(crate) place: Option<Word>,
    /// `words`, `shell` or `appended`.
    #[serde(rename = "as")]
    pub(crate) reading: Option<Word>,
    #[serde(default)]
    pub(crate) assignments: bool,
    #[serde(default)]
    pub(crate) clears_environment: bool,
    /// What is done where there is no command.
    pub(crate) alone: Option<Word>,
}

/// The operands with which a command only shows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shows {
    pub(crate) operands: u8,
    pub(crate) globs: Vec<String>,
}

/// What a file, or the name of the folder, adds by being there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Found {
    #[serde(default)]
    pub(crate) files: Vec<String>,
    #[serde(default)]
    pub(crate) hidden_folder: bool,
    #[serde(default)]
    pub(crate) given: Words,
    #[serde(default)]
    pub(crate) unless_off: Words,
    pub(crate) effect: Word,
    pub(crate) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stdin {
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) given: Words,
    #[serde(default)]
    pub(crate) unless: Words,
    #[serde(default)]
    pub(crate) without_operands: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file")]
pub(crate) struct Operand {
    pub(crate) at: Option<Word>,
    #[serde(default)]
    pub(crate) globs: Vec<String>,
    /// As `globs`, in any case; written in lower case.
    #[serde(default)]
    pub(crate) folded_globs: Vec<String>,
    #[serde(default)]
    pub(crate) not_globs: Vec<String>,
    #[serde(default)]
    pub(crate) resource: Vec<String>,
    #[serde(default)]
    pub(crate) present: Option<Words>,
    #[serde(default)]
    pub(crate) hidden: bool,
    #[serde(default)]
    pub(crate) hidden_name: bool,
    /// Whether it names something on another machine, as scp reads it.
    #[serde(default)]
    pub(crate) remote: Option<bool>,
    /// Whether it is a pattern, which the tool expands.
    #[serde(default)]
    pub(crate) wild: bool,
    /// Whether it names a file of secrets.
    pub(crate) secret_file: Option<bool>,
    /// Flags one of which must be given, with a value other than those of
    /// `except`.
    #[serde(default)]
    pub(crate) given: Words,
    #[serde(default)]
    pub(crate) except: Vec<String>,
    /// Flags none of which may be given.
    #[serde(default)]
    pub(crate) not_given: Words,
    /// As for flags.
    #[serde(default)]
    pub(crate) unless: Words,
    /// As for flags.
    #[serde(default)]
    pub(crate) behind_at: bool,
    pub(crate) effect: Option<Word>,
    #[serde(default)]
    pub(crate) secret: String,
    #[serde(default)]
    pub(crate) input: String,
    #[serde(default)]
    pub(crate) in_place: Vec<String>,
    #[serde(default)]
    pub(crate) copied: Vec<String>,
    pub(crate) follows: Option<Word>,
    #[serde(default)]
    pub(crate) target: String,
    #[serde(default)]
    pub(crate) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    pub(crate) names: Words,
    pub(crate) action: Word,
    /// Whether it matters to programs of Python alone.
    #[serde(default)]
    pub(crate) python: bool,
    #[serde(default)]
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) commands: Vec<String>,
    #[serde(default)]
    pub(crate) unless: Words,
    #[serde(default)]
    pub(crate) harmless: Vec<String>,
    #[serde(default)]
    pub(crate) harmless_without: Vec<String>,
    #[serde(default)]
    pub(crate) beyond_read: bool,
    #[serde(default)]
    pub(crate) stripped_elsewhere: bool,
    #[serde(default)]
    pub(crate) target: String,
    #[serde(default)]
    pub(crate) secret: String,
    #[serde(default)]
    pub(crate) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Implicit {
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) commands: Vec<String>,
    #[serde(default)]
    pub(crate) unless: Words,
    #[serde(default)]
    pub(crate) without_operands: bool,
    #[serde(default)]
    pub(crate) acting: bool,
    /// One of `folder`, `upward`, `named_folder`, `modules`, `home` and `repository` says where
    /// it stands.
    pub(crate) folder: Option<String>,
    pub(crate) upward: Option<Vec<String>>,
    /// Whether all of the folder is read in which `upward` finds something.
    #[serde(default)]
    pub(crate) whole: bool,
    pub(crate) named_folder: Option<bool>,
    pub(crate) modules: Option<String>,
    pub(crate) home: Option<Vec<String>>,
    pub(crate) repository: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) skipped: Vec<String>,
    #[serde(default)]
    pub(crate) named_by: Words,
    #[serde(default)]
    pub(crate) variables: Vec<String>,
    #[serde(default)]
    pub(crate) separator: String,
    #[serde(default)]
    pub(crate) below: String,
}

const fn yes() -> bool {
    true
}
