//! Nothing privileged runs without a record that is durable before it, and a
//! run that began has its outcome kept, even where the tool fills the disk.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use gate_testkit::inside::{inside, killing};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::http::Message;
use crate::namespace::{isolated, own_script};
use crate::proxy::{Point, Proxy, Reply, Upstream, When};
use crate::stage::{Machine, Ran, Server, TOOL, Waiting, assert_told, run};

/// Runs `script` in a mount namespace of its own, where `deployer` is `tool`; `$0` is gate, `$1` the folder
/// of the queue.
pub(super) fn in_namespace(machine: &Machine, tool: &str, script: &str) -> Ran {
    let spool = machine.spool();
    std::fs::create_dir_all(&spool).unwrap();
    own_script(&machine.home, "deployer", tool);
    run(isolated(&machine.home, Path::new("/etc"), script).arg(&spool))
}

/// Makes a proxy where whatever is waited for is approved, and no outcome arrives.
pub(super) fn approving(server: &Server) -> Proxy {
    let proxy = Proxy::to(server.address);
    let bob = server.bob();
    proxy.set(Arc::new(move |asked: &Message, upstream: Upstream| {
        if Point::POLL.matches(asked) {
            bob.approve_polled(asked);
        }
        if Point::OUTCOME.matches(asked) {
            return Reply::Nothing;
        }
        upstream.pass(asked)
    }));
    proxy
}

/// Holds a lock of gate's as a gate does that was stopped in the middle of a step.
fn hold(path: &Path) -> File {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut options = File::options();
    let file = options.create(true).append(true).open(path).unwrap();
    file.lock().unwrap();
    file
}

/// The tries of other processes to take a lock: each gives the file its mode again, which changes
/// the time of its last change (chmod(2)).
struct Tries<'a> {
    lock: &'a Path,
    last: (i64, i64),
}

impl<'a> Tries<'a> {
    fn at(lock: &'a Path) -> Self {
        Self {
            lock,
            last: changed(lock),
        }
    }

    fn wait_for(mut self, count: usize) {
        let deadline = Instant::now() + HELD.end;
        for number in 1..=count {
            while changed(self.lock) == self.last {
                assert!(Instant::now() < deadline, "try {number} did not come");
                std::thread::sleep(Duration::from_millis(1));
            }
            self.last = changed(self.lock);
        }
    }
}

fn changed(path: &Path) -> (i64, i64) {
    let metadata = path.metadata().unwrap();
    (metadata.ctime(), metadata.ctime_nsec())
}

fn timed(command: &mut Command) -> (Ran, Duration) {
    let begun = Instant::now();
    (run(command), begun.elapsed())
}

/// How long gate waits for another that holds the queue before a privileged command, with what a
/// busy machine needs around it.
const HELD: Range<Duration> = Duration::from_secs(10)..Duration::from_mins(1);

#[test]
fn a_stopped_gate_that_holds_the_queue_stops_what_must_be_recorded_and_nothing_else() {
    let server = Server::start("");
    let proxy = approving(&server);
    let machine = Machine::of(&server, proxy.address);
    machine.home.script("kubectl", "#!/bin/sh\n").unwrap();
    let held = hold(&machine.spool().join("lock"));
    let (ran, took) = timed(&mut machine.deploy("60s", "now"));
    assert_eq!(ran.code, Some(125), "{ran:?}");
    assert_told("held", &ran, "is stopped");
    assert!(ran.stderr.contains("another gate holds"), "{ran:?}");
    assert!(ran.stderr.contains("is stopped"), "{ran:?}");
    assert!(HELD.contains(&took), "{took:?}");
    assert_eq!(machine.canary(), [""; 0], "{ran:?}");

    let read = ["run", "--", "kubectl", "get", "pods"];
    let (ran, took) = timed(&mut machine.gate(&read));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("is not recorded"), "{ran:?}");
    assert!(took < HELD.end, "{took:?}");
    drop(held);
    assert_eq!(run(&mut machine.deploy("60s", "now")).code, Some(0));
    assert_eq!(machine.canary(), ["now"]);
}

