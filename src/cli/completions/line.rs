//! The line that is being typed, read by the definition of the command line.
//!
//! It is read as far as a person has got: what is wrong before the cursor is said when they press
//! Enter, and until then it only means that there is nothing to offer.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

use super::subject::{self, Subject};

/// One word that can stand at the cursor, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) word: String,
    pub(super) about: String,
}

/// What can stand at the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// One of these words.
    Words(Vec<Candidate>),
    /// A value; before it stands what already belongs to the word, as `--rules=`.
    Value {
        subject: Subject,
        before: String,
        begun: String,
    },
    /// A word of another command, which begins behind so many words.
    Command(usize),
}

impl Wanted {
    fn nothing() -> Self {
        Self::Words(Vec::new())
    }
}

/// Returns what can stand in the place of the last of `words`, which are those behind `gate`.
/// To bash `=` is a word of its own.
pub(super) fn wanted(root: &Command, words: &[OsString], splits: bool) -> Wanted {
    let Some((current, before)) = words.split_last() else {
        return Wanted::nothing();
    };
    let mut line = Line::new(root, splits);
    for (index, word) in before.iter().enumerate() {
        match line.take(&word.to_string_lossy()) {
            Step::On => {}
            Step::Lost => return Wanted::nothing(),
            Step::Command => return Wanted::Command(index + 1),
        }
    }
    // No name of gate's has such bytes, and of files the shell knows.
    line.at_cursor(current.to_str().unwrap_or("\u{fffd}"))
}

/// How far a line was read.
struct Line<'c> {
    command: &'c Command,
    path: String,
    /// The option whose value comes next.
    open: Option<&'c Arg>,
    given: Vec<&'c Arg>,
    operands: usize,
    /// Behind `--` there are no options.
    only_operands: bool,
    splits: bool,
}

enum Step {
    On,
    Lost,
    Command,
}

impl<'c> Line<'c> {
    fn new(command: &'c Command, splits: bool) -> Self {
        Self {
            command,
            path: String::new(),
            open: None,
            given: Vec::new(),
            operands: 0,
            only_operands: false,
            splits,
        }
    }

    fn take(&mut self, word: &str) -> Step {
        if let Some(option) = self.open {
            if !(self.splits && word == "=") {
                self.open = None;
                self.given.push(option);
            }
            return Step::On;
        }
        if self.only_operands {
            self.operands += 1;
            return Step::On;
        }
        if word == "--" {
            if self.command.get_positionals().any(Arg::is_last_set) {
                return Step::Command;
            }
            self.only_operands = true;
            return Step::On;
        }
        if word.starts_with('-') && word.len() > 1 {
            return self.take_option(word);
        }
        if self.operands == 0 && self.command.has_subcommands() {
            return self.descend(word);
        }
        self.operands += 1;
        Step::On
    }

    fn take_option(&mut self, word: &str) -> Step {
        let (name, value) = match word.split_once('=') {
            Some((name, _)) => (name, true),
            None => (word, false),
        };
        let Some(option) = self.option(name) else {
            return Step::Lost;
        };
        if option.get_action().takes_values() && !value {
            self.open = Some(option);
        } else {
            self.given.push(option);
        }
        Step::On
    }

