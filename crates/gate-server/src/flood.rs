//! How fast one may ask: buckets in memory, because a restart is no way to ask
//! faster than an agent can ask already; and seats for what lasts.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gate_protocol::problem::ProblemCode;

use crate::identity::TokenHash;
use crate::problem::Failure;
use crate::settings::{Flood as Limits, Rate};

/// The most buckets of one kind. Where there are more, the half that was used
/// longest ago is forgotten, which makes those full again.
const MOST: usize = 16_384;
/// Up to so many, nobody looks for those that can be forgotten.
const FORGET_ABOVE: usize = 1_000;
/// A bucket counts in thousandths.
const WHOLE: u64 = 1_000;

/// The limiter: a bucket for each principal that submits, for each caller, and for
/// each network of whom nobody knows who calls, where a proof of the server's key has one of its
/// own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flood {
    submissions: Buckets,
    callers: Buckets,
    networks: Buckets,
    proofs: Buckets,
    /// Tokens and sessions that were good lately.
    good: Arc<Mutex<HashSet<TokenHash>>>,
    /// Polls that wait, by caller.
    pub(crate) waits: Seats,
    /// Calls that change something and are not over, by network.
    pub(crate) changes: Seats,
}

/// What is left of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// How much can be taken at once.
    pub(crate) units: u64,
    /// After how many seconds it is full again.
    pub(crate) full_in_seconds: u64,
}

impl Flood {
    /// Takes one submission of `principal`.
    ///
    /// # Errors
    /// 429, with the seconds after which one more is taken.
    pub(crate) fn admit(&self, principal: &str, limits: &Limits) -> Result<(), Failure> {
        let rate = Rate {
            burst: limits.burst,
            per_minute: limits.per_minute,
        };
        let taken = self.submissions.take(principal, rate, 1, Instant::now());
        taken.map(drop).map_err(|seconds| {
            let detail = format!(
                "`{principal}` asks too fast: {} a minute are taken; come again in {seconds} s",
                limits.per_minute
            );
            Failure::new(ProblemCode::TooMany, detail).retry_after(seconds)
        })
    }

    /// Takes a call of somebody who is known.
    ///
    /// # Errors
    /// The seconds after which it would be taken.
    pub(crate) fn take_of_caller(&self, name: &str, rate: Rate, units: u64) -> Result<Left, u64> {
        self.callers.take(name, rate, units, Instant::now())
    }

    /// Takes a call from a network, of which nobody knows yet who it is.
    ///
    /// # Errors
    /// The seconds after which it would be taken.
    pub(crate) fn take_of_network(&self, network: &str, rate: Rate) -> Result<Left, u64> {
        self.networks.take(network, rate, 1, Instant::now())
    }

    /// Takes a proof of the server's key for a network.
    ///
    /// # Errors
    /// The seconds after which it would be taken.
    pub(crate) fn take_proof(&self, network: &str, rate: Rate) -> Result<Left, u64> {
        self.proofs.take(network, rate, 1, Instant::now())
    }

    /// Remembers a token or session that was good.
    pub(crate) fn remember(&self, secret: TokenHash) {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if good.len() >= MOST && !good.contains(&secret) {
            good.clear();
        }
        good.insert(secret);
    }

    /// Forgets a token or session that is not good any more.
    pub(crate) fn forget(&self, secret: TokenHash) {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.remove(&secret);
    }

    /// Tells whether a token or session was good lately. Whether it still is is asked of the store.
    pub(crate) fn knows(&self, secret: TokenHash) -> bool {
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.contains(&secret)
    }

    /// Gives a network the call back that turned out to be somebody's.
    pub(crate) fn give_back(&self, network: &str, rate: Rate) {
        self.networks.give_back(network, rate);
    }
}

/// The buckets of one kind, by whose they are.
#[derive(Clone, Debug, Default)]
struct Buckets(Arc<Mutex<HashMap<String, Bucket>>>);

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// How much is left, in thousandths.
    left: u64,
    at: Instant,
}

impl Bucket {
    /// Returns what is in it at `now`, in thousandths.
    fn filled(&self, rate: Rate, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.at).as_millis();
        // One a minute is one thousandth each 60 ms.
        let gained = u64::try_from(passed)
            .unwrap_or(u64::MAX)
            .saturating_mul(u64::from(rate.per_minute))
            / 60;
        self.left.saturating_add(gained).min(rate.full())
    }
}

impl Rate {
    fn full(self) -> u64 {
        u64::from(self.burst) * WHOLE
    }

    /// Returns after how many seconds so many thousandths have come in.
    fn seconds_for(self, thousandths: u64) -> u64 {
        let per_second = u64::from(self.per_minute.max(1)) * WHOLE;
        thousandths.saturating_mul(60).div_ceil(per_second)
    }
}

impl Buckets {
    fn take(&self, whose: &str, rate: Rate, units: u64, now: Instant) -> Result<Left, u64> {
        // What is more than a whole bucket could never be taken.
        let wanted = units.saturating_mul(WHOLE).min(rate.full());
        let mut buckets = self.lock();
        make_room(&mut buckets, rate, now);
        let full = rate.full();
        let there = buckets
            .get(whose)
            .map_or(full, |bucket| bucket.filled(rate, now));
        let Some(left) = there.checked_sub(wanted) else {
            return Err(rate.seconds_for(wanted - there).max(1));
        };
        let bucket = Bucket { left, at: now };
        if let Some(known) = buckets.get_mut(whose) {
            *known = bucket;
        } else {
            buckets.insert(whose.to_owned(), bucket);
        }
        Ok(Left {
            units: left / WHOLE,
            full_in_seconds: rate.seconds_for(full - left),
        })
    }

