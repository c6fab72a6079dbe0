//! Rules become an [`Evaluation`]: the third step of the path of a command.

mod approval;
mod certain;
mod compiled;
mod condition;
mod considered;
mod decision;
mod duration;
mod error;
mod evaluation;
mod fields;
mod index;
mod load;
mod loosening;
mod matchers;
mod policy;
mod reach;
mod region;
mod rule;
mod session;
#[cfg(test)]
mod tests;
mod window;

pub use compiled::{CompiledPolicy, Undecided};
pub use considered::{Consideration, Considered, Hearing, Miss};
pub use decision::{Decision, Layer, ParseDecisionError, Recording};
pub use duration::{DurationError, parse_duration};
pub(crate) use error::near_miss;
pub use error::{RuleError, position};
pub use evaluation::{
    AskingRule, Caller, CallerKind, Escalation, Evaluation, MatchedRule, Obligations, Occasion,
    Requirement, RuleMessage, RuleSummary,
};
pub use policy::{Policy, PolicyBuilder};
