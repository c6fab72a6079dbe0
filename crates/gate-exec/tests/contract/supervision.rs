//! What holds while gate stays alive beside the tool.

use std::time::Instant;

use super::signals::{Job, send};
use super::wrapper::{Channel, DEADLINE, END, Wrapper, wait_for_end};

/// timeout(1) signals the process and at once its group. Bare, the kernel merges the two.
pub(crate) fn a_process_and_its_group_signalled_together_count_once(wrapper: &Wrapper) {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        let mut job = Job::start(wrapper.probe(&["count", "9"]));
        send(job.process(), signal);
        send(-job.group, signal);
        job.channel.wait_for(&format!("signal {signal} "));
        assert_eq!(job.count_at_end(signal), 1, "signal {signal}");
        let mut job = Job::start(wrapper.probe(&["count", "9"]));
        send(-job.group, signal);
        send(job.process(), signal);
        job.channel.wait_for(&format!("signal {signal} "));
        assert_eq!(
            job.count_at_end(signal),
            1,
            "signal {signal}, the group first"
        );
    }
}

/// sudo(8): "sudo will not relay signals that were sent by the command it is running".
pub(crate) fn a_signal_that_the_tool_sends_to_its_parent_is_not_sent_back(wrapper: &Wrapper) {
    let job = Job::start(wrapper.probe(&["parent", "9", "15"]));
    assert_eq!(job.count_at_end(libc::SIGTERM), 0);
}

/// DESIGN.md section 5 and THREATS.md 4.2, K6: the tool survives gate.
pub(crate) fn a_killed_gate_leaves_the_tool_alone_and_no_witness_behind(wrapper: &Wrapper) {
    let mut job = Job::start(wrapper.probe(&["count", "9"]));
    send(job.process(), libc::SIGKILL);
    assert_eq!(wait_for_end(&mut job.child), libc::SIGKILL);
    let deadline = Instant::now() + DEADLINE;
    while members(job.group) != [job.tool] {
        assert!(Instant::now() < deadline, "left: {:?}", members(job.group));
        std::thread::yield_now();
    }
    send(job.tool, libc::SIGUSR1);
    job.channel.wait_for("signal 10 ");
    send(job.tool, END);
    let report = job.channel.finish();
    assert_eq!(report.matches("signal ").count(), 2, "{report}");
}

fn members(group: i32) -> Vec<i32> {
    let folder = std::fs::read_dir("/proc").unwrap();
    folder
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        // SAFETY: a number; a process that is gone is only an error.
        .filter(|process| unsafe { libc::getpgid(*process) } == group)
        .collect()
}

/// An operator may pause a tool by its process id and let it go on in the same way.
pub(crate) fn a_tool_stopped_by_its_id_stops_gate_and_both_go_on(wrapper: &Wrapper) {
    let mut job = Job::start(wrapper.probe(&["hold", "9"]));
    send(job.tool, libc::SIGSTOP);
    wait_for_stop(job.process());
    send(job.tool, libc::SIGCONT);
    job.channel.wait_for("signal 18 ");
    assert_eq!(job.count_at_end(libc::SIGCONT), 1);
}

/// The whole job is stopped, and somebody who knows gate's process id only continues it.
pub(crate) fn a_group_stopped_and_gate_alone_continued_go_on_together(wrapper: &Wrapper) {
    let mut job = Job::start(wrapper.probe(&["hold", "9"]));
    send(-job.group, libc::SIGSTOP);
    wait_for_stop(job.process());
    send(job.process(), libc::SIGCONT);
    job.channel.wait_for("signal 18 ");
    assert_eq!(job.count_at_end(libc::SIGCONT), 1);
}

/// Waits until `process`, a child of this one, has stopped.
pub(crate) fn wait_for_stop(process: i32) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let mut status = 0;
        // SAFETY: a valid place for the status of a child.
        let changed =
            unsafe { libc::waitpid(process, &raw mut status, libc::WUNTRACED | libc::WNOHANG) };
        if changed == process {
            assert!(libc::WIFSTOPPED(status), "{status:x}");
            return;
        }
        assert!(Instant::now() < deadline, "gate did not stop with its tool");
        std::thread::yield_now();
    }
}

/// Signals to the group and to gate alone, one after the other, none lost and none doubled.
pub(crate) fn many_signals_to_process_and_group_are_counted_exactly(wrapper: &Wrapper) {
    let mut job = Job::start(wrapper.probe(&["count", "9"]));
    for round in 1..=20 {
        // Two numbers, so that the one cannot be taken for the other's twin.
        send(-job.group, libc::SIGUSR1);
        send(job.process(), libc::SIGUSR2);
        wait_for_count(&mut job.channel, libc::SIGUSR1, round);
        wait_for_count(&mut job.channel, libc::SIGUSR2, round);
    }
    assert_eq!(job.channel.count(libc::SIGUSR1), 20);
    assert_eq!(job.count_at_end(libc::SIGUSR2), 20);
}

fn wait_for_count(channel: &mut Channel, signal: i32, count: usize) {
    while channel.count(signal) < count {
        channel.wait_for_more();
    }
}
