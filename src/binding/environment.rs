//! The environment: what the tool gets of it, and what of it is bound.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use gate_policy::{EnvironmentAction, EnvironmentNote};
use gate_protocol::inert::inert;
use gate_protocol::invocation::{BoundVariable, Treatment};

use crate::failure::{Failure, FailureKind};
use crate::mask::Masker;
use crate::world::{World, split};

/// Returns the tool's environment, in the caller's order and byte for byte.
///
/// Only what the profile strips or sets differs; and of a name that stands
/// twice the first is kept, since programs disagree on which one counts.
pub(super) fn of_tool(world: &World, notes: &[EnvironmentNote]) -> Vec<OsString> {
    let mut seen: BTreeSet<&OsStr> = BTreeSet::new();
    let mut variables = Vec::with_capacity(world.environment.len() + notes.len());
    for entry in &world.environment {
        let as_it_is = OsStr::from_bytes(entry.as_bytes());
        let Some((name, _)) = split(entry) else {
            variables.push(as_it_is.to_owned());
            continue;
        };
        if !seen.insert(name) {
            continue;
        }
        match action(notes, name) {
            Some(EnvironmentAction::Stripped) => {}
            Some(EnvironmentAction::Set(instead)) => variables.push(joined(name, instead)),
            Some(
                EnvironmentAction::Binds
                | EnvironmentAction::MakesUnknown
                | EnvironmentAction::FirstKept,
            )
            | None => {
                variables.push(as_it_is.to_owned());
            }
        }
    }
    for note in notes {
        if let EnvironmentAction::Set(value) = &note.action
            && seen.insert(&note.name)
        {
            variables.push(joined(&note.name, value));
        }
    }
    variables
}

/// Returns what is bound of the environment, sorted by name.
///
/// # Errors
/// A name is not text: two of them could look alike, and a digest would not
/// tell which one was approved.
pub(super) fn bind(
    world: &World,
    notes: &[EnvironmentNote],
    masker: &Masker<'_>,
) -> Result<Vec<BoundVariable>, Failure> {
    let mut bound = notes
        .iter()
        .map(|note| {
            let name = note.name.to_str().ok_or_else(|| no_text(&note.name))?;
            let shown = |value: &OsStr| masker.variable(&note.name, value.as_bytes());
            let (treatment, value) = match &note.action {
                EnvironmentAction::Binds | EnvironmentAction::MakesUnknown => {
                    (Treatment::Bound, world.variable(&note.name).map(shown))
                }
                EnvironmentAction::Stripped | EnvironmentAction::FirstKept => {
                    (Treatment::Stripped, None)
                }
                EnvironmentAction::Set(value) => (Treatment::Set, Some(shown(value))),
            };
            Ok(BoundVariable {
                name: name.to_owned(),
                treatment,
                value,
                why: note.why.clone(),
            })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    bound.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(bound)
}

fn no_text(name: &OsStr) -> Failure {
    let shown = name.to_string_lossy();
    Failure::new(
        FailureKind::CannotRun,
        format!(
            "the name of the environment variable `{}` is not UTF-8, so an approval can't be bound to it",
            inert(&shown)
        ),
    )
    .hint("unset it: env -u NAME")
}

fn action<'a>(notes: &'a [EnvironmentNote], name: &OsStr) -> Option<&'a EnvironmentAction> {
    notes
        .iter()
        .find(|note| note.name == name)
        .map(|note| &note.action)
}

fn joined(name: &OsStr, value: &OsStr) -> OsString {
    let mut variable = name.to_owned();
    variable.push("=");
    variable.push(value);
    variable
}
