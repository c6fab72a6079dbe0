//! What a tool reads without a word of argv naming it.

use super::{Table, Text};

/// Something that a tool reads although no word of argv names it.
#[derive(Clone, Debug)]
pub struct ImplicitSpec {
    /// What the tool takes it for.
    pub role: Text,
    /// Where it stands.
    pub source: ImplicitSource,
    /// What the command paths start with that read it, words between blanks; empty: all.
    pub commands: Table<Text>,
    /// Options, or roles of inputs that argv names, with which the tool does
    /// not read it.
    pub unless: Table<Text>,
    /// Whether it is read only where no operand is given.
    pub is_without_operands: bool,
    /// Whether it is looked for only where the effect is neither `read` nor
    /// `local`.
    pub is_acting_only: bool,
}

/// Where an implicit input stands.
#[derive(Clone, Debug)]
pub enum ImplicitSource {
    /// A folder with everything in it.
    Folder {
        /// Its path, from the folder that files are taken from.
        path: Text,
        /// The names inside it that the tool never reads.
        skipped: Table<Text>,
    },
    /// Files of these names in the folder that files are taken from or, where
    /// none of them is there, in the nearest one above that has one.
    Upward {
        /// The names.
        files: Table<Text>,
        /// Whether all of that folder is read.
        is_whole: bool,
        /// The names inside it that the tool never reads.
        skipped: Table<Text>,
    },
    /// A folder that a variable names, from the folder that files are taken
    /// from.
    NamedFolder {
        /// The variables; the first that is set and not empty counts.
        variables: Table<Text>,
    },
    /// The folders of terraform's modules that stand beside the working folder,
    /// as terraform's own list of them has it.
    Modules {
        /// The folder of terraform's data, where no variable names it.
        path: Text,
        /// The variables that name that folder.
        variables: Table<Text>,
        /// The names inside each module that the tool never reads.
        skipped: Table<Text>,
    },
    /// Files that a variable names or, where it is not set, that stand in the
    /// home directory.
    Files {
        /// The variables; the first that is set and not empty counts.
        variables: Table<Text>,
        /// What stands between several files in the variable; empty: it names
        /// one.
        separator: Text,
        /// The file below the folder that the variable names; empty: the
        /// variable names the file.
        below: Text,
        /// The files below `HOME` where no variable is set.
        home: Table<Text>,
    },
    /// Parts of the git repository around the working directory.
    Repository {
        /// The options that name the repository; one without a value says
        /// that it is the working directory. The last counts.
        named_by: Table<Text>,
        /// The variables that name the repository where no option does.
        variables: Table<Text>,
        /// The files and folders inside it.
        parts: Table<Text>,
    },
}
