//! A set of signals in the kernel's own form, including the two that glibc hides.

use std::ffi::c_int;

use crate::syscall::LAST_SIGNAL;

/// A set of signal numbers from 1 to 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct SignalSet(u64);

impl SignalSet {
    /// The set without any signal.
    pub const EMPTY: Self = Self(0);
    /// The set of all signals.
    pub const ALL: Self = Self(u64::MAX);

    /// Returns the set whose bit `n - 1` stands for signal `n`, as in `/proc/PID/status`.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns the kernel's form: bit `n - 1` stands for signal `n`.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Returns whether `signal` is in the set; false for numbers that are no signals.
    pub const fn contains(self, signal: c_int) -> bool {
        self.0 & bit(signal) != 0
    }

    /// Returns the set with `signal` in it.
    #[must_use]
    pub const fn with(self, signal: c_int) -> Self {
        Self(self.0 | bit(signal))
    }

    /// Returns the set without `signal`.
    #[must_use]
    pub const fn without(self, signal: c_int) -> Self {
        Self(self.0 & !bit(signal))
    }

    /// Returns the signals of this set that are not in `other`.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the signals that are in this set or in `other`.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether no signal is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the signals in the set, the lowest number first.
    pub fn iter(self) -> impl Iterator<Item = c_int> {
        (1..=LAST_SIGNAL).filter(move |signal| self.contains(*signal))
    }
}

const fn bit(signal: c_int) -> u64 {
    if signal >= 1 && signal <= LAST_SIGNAL {
        1 << (signal - 1)
    } else {
        0
    }
}
