//! Tells a signal sent to the whole process group from one sent to gate alone.
//!
//! The tool is in gate's process group, so a signal to the group (`kill -TERM -PGID`,
//! `timeout(1)`, a terminal's ^C) reaches it without gate's doing, and must not be relayed: a
//! second SIGTERM makes terraform give up its state. A signal to gate's own process id reaches
//! nobody else, and must be. `siginfo_t` looks the same in both cases.
//!
//! So one more process stands in the group and does nothing but count the signals it is sent: what
//! it has seen went to the group. It shares gate's memory and descriptors (`CLONE_VM`,
//! `CLONE_FILES`), so it costs no page tables, keeps no pipe open, and answers through an atomic.
//! It blocks every signal, is no child that `wait(2)` reports without `__WALL`, and dies with gate.
//!
//! The order makes it exact: the kernel signals the members of a group the youngest first
//! (`__kill_pgrp_info` walks a list whose head is the last to have joined), so whenever gate
//! has a signal of the group, the witness, who is younger, has it already.
//!
//! It must never touch thread-local storage, which it shares with gate: it makes raw system
//! calls only, and calls nothing that could panic.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::{SignalSet, tool_state};
use crate::syscall::{self, Entry, LAST_SIGNAL, SI_QUEUE, SignalInfo};

const STACK_BYTES: usize = 16 * 1024;
/// The highest signal is taken last, so a question is answered after all that came before it.
const QUESTION: c_int = LAST_SIGNAL;
/// Above this, signals queue up one by one; below, equal ones merge while they are pending.
const LAST_MERGING_SIGNAL: c_int = 31;
/// A witness that was stopped together with the group is woken after this long.
const PATIENCE: Duration = Duration::from_millis(20);
/// A witness that does not answer at all is given up after this long.
const DEADLINE: Duration = Duration::from_secs(1);
/// How often the witness looks at a tool that it watches.
const LOOK: Duration = Duration::from_millis(50);

/// What the two processes share.
#[derive(Debug)]
struct Shared {
    gate: c_int,
    /// How often each signal was seen; the index is its number.
    seen: [AtomicU32; 65],
    /// The number of the last question that was answered.
    answered: AtomicU32,
    /// The tool, while gate is stopped and is to go on with it; otherwise 0.
    watched: AtomicI32,
}

/// The second process, from gate's side.
#[derive(Debug)]
pub(crate) struct Witness {
    pid: c_int,
    shared: Box<Shared>,
    /// Held for the witness, which runs on it.
    _stack: Vec<u8>,
    asked: u32,
    /// How many of each signal gate has accounted for.
    settled: [u32; 65],
}

impl Witness {
    /// Starts a witness in this process group. The caller must have all signals blocked, which
    /// the witness inherits. Nothing when the system gives no process: gate then goes by the
    /// origin of a signal alone.
    pub(crate) fn start() -> Option<Self> {
        let shared = Box::new(Shared {
            gate: syscall::process_id(),
            seen: [const { AtomicU32::new(0) }; 65],
            answered: AtomicU32::new(0),
            watched: AtomicI32::new(0),
        });
        let mut stack = vec![0_u8; STACK_BYTES];
        let end = stack.as_mut_ptr_range().end;
        let top = end.wrapping_sub(end as usize % 16);
        let flags = libc::CLONE_VM | libc::CLONE_FILES | libc::CLONE_FS;
        let argument = (&raw const *shared).cast_mut().cast::<c_void>();
        // SAFETY: the stack is aligned, and it and `shared` live in `Self`, whose drop first
        // ends and reaps the witness. The entry makes raw system calls only.
        let result = unsafe {
            syscall::clone(
                flags.cast_unsigned() as usize,
                top,
                bear_witness as Entry,
                argument,
            )
        };
        (result > 0).then(|| Self {
            pid: syscall::truncate(result),
            shared,
            _stack: stack,
            asked: 0,
            settled: [0; 65],
        })
    }

    /// Returns whether `signal`, which gate has just taken, was also sent to the rest of the
    /// group. Nothing when the witness gives no answer.
    pub(crate) fn saw(&mut self, signal: c_int) -> Option<bool> {
        self.ask()?;
        let index = usize::try_from(signal).ok()?;
        let seen = self.shared.seen.get(index)?.load(Ordering::SeqCst);
        let settled = self.settled.get_mut(index)?;
        let unsettled = seen.wrapping_sub(*settled);
        if unsettled == 0 {
            return Some(false);
        }
        // Equal standard signals merge while pending, and may have merged in one process and not
        // in the other. What gate still has pending will be asked for again; the rest has merged.
        let will_ask_again = SignalSet::from_bits(syscall::pending()).contains(signal);
        *settled = if signal > LAST_MERGING_SIGNAL {
            settled.wrapping_add(1)
        } else if will_ask_again && unsettled > 1 {
            seen.wrapping_sub(1)
        } else {
            seen
        };
        Some(true)
    }

