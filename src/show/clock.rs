//! Times and spans in words.

use jiff::Timestamp;

use crate::show::screen::Screen;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Returns a span in its two largest units, as `14 min 20 s`.
pub(crate) fn span(seconds: u64) -> String {
    let pair = |large: u64, of: &str, small: u64, name: &str| match seconds % large / small {
        0 => format!("{} {of}", seconds / large),
        rest => format!("{} {of} {rest} {name}", seconds / large),
    };
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => pair(MINUTE, "min", 1, "s"),
        HOUR..DAY => pair(HOUR, "h", MINUTE, "min"),
        DAY.. => pair(DAY, "d", HOUR, "h"),
    }
}

/// Returns a span of milliseconds, exact below a minute, as `1.204 s`.
pub(crate) fn span_ms(milliseconds: u64) -> String {
    if milliseconds < MINUTE * 1000 {
        return format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000);
    }
    span(milliseconds / 1000)
}

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
    let coarse = match size {
        0..MINUTE => span(size),
        MINUTE..HOUR => span(size / MINUTE * MINUTE),
        HOUR..DAY => span(size / HOUR * HOUR),
        DAY.. => span(size / DAY * DAY),
    };
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
    fn a_span_has_two_units_at_most() {
        let spans = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (860, "14 min 20 s"),
            (3600, "1 h"),
            (11_100, "3 h 5 min"),
            (86_400, "1 d"),
            (187_200, "2 d 4 h"),
        ];
        for (seconds, words) in spans {
            assert_eq!(span(seconds), words);
        }
        assert_eq!(span_ms(1204), "1.204 s");
        assert_eq!(span_ms(61_000), "1 min 1 s");
    }

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
