//! What was found in one text.

use std::borrow::Cow;
use std::ops::Range;

/// One secret: its bytes, and what it was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) range: Range<usize>,
    pub(super) kind: Cow<'static, str>,
}

/// The secrets of one text, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Marks {
    secret: Vec<Mark>,
    public: Vec<Range<usize>>,
}

impl Marks {
    /// Adds a secret; an empty one is none.
    pub(super) fn add(&mut self, range: Range<usize>, kind: impl Into<Cow<'static, str>>) {
        if range.start < range.end {
            let kind = kind.into();
            self.secret.push(Mark { range, kind });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.secret.is_empty()
    }

    /// Remembers a stretch behind the last one that is random and public.
    pub(super) fn add_public(&mut self, range: Range<usize>) {
        self.public.push(range);
    }

    /// Tells whether a byte stands in such a stretch.
    pub(super) fn is_public(&self, at: usize) -> bool {
        let behind = self.public.partition_point(|range| range.start <= at);
        behind
            .checked_sub(1)
            .and_then(|index| self.public.get(index))
            .is_some_and(|range| at < range.end)
    }

    /// Adds what was found elsewhere in the same text.
    pub(super) fn take(&mut self, other: Self) {
        self.secret.extend(other.secret);
    }

    /// Adds what was found in a part of the text that starts at `offset`.
    pub(super) fn take_from(&mut self, other: Self, offset: usize) {
        self.secret
            .extend(other.secret.into_iter().map(|mark| Mark {
                range: mark.range.start + offset..mark.range.end + offset,
                kind: mark.kind,
            }));
    }

    /// Returns them in order, those that overlap as one: nothing of either may
    /// stay readable. The longest says what it is.
    pub(super) fn merged(mut self) -> Vec<Mark> {
        self.secret
            .sort_by_key(|mark| (mark.range.start, mark.range.end));
        let mut merged: Vec<Mark> = Vec::with_capacity(self.secret.len());
        let mut longest = 0;
        for mark in self.secret {
            match merged.last_mut() {
                Some(last) if mark.range.start < last.range.end => {
                    last.range.end = last.range.end.max(mark.range.end);
                    if mark.range.len() > longest {
                        longest = mark.range.len();
                        last.kind = mark.kind;
                    }
                }
                Some(_) | None => {
                    longest = mark.range.len();
                    merged.push(mark);
                }
            }
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::Marks;

    #[test]
    fn overlapping_secrets_become_one_that_covers_both() {
        let mut marks = Marks::default();
        marks.add(4..9, "b");
        marks.add(0..5, "a");
        marks.add(9..10, "c");
        marks.add(3..3, "d");
        let merged: Vec<_> = marks
            .merged()
            .into_iter()
            .map(|mark| (mark.range, mark.kind.into_owned()))
            .collect();
        assert_eq!(merged, [(0..9, "a".to_owned()), (9..10, "c".to_owned())]);
    }
}
