//! What an agent is told when its command was not run, beside what everybody is told: no, not yet
//! and nobody reached are three answers, each with its own next step.
//!
//! A model that reads an error looks for another way. So each of these says what to do instead,
//! and that another way is not wanted. Who sees it is told by the marks that agents leave in the
//! environment; it is said to nobody else, and decides nothing.

use crate::circumstances;
use crate::failure::{Failure, FailureKind};
use crate::world::World;

/// Returns the failure of a run with what its caller has to do, where that is an agent.
pub(crate) fn to_caller(world: &World, failure: Failure) -> Failure {
    match of(failure.kind()) {
        Some(advice) if circumstances::is_agent(&|name| world.env(name)) => {
            failure.and_hint(advice)
        }
        Some(_) | None => failure,
    }
}

/// Returns the failure with what an agent has to do.
#[cfg(feature = "mcp")]
pub(crate) fn to_agent(failure: Failure) -> Failure {
    match of(failure.kind()) {
        Some(advice) => failure.and_hint(advice),
        None => failure,
    }
}

/// Returns what an agent has to do after such an end; nothing where it is like any tool's.
fn of(kind: FailureKind) -> Option<&'static str> {
    match kind {
        FailureKind::Denied => Some(
            "for an agent: this is final for this command. Tell the person you work for what you\n\
             wanted to do and why, and go on with what does not need it",
        ),
        FailureKind::NoAnswer => Some(
            "for an agent: this is neither yes nor no, and nothing was run. Do other work, or end your\n\
             turn; later run exactly this command again, in this folder and with these variables: an\n\
             answer is found by what it is for, and nobody is asked twice. Do not look for another way",
        ),
        FailureKind::Unreachable => Some(
            "for an agent: nobody was reached, so nobody said yes or no, and nothing was run. Run exactly\n\
             this command again later, or tell the person you work for. Do not look for another way",
        ),
        FailureKind::Configuration | FailureKind::Internal => Some(
            "for an agent: nobody said yes or no. Tell the person you work for; change neither gate's\n\
             settings nor PATH, and do not look for another way",
        ),
        FailureKind::Found
        | FailureKind::Usage
        | FailureKind::OutcomeLost
        | FailureKind::CannotRun
        | FailureKind::NotFound
        | FailureKind::Interrupted(_) => None,
    }
}
