//! A request outlives its client: whoever runs the same command again goes on
//! with it.

use nix::sys::signal::Signal;

use crate::agent::{Running, WITHIN, approve, approve_as_bob, status};
use crate::server::{Live, run};
use crate::stage::{agent_with_deploy, asks_always, only_request, requests, trace};

#[test]
fn without_waiting_it_is_asked_once_and_run_after_the_approval() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    for _ in 0..2 {
        let asked = run(&mut agent.gate_run(&["--no-wait"], &["deploy", "web"]));
        assert_eq!(asked.code, Some(75), "{asked:?}");
        assert_eq!(asked.stdout, "", "{asked:?}");
        assert!(
            asked.stderr.contains("nobody has answered yet"),
            "{asked:?}"
        );
        assert!(
            asked.stderr.contains("run the same command again"),
            "{asked:?}"
        );
        for word in ["Ctrl-C", "waiting for"] {
            assert!(!asked.stderr.contains(word), "nobody waits: {asked:?}");
        }
    }
    let ids = requests(&live);
    assert_eq!(ids.len(), 1, "asked once: {ids:?}");
    assert_eq!(trace(&agent), "");
    approve_as_bob(&live, &ids[0]);
    let done = run(&mut agent.gate_run(&["--no-wait"], &["deploy", "web"]));
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (Some(5), "deployed\n"),
        "{done:?}"
    );
    assert_eq!(trace(&agent), "ran web\n");
    // What was approved once was approved for one run.
    let again = run(&mut agent.gate_run(&["--no-wait"], &["deploy", "web"]));
    assert_eq!(again.code, Some(75), "{again:?}");
    assert_eq!(requests(&live).len(), 2);
    assert_eq!(trace(&agent), "ran web\n");
    agent.assert_log_verifies();
}

/// README, Environment: `GATE_NO_WAIT` does what `--no-wait` does.
#[test]
fn a_variable_says_not_to_wait_and_the_command_line_comes_before_it() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    for value in ["1", "true", "please"] {
        let asked = run(agent.gate_run(&[], &["deploy"]).env("GATE_NO_WAIT", value));
        assert_eq!(asked.code, Some(75), "{value}: {asked:?}");
        assert!(!asked.stderr.contains("waiting for"), "{value}: {asked:?}");
    }
    for (value, options) in [
        ("1", &["--timeout", "1s"][..]),
        ("0", &["--timeout", "1s"]),
        ("", &["--timeout", "1s"]),
    ] {
        let waited = run(agent
            .gate_run(options, &["deploy"])
            .env("GATE_NO_WAIT", value));
        assert_eq!(waited.code, Some(75), "{value}: {waited:?}");
        assert!(
            waited.stderr.contains("waiting again for"),
            "{value}: {waited:?}"
        );
    }
    // It is for gate alone: neither answer nor question depends on it.
    assert_eq!(requests(&live).len(), 1);
    let mut waits = agent.gate_run(&[], &["deploy"]);
    let mut waits = Running::start(waits.env("GATE_NO_WAIT", "no"));
    let id = waits.asked();
    approve_as_bob(&live, &id);
    assert_eq!(waits.finish().code, Some(5));
    agent.assert_log_verifies();
}

#[test]
fn a_rerun_after_the_waiting_gate_was_killed_goes_on_with_the_same_request() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let mut first = Running::start(&mut agent.gate_run(&[], &["deploy", "web"]));
    let id = first.asked();
    first.signal(Signal::SIGKILL);
    assert_eq!(first.finish().signal, Some(9));
    assert_eq!(status(&live, &id), "pending");
    let mut second = Running::start(&mut agent.gate_run(&[], &["deploy", "web"]));
    assert_eq!(second.asked(), id);
    approve_as_bob(&live, &id);
    let ended = second.finish();
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(5), "deployed\n"),
        "{ended:?}"
    );
    assert_eq!(trace(&agent), "ran web\n");
    assert_eq!(requests(&live), [id]);
    agent.assert_log_verifies();
}

/// docs/events.md: `reattached` is true where the request stood already when this run asked.
#[test]
fn a_run_that_comes_at_once_after_another_says_that_it_goes_on_with_its_request() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    for reattached in [false, true] {
        let asked = run(&mut agent.gate_run(&["--json", "--no-wait"], &["deploy"]));
        assert_eq!(asked.code, Some(75), "{asked:?}");
        let told = format!("\"reattached\":{reattached},");
        assert!(asked.stderr.contains(&told), "{asked:?}");
    }
    assert_eq!(requests(&live).len(), 1);
    let mut log = Running::start(&mut agent.gate_run(&[], &["deploy"]));
    log.wait_for("already asked, waiting again");
    agent.assert_log_verifies();
}

/// Waits until a request is in `state`, for as long as a test may wait.
fn until(live: &Live, id: &str, state: &str) {
    let deadline = std::time::Instant::now() + WITHIN;
    while status(live, id) != state {
        assert!(std::time::Instant::now() < deadline, "{}", status(live, id));
    }
}

/// docs/rules.md: `approval.permit_ttl` is how long the approved command may wait to be run.
#[test]
fn an_approval_that_waited_for_too_long_is_asked_for_anew() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    agent.rules(
        "short",
        &asks_always("[rule.approval]\npermit_ttl = \"1s\""),
    );
    let mut first = Running::start(&mut agent.gate_run(&[], &["deploy"]));
    let id = first.asked();
    first.signal(Signal::SIGKILL);
    assert_eq!(first.finish().signal, Some(9));
    approve_as_bob(&live, &id);
    until(&live, &id, "expired");
    let again = run(&mut agent.gate_run(&["--no-wait"], &["deploy"]));
    assert_eq!(again.code, Some(75), "{again:?}");
    assert!(
        again.stderr.contains("nobody has answered yet"),
        "{again:?}"
    );
    let ids = requests(&live);
    assert_eq!((ids.len(), &ids[1]), (2, &id), "{ids:?}");
    assert_eq!(trace(&agent), "");
    agent.assert_log_verifies();
}

