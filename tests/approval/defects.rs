//! What happens where gate itself fails: nothing runs, and the code and a line say so.

use std::process::Stdio;

use serde_json::Value;

use crate::agent::{Agent, Ended, Running};
use crate::server::{GATE, Live};
use crate::stage::{agent_with_deploy, trace};

/// Asks, with so many descriptors and after `first` in the shell that sets them.
fn ask_with(agent: &Agent<'_>, limit: i32, first: &str) -> Ended {
    let script = format!("{first}ulimit -n {limit}; exec \"$@\"");
    let mut command = agent.home.command("/bin/sh");
    command
        .args(["-c", &script, "sh", GATE])
        .args(["run", "--no-wait", "--", "deploy", &limit.to_string()])
        .stdin(Stdio::null());
    let ended = Running::start(&mut command).finish();
    // Asked (75), or one of the ways in which gate says that it could not.
    let is_said = matches!(ended.code, Some(69 | 75 | 78 | 125 | 126 | 127));
    assert!(is_said, "{limit}: {ended:?}");
    ended
}

/// README: "125 gate itself failed". So few descriptors are left that the network runtime can't
/// be made; whether it says so by an error or panics is not its caller's affair.
#[test]
fn without_descriptors_gate_fails_as_itself_and_runs_nothing() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let mut codes = Vec::new();
    for limit in 4..=16 {
        let ended = ask_with(&agent, limit, "");
        let is_ours =
            ended.code == Some(127) || ended.stderr.lines().all(|line| line.starts_with("gate: "));
        assert!(is_ours && !ended.stderr.is_empty(), "{limit}: {ended:?}");
        codes.push(ended.code);
    }
    assert!(
        codes.contains(&Some(125)) && codes.contains(&Some(75)),
        "{codes:?}"
    );
    assert_eq!(trace(&agent), "", "nothing ran");
    agent.assert_log_verifies();
}

/// docs/events.md: "until the tool starts nothing but these lines is on stderr".
#[test]
fn a_program_is_told_of_a_failure_of_gate_itself_in_events() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let mut defects = 0;
    for limit in 4..=16 {
        let script = format!("ulimit -n {limit}; exec \"$@\"");
        let mut command = agent.home.command("/bin/sh");
        command
            .args(["-c", &script, "sh", GATE])
            .args(["run", "--json", "--no-wait", "--", "deploy", "now"])
            .stdin(Stdio::null());
        let ended = Running::start(&mut command).finish();
        if ended.code == Some(127) {
            // The loader had too few itself, and these are its words.
            continue;
        }
        let lines = ended.stderr.lines();
        let told: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{limit}: {ended:?}")))
            .collect();
        assert_eq!(told.last().unwrap()["event"], "not_run", "{limit}");
        defects += told.iter().filter(|told| told["about"] == "defect").count();
    }
    assert!(defects > 0, "gate failed as itself in one case at least");
    assert_eq!(trace(&agent), "", "nothing ran");
}

#[test]
fn with_a_closed_stderr_a_defect_is_the_same_end() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    for limit in 4..=12 {
        ask_with(&agent, limit, "exec 2>&-; ");
    }
    assert_eq!(trace(&agent), "", "nothing ran");
}
