//! The tables of a tool: what the words of a profile become.
//!
//! The build script makes them too, of the profiles that are compiled in.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use super::{FlagGroup, Follows, ImplicitSpec, RunsSpec};
use crate::effect::Effect;

/// A text of a profile.
pub type Text = Cow<'static, str>;
/// A table of a profile.
pub type Table<T> = Cow<'static, [T]>;

/// What many rows of a table say alike: it stands once, and each row leads to it.
///
/// A program that begins at another address each time has each of its rows written to when it
/// starts, and every page of them is then that process's alone. So a row is small, and a gate that
/// waits has less memory for itself.
#[derive(Clone, Debug)]
pub enum Shared<T: 'static> {
    /// Of a profile that is compiled in.
    BuiltIn(&'static T),
    /// Of one that was read.
    Read(Arc<T>),
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::BuiltIn(detail) => detail,
            Self::Read(detail) => detail,
        }
    }
}

/// What gate knows of one tool.
#[derive(Clone, Debug)]
pub struct ToolSpec {
    /// The tool's name.
    pub name: Text,
    /// Other names of the same command line, as `tofu` of `terraform`.
    pub aliases: Table<Text>,
    /// How it reads its words.
    pub style: Style,
    /// The groups of flags; the first holds the global ones.
    pub groups: Table<FlagGroup>,
    /// The subcommand tree, sorted by parent and name. The first is the tool
    /// called with no subcommand.
    pub commands: Table<CommandSpec>,
    /// The indexes of those whose word stands for many.
    pub patterns: Table<u16>,
    /// The commands that stand in a list of their own.
    pub listed: Option<ListedSpec>,
    /// The variables that matter.
    pub environment: Table<VariableSpec>,
    /// Whether one of them is set whatever it was before.
    pub sets_variables: bool,
    /// Whether one of them adds words to those of the command.
    pub merges_variables: bool,
    /// The options that move the folder from which files are taken, one after
    /// the other.
    pub moved_by: Table<Text>,
    /// Parameters that are never taken for the name of a file or an address, each behind its
    /// subcommand path; a path alone stands for its operands. Sorted.
    pub literal: Table<Text>,
    /// What it reads without a word of argv naming it.
    pub implicit: Table<ImplicitSpec>,
    /// The class of each operation, a line `SERVICE OPERATION CLASS` for each, sorted.
    pub operations: Text,
    /// Where these lines begin, counted from 1, each at the place at which it is looked for.
    pub operation_places: Table<u32>,
    /// Whether it can be a program of Python.
    pub can_be_python: bool,
    /// The variable with which it only says what can stand at the cursor; empty: none.
    pub completed_by: Text,
    /// A deeper reading that tables can't express.
    pub reader: Reader,
}

/// The commands that stand in a list.
#[derive(Clone, Debug)]
pub struct ListedSpec {
    /// A line for each group: its path, a tab, and each word below it as
    /// `word=effect` or `word=group`.
    pub text: Text,
    /// First words that change nothing of what follows: `beta`.
    pub skipped: Table<Text>,
}

/// How a tool reads its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Cobra and pflag: flags anywhere, `--f=v`, `--f v`, `-fv`, bundles, no
    /// abbreviations; a subcommand is the first word that is no flag.
    Pflag,
    /// clap, as cargo has it: as pflag, but a word that starts with a dash is
    /// no value, and `+name` in front of everything selects a toolchain.
    Clap,
    /// nopt, as npm has it: as pflag, but a word that starts with a dash is no
    /// value, letters take none in their own word, and `--no-` turns off.
    Nopt,
    /// Go's `flag` behind one level of global options: one dash or two, flags
    /// stop at the first operand, global options only before the subcommand
    /// and only with `=`.
    Goflag,
    /// Python's argparse with a service and an operation: options are
    /// abbreviated, global ones stand anywhere.
    Argparse,
    /// Python's argparse as most tools have it: long options are abbreviated,
    /// letters are bundled, options and operands stand anywhere.
    Python,
    /// GNU `getopt_long`: permutes, abbreviates, bundles; no subcommands.
    Getopt,
    /// git: options before the subcommand stop at it, those after it permute,
    /// abbreviate, bundle and are negated by `--no-`.
    Git,
    /// redis-cli: whole options in front of a command, whose words are taken in
    /// any case and behind which nothing is an option.
    Redis,
    /// sqlite3: whole options with one dash or two, between operands too.
    Sqlite,
}

