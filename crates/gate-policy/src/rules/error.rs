//! What is wrong with a rule file: where, what, and what to write instead.

use std::fmt;

use super::decision::Layer;
use crate::profile::{Profiles, ToolSpec};

/// One mistake in a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// The file or address of the rules.
    pub source_name: String,
    /// The line, from one.
    pub line: usize,
    /// The column in characters, from one.
    pub column: usize,
    /// The field, as `rule.decision`; empty when the text is no TOML.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.source_name, self.line, self.column)?;
        if !self.field.is_empty() {
            write!(f, "field `{}`: ", self.field)?;
        }
        write!(f, "{}; {}", self.problem, self.mend)
    }
}

impl std::error::Error for RuleError {}

/// Returns line and column, in characters and both from one, of a byte of
/// `text`. What lies past the end stands at the end.
#[must_use]
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    Lines::of(text).position(offset)
}

/// A text by its lines.
struct Lines<'t> {
    text: &'t str,
    /// The byte at which each line starts.
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(after_breaks).collect(),
        }
    }

    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.line(offset);
        let start = line.checked_sub(1).and_then(|at| self.starts.get(at));
        let before = start.and_then(|start| self.text.get(*start..offset));
        (line, before.map_or(0, |part| part.chars().count()) + 1)
    }
}

/// Collects the mistakes of one rule file.
pub(super) struct Report<'t> {
    pub(super) source_name: &'t str,
    /// Whose rules they are.
    pub(super) layer: Layer,
    /// The profiles by which they are checked.
    pub(super) profiles: &'t Profiles,
    lines: Lines<'t>,
    pub(super) errors: Vec<RuleError>,
    /// What is probably a slip of the pen, and may be meant as it stands.
    pub(super) doubts: Vec<String>,
}

impl<'t> Report<'t> {
    pub(super) fn new(
        source_name: &'t str,
        text: &'t str,
        (layer, profiles): (Layer, &'t Profiles),
    ) -> Self {
        Self {
            source_name,
            layer,
            profiles,
            lines: Lines::of(text),
            errors: Vec::new(),
            doubts: Vec::new(),
        }
    }

    /// Returns the tables of a tool by its name or an alias.
    pub(super) fn tool(&self, name: &str) -> Option<&'t ToolSpec> {
        self.profiles.known_to(self.layer, name.as_bytes())
    }

    /// Returns the tables of every tool.
    pub(super) fn tools(&self) -> impl Iterator<Item = &'t ToolSpec> + use<'t> {
        self.profiles.all_known_to(self.layer)
    }

    /// Returns the line of a byte, from one. All rules can stand in one line, so that to count its
    /// columns for each of them would take long.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.lines.line(offset)
    }

    /// Returns line and column of a byte, both from one.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        self.lines.position(offset)
    }

    /// Returns where byte `at` of a value stands that begins at `start`: the beginning of the
    /// value where it is written with escapes.
    pub(super) fn inside(&self, start: usize, value: &str, at: usize) -> usize {
        let written = self.lines.text.get(start..).unwrap_or_default();
        // At most three quotes and a line break stand before it.
        let opening = (1..=4).find(|skip| {
            let inside = written.get(*skip..);
            inside.is_some_and(|inside| inside.starts_with(value))
        });
        opening.map_or(start, |skip| start + skip + at)
    }

    /// Records a mistake at a byte of the text.
    pub(super) fn error(
        &mut self,
        offset: usize,
        field: &str,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) {
        let error = self.told(offset, field, (problem.into(), mend.into()));
        self.errors.push(error);
    }

    /// Records what may be a mistake: the rules hold all the same.
    pub(super) fn doubt(&mut self, offset: usize, field: &str, problem: String, mend: String) {
        let doubt = self.told(offset, field, (problem, mend));
        self.doubts.push(doubt.to_string());
    }

    fn told(&self, offset: usize, field: &str, (problem, mend): (String, String)) -> RuleError {
        let (line, column) = self.position(offset);
        RuleError {
            source_name: self.source_name.to_owned(),
            line,
            column,
            field: field.to_owned(),
            problem,
            mend,
        }
    }
}

/// Returns the word of a list that was probably meant.
pub(crate) fn near_miss<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let limit = 1 + word.chars().count() / 4;
    known
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Counts the letters to insert, drop or replace (Levenshtein).
pub(super) fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, wanted) in row.iter_mut().skip(1).zip(other.chars()) {
            let replaced = diagonal + usize::from(letter != wanted);
            diagonal = *cell;
            left = replaced.min(*cell + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_lines_and_characters_from_one() {
        let two_lines = "a\nbü = 1";
        assert_eq!(position(two_lines, 0), (1, 1));
        assert_eq!(position(two_lines, 1), (1, 2));
        assert_eq!(position(two_lines, 2), (2, 1));
        assert_eq!(position(two_lines, 4), (2, 2), "inside the `ü`");
        assert_eq!(position(two_lines, 5), (2, 3));
        assert_eq!(position(two_lines, 99), (2, 7), "past the end");
        assert_eq!(position("", 99), (1, 1));
    }

    #[test]
    fn a_near_miss_is_found_and_a_far_one_is_not() {
        let fields = ["decision", "effect", "tool"];
        assert_eq!(near_miss("desicion", fields.into_iter()), Some("decision"));
        assert_eq!(near_miss("tols", fields.into_iter()), Some("tool"));
        assert_eq!(near_miss("zebra", fields.into_iter()), None);
    }
}
