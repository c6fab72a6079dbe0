//! How a tool runs the command that it passes on.

use crate::effect::Effect;

/// The command that the value of a flag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagRuns {
    /// It is none.
    Nothing,
    /// A script that a shell reads.
    Shell,
    /// Words that stand in front of the operands, as `env -S` splits them.
    Split,
}

/// What a flag does to the environment of the command that is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Nothing.
    Nothing,
    /// It gets none of the variables.
    Clears,
    /// It does not get the one that the value names.
    Unsets,
}

/// How a command that is passed on is run.
#[derive(Clone, Debug)]
pub struct RunsSpec {
    /// Where it runs.
    pub place: Place,
    /// How it is read.
    pub reading: RunsReading,
    /// Whether `NAME=VALUE` in front of it sets a variable for it.
    pub takes_assignments: bool,
    /// Whether it gets another environment than the outer command.
    pub clears_environment: bool,
    /// What is done where there is none.
    pub alone: Option<Effect>,
}

/// Where a command inside a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this machine.
    Here,
    /// Elsewhere: in a container, behind ssh. What its names mean there is not
    /// known.
    Elsewhere,
}

impl Place {
    /// Returns the word that stands for it in `gate explain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// How the words of a command inside a command are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunsReading {
    /// As they are.
    Words,
    /// Joined with blanks, and by a shell.
    Shell,
    /// As they are, and more of them follow that no word of argv holds.
    Appended,
}

impl RunsSpec {
    /// How it is run where a profile says no more.
    pub(crate) const ELSEWHERE: Self = Self {
        place: Place::Elsewhere,
        reading: RunsReading::Words,
        takes_assignments: false,
        clears_environment: false,
        alone: None,
    };
}
