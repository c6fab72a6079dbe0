//! Times in words.

use gate_protocol::span;
use jiff::Timestamp;

use crate::show::screen::Screen;

/// Returns the time on the reader's own clock, as `2026-11-22 17:39:34 +01:00`.
pub(crate) fn local(screen: &Screen, at: Timestamp) -> String {
    at.to_zoned(screen.zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

/// Returns how long ago it was or how far ahead it is, in its largest unit.
pub(crate) fn relative(screen: &Screen, at: Timestamp) -> String {
    let seconds = at.as_second().saturating_sub(screen.now.as_second());
    let size = seconds.unsigned_abs();
    let coarse = span::coarse(size);
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("in {coarse}"),
        _ => format!("{coarse} ago"),
    }
}

/// Returns both.
pub(crate) fn local_and_relative(screen: &Screen, at: Timestamp) -> String {
    format!("{} ({})", local(screen, at), relative(screen, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_the_reader_would_say_it() {
        let screen = Screen::for_test(None, "2026-11-22T17:39:34Z");
        let words = |at: &str| relative(&screen, at.parse().unwrap());
        assert_eq!(words("2026-11-22T17:39:34Z"), "now");
        assert_eq!(words("2026-11-22T17:36:04Z"), "3 min ago");
        assert_eq!(words("2026-11-24T17:40:34Z"), "in 2 d");
        let at = "2026-11-22T17:36:04Z".parse().unwrap();
        assert_eq!(local(&screen, at), "2026-11-22 17:36:04 +00:00");
    }
}
