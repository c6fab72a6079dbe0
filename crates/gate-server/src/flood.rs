//! How fast one principal may ask: a bucket for each, in memory, because a
//! restart is no way to ask faster than an agent can ask already.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use gate_protocol::problem::ProblemCode;

use crate::problem::Failure;
use crate::settings::Flood as Limits;

/// Above this many, buckets that are full again are forgotten.
const FORGET_ABOVE: usize = 1_000;

/// The buckets of everybody who asked lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flood {
    buckets: Arc<Mutex<HashMap<String, Bucket>>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// How many submissions are left, in thousandths.
    left: u64,
    at: Instant,
}

impl Flood {
    /// Takes one submission of `principal`.
    ///
    /// # Errors
    /// 429, with the seconds after which one more is taken.
    pub(crate) fn admit(&self, principal: &str, limits: &Limits) -> Result<(), Failure> {
        self.admit_at(principal, limits, Instant::now())
            .map_err(|seconds| {
                let detail = format!(
                    "`{principal}` asks too fast: {} a minute are taken; come again in {seconds} s",
                    limits.per_minute
                );
                Failure::new(ProblemCode::TooMany, detail).retry_after(seconds)
            })
    }

    fn admit_at(&self, principal: &str, limits: &Limits, now: Instant) -> Result<(), u64> {
        let full = u64::from(limits.burst) * 1_000;
        let rate = u64::from(limits.per_minute);
        let filled = |bucket: &Bucket| {
            let passed = now.saturating_duration_since(bucket.at).as_millis();
            // One a minute is one thousandth each 60 ms.
            let gained = u64::try_from(passed)
                .unwrap_or(u64::MAX)
                .saturating_mul(rate)
                / 60;
            bucket.left.saturating_add(gained).min(full)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > FORGET_ABOVE {
            buckets.retain(|_, bucket| filled(bucket) < full);
        }
        let left = buckets.get(principal).map_or(full, filled);
        if left < 1_000 {
            return Err(((1_000 - left) * 60).div_ceil(rate.max(1) * 1_000).max(1));
        }
        let bucket = Bucket {
            left: left - 1_000,
            at: now,
        };
        buckets.insert(principal.to_owned(), bucket);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn limits() -> Limits {
        Limits {
            open_requests: 1,
            burst: 3,
            per_minute: 60,
            reason_lifts: false,
        }
    }

    #[test]
    fn a_burst_is_taken_and_then_so_many_a_minute_of_each() {
        let (flood, start) = (Flood::default(), Instant::now());
        let ask =
            |who, after_ms| flood.admit_at(who, &limits(), start + Duration::from_millis(after_ms));
        for _ in 0..3 {
            assert_eq!(ask("bot", 0), Ok(()));
        }
        assert_eq!(ask("bot", 0), Err(1));
        assert_eq!(ask("other", 0), Ok(()), "another one's bucket is its own");
        assert_eq!(ask("bot", 1_000), Ok(()));
        assert_eq!(ask("bot", 1_500), Err(1));
        assert_eq!(ask("bot", 3_600_000), Ok(()));
        for _ in 0..2 {
            assert_eq!(ask("bot", 3_600_000), Ok(()), "never more than a burst");
        }
        assert_eq!(ask("bot", 3_600_000), Err(1));
    }

    #[test]
    fn who_has_not_asked_for_long_is_forgotten() {
        let (flood, start) = (Flood::default(), Instant::now());
        for number in 0..=FORGET_ABOVE {
            flood
                .admit_at(&number.to_string(), &limits(), start)
                .unwrap();
        }
        let later = start + Duration::from_mins(1);
        flood.admit_at("one", &limits(), later).unwrap();
        assert_eq!(flood.buckets.lock().unwrap().len(), 1);
    }
}
