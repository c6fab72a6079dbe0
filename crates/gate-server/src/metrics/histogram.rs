//! How long things take, in buckets of fixed bounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The upper bound of each bucket but the last, in microseconds.
const BOUNDS_US: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    5_000_000, 60_000_000,
];

/// How often something took how long.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BOUNDS_US.len()],
    beyond: AtomicU64,
    sum_us: AtomicU64,
}

impl Histogram {
    pub(crate) fn observe(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut all = BOUNDS_US.iter().zip(&self.buckets);
        let bucket = all.find(|(bound, _)| us <= **bound);
        let bucket = bucket.map_or(&self.beyond, |(_, bucket)| bucket);
        bucket.fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// Returns each bound in seconds with how many were at or below it, then how many there were,
    /// and their sum in seconds.
    pub(super) fn read(&self) -> (Vec<(f64, u64)>, u64, f64) {
        let mut below = 0;
        let mut rows = Vec::with_capacity(BOUNDS_US.len());
        for (bound, bucket) in BOUNDS_US.iter().zip(&self.buckets) {
            below += bucket.load(Ordering::Relaxed);
            rows.push((Duration::from_micros(*bound).as_secs_f64(), below));
        }
        let all = below + self.beyond.load(Ordering::Relaxed);
        let sum = Duration::from_micros(self.sum_us.load(Ordering::Relaxed)).as_secs_f64();
        (rows, all, sum)
    }
}

/// How long the store takes. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timing(Arc<Operations>);

#[derive(Debug, Default)]
pub(crate) struct Operations {
    /// Waiting for the one writer.
    pub(crate) turn: Histogram,
    /// From the writer's turn to what is durable.
    pub(crate) change: Histogram,
    /// Making it durable.
    pub(crate) commit: Histogram,
    /// A snapshot, from its begin to its end.
    pub(crate) read: Histogram,
    /// The same of a look at a row or two.
    pub(crate) look_up: Histogram,
}

impl Timing {
    pub(crate) fn observe(&self, of: fn(&Operations) -> &Histogram, since: Instant) {
        of(&self.0).observe(since.elapsed());
    }

    pub(super) fn all(&self) -> [(&'static str, &Histogram); 5] {
        let operations = &*self.0;
        [
            ("turn", &operations.turn),
            ("change", &operations.change),
            ("commit", &operations.commit),
            ("read", &operations.read),
            ("look_up", &operations.look_up),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_has_all_that_took_no_longer() {
        let histogram = Histogram::default();
        for ms in [0, 1, 3, 70, 90_000] {
            histogram.observe(Duration::from_millis(ms));
        }
        let (rows, all, sum) = histogram.read();
        let below = |seconds: f64| rows.iter().find(|(bound, _)| *bound >= seconds).unwrap().1;
        assert_eq!(
            [below(0.001), below(0.005), below(0.1), below(60.0)],
            [2, 3, 4, 4]
        );
        assert_eq!(all, 5);
        assert!((sum - 90.074).abs() < 1e-9, "{sum}");
    }
}
