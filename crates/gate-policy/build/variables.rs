//! Writes the variables of a profile as Rust tables.

use std::collections::BTreeMap;

use crate::emit::{one_of, text, texts};
use crate::source::{Profile, Variable};

pub(crate) fn rows(profile: &Profile) -> Result<Vec<String>, String> {
    let mut all: BTreeMap<&String, &Variable> = BTreeMap::new();
    for spec in &profile.environment {
        for name in &spec.names {
            if all.insert(name, spec).is_some() {
                return Err(format!("variable `{name}` stands twice"));
            }
        }
    }
    all.into_iter()
        .map(|(name, spec)| {
            let action = match spec.action.as_str() {
                "set" => format!("Set({})", text(&spec.value)),
                word => one_of(word, &["Bind", "Ignore", "Strip", "Unknown", "Flags"])?,
            };
            Ok(format!(
                "VariableSpec {{ name: {}, is_of_python: {}, action: VariableAction::{action}, commands: {}, \
                 harmless: {}, harmless_without: {}, is_beyond_read: {}, \
                 is_stripped_elsewhere: {}, target: {}, secret: {}, why: {} }}",
                text(name),
                spec.python,
                texts(&spec.commands),
                texts(&spec.harmless),
                texts(&spec.harmless_without),
                spec.beyond_read,
                spec.stripped_elsewhere,
                text(&spec.target),
                text(&spec.secret),
                text(&spec.why),
            ))
        })
        .collect()
}
