//! Interval timers, which `execve(2)` keeps and a child does not inherit.
//!
//! `perl -e 'alarm 60; exec @ARGV' tool` is a common way to limit a tool's time. The alarm must go
//! off in the tool, so what is left of it moves to the child. Source: `getitimer(2)`.

use crate::syscall;

const KINDS: [libc::c_int; 3] = [libc::ITIMER_REAL, libc::ITIMER_VIRTUAL, libc::ITIMER_PROF];

const UNSET: libc::itimerval = libc::itimerval {
    it_interval: libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    },
    it_value: libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    },
};

/// The timers that were running in this process.
pub(super) struct Timers([libc::itimerval; 3]);

impl Timers {
    /// Reads the timers and stops them here.
    pub(super) fn take() -> Self {
        let mut timers = [UNSET; 3];
        for (kind, timer) in KINDS.into_iter().zip(&mut timers) {
            // SAFETY: the place is one valid `itimerval`.
            unsafe {
                syscall::call(
                    libc::SYS_getitimer,
                    [
                        kind.cast_unsigned() as usize,
                        (&raw mut *timer) as usize,
                        0,
                        0,
                    ],
                );
            }
            if is_running(timer) {
                set(kind, &UNSET);
            }
        }
        Self(timers)
    }

    /// Starts them with the time they had left, in the process that calls. System calls only.
    pub(super) fn restore(&self) {
        for (kind, timer) in KINDS.into_iter().zip(&self.0) {
            if is_running(timer) {
                set(kind, timer);
            }
        }
    }
}

fn is_running(timer: &libc::itimerval) -> bool {
    timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0
}

fn set(kind: libc::c_int, timer: &libc::itimerval) {
    // SAFETY: the timer is one valid `itimerval`; the old value is not asked for.
    unsafe {
        syscall::call(
            libc::SYS_setitimer,
            [
                kind.cast_unsigned() as usize,
                (&raw const *timer) as usize,
                0,
                0,
            ],
        );
    }
}
