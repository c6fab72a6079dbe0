//! Makes the child and learns whether the tool's program was loaded, from the kernel's own word.
//!
//! The child shares gate's memory until `execve(2)` and gate sleeps meanwhile (`CLONE_VM` and
//! `CLONE_VFORK`, as `posix_spawn(3)` does): nothing is copied, and the error number of a failed
//! `execve(2)` is simply left where gate finds it.

use std::ffi::{c_int, c_void};
use std::io;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use super::timers::Timers;
use crate::launch::Plan;
use crate::signal::relay::Relay;
use crate::signal::{STOPPING, SignalSet};
use crate::syscall;
use crate::{Command, ExecError, InitialState};

const STACK_BYTES: usize = 64 * 1024;

/// Stop signals that came to the child after it unblocked signals and before its `execve(2)`.
static STOPPED_EARLY: AtomicU64 = AtomicU64::new(0);

/// What gate leaves to the child while it sleeps.
struct Shared<'a> {
    plan: &'a Plan<'a>,
    relay: &'a mut Relay,
    timers: Timers,
    ignored: SignalSet,
    /// Signals that the process group got before the child was in it.
    missed: SignalSet,
    error: AtomicI32,
}

/// Starts the tool and returns its process id. All signals must be blocked.
pub(super) fn spawn(
    plan: &Plan<'_>,
    command: &Command,
    initial: &InitialState,
    relay: &mut Relay,
) -> Result<c_int, ExecError> {
    let mut shared = Shared {
        plan,
        relay,
        timers: Timers::take(),
        ignored: initial.ignored(),
        missed: SignalSet::EMPTY,
        error: AtomicI32::new(0),
    };
    STOPPED_EARLY.store(0, Ordering::SeqCst);
    let mut stack = vec![0_u8; STACK_BYTES];
    let end = stack.as_mut_ptr_range().end;
    let top = end.wrapping_sub(end as usize % 16);
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let argument = (&raw mut shared).cast::<c_void>();
    // SAFETY: the stack is aligned; it and `shared` outlive the child's use of them, and nobody else
    // uses them meanwhile, for with CLONE_VFORK this call returns only once the child has loaded the
    // tool or ended.
    let result = unsafe {
        syscall::clone(
            flags.cast_unsigned() as usize,
            top,
            become_tool as syscall::Entry,
            argument,
        )
    };
    if result < 0 {
        shared.timers.restore();
        return Err(ExecError::NoProcess {
            path: command.tool.path.clone(),
            source: io::Error::from_raw_os_error(syscall::truncate(-result)),
        });
    }
    let tool = syscall::truncate(result);
    let error = shared.error.load(Ordering::SeqCst);
    if error != 0 {
        reap(tool);
        shared.timers.restore();
        let source = io::Error::from_raw_os_error(error);
        return Err(ExecError::from_exec(command.tool.path.clone(), source));
    }
    let stopped_early = SignalSet::from_bits(STOPPED_EARLY.load(Ordering::SeqCst));
    for signal in shared.missed.union(stopped_early).iter() {
        syscall::kill(tool, signal);
    }
    Ok(tool)
}

/// The child: system calls only, on its own stack, in gate's memory.
extern "C" fn become_tool(argument: *mut c_void) -> ! {
    // SAFETY: `spawn` passes a `Shared` that lives, and that nobody else uses, until this child has
    // left its memory.
    let shared = unsafe { &mut *argument.cast::<Shared<'_>>() };
    shared.missed = shared.relay.missed_by_newborn();
    shared.timers.restore();
    let error = shared.plan.execute(|| catch_stops(shared.ignored));
    shared.error.store(error, Ordering::SeqCst);
    syscall::exit_now(127)
}

/// Notes stop signals until `execve(2)` makes them default again.
///
/// Were the child stopped between unblocking signals and `execve(2)`, gate would sleep in `clone(2)`,
/// deaf to everything, and the shell would wait for a job that neither stops nor ends.
fn catch_stops(ignored: SignalSet) {
    for signal in STOPPING {
        if ignored.contains(signal) {
            continue;
        }
        // SAFETY: all zeroes is a valid `sigaction`.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = note_stop as extern "C" fn(c_int) as usize;
        // SAFETY: the action is valid, and `note_stop` is async-signal-safe.
        unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    }
}

extern "C" fn note_stop(signal: c_int) {
    STOPPED_EARLY.fetch_or(SignalSet::EMPTY.with(signal).bits(), Ordering::SeqCst);
}

fn reap(child: c_int) {
    let mut status = 0;
    loop {
        // SAFETY: the child has not been waited for; `status` is a valid place.
        let reaped = unsafe { libc::waitpid(child, &raw mut status, 0) };
        if reaped == child || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}
