//! Runs the tool as a child, as if gate were not there, and learns how it ended.
//!
//! The child stays in gate's process group and session and on its terminal, so that the shell, the
//! terminal and whoever signals the group reach it as they would without gate. No handler is
//! installed: gate blocks every signal and takes them one by one with `sigtimedwait(2)`.

mod descriptors;
mod spawn;
mod timers;

use std::ffi::c_int;
use std::io;
use std::time::{Duration, Instant};

use crate::job_control;
use crate::launch::Plan;
use crate::resolve::passed::Bearer;
use crate::signal::SignalSet;
use crate::signal::relay::Relay;
use crate::syscall::{self, KernelAction};
use crate::{Command, ExecError, ExitReason, InitialState, Outcome};

/// What happens during a supervised run that the caller must know of.
pub trait SuperviseEvents {
    /// Called once, last before the tool starts, with all signals blocked: what arrives from now
    /// on is the tool's. `false` calls the run off ([`ExecError::CalledOff`]).
    fn may_start(&mut self) -> bool {
        true
    }

    /// Called once the tool's program is loaded and runs as process `pid`.
    fn started(&mut self, pid: u32);

    /// Called while the tool runs: once when gate has let go of what is now the tool's, and again
    /// when the time that it returned is over; `None` means never again. All signals are blocked
    /// meanwhile, and what waits for gate's attention waits for its end, so it must not block.
    fn meanwhile(&mut self) -> Option<Duration> {
        None
    }
}

/// Runs the tool as a child and returns when it has ended; its descendants may live on.
///
/// Once the tool has started, gate's own copies of the descriptors that it inherited, standard
/// error excepted, become `/dev/null`: the other ends of pipes see the tool close them, not gate.
/// A gate that is killed leaves the tool alone.
///
/// # Errors
/// [`ExecError`] when the tool did not start; then nothing of it ever ran. [`ExecError::Lost`] when
/// it did and its end cannot be learned.
///
/// Source: `sudo(8)`, "Process model" and "Signal handling".
pub fn supervise(
    command: &Command,
    initial: &InitialState,
    events: &mut dyn SuperviseEvents,
) -> Result<Outcome, ExecError> {
    let plan = Plan::prepare(command, initial, Bearer::Child)?;
    let signals = HeldSignals::hold(initial);
    let mut relay = Relay::start();
    if !events.may_start() {
        return Err(ExecError::CalledOff {
            path: command.tool.path.clone(),
        });
    }
    relay.take_early(signals.relayed().bits());
    let started = Instant::now();
    let tool = spawn::spawn(&plan, command, initial, &mut relay)?;
    relay.begin(tool);
    events.started(tool.unsigned_abs());
    descriptors::release();
    let (reason, usage) = attend(tool, &signals, &mut relay, command, events)?;
    Ok(Outcome::new(reason, started.elapsed(), &usage))
}

/// Waits for the tool's end, passing signals on and stopping with it meanwhile.
fn attend(
    tool: c_int,
    signals: &HeldSignals,
    relay: &mut Relay,
    command: &Command,
    events: &mut dyn SuperviseEvents,
) -> Result<(ExitReason, libc::rusage), ExecError> {
    let mut meanwhile = Meanwhile::begin(events);
    // The signal of a stop that gate has not followed yet, since the tool is about to go on.
    let mut unfollowed = None;
    loop {
        if !relay.will_continue()
            && let Some(signal) = unfollowed.take()
            && job_control::stop_with_tool(tool, signal, relay)
        {
            unfollowed = Some(signal);
        }
        let due = [relay.next_due(), meanwhile.left()];
        let due = due.into_iter().flatten().min();
        let Some(info) = syscall::take_signal(signals.held.bits(), due) else {
            relay.pass_on_due();
            meanwhile.call_if_due();
            continue;
        };
        if info.number != libc::SIGCHLD {
            relay.receive(info);
            relay.pass_on_due();
            continue;
        }
        while let Some((status, usage)) = wait(tool).map_err(|source| ExecError::Lost {
            path: command.tool.path.clone(),
            source,
        })? {
            if let Some(reason) = ExitReason::from_wait_status(status) {
                return Ok((reason, usage));
            }
            if libc::WIFSTOPPED(status) {
                unfollowed = Some(libc::WSTOPSIG(status))
                    .filter(|signal| job_control::stop_with_tool(tool, *signal, relay));
            }
        }
    }
}

/// What the caller does while the tool runs.
struct Meanwhile<'a> {
    events: &'a mut dyn SuperviseEvents,
    next: Option<Instant>,
}

impl<'a> Meanwhile<'a> {
    fn begin(events: &'a mut dyn SuperviseEvents) -> Self {
        let mut begun = Self { events, next: None };
        begun.call();
        begun
    }

    fn call(&mut self) {
        let after = self.events.meanwhile();
        self.next = after.and_then(|after| Instant::now().checked_add(after));
    }

    /// Returns how long it is until the next call.
    fn left(&self) -> Option<Duration> {
        let next = self.next?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    fn call_if_due(&mut self) {
        if self.left().is_some_and(|left| left.is_zero()) {
            self.call();
        }
    }
}

/// Returns the tool's next change of state, if there is one.
fn wait(tool: c_int) -> io::Result<Option<(c_int, libc::rusage)>> {
    let mut status = 0;
    // SAFETY: all zeroes is a valid `rusage`.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let options = libc::WNOHANG | libc::WUNTRACED;
    loop {
        // SAFETY: both places are valid; the tool is a child that has not been waited for.
        let changed = unsafe { libc::wait4(tool, &raw mut status, options, &raw mut usage) };
        match changed {
            0 => return Ok(None),
            pid if pid == tool => return Ok(Some((status, usage))),
            _ => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

/// All signals blocked, but for those ignored from the start; put back when dropped.
struct HeldSignals {
    held: SignalSet,
    blocked_before: u64,
    child_before: Option<KernelAction>,
}

impl HeldSignals {
    fn hold(initial: &InitialState) -> Self {
        // A blocked signal is queued even if it is ignored, so ignored ones stay unblocked. SIGCHLD
        // is needed either way: while it is ignored there are no children to wait for.
        let held = SignalSet::ALL.minus(initial.ignored()).with(libc::SIGCHLD);
        let blocked_before = syscall::set_blocked(held.bits());
        let child_before = syscall::action(libc::SIGCHLD);
        syscall::set_action(libc::SIGCHLD, libc::SIG_DFL);
        Self {
            held,
            blocked_before,
            child_before,
        }
    }

    /// The signals that may be the tool's concern.
    fn relayed(&self) -> SignalSet {
        self.held.without(libc::SIGCHLD)
    }
}

impl Drop for HeldSignals {
    fn drop(&mut self) {
        if self
            .child_before
            .is_some_and(|action| action.handler == libc::SIG_IGN)
        {
            syscall::set_action(libc::SIGCHLD, libc::SIG_IGN);
        }
        syscall::set_blocked(self.blocked_before);
    }
}