/// A deeper reading that tables can't express.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The tables say all.
    Tables,
    /// The statements and backslash commands of psql.
    Psql,
    /// The script of a shell.
    Shell,
    /// The expression of find.
    Find,
    /// The commands of a batch of sftp.
    Sftp,
    /// The commands that redis-cli takes from elsewhere than argv.
    Redis,
    /// The statements and commands of mysql.
    Mysql,
    /// The statements and dot commands of sqlite3.
    Sqlite,
    /// The scripts of mongosh.
    Mongo,
    /// The inventory, the variables and the playbooks of ansible.
    Ansible,
    /// The scripts of sed.
    Sed,
    /// The programs of awk.
    Awk,
    /// The filters of jq, and of the tools that have it built in.
    Jq,
    /// The contexts of builds and projects of docker.
    Docker,
    /// What npm publishes.
    Npm,
    /// What cargo publishes.
    Cargo,
}

/// One node of the subcommand tree.
#[derive(Clone, Debug)]
pub struct CommandSpec {
    /// The index of the node above; the root is its own parent.
    pub parent: u16,
    /// The word; one that ends in `*` stands for every word that starts so.
    pub name: Text,
    /// The canonical word, where `name` is an alias.
    pub canonical: Text,
    /// What it does.
    pub effect: Effect,
    /// The indexes of its groups of flags, besides the global ones.
    pub groups: Table<u16>,
    /// Whether nodes stand below it.
    pub is_group: bool,
    /// Whether flags that aren't listed are taken for harmless parameters.
    pub is_open: bool,
    /// Everything else that is said of it.
    pub more: Shared<CommandDetail>,
}

impl Deref for CommandSpec {
    type Target = CommandDetail;

    fn deref(&self) -> &CommandDetail {
        &self.more
    }
}

/// What many commands have in common.
#[derive(Clone, Debug)]
pub struct CommandDetail {
    /// Another effect that it has beside its own.
    pub also: Option<Effect>,
    /// Whether a neutral flag counts.
    pub can_be_neutral: bool,
    /// Where its flags stand.
    pub order: Order,
    /// Which words are a command that the tool passes on.
    pub passed: Passed,
    /// How such a command is run.
    pub runs: RunsSpec,
    /// What operands add.
    pub operands: Table<OperandRule>,
    /// What files that are there add.
    pub found: Table<FoundRule>,
    /// The operands with which it only shows.
    pub shows: Option<ShowsSpec>,
    /// The standard input, where it decides what happens.
    pub stdin: Option<StdinSpec>,
    /// Why it has its effect.
    pub why: Text,
}

/// What is said of a command that only leads to others.
static LEADING: CommandDetail = CommandDetail {
    also: None,
    can_be_neutral: true,
    order: Order::Free,
    passed: Passed::Operands,
    runs: RunsSpec::ELSEWHERE,
    operands: Cow::Borrowed(&[]),
    found: Cow::Borrowed(&[]),
    shows: None,
    stdin: None,
    why: Cow::Borrowed(""),
};

impl CommandSpec {
    /// Returns a node that only leads to others, of which nothing else is said.
    pub(crate) const fn leading(parent: u16, name: Text, canonical: Text) -> Self {
        Self {
            parent,
            name,
            canonical,
            effect: Effect::Unknown,
            groups: Cow::Borrowed(&[]),
            is_group: true,
            is_open: false,
            more: Shared::BuiltIn(&LEADING),
        }
    }
}

/// Where the flags of a command stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As the style has it.
    Free,
    /// Before the first operand only.
    First,
    /// Nowhere: every word is an operand.
    Words,
}

/// Which words are a command that the tool passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// Operands as any other.
    Operands,
    /// Those after `--` are one.
    Command,
    /// The operand with this index and all words behind it are one, and those
    /// after `--` too where so many operands stand before it.
    From(u8),
}

/// The operands with which a command only shows, and has no effect of its own.
#[derive(Clone, Debug)]
pub struct ShowsSpec {
    /// How many there are.
    pub operands: u8,
    /// Patterns one of which each of them matches.
    pub globs: Table<Text>,
}

/// A standard input that decides what happens.
#[derive(Clone, Debug)]
pub struct StdinSpec {
    /// What the tool takes it for.
    pub role: Text,
    /// Switches one of which must be on; empty: none needs to be.
    pub given: Table<Text>,
    /// Switches with which it is not read.
    pub unless: Table<Text>,
    /// Whether it is read only where there is no operand.
    pub is_without_operands: bool,
}

