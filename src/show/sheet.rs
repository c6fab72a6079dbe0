//! One thing in full: labels on the left, values on the right.

use gate_protocol::imitation::imitations;

use crate::show::screen::{Screen, Tone};
use crate::show::wrap::wrap;

/// The width of the column of labels, the gap included.
const LABELS: usize = 12;

/// A sheet that is being filled.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    screen: &'a Screen,
    text: String,
}

impl<'a> Sheet<'a> {
    /// Begins an empty sheet.
    pub(crate) fn new(screen: &'a Screen) -> Self {
        Self {
            screen,
            text: String::new(),
        }
    }

    /// Adds a line over the whole width.
    pub(crate) fn heading(&mut self, tone: Tone, text: &str) {
        for line in wrap(text, self.screen.width) {
            self.text.push_str(&self.screen.paint(tone, line));
            self.text.push('\n');
        }
    }

    /// Adds an empty line.
    pub(crate) fn gap(&mut self) {
        self.text.push('\n');
    }

    /// Adds a value with its label. `value` is inert already.
    pub(crate) fn field(&mut self, label: &str, value: &str) {
        self.toned(label, Tone::Plain, value);
    }

    /// Adds a value that stands out. An empty label goes on under the last one. Where a word of
    /// it could be taken for another one, a line below spells it out.
    pub(crate) fn toned(&mut self, label: &str, tone: Tone, value: &str) {
        self.line(label, tone, value);
        self.warn_of_imitations(value);
    }

    /// Adds a line that says which words of `text`, which is inert already, could be taken for
    /// others; none where there are none.
    pub(crate) fn warn_of_imitations(&mut self, text: &str) {
        // All of them: what is approved stands here, and there is room.
        let words = imitations(text);
        if !words.is_empty() {
            let words = words.join(", ");
            let warning = format!("! letters of another alphabet, as imitations have: {words}");
            self.line("", Tone::Alarm, &warning);
        }
    }

    /// Adds a value as it is. Whoever adds many together warns once.
    pub(crate) fn line(&mut self, label: &str, tone: Tone, value: &str) {
        let width = self
            .screen
            .width
            .map(|width| width.saturating_sub(LABELS).max(1));
        for (at, line) in wrap(value, width).into_iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            let padded = format!("{label:<LABELS$}");
            self.text.push_str(&self.screen.paint(Tone::Faint, &padded));
            self.text.push_str(&self.screen.paint(tone, line));
            self.text.push('\n');
        }
    }

    /// Returns the sheet as text, each line ended.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_never_reaches_the_column_of_labels() {
        let screen = Screen::for_test(Some(40), "2026-11-22T17:39:34Z");
        let mut sheet = Sheet::new(&screen);
        sheet.field(
            "WHAT",
            &format!("psql{}WHY         approved", " ".repeat(60)),
        );
        let text = sheet.finish();
        let mut lines = text.lines();
        assert!(
            lines
                .next()
                .is_some_and(|line| line.starts_with("WHAT        psql"))
        );
        assert!(
            lines.all(|line| line.starts_with(&" ".repeat(LABELS))),
            "{text}"
        );
    }

    #[test]
    fn every_imitation_of_a_value_is_spelled() {
        let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
        let mut sheet = Sheet::new(&screen);
        let words: Vec<String> = (0..9).map(|at| format!("a\u{43e}{at}")).collect();
        sheet.field("WHAT", &words.join(" "));
        let text = sheet.finish();
        for at in 0..9 {
            assert!(text.contains(&format!("a\\u{{43e}}{at}")), "{text}");
        }
    }
}
