//! What the server knows of a run when it is over.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::agent::{Agent, Running, approve_as_bob, shown};
use crate::server::{Live, run};

/// Runs the script as an approved tool and returns the request's id and the end.
fn approved(agent: &Agent<'_>, script: &str) -> (String, crate::agent::Ended) {
    agent
        .home
        .script("job", &format!("#!/bin/sh\n{script}\n"))
        .unwrap();
    let mut waiting = Running::start(&mut agent.gate_run(&[], &["job"]));
    let id = waiting.asked();
    approve_as_bob(agent.live, &id);
    (id, waiting.finish())
}

fn outcome(live: &Live, id: &str) -> gate_protocol::event::RunOutcome {
    let request = shown(live, id);
    assert_eq!(request.status.as_str(), "finished");
    request.outcome.unwrap()
}

#[test]
fn how_a_run_ended_and_what_it_used_is_on_record() {
    let live = Live::start();
    let agent = Agent::new(&live);
    // 64 MiB in one buffer, and half a second.
    let (id, ended) = approved(
        &agent,
        "dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null; sleep 0.5; exit 42",
    );
    assert_eq!(ended.code, Some(42), "{ended:?}");
    let outcome = outcome(&live, &id);
    assert_eq!((outcome.exit_code, outcome.signal), (Some(42), None));
    assert!((500..30_000).contains(&outcome.duration_ms), "{outcome:?}");
    assert!(
        (64 << 20..1 << 30).contains(&outcome.max_rss_bytes),
        "{outcome:?}"
    );
    assert!(
        outcome.user_ms + outcome.system_ms <= outcome.duration_ms * 2,
        "{outcome:?}"
    );

    let log = run(&mut live.gate("auditor", &["audit", "log", "--json", "--request", &id]));
    let types: Vec<String> = log
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|record| record["type"].as_str().unwrap_or_default().to_owned())
        .collect();
    let position = |name: &str| types.iter().position(|one| one == name);
    let steps = [
        "request.created",
        "decision.recorded",
        "grant.claimed",
        "run.started",
        "run.finished",
    ];
    let places: Vec<_> = steps.iter().map(|step| position(step)).collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{types:?}"
    );
    agent.assert_log_verifies();
}

#[test]
fn death_by_a_signal_is_on_record_as_such() {
    let live = Live::start();
    let agent = Agent::new(&live);
    let (id, ended) = approved(&agent, "kill -TERM $$");
    assert_eq!((ended.code, ended.signal), (None, Some(15)), "{ended:?}");
    let outcome = outcome(&live, &id);
    assert_eq!((outcome.exit_code, outcome.signal), (None, Some(15)));
    agent.assert_log_verifies();
}

#[test]
fn nothing_is_left_to_report_after_a_run() {
    let live = Live::start();
    let agent = Agent::new(&live);
    let (_, ended) = approved(&agent, "exit 0");
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    let mut flush = agent.home.command(crate::server::GATE);
    let before = shown_log_size(&live);
    let flushed = run(flush.args(["audit", "flush"]));
    assert_eq!(flushed.code, Some(0), "{flushed:?}");
    assert_eq!(shown_log_size(&live), before, "every fact is there once");
    agent.assert_log_verifies();
}

#[test]
fn a_callers_umask_takes_nothing_from_gate_and_reaches_the_tool() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.script("job", "#!/bin/sh\numask\n").unwrap();
    std::fs::remove_dir_all(agent.home.state()).unwrap();
    let script = "umask 0777; exec \"$0\" run -- job";
    let mut shell = agent.home.command("sh");
    let mut waiting = Running::start(shell.args(["-c", script, crate::server::GATE]));
    approve_as_bob(&live, &waiting.asked());
    let ended = waiting.finish();
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "0777\n"),
        "{ended:?}"
    );
    let mut ahead = vec![agent.home.state()];
    let mut files = 0;
    while let Some(path) = ahead.pop() {
        let kept = path.metadata().unwrap();
        let mode = kept.permissions().mode() & 0o777;
        if kept.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            let inside = std::fs::read_dir(&path).unwrap();
            ahead.extend(inside.map(|entry| entry.unwrap().path()));
        } else {
            assert_eq!(mode, 0o600, "{}", path.display());
            files += 1;
        }
    }
    assert!(files > 3, "keys, queue and position: {files}");
}

fn shown_log_size(live: &Live) -> usize {
    let log = run(&mut live.gate(
        "auditor",
        &["audit", "log", "--json", "--limit", "1000", "--type", "run"],
    ));
    log.stdout.lines().count()
}

#[test]
fn what_earlier_runs_recorded_arrives_when_somebody_is_next_asked() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.script("kubectl", "#!/bin/sh\n").unwrap();
    agent.home.script("job", "#!/bin/sh\n").unwrap();
    let read = run(&mut agent.gate_run(&[], &["kubectl", "get", "pods"]));
    assert_eq!(read.code, Some(0), "{read:?}");
    let recorded = || {
        let log = run(&mut live.gate("auditor", &["audit", "log", "--json"]));
        log.stdout
            .lines()
            .filter(|line| line.contains("allow.recorded"))
            .count()
    };
    assert_eq!(recorded(), 0);
    let asked = run(&mut agent.gate_run(&["--no-wait"], &["job"]));
    assert_eq!(asked.code, Some(75), "{asked:?}");
    assert_eq!(recorded(), 1);
    let spool = run(agent
        .home
        .command(crate::server::GATE)
        .args(["audit", "verify", "--spool"]));
    assert!(spool.stdout.contains("0 not confirmed"), "{spool:?}");
    agent.assert_log_verifies();
}
