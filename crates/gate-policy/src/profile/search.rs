//! How the tables of a tool are searched.

use std::cmp::Ordering;

use super::source::CLASSES;
use super::{CommandSpec, FlagSpec, Text, ToolSpec};

/// Compares the start of a text with parts that stand one behind the other; returns what is behind
/// those that are the same.
pub(super) fn compare_start<'t, 'p>(
    text: &'t str,
    parts: impl IntoIterator<Item = &'p str>,
) -> (Ordering, &'t str) {
    let mut rest = text;
    for part in parts {
        let bytes = rest.as_bytes();
        let start = bytes.get(..part.len()).unwrap_or(bytes);
        match start.cmp(part.as_bytes()) {
            Ordering::Equal => rest = rest.get(part.len()..).unwrap_or_default(),
            order @ (Ordering::Less | Ordering::Greater) => return (order, rest),
        }
    }
    (Ordering::Equal, rest)
}

impl ToolSpec {
    /// Returns the node below `parent` that a word names.
    pub(crate) fn child(&self, parent: u16, word: &[u8]) -> Option<(u16, &CommandSpec)> {
        let found = self.commands.get(1..)?.binary_search_by(|spec| {
            spec.parent
                .cmp(&parent)
                .then_with(|| spec.name.as_bytes().cmp(word))
        });
        if let Ok(index) = found {
            return self.node(index + 1);
        }
        let is_meant = |spec: &CommandSpec| {
            let prefix = spec.name.strip_suffix('*');
            spec.parent == parent && prefix.is_some_and(|known| word.starts_with(known.as_bytes()))
        };
        // `*` sorts before every letter: the longest prefix stands last.
        let patterns = self.patterns.iter().rev().map(|index| usize::from(*index));
        patterns
            .filter_map(|index| self.node(index))
            .find(|(_, spec)| is_meant(spec))
    }

    /// Returns the words that name a node below `parent`, those that stand for many left out.
    pub(crate) fn children(&self, parent: u16) -> impl Iterator<Item = &str> {
        let below = self.commands.iter().skip(1);
        below
            .filter(move |spec| spec.parent == parent)
            .map(|spec| spec.name.as_ref())
            .filter(|name| !name.ends_with('*') && *name != CLASSES)
    }

    fn node(&self, index: usize) -> Option<(u16, &CommandSpec)> {
        let spec = self.commands.get(index)?;
        Some((u16::try_from(index).ok()?, spec))
    }

    /// Returns the node with this index.
    pub(crate) fn command(&self, index: u16) -> Option<&CommandSpec> {
        self.commands.get(usize::from(index))
    }

    /// Returns every field that a target of this tool can have, some of them more than once.
    pub(crate) fn target_fields(&self) -> impl Iterator<Item = &str> {
        let flags = self.groups.iter().flat_map(|group| group.flags.iter());
        let operands = self.commands.iter().flat_map(|spec| spec.operands.iter());
        flags
            .map(|flag| &flag.target)
            .chain(operands.map(|rule| &rule.target))
            .chain(self.environment.iter().map(|variable| &variable.target))
            .map(AsRef::as_ref)
            .chain(crate::target::resolved_fields(&self.name).iter().copied())
            .filter(|field: &&str| !field.is_empty())
    }

    /// Tells whether a parameter of a command, or an operand where the name is empty, stands for
    /// itself.
    pub(crate) fn is_literal(&self, path: &[Text], name: &str) -> bool {
        let name = Some(name).filter(|name| !name.is_empty());
        let words = || path.iter().map(AsRef::as_ref).chain(name);
        let literal = self.literal.binary_search_by(|known| {
            let parts = words().enumerate();
            let parts = parts.flat_map(|(at, word)| [if at > 0 { " " } else { "" }, word]);
            match compare_start(known, parts) {
                (Ordering::Equal, "") => Ordering::Equal,
                (Ordering::Equal, _) => Ordering::Greater,
                (order, _) => order,
            }
        });
        literal.is_ok()
    }

    /// Returns the global flags.
    pub(crate) fn global_flags(&self) -> &[FlagSpec] {
        self.groups.first().map_or(&[], |group| &*group.flags)
    }

    /// Returns the flags of a command, group by group, without the global ones.
    pub(crate) fn local_flags<'s>(
        &'s self,
        command: &'s CommandSpec,
    ) -> impl Iterator<Item = &'s [FlagSpec]> {
        command
            .groups
            .iter()
            .filter_map(|group| self.groups.get(usize::from(*group)))
            .map(|group| &*group.flags)
    }
}
