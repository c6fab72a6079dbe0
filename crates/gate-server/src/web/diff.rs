//! What changed between two texts, line by line.

use std::time::Instant;

use similar::{Algorithm, DiffTag, capture_diff_slices_deadline};

use super::shown::Shown;

/// How many equal lines stand around a change.
const AROUND: usize = 3;

/// One line of a comparison.
pub(super) struct Line {
    pub(super) class: &'static str,
    pub(super) sign: &'static str,
    /// Its number in the text that it is from; empty for what is left out.
    pub(super) number: String,
    pub(super) text: Shown,
}

/// How one text became the other.
pub(super) struct Diff {
    pub(super) lines: Vec<Line>,
    pub(super) added: usize,
    pub(super) removed: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Same,
    Added,
    Removed,
}

impl Diff {
    /// Compares two texts that are shown as they are, line by line. What is not
    /// compared by `until` is told as taken away and added anew.
    pub(super) fn of(before: &str, after: &str, until: Instant) -> Self {
        let (old, new): (Vec<&str>, Vec<&str>) = (lines(before), lines(after));
        Self::told(&compare(&old, &new, until), &old, &new)
    }

    fn told(steps: &[Kind], old: &[&str], new: &[&str]) -> Self {
        let count = |kind: Kind| steps.iter().filter(|step| **step == kind).count();
        let mut diff = Self {
            lines: Vec::new(),
            added: count(Kind::Added),
            removed: count(Kind::Removed),
        };
        let near = near_changes(steps);
        let (mut at_old, mut at_new) = (0, 0);
        let mut left_out = 0;
        for (step, is_near) in steps.iter().zip(near) {
            let (text, number) = match step {
                Kind::Removed => (old.get(at_old), at_old + 1),
                Kind::Same | Kind::Added => (new.get(at_new), at_new + 1),
            };
            at_old += usize::from(*step != Kind::Added);
            at_new += usize::from(*step != Kind::Removed);
            if !is_near {
                left_out += 1;
                continue;
            }
            diff.leave_out(std::mem::take(&mut left_out));
            let (class, sign) = match step {
                Kind::Same => ("same", " "),
                Kind::Added => ("added", "+"),
                Kind::Removed => ("removed", "−"),
            };
            diff.lines.push(Line {
                class,
                sign,
                number: number.to_string(),
                text: Shown::of(text.copied().unwrap_or_default()),
            });
        }
        diff.leave_out(left_out);
        diff
    }

    fn leave_out(&mut self, lines: usize) {
        if lines == 0 {
            return;
        }
        let noun = if lines == 1 { "line" } else { "lines" };
        self.lines.push(Line {
            class: "gap",
            sign: "",
            number: String::new(),
            text: Shown::of(&format!("{lines} {noun} as before")),
        });
    }

    /// Says how much changed.
    pub(super) fn summary(&self) -> String {
        match (self.added, self.removed) {
            (0, 0) => "nothing changed".to_owned(),
            (added, removed) => format!("{added} added, {removed} removed"),
        }
    }
}

/// Splits at newlines alone, so that a carriage return is seen.
fn lines(text: &str) -> Vec<&str> {
    if text.is_empty() {
        return Vec::new();
    }
    text.strip_suffix('\n')
        .unwrap_or(text)
        .split('\n')
        .collect()
}

/// Tells of each step whether it is a change or stands near one.
fn near_changes(steps: &[Kind]) -> Vec<bool> {
    let mut near = vec![false; steps.len()];
    for (at, _) in steps
        .iter()
        .enumerate()
        .filter(|(_, step)| **step != Kind::Same)
    {
        let from = at.saturating_sub(AROUND);
        for mark in near.iter_mut().skip(from).take(at - from + AROUND + 1) {
            *mark = true;
        }
    }
    near
}

/// Returns steps that lead from one text to the other, few of them changes.
fn compare(old: &[&str], new: &[&str], until: Instant) -> Vec<Kind> {
    let mut steps = Vec::with_capacity(old.len().max(new.len()));
    for op in capture_diff_slices_deadline(Algorithm::Myers, old, new, Some(until)) {
        let (tag, removed, added) = op.as_tag_tuple();
        if tag == DiffTag::Equal {
            steps.extend(added.map(|_| Kind::Same));
        } else {
            steps.extend(removed.map(|_| Kind::Removed));
            steps.extend(added.map(|_| Kind::Added));
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use proptest::prelude::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    fn signs(diff: &Diff) -> String {
        diff.lines
            .iter()
            .map(|line| if line.class == "gap" { "~" } else { line.sign })
            .collect()
    }

    #[test]
    fn a_changed_line_is_taken_away_and_added_and_far_lines_are_left_out() {
        let lines: Vec<String> = (0..20).map(|n| format!("line {n}")).collect();
        let before = lines.join("\n");
        let after = before.replace("line 10\n", "line ten\n");
        let diff = Diff::of(&before, &after, soon());
        assert_eq!(signs(&diff), "~   −+   ~");
        assert_eq!(diff.summary(), "1 added, 1 removed");
        assert_eq!(diff.lines[4].text.text(), "line 10");
        assert_eq!(Diff::of("a", "a", soon()).summary(), "nothing changed");
        assert_eq!(signs(&Diff::of("", "a\nb", soon())), "++");
    }

    #[test]
    fn what_takes_too_long_is_told_as_taken_away_and_added() {
        let text = |modulus: u32| {
            (0..3_000)
                .map(|n| (n % modulus).to_string() + "\n")
                .collect::<String>()
        };
        let (before, after) = (text(7), text(11));
        let diff = Diff::of(&before, &after, Instant::now());
        let of = |class| diff.lines.iter().filter(|line| line.class == class).count();
        assert!(
            diff.added > 2_000 && diff.removed > 2_000,
            "{}",
            diff.summary()
        );
        assert_eq!((of("added"), of("removed")), (diff.added, diff.removed));
    }

    proptest! {
        #[test]
        fn the_steps_lead_from_one_text_to_the_other(
            old in proptest::collection::vec("[abc]", 0..12),
            new in proptest::collection::vec("[abc]", 0..12),
        ) {
            let (old, new): (Vec<&str>, Vec<&str>) =
                (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
            let steps = compare(&old, &new, soon());
            let (mut from, mut made) = (old.iter(), Vec::new());
            let mut wanted = new.iter();
            for step in steps {
                match step {
                    Kind::Same => { made.push(*from.next().unwrap()); wanted.next(); }
                    Kind::Removed => { from.next().unwrap(); }
                    Kind::Added => made.push(wanted.next().unwrap()),
                }
            }
            prop_assert!(from.next().is_none());
            prop_assert_eq!(made, new);
        }
    }
}