#[test]
fn ctrl_c_ends_the_wait_for_a_stopped_gate_that_holds_the_queue() {
    let server = Server::start("");
    let proxy = approving(&server);
    let machine = Machine::of(&server, proxy.address);
    let lock = machine.spool().join("lock");
    let held = hold(&lock);
    let mut waiting = Waiting::start(&machine, "now");
    assert_eq!(waiting.until("ended")["status"], "approved");
    Tries::at(&lock).wait_for(1);
    waiting.signal(Signal::SIGINT);
    let ran = waiting.end();
    assert_eq!(ran.signal, Some(Signal::SIGINT as i32), "{ran:?}");
    let told = events(&ran);
    assert_eq!(told.last().unwrap()["event"], "not_run", "{ran:?}");
    drop(held);
    assert_eq!(machine.canary(), [""; 0]);
    // The approval was not used up.
    assert_eq!(run(&mut machine.deploy("60s", "now")).code, Some(0));
    assert_eq!(machine.canary(), ["now"]);
}

/// The outcome of a run is the run's own, however long another gate holds the queue meanwhile.
#[test]
fn a_delivery_is_for_later_while_another_gate_holds_the_queue() {
    let server = Server::start("");
    let proxy = Proxy::to(server.address);
    let machine = Machine::of(&server, proxy.address);
    machine.home.script("kubectl", "#!/bin/sh\n").unwrap();
    let read = ["run", "--", "kubectl", "get", "pods"];
    assert_eq!(run(&mut machine.gate(&read)).code, Some(0));
    let lock = machine.spool().join("lock");
    let held = hold(&lock);
    // Asking catches up with what earlier runs left, and can't.
    let ask = ["run", "--no-wait", "--", "deployer", "now"];
    let (ran, took) = timed(&mut machine.gate(&ask));
    assert_eq!(ran.code, Some(75), "{ran:?}");
    assert!(took < HELD.end, "{took:?}");
    let (ran, took) = timed(&mut machine.gate(&["audit", "flush"]));
    assert_eq!(ran.code, Some(125), "{ran:?}");
    assert!(HELD.contains(&took), "{took:?}");
    drop(held);

    // Another gate takes the queue while the server has the batch: its confirmation can't be kept.
    let stop = proxy.stop_at(Point::post("/v1/events", "").when(When::After));
    let mut flush = machine.gate(&["audit", "flush"]);
    let flushing = std::thread::spawn(move || run(&mut flush));
    stop.reached();
    let held = hold(&lock);
    let tries = Tries::at(&lock);
    stop.go_on();
    // The first may end after the lock is let go; when the second comes, it has failed.
    tries.wait_for(2);
    drop(held);
    let flushed = flushing.join().unwrap();
    assert_eq!(
        (flushed.code, flushed.stdout.as_str()),
        (Some(0), "delivered 1 events\n")
    );
}

#[test]
fn a_stopped_gate_that_holds_the_rules_is_waited_for_no_longer_than_a_moment() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    let rules = machine.home.state().join("gate/rules");
    let held = hold(&rules.join("lock"));
    for command in [vec!["rules", "pull"], vec!["run", "--", "deployer", "now"]] {
        let (ran, took) = timed(&mut machine.gate(&command));
        assert_eq!(ran.code, Some(125), "{command:?}: {ran:?}");
        assert_told("held", &ran, "is stopped");
        assert!(ran.stderr.contains("is stopped"), "{ran:?}");
        assert!(took < HELD.end, "{took:?}");
    }
    assert_eq!(machine.canary(), [""; 0]);
    drop(held);
    assert_eq!(run(&mut machine.gate(&["rules", "pull"])).code, Some(0));
}

