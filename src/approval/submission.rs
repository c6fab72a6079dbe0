//! What is sent to ask: the bound command, and why the rules want a person.
//!
//! Only so much of it may be sent. What explains is cut to that, and says how
//! much is missing; of what decides nothing is left out, so where that is too
//! much nobody is asked.

use std::borrow::Cow;

use gate_protocol::limits::{Excess, RULES_LIMIT};
use gate_protocol::request::{
    Escalation, Requirement, SubmitRequest, TERM_LIMIT, Terms, shortened,
};

use super::Asking;
use crate::binding::Bound;
use crate::failure::{Failure, FailureKind};

/// Returns the submission for `bound`.
///
/// # Errors
/// More of something decides than a request may hold.
pub(super) fn submission(bound: &Bound, asking: Asking<'_>) -> Result<SubmitRequest, Failure> {
    let evaluation = asking.evaluation;
    let obligations = &evaluation.obligations;
    let others = evaluation.matched.iter().map(|rule| rule.id.clone());
    let mut rules = vec![evaluation.deciding.id.clone()];
    rules.extend(others.filter(|id| *id != evaluation.deciding.id));
    let submission = SubmitRequest {
        invocation: bound.invocation.clone(),
        digest: bound.digest,
        circumstances: asking.circumstances,
        terms: Terms {
            rules: cut(rules),
            reasons: folded(cut(evaluation.reasons.clone())),
            requirements: obligations.requirements.iter().map(on_the_wire).collect(),
            request_ttl_seconds: obligations.request_ttl.as_secs(),
            permit_ttl_seconds: obligations.permit_ttl.as_secs(),
            remind_seconds: obligations.remind_every.map(|every| every.as_secs()),
        },
        reason: asking.reason,
        break_glass: asking.break_glass,
    };
    match submission.excess() {
        None => Ok(submission),
        Some(excess) => Err(too_much(excess)),
    }
}

/// Returns what a rule asks for as it is said on the wire.
fn on_the_wire(one: &gate_policy::Requirement) -> Requirement {
    Requirement {
        approvers: one.approvers.clone(),
        count: u32::from(one.count),
        apart: one.apart.clone(),
        escalation: one.escalation.as_ref().map(|later| Escalation {
            after_seconds: later.after_seconds,
            to: later.to.clone(),
        }),
    }
}

/// Cuts each text that is longer than the server takes where people see it.
fn cut(mut all: Vec<String>) -> Vec<String> {
    for text in &mut all {
        if let Cow::Owned(cut) = shortened(text, TERM_LIMIT) {
            *text = cut;
        }
    }
    all
}

/// Returns as many as may be sent, the last of which says how many more there are.
///
/// Rules are not left out so: the server holds the request to those that are named.
fn folded(mut all: Vec<String>) -> Vec<String> {
    if all.len() > RULES_LIMIT {
        let more = all.split_off(RULES_LIMIT - 1).len();
        all.push(format!("and {more} more"));
    }
    all
}

fn too_much(excess: Excess) -> Failure {
    let Excess {
        found, limit, unit, ..
    } = excess;
    Failure::new(
        FailureKind::CannotRun,
        format!("the command has {found} {unit}, and nobody can be asked about more than {limit}"),
    )
    .hint("nothing was sent; do it in parts, with fewer of them at a time")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted_in_the_last() {
        let reasons = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(folded(reasons(RULES_LIMIT)), reasons(RULES_LIMIT));
        let many = folded(reasons(RULES_LIMIT + 1));
        assert_eq!(many.len(), RULES_LIMIT);
        assert_eq!(many.last().unwrap(), "and 2 more");
        assert_eq!(many.first().unwrap(), "0");
    }
}
