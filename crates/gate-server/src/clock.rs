//! The server's clock: the only one that decides when something ends.

use jiff::Timestamp;

/// Returns the time in whole milliseconds, so that what is stored, signed and
/// shown is the same value everywhere.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// Returns `start` moved by whole seconds, and the end of time where that is beyond it.
pub(crate) fn after(start: Timestamp, seconds: u64) -> Timestamp {
    let span = jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    start.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// Returns the whole seconds from `now` until `end`, rounded up; 0 when it is past.
pub(crate) fn seconds_until(now: Timestamp, end: Timestamp) -> u64 {
    let left_ms = end.as_millisecond().saturating_sub(now.as_millisecond());
    u64::try_from(left_ms).unwrap_or(0).div_ceil(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_left_are_rounded_up_and_never_negative() {
        let now = Timestamp::from_millisecond(1_000).unwrap();
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        assert_eq!(seconds_until(now, at(1_001)), 1);
        assert_eq!(seconds_until(now, at(3_000)), 2);
        assert_eq!(seconds_until(now, at(1_000)), 0);
        assert_eq!(seconds_until(now, at(0)), 0);
    }

    #[test]
    fn the_end_of_time_is_no_overflow() {
        assert_eq!(after(now(), u64::MAX), Timestamp::MAX);
    }
}