    /// Returns the witness's process id, the sender of the signal that [`Witness::watch`] promises.
    pub(crate) fn pid(&self) -> c_int {
        self.pid
    }

    /// Makes the witness continue gate as soon as `tool` is no longer stopped; 0 ends that.
    ///
    /// gate cannot see it: it is stopped itself, and SIGCHLD does not wake a stopped process.
    pub(crate) fn watch(&mut self, tool: c_int) {
        self.shared.watched.store(tool, Ordering::SeqCst);
        if tool != 0 {
            self.ask();
        }
    }

    /// Settles all that was seen so far: it was sent before there was a tool to receive it.
    pub(crate) fn settle(&mut self) {
        self.ask();
        for (settled, seen) in self.settled.iter_mut().zip(&self.shared.seen) {
            *settled = seen.load(Ordering::SeqCst);
        }
    }

    /// Returns what was seen and not accounted for; nothing when the witness gives no answer.
    ///
    /// A witness that does not answer is not woken: that would count, for whoever calls this is not
    /// gate to it.
    pub(crate) fn unsettled(&mut self) -> SignalSet {
        if self.ask_until(|| false).is_none() {
            return SignalSet::EMPTY;
        }
        let pairs = self.settled.iter().zip(&self.shared.seen);
        let open = pairs.map(|(settled, seen)| seen.load(Ordering::SeqCst) != *settled);
        (0..=LAST_SIGNAL)
            .zip(open)
            .filter(|(_, is_open)| *is_open)
            .fold(SignalSet::EMPTY, |set, (signal, _)| set.with(signal))
    }

    /// Returns whether the witness is stopped, which only SIGSTOP to the whole group does to it.
    ///
    /// It is asked, and not only looked at: a stop that is on its way comes before the answer.
    pub(crate) fn is_stopped(&mut self) -> bool {
        let mut is_stopped = false;
        let pid = self.pid;
        self.ask_until(|| {
            is_stopped = tool_state::is_stopped(pid);
            is_stopped
        });
        is_stopped
    }

    /// Waits until the witness has counted everything that was sent before now.
    fn ask(&mut self) -> Option<()> {
        let pid = self.pid;
        self.ask_until(|| {
            syscall::kill(pid, libc::SIGCONT);
            false
        })
    }

    /// Asks, and calls `unanswered` as long as there is no answer; `true` gives the question up.
    fn ask_until(&mut self, mut unanswered: impl FnMut() -> bool) -> Option<()> {
        self.asked = self.asked.wrapping_add(1);
        let question = SignalInfo::queued(QUESTION, self.shared.gate, u64::from(self.asked));
        if !syscall::queue_signal(self.pid, &question) {
            return None;
        }
        let asked_at = Instant::now();
        loop {
            let answered = self.shared.answered.load(Ordering::SeqCst);
            if answered == self.asked {
                return Some(());
            }
            let waited = asked_at.elapsed();
            if waited > DEADLINE || (waited > PATIENCE && unanswered()) {
                return None;
            }
            syscall::futex_wait(self.shared.answered.as_ptr(), answered, PATIENCE);
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        syscall::kill(self.pid, libc::SIGKILL);
        let mut status = 0;
        loop {
            // SAFETY: the pid is a child that has not been waited for; `status` is a valid place.
            let reaped = unsafe { libc::waitpid(self.pid, &raw mut status, libc::__WALL) };
            if reaped == self.pid
                || std::io::Error::last_os_error().raw_os_error() != Some(libc::EINTR)
            {
                return;
            }
        }
    }
}

/// The life of the witness.
extern "C" fn bear_witness(argument: *mut c_void) -> ! {
    // SAFETY: `Witness::start` passes a `Shared` that lives until this process is reaped.
    let shared = unsafe { &*argument.cast_const().cast::<Shared>() };
    syscall::die_with_parent(libc::SIGKILL);
    // The request above is for an end that comes later; this is for one that came before.
    if syscall::parent_id() != shared.gate {
        syscall::exit_now(0);
    }
    loop {
        let watched = shared.watched.load(Ordering::SeqCst);
        let Some(info) = syscall::take_signal(u64::MAX, (watched != 0).then_some(LOOK)) else {
            if watched != 0 && !tool_state::is_stopped(watched) {
                shared.watched.store(0, Ordering::SeqCst);
                syscall::kill(shared.gate, libc::SIGCONT);
            }
            continue;
        };
        let is_from_gate = info.pid == shared.gate && info.code <= 0;
        if is_from_gate && info.number == QUESTION && info.code == SI_QUEUE {
            shared
                .answered
                .store(low_half(info.value), Ordering::SeqCst);
            syscall::futex_wake(shared.answered.as_ptr());
        } else if !is_from_gate
            && let Some(seen) = shared.seen.get(info.number.unsigned_abs() as usize)
        {
            seen.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// The question's number, which [`Witness::ask`] widened.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it was a u32 when it was asked"
)]
const fn low_half(value: u64) -> u32 {
    value as u32
}
