//! The words of argv under reading: what each one is, and what they say.
//!
//! The grammar of each style is in a file of its own; all of them write into
//! [`Parsed`]. Nothing here knows what a word means for the target.

use std::borrow::Cow;
use std::ffi::OsString;

use super::merged::Merged;
use crate::invocation::{Word, WordRole};
use crate::profile::{Arity, CommandSpec, FlagSpec, Passed, Style, ToolSpec};

/// One use of a flag.
#[derive(Clone, Debug)]
pub(crate) struct Use<'a> {
    /// The flag, or nothing where an open command takes any.
    pub(crate) flag: Option<&'a FlagSpec>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) value: Option<&'a [u8]>,
    /// Whether a switch is on.
    pub(crate) on: bool,
    pub(crate) argv_index: usize,
    /// Where the value starts inside that word.
    pub(crate) start: usize,
}

/// One operand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operand<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) argv_index: usize,
}

/// What a grammar made of argv.
pub(crate) struct Parsed<'a> {
    pub(crate) spec: &'a ToolSpec,
    argv: &'a [OsString],
    /// What variables added to argv.
    pub(super) merged: Option<&'a Merged>,
    pub(crate) words: Vec<Word>,
    pub(crate) command: u16,
    pub(crate) path: Vec<Cow<'static, str>>,
    pub(crate) uses: Vec<Use<'a>>,
    pub(crate) operands: Vec<Operand<'a>>,
    /// The index of the first word that is passed on.
    pub(crate) passed: Option<usize>,
    pub(crate) problems: Vec<String>,
}

/// What a flag name stands for.
pub(crate) enum Found<'a> {
    Flag(&'a FlagSpec),
    Ambiguous,
    Nothing,
}

impl<'a> Parsed<'a> {
    pub(crate) fn new(spec: &'a ToolSpec, argv: &'a [OsString]) -> Self {
        let mut words = Vec::with_capacity(argv.len());
        words.push(Word {
            role: WordRole::Tool,
            name: Cow::Borrowed(""),
        });
        Self {
            spec,
            argv,
            merged: None,
            words,
            command: 0,
            path: Vec::new(),
            uses: Vec::with_capacity(argv.len() / 2),
            operands: Vec::new(),
            passed: None,
            problems: Vec::new(),
        }
    }

    /// Runs the grammar of the tool's style.
    pub(crate) fn read(&mut self) {
        match self.spec.style {
            Style::Pflag | Style::Clap | Style::Nopt => super::pflag::read(self),
            Style::Goflag => super::goflag::read(self),
            Style::Argparse | Style::Python => super::argparse::read(self),
            Style::Getopt | Style::Git => super::getopt::read(self),
            Style::Redis => super::redis::read(self),
            Style::Sqlite => super::sqlite::read(self),
        }
    }

    /// Returns the next word that nothing was said about, and its index.
    pub(crate) fn next_word(&self) -> Option<(usize, &'a [u8])> {
        self.word_ahead(0)
    }

    /// Returns the word so many behind the next one.
    pub(crate) fn word_ahead(&self, ahead: usize) -> Option<(usize, &'a [u8])> {
        let index = self.words.len() + ahead;
        let word = self.argv.get(index)?;
        Some((index, word.as_encoded_bytes()))
    }

    /// Says what the next word is.
    pub(crate) fn mark(&mut self, role: WordRole, name: Cow<'static, str>) {
        self.words.push(Word { role, name });
    }

