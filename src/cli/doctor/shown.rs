//! What `gate doctor` found, for people.

use gate_protocol::inert::inert;

use super::settings::{Standing, is_gap};
use super::verdict::{State, Verdict};
use super::{Findings, ToolFindings};
use crate::show::screen::{Screen, Tone};
use crate::show::sheet::Sheet;
use crate::show::table::Table;

/// Returns it all as text.
pub(super) fn text(screen: &Screen, findings: &Findings) -> String {
    let mut text = promise(screen, findings);
    text.push_str(&settings(screen, findings));
    if !findings.tools.is_empty() {
        text.push('\n');
        text.push_str(&ways(screen, &findings.tools));
    }
    let mends = mends(&findings.tools);
    if !mends.is_empty() {
        text.push_str("\nto close a gap:\n");
        for mend in mends {
            text.extend(["  ", &mend, "\n"]);
        }
    }
    let notes = notes(findings);
    if !notes.is_empty() {
        text.push_str("\nto be known:\n");
        for note in notes {
            text.extend(["  ", &note, "\n"]);
        }
    }
    text
}

fn promise(screen: &Screen, findings: &Findings) -> String {
    let mut sheet = Sheet::new(screen);
    let mode = findings.mode.to_uppercase();
    sheet.toned(&mode, Tone::Strong, findings.promises);
    sheet.toned("not", Tone::Alarm, findings.promises_not);
    sheet.gap();
    sheet.finish()
}

fn settings(screen: &Screen, findings: &Findings) -> String {
    let mut table = Table::new(screen, &[]);
    for setting in &findings.settings {
        let (mark, tone) = match setting.standing {
            Standing::Good => ("✓", Tone::Plain),
            Standing::Note => ("-", Tone::Plain),
            Standing::Bad => ("✗", Tone::Alarm),
        };
        let mend = setting.mend.as_ref().map(|mend| format!(": {mend}"));
        table.row(
            tone,
            vec![
                mark.to_owned(),
                setting.name.to_owned(),
                format!("{}{}", setting.said, mend.unwrap_or_default()),
            ],
        );
    }
    table.finish()
}

/// Returns a row for each way and each thing that tools meet there; tools that
/// meet their shims share one.
fn ways(screen: &Screen, tools: &[ToolFindings]) -> String {
    let mut table = Table::new(screen, &["", "STARTED BY", "TOOLS", "MEET", "KNOWN BY"]);
    let count = tools.first().map_or(0, |tool| tool.ways.len());
    for index in 0..count {
        let mut rows: Vec<(Vec<String>, &Verdict)> = Vec::new();
        for tool in tools {
            let Some(verdict) = tool.ways.get(index) else {
                continue;
            };
            let name = inert(&tool.tool).into_owned();
            match rows.iter_mut().find(|(_, row)| is_alike(row, verdict)) {
                Some((names, _)) => names.push(name),
                None => rows.push((vec![name], verdict)),
            }
        }
        for (names, verdict) in rows {
            let (mark, tone) = mark(verdict);
            let how = verdict
                .how
                .map(|how| format!("{how}: "))
                .unwrap_or_default();
            table.row(
                tone,
                vec![
                    mark.to_owned(),
                    verdict.way.named().to_owned(),
                    names.join(", "),
                    meets(verdict),
                    format!("{how}{}", inert(&verdict.by)),
                ],
            );
        }
    }
    table.finish()
}

fn is_alike(one: &Verdict, other: &Verdict) -> bool {
    let is_shared = match one.state {
        State::Open => one.meets == other.meets,
        State::Covered | State::Missing | State::Unknown | State::Absent => true,
    };
    one.state == other.state && is_shared
}

fn mark(verdict: &Verdict) -> (&'static str, Tone) {
    match verdict.state {
        State::Covered => ("✓", Tone::Plain),
        State::Missing | State::Absent => ("-", Tone::Faint),
        State::Open | State::Unknown if verdict.is_asked => ("✗", Tone::Alarm),
        State::Open | State::Unknown => ("!", Tone::Plain),
    }
}

fn meets(verdict: &Verdict) -> String {
    match (verdict.state, &verdict.meets) {
        (State::Covered, _) => "the shim".to_owned(),
        (State::Missing, _) => "nothing of that name".to_owned(),
        (State::Unknown, _) => "not known".to_owned(),
        (State::Absent, _) => "not here".to_owned(),
        (State::Open, Some(meets)) => inert(meets).into_owned(),
        (State::Open, None) => "no shim".to_owned(),
    }
}

/// Returns each mend once, with the ways that it is for.
fn mends(tools: &[ToolFindings]) -> Vec<String> {
    let mut mends: Vec<String> = Vec::new();
    for verdict in tools.iter().flat_map(|tool| &tool.ways) {
        if let Some(mend) = verdict.mend.as_ref().filter(|_| is_gap(verdict.state)) {
            let line = format!("{}: {mend}", verdict.way.named());
            if !mends.contains(&line) {
                mends.push(line);
            }
        }
    }
    mends
}

fn notes(findings: &Findings) -> Vec<String> {
    let mut notes = findings.notes.clone();
    for tool in &findings.tools {
        let name = inert(&tool.tool);
        notes.extend(tool.notes.iter().map(|note| format!("{name}: {note}")));
    }
    notes
}
