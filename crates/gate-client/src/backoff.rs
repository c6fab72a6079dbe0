//! How long to leave a server alone after it failed.

use std::time::Duration;

/// The longest `Retry-After` that is honoured; a longer one counts as this.
pub(crate) const RETRY_AFTER_CAP: Duration = Duration::from_mins(1);

/// A row of growing, jittered delays.
///
/// The n-th delay (from 0) lies evenly spread in `[d/2, d]` with
/// `d = min(cap, first · 2ⁿ)`, and the first in `[0, d]`: a thousand clients
/// that one server left at the same moment come back spread out, and none
/// later than `cap`. A `Retry-After` of `r` makes the delay lie in
/// `[r, r + r/4]`, with `r` at most a minute, but never shorter
/// than it would have been.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// Returns the row that begins with `first` and grows up to `cap`.
    #[must_use]
    pub fn new(first: Duration, cap: Duration) -> Self {
        Self {
            first,
            cap,
            failures: 0,
        }
    }

    /// Returns the delay before the next attempt.
    pub fn after_failure(&mut self, retry_after: Option<Duration>) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let longest = self.first.saturating_mul(factor).min(self.cap);
        let shortest = if self.failures == 0 {
            Duration::ZERO
        } else {
            longest / 2
        };
        self.failures = self.failures.saturating_add(1);
        let own = shortest + at_random_up_to(longest.saturating_sub(shortest));
        match retry_after {
            Some(asked) => {
                let asked = asked.min(RETRY_AFTER_CAP);
                own.max(asked + at_random_up_to(asked / 4))
            }
            None => own,
        }
    }

    /// Begins again with the shortest delay.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Returns an evenly spread duration of at most `longest`, in whole
/// microseconds. Without a random source it is `longest`: late, never a herd
/// that is early.
fn at_random_up_to(longest: Duration) -> Duration {
    let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
    match getrandom::u64() {
        // The bias of the remainder is below 2⁻³⁰ for any delay used here.
        Ok(random) => Duration::from_micros(random % micros.saturating_add(1).max(1)),
        Err(_) => longest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);
    const CAP: Duration = Duration::from_secs(5);

    #[test]
    fn delays_double_up_to_the_cap_and_stay_in_their_bounds() {
        for _ in 0..50 {
            let mut backoff = Backoff::new(FIRST, CAP);
            assert!(backoff.after_failure(None) <= FIRST);
            let mut longest = FIRST * 2;
            for _ in 0..100 {
                let delay = backoff.after_failure(None);
                assert!(
                    delay >= longest / 2 && delay <= longest,
                    "{delay:?} of {longest:?}"
                );
                longest = (longest * 2).min(CAP);
            }
            backoff.reset();
            assert!(backoff.after_failure(None) <= FIRST);
        }
    }

    #[test]
    fn a_thousand_clients_do_not_come_back_together() {
        let mut tenths = [0; 10];
        for _ in 0..1000 {
            let delay = Backoff::new(CAP, CAP).after_failure(None);
            let tenth = usize::try_from((delay * 10).as_millis() / CAP.as_millis()).unwrap();
            tenths[tenth.min(9)] += 1;
        }
        // 100 are expected in each; beyond these bounds is one of 10¹² runs.
        assert!(
            tenths.iter().all(|count| (30..=170).contains(count)),
            "{tenths:?}"
        );
    }

    #[test]
    fn retry_after_is_honoured_within_reason() {
        for (asked, at_least) in [(2, 2), (60, 60), (86_400, 60), (u64::MAX, 60)] {
            let delay = Backoff::new(FIRST, CAP).after_failure(Some(Duration::from_secs(asked)));
            assert!(delay >= Duration::from_secs(at_least), "{asked}: {delay:?}");
            assert!(
                delay <= Duration::from_secs(at_least + at_least / 4 + 1),
                "{asked}: {delay:?}"
            );
        }
    }
}
