//! Spans of time as people write them: in rules, in configuration and on the
//! command line alike.

use std::fmt;
use std::time::Duration;

use super::fields::shown;

/// The longest span, a century: one that can be added to any clock.
const MAX: Duration = Duration::from_hours(24 * 36_525);

/// A text is no span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurationError {
    text: String,
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match read(&self.text) {
            Some(Duration::ZERO) => "no time at all; write more than nothing",
            Some(_) => "more than a century; write a shorter span",
            None => "not a span of time; write a number and a unit",
        };
        let text = shown(&self.text);
        write!(f, "`{text}` is {what}, as 90s, 30m, 1h or 30d")
    }
}

impl std::error::Error for DurationError {}

/// Reads a number and a unit: `90s`, `30m`, `1h`, `30d`. A day is 24 hours: no
/// span here is about a calendar.
///
/// # Errors
/// [`DurationError`] where it is anything else, no time at all, or more than a
/// century.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    read(text)
        .filter(|duration| !duration.is_zero() && *duration <= MAX)
        .ok_or_else(|| DurationError {
            text: text.to_owned(),
        })
}

fn read(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    // `parse` would take a sign.
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = is_plain.then(|| number.parse().ok()).flatten()?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        for (text, seconds) in [
            ("1s", 1),
            ("90s", 90),
            ("030m", 1_800),
            ("1h", 3_600),
            ("30d", 2_592_000),
            ("36525d", 3_155_760_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_secs(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_none_and_is_told_what_to_write() {
        for text in [
            "",
            "5",
            "m",
            "soon",
            "0s",
            "-5m",
            "+5m",
            "1.5h",
            "1h30m",
            "1h 30m",
            "1 h",
            "1H",
            "1w",
            "1ms",
            "PT1H",
            "1\u{b5}",
            "36526d",
            "18446744073709551615d",
            "99999999999999999999s",
            "1\u{1b}[2J",
        ] {
            let why = parse_duration(text).unwrap_err().to_string();
            assert!(why.contains("as 90s, 30m, 1h or 30d"), "{why}");
            assert!(!why.contains('\u{1b}'), "{why}");
        }
    }

    #[test]
    fn a_span_that_is_out_of_bounds_is_told_so() {
        for (text, told) in [
            (
                "0s",
                "`0s` is no time at all; write more than nothing, as 90s",
            ),
            (
                "000d",
                "`000d` is no time at all; write more than nothing, as 90s",
            ),
            (
                "36526d",
                "`36526d` is more than a century; write a shorter span, as 90s",
            ),
        ] {
            let why = parse_duration(text).unwrap_err().to_string();
            assert!(why.starts_with(told), "{why}");
        }
    }
}
