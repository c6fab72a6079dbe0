//! Reads a command line as its tool would, and decides by rule.
//!
//! This crate is the second and third step of the path of a command: argv
//! becomes an [`Invocation`], the rules in force make an [`Evaluation`] of it.
//! It is pure: it opens no file, reads no clock and no environment. Whoever
//! calls it hands these in ([`CommandLine`], [`Occasion`]), so that the
//! same input always gives the same answer, on a runner, at the server and in
//! a test.
//!
//! What is not understood has the effect [`Effect::Unknown`], and that asks.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm)]

mod ansible;
mod awk;
mod command_line;
mod effect;
pub mod encoding;
mod glob;
mod handed_on;
mod invocation;
mod jq;
mod mongo;
mod played;
pub mod profile;
mod promise;
mod read;
mod redis;
mod rules;
mod sed;
mod sftp;
mod shell;
mod slots;
mod sql;
mod target;

pub use command_line::{
    CommandLine, Environment, FileError, FileKind, Files, MapFiles, NoFiles, Stdin,
};
pub use effect::{Effect, EffectSet, ParseEffectError};
pub use handed_on::handed_on;
pub use invocation::{
    EnvironmentAction, EnvironmentNote, InnerCommand, Input, InputKind, Invocation, Nested,
    OptionUse, Place, Placement, SecretPlace, SecretSpan, Word, WordRole,
};
pub use profile::{ProfileSummary, Profiles, UsedProfile};
pub use promise::Promise;
pub use read::{MergedWord, is_too_long, masked_prose, read_invocation};
pub use rules::{
    AskingRule, Caller, CallerKind, CompiledPolicy, Consideration, Considered, Decision,
    DurationError, Escalation, Evaluation, Hearing, Layer, MatchedRule, Miss, Obligations,
    Occasion, ParseDecisionError, Policy, PolicyBuilder, Recording, Requirement, RuleError,
    RuleMessage, RuleSummary, Undecided, parse_duration, position,
};
