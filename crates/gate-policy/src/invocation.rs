//! One command as its tool would read it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::path::PathBuf;

use crate::effect::{Effect, EffectSet};
pub use crate::profile::Place;
use crate::profile::{Table, Text, UsedProfile};
use crate::read;

/// One command as the tool itself would read it. It is made only by
/// [`read_invocation`](crate::read_invocation).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Invocation {
    /// The tool's own name, whatever path or alias it was called by.
    pub tool: Text,
    /// Whether gate has a profile of the tool.
    pub known: bool,
    /// The profile that it was read by, where it is not built in.
    pub profile: Option<UsedProfile>,
    /// The subcommand path, in the tool's canonical spelling.
    pub command: Vec<Text>,
    /// The strictest effect.
    pub effect: Effect,
    /// Every effect, those of the commands inside it too.
    pub effects: EffectSet,
    /// The effects that it has itself, without those of the commands inside
    /// it that are read as commands of their own.
    pub own_effects: EffectSet,
    /// The effects that are left where the server lets the session do nothing
    /// but read: what is `unknown` only because code of the database would run
    /// is answered then.
    pub(crate) held_effects: EffectSet,
    /// What would lead out of such a session, or keeps it from being one.
    pub(crate) way_out: Option<&'static str>,
    /// Whether psql would act on what belongs to the whole server, or goes to another database.
    pub(crate) leaves_database: bool,
    /// Why it has these effects; text for people, non-UTF-8 shown lossily.
    pub reasons: Vec<String>,
    /// What each word of argv is, in the order of argv.
    pub words: Vec<Word>,
    /// The words that variables add to those of argv.
    pub merged: Vec<read::MergedWord>,
    /// The options in the order in which they were given.
    pub options: Vec<OptionUse>,
    /// The operands, without the subcommand path.
    pub operands: Vec<Vec<u8>>,
    /// What it acts on, by field: `context`, `namespace`, `profile`, `host`…
    pub target: BTreeMap<String, String>,
    /// What it would read besides argv and environment.
    pub inputs: Vec<Input>,
    /// Where secrets stand.
    pub secrets: Vec<SecretSpan>,
    /// Which variables matter, and what must become of them.
    pub environment: Vec<EnvironmentNote>,
    /// Statements and commands inside the command.
    pub nested: Vec<Nested>,
}

/// One word of argv.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What the tool takes it for.
    pub role: WordRole,
    /// The canonical option or subcommand name, where there is one.
    pub name: Cow<'static, str>,
}

/// What a tool takes a word for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordRole {
    /// The name that the tool is called by.
    Tool,
    /// A step of the subcommand path.
    Command,
    /// An option, with its value when that is in the same word.
    Option,
    /// The value of the option before it.
    Value,
    /// An operand.
    Operand,
    /// `--`.
    Separator,
    /// Part of a command that the tool passes on.
    Passed,
    /// Not understood.
    Unknown,
}

impl WordRole {
    /// Returns the word that stands for it in `gate explain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Command => "command",
            Self::Option => "option",
            Self::Value => "value",
            Self::Operand => "operand",
            Self::Separator => "separator",
            Self::Passed => "passed on",
            Self::Unknown => "unknown",
        }
    }
}

/// One use of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionUse {
    /// The canonical name without dashes: the long one where there is one.
    pub name: Cow<'static, str>,
    /// The value; nothing for a switch that stands alone. A negated switch
    /// has the value `false`.
    pub value: Option<Vec<u8>>,
    /// The word that holds the value, or the option where it has none.
    pub argv_index: usize,
    /// The bytes of the value inside that word.
    pub range: Range<usize>,
}

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// A file by path.
    File,
    /// A directory with everything in it.
    Directory,
    /// Standard input.
    Stdin,
    /// Something fetched over the network: it can differ at each fetch.
    Url,
    /// An open descriptor, as `/dev/fd/63` of a process substitution.
    Descriptor,
    /// Something that gate does not follow. What would be read is not known, so
    /// that nobody is asked about the command.
    Refused {
        /// Why it is not followed, as a sentence without its full stop.
        why: &'static str,
    },
}

impl InputKind {
    /// Returns the word that stands for it in JSON and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Stdin => "stdin",
            Self::Url => "url",
            Self::Descriptor => "descriptor",
            Self::Refused { .. } => "refused",
        }
    }

    /// Returns why gate does not follow it, where it does not.
    pub const fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Refused { why } => Some(why),
            Self::File | Self::Directory | Self::Stdin | Self::Url | Self::Descriptor => None,
        }
    }
}

