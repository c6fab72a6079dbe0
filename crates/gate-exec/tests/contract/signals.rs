//! Each signal reaches the tool once, whoever it was sent to and by whom.
//!
//! A count is taken after a mark: a signal sent to gate later than all others, which gate passes on
//! in order, so that whatever is still on its way arrives before it.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use super::wrapper::{Channel, END, Wrapper, set_up, wait_for_end};

/// The signals of THREATS.md 4.4, and one that carries no meaning of its own.
const RELAYED: [i32; 10] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGWINCH,
    libc::SIGCONT,
    40,
];

/// A probe in a process group of its own: the group has gate's process id.
pub(crate) struct Job {
    pub(crate) child: Child,
    pub(crate) channel: Channel,
    pub(crate) tool: i32,
    pub(crate) group: i32,
}

impl Job {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut channel = Channel::open();
        channel.attach(&mut command);
        let child = command.process_group(0).spawn().unwrap();
        let [tool, _, group] = channel.wait_for_probe("ready");
        assert_eq!(
            group,
            i32::try_from(child.id()).unwrap(),
            "the tool left the group"
        );
        Self {
            child,
            channel,
            tool,
            group,
        }
    }

    /// What the caller started: gate, or the tool itself.
    pub(crate) fn process(&self) -> i32 {
        self.group
    }

    /// Ends the probe and returns how often it saw `signal`.
    pub(crate) fn count_at_end(mut self, signal: i32) -> usize {
        send(self.process(), END);
        self.channel.wait_for(&format!("signal {END} "));
        assert_eq!(wait_for_end(&mut self.child), 0);
        self.channel.count(signal)
    }
}

pub(crate) fn send(process: i32, signal: i32) {
    // SAFETY: two numbers.
    let result = unsafe { libc::kill(process, signal) };
    assert_eq!(result, 0, "kill {process} {signal}");
}

fn counting(wrapper: &Wrapper) -> Job {
    Job::start(wrapper.probe(&["count", "9"]))
}

pub(crate) fn a_signal_to_the_process_reaches_the_tool_once(wrapper: &Wrapper) {
    for signal in RELAYED {
        let mut job = counting(wrapper);
        send(job.process(), signal);
        job.channel.wait_for(&format!("signal {signal} "));
        assert_eq!(job.count_at_end(signal), 1, "signal {signal}");
    }
}

/// terraform, "Two interrupts received. Exiting immediately": a second one costs the state.
pub(crate) fn a_signal_to_the_group_reaches_the_tool_once(wrapper: &Wrapper) {
    for signal in RELAYED {
        let mut job = counting(wrapper);
        send(-job.group, signal);
        job.channel.wait_for(&format!("signal {signal} "));
        assert_eq!(job.count_at_end(signal), 1, "signal {signal}");
    }
}

/// `timeout --foreground` stands in the same group and signals one process.
pub(crate) fn a_signal_from_within_the_group_reaches_the_tool_once(wrapper: &Wrapper) {
    let mut job = counting(wrapper);
    let status = Command::new("/bin/sh")
        .args(["-c", &format!("kill -TERM {}", job.process())])
        .process_group(job.group)
        .status()
        .unwrap();
    assert!(status.success());
    job.channel.wait_for("signal 15 ");
    assert_eq!(job.count_at_end(libc::SIGTERM), 1);
}

/// `kill 0` in a tool's own shell script reaches the tool already.
pub(crate) fn a_signal_that_the_tool_sends_to_its_group_reaches_it_once(wrapper: &Wrapper) {
    let mut job = Job::start(wrapper.probe(&["group", "9", "10"]));
    job.channel.wait_for("signal 10 ");
    assert_eq!(job.count_at_end(libc::SIGUSR1), 1);
}

/// sigqueue(3): the receiver gets a value and sees that it was queued (`SI_QUEUE`, -1).
pub(crate) fn a_queued_value_arrives_with_its_signal(wrapper: &Wrapper) {
    let mut job = counting(wrapper);
    let value = libc::sigval {
        sival_ptr: std::ptr::without_provenance_mut(7),
    };
    // SAFETY: numbers and a value that is not looked at here.
    assert_eq!(unsafe { libc::sigqueue(job.process(), 41, value) }, 0);
    job.channel.wait_for("signal 41 -1");
    assert_eq!(job.count_at_end(41), 1);
}

/// `perl -e 'alarm 60; exec @ARGV' tool`: execve(2) keeps the timer, a child does not get it.
pub(crate) fn an_alarm_set_before_goes_off_in_the_tool(wrapper: &Wrapper) {
    let mut command = wrapper.probe(&["count", "9"]);
    set_up(&mut command, || {
        // SAFETY: a number.
        unsafe { libc::alarm(1) };
    });
    let mut job = Job::start(command);
    job.channel.wait_for("signal 14 128");
    assert_eq!(job.count_at_end(libc::SIGALRM), 1);
}

/// nohup(1): a tool that does not ask for SIGHUP never learns of it, nor does gate die.
pub(crate) fn an_ignored_hangup_stays_ignored(wrapper: &Wrapper) {
    let mut command = wrapper.probe(&["hold", "9"]);
    set_up(&mut command, || {
        // SAFETY: a signal number and the constant for ignoring.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    });
    let job = Job::start(command);
    send(job.process(), libc::SIGHUP);
    send(-job.group, libc::SIGHUP);
    assert_eq!(job.count_at_end(libc::SIGHUP), 0);
}
