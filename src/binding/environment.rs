//! The environment: what the tool gets of it, and what of it is bound.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use gate_policy::{EnvironmentAction, EnvironmentNote};
use gate_protocol::inert::inert;
use gate_protocol::invocation::{BoundVariable, Treatment};

use crate::failure::{Failure, FailureKind};
use crate::mask::Masker;
use crate::world::World;

/// Returns the tool's environment: the caller's, as far as the profile leaves it alone.
pub(super) fn of_tool(world: &World, notes: &[EnvironmentNote]) -> Vec<OsString> {
    let entries = world.environment.iter().map(CString::as_bytes);
    let handed_on = gate_policy::handed_on(entries, notes);
    handed_on.into_iter().map(OsString::from_vec).collect()
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
                EnvironmentAction::Binds
                | EnvironmentAction::Merges
                | EnvironmentAction::MakesUnknown => {
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
                why: note.why.to_string(),
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
