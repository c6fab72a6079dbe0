//! Rules in force as a table.

use gate_policy::{Decision, ProfileSummary, RuleSummary};
use gate_protocol::inert::inert;

use crate::show::screen::{Screen, Tone};
use crate::show::table::Table;

/// Returns rules as a table, in the order given.
pub(crate) fn table(screen: &Screen, rules: &[RuleSummary]) -> String {
    let mut table = Table::new(screen, &["LAYER", "DECISION", "RULE", "SOURCE", "FOR"]);
    for summary in rules {
        let tone = match summary.decision {
            Decision::Allow => Tone::Plain,
            Decision::RequireApproval => Tone::Strong,
            Decision::Deny => Tone::Alarm,
        };
        let source = inert(&summary.rule.source).into_owned();
        let place = match summary.rule.line {
            0 => source,
            line => format!("{source}:{line}"),
        };
        let cells = vec![
            summary.rule.layer.as_str().to_owned(),
            summary.decision.as_str().to_owned(),
            inert(&summary.rule.id).into_owned(),
            place,
            subject(summary),
        ];
        table.row(tone, cells);
    }
    table.finish()
}

/// Returns tool profiles that are not built in as a table, in the order given.
pub(crate) fn profiles(screen: &Screen, profiles: &[ProfileSummary<'_>]) -> String {
    let mut table = Table::new(screen, &["LAYER", "TOOL", "PROFILE"]);
    for summary in profiles {
        let cells = vec![
            summary.layer.as_str().to_owned(),
            inert(&summary.tools.join(", ")).into_owned(),
            inert(summary.source).into_owned(),
        ];
        table.row(Tone::Plain, cells);
    }
    table.finish()
}

fn subject(summary: &RuleSummary) -> String {
    let listed = |words: &[String]| {
        words
            .iter()
            .map(|word| inert(word).into_owned())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut subject = match summary.tools.as_slice() {
        [] => "every tool".to_owned(),
        tools => listed(tools),
    };
    if !summary.commands.is_empty() {
        subject.push_str(": ");
        subject.push_str(&listed(&summary.commands));
    }
    match &summary.message {
        Some(message) => format!("{subject} ({})", inert(message)),
        None => subject,
    }
}
