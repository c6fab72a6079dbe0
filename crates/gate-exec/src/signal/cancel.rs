//! Learning of a signal while waiting for people, so that the request can be cancelled first.
//!
//! Handlers, not blocked signals: a resolver thread of the network client may be alive that would
//! otherwise take the signal and its default action, before the request is cancelled.

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};

use crate::{InitialState, syscall};

/// Signals that ask a waiting gate to give up.
const CANCELLING: [c_int; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

static RECEIVED: AtomicI32 = AtomicI32::new(0);
static EVENT: AtomicI32 = AtomicI32::new(-1);

/// While it lives, the first of INT, TERM, HUP and QUIT does not end the process but is noted.
///
/// Signals that were ignored from the start (`nohup`) stay ignored. It may live on during
/// [`crate::supervise`], which has its own way with signals and gives the tool none of these
/// handlers: keep it until the outcome is recorded, ask [`Cancel::signal`] in
/// [`crate::SuperviseEvents::may_start`], and no signal can fall between.
#[derive(Debug)]
pub struct Cancel {
    event: OwnedFd,
    previous: Vec<(c_int, Previous)>,
}

/// The action that a signal had before.
struct Previous(libc::sigaction);

impl std::fmt::Debug for Previous {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Previous").finish_non_exhaustive()
    }
}

impl Cancel {
    /// Installs the handlers.
    ///
    /// # Errors
    /// `AlreadyExists` while another `Cancel` lives; what `eventfd(2)` reports.
    pub fn install(initial: &InitialState) -> io::Result<Self> {
        // SAFETY: two numbers; the result is checked.
        let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just made this descriptor, and nobody else owns it.
        let event = unsafe { OwnedFd::from_raw_fd(descriptor) };
        let claimed =
            EVENT.compare_exchange(-1, event.as_raw_fd(), Ordering::SeqCst, Ordering::SeqCst);
        if claimed.is_err() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        RECEIVED.store(0, Ordering::SeqCst);
        let previous = CANCELLING
            .into_iter()
            .filter(|signal| !initial.ignored().contains(*signal))
            .map(|signal| (signal, Previous(catch(signal))))
            .collect();
        Ok(Self { event, previous })
    }

    /// Returns the first signal that came, if one did. Pass it to [`crate::die_by_signal`] once
    /// the request is cancelled.
    pub fn signal(&self) -> Option<i32> {
        match RECEIVED.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }
}

impl AsFd for Cancel {
    /// Becomes readable with the first signal and stays so; never read from it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

impl AsRawFd for Cancel {
    fn as_raw_fd(&self) -> c_int {
        self.event.as_raw_fd()
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        for (signal, previous) in &self.previous {
            // SAFETY: the action is the one that `sigaction` itself returned for this signal.
            unsafe { libc::sigaction(*signal, &raw const previous.0, std::ptr::null_mut()) };
        }
        EVENT.store(-1, Ordering::SeqCst);
    }
}

fn catch(signal: c_int) -> libc::sigaction {
    // SAFETY: all zeroes is a valid `sigaction`: the default action, no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let mut previous = action;
    action.sa_sigaction = note as extern "C" fn(c_int) as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: both actions are valid, and `note` is async-signal-safe.
    unsafe { libc::sigaction(signal, &raw const action, &raw mut previous) };
    previous
}

/// Async-signal-safe, and leaves `errno` alone: an atomic store and one raw system call.
extern "C" fn note(signal: c_int) {
    let first = RECEIVED.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
    if first.is_err() {
        return;
    }
    let one = 1_u64;
    let descriptor = EVENT.load(Ordering::SeqCst);
    // SAFETY: eight valid bytes; a descriptor that is gone meanwhile is only an error.
    unsafe {
        syscall::call(
            libc::SYS_write,
            [
                descriptor.cast_unsigned() as usize,
                (&raw const one) as usize,
                size_of::<u64>(),
                0,
            ],
        );
    }
}