    fn give_back(&self, whose: &str, rate: Rate) {
        if let Some(bucket) = self.lock().get_mut(whose) {
            bucket.left = bucket.left.saturating_add(WHOLE).min(rate.full());
        }
    }

    /// The map is whole between any two statements, so a poisoned lock is none.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Bucket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for one more: what is full again is forgotten, looked for only where
/// the map would have to grow, so that many calls share the cost of one look.
fn make_room(buckets: &mut HashMap<String, Bucket>, rate: Rate, now: Instant) {
    if buckets.len() < FORGET_ABOVE || buckets.len() < buckets.capacity().min(MOST) {
        return;
    }
    buckets.retain(|_, bucket| bucket.filled(rate, now) < rate.full());
    if buckets.len() < MOST {
        return;
    }
    let mut times: Vec<Instant> = buckets.values().map(|bucket| bucket.at).collect();
    let half = times.len() / 2;
    let (_, middle, _) = times.select_nth_unstable(half);
    let middle = *middle;
    let mut to_go = half;
    buckets.retain(|_, bucket| {
        let goes = to_go > 0 && bucket.at <= middle;
        to_go -= usize::from(goes);
        !goes
    });
}

/// How many of something last at the moment, by whose they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seats(Arc<Mutex<HashMap<String, u32>>>);

/// One of them; over when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    whose: String,
    seats: Seats,
}

impl Seats {
    /// Takes one for `whose`; none where that would be more than `most`.
    pub(crate) fn take(&self, whose: &str, most: u32) -> Option<Seat> {
        let mut seats = self.lock();
        match seats.get_mut(whose) {
            Some(taken) if *taken >= most => return None,
            Some(taken) => *taken += 1,
            None if most == 0 => return None,
            None => {
                seats.insert(whose.to_owned(), 1);
            }
        }
        Some(Seat {
            whose: whose.to_owned(),
            seats: self.clone(),
        })
    }

    #[cfg(test)]
    pub(crate) fn taken(&self, whose: &str) -> u32 {
        self.lock().get(whose).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.seats.lock();
        match seats.get_mut(&self.whose) {
            Some(taken) if *taken > 1 => *taken -= 1,
            Some(_) | None => {
                seats.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const RATE: Rate = Rate {
        burst: 3,
        per_minute: 60,
    };

    #[test]
    fn a_burst_is_taken_and_then_so_many_a_minute_of_each() {
        let (buckets, start) = (Buckets::default(), Instant::now());
        let ask = |who, after_ms| {
            let taken = buckets.take(who, RATE, 1, start + Duration::from_millis(after_ms));
            taken.map(|left| left.units)
        };
        assert_eq!(ask("bot", 0), Ok(2));
        assert_eq!(ask("bot", 0), Ok(1));
        assert_eq!(ask("bot", 0), Ok(0));
        assert_eq!(ask("bot", 0), Err(1));
        assert_eq!(ask("other", 0), Ok(2), "another one's bucket is its own");
        assert_eq!(ask("bot", 1_000), Ok(0));
        assert_eq!(ask("bot", 1_500), Err(1));
        assert_eq!(ask("bot", 3_600_000), Ok(2), "never more than a burst");
    }

    #[test]
    fn what_costs_more_takes_more_and_never_more_than_there_can_be() {
        let (buckets, now) = (Buckets::default(), Instant::now());
        let left = buckets.take("bot", RATE, 2, now).unwrap();
        assert_eq!((left.units, left.full_in_seconds), (1, 2));
        assert_eq!(buckets.take("bot", RATE, 2, now), Err(1));
        let later = now + Duration::from_mins(1);
        assert_eq!(buckets.take("bot", RATE, 1_000, later).unwrap().units, 0);
        buckets.give_back("bot", RATE);
        assert_eq!(buckets.take("bot", RATE, 1, later).unwrap().units, 0);
    }

    #[test]
    fn the_map_has_an_end_whoever_asks() {
        let (buckets, start) = (Buckets::default(), Instant::now());
        for number in 0..4 * MOST {
            let at = start + Duration::from_micros(u64::try_from(number).unwrap());
            buckets.take(&number.to_string(), RATE, 1, at).unwrap();
        }
        assert!(buckets.lock().len() <= MOST);
        let newest = (4 * MOST - 1).to_string();
        assert!(
            buckets.lock().contains_key(&newest),
            "who asked last is known"
        );
        let later = start + Duration::from_mins(1);
        for number in 0..MOST {
            buckets.take(&format!("x{number}"), RATE, 1, later).unwrap();
        }
        assert!(buckets.lock().len() <= MOST);
    }

    #[test]
    fn so_many_sit_and_who_leaves_makes_room() {
        let seats = Seats::default();
        let first = seats.take("bot", 2).unwrap();
        let second = seats.take("bot", 2).unwrap();
        assert!(seats.take("bot", 2).is_none());
        assert!(seats.take("other", 2).is_some());
        drop(first);
        assert!(seats.take("bot", 2).is_some());
        drop(second);
        assert!(seats.lock().is_empty());
        assert!(seats.take("bot", 0).is_none());
    }
}
