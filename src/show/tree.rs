//! Something that has parts, each below what it is part of.
//!
//! The lines that lead to a part are ours alone: a text that is too long for its line goes on
//! behind them, so that no text can imitate a part.

use crate::show::screen::{Screen, Tone};
use crate::show::wrap::{columns, wrap};

/// Between two cells.
const GAP: usize = 2;
/// The fewest columns that the last cell of a line gets, however deep it stands.
const NARROWEST: usize = 16;

/// One line with what stands below it. What it shows is inert already.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    cells: Vec<(Tone, String)>,
    parts: Vec<Tree>,
}

/// What is drawn in front of a part: before its first line, and before those that follow.
#[derive(Clone, Copy)]
struct Branch<'a> {
    first: &'a str,
    rest: &'a str,
}

impl Tree {
    /// Returns a line of one cell.
    pub(crate) fn of(tone: Tone, text: impl Into<String>) -> Self {
        Self::default().cell(tone, text)
    }

    /// Adds a cell. Equal cells of neighbours stand below each other.
    pub(crate) fn cell(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.cells.push((tone, text.into()));
        self
    }

    /// Adds what stands below.
    pub(crate) fn with(mut self, parts: impl IntoIterator<Item = Tree>) -> Self {
        self.parts.extend(parts);
        self
    }

    /// Tells whether nothing stands below.
    pub(crate) fn is_leaf(&self) -> bool {
        self.parts.is_empty()
    }

    /// Returns it as text, each line ended.
    pub(crate) fn shown(&self, screen: &Screen) -> String {
        let mut text = String::new();
        let root = Branch {
            first: "",
            rest: "",
        };
        self.put(screen, &mut text, root, &[]);
        text
    }

    /// Writes the line behind its branch, and its parts behind what goes on of it.
    fn put(&self, screen: &Screen, text: &mut String, branch: Branch<'_>, widths: &[usize]) {
        let Branch { first, rest } = branch;
        let mut line = String::new();
        let mut used = columns(first);
        let (last, before) = match self.cells.split_last() {
            Some((last, before)) => (Some(last), before),
            None => (None, &[][..]),
        };
        for (at, (tone, cell)) in before.iter().enumerate() {
            let width = widths.get(at).copied().unwrap_or(0).max(columns(cell));
            line.push_str(&screen.paint(*tone, cell));
            line.push_str(&" ".repeat(width - columns(cell) + GAP));
            used += width + GAP;
        }
        let below = if self.is_leaf() { "" } else { "│" };
        let indent = " ".repeat(used.saturating_sub(columns(first)));
        let width = screen
            .width
            .map(|width| width.saturating_sub(used).max(NARROWEST));
        let (tone, cell) = last.map_or((Tone::Plain, ""), |(tone, cell)| (*tone, cell.as_str()));
        for (at, piece) in wrap(cell, width).into_iter().enumerate() {
            text.push_str(&screen.paint(Tone::Faint, if at == 0 { first } else { rest }));
            if at == 0 {
                text.push_str(&line);
            } else {
                text.push_str(&screen.paint(Tone::Faint, below));
                text.push_str(indent.get(below.len().min(1)..).unwrap_or_default());
            }
            let piece = if self.cells.is_empty() {
                piece
            } else {
                piece.trim_end_matches('\n')
            };
            text.push_str(&screen.paint(tone, piece));
            text.push('\n');
        }
        self.put_parts(screen, text, rest);
    }

    fn put_parts(&self, screen: &Screen, text: &mut String, rest: &str) {
        let mut widths: Vec<usize> = Vec::new();
        for part in self.parts.iter().filter(|part| part.cells.len() > 1) {
            for (at, (_, cell)) in part.cells.iter().enumerate() {
                match widths.get_mut(at) {
                    Some(width) => *width = (*width).max(columns(cell)),
                    None => widths.push(columns(cell)),
                }
            }
        }
        for width in &mut widths {
            // One long cell must not push all others off the screen.
            *width = (*width).min(screen.width.map_or(36, |width| width / 3));
        }
        for (at, part) in self.parts.iter().enumerate() {
            let is_last = at + 1 == self.parts.len();
            let (first, on) = if is_last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            let (first, on) = (format!("{rest}{first}"), format!("{rest}{on}"));
            let branch = Branch {
                first: &first,
                rest: &on,
            };
            part.put(screen, text, branch, &widths);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Tree {
        let words = Tree::of(Tone::Strong, "words").with([
            Tree::of(Tone::Plain, "kubectl").cell(Tone::Faint, "tool"),
            Tree::of(Tone::Plain, "-n").cell(Tone::Faint, "option that is explained at length"),
        ]);
        let effect = Tree::of(Tone::Strong, "effect").with([Tree::of(Tone::Plain, "it deletes")]);
        Tree::of(Tone::Alarm, "deny").with([words, effect])
    }

    #[test]
    fn parts_stand_below_what_they_are_part_of() {
        let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
        assert_eq!(
            sample().shown(&screen),
            "deny\n├─ words\n│  ├─ kubectl  tool\n│  └─ -n       option that is explained at \
             length\n└─ effect\n   └─ it deletes\n"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_screen_and_none_leaves_its_branch() {
        let screen = Screen::for_test(Some(40), "2026-11-22T17:39:34Z");
        let shown = sample().shown(&screen);
        assert!(
            shown.lines().all(|line| columns(line.trim_end()) <= 64),
            "{shown}"
        );
        let imitation = Tree::of(Tone::Plain, "rule").with([Tree::of(
            Tone::Plain,
            format!("x{}└─ allow", " ".repeat(37)),
        )]);
        let shown = imitation.shown(&screen);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(
            lines.iter().skip(2).all(|line| line.starts_with("   ")),
            "{shown}"
        );
    }
}
