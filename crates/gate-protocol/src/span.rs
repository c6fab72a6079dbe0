//! Spans of time in words: the same ones on a page and in a terminal.

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Returns a span in its two largest units, as `14 min 20 s`.
#[must_use]
pub fn seconds(seconds: u64) -> String {
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

/// Returns a span in its largest unit alone, as `14 min`.
#[must_use]
pub fn coarse(span: u64) -> String {
    match span {
        0..MINUTE => seconds(span),
        MINUTE..HOUR => seconds(span / MINUTE * MINUTE),
        HOUR..DAY => seconds(span / HOUR * HOUR),
        DAY.. => seconds(span / DAY * DAY),
    }
}

/// Returns a span that was measured in milliseconds, exact below a minute, as
/// `1.204 s`.
#[must_use]
pub fn milliseconds(ms: u64) -> String {
    if ms < MINUTE * 1000 {
        return format!("{}.{:03} s", ms / 1000, ms % 1000);
    }
    seconds(ms / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_two_units_at_most_and_a_coarse_one_has_one() {
        let spans = [
            (0, "0 s", "0 s"),
            (59, "59 s", "59 s"),
            (60, "1 min", "1 min"),
            (860, "14 min 20 s", "14 min"),
            (3_599, "59 min 59 s", "59 min"),
            (3_600, "1 h", "1 h"),
            (11_100, "3 h 5 min", "3 h"),
            (86_400, "1 d", "1 d"),
            (187_200, "2 d 4 h", "2 d"),
        ];
        for (span, words, rough) in spans {
            assert_eq!(seconds(span), words);
            assert_eq!(coarse(span), rough);
        }
        assert_eq!(milliseconds(1204), "1.204 s");
        assert_eq!(milliseconds(61_000), "1 min 1 s");
    }
}
