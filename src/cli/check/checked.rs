//! What `gate check` says, as JSON and for people.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use gate_policy::{Evaluation, Input, Invocation};
use gate_protocol::inert::inert;
use serde_json::value::RawValue;

use crate::show::json::{Json, member};

/// What would be decided.
#[derive(Debug)]
pub(super) struct Checked<'a> {
    decision: &'static str,
    is_held: bool,
    effect: &'static str,
    tool: &'a str,
    command: &'a [Cow<'static, str>],
    target: &'a BTreeMap<String, String>,
    rule: &'a str,
    reasons: &'a [String],
    inputs: &'a [Input],
    secrets_masked: usize,
}

impl<'a> Checked<'a> {
    pub(super) fn new(invocation: &'a Invocation, evaluation: &'a Evaluation) -> Self {
        Self {
            decision: evaluation.decision.as_str(),
            is_held: evaluation.holds_session(),
            effect: evaluation.effect.as_str(),
            tool: &evaluation.tool,
            command: &evaluation.command,
            target: &invocation.target,
            rule: &evaluation.deciding.id,
            reasons: &evaluation.reasons,
            inputs: &invocation.inputs,
            secrets_masked: invocation.known_secrets().count(),
        }
    }

    /// Writes it as one object in the field order of the contract, behind the id of the question
    /// where that has one.
    pub(super) fn write(&self, id: Option<&RawValue>, json: &mut Json) {
        json.object(|json| {
            if let Some(id) = id {
                member!(json, "id").raw(id.get());
            }
            member!(json, "decision").word(self.decision);
            member!(json, "effect").word(self.effect);
            member!(json, "tool").text(self.tool);
            member!(json, "command").texts(self.command);
            member!(json, "target").object(|json| {
                for (field, value) in self.target {
                    json.other_name(field).text(value);
                }
            });
            member!(json, "rule").text(self.rule);
            member!(json, "reasons").texts(self.reasons);
            member!(json, "inputs").list(|json| {
                for input in self.inputs {
                    write_input(input, json);
                }
            });
            member!(json, "secrets_masked").number(self.secrets_masked);
        });
    }

    /// Returns a few lines for a person.
    pub(super) fn for_people(&self) -> String {
        let mut text = String::new();
        let command: String = self
            .command
            .iter()
            .flat_map(|word| [" ", &**word])
            .collect();
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

fn write_input(input: &Input, json: &mut Json) {
    json.object(|json| {
        member!(json, "kind").word(input.kind.as_str());
        member!(json, "role").text(&input.role);
        member!(json, "path").text(&input.path.to_string_lossy());
        if let Some(why) = input.kind.refusal() {
            member!(json, "why").text(why);
        }
    });
}
