//! The profile files as they are written; `profiles/README.md` describes them.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) aliases: Vec<String>,
    pub(crate) style: String,
    #[serde(default = "tables")]
    pub(crate) reader: String,
    #[serde(default)]
    pub(crate) flags: BTreeMap<String, Group>,
    #[serde(default)]
    pub(crate) command: Vec<Command>,
    pub(crate) listed: Option<Listed>,
    #[serde(default)]
    pub(crate) environment: Vec<Variable>,
    #[serde(default)]
    pub(crate) moved_by: Vec<String>,
    /// Paths with a parameter behind them; `{a,b}` in a word stands for either.
    #[serde(default)]
    pub(crate) literal: Vec<String>,
    #[serde(default)]
    pub(crate) implicit: Vec<Implicit>,
    /// The file that names the class of each operation.
    #[serde(default)]
    pub(crate) operations: String,
    /// Whether it can be a program of Python.
    #[serde(default = "yes")]
    pub(crate) python: bool,
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
    pub(crate) flags: Vec<String>,
}

/// A group of flags. Plain ones stand in the lists `switches` and `values`, as
/// `name` or `n/name`; the others have a table each.
pub(crate) struct Group(pub(crate) BTreeMap<String, Flag>);

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let mut flags = BTreeMap::new();
        for (name, value) in BTreeMap::<String, toml::Value>::deserialize(source)? {
            if let ("switches" | "values", toml::Value::Array(names)) = (&*name, &value) {
                for one in names.iter().filter_map(toml::Value::as_str) {
                    let (short, long) = match one.split_once('/') {
                        Some((short, long)) => (short, long),
                        None => ("", one),
                    };
                    let flag = Flag {
                        short: short.to_owned(),
                        value: if name == "values" {
                            "required".to_owned()
                        } else {
                            switch()
                        },
                        ..Flag::default()
                    };
                    if flags.insert(long.to_owned(), flag).is_some() {
                        return Err(serde::de::Error::custom(format!(
                            "flag `{long}` stands twice"
                        )));
                    }
                }
                continue;
            }
            let flag = value.try_into().map_err(serde::de::Error::custom)?;
            // A flag that is called as the lists are stands with its dashes.
            let name = name.trim_start_matches('-').to_owned();
            if flags.insert(name.clone(), flag).is_some() {
                return Err(serde::de::Error::custom(format!(
                    "flag `{name}` stands twice"
                )));
            }
        }
        Ok(Self(flags))
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flag {
    #[serde(default)]
    pub(crate) short: String,
    #[serde(default = "switch")]
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) negates: String,
    #[serde(default)]
    pub(crate) neutral: Option<Neutral>,
    #[serde(default)]
    pub(crate) effect: Option<String>,
    /// Pairs of a pattern and an effect, or `none`.
    #[serde(default)]
    pub(crate) values: Vec<(String, String)>,
    /// Whether its effect counts only where the command does more than read.
    #[serde(default)]
    pub(crate) beyond_read: bool,
    /// `flag=value` pairs with which its effect does not count.
    #[serde(default)]
    pub(crate) unless: Vec<String>,
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
    #[serde(default = "nothing")]
    pub(crate) follows: String,
    #[serde(default)]
    pub(crate) secret: String,
    /// The command that its value is: `shell` or `split`.
    #[serde(default = "nothing")]
    pub(crate) runs: String,
    /// What it does to the environment of the command that is run: `clears` or `unsets`.
    #[serde(default = "nothing")]
    pub(crate) changes: String,
    #[serde(default)]
    pub(crate) why: String,
}

pub(crate) enum Neutral {
    Present,
    Values(Vec<String>),
}

