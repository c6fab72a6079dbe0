//! How much a submission may hold. The server refuses more, and a client that
//! knows so says it before it sends anything.

use std::fmt;

use crate::invocation::CONTENTS_LIMIT_BYTES;
use crate::preview::PREVIEW_LIMIT_BYTES;
use crate::request::{REASON_LIMIT, SubmitRequest};

/// The most words of a command line.
pub const WORDS_LIMIT: usize = 10_000;
/// The most inputs, variables, fields of a target, words of a subcommand.
pub const PARTS_LIMIT: usize = 1_000;
/// The most rules, reasons and requirements.
pub const RULES_LIMIT: usize = 100;
/// The most names of approvers in one requirement.
pub const APPROVERS_LIMIT: usize = 100;

/// More of something than a submission may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The field, as on the wire.
    pub field: &'static str,
    /// How many there are.
    pub found: usize,
    /// How many there may be.
    pub limit: usize,
    /// What is counted, in the plural.
    pub unit: &'static str,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            found,
            limit,
            unit,
        } = self;
        write!(f, "`{field}` has {found} {unit}, and may have {limit}")
    }
}

/// Counts one part of a submission.
type Count = fn(&SubmitRequest) -> usize;

/// Each part of a submission: its field on the wire, how many there may be, what is counted in the
/// plural, and the count.
const PARTS: [(&str, usize, &str, Count); 12] = [
    ("invocation.argv", WORDS_LIMIT, "words", |submit| {
        submit.invocation.argv.len()
    }),
    (
        "invocation.environment",
        PARTS_LIMIT,
        "variables",
        |submit| submit.invocation.environment.len(),
    ),
    ("invocation.inputs", PARTS_LIMIT, "inputs", |submit| {
        submit.invocation.inputs.len()
    }),
    (
        "invocation.inputs.content",
        CONTENTS_LIMIT_BYTES,
        "bytes",
        |submit| {
            let inputs = submit.invocation.inputs.iter();
            let contents = inputs.filter_map(|input| input.content.as_ref());
            contents.map(String::len).sum()
        },
    ),
    (
        "invocation.preview.text",
        PREVIEW_LIMIT_BYTES,
        "bytes",
        |submit| {
            let preview = submit.invocation.preview.as_ref();
            preview.map_or(0, |preview| preview.text.len())
        },
    ),
    ("invocation.target", PARTS_LIMIT, "fields", |submit| {
        submit.invocation.target.len()
    }),
    ("invocation.command", PARTS_LIMIT, "words", |submit| {
        submit.invocation.command.len()
    }),
    ("terms.rules", RULES_LIMIT, "rules", |submit| {
        submit.terms.rules.len()
    }),
    ("terms.reasons", RULES_LIMIT, "reasons", |submit| {
        submit.terms.reasons.len()
    }),
    (
        "terms.requirements",
        RULES_LIMIT,
        "requirements",
        |submit| submit.terms.requirements.len(),
    ),
    (
        "terms.requirements.approvers",
        APPROVERS_LIMIT,
        "names",
        most_approvers,
    ),
    ("reason", REASON_LIMIT, "characters", |submit| {
        submit.reason.as_deref().unwrap_or_default().chars().count()
    }),
];

fn most_approvers(submit: &SubmitRequest) -> usize {
    let requirements = submit.terms.requirements.iter();
    let counts = requirements.map(|requirement| requirement.approvers.len());
    counts.max().unwrap_or(0)
}

impl SubmitRequest {
    /// Returns the first part of which there is more than there may be.
    #[must_use]
    pub fn excess(&self) -> Option<Excess> {
        let mut parts = PARTS.into_iter().map(|(field, limit, unit, count)| Excess {
            field,
            found: count(self),
            limit,
            unit,
        });
        parts.find(|part| part.found > part.limit)
    }
}
