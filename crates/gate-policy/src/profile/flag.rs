//! Flags: what their words in a profile become.

use std::ops::Deref;

use super::{Changes, FlagRuns, Shared, Table, Text};
use crate::effect::Effect;

/// Flags that stand together.
#[derive(Clone, Debug)]
pub struct FlagGroup {
    /// Its name in the profile.
    pub name: Text,
    /// Sorted by name.
    pub flags: Table<FlagSpec>,
}

/// One flag.
#[derive(Clone, Debug)]
pub struct FlagSpec {
    /// Its canonical name without dashes.
    pub name: Text,
    /// Its letter; zero when it has none.
    pub short: u8,
    /// Whether it takes a value.
    pub arity: Arity,
    /// Everything else that it may be.
    pub more: Shared<FlagDetail>,
}

impl Deref for FlagSpec {
    type Target = FlagDetail;

    fn deref(&self) -> &FlagDetail {
        &self.more
    }
}

/// What a flag may be beside a name and a value. Most are nothing of it.
#[derive(Clone, Debug)]
pub struct FlagDetail {
    /// The name of the switch that this one turns off.
    pub negates: Text,
    /// When it takes away the command's own effect.
    pub neutral: Neutral,
    /// What it adds when given (a switch: when it is on).
    pub effect: Option<Effect>,
    /// What it adds by value; the first pattern that matches decides.
    pub values: Table<ValueEffect>,
    /// Whether its effect counts only where the command does more than read.
    pub is_beyond_read: bool,
    /// Other flags with a value, as `method=GET`: where the last use of one has
    /// it, this flag's effect does not count.
    pub unless: Table<Text>,
    /// The field of the target that it sets.
    pub target: Text,
    /// What the file that it names is for.
    pub input: Text,
    /// Patterns of values that name no file.
    pub not_input: Table<Text>,
    /// Whether only what stands behind a first `@`, or behind `=@`, names one.
    pub is_behind_at: bool,
    /// Patterns of names from which the tool takes meaning: such a file is
    /// read where it is.
    pub in_place: Table<Text>,
    /// Patterns of names of folders, and of files that are read in place, from
    /// which the tool takes no more meaning than that of the name: a copy of
    /// the same name can stand for such a one.
    pub copied: Table<Text>,
    /// What the file names in turn.
    pub follows: Follows,
    /// The kind of secret that its value is.
    pub secret: Text,
    /// The command that its value is.
    pub runs: FlagRuns,
    /// What it does to the environment of the command that is run.
    pub changes: Changes,
    /// Why it has its effect.
    pub why: Text,
}

/// What an input names in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// Nothing that gate follows.
    Nothing,
    /// Folders and files, as kustomize takes them.
    Kustomization,
    /// Files and folders that are uploaded, as `aws cloudformation package`
    /// takes them.
    Template,
    /// The folder that it stands in.
    Folder,
    /// Files and modules that the language Bicep names.
    Bicep,
}

/// Whether a flag takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// It takes none; where the style allows it, `=true` and `=false`.
    Switch,
    /// It always takes one, in the same word or the next.
    Required,
    /// It takes one in the same word only.
    Optional,
    /// It takes all words up to the next flag.
    Many,
    /// It takes the next two words, as `--arg NAME VALUE` of jq.
    Pair,
}

/// When a flag takes away the command's own effect. What other flags and
/// operands add stays.
#[derive(Clone, Debug)]
pub enum Neutral {
    /// Never.
    Never,
    /// When its last use turns it on.
    Present,
    /// When its last use has one of these values.
    Values(Table<Text>),
}

/// What a flag adds when its value matches.
#[derive(Clone, Debug)]
pub struct ValueEffect {
    /// The pattern of the value.
    pub glob: Text,
    /// What it adds; nothing when the value is known to be harmless.
    pub effect: Option<Effect>,
}
