//! Stopping with the tool, so that the shell sees its job stopped, and going on with it.

use std::ffi::c_int;
use std::time::Duration;

use crate::signal::SignalSet;
use crate::signal::relay::Relay;
use crate::syscall;

/// Stops this process by `signal`, which has just stopped the tool, and returns once it goes on.
/// Returns `true`, without having stopped, while a SIGCONT is on its way to the tool.
///
/// For the signals of a terminal the order closes a race. If the job is continued between the
/// tool's stop and ours, we would stop alone and for ever. So our own stop is made pending first;
/// then the tool is looked at again; a continue signal to the group that comes later than
/// that look takes our pending stop away (`signal(7)`, POSIX "Signal Generation").
///
/// SIGSTOP cannot be made pending. It is also what an operator sends to the tool's process id
/// alone, and continues it by the same: `relay` then has gate go on when the tool does.
pub(crate) fn stop_with_tool(tool: c_int, signal: c_int, relay: &mut Relay) -> bool {
    if signal == libc::SIGSTOP && relay.group_is_stopped() {
        return false;
    }
    // A job that was continued before we came to stop with it has its stop behind it. A SIGCONT
    // that waits for us does not say so by itself: the tool may have been stopped again since, and
    // our own share of that stop, which would take the SIGCONT away, be still on its way. The
    // kernel signals the tool before us, so the tool's state tells the two apart.
    let continued = SignalSet::EMPTY.with(libc::SIGCONT).bits();
    while let Some(info) = syscall::take_signal(continued, Some(Duration::ZERO)) {
        relay.receive(info);
    }
    if relay.will_continue() {
        return true;
    }
    if !is_stopped(tool) {
        return false;
    }
    if signal == libc::SIGSTOP {
        relay.watch(tool);
        syscall::kill(syscall::process_id(), signal);
        relay.watch(0);
        return false;
    }
    let own = SignalSet::EMPTY.with(signal).bits();
    let was_blocked = syscall::set_blocked(syscall::blocked() | own);
    syscall::kill(syscall::process_id(), signal);
    if is_stopped(tool) {
        syscall::set_blocked(was_blocked & !own);
    } else {
        syscall::take_signal(own, Some(Duration::ZERO));
    }
    syscall::set_blocked(was_blocked);
    false
}

/// Returns whether the tool, which was seen stopped, has neither gone on nor ended since.
fn is_stopped(tool: c_int) -> bool {
    // SAFETY: all zeroes is a valid `siginfo_t`.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WNOHANG | libc::WNOWAIT | libc::WEXITED | libc::WCONTINUED;
    // SAFETY: `info` is a valid place; the tool is a child that has not been waited for.
    unsafe { libc::waitid(libc::P_PID, tool.unsigned_abs(), &raw mut info, options) };
    // SAFETY: the kernel fills the fields of a child, or leaves the zeroes.
    let changed = unsafe { info.si_pid() };
    changed == 0
}