/// docs/events.md: "until the tool starts nothing but these lines is on stderr", and what comes
/// after is an event too.
#[test]
fn a_program_is_told_in_an_event_that_an_outcome_waits_for_its_delivery() {
    let server = Server::start("");
    let proxy = approving(&server);
    let machine = Machine::of(&server, proxy.address);
    let ran = Waiting::start(&machine, "now").end();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let told = events(&ran);
    let note = told.last().unwrap();
    assert_eq!(
        (&note["event"], &note["about"]),
        (&"note".into(), &"delivery".into())
    );
    assert_eq!(note["message"], note["lines"][0], "{note}");
    let mend = note["lines"][1].as_str().unwrap();
    assert!(mend.contains("`gate audit flush`"), "{note}");
}

#[test]
fn a_program_is_told_in_an_event_that_a_read_is_not_on_record() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    let spool = machine.spool();
    std::fs::create_dir_all(spool.parent().unwrap()).unwrap();
    std::fs::write(&spool, b"").unwrap();
    machine.home.script("kubectl", "#!/bin/sh\n").unwrap();
    let ran = run(&mut machine.gate(&["run", "--json", "--", "kubectl", "get", "pods"]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let told = events(&ran);
    let [note] = told.as_slice() else {
        unreachable!("{told:?}");
    };
    assert_eq!(
        (&note["event"], &note["about"]),
        (&"note".into(), &"record".into())
    );
    let message = note["message"].as_str().unwrap();
    assert!(message.contains("is not recorded"), "{note}");
}

/// Returns what a program was told, all of which is events.
fn events(ran: &Ran) -> Vec<Value> {
    let lines = ran.stderr.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| unreachable!("{ran:?}")))
        .collect()
}

const DEPLOY: &str = "exec \"$0\" run --timeout 20s -- deployer now";
const SMALL: &str = "mount -t tmpfs -o size=128k none \"$1\"";
const FILL: &str = "dd if=/dev/zero of=\"$1/fill\" bs=4k 2>\"$HOME/dd\"";

#[test]
fn without_room_or_leave_to_record_nothing_runs() {
    let server = Server::start("");
    let proxy = approving(&server);
    let cases = [
        ("full", format!("{SMALL}; {FILL}; {DEPLOY}")),
        (
            "full after it was made",
            format!("{SMALL}; \"$0\" audit flush >\"$HOME/flushed\"; {FILL}; {DEPLOY}"),
        ),
        (
            "read-only",
            format!("mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"; {DEPLOY}"),
        ),
        ("a file", format!("rmdir \"$1\"; : >\"$1\"; {DEPLOY}")),
    ];
    for (case, script) in cases {
        let machine = Machine::of(&server, proxy.address);
        let ran = in_namespace(&machine, TOOL, &script);
        assert_eq!(ran.code, Some(125), "{case}: {ran:?}");
        let next = "nothing privileged runs without a record: make room or mend the folder";
        assert_told(case, &ran, next);
        assert_eq!(machine.canary(), [""; 0], "{case}: {ran:?}");
    }
}

#[test]
fn a_state_folder_that_can_not_be_is_told_with_its_variable_and_its_mend() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    let file = machine.home.write("a file", "").unwrap();
    for base in [file.clone(), file.join("below"), "/proc/none".into()] {
        // What can't be read there is bad rules.
        let unread = if base.starts_with("/proc") { 125 } else { 78 };
        for (command, code) in [
            (&["run", "--", "deployer", "now"][..], unread),
            (&["audit", "flush"][..], 125),
            (&["rules", "pull"][..], 125),
        ] {
            let mut gate = machine.gate(command);
            let ran = run(gate.env("XDG_STATE_HOME", &base));
            assert_eq!(ran.code, Some(code), "{command:?}: {ran:?}");
            for told in [
                format!("XDG_STATE_HOME ({})", base.display()),
                format!("`{}`", base.join("gate").display()),
                "set it to a folder that you can write, or unset it".to_owned(),
            ] {
                assert!(ran.stderr.contains(&told), "{command:?} {told}: {ran:?}");
            }
        }
    }
    assert_eq!(machine.canary(), [""; 0]);
}

