//! What an agent is told by its hook. It is read by a model: what was decided, by what, why, and
//! what to do next.

use std::fmt::Write as _;

use gate_policy::{Decision, Evaluation};
use gate_protocol::inert::inert;
use gate_protocol::request::shortened;

use super::opinion::{Stop, Why};
use crate::failure::Failure;
use crate::pipeline;
use crate::report;

/// How much of a command is repeated, in characters.
const COMMAND_LIMIT: usize = 400;
/// How many commands are told of one by one.
const STOPS_SHOWN: usize = 5;
/// How many reasons are given for each.
const REASONS_SHOWN: usize = 3;

/// Returns what is said of commands that must not just be run; nothing where there are none.
///
/// `program` is how the agent's shell can call gate.
pub(super) fn stopped(stops: &[Stop], script: &str, program: &str) -> Option<String> {
    let first = stops.first()?;
    let is_no = |stop: &&Stop| match &stop.why {
        Why::Decided(evaluation) => evaluation.decision == Decision::Deny,
        Why::ForPeople => true,
    };
    if let Some(no) = stops.iter().find(is_no) {
        return Some(denied(no));
    }
    let mut text = "gate: this may need a person's approval, so nothing was run.\n".to_owned();
    for stop in stops.iter().take(STOPS_SHOWN) {
        // Writing to a String can't fail.
        let _ = writeln!(text, "- {}", asked(stop));
    }
    if let Some(more) = stops
        .len()
        .checked_sub(STOPS_SHOWN)
        .filter(|more| *more > 0)
    {
        let _ = writeln!(text, "- and {more} more");
    }
    text.push_str(&next(stops, (first, script), program));
    Some(text)
}

fn denied(stop: &Stop) -> String {
    let command = shown(stop);
    match &stop.why {
        Why::Decided(evaluation) => {
            let said = report::told(&pipeline::denied(evaluation)).join("\n");
            format!(
                "gate: {said}\nIt is about {command}. Change the plan, or talk to the person you \
                 work for."
            )
        }
        Why::ForPeople => format!(
            "gate: {command} is for people: nobody answers what they asked for themselves, and an \
             agent changes neither rules nor hooks. Nothing was run. Ask the person you work for; \
             do not look for another way round."
        ),
    }
}

fn asked(stop: &Stop) -> String {
    let Why::Decided(evaluation) = &stop.why else {
        return shown(stop);
    };
    format!(
        "{}: {} ({})",
        shown(stop),
        reasons(evaluation),
        inert(&evaluation.deciding.named())
    )
}

/// Returns the last reasons before the rule: those of a command come in the order in which it is
/// read, so that what it is decided by stands there.
fn reasons(evaluation: &Evaluation) -> String {
    let reasons = evaluation.reasons.iter();
    let of_command: Vec<_> = reasons
        .filter(|reason| !reason.starts_with("rule `"))
        .map(|reason| inert(reason))
        .collect();
    let skipped = of_command.len().saturating_sub(REASONS_SHOWN);
    if of_command.is_empty() {
        return format!("it has the effect {}", evaluation.effect);
    }
    of_command
        .into_iter()
        .skip(skipped)
        .collect::<Vec<_>>()
        .join("; ")
}

/// Returns what to do instead.
fn next(stops: &[Stop], (first, script): (&Stop, &str), program: &str) -> String {
    let program = inert(program);
    let goes_on = format!(
        "gate asks where it has to, waits, and runs it once somebody has approved it. If your tool \
         call ends before that, run the same line again: it goes on with the same request. To say \
         why it is needed: {program} run --reason 'WHY' -- COMMAND. Do not look for another way \
         round."
    );
    let whole =
        format!("ask for the whole script, as one quoted word: {program} run -- bash -c SCRIPT");
    if let Some(script) = stops.iter().find(|stop| stop.command.is_none()) {
        let first = if is_unclear(script) {
            "gate can't tell all that this script runs. Write its commands out plainly, one after the \
             other; or"
        } else {
            "It is the shell itself that does it:"
        };
        return format!("{first} {whole}. {goes_on}");
    }
    let which = if stops.len() == 1 { "it" } else { "each" };
    let only = first.command.as_deref().filter(|command| {
        stops.len() == 1 && command.len() <= COMMAND_LIMIT && *command == script.trim()
    });
    let example = only.map_or_else(
        || ". ".to_owned(),
        |command| format!(":\n    {program} run -- {}\n", inert(command)),
    );
    format!(
        "Run the same line again with `{program} run --` right before {which}, everything else as \
         it is{example}{goes_on}"
    )
}

fn is_unclear(stop: &Stop) -> bool {
    match &stop.why {
        Why::Decided(evaluation) => evaluation.deciding.id.ends_with("-unknown"),
        Why::ForPeople => false,
    }
}

fn shown(stop: &Stop) -> String {
    match &stop.command {
        Some(command) => format!("`{}`", inert(&shortened(command, COMMAND_LIMIT))),
        None => "the script".to_owned(),
    }
}

/// Says that rules or profiles are not to be used.
pub(super) fn undecided(failure: &Failure) -> String {
    let said = report::told(failure).join("\n");
    format!(
        "gate: nothing is decided, so nothing may be run: {said}\nTell the person you work for; do \
         not look for another way round."
    )
}

/// Says that a question is none.
pub(super) fn unreadable(why: &str) -> String {
    format!(
        "gate: {why}, so it can't be told what would be run, and nothing may be. Tell the person \
         you work for that gate and this agent do not understand each other (gate {}).",
        env!("CARGO_PKG_VERSION")
    )
}

/// Says that gate took too long.
pub(super) fn late() -> String {
    "gate: gate could not tell in time what would be run, so nothing may be. Run fewer or shorter \
     commands at once; where that does not help, tell the person you work for. Do not look for \
     another way round."
        .to_owned()
}

/// Says that gate itself failed.
pub(super) fn failed() -> String {
    "gate: gate itself failed while it read this command, so nothing may be run. Tell the person \
     you work for; do not look for another way round."
        .to_owned()
}
