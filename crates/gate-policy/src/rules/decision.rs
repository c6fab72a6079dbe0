//! The words of a decision.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a rule says of a command. The greatest wins. There is no default: an
/// answer that was not made is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use]
pub enum Decision {
    /// It may run.
    Allow,
    /// People are asked first.
    RequireApproval,
    /// It may not run, whoever agrees.
    Deny,
}

impl Decision {
    /// Returns the word that stands for it in rules, JSON and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::RequireApproval => "require_approval",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a decision", .0.escape_default())]
pub struct ParseDecisionError(pub String);

impl FromStr for Decision {
    type Err = ParseDecisionError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Self::Allow, Self::RequireApproval, Self::Deny]
            .into_iter()
            .find(|decision| decision.as_str() == word)
            .ok_or_else(|| ParseDecisionError(word.to_owned()))
    }
}

/// Where rules come from. `Server` and `Machine` are the owner's: they decide.
/// `User` and `Project` can only tighten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// What holds where no rule of the owner matches.
    Baseline,
    /// The server's rules.
    Server,
    /// The rules of the machine's owner.
    Machine,
    /// The user's own rules.
    User,
    /// The rules of the folder that is worked in.
    Project,
}

impl Layer {
    /// Returns the word that stands for it in JSON and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Server => "server",
            Self::Machine => "machine",
            Self::User => "user",
            Self::Project => "project",
        }
    }

    /// Tells whether its rules can only tighten.
    pub const fn only_tightens(self) -> bool {
        match self {
            Self::Baseline | Self::Server | Self::Machine => false,
            Self::User | Self::Project => true,
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is recorded of a command that is allowed. One that people approved is
/// always recorded with its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recording {
    /// Nothing.
    None,
    /// That it was allowed.
    Decision,
    /// That it was allowed, and how it ended.
    Outcome,
}

impl Recording {
    /// Returns the word that stands for it in rules and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Decision => "decision",
            Self::Outcome => "outcome",
        }
    }
}
