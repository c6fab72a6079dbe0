//! What changed between two texts, line by line.

use super::shown::Shown;

/// How many lines of either text are compared one with another; of longer ones
/// only the common start and end are found.
const MOST_LINES: usize = 2_000;
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
    /// Compares two texts that are shown as they are, line by line.
    pub(super) fn of(before: &str, after: &str) -> Self {
        let (old, new): (Vec<&str>, Vec<&str>) = (lines(before), lines(after));
        let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
        let (old_rest, new_rest) = (tail(&old, start), tail(&new, start));
        let mut backwards = old_rest.iter().rev().zip(new_rest.iter().rev());
        let end = backwards.by_ref().take_while(|(a, b)| a == b).count();
        let old_middle = old_rest.get(..old_rest.len() - end).unwrap_or_default();
        let new_middle = new_rest.get(..new_rest.len() - end).unwrap_or_default();
        let mut steps = vec![Kind::Same; start];
        steps.extend(compare(old_middle, new_middle));
        steps.extend(vec![Kind::Same; end]);
        Self::told(&steps, &old, &new)
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

fn tail<'a, 'b>(lines: &'b [&'a str], from: usize) -> &'b [&'a str] {
    lines.get(from..).unwrap_or_default()
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

/// Returns the steps by which the longest common run of lines stays.
fn compare(old: &[&str], new: &[&str]) -> Vec<Kind> {
    if old.len() > MOST_LINES || new.len() > MOST_LINES {
        let mut steps = vec![Kind::Removed; old.len()];
        steps.extend(vec![Kind::Added; new.len()]);
        return steps;
    }
    let width = new.len() + 1;
    // `common[a * width + b]` is the length of the longest common run of `old[a..]` and `new[b..]`.
    let mut common = vec![0_u16; (old.len() + 1) * width];
    let at = |common: &[u16], a: usize, b: usize| common.get(a * width + b).copied().unwrap_or(0);
    for (a, old_line) in old.iter().enumerate().rev() {
        for (b, new_line) in new.iter().enumerate().rev() {
            let length = if old_line == new_line {
                at(&common, a + 1, b + 1) + 1
            } else {
                at(&common, a + 1, b).max(at(&common, a, b + 1))
            };
            if let Some(cell) = common.get_mut(a * width + b) {
                *cell = length;
            }
        }
    }
    let (mut a, mut b, mut steps) = (0, 0, Vec::new());
    while let (Some(old_line), Some(new_line)) = (old.get(a), new.get(b)) {
        if old_line == new_line {
            steps.push(Kind::Same);
            (a, b) = (a + 1, b + 1);
        } else if at(&common, a + 1, b) >= at(&common, a, b + 1) {
            steps.push(Kind::Removed);
            a += 1;
        } else {
            steps.push(Kind::Added);
            b += 1;
        }
    }
    steps.extend(vec![Kind::Removed; old.len() - a]);
    steps.extend(vec![Kind::Added; new.len() - b]);
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        let diff = Diff::of(&before, &after);
        assert_eq!(signs(&diff), "~   −+   ~");
        assert_eq!(diff.summary(), "1 added, 1 removed");
        assert_eq!(diff.lines[4].text.text(), "line 10");
        assert_eq!(Diff::of("a", "a").summary(), "nothing changed");
        assert_eq!(signs(&Diff::of("", "a\nb")), "++");
    }

    proptest! {
        #[test]
        fn the_steps_lead_from_one_text_to_the_other(
            old in proptest::collection::vec("[abc]", 0..12),
            new in proptest::collection::vec("[abc]", 0..12),
        ) {
            let (old, new): (Vec<&str>, Vec<&str>) =
                (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
            let steps = compare(&old, &new);
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