    /// Returns an option by how it is written.
    fn option(&self, written: &str) -> Option<&'c Arg> {
        let mut options = options_of(self.command);
        options.find(|option| spelled(option).iter().any(|name| name == written))
    }

    fn descend(&mut self, word: &str) -> Step {
        let Some(below) = self.command.find_subcommand(word) else {
            return Step::Lost;
        };
        self.command = below;
        self.given.clear();
        if !self.path.is_empty() {
            self.path.push(' ');
        }
        self.path.push_str(below.get_name());
        Step::On
    }

    fn at_cursor(&self, current: &str) -> Wanted {
        if let Some(option) = self.open {
            // Between the two stands bash's own `=`.
            let begun = if self.splits && current == "=" {
                ""
            } else {
                current
            };
            return self.value(option, "", begun);
        }
        if !self.only_operands && current.starts_with('-') {
            return match current.split_once('=') {
                Some((name, begun)) => self.option(name).map_or_else(Wanted::nothing, |option| {
                    self.value(option, &format!("{name}="), begun)
                }),
                None => Wanted::Words(fitting(self.options(), "", current)),
            };
        }
        self.operand(current)
    }

    fn operand(&self, current: &str) -> Wanted {
        let mut words = Vec::new();
        if self.operands == 0 && !self.only_operands {
            let below = self.command.get_subcommands();
            let shown = below.filter(|below| !below.is_hide_set());
            words.extend(shown.map(|below| Candidate {
                word: below.get_name().to_owned(),
                about: first_line(below.get_about()),
            }));
        }
        // Here stand either subcommands or operands, never both.
        let operands: Vec<&Arg> = self.command.get_positionals().collect();
        let here = operands.get(self.operands).copied().or_else(|| {
            let last = operands.last().copied();
            last.filter(|last| {
                last.get_num_args()
                    .is_some_and(|count| count.max_values() > 1)
            })
        });
        match here {
            Some(operand) if !operand.is_last_set() => return self.value(operand, "", current),
            Some(_) if !self.only_operands => words.push(separator()),
            Some(_) | None => {}
        }
        Wanted::Words(fitting(words, "", current))
    }

    fn value(&self, argument: &Arg, before: &str, begun: &str) -> Wanted {
        let values = argument.get_possible_values();
        if values.is_empty() {
            let names = argument.get_value_names().unwrap_or_default();
            let subject = names.first().and_then(|name| subject::of(&self.path, name));
            return Wanted::Value {
                subject: subject.unwrap_or(Subject::Free),
                before: before.to_owned(),
                begun: begun.to_owned(),
            };
        }
        let shown = values.iter().filter(|value| !value.is_hide_set());
        let words = shown.map(|value| Candidate {
            word: value.get_name().to_owned(),
            about: first_line(value.get_help()),
        });
        Wanted::Words(fitting(words.collect(), before, begun))
    }

    /// Returns the options that can still be given.
    fn options(&self) -> Vec<Candidate> {
        let is_left = |option: &&Arg| {
            let is_given = self
                .given
                .iter()
                .any(|given| given.get_id() == option.get_id());
            let is_many = matches!(option.get_action(), ArgAction::Append | ArgAction::Count);
            !option.is_hide_set() && (is_many || !is_given) && !self.is_excluded(option)
        };
        let options = options_of(self.command).filter(is_left);
        let mut words: Vec<Candidate> = options
            .filter_map(|option| {
                Some(Candidate {
                    word: spelled(option).into_iter().next()?,
                    about: first_line(option.get_help()),
                })
            })
            .collect();
        if self.command.get_positionals().any(Arg::is_last_set) {
            words.push(separator());
        }
        words
    }

    /// Tells whether what was given leaves no place for it.
    fn is_excluded(&self, option: &Arg) -> bool {
        let excludes = |one: &Arg, other: &Arg| {
            let excluded = self.command.get_arg_conflicts_with(one);
            excluded.iter().any(|arg| arg.get_id() == other.get_id())
        };
        let mut given = self.given.iter();
        given.any(|given| excludes(given, option) || excludes(option, given))
    }
}

fn options_of(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_positional())
}

/// Returns how an option can be written, the long form first.
fn spelled(option: &Arg) -> Vec<String> {
    let long = option.get_long().map(|long| format!("--{long}"));
    let short = option.get_short().map(|short| format!("-{short}"));
    long.into_iter().chain(short).collect()
}

fn separator() -> Candidate {
    Candidate {
        word: "--".to_owned(),
        about: "the command begins behind it".to_owned(),
    }
}

/// Returns the words that begin as was begun, with what stands before each.
fn fitting(words: Vec<Candidate>, before: &str, begun: &str) -> Vec<Candidate> {
    let fitting = words
        .into_iter()
        .filter(|word| word.word.starts_with(begun));
    let whole = fitting.map(|candidate| Candidate {
        word: format!("{before}{}", candidate.word),
        about: candidate.about,
    });
    whole.collect()
}

fn first_line(help: Option<&clap::builder::StyledStr>) -> String {
    let help = help.map(ToString::to_string).unwrap_or_default();
    let line = help.lines().next().unwrap_or_default();
    line.trim_end_matches(['.', ':']).replace('\t', " ")
}
