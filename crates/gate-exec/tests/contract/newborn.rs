//! A signal to the group in the instant in which the tool's process does not exist yet.
//!
//! gate has stopped taking signals for itself, and the tool is not there to get them. The instant
//! lasts some microseconds, so gate is held in it by `ptrace(2)`.

use std::os::unix::process::CommandExt;
use std::process::Child;

use super::contract::signals::send;
use super::contract::supervision::wait_for_stop;
use super::contract::wrapper::{Channel, END, Wrapper, set_up, wait_for_end};

/// The tool catches none of these, so it dies of the signal, as it would without gate.
pub(crate) fn a_signal_before_the_tool_is_there_reaches_it(wrapper: &Wrapper) {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGUSR1, 40] {
        let channel = Channel::open();
        let mut gate = start_held(wrapper, &channel);
        let group = process(&gate);
        send(-group, signal);
        release(group);
        assert_eq!(wait_for_end(&mut gate), signal);
    }
}

/// A ^Z while a pipeline starts: a tool that missed it would go on, gate with it, and the shell
/// would wait for a job that never stops.
pub(crate) fn a_stop_before_the_tool_is_there_stops_both(wrapper: &Wrapper) {
    let mut channel = Channel::open();
    let mut gate = start_held(wrapper, &channel);
    let group = process(&gate);
    send(-group, libc::SIGTSTP);
    release(group);
    wait_for_stop(group);
    send(-group, libc::SIGCONT);
    channel.wait_for("ready");
    send(group, END);
    channel.wait_for(&format!("signal {END} "));
    assert_eq!(wait_for_end(&mut gate), 0);
}

/// Starts the probe behind `wrapper` and holds the wrapper, which leads a group, as it moves its
/// timers: the first step after it has looked for signals for the last time.
fn start_held(wrapper: &Wrapper, channel: &Channel) -> Child {
    let mut command = wrapper.probe(&["hold", "9"]);
    channel.attach(&mut command);
    set_up(&mut command, || {
        // SAFETY: it takes nothing.
        unsafe { libc::ptrace(libc::PTRACE_TRACEME) };
    });
    let child = command.process_group(0).spawn().unwrap();
    let gate = process(&child);
    let status = wait_for_change(gate);
    assert_eq!(
        libc::WSTOPSIG(status),
        libc::SIGTRAP,
        "it is held at its start"
    );
    let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL;
    // SAFETY: numbers; the process is a stopped one that this thread traces.
    let result = unsafe { libc::ptrace(libc::PTRACE_SETOPTIONS, gate, 0, options) };
    assert_eq!(result, 0);
    while next_call(gate) != libc::SYS_getitimer {}
    child
}

/// Lets `gate` go on to its next system call, and returns that.
fn next_call(gate: i32) -> i64 {
    // SAFETY: numbers; the process is a stopped one that this thread traces.
    let result = unsafe { libc::ptrace(libc::PTRACE_SYSCALL, gate, 0, 0) };
    assert_eq!(result, 0);
    let status = wait_for_change(gate);
    assert!(libc::WIFSTOPPED(status), "gate ended: {status:x}");
    // SAFETY: all zeroes is a valid value.
    let mut info: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
    let size = size_of_val(&info);
    // SAFETY: a stopped process that this thread traces, and a valid place of the given size.
    let result = unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, gate, size, &raw mut info) };
    assert!(result > 0);
    if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
        return -1;
    }
    // SAFETY: the kernel says that this is the member it filled.
    i64::try_from(unsafe { info.u.entry.nr }).unwrap()
}

fn release(gate: i32) {
    // SAFETY: numbers; the process is a stopped one that this thread traces.
    let result = unsafe { libc::ptrace(libc::PTRACE_DETACH, gate, 0, 0) };
    assert_eq!(result, 0);
}

fn process(child: &Child) -> i32 {
    i32::try_from(child.id()).unwrap()
}

/// Waits until `process`, a child of this one, has stopped or ended.
fn wait_for_change(process: i32) -> i32 {
    let mut status = 0;
    // SAFETY: a valid place for the status of a child.
    let changed = unsafe { libc::waitpid(process, &raw mut status, libc::WUNTRACED) };
    assert_eq!(changed, process);
    status
}
