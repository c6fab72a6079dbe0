//! What a `[[command]]` says, without its place in the tree.

use std::borrow::Cow;
use std::sync::Arc;

use super::compile::{group_indexes, kept};
use super::words::{ORDERS, PLACES, READINGS, effect, one_of, optional_effect, plain, text, texts};
use super::{Command, Found, Mistake, Profile, Runs, Shows, Stdin, operand};
use crate::profile::{
    CommandDetail, CommandSpec, FoundRule, Order, Passed, Place, RunsReading, RunsSpec, Shared,
    ShowsSpec, StdinSpec,
};

/// Returns one row for each entry, or nothing for an entry with a mistake.
pub(super) fn prototypes(
    profile: &Profile,
    groups: &[&str],
    mistakes: &mut Vec<Mistake>,
) -> Vec<Option<CommandSpec>> {
    let commands = profile.command.iter();
    commands
        .map(|command| kept(prototype(command, groups), mistakes))
        .collect()
}

fn prototype(command: &Command, groups: &[&str]) -> Result<CommandSpec, Mistake> {
    Ok(CommandSpec {
        parent: 0,
        name: Cow::Borrowed(""),
        canonical: Cow::Borrowed(""),
        effect: effect(&command.effect)?,
        groups: group_indexes(&command.flags, groups)?.into(),
        is_group: false,
        is_open: command.open,
        more: Shared::Read(Arc::new(detail(command)?)),
    })
}

fn detail(command: &Command) -> Result<CommandDetail, Mistake> {
    let operands = command.operands.iter().map(operand::rule);
    Ok(CommandDetail {
        also: optional_effect(command.also.as_ref())?,
        can_be_neutral: command.neutral,
        order: one_of(command.order.as_ref(), Order::Free, ORDERS)?,
        passed: match (command.passed, command.passed_from) {
            (_, Some(operand)) => Passed::From(operand),
            (true, None) => Passed::Command,
            (false, None) => Passed::Operands,
        },
        runs: runs(command.runs.as_ref())?,
        operands: operands.collect::<Result<Vec<_>, _>>()?.into(),
        found: found(&command.found)?.into(),
        shows: command.shows.as_ref().map(shows),
        stdin: command.stdin.as_ref().map(stdin),
        why: text(&command.why),
    })
}

fn runs(spec: Option<&Runs>) -> Result<RunsSpec, Mistake> {
    let Some(spec) = spec else {
        return Ok(RunsSpec::ELSEWHERE);
    };
    Ok(RunsSpec {
        place: one_of(spec.place.as_ref(), Place::Elsewhere, PLACES)?,
        reading: one_of(spec.reading.as_ref(), RunsReading::Words, READINGS)?,
        takes_assignments: spec.assignments,
        clears_environment: spec.clears_environment,
        alone: optional_effect(spec.alone.as_ref())?,
    })
}

fn found(rules: &[Found]) -> Result<Vec<FoundRule>, Mistake> {
    let one = |rule: &Found| {
        Ok(FoundRule {
            files: texts(&rule.files),
            is_hidden_folder: rule.hidden_folder,
            given: plain(&rule.given),
            unless_off: plain(&rule.unless_off),
            effect: effect(&rule.effect)?,
            why: text(&rule.why),
        })
    };
    rules.iter().map(one).collect()
}

fn shows(spec: &Shows) -> ShowsSpec {
    ShowsSpec {
        operands: spec.operands,
        globs: texts(&spec.globs),
    }
}

fn stdin(spec: &Stdin) -> StdinSpec {
    StdinSpec {
        role: text(&spec.role),
        given: plain(&spec.given),
        unless: plain(&spec.unless),
        is_without_operands: spec.without_operands,
    }
}
