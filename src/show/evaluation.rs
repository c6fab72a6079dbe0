//! A decision with what led to it.

use gate_policy::{Decision, Evaluation, MatchedRule};
use gate_protocol::inert::inert;

use crate::show::clock;
use crate::show::screen::{Screen, Tone};
use crate::show::sheet::Sheet;

/// Returns the evaluation as text.
pub(crate) fn sheet(screen: &Screen, evaluation: &Evaluation) -> String {
    let mut sheet = Sheet::new(screen);
    let (tone, words) = match evaluation.decision {
        Decision::Allow => (Tone::Good, "allow: it runs at once"),
        Decision::RequireApproval => (Tone::Strong, "require_approval: people are asked first"),
        Decision::Deny => (Tone::Alarm, "deny: it does not run, whoever agrees"),
    };
    sheet.toned("decision", tone, words);
    if let Some(message) = &evaluation.message {
        sheet.field("", &inert(message));
    }
    let command = std::iter::once(&evaluation.tool).chain(&evaluation.command);
    let command: Vec<_> = command.map(|word| inert(word)).collect();
    sheet.field("command", &command.join(" "));
    sheet.field("effect", evaluation.effect.as_str());
    sheet.toned("rule", Tone::Strong, &place(&evaluation.deciding));
    let others = evaluation
        .matched
        .iter()
        .filter(|rule| **rule != evaluation.deciding);
    for (at, rule) in others.enumerate() {
        sheet.field(if at == 0 { "also matched" } else { "" }, &place(rule));
    }
    for (at, reason) in evaluation.reasons.iter().enumerate() {
        sheet.field(
            if at == 0 { "because" } else { "" },
            &format!("- {}", inert(reason)),
        );
    }
    if evaluation.decision == Decision::RequireApproval {
        obligations(&mut sheet, evaluation);
    }
    sheet.finish()
}

fn place(rule: &MatchedRule) -> String {
    let (id, layer, source) = (inert(&rule.id), rule.layer.as_str(), inert(&rule.source));
    match rule.line {
        0 => format!("{id} ({layer}, {source})"),
        line => format!("{id} ({layer}, {source}:{line})"),
    }
}

fn obligations(sheet: &mut Sheet<'_>, evaluation: &Evaluation) {
    let obligations = &evaluation.obligations;
    for (at, requirement) in obligations.requirements.iter().enumerate() {
        let people = match requirement.count {
            0 | 1 => "one person".to_owned(),
            count => format!("{count} different people"),
        };
        let names: Vec<_> = requirement
            .approvers
            .iter()
            .map(|name| inert(name))
            .collect();
        let words = match names.as_slice() {
            [] => format!("{people} who may approve"),
            names => format!("{people} of {}", names.join(", ")),
        };
        sheet.field(if at == 0 { "asks for" } else { "" }, &words);
    }
    if obligations.reason_required {
        sheet.field("", "a reason");
    }
    let (answer, start) = (
        obligations.request_ttl.as_secs(),
        obligations.permit_ttl.as_secs(),
    );
    let words = format!(
        "{} to answer, then {} to start it",
        clock::span(answer),
        clock::span(start)
    );
    sheet.field("time", &words);
}
