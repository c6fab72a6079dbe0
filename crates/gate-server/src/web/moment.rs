//! Moments and sizes as people read them.

use gate_protocol::span;
use jiff::Timestamp;

/// Returns a moment as `2026-05-04 13:37:00 UTC`.
pub(super) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Returns how long ago something was.
pub(super) fn ago(now: Timestamp, at: Timestamp) -> String {
    let past_ms = now.as_millisecond().saturating_sub(at.as_millisecond());
    match u64::try_from(past_ms / 1000).unwrap_or(0) {
        0..5 => "just now".to_owned(),
        past => format!("{} ago", span::coarse(past)),
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
    fn sizes_are_grouped() {
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1_234_567), "1,234,567 bytes");
    }
}
