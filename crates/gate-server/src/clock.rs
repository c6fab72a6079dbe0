//! The server's clock: the only one that decides when something ends. Where the database is a file
//! that is this machine's. Servers that share a `PostgreSQL` go by that one's, so that what waits at
//! several of them ends at one moment, however wrong the clock of one is.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// By how much the database's clock is ahead of this machine's. One for the process, as its machine
/// and its database are.
static AHEAD_MS: AtomicI64 = AtomicI64::new(0);

/// A difference up to which two clocks are taken to agree. What is measured comes over a network, and
/// a clock that followed each measurement would go back and forth.
const AGREE_MS: i64 = 250;

/// Returns the time in whole milliseconds, so that what is stored, signed and
/// shown is the same value everywhere.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    let now_ms = now.as_millisecond();
    let by_database = now_ms.saturating_add(AHEAD_MS.load(Ordering::Relaxed));
    Timestamp::from_millisecond(by_database).unwrap_or(now)
}

/// The moment at which a database was asked for its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    at_ms: i64,
}

impl Asked {
    pub(crate) fn now() -> Self {
        Self {
            at_ms: Timestamp::now().as_millisecond(),
        }
    }

    /// Takes the database's time, as it says now.
    pub(crate) fn told(self, database_ms: i64) {
        let told_ms = Timestamp::now().as_millisecond();
        let ahead = AHEAD_MS.load(Ordering::Relaxed);
        if let Some(other) = corrected(ahead, (self.at_ms, told_ms), database_ms) {
            AHEAD_MS.store(other, Ordering::Relaxed);
            tracing::warn!(
                ahead_ms = other,
                "this machine's clock differs from the database's, which counts"
            );
        }
    }
}

/// Returns by how much a clock is ahead that said `database_ms` at some time between the two of
/// `between`, where that can't be `ahead` any more.
fn corrected(ahead: i64, between: (i64, i64), database_ms: i64) -> Option<i64> {
    let (asked_ms, told_ms) = between;
    // What it says was so when it was said, at the earliest when it was asked.
    let (least, most) = (database_ms - told_ms, database_ms - asked_ms);
    let agrees = least - AGREE_MS <= ahead && ahead <= most + AGREE_MS;
    let is_ours = least - AGREE_MS <= 0 && 0 <= most + AGREE_MS;
    (!agrees).then_some(if is_ours { 0 } else { least })
}

/// Returns `start` moved by whole seconds, and the end of time where that is beyond it.
pub(crate) fn after(start: Timestamp, seconds: u64) -> Timestamp {
    let span = jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    start.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// Returns `end` moved back by whole seconds, and the beginning of time where that is before it.
pub(crate) fn before(end: Timestamp, seconds: u64) -> Timestamp {
    let span = jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    end.checked_sub(span).unwrap_or(Timestamp::MIN)
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
    fn a_clock_is_corrected_where_it_differs_by_more_than_the_way_takes() {
        assert_eq!(corrected(0, (1_000, 1_010), 1_005), None);
        assert_eq!(corrected(0, (1_000, 1_010), 1_005 + AGREE_MS), None);
        // It waited for its turn for a minute, and was asked at its end.
        assert_eq!(corrected(0, (1_000, 61_000), 60_990), None);
        assert_eq!(corrected(0, (1_000, 1_010), 3_601_005), Some(3_599_995));
        assert_eq!(corrected(3_599_995, (2_000, 2_010), 3_602_003), None);
        // Somebody has set it right.
        assert_eq!(corrected(3_599_995, (1_000, 1_010), 1_005), Some(0));
    }

    #[test]
    fn the_end_of_time_is_no_overflow() {
        assert_eq!(after(now(), u64::MAX), Timestamp::MAX);
        assert_eq!(before(now(), u64::MAX), Timestamp::MIN);
    }
}
