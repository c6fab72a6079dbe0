//! What each signal does in this process, read and set as the kernel has it.

use std::ffi::c_int;

use super::SignalSet;
use crate::syscall::{self, LAST_SIGNAL};

/// Standard signals end here; above are the real-time ones, which no library sets to be ignored.
const LAST_STANDARD_SIGNAL: c_int = 31;

/// Returns the signals that are ignored now.
pub(crate) fn ignored() -> SignalSet {
    let mut set = SignalSet::EMPTY;
    let mut signal = 1;
    while signal <= LAST_SIGNAL {
        if syscall::action(signal).is_some_and(|action| action.handler == libc::SIG_IGN) {
            set = set.with(signal);
        }
        signal += 1;
    }
    set
}

/// Makes exactly the signals of `ignored` ignored and all other standard ones default.
///
/// Real-time signals outside the set are left alone: the kernel resets caught ones on `execve`.
/// Async-signal-safe: only system calls.
pub(crate) fn restore(ignored: SignalSet) {
    let mut signal = 1;
    while signal <= LAST_SIGNAL {
        if ignored.contains(signal) {
            syscall::set_action(signal, libc::SIG_IGN);
        } else if signal <= LAST_STANDARD_SIGNAL {
            syscall::set_action(signal, libc::SIG_DFL);
        }
        signal += 1;
    }
}