/// A gate that is killed while it writes leaves the file that it had begun.
#[test]
fn what_a_killed_gate_had_begun_to_write_is_cleaned_up_when_it_is_old() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    machine.home.script("kubectl", "#!/bin/sh\n").unwrap();
    let read = ["run", "--", "kubectl", "get", "pods"];
    let killed = run(&mut inside(&killing("fsync", 1), &machine.gate(&read)));
    assert_eq!(killed.signal, Some(Signal::SIGKILL as i32), "{killed:?}");
    let left = || {
        let names = std::fs::read_dir(machine.spool()).unwrap();
        let names = names.map(|entry| entry.unwrap().path());
        let is_begun = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("events.jsonl.")
        };
        names.filter(is_begun).collect::<Vec<_>>()
    };
    let begun = left();
    let [file] = begun.as_slice() else {
        unreachable!("{begun:?}");
    };
    // It may be in the hands of a gate that is at work.
    assert_eq!(run(&mut machine.gate(&read)).code, Some(0));
    assert_eq!(left(), begun);
    let old = SystemTime::now() - Duration::from_hours(2);
    let opened = File::options().write(true).open(file).unwrap();
    opened.set_modified(old).unwrap();
    assert_eq!(run(&mut machine.gate(&read)).code, Some(0));
    assert_eq!(left(), [""; 0].map(PathBuf::from));
}

#[test]
fn a_tool_that_fills_the_disk_still_leaves_its_outcome() {
    let server = Server::start("");
    let proxy = approving(&server);
    let machine = Machine::of(&server, proxy.address);
    let filler = "echo \"$*\" >>\"$HOME/canary\"\n\
                  dd if=/dev/zero of=\"$SPOOL/fill\" bs=4k 2>\"$HOME/dd\"\nexit 7\n";
    let script = format!(
        "{SMALL}; export SPOOL=\"$1\"; \"$0\" run --timeout 20s -- deployer now; code=$?\n\
         cp \"$1/events.jsonl\" \"$HOME/kept\"; exit $code"
    );
    let ran = in_namespace(&machine, filler, &script);
    assert_eq!(ran.code, Some(7), "{ran:?}");
    assert_eq!(machine.canary(), ["now"]);
    let full = std::fs::read_to_string(machine.home.path().join("dd")).unwrap();
    assert!(full.contains("No space left"), "{full}");
    let kept = std::fs::read_to_string(machine.home.path().join("kept")).unwrap();
    let finished: Vec<&str> = kept
        .lines()
        .filter(|line| line.contains("run_finished"))
        .collect();
    let [finished] = finished.as_slice() else {
        unreachable!("{kept}");
    };
    assert!(finished.contains("\"exit_code\":7"), "{finished}");
}

/// A container often has a HOME that is nowhere; a tool does not make one, and neither does gate.
#[test]
fn a_home_that_is_not_there_is_not_made() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    machine.home.script("kubectl", "#!/bin/sh\n").unwrap();
    let nowhere = machine.home.path().join("nowhere");
    let at_nowhere = |words: &[&str]| {
        let mut command = machine.gate(words);
        command.env("HOME", nowhere.join("home"));
        for variable in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
            command.env_remove(variable);
        }
        run(&mut command)
    };
    let read = at_nowhere(&["run", "--", "kubectl", "get", "pods"]);
    assert_eq!(read.code, Some(0), "{read:?}");
    assert!(read.stderr.contains("not recorded"), "{read:?}");
    let deploy = at_nowhere(&["run", "--", "deployer", "now"]);
    assert_eq!(deploy.code, Some(125), "{deploy:?}");
    assert!(deploy.stderr.contains("HOME names a folder"), "{deploy:?}");
    assert_eq!(machine.canary(), [""; 0]);
    assert!(!nowhere.exists());
}