/// docs/rules.md: `approval.request_ttl` is how long people have to answer.
#[test]
fn a_request_that_nobody_answers_in_time_expires() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    agent.rules(
        "short",
        &asks_always("[rule.approval]\nrequest_ttl = \"1s\""),
    );
    let mut waiting = Running::start(&mut agent.gate_run(&[], &["deploy"]));
    let id = waiting.asked();
    let ended = waiting.finish();
    assert_eq!(ended.code, Some(75), "{ended:?}");
    let told = [
        "nobody answered in time",
        "run the same command again to ask again",
    ];
    assert!(
        told.iter().all(|words| ended.stderr.contains(words)),
        "{ended:?}"
    );
    assert_eq!(status(&live, &id), "expired");
    let late = approve(&live, "bob_approver", &id);
    assert_ne!(late.code, Some(0), "too late: {late:?}");
    assert_eq!(trace(&agent), "");
    agent.assert_log_verifies();
}

#[test]
fn a_command_with_more_reasons_than_are_told_is_asked_about_all_the_same() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    agent.home.script("git", "#!/bin/sh\nexit 5\n").unwrap();
    let refs: Vec<String> = (0..250).map(|n| format!("+r{n}")).collect();
    let mut words = vec!["git", "push", "origin"];
    words.extend(refs.iter().map(String::as_str));
    let asked = run(&mut agent.gate_run(&["--no-wait"], &words));
    assert_eq!(asked.code, Some(75), "{asked:?}");
    let reasons = only_request(&live).terms.reasons;
    assert_eq!(reasons.len(), 100, "{reasons:?}");
    let last = reasons.last().unwrap();
    assert!(
        last.starts_with("and ") && last.ends_with(" more"),
        "{last}"
    );
    agent.assert_log_verifies();
}

#[test]
fn a_command_with_more_inputs_than_can_be_bound_is_refused_before_it_is_sent() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    agent.home.script("kubectl", "#!/bin/sh\nexit 5\n").unwrap();
    let mut words = vec!["kubectl".to_owned(), "apply".to_owned()];
    for n in 0..1_001 {
        agent
            .home
            .write(&format!("work/{n}.yaml"), "kind: Pod\n")
            .unwrap();
        words.push(format!("-f{n}.yaml"));
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let refused = run(&mut agent.gate_run(&["--no-wait"], &words));
    assert_eq!(refused.code, Some(126), "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("nobody can be asked about more than 1000"),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("do it in parts"), "{refused:?}");
    assert_eq!(requests(&live), [""; 0]);
    agent.assert_log_verifies();
}

#[test]
fn another_command_is_another_request() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let elsewhere = agent.home.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    for words in [
        &["deploy", "web"][..],
        &["deploy", "db"],
        &["deploy", "web", ""],
    ] {
        let asked = run(&mut agent.gate_run(&["--no-wait"], words));
        assert_eq!(asked.code, Some(75), "{asked:?}");
    }
    let moved = run(agent
        .gate_run(&["--no-wait"], &["deploy", "web"])
        .current_dir(&elsewhere));
    assert_eq!(moved.code, Some(75), "{moved:?}");
    assert_eq!(
        requests(&live).len(),
        4,
        "words and folder are part of what is asked"
    );
    agent.assert_log_verifies();
}

#[test]
fn a_timeout_ends_the_wait_and_not_the_request() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let mut waiting = Running::start(&mut agent.gate_run(&["--timeout", "1s"], &["deploy"]));
    let id = waiting.asked();
    let ended = waiting.finish();
    assert_eq!(ended.code, Some(75), "{ended:?}");
    assert!(
        ended.stderr.contains("nobody has answered yet"),
        "{ended:?}"
    );
    assert_eq!(status(&live, &id), "pending");
    assert_eq!(trace(&agent), "");
    agent.assert_log_verifies();
}

#[test]
fn sigterm_takes_the_request_back() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let mut waiting = Running::start(&mut agent.gate_run(&[], &["deploy"]));
    let id = waiting.asked();
    waiting.signal(Signal::SIGTERM);
    let ended = waiting.finish();
    assert_eq!((ended.code, ended.signal), (None, Some(15)), "{ended:?}");
    assert_eq!(status(&live, &id), "cancelled");
    assert_eq!(trace(&agent), "");
    agent.assert_log_verifies();
}

#[test]
fn two_that_wait_for_one_request_run_it_once() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let mut waiting: Vec<Running> = (0..2)
        .map(|_| Running::start(&mut agent.gate_run(&[], &["deploy"])))
        .collect();
    let ids: Vec<String> = waiting.iter_mut().map(Running::asked).collect();
    assert_eq!(ids[0], ids[1]);
    approve_as_bob(&live, &ids[0]);
    let ended: Vec<_> = waiting.into_iter().map(Running::finish).collect();
    let mut codes: Vec<_> = ended.iter().map(|ended| ended.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(5), Some(125)], "{ended:?}");
    assert_eq!(trace(&agent), "ran \n");
    agent.assert_log_verifies();
}
