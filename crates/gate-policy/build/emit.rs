//! Writes the tables of a tool as Rust.

use std::collections::BTreeMap;

use crate::effect::Effect;
use crate::profile::{
    Arity, Changes, CommandDetail, CommandSpec, FlagDetail, FlagGroup, FlagRuns, FlagSpec, Follows,
    FoundRule, ImplicitSource, ImplicitSpec, ListedSpec, Neutral, OperandPattern, OperandRule,
    Order, Passed, Place, Position, Reader, RunsReading, RunsSpec, Shared, ShowsSpec, StdinSpec,
    Style, Table, Text, ToolSpec, ValueEffect, VariableAction, VariableSpec,
};

/// What rows share, each once, under the name of its `static`.
#[derive(Default)]
pub(crate) struct Details(BTreeMap<String, String>);

impl Details {
    /// Returns an expression for what `detail`, of this type, leads to.
    fn of(&mut self, kind: &str, detail: String) -> String {
        let number = self.0.len();
        let name = self
            .0
            .entry(detail)
            .or_insert_with(|| format!("{}_{number}: {kind}", kind.to_uppercase()));
        let name = name.split(':').next().unwrap_or_default();
        format!("Shared::BuiltIn(&{name})")
    }

    /// Returns all of them as `static`s.
    pub(crate) fn rust(&self) -> String {
        let details = self.0.iter();
        details
            .flat_map(|(detail, name)| ["static ", name, " = ", detail, ";\n"])
            .collect()
    }
}

impl Rust for Shared<FlagDetail> {
    fn rust(&self, to: &mut Details) -> String {
        let detail = (**self).rust(to);
        to.of("FlagDetail", detail)
    }
}

impl Rust for Shared<CommandDetail> {
    fn rust(&self, to: &mut Details) -> String {
        let detail = (**self).rust(to);
        to.of("CommandDetail", detail)
    }
}

/// Something that can be written as an expression.
trait Rust {
    fn rust(&self, to: &mut Details) -> String;
}

/// Each field by its name: one that is added is written too, or this does not build.
macro_rules! structs {
    ($($name:ident { $($field:ident),* $(,)? })*) => {
        $(impl Rust for $name {
            fn rust(&self, to: &mut Details) -> String {
                let Self { $($field),* } = self;
                let fields = [$(format!("{}: {}", stringify!($field), $field.rust(to))),*];
                format!("{} {{ {} }}", stringify!($name), fields.join(", "))
            }
        })*
    };
}

/// Variants without fields, or with a number.
macro_rules! words {
    ($($name:ident),* $(,)?) => {
        $(impl Rust for $name {
            fn rust(&self, _to: &mut Details) -> String {
                format!("{}::{self:?}", stringify!($name))
            }
        })*
    };
}

words! {
    Arity, Changes, Effect, FlagRuns, Follows, Order, Passed, Place, Position, Reader,
    RunsReading, Style,
}

structs! {
    FlagGroup { name, flags }
    FlagSpec { name, short, arity, more }
    FlagDetail {
        negates, neutral, effect, values, is_beyond_read, unless, target,
        input, not_input, is_behind_at, in_place, copied, follows, secret, runs, changes, why,
    }
    ValueEffect { glob, effect }
    CommandSpec { parent, name, canonical, effect, groups, is_group, is_open, more }
    CommandDetail { also, can_be_neutral, order, passed, runs, operands, found, shows, stdin, why }
    RunsSpec { place, reading, takes_assignments, clears_environment, alone }
    ShowsSpec { operands, globs }
    StdinSpec { role, given, unless, is_without_operands }
    OperandRule {
        at, pattern, given, except, not_given, unless, is_behind_at, effect, secret, input,
        in_place, copied, follows, target, why,
    }
    FoundRule { files, is_hidden_folder, given, unless_off, effect, why }
    ListedSpec { text, skipped }
    ImplicitSpec { role, source, commands, unless, is_without_operands, is_acting_only }
    VariableSpec {
        name, is_of_python, action, commands, unless, harmless, harmless_without, is_beyond_read,
        is_stripped_elsewhere, target, secret, why,
    }
}

/// Returns a profile as a `static`. `operations` is an expression.
pub(crate) fn profile(name: &str, tool: &ToolSpec, operations: &str, to: &mut Details) -> String {
    let ToolSpec {
        name: tool_name,
        aliases,
        style,
        groups,
        commands,
        patterns,
        listed,
        environment,
        sets_variables,
        merges_variables,
        moved_by,
        literal,
        implicit,
        operations: _,
        operation_places,
        can_be_python,
        completed_by,
        reader,
    } = tool;
    format!(
        "static {name}: ToolSpec = ToolSpec {{ name: {}, aliases: {}, style: {}, groups: {}, \
         commands: {}, patterns: {}, listed: {}, environment: {}, \
         sets_variables: {sets_variables}, merges_variables: {merges_variables}, moved_by: {}, \
         literal: {}, implicit: {}, operations: {operations}, operation_places: {}, \
         can_be_python: {can_be_python}, completed_by: {}, reader: {} }};\n",
        tool_name.rust(to),
        aliases.rust(to),
        style.rust(to),
        groups.rust(to),
        commands.rust(to),
        patterns.rust(to),
        listed.rust(to),
        environment.rust(to),
        moved_by.rust(to),
        literal.rust(to),
        implicit.rust(to),
        operation_places.rust(to),
        completed_by.rust(to),
        reader.rust(to),
    )
}

