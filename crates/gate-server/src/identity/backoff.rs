//! Who guesses waits longer each time. What is counted is up to the caller: one
//! name from one network, one network, one name. Nobody is locked out by others'
//! guesses; the wait for a name alone is short and has an end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many failures cost nothing, and the longest wait after one more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    free: u32,
    longest: Duration,
}

impl Limit {
    /// Of one who tries one thing.
    pub(crate) const OWN: Self = Self {
        free: 4,
        longest: Duration::from_mins(5),
    };
    /// Of what many share: a network, whatever name is tried, or a name, wherever it
    /// is tried from. An office mistypes more often than one of its people, and some
    /// 80 guesses an hour are too few to find a password. The wait is short, since
    /// whoever has no part in it waits as well.
    pub(crate) const SHARED: Self = Self {
        free: 20,
        longest: Duration::from_secs(45),
    };
}

/// A failure is forgotten after this.
const REMEMBERED: Duration = Duration::from_mins(30);
/// The most that is remembered. Beyond it the oldest are forgotten.
const MOST: usize = 10_000;

/// Counts failures. Cheap to clone; the clones count together. In memory alone: a
/// restart forgives, which costs a guesser more than it gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    failures: Arc<Mutex<HashMap<String, Failures>>>,
    /// Who succeeded from where, and when last.
    known: Arc<Mutex<HashMap<String, Instant>>>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn wait(self, limit: Limit) -> Duration {
        let doublings = self.count.saturating_sub(limit.free).min(16);
        if doublings == 0 {
            return Duration::ZERO;
        }
        Duration::from_secs(1 << doublings).min(limit.longest)
    }
}

impl Backoff {
    /// Counts a try of `key` as failed until it is known to be none, so that many
    /// at once are as many.
    ///
    /// # Errors
    /// How long to wait before the next try.
    pub(crate) fn attempt(&self, key: &str) -> Result<(), Duration> {
        self.attempt_at(key, Limit::OWN, Instant::now())
    }

    /// Counts a try of each key, or of none where one of them has to wait.
    ///
    /// # Errors
    /// How long to wait before the next try.
    pub(crate) fn attempt_all(&self, keys: &[(String, Limit)]) -> Result<(), Duration> {
        for (at, (key, limit)) in keys.iter().enumerate() {
            if let Err(wait) = self.attempt_at(key, *limit, Instant::now()) {
                for (counted, _) in keys.iter().take(at) {
                    self.take_back(counted);
                }
                return Err(wait);
            }
        }
        Ok(())
    }

    fn attempt_at(&self, key: &str, limit: Limit, now: Instant) -> Result<(), Duration> {
        let mut all = self.all();
        let fresh = |failures: &Failures| now.duration_since(failures.last) < REMEMBERED;
        if all.len() >= MOST {
            all.retain(|_, failures| fresh(failures));
        }
        make_room(&mut all, |failures| failures.last);
        let known = all.get(key).copied().filter(fresh);
        let known = known.unwrap_or(Failures {
            count: 0,
            last: now,
        });
        let since = now.duration_since(known.last);
        if let Some(left) = known
            .wait(limit)
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
        self.all().remove(key);
    }

    /// Counts the last try of `key` as none, and leaves the failures before it: of
    /// what many share, one who succeeds says nothing of the others.
    pub(crate) fn take_back(&self, key: &str) {
        let mut all = self.all();
        if let Some(failures) = all.get_mut(key) {
            failures.count = failures.count.saturating_sub(1);
            if failures.count == 0 {
                all.remove(key);
            }
        }
    }

    /// Notes that somebody succeeded from somewhere, until a restart.
    pub(crate) fn remember(&self, who_and_where: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut known, |at| *at);
        known.insert(who_and_where.to_owned(), Instant::now());
    }

    /// Tells whether that was noted.
    pub(crate) fn knows(&self, who_and_where: &str) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains_key(who_and_where)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the oldest where there are as many as there may be.
fn make_room<V>(all: &mut HashMap<String, V>, last: impl Fn(&V) -> Instant) {
    if all.len() < MOST {
        return;
    }
    let oldest = all.iter().min_by_key(|(_, value)| last(value));
    if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
        all.remove(&oldest);
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
            while let Err(wait) = backoff.attempt_at("bob 6.6.6.6", Limit::OWN, now) {
                waits.push(wait.as_secs());
                now += wait;
            }
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128]);
        assert!(backoff.attempt_at("bob 10.0.0.1", Limit::OWN, now).is_ok());
        assert!(backoff.attempt_at("bob 6.6.6.6", Limit::OWN, now).is_err());
        backoff.succeeded("bob 6.6.6.6");
        assert!(backoff.attempt_at("bob 6.6.6.6", Limit::OWN, now).is_ok());
    }

    #[test]
    fn what_many_share_is_not_forgiven_by_one_who_succeeds() {
        let backoff = Backoff::default();
        let keys = |name: &str| {
            vec![
                (format!("{name} 6.6.6.6"), Limit::OWN),
                ("6.6.6.6".to_owned(), Limit::SHARED),
            ]
        };
        for number in 0..Limit::SHARED.free {
            assert!(backoff.attempt_all(&keys(&number.to_string())).is_ok());
        }
        assert!(backoff.attempt_all(&keys("bob")).is_ok());
        backoff.take_back("6.6.6.6");
        assert!(backoff.attempt_all(&keys("eve")).is_ok());
        assert!(backoff.attempt_all(&keys("bob")).is_err());
        // Who has to wait for one of them is not counted by the others.
        assert_eq!(backoff.all()["bob 6.6.6.6"].count, 1);
    }

    #[test]
    fn memory_has_a_bound() {
        let backoff = Backoff::default();
        for number in 0..MOST + 10 {
            assert!(backoff.attempt(&number.to_string()).is_ok());
        }
        assert_eq!(backoff.all().len(), MOST);
    }
}
