//! Times and sizes as people read them.

use jiff::Timestamp;

/// Returns a moment as `2026-05-04 13:37:00 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Returns a length of time with its two largest units.
pub(super) fn seconds(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 if seconds.is_multiple_of(60) => format!("{minutes} min"),
        60..600 => format!("{minutes} min {} s", seconds % 60),
        600..3600 => format!("{minutes} min"),
        3600..172_800 if minutes.is_multiple_of(60) => format!("{hours} h"),
        3600..172_800 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} days", hours / 24),
    }
}

/// Returns a length of time that was measured.
pub(super) fn milliseconds(ms: u64) -> String {
    if ms < 10_000 {
        format!("{}.{:03} s", ms / 1000, ms % 1000)
    } else {
        seconds(ms / 1000)
    }
}

/// Returns how long ago something was.
pub(super) fn ago(now: Timestamp, at: Timestamp) -> String {
    let past_ms = now.as_millisecond().saturating_sub(at.as_millisecond());
    match u64::try_from(past_ms / 1000).unwrap_or(0) {
        0..5 => "just now".to_owned(),
        past => format!("{} ago", seconds(past)),
    }
}

/// Returns a size with thousands set apart.
pub(super) fn bytes(bytes: u64) -> String {
    let digits = bytes.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let unit = if bytes == 1 { "byte" } else { "bytes" };
    format!("{grouped} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_at_most_two_units() {
        for (span, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (552, "9 min 12 s"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (11_100, "3 h 5 min"),
            (259_200, "3 days"),
        ] {
            assert_eq!(seconds(span), text);
        }
    }

    #[test]
    fn sizes_are_grouped() {
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1_234_567), "1,234,567 bytes");
    }
}
