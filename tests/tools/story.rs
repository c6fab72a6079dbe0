//! What every tool goes through: a read with the server down, and one
//! privileged command that is denied, runs out of time, is cancelled, is
//! approved, and fails. A component of the machine outside gate says each time
//! whether anything happened.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use gate_testkit::real::{Completed, run as run_bare};
use nix::sys::signal::Signal;

use crate::agent::{Agent, DOWN, Ended, Running, WITHIN, approve_as_bob, status};
use crate::server::run;

/// Counts the commands, for the reasons.
static STEPS: AtomicU32 = AtomicU32::new(0);

/// One tool with a read, a privileged command, and the oracle that sees it.
pub(crate) struct Story<'a> {
    pub(crate) agent: &'a Agent<'a>,
    /// Where the commands run.
    pub(crate) folder: &'a Path,
    pub(crate) read: &'a [&'a str],
    pub(crate) change: &'a [&'a str],
    /// All that the oracle has seen that no read leaves behind.
    pub(crate) trace: &'a dyn Fn() -> String,
}

impl Story<'_> {
    /// Returns `gate run` of the words in the folder, with a reason that was not
    /// given before: a denial answers whoever asks again with the old one.
    pub(crate) fn gated(&self, words: &[&str]) -> Command {
        let reason = format!("step {}", STEPS.fetch_add(1, Ordering::Relaxed));
        let mut command = self.agent.gate_run(&[], words);
        command.current_dir(self.folder).env("GATE_REASON", reason);
        command
    }

    /// Runs the words without gate.
    pub(crate) fn bare(&self, words: &[&str]) -> Completed {
        let (tool, arguments) = words.split_first().unwrap();
        let mut command = self.agent.home.command(tool);
        run_bare(command.args(arguments).current_dir(self.folder), WITHIN).unwrap()
    }

    /// A read needs nobody, so it runs with nobody there.
    pub(crate) fn a_read_passes_with_the_server_down(&self) {
        let bare = self.bare(self.read);
        assert!(bare.status.success(), "{bare:?}");
        let mut down = self.gated(self.read);
        let gated = run(down.env("GATE_SERVER", DOWN));
        assert_eq!(gated.code, Some(0), "{gated:?}");
        assert_eq!(gated.stdout, bare.stdout, "the same bytes as without gate");
        assert!(!gated.stdout.is_empty(), "a read that says nothing");
        assert!(!gated.stderr.contains("gate: "), "{gated:?}");
    }

    fn a_privileged_one_does_not_run_with_the_server_down(&self) {
        let before = (self.trace)();
        let refused = run(self.gated(self.change).env("GATE_SERVER", DOWN));
        assert_eq!(refused.code, Some(69), "{refused:?}");
        assert_eq!(refused.stdout, "", "{refused:?}");
        assert_eq!((self.trace)(), before, "it ran without an approval");
    }

    fn a_denied_one_does_not_run(&self) {
        let (before, live) = ((self.trace)(), self.agent.live);
        let mut command = self.gated(self.change);
        let mut running = Running::start(&mut command);
        let id = running.asked();
        let deny = ["deny", &id, "--comment", "not on a Friday"];
        let denied = run(&mut live.gate("bob_approver", &deny));
        assert_eq!(denied.code, Some(0), "{denied:?}");
        let ended = running.finish();
        assert_eq!(ended.code, Some(77), "{ended:?}");
        assert_eq!(ended.stdout, "", "{ended:?}");
        assert!(
            ended.stderr.contains("denied by bob: \"not on a Friday\""),
            "{ended:?}"
        );
        assert_eq!(status(live, &id), "denied");
        let again = Running::start(&mut command).finish();
        assert_eq!(again.code, Some(77), "a no is not asked away: {again:?}");
        assert_eq!((self.trace)(), before, "a denied command ran");
    }

    fn an_unanswered_one_does_not_run(&self) {
        let (before, live) = ((self.trace)(), self.agent.live);
        let rule = "[[rule]]\nid = \"short\"\neverything = true\ndecision = \"require_approval\"\n\
                    [rule.approval]\nrequest_ttl = \"1s\"\n";
        self.agent.rules("short", rule);
        let mut running = Running::start(&mut self.gated(self.change));
        let id = running.asked();
        let ended = running.finish();
        let rules = self.agent.home.config().join("gate/rules.d");
        std::fs::remove_dir_all(rules).unwrap();
        assert_eq!(ended.code, Some(75), "{ended:?}");
        assert_eq!(ended.stdout, "", "{ended:?}");
        assert!(
            ended.stderr.contains("nobody answered in time"),
            "{ended:?}"
        );
        assert_eq!(status(live, &id), "expired");
        assert_eq!((self.trace)(), before, "an unanswered command ran");
    }

    fn a_cancelled_one_does_not_run(&self) {
        let (before, live) = ((self.trace)(), self.agent.live);
        let mut running = Running::start(&mut self.gated(self.change));
        let id = running.asked();
        running.signal(Signal::SIGINT);
        let ended = running.finish();
        // signal(7): a program that was interrupted says so by its own death.
        assert_eq!((ended.code, ended.signal), (None, Some(2)), "{ended:?}");
        assert_eq!(ended.stdout, "", "{ended:?}");
        assert_eq!(status(live, &id), "cancelled");
        assert_eq!((self.trace)(), before, "a cancelled command ran");
    }

    /// Runs the words through gate; when they are asked for nothing has
    /// happened yet, and then bob approves.
    pub(crate) fn approved(&self, words: &[&str]) -> Ended {
        let before = (self.trace)();
        let mut running = Running::start(&mut self.gated(words));
        let id = running.asked();
        assert_eq!((self.trace)(), before, "it ran before it was approved");
        approve_as_bob(self.agent.live, &id);
        let ended = running.finish();
        let state = status(self.agent.live, &id);
        assert_eq!(state, "finished", "{ended:?}");
        ended
    }

    pub(crate) fn an_approved_one_runs(&self) -> Ended {
        let before = (self.trace)();
        let ended = self.approved(self.change);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_ne!((self.trace)(), before, "an approved command did not run");
        ended
    }

    /// An approved command that fails ends as it does without gate.
    pub(crate) fn a_failing_one_keeps_its_code(&self, words: &[&str], code: i32) {
        let gated = self.approved(words);
        assert_eq!(gated.code, Some(code), "{gated:?}");
        let bare = self.bare(words);
        assert_eq!(bare.status.code(), Some(code), "{bare:?}");
        assert_eq!(gated.stdout, bare.stdout);
    }

    /// Everything that does not run.
    pub(crate) fn nothing_runs_without_an_approval(&self) {
        self.a_privileged_one_does_not_run_with_the_server_down();
        self.a_denied_one_does_not_run();
        self.an_unanswered_one_does_not_run();
        self.a_cancelled_one_does_not_run();
    }
}