/// What an operand adds.
#[derive(Clone, Debug)]
pub struct OperandRule {
    /// Which operands are looked at.
    pub at: Position,
    /// What they must look like.
    pub pattern: OperandPattern,
    /// Flags one of which must be given; empty: none needs to be.
    pub given: Table<Text>,
    /// Values with which such a flag does not count.
    pub except: Table<Text>,
    /// Flags none of which may be given.
    pub not_given: Table<Text>,
    /// As for flags.
    pub unless: Table<Text>,
    /// As for flags.
    pub is_behind_at: bool,
    /// What is added.
    pub effect: Option<Effect>,
    /// The kind of secret that it is; of a `literal` what stands behind its `=`.
    pub secret: Text,
    /// What the file that the operand names is for.
    pub input: Text,
    /// As for flags.
    pub in_place: Table<Text>,
    /// As for flags.
    pub copied: Table<Text>,
    /// As for flags.
    pub follows: Follows,
    /// The field of the target that the operand sets.
    pub target: Text,
    /// Why.
    pub why: Text,
}

/// What a file, or the name of the folder, adds by being there.
#[derive(Clone, Debug)]
pub struct FoundRule {
    /// The files and folders, from the tool's folder; `$NAME/x` stands below
    /// the folder that a variable names, where it is set.
    pub files: Table<Text>,
    /// Whether it looks for a part that begins with a dot in the path of the
    /// tool's folder.
    pub is_hidden_folder: bool,
    /// Flags one of which must be given; empty: none needs to be.
    pub given: Table<Text>,
    /// Switches with which it does not count when they are turned off.
    pub unless_off: Table<Text>,
    /// What is added.
    pub effect: Effect,
    /// Why.
    pub why: Text,
}

/// Which operands a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Each of them.
    Any,
    /// The one with this index, from zero.
    At(u8),
    /// This one and all after it.
    From(u8),
    /// The last one.
    Last,
    /// Each one but the last, as what scp copies.
    Sources,
    /// Each one behind `--`.
    Separated,
}

/// What an operand must look like.
#[derive(Clone, Debug)]
pub enum OperandPattern {
    /// One of these patterns.
    Globs(Table<Text>),
    /// One of the first patterns and none of the second, which are in lower
    /// case, in any case.
    Folded(Table<Text>, Table<Text>),
    /// None of these patterns.
    NotGlobs(Table<Text>),
    /// One of the first patterns and none of the second.
    Except(Table<Text>, Table<Text>),
    /// Something of this name is in the tool's folder, or one of these options
    /// or variables leads the tool elsewhere.
    Present(Table<Text>),
    /// Something on another machine, as scp and rsync read it: `host:path`.
    Remote,
    /// Something on this machine, as they read it.
    Here,
    /// A pattern of names, which the tool expands itself.
    Wild,
    /// A file that holds secrets, by its name.
    SecretFile,
    /// A path one of whose parts begins with a dot.
    Hidden,
    /// An address from which git makes a folder whose name begins with a dot.
    HiddenName,
    /// A Kubernetes resource of one of these types, in any of the spellings
    /// that kubectl takes: `secret`, `Secrets`, `secret/x`, `pods,secrets`,
    /// `secrets.v1.`.
    Resource(Table<Text>),
}

/// One variable or, with a `*`, all whose names start and end so.
#[derive(Clone, Debug)]
pub struct VariableSpec {
    /// Its name.
    pub name: Text,
    /// Whether it matters to programs of Python alone.
    pub is_of_python: bool,
    /// What becomes of it.
    pub action: VariableAction,
    /// What the command paths that it matters to start with; empty: all.
    pub commands: Table<Text>,
    /// Options with which the tool does not read it.
    pub unless: Table<Text>,
    /// Values that change nothing; the variable is then only bound.
    pub harmless: Table<Text>,
    /// Variables beside which no value is harmless.
    pub harmless_without: Table<Text>,
    /// Whether it matters only where the command does more than read.
    pub is_beyond_read: bool,
    /// Whether a value that is not harmless is taken out for the commands that
    /// it does not matter to.
    pub is_stripped_elsewhere: bool,
    /// The field of the target that it sets where no flag does.
    pub target: Text,
    /// The kind of secret that its value is.
    pub secret: Text,
    /// Why.
    pub why: Text,
}

/// What becomes of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableAction {
    /// It goes into the digest.
    Bind,
    /// It changes nothing: no pattern that covers it counts.
    Ignore,
    /// It is taken out.
    Strip,
    /// It is set to this value even where it was not set.
    Set(Text),
    /// It makes the command unknown.
    Unknown,
    /// Its value holds words that the tool puts right behind the subcommand, whose words stand
    /// for a star of its name. They are read with the others.
    Merge,
}
