//! How the tables of a tool are searched.

use super::source::CLASSES;
use super::{CommandSpec, FlagSpec, Text, ToolSpec};

/// The longest sentence that is looked for, in bytes: no list of a profile has a longer one.
const LONGEST: usize = 160;

/// Words one behind the other, as the lists of a profile have them.
pub(super) struct Sentence {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Sentence {
    /// Returns these words as one, or nothing where no list can have it.
    pub(super) fn of<'w>(words: impl IntoIterator<Item = &'w str>) -> Option<Self> {
        let mut sentence = Self {
            bytes: [0; LONGEST],
            length: 0,
        };
        for word in words {
            let end = sentence.length + word.len();
            let place = sentence.bytes.get_mut(sentence.length..end)?;
            place.copy_from_slice(word.as_bytes());
            sentence.length = end;
        }
        Some(sentence)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl ToolSpec {
    /// Returns the node below `parent` that a word names.
    pub(crate) fn child(&self, parent: u16, word: &[u8]) -> Option<(u16, &CommandSpec)> {
        let rows = self.commands.get(1..)?;
        let before = rows.partition_point(|spec| spec.parent < parent);
        let behind = rows.get(before..)?;
        let below = behind.partition_point(|spec| spec.parent == parent);
        let below = behind.get(..below)?;
        let found = below.binary_search_by(|spec| spec.name.as_bytes().cmp(word));
        if let Ok(index) = found {
            return self.node(before + index + 1);
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
        let words = path.iter().map(AsRef::as_ref).chain(name).enumerate();
        let words = words.flat_map(|(at, word)| [if at > 0 { " " } else { "" }, word]);
        Sentence::of(words).is_some_and(|sentence| {
            let known = &self.literal;
            let found = known.binary_search_by(|known| known.as_bytes().cmp(sentence.bytes()));
            found.is_ok()
        })
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