impl Rust for bool {
    fn rust(&self, _to: &mut Details) -> String {
        self.to_string()
    }
}

impl Rust for u8 {
    fn rust(&self, _to: &mut Details) -> String {
        self.to_string()
    }
}

impl Rust for u16 {
    fn rust(&self, _to: &mut Details) -> String {
        self.to_string()
    }
}

impl Rust for u32 {
    fn rust(&self, _to: &mut Details) -> String {
        let (thousands, rest) = (self / 1_000, self % 1_000);
        match thousands {
            0 => rest.to_string(),
            1..1_000 => format!("{thousands}_{rest:03}"),
            1_000.. => format!("{}_{:03}_{rest:03}", thousands / 1_000, thousands % 1_000),
        }
    }
}

impl Rust for Text {
    fn rust(&self, _to: &mut Details) -> String {
        format!("Borrowed({:?})", self.as_ref())
    }
}

impl<T: Rust + Clone> Rust for Table<T> {
    fn rust(&self, to: &mut Details) -> String {
        let rows: Vec<String> = self.iter().map(|row| row.rust(to)).collect();
        format!("Borrowed(&[{}])", rows.join(",\n"))
    }
}

impl<T: Rust> Rust for Option<T> {
    fn rust(&self, to: &mut Details) -> String {
        match self {
            Some(value) => format!("Some({})", value.rust(to)),
            None => "None".to_owned(),
        }
    }
}

impl Rust for Neutral {
    fn rust(&self, to: &mut Details) -> String {
        match self {
            Self::Never => "Neutral::Never".to_owned(),
            Self::Present => "Neutral::Present".to_owned(),
            Self::Values(values) => format!("Neutral::Values({})", values.rust(to)),
        }
    }
}

impl Rust for VariableAction {
    fn rust(&self, to: &mut Details) -> String {
        match self {
            Self::Set(value) => format!("VariableAction::Set({})", value.rust(to)),
            plain @ (Self::Bind | Self::Ignore | Self::Strip | Self::Unknown | Self::Merge) => {
                format!("VariableAction::{plain:?}")
            }
        }
    }
}

impl Rust for OperandPattern {
    fn rust(&self, to: &mut Details) -> String {
        let inside = match self {
            Self::Globs(globs) => format!("Globs({})", globs.rust(to)),
            Self::Folded(globs, not) => format!("Folded({}, {})", globs.rust(to), not.rust(to)),
            Self::NotGlobs(globs) => format!("NotGlobs({})", globs.rust(to)),
            Self::Except(globs, not) => format!("Except({}, {})", globs.rust(to), not.rust(to)),
            Self::Present(elsewhere) => format!("Present({})", elsewhere.rust(to)),
            Self::Resource(types) => format!("Resource({})", types.rust(to)),
            plain @ (Self::Remote
            | Self::Here
            | Self::Wild
            | Self::SecretFile
            | Self::Hidden
            | Self::HiddenName) => format!("{plain:?}"),
        };
        format!("OperandPattern::{inside}")
    }
}

impl Rust for ImplicitSource {
    fn rust(&self, to: &mut Details) -> String {
        let inside = match self {
            Self::Folder { path, skipped } => {
                format!(
                    "Folder {{ path: {}, skipped: {} }}",
                    path.rust(to),
                    skipped.rust(to)
                )
            }
            Self::Upward {
                files,
                is_whole,
                skipped,
            } => format!(
                "Upward {{ files: {}, is_whole: {is_whole}, skipped: {} }}",
                files.rust(to),
                skipped.rust(to)
            ),
            Self::NamedFolder { variables } => {
                format!("NamedFolder {{ variables: {} }}", variables.rust(to))
            }
            Self::Modules {
                path,
                variables,
                skipped,
            } => format!(
                "Modules {{ path: {}, variables: {}, skipped: {} }}",
                path.rust(to),
                variables.rust(to),
                skipped.rust(to)
            ),
            Self::Files {
                variables,
                separator,
                below,
                home,
            } => format!(
                "Files {{ variables: {}, separator: {}, below: {}, home: {} }}",
                variables.rust(to),
                separator.rust(to),
                below.rust(to),
                home.rust(to)
            ),
            Self::Repository {
                named_by,
                variables,
                parts,
            } => format!(
                "Repository {{ named_by: {}, variables: {}, parts: {} }}",
                named_by.rust(to),
                variables.rust(to),
                parts.rust(to)
            ),
        };
        format!("ImplicitSource::{inside}")
    }
}