/// Where the bytes of an input may stand when the tool reads them.
///
/// The standard input is `Anywhere` where what it holds says what the command
/// does, and has to be read for a decision; else it is `InPlace`, and only
/// whoever is asked needs a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Anywhere: a copy can stand for it.
    Anywhere,
    /// Anywhere under the same name, among copies of all that stands so: the
    /// tool takes meaning from the name, or from what stands in a folder, and
    /// not from where that is.
    SameName,
    /// Where it is: the tool takes meaning from its name or from what stands
    /// beside it, so that a copy would be another input.
    InPlace,
    /// Where it is, if it is an input at all: a word names it, and gate does
    /// not know what the tool makes of the word. Of the standard input, that it
    /// comes from a file, which is an input itself.
    Unsure,
    /// Nowhere yet: another command makes it when it runs. Only the standard
    /// input of a command inside another is so.
    Made,
}

/// Something that the tool would read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What it is.
    pub kind: InputKind,
    /// The path as written, not joined with the working directory; `-` for
    /// standard input. Where no word names it, or an option moves the folder
    /// that it is taken from, the joined path. There may be nothing at it: what
    /// appears there would be read.
    pub path: PathBuf,
    /// The word of argv that names it; nothing when no word does.
    pub argv_index: Option<usize>,
    /// The bytes of the path inside that word, for rewriting it to a snapshot.
    pub range: Range<usize>,
    /// What the tool takes it for: `filename`, `plan`, `script`…
    pub role: Text,
    /// Whether a copy can stand for it.
    pub placement: Placement,
    /// The names inside a folder that the tool never reads.
    pub skipped: Table<Text>,
}

impl Input {
    /// Returns an input that no word of argv names.
    pub(crate) fn unnamed(kind: InputKind, path: PathBuf, role: impl Into<Text>) -> Self {
        Self {
            kind,
            path,
            argv_index: None,
            range: 0..0,
            role: role.into(),
            placement: Placement::InPlace,
            skipped: Cow::Borrowed(&[]),
        }
    }

    /// Returns what stands for an input that gate does not follow.
    pub(crate) fn refused(path: PathBuf, role: impl Into<Text>, why: &'static str) -> Self {
        Self::unnamed(InputKind::Refused { why }, path, role)
    }
}

/// Where a secret stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSpan {
    /// The word or variable.
    pub place: SecretPlace,
    /// The bytes of the secret inside it.
    pub range: Range<usize>,
    /// What it was taken for: `password`, `aws-access-key`, `jwt`…
    pub kind: String,
}

impl SecretSpan {
    /// Tells whether it is masked only because nothing is known of it, as a
    /// variable that no entry of the profile names.
    pub fn is_unlisted(&self) -> bool {
        self.kind == "variable"
    }
}

/// A word or a variable that holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretPlace {
    /// The word of argv with this index.
    Argv(usize),
    /// The variable of this name.
    Env(OsString),
}

/// A variable that matters to the tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentNote {
    /// Its name.
    pub name: OsString,
    /// What must become of it.
    pub action: EnvironmentAction,
    /// Why, as a fragment.
    pub why: Text,
}

/// What must become of a variable before the tool runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvironmentAction {
    /// It is part of what is approved: name and value go into the digest.
    Binds,
    /// The tool adds its words to those of argv, and they are read with them. Name and value go
    /// into the digest.
    Merges,
    /// It is taken out.
    Stripped,
    /// It stands more than once: the first stays, the others are taken out.
    FirstKept,
    /// It is set to this value, whether or not it was set before.
    Set(OsString),
    /// It can change what the command means: the effect is `unknown`. The
    /// value goes into the digest.
    MakesUnknown,
}

/// A statement or a command inside the command.
#[derive(Clone, Debug)]
pub struct Nested {
    /// `sql`, `psql` for a backslash command, or `command`.
    pub language: Text,
    /// The text, non-UTF-8 shown lossily, its secrets masked.
    pub text: String,
    /// Its own effect.
    pub effect: Effect,
    /// The whole reading, where it is a command.
    pub inner: Option<Box<InnerCommand>>,
}

/// A command inside a command, read as one of its own.
#[derive(Clone, Debug)]
pub struct InnerCommand {
    /// What was read. Its words, and the places of its inputs and secrets, are
    /// those of `argv`.
    pub invocation: Invocation,
    /// Its words, secrets masked, non-UTF-8 shown lossily.
    pub argv: Vec<String>,
    /// The folder that it starts in.
    pub cwd: PathBuf,
    /// Where it runs.
    pub place: Place,
}

impl Nested {
    /// Returns a statement, or a command of which only the text is known.
    pub(crate) fn statement(language: &'static str, text: String, effect: Effect) -> Self {
        Self {
            language: language.into(),
            text,
            effect,
            inner: None,
        }
    }
}

/// The longest value that can be a plain word, in bytes.
const PLAIN_WORD: usize = 14;