impl<'de> Deserialize<'de> for Neutral {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(source)?;
        if value.as_bool() == Some(true) {
            return Ok(Self::Present);
        }
        value
            .try_into()
            .map(Self::Values)
            .map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Command {
    /// Paths; `{a,b}` in a word stands for either.
    #[serde(default)]
    pub(crate) paths: Vec<String>,
    /// What the file of operations calls those that this is said of.
    #[serde(default)]
    pub(crate) class: String,
    /// Other words for the last one of each path.
    #[serde(default)]
    pub(crate) aliases: Vec<String>,
    pub(crate) effect: String,
    #[serde(default)]
    pub(crate) flags: Vec<String>,
    #[serde(default)]
    pub(crate) open: bool,
    #[serde(default = "yes")]
    pub(crate) neutral: bool,
    /// `free` or `first`.
    #[serde(default = "free")]
    pub(crate) order: String,
    #[serde(default)]
    pub(crate) passed: bool,
    /// The first operand of a command that is passed on without `--`.
    pub(crate) passed_from: Option<u8>,
    pub(crate) runs: Option<Runs>,
    #[serde(default)]
    pub(crate) operands: Vec<Operand>,
    pub(crate) stdin: Option<Stdin>,
    #[serde(default)]
    pub(crate) found: Vec<Found>,
    pub(crate) shows: Option<Shows>,
    #[serde(default)]
    pub(crate) why: String,
}

/// How a command that is passed on is run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Runs {
    /// `here` or `elsewhere`.
    pub(crate) place: String,
    /// `words`, `shell` or `appended`.
    #[serde(rename = "as")]
    pub(crate) reading: String,
    pub(crate) assignments: bool,
    pub(crate) clears_environment: bool,
    /// What is done where there is no command.
    pub(crate) alone: Option<String>,
}

impl Default for Runs {
    fn default() -> Self {
        Self {
            place: "elsewhere".to_owned(),
            reading: "words".to_owned(),
            assignments: false,
            clears_environment: false,
            alone: None,
        }
    }
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
    pub(crate) given: Vec<String>,
    #[serde(default)]
    pub(crate) unless_off: Vec<String>,
    pub(crate) effect: String,
    pub(crate) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stdin {
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) given: Vec<String>,
    #[serde(default)]
    pub(crate) unless: Vec<String>,
    #[serde(default)]
    pub(crate) without_operands: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file")]
pub(crate) struct Operand {
    #[serde(default = "any")]
    pub(crate) at: String,
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
    pub(crate) present: Option<Vec<String>>,
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
    pub(crate) given: Vec<String>,
    #[serde(default)]
    pub(crate) except: Vec<String>,
    /// Flags none of which may be given.
    #[serde(default)]
    pub(crate) not_given: Vec<String>,
    /// As for flags.
    #[serde(default)]
    pub(crate) unless: Vec<String>,
    /// As for flags.
    #[serde(default)]
    pub(crate) behind_at: bool,
    #[serde(default)]
    pub(crate) effect: Option<String>,
    #[serde(default)]
    pub(crate) secret: String,
    #[serde(default)]
    pub(crate) input: String,
    #[serde(default)]
    pub(crate) in_place: Vec<String>,
    #[serde(default)]
    pub(crate) copied: Vec<String>,
    #[serde(default = "nothing")]
    pub(crate) follows: String,
    #[serde(default)]
    pub(crate) target: String,
    #[serde(default)]
    pub(crate) why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    pub(crate) names: Vec<String>,
    pub(crate) action: String,
    /// Whether it matters to programs of Python alone.
    #[serde(default)]
    pub(crate) python: bool,
    #[serde(default)]
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) commands: Vec<String>,
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
    pub(crate) unless: Vec<String>,
    #[serde(default)]
    pub(crate) acting: bool,
    /// One of `folder`, `upward`, `named_folder`, `modules`, `home` and `repository` says where
    /// it stands.
    pub(crate) folder: Option<String>,
    pub(crate) upward: Option<Vec<String>>,
    pub(crate) named_folder: Option<bool>,
    pub(crate) modules: Option<String>,
    pub(crate) home: Option<Vec<String>>,
    pub(crate) repository: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) skipped: Vec<String>,
    #[serde(default)]
    pub(crate) named_by: Vec<String>,
    #[serde(default)]
    pub(crate) variables: Vec<String>,
    #[serde(default)]
    pub(crate) separator: String,
    #[serde(default)]
    pub(crate) below: String,
}

fn tables() -> String {
    "tables".to_owned()
}

fn nothing() -> String {
    "nothing".to_owned()
}

fn free() -> String {
    "free".to_owned()
}

fn switch() -> String {
    "switch".to_owned()
}

fn any() -> String {
    "any".to_owned()
}

const fn yes() -> bool {
    true
}
