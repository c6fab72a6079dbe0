//! What this process inherited, captured before Rust's runtime changes it.
//!
//! Rust's start-up sets SIGPIPE to be ignored and opens `/dev/null` on descriptors 0 to 2 that
//! were closed; `std::process::Command` then resets SIGPIPE and the mask for the child. A tool
//! behind gate must see neither. The capture is a function in `.init_array`: both the dynamic
//! loader and a static C library call it before `main`, and so before the runtime.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use crate::signal::{SignalSet, disposition};
use crate::syscall;

static IGNORED: AtomicU64 = AtomicU64::new(0);
static BLOCKED: AtomicU64 = AtomicU64::new(0);
static CLOSED: AtomicU8 = AtomicU8::new(0);
static IS_CAPTURED: AtomicBool = AtomicBool::new(false);

/// The three descriptors that have a meaning by their number.
const STANDARD_DESCRIPTORS: c_int = 3;

#[cfg(feature = "capture")]
#[used]
// SAFETY: the loader calls each entry once, before `main`, on the only thread. `capture` uses
// nothing that needs an initialised runtime: it makes system calls and stores to atomics.
#[unsafe(link_section = ".init_array")]
static CAPTURE: extern "C" fn() = capture;

#[cfg(feature = "capture")]
extern "C" fn capture() {
    record();
}

fn record() {
    IGNORED.store(disposition::ignored().bits(), Ordering::Relaxed);
    BLOCKED.store(syscall::blocked(), Ordering::Relaxed);
    let mut closed = 0_u8;
    for descriptor in 0..STANDARD_DESCRIPTORS {
        if !is_open(descriptor) {
            closed |= 1 << descriptor;
        }
    }
    CLOSED.store(closed, Ordering::Relaxed);
    IS_CAPTURED.store(true, Ordering::Relaxed);
}

fn is_open(descriptor: c_int) -> bool {
    // SAFETY: F_GETFD takes no argument and only reads.
    let result = unsafe {
        syscall::call(
            libc::SYS_fcntl,
            [
                descriptor.cast_unsigned() as usize,
                libc::F_GETFD.cast_unsigned() as usize,
                0,
                0,
            ],
        )
    };
    result >= 0
}

/// The inherited signals and standard descriptors, to be restored exactly before a tool starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitialState {
    ignored: SignalSet,
    blocked: SignalSet,
    closed: u8,
}

impl InitialState {
    /// Returns what this process inherited.
    ///
    /// A program without Rust's runtime (the shim, built without the feature `capture`) gets its
    /// present state, which nothing has changed.
    pub fn captured() -> Self {
        if !IS_CAPTURED.load(Ordering::Relaxed) {
            record();
        }
        Self {
            ignored: SignalSet::from_bits(IGNORED.load(Ordering::Relaxed)),
            blocked: SignalSet::from_bits(BLOCKED.load(Ordering::Relaxed)),
            closed: CLOSED.load(Ordering::Relaxed),
        }
    }

    /// Returns the signals that were ignored: they stay ignored in the tool, and gate neither
    /// handles nor relays them.
    pub fn ignored(&self) -> SignalSet {
        self.ignored
    }

    /// Returns the signals that were blocked.
    pub fn blocked(&self) -> SignalSet {
        self.blocked
    }

    /// Returns whether descriptor 0, 1 or 2 was closed; false for all others.
    pub fn was_closed(&self, descriptor: c_int) -> bool {
        (0..STANDARD_DESCRIPTORS).contains(&descriptor) && self.closed & (1 << descriptor) != 0
    }
}
