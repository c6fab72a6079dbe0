//! The profiles that are compiled in.

use super::Place;
use super::{
    Arity, Changes, CommandDetail, CommandSpec, FlagDetail, FlagGroup, FlagRuns, FlagSpec, Follows,
    FoundRule, ImplicitSource, ImplicitSpec, ListedSpec, Neutral, OperandPattern, OperandRule,
    Order, Passed, Position, Reader, RunsReading, RunsSpec, Shared, ShowsSpec, StdinSpec, Style,
    ToolSpec, ValueEffect, VariableAction, VariableSpec,
};
use crate::effect::Effect;
use crate::slots;
use std::borrow::Cow::Borrowed;

include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

/// Returns the built-in profiles in the order of their names.
pub fn builtin() -> &'static [&'static ToolSpec] {
    TOOLS
}

/// Returns the built-in profile of a tool, by its name or an alias.
pub fn find_builtin(name: &[u8]) -> Option<&'static ToolSpec> {
    slots::find(&NAME_PLACES, name, |place| {
        let (known, tool) = NAMES.get(usize::from(*place).checked_sub(1)?)?;
        Some((known.as_bytes() == name, *tool))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_sorted_as_the_search_expects() {
        for tool in builtin() {
            let nodes: Vec<_> = tool.commands.iter().skip(1).collect();
            for pair in nodes.windows(2) {
                let key = |spec: &CommandSpec| (spec.parent, spec.name.to_string());
                assert!(
                    key(pair[0]) < key(pair[1]),
                    "{}: {:?}",
                    tool.name,
                    pair[1].name
                );
            }
            for group in tool.groups.iter() {
                for pair in group.flags.windows(2) {
                    assert!(
                        pair[0].name < pair[1].name,
                        "{}: {}",
                        tool.name,
                        pair[1].name
                    );
                }
            }
        }
    }

    #[test]
    fn every_command_is_found_by_its_own_name() {
        for tool in builtin() {
            for (index, spec) in tool.commands.iter().enumerate().skip(1) {
                let (found, _) = tool.child(spec.parent, spec.name.as_bytes()).unwrap();
                assert_eq!(usize::from(found), index, "{} {}", tool.name, spec.name);
            }
        }
    }

    #[test]
    fn an_alias_finds_the_same_profile() {
        let tofu = find_builtin(b"tofu").unwrap();
        assert_eq!(tofu.name, "terraform");
        assert!(find_builtin(b"no-such-tool").is_none());
        assert!(find_builtin(b"KUBECTL").is_none());
        for (name, tool) in NAMES {
            let found = find_builtin(name.as_bytes()).unwrap();
            assert_eq!(found.name, tool.name, "{name}");
        }
    }
}
