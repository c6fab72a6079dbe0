//! Many things, one to a row.

use std::borrow::Cow;

use crate::show::screen::{Screen, Tone};
use crate::show::wrap::{columns, cut, wrap};

/// The gap between two columns.
const GAP: usize = 2;
/// The last column gets at least this much before it is put on its own line.
const ROOM: usize = 24;
/// And so much where it is cut, which has only one line.
const ROOM_OF_CUT: usize = 48;

/// A table that is being filled. All columns but the last are as wide as their
/// widest cell; the last takes what is left and goes on under itself.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    screen: &'a Screen,
    rows: Vec<Row>,
    cut_at: Option<usize>,
}

#[derive(Debug)]
struct Row {
    tone: Tone,
    cells: Vec<String>,
}

impl<'a> Table<'a> {
    /// Begins a table with its headings, or without where it goes on from another.
    pub(crate) fn new(screen: &'a Screen, headings: &[&str]) -> Self {
        let mut table = Self {
            screen,
            rows: Vec::new(),
            cut_at: None,
        };
        if !headings.is_empty() {
            table.row(
                Tone::Faint,
                headings.iter().map(|text| (*text).to_owned()).collect(),
            );
        }
        table
    }

    /// Adds a row. The cells are inert already.
    pub(crate) fn row(&mut self, tone: Tone, cells: Vec<String>) {
        self.rows.push(Row { tone, cells });
    }

    /// Cuts the last column visibly instead of going on under itself: at the screen's width, or
    /// at `otherwise` columns where there is no screen.
    pub(crate) fn cut_at_width_or(&mut self, otherwise: usize) {
        self.cut_at = Some(self.screen.width.unwrap_or(otherwise));
    }

    /// Returns `text` as the lines of a last column of `room` columns.
    fn lines<'t>(&self, text: &'t str, room: Option<usize>) -> Vec<Cow<'t, str>> {
        match (self.cut_at, room) {
            (Some(_), Some(room)) => vec![cut(text, room)],
            _ => wrap(text, room).into_iter().map(Cow::Borrowed).collect(),
        }
    }

    /// Returns the table as text, each line ended.
    pub(crate) fn finish(self) -> String {
        let count = self
            .rows
            .iter()
            .map(|row| row.cells.len())
            .max()
            .unwrap_or(0);
        let fixed = count.saturating_sub(1);
        let widths: Vec<usize> = (0..fixed)
            .map(|at| {
                self.rows
                    .iter()
                    .filter_map(|row| row.cells.get(at))
                    .map(|cell| columns(cell))
                    .max()
            })
            .map(Option::unwrap_or_default)
            .collect();
        let left: usize = widths.iter().map(|width| width + GAP).sum();
        let width = self.cut_at.or(self.screen.width);
        let room = width.map(|width| width.saturating_sub(left));
        let needed = self.cut_at.map_or(ROOM, |_| ROOM_OF_CUT);
        let is_narrow = room.is_some_and(|room| room < needed);
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.cells.iter().zip(&widths) {
                line.push_str(cell);
                let padding = width + GAP - columns(cell).min(*width);
                line.extend(std::iter::repeat_n(' ', padding));
            }
            let last = row.cells.get(fixed).map_or("", String::as_str);
            if is_narrow {
                self.push(&mut text, row.tone, line.trim_end());
                let own = width.map(|width| width.saturating_sub(4).max(1));
                for part in self.lines(last, own) {
                    self.push(&mut text, row.tone, &format!("    {part}"));
                }
                continue;
            }
            for (at, part) in self.lines(last, room).into_iter().enumerate() {
                let before = if at == 0 {
                    line.clone()
                } else {
                    " ".repeat(left)
                };
                self.push(&mut text, row.tone, &format!("{before}{part}"));
            }
        }
        text
    }

    fn push(&self, text: &mut String, tone: Tone, line: &str) {
        text.push_str(&self.screen.paint(tone, line.trim_end()));
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: Option<usize>) -> String {
        let screen = Screen::for_test(width, "2026-11-22T17:39:34Z");
        let mut table = Table::new(&screen, &["ID", "STATUS", "COMMAND"]);
        let command = "kubectl delete namespace prod-db --wait=false".to_owned();
        table.row(
            Tone::Plain,
            vec!["01890a".into(), "pending".into(), command],
        );
        table.finish()
    }

    #[test]
    fn the_last_column_goes_on_under_itself() {
        assert_eq!(
            table(Some(45)),
            "ID      STATUS   COMMAND\n\
             01890a  pending  kubectl delete namespace\n\
             \u{20}                prod-db --wait=false\n"
        );
    }

    #[test]
    fn without_a_terminal_a_row_is_a_line() {
        assert_eq!(table(None).lines().count(), 2);
    }

    #[test]
    fn a_narrow_screen_gives_the_last_column_its_own_lines() {
        assert_eq!(
            table(Some(40)),
            "ID      STATUS\n    COMMAND\n01890a  pending\n    kubectl delete namespace prod-db\n    --wait=false\n"
        );
    }

    #[test]
    fn a_row_that_is_cut_is_one_line_and_says_so() {
        for (width, last) in [
            (
                Some(75),
                "kubectl delete namespace prod-db --wait=false".to_owned(),
            ),
            (
                Some(70),
                "kubectl delete namespace prod-db --wait=false xy".to_owned(),
            ),
            (None, "x".repeat(1000)),
        ] {
            let screen = Screen::for_test(width, "2026-11-22T17:39:34Z");
            let mut table = Table::new(&screen, &["ID", "STATUS", "COMMAND"]);
            table.cut_at_width_or(200);
            let is_cut = last.len() == 1000;
            table.row(Tone::Plain, vec!["01890a".into(), "pending".into(), last]);
            let text = table.finish();
            let widest = text.lines().map(columns).max().unwrap_or_default();
            assert!(widest <= width.unwrap_or(200), "{text}");
            assert_eq!(text.contains('…'), is_cut, "{text}");
        }
    }
}
