//! Who guesses waits longer each time. Nobody is locked out by others' guesses:
//! what is counted is one name from one address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// So many failures cost nothing.
const FREE: u32 = 4;
/// The longest wait after a failure.
const LONGEST: Duration = Duration::from_mins(5);
/// A failure is forgotten after this.
const REMEMBERED: Duration = Duration::from_mins(30);
/// The most that is remembered. Beyond it the oldest are forgotten.
const MOST: usize = 10_000;

/// Counts failures. Cheap to clone; the clones count together. In memory alone: a
/// restart forgives, which costs a guesser more than it gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff(Arc<Mutex<HashMap<String, Failures>>>);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn wait(self) -> Duration {
        let doublings = self.count.saturating_sub(FREE).min(16);
        if doublings == 0 {
            return Duration::ZERO;
        }
        Duration::from_secs(1 << doublings).min(LONGEST)
    }
}

impl Backoff {
    /// Counts a try of `key` as failed until it is known to be none, so that many
    /// at once are as many.
    ///
    /// # Errors
    /// How long to wait before the next try.
    pub(crate) fn attempt(&self, key: &str) -> Result<(), Duration> {
        self.attempt_at(key, Instant::now())
    }

    fn attempt_at(&self, key: &str, now: Instant) -> Result<(), Duration> {
        let mut all = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let fresh = |failures: &Failures| now.duration_since(failures.last) < REMEMBERED;
        if all.len() >= MOST {
            all.retain(|_, failures| fresh(failures));
        }
        if all.len() >= MOST
            && let Some(oldest) = all
                .iter()
                .min_by_key(|(_, failures)| failures.last)
                .map(|(key, _)| key.clone())
        {
            all.remove(&oldest);
        }
        let known = all.get(key).copied().filter(fresh);
        let known = known.unwrap_or(Failures {
            count: 0,
            last: now,
        });
        let since = now.duration_since(known.last);
        if let Some(left) = known
            .wait()
            .checked_sub(since)
            .filter(|left| !left.is_zero())
        {
            return Err(left);
        }
        let failures = Failures {
            count: known.count.saturating_add(1),
            last: now,
        };
        all.insert(key.to_owned(), failures);
        Ok(())
    }

    /// Forgets the failures of `key`: the last try was none.
    pub(crate) fn succeeded(&self, key: &str) {
        let mut all = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        all.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_costs_twice_as_much_and_only_who_fails() {
        let backoff = Backoff::default();
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..12 {
            while let Err(wait) = backoff.attempt_at("bob 6.6.6.6", now) {
                waits.push(wait.as_secs());
                now += wait;
            }
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128]);
        assert!(backoff.attempt_at("bob 10.0.0.1", now).is_ok());
        assert!(backoff.attempt_at("bob 6.6.6.6", now).is_err());
        backoff.succeeded("bob 6.6.6.6");
        assert!(backoff.attempt_at("bob 6.6.6.6", now).is_ok());
    }

    #[test]
    fn memory_has_a_bound() {
        let backoff = Backoff::default();
        for number in 0..MOST + 10 {
            assert!(backoff.attempt(&number.to_string()).is_ok());
        }
        assert_eq!(backoff.0.lock().unwrap().len(), MOST);
    }
}
