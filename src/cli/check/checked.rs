//! What `gate check` says, as JSON and for people.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use gate_policy::{Evaluation, Input, Invocation};
use gate_protocol::inert::inert;
use serde::Serialize;
use serde_json::value::RawValue;

/// What would be decided, in the field order of the contract.
#[derive(Debug, Serialize)]
pub(super) struct Checked<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    decision: &'static str,
    #[serde(skip)]
    is_held: bool,
    effect: &'static str,
    tool: &'a str,
    command: &'a [Cow<'static, str>],
    target: &'a BTreeMap<String, String>,
    rule: &'a str,
    reasons: &'a [String],
    inputs: Vec<CheckedInput<'a>>,
    secrets_masked: usize,
}

#[derive(Debug, Serialize)]
struct CheckedInput<'a> {
    kind: &'static str,
    role: &'a str,
    path: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}

impl<'a> Checked<'a> {
    pub(super) fn new(invocation: &'a Invocation, evaluation: &'a Evaluation) -> Self {
        Self {
            id: None,
            decision: evaluation.decision.as_str(),
            is_held: evaluation.holds_session(),
            effect: evaluation.effect.as_str(),
            tool: &evaluation.tool,
            command: &evaluation.command,
            target: &invocation.target,
            rule: &evaluation.deciding.id,
            reasons: &evaluation.reasons,
            inputs: invocation.inputs.iter().map(CheckedInput::new).collect(),
            secrets_masked: invocation.known_secrets().count(),
        }
    }

    /// Returns the answer to the question of this id, where it has one.
    pub(super) fn to(self, id: Option<&'a RawValue>) -> Self {
        Self { id, ..self }
    }

    /// Returns a few lines for a person.
    pub(super) fn for_people(&self) -> String {
        let mut text = String::new();
        let command: String = self.command.iter().flat_map(|word| [" ", &**word]).collect();
        let held = if self.is_held {
            ", held to reading by the server"
        } else {
            ""
        };
        // Writing to a String can't fail.
        let _ = writeln!(
            text,
            "{}: {}{} has the effect {}{held} (rule {})",
            self.decision.replace('_', " "),
            inert(self.tool),
            inert(&command),
            self.effect,
            inert(self.rule),
        );
        for (field, value) in self.target {
            let _ = writeln!(text, "  {}: {}", inert(field), inert(value));
        }
        for reason in self.reasons {
            let _ = writeln!(text, "  - {}", inert(reason));
        }
        text
    }
}

impl<'a> CheckedInput<'a> {
    fn new(input: &'a Input) -> Self {
        Self {
            kind: input.kind.as_str(),
            role: &input.role,
            path: input.path.to_string_lossy(),
            why: input.kind.refusal(),
        }
    }
}