    pub(crate) fn node(&self) -> Option<&'a CommandSpec> {
        self.spec.command(self.command)
    }

    /// Tells whether a subcommand is still to come.
    pub(crate) fn wants_command(&self) -> bool {
        self.node().is_some_and(|node| node.is_group)
    }

    /// Takes the next word for a subcommand; without one of that name nothing
    /// of what follows is understood.
    pub(crate) fn take_command(&mut self, word: &[u8]) {
        let listed = self.spec.listed.as_ref();
        if self.command == 0 && self.path.is_empty() && listed.is_some_and(|one| one.skips(word)) {
            self.mark(WordRole::Command, Cow::Owned(shown(word)));
            return;
        }
        // A zero is in no word of argv; to the profile it is the name of a node.
        let is_word = !word.contains(&0);
        let found = is_word
            .then(|| self.spec.child(self.command, word))
            .flatten();
        let found = found
            .or_else(|| self.spec.listed(&self.path, word))
            .or_else(|| self.spec.find_listed(&self.path, word));
        let Some((index, node)) = found else {
            let shown = shown(word);
            self.give_up(format!("`{shown}` is no subcommand that gate knows"));
            return;
        };
        self.command = index;
        let name = if node.canonical.ends_with('*') {
            Cow::Owned(shown(word))
        } else {
            node.canonical.clone()
        };
        self.path.push(name.clone());
        self.mark(WordRole::Command, name);
    }

    pub(crate) fn take_operand(&mut self, argv_index: usize, bytes: &'a [u8]) {
        if self.passes_from_here() {
            self.take_rest(true);
            return;
        }
        self.operands.push(Operand { bytes, argv_index });
        self.mark(WordRole::Operand, Cow::Borrowed(""));
    }

    /// Tells whether the next operand begins a command that is passed on.
    fn passes_from_here(&self) -> bool {
        let passed = self.node().map(|node| node.passed);
        matches!(passed, Some(Passed::From(operand)) if usize::from(operand) <= self.operands.len())
    }

    /// Takes all words that are left for operands or for a passed command.
    pub(crate) fn take_rest(&mut self, is_passed: bool) {
        if is_passed {
            self.passed = Some(self.words.len());
        }
        while let Some((index, word)) = self.next_word() {
            if is_passed {
                self.mark(WordRole::Passed, Cow::Borrowed(""));
            } else {
                self.take_operand(index, word);
            }
        }
    }

    /// Records why the command is not understood.
    pub(crate) fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// Marks the next word as not understood.
    pub(crate) fn take_unknown(&mut self, problem: String) {
        self.problem(problem);
        self.mark(WordRole::Unknown, Cow::Borrowed(""));
    }

    /// Marks everything that is left as not understood.
    pub(crate) fn give_up(&mut self, problem: String) {
        self.problem(problem);
        while self.next_word().is_some() {
            self.mark(WordRole::Unknown, Cow::Borrowed(""));
        }
    }

    /// Finds a letter among the flags that are valid here.
    pub(crate) fn find_short(&self, letter: u8, with_globals: bool) -> Option<&'a FlagSpec> {
        self.tables(with_globals)
            .flatten()
            .find(|flag| flag.short == letter && letter != 0)
    }

    /// Finds a long name, exactly as it is written.
    pub(crate) fn find_exact(&self, name: &[u8], with_globals: bool) -> Option<&'a FlagSpec> {
        self.tables(with_globals).find_map(|flags| {
            let found = flags.binary_search_by(|flag| flag.name.as_bytes().cmp(name));
            found.ok().and_then(|index| flags.get(index))
        })
    }

    /// Finds a long name that may be cut short.
    pub(crate) fn find_abbreviated(&self, name: &[u8], with_globals: bool) -> Found<'a> {
        let mut alike = None;
        let mut is_ambiguous = false;
        for flags in self.tables(with_globals) {
            // Names that start alike stand together, and the whole name in front of them.
            let first = flags.partition_point(|flag| flag.name.as_bytes() < name);
            let behind = flags.get(first..).unwrap_or_default().iter();
            for flag in behind.take_while(|flag| flag.name.as_bytes().starts_with(name)) {
                if flag.name.len() == name.len() {
                    return Found::Flag(flag);
                }
                if name.is_empty() || is_ambiguous {
                    break;
                }
                if flag.name.len() > 1 {
                    is_ambiguous = alike.replace(flag).is_some();
                }
            }
        }
        match alike {
            None => Found::Nothing,
            Some(flag) if !is_ambiguous => Found::Flag(flag),
            Some(_) => Found::Ambiguous,
        }
    }

    /// With cobra a flag of the command stands for a global one of its name:
    /// `create rolebinding --user` is not whom kubectl acts as.
    fn tables(&self, with_globals: bool) -> impl Iterator<Item = &'a [FlagSpec]> + use<'a> {
        let spec = self.spec;
        let globals = with_globals.then(|| spec.global_flags());
        let (before, behind) = match spec.style {
            Style::Pflag | Style::Clap | Style::Nopt => (None, globals),
            Style::Goflag
            | Style::Argparse
            | Style::Python
            | Style::Getopt
            | Style::Git
            | Style::Redis
            | Style::Sqlite => (globals, None),
        };
        let node = spec.command(self.command);
        let local = node
            .into_iter()
            .flat_map(move |node| spec.local_flags(node));
        before.into_iter().chain(local).chain(behind)
    }

    /// Records the use of a flag whose word is not marked yet. `inline` is the
    /// value in the same word and where it starts.
    pub(crate) fn take_flag(&mut self, flag: &'a FlagSpec, inline: Option<(usize, &'a [u8])>) {
        let index = self.words.len();
        if self.spec.style == Style::Nopt && flag.arity == Arity::Switch && inline.is_none() {
            self.refuse_boolean(flag);
        }
        match (flag.arity, inline) {
            (Arity::Pair, inline) => {
                self.take_pair(flag, inline.is_some());
                return;
            }
            (Arity::Switch, Some((start, value))) => match switch_value(value) {
                Some(on) => self.push_use(flag, on, Some(value), (index, start)),
                None => self.problem(format!("switch `{}` takes no such value", flag.name)),
            },
            (Arity::Switch | Arity::Optional, None) => self.push_use(flag, true, None, (index, 0)),
            (_, Some((start, value))) => self.push_use(flag, true, Some(value), (index, start)),
            (Arity::Required | Arity::Many, None) => {
                self.mark(WordRole::Option, flag.name.clone());
                self.take_next_value(flag);
                return;
            }
        }
        self.mark(WordRole::Option, flag.name.clone());
    }

    /// Takes both words behind a flag; none stands in its own.
    fn take_pair(&mut self, flag: &'a FlagSpec, is_inline: bool) {
        self.mark(WordRole::Option, flag.name.clone());
        if is_inline {
            self.problem(format!("flag `{}` takes two words", flag.name));
        } else {
            self.take_next_value(flag);
            self.take_next_value(flag);
        }
    }

    /// nopt takes `true` and `false` behind a switch for its value.
    fn refuse_boolean(&mut self, flag: &FlagSpec) {
        let next = self.word_ahead(1).map(|(_, word)| word);
        if matches!(next, Some(b"true" | b"false" | b"null")) {
            self.problem(format!("a value stands behind switch `{}`", flag.name));
        }
    }

    pub(crate) fn take_next_value(&mut self, flag: &'a FlagSpec) {
        let Some((index, value)) = self.next_word() else {
            self.problem(format!("flag `{}` has no value", flag.name));
            return;
        };
        // Versions of git disagree on which of its options take a value in the
        // next word; taken for a value, an option would be hidden.
        // clap and nopt take no such word for a value.
        let is_strict = matches!(self.spec.style, Style::Git | Style::Clap | Style::Nopt);
        if is_strict && value.len() > 1 && value.starts_with(b"-") {
            let name = &flag.name;
            self.problem(format!("the value of `{name}` looks like an option"));
        }
        self.push_use(flag, true, Some(value), (index, 0));
        self.mark(WordRole::Value, flag.name.clone());
    }

    /// Records the use of a flag without marking a word.
    pub(crate) fn push_use(
        &mut self,
        flag: &'a FlagSpec,
        on: bool,
        value: Option<&'a [u8]>,
        place: (usize, usize),
    ) {
        let (name, on) = if flag.negates.is_empty() {
            (flag.name.clone(), on)
        } else {
            (flag.negates.clone(), !on)
        };
        self.uses.push(Use {
            flag: Some(flag),
            name,
            value,
            on,
            argv_index: place.0,
            start: place.1,
        });
    }
}

/// Reads the value of a switch as Go's `strconv.ParseBool` does.
pub(crate) fn switch_value(value: &[u8]) -> Option<bool> {
    match value {
        b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True" => Some(true),
        b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False" => Some(false),
        _ => None,
    }
}

/// Returns a word for a message. Non-UTF-8 is replaced; the message's writer
/// escapes what a terminal must not see.
pub(crate) fn shown(word: &[u8]) -> String {
    match std::str::from_utf8(word) {
        Ok(word) => word.to_owned(),
        Err(_) => String::from_utf8_lossy(word).into_owned(),
    }
}

/// Splits `name=value`; the number is where the value starts.
pub(crate) fn split_value(word: &[u8]) -> (&[u8], Option<(usize, &[u8])>) {
    match word.iter().position(|byte| *byte == b'=') {
        Some(at) => (
            word.get(..at).unwrap_or_default(),
            Some((at + 1, word.get(at + 1..).unwrap_or_default())),
        ),
        None => (word, None),
    }
}
