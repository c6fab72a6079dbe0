//! What the environment does to a command: what is bound, stripped or set,
//! and what makes it unknown.

use std::ffi::OsStr;

use super::words::{Parsed, shown};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::glob;
use crate::invocation::{EnvironmentAction, EnvironmentNote, Invocation, SecretPlace, SecretSpan};
use crate::profile::{EVERY_TOOL, VariableAction, VariableSpec};

pub(super) fn read(line: &CommandLine<'_>, parsed: &Parsed<'_>, invocation: &mut Invocation) {
    let first = parsed.path.first().map_or("", |word| word.as_ref());
    for spec in parsed.spec.environment.iter() {
        if spec.commands.is_empty() || spec.commands.iter().any(|word| word == first) {
            apply(line, spec, Some(parsed), invocation);
        }
    }
    for spec in EVERY_TOOL.environment.iter() {
        apply(line, spec, None, invocation);
    }
}

/// Reads what matters to every tool, also to one that gate doesn't know.
pub(super) fn read_foreign(line: &CommandLine<'_>, invocation: &mut Invocation) {
    for spec in EVERY_TOOL.environment.iter() {
        apply(line, spec, None, invocation);
    }
}

fn apply(
    line: &CommandLine<'_>,
    spec: &VariableSpec,
    parsed: Option<&Parsed<'_>>,
    invocation: &mut Invocation,
) {
    if let VariableAction::Set(value) = &spec.action {
        invocation.environment.push(EnvironmentNote {
            name: spec.name.as_ref().into(),
            action: EnvironmentAction::Set(value.as_ref().into()),
            why: spec.why.to_string(),
        });
        return;
    }
    if line.env.is_empty() {
        return;
    }
    if let Some(prefix) = spec.name.strip_suffix('*') {
        for (name, value) in line.env.starting_with(prefix) {
            note(spec, name, value, parsed, invocation);
        }
    } else if let Some(value) = line.env.get(spec.name.as_ref()) {
        note(
            spec,
            OsStr::new(spec.name.as_ref()),
            value,
            parsed,
            invocation,
        );
    }
}

fn note(
    spec: &VariableSpec,
    name: &OsStr,
    value: &OsStr,
    parsed: Option<&Parsed<'_>>,
    invocation: &mut Invocation,
) {
    let bytes = value.as_encoded_bytes();
    if invocation.environment.iter().any(|note| note.name == name) {
        return;
    }
    let is_harmless = bytes.is_empty()
        || spec
            .harmless
            .iter()
            .any(|pattern| glob::matches(pattern.as_bytes(), bytes));
    let action = match &spec.action {
        VariableAction::Strip => EnvironmentAction::Stripped,
        VariableAction::Unknown if !is_harmless => EnvironmentAction::MakesUnknown,
        VariableAction::Flags if !is_harmless && !are_plain_flags(parsed, bytes) => {
            EnvironmentAction::MakesUnknown
        }
        VariableAction::Bind
        | VariableAction::Unknown
        | VariableAction::Flags
        | VariableAction::Set(_) => EnvironmentAction::Binds,
    };
    if action == EnvironmentAction::MakesUnknown {
        let name = shown(name.as_encoded_bytes());
        invocation.add(Effect::Unknown, &format!("`{name}` is set: {}", spec.why));
    }
    if !spec.target.is_empty() && !bytes.is_empty() {
        invocation
            .target
            .entry(spec.target.to_string())
            .or_insert_with(|| shown(bytes));
    }
    if !spec.secret.is_empty() && !bytes.is_empty() {
        invocation.secrets.push(SecretSpan {
            place: SecretPlace::Env(name.to_owned()),
            range: 0..bytes.len(),
            kind: spec.secret.to_string(),
        });
    }
    invocation.environment.push(EnvironmentNote {
        name: name.to_owned(),
        action,
        why: spec.why.to_string(),
    });
}

/// Tells whether each word of a value is a flag of this command that neither
/// adds an effect nor selects a target or an input. Quotes and backslashes are
/// not read: the tool's own splitting of them is not worth the risk.
fn are_plain_flags(parsed: Option<&Parsed<'_>>, value: &[u8]) -> bool {
    let Some(parsed) = parsed else { return false };
    if value
        .iter()
        .any(|byte| matches!(byte, b'\'' | b'"' | b'\\' | b'`' | b'$'))
    {
        return false;
    }
    value
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .all(|word| {
            let name = word.strip_prefix(b"--").or_else(|| word.strip_prefix(b"-"));
            let name = name.map(|name| super::words::split_value(name).0);
            name.and_then(|name| parsed.find_exact(name, false))
                .is_some_and(|flag| {
                    flag.effect.is_none()
                        && flag.values.is_empty()
                        && flag.target.is_empty()
                        && flag.input.is_empty()
                        && matches!(flag.neutral, crate::profile::Neutral::Never)
                })
        })
}