/// Tells whether a value is such as sentences have: short, and of small letters alone.
fn is_plain_word(value: &[u8]) -> bool {
    value.len() <= PLAIN_WORD
        && value
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || *byte == b'-')
}

impl Invocation {
    /// Returns the commands right inside it that are read as commands.
    pub fn inner(&self) -> impl Iterator<Item = &InnerCommand> {
        self.nested
            .iter()
            .filter_map(|nested| nested.inner.as_deref())
    }

    /// Returns the profiles that it, and each command inside it, was read by, without those that
    /// are built in; each once.
    pub fn profiles(&self) -> Vec<&UsedProfile> {
        let mut found: Vec<&UsedProfile> = self.profile.iter().collect();
        for inner in self.inner() {
            for used in inner.invocation.profiles() {
                if !found.contains(&used) {
                    found.push(used);
                }
            }
        }
        found
    }

    /// Adds an input, unless one of its kind and path is known.
    pub(crate) fn add_input(&mut self, input: Input) {
        let is_known = |known: &Input| known.kind == input.kind && known.path == input.path;
        if !self.inputs.iter().any(is_known) {
            self.inputs.push(input);
        }
    }

    /// Adds the standard input as what the tool runs, so that it has to be read for a
    /// decision.
    pub(crate) fn add_script_at_stdin(&mut self) {
        self.add_stdin("script", Placement::Anywhere);
    }

    /// Adds the standard input, which is one input for whatever it is read.
    pub(crate) fn add_stdin(&mut self, role: &str, placement: Placement) {
        let mut inputs = self.inputs.iter_mut();
        match inputs.find(|input| input.kind == InputKind::Stdin) {
            Some(known) if placement == Placement::Anywhere => known.placement = placement,
            Some(_) => {}
            None => self.inputs.push(Input {
                placement,
                ..Input::unnamed(InputKind::Stdin, "-".into(), role.to_owned())
            }),
        }
    }

    /// Returns why no server could be made to keep the session to reading,
    /// where that is so.
    pub(crate) fn why_no_session(&self) -> Option<&'static str> {
        let is_unclear = self.held_effects.contains(Effect::Unknown);
        self.way_out
            .or(is_unclear.then_some("not all of it is understood"))
    }

    /// Notes variables that are set for the tool, whatever they were before.
    pub fn set_variables(&mut self, notes: &[EnvironmentNote]) {
        for note in notes {
            self.environment.retain(|known| known.name != note.name);
            self.environment.push(note.clone());
        }
    }

    /// Tells whether its effects, and those of all inside it, agree with each
    /// other.
    pub(crate) fn is_consistent(&self) -> bool {
        !self.own_effects.is_empty()
            && self.own_effects.is_subset(self.effects)
            && self.held_effects.is_subset(self.own_effects)
            && (self.way_out.is_some()
                || self
                    .effects
                    .without(Effect::Unknown)
                    .is_subset(self.held_effects))
            && self.effects.strictest() == self.effect
            && self.inner().all(|inner| inner.invocation.is_consistent())
    }

    /// Returns the secrets that something is known of.
    pub fn known_secrets(&self) -> impl Iterator<Item = &SecretSpan> {
        self.secrets.iter().filter(|secret| !secret.is_unlisted())
    }

    /// Returns the secrets themselves, the longest first, as a sentence beside
    /// the command would repeat them; non-UTF-8 is shown lossily. `variable`
    /// returns the value of a variable.
    ///
    /// A variable that is masked only because nothing is known of it counts
    /// where its value is more than a short plain word: of a command such a
    /// variable has dozens, and one of them may be `apply`.
    pub fn secret_values<'v>(
        &self,
        argv: &'v [OsString],
        variable: impl Fn(&OsStr) -> Option<&'v OsStr>,
    ) -> Vec<String> {
        let values = self.secrets.iter().filter_map(|secret| {
            let text = match &secret.place {
                SecretPlace::Argv(index) => argv.get(*index)?.as_os_str(),
                SecretPlace::Env(name) => variable(name)?,
            };
            let value = text.as_encoded_bytes().get(secret.range.clone())?;
            (!secret.is_unlisted() || !is_plain_word(value)).then(|| read::words::shown(value))
        });
        let mut values: Vec<String> = values.collect();
        values.sort_by(|one, other| (other.len(), other).cmp(&(one.len(), one)));
        values.dedup();
        values
    }

    /// Returns the variables that are bound although nothing is known of them.
    pub fn unlisted_variables(&self) -> impl Iterator<Item = &OsStr> {
        self.secrets
            .iter()
            .filter(|secret| secret.is_unlisted())
            .filter_map(|secret| match &secret.place {
                SecretPlace::Env(name) => Some(name.as_os_str()),
                SecretPlace::Argv(_) => None,
            })
    }
}
