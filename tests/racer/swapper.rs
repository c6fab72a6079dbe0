//! Somebody who swaps things at random times.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

/// Chance that is the same at every run: xorshift64*.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// Returns another of its own.
    pub(crate) fn fork(&mut self) -> Self {
        Self::new(self.next())
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Returns a time of up to so many milliseconds.
    pub(crate) fn wait(&mut self, milliseconds: u64) -> Duration {
        Duration::from_micros(self.below(milliseconds * 1_000))
    }

    /// Returns a part of a time.
    pub(crate) fn part_of(&mut self, time: Duration) -> Duration {
        let micros = u64::try_from(time.as_micros()).unwrap();
        Duration::from_micros(self.below(micros.max(1)))
    }

    /// Returns a line that was nowhere before, most likely.
    pub(crate) fn text(&mut self) -> String {
        format!("evil {}\n", self.next())
    }
}

/// Swaps again and again until it is stopped.
pub(crate) struct Swapper {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Swapper {
    pub(crate) fn start(
        mut chance: Chance,
        mut swap: impl FnMut(&mut Chance) + Send + 'static,
    ) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                swap(&mut chance);
                std::thread::sleep(chance.wait(2));
            }
        });
        Self { is_over, thread }
    }

    pub(crate) fn stop(self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

/// Puts each of two names in the place of the other, in one step.
pub(crate) fn exchange(one: &Path, other: &Path) {
    renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE).unwrap();
}
