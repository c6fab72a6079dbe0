//! Which signals gate passes on to the tool, and when.
//!
//! The tool is to receive each signal once, as it would without gate. What went to the whole
//! process group has reached it already; what went to gate alone is relayed; what the tool itself
//! sent is not sent back. Source: `sudo(8)`, "Signal handling", which cannot tell the first two
//! apart and so relays by origin; [`super::witness`] can.

use std::ffi::c_int;
use std::time::{Duration, Instant};

use super::witness::Witness;
use super::{STOPPING, SignalSet};
use crate::syscall::{self, SI_QUEUE, SignalInfo};

/// `timeout(1)` and some CI runners signal a process and then its group, which the kernel merges
/// into one signal when nobody stands between. A relay waits this long for its twin.
const TWIN_WINDOW: Duration = Duration::from_millis(50);

/// Decides about and passes on the signals that gate takes while the tool runs.
#[derive(Debug)]
pub(crate) struct Relay {
    witness: Option<Witness>,
    gate: c_int,
    tool: c_int,
    deferred: Vec<(Instant, SignalInfo)>,
    /// Signals that went to the group a moment ago.
    recent: Vec<(Instant, c_int, c_int)>,
}

impl Relay {
    /// Starts the witness. All signals must be blocked, and there must be no tool yet.
    pub(crate) fn start() -> Self {
        Self {
            witness: Witness::start(),
            gate: syscall::process_id(),
            tool: 0,
            deferred: Vec::new(),
            recent: Vec::new(),
        }
    }

    /// Takes what came before there was a tool; [`Relay::begin`] passes it on.
    pub(crate) fn take_early(&mut self, relayed: u64) {
        if syscall::pending() & relayed == 0 {
            return;
        }
        while let Some(info) = syscall::take_signal(relayed, Some(Duration::ZERO)) {
            self.deferred.push((Instant::now(), info));
        }
        if let Some(witness) = &mut self.witness {
            witness.settle();
        }
    }

    /// Returns what went to the process group after [`Relay::take_early`] and before the calling
    /// process, which is to become the tool, was in it. System calls only.
    ///
    /// It is neither taken early nor the tool's by itself: a ^Z in that instant would stop everybody
    /// in the job but the tool, and with it gate. A process joins its group between two signals of
    /// the group, never during one (`copy_process` and `__kill_pgrp_info` exclude each other), so
    /// whatever the witness has and this process has not came before it.
    pub(crate) fn missed_by_newborn(&mut self) -> SignalSet {
        let Some(witness) = &mut self.witness else {
            return SignalSet::EMPTY;
        };
        // In this order: what comes between the two is pending here.
        let seen = witness.unsettled();
        seen.minus(SignalSet::from_bits(syscall::pending()))
    }

    /// Names the tool, which has just started.
    pub(crate) fn begin(&mut self, tool: c_int) {
        self.tool = tool;
        self.pass_on_due();
    }

    /// Decides about one signal that gate has taken.
    pub(crate) fn receive(&mut self, info: SignalInfo) {
        self.forget_undone(info.number);
        let is_from_kernel = info.code > 0;
        let went_to_group = self
            .witness
            .as_mut()
            .and_then(|witness| witness.saw(info.number));
        if !is_from_kernel && self.is_internal(info.pid) {
            return;
        }
        let now = Instant::now();
        self.recent
            .retain(|(at, ..)| now.duration_since(*at) < TWIN_WINDOW);
        match went_to_group {
            Some(true) => {
                self.deferred
                    .retain(|(_, twin)| twin.number != info.number || twin.pid != info.pid);
                self.recent.push((now, info.number, info.pid));
            }
            Some(false) if is_from_kernel => self.pass_on_from_kernel(&info),
            // Without a witness the origin must do: the kernel signals groups, people processes.
            None if is_from_kernel => {}
            Some(false) | None => {
                let is_twin = self
                    .recent
                    .iter()
                    .any(|(_, number, pid)| *number == info.number && *pid == info.pid);
                if !is_twin {
                    self.deferred.push((now + TWIN_WINDOW, info));
                }
            }
        }
    }

    /// A stop takes away a SIGCONT that still waits, and the reverse, as in the kernel.
    ///
    /// It also mends the witness's word: a ^Z right after `fg` may take the SIGCONT from the witness
    /// before it is counted but after gate has it, and to relay that SIGCONT would undo the ^Z.
    /// Source: POSIX, "Signal Generation and Delivery".
    fn forget_undone(&mut self, arrived: c_int) {
        let is_undone = |waiting: c_int| match arrived {
            libc::SIGCONT => STOPPING.contains(&waiting),
            _ => waiting == libc::SIGCONT && STOPPING.contains(&arrived),
        };
        self.deferred.retain(|(_, info)| !is_undone(info.number));
    }

    /// Watches the tool while gate is stopped with it, and ends the watch when given 0.
    pub(crate) fn watch(&mut self, tool: c_int) {
        if let Some(witness) = &mut self.witness {
            witness.watch(tool);
        }
    }

    /// Returns whether SIGSTOP went to the whole group, so that the kernel stops gate by itself.
    pub(crate) fn group_is_stopped(&mut self) -> bool {
        self.witness.as_mut().is_some_and(Witness::is_stopped)
    }

    /// Returns whether a SIGCONT is on its way to the tool.
    pub(crate) fn will_continue(&self) -> bool {
        self.deferred
            .iter()
            .any(|(_, info)| info.number == libc::SIGCONT)
    }

    /// What the tool, gate or its witness sent is not for the tool.
    fn is_internal(&self, sender: c_int) -> bool {
        sender == self.tool
            || sender == self.gate
            || self
                .witness
                .as_ref()
                .is_some_and(|witness| witness.pid() == sender)
    }

    /// Returns how long gate may sleep before a relay is due.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        let due = self.deferred.iter().map(|(due, _)| *due).min()?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    /// Passes on what has waited long enough.
    pub(crate) fn pass_on_due(&mut self) {
        if self.deferred.is_empty() {
            return;
        }
        let now = Instant::now();
        let (due, later) = self.deferred.drain(..).partition(|(due, _)| *due <= now);
        self.deferred = later;
        let due: Vec<(Instant, SignalInfo)> = due;
        for (_, info) in due {
            self.pass_on(&info);
        }
    }

    /// The kernel signals single processes too: a session leader whose terminal hangs up. But what
    /// it says about gate's own use of resources does not concern the tool.
    fn pass_on_from_kernel(&self, info: &SignalInfo) {
        if !matches!(info.number, libc::SIGXCPU | libc::SIGXFSZ | libc::SIGPIPE) {
            self.pass_on(info);
        }
    }

    fn pass_on(&self, info: &SignalInfo) {
        if info.code == SI_QUEUE {
            // `sigqueue(3)` carries a value, which must arrive with it.
            let copy = SignalInfo::queued(info.number, info.pid, info.value);
            if syscall::queue_signal(self.tool, &copy) {
                return;
            }
        }
        syscall::kill(self.tool, info.number);
    }
}
