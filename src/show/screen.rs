//! What the answer is written on: how wide it is, whether it has colours, and
//! what time it is there.

use std::io::IsTerminal as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Narrower than this, wrapping hides more than it helps.
const NARROWEST: usize = 40;

/// One screen, or a file or pipe in its place.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    /// Columns to use; none where lines may be of any length.
    pub(crate) width: Option<usize>,
    /// Whether it has colours.
    pub(crate) colours: bool,
    /// The time for `3 min ago`.
    pub(crate) now: Timestamp,
    /// The zone in which times are shown.
    pub(crate) zone: TimeZone,
}

/// How a stretch of text stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Not at all.
    Plain,
    /// Important.
    Strong,
    /// Good news.
    Good,
    /// A warning.
    Alarm,
    /// Of less weight.
    Faint,
}

impl Screen {
    /// Returns the screen behind stdout. A terminal gets its width and colours,
    /// unless `NO_COLOR` says otherwise; anything else gets neither.
    pub(crate) fn of_stdout(no_color: bool) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let width = terminal_size::terminal_size_of(std::io::stdout())
            .map(|(width, _)| usize::from(width.0).max(NARROWEST));
        Self {
            width: width.filter(|_| is_terminal),
            colours: is_terminal && !no_color,
            now: Timestamp::now(),
            zone: TimeZone::system(),
        }
    }

    /// Returns `text`, which is inert already, so that it stands out.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Strong => "1",
            Tone::Good => "32",
            Tone::Alarm => "1;31",
            Tone::Faint => "2",
            Tone::Plain => "",
        };
        if code.is_empty() || !self.colours || text.is_empty() {
            return text.to_owned();
        }
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

#[cfg(test)]
impl Screen {
    /// A screen for tests: no colours, UTC, at the given second.
    pub(crate) fn for_test(width: Option<usize>, now: &str) -> Self {
        Self {
            width,
            colours: false,
            now: now.parse().unwrap(),
            zone: TimeZone::UTC,
        }
    }
}
