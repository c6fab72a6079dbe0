//! How much a submission may hold. The server refuses more, and a client that
//! knows so says it before it sends anything.

use std::fmt;

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

impl SubmitRequest {
    /// Returns the first part of which there is more than there may be.
    #[must_use]
    pub fn excess(&self) -> Option<Excess> {
        let (invocation, terms) = (&self.invocation, &self.terms);
        let reason = self.reason.as_deref().unwrap_or_default();
        let approvers = terms.requirements.iter().map(|one| one.approvers.len());
        let parts = [
            (
                "invocation.argv",
                invocation.argv.len(),
                WORDS_LIMIT,
                "words",
            ),
            (
                "invocation.environment",
                invocation.environment.len(),
                PARTS_LIMIT,
                "variables",
            ),
            (
                "invocation.inputs",
                invocation.inputs.len(),
                PARTS_LIMIT,
                "inputs",
            ),
            (
                "invocation.target",
                invocation.target.len(),
                PARTS_LIMIT,
                "fields",
            ),
            (
                "invocation.command",
                invocation.command.len(),
                PARTS_LIMIT,
                "words",
            ),
            ("terms.rules", terms.rules.len(), RULES_LIMIT, "rules"),
            ("terms.reasons", terms.reasons.len(), RULES_LIMIT, "reasons"),
            (
                "terms.requirements",
                terms.requirements.len(),
                RULES_LIMIT,
                "requirements",
            ),
            (
                "terms.requirements.approvers",
                approvers.max().unwrap_or(0),
                APPROVERS_LIMIT,
                "names",
            ),
            ("reason", reason.chars().count(), REASON_LIMIT, "characters"),
        ];
        parts
            .into_iter()
            .map(|(field, found, limit, unit)| Excess {
                field,
                found,
                limit,
                unit,
            })
            .find(|part| part.found > part.limit)
    }
}
