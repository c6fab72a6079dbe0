//! The environment that the tool is handed, where a profile or a rule changes something of it.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use crate::invocation::{EnvironmentAction, EnvironmentNote};

/// Returns the tool's environment, in the caller's order and byte for byte.
///
/// Only what the notes strip or set differs; and of a name that stands twice the first is kept,
/// since programs disagree on which one counts. An entry without `=` stays as it is.
pub fn handed_on<'e>(
    entries: impl IntoIterator<Item = &'e [u8]>,
    notes: &[EnvironmentNote],
) -> Vec<Vec<u8>> {
    let entries = entries.into_iter();
    let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
    let mut variables = Vec::with_capacity(entries.size_hint().0 + notes.len());
    for entry in entries {
        let Some(end) = entry.iter().position(|byte| *byte == b'=') else {
            variables.push(entry.to_vec());
            continue;
        };
        let name = entry.get(..end).unwrap_or_default();
        if !seen.insert(name) {
            continue;
        }
        match action(notes, name) {
            Some(EnvironmentAction::Stripped) => {}
            Some(EnvironmentAction::Set(instead)) => variables.push(joined(name, instead)),
            Some(
                EnvironmentAction::Binds
                | EnvironmentAction::Merges
                | EnvironmentAction::MakesUnknown
                | EnvironmentAction::FirstKept,
            )
            | None => variables.push(entry.to_vec()),
        }
    }
    for note in notes {
        let name = note.name.as_encoded_bytes();
        if let EnvironmentAction::Set(value) = &note.action
            && seen.insert(name)
        {
            variables.push(joined(name, value));
        }
    }
    variables
}

fn action<'n>(notes: &'n [EnvironmentNote], name: &[u8]) -> Option<&'n EnvironmentAction> {
    let mut notes = notes.iter();
    let note = notes.find(|note| note.name.as_encoded_bytes() == name)?;
    Some(&note.action)
}

fn joined(name: &[u8], value: &OsStr) -> Vec<u8> {
    [name, b"=", value.as_encoded_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_noted_and_what_stands_twice_differs() {
        let note = |name: &str, action| EnvironmentNote {
            name: name.into(),
            why: String::new().into(),
            action,
        };
        let notes = [
            note("PSQLRC", EnvironmentAction::Set("/dev/null".into())),
            note("PGOPTIONS", EnvironmentAction::Set("-c a=b".into())),
            note("EDITOR", EnvironmentAction::Stripped),
            note("HOME", EnvironmentAction::Binds),
        ];
        let entries: [&[u8]; 7] = [
            b"HOME=/h=1",
            b"no-variable",
            b"PSQLRC=/tmp/x",
            b"EDITOR=vi",
            b"A=1",
            b"A=2",
            b"B=\xff",
        ];
        let wanted: [&[u8]; 6] = [
            b"HOME=/h=1",
            b"no-variable",
            b"PSQLRC=/dev/null",
            b"A=1",
            b"B=\xff",
            b"PGOPTIONS=-c a=b",
        ];
        assert_eq!(handed_on(entries, &notes), wanted);
    }
}
