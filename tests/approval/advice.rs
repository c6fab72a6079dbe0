//! What an agent reads when its command was not run: no, not yet and nobody reached are three
//! texts and three exit codes, and each says what to do next.

use nix::sys::signal::Signal;

use crate::agent::{Agent, DOWN, Ended, Running};
use crate::server::{GATE, Live, run};
use crate::stage::{agent_with_deploy, asks_always, only_request, trace};

/// What only an agent is told.
const TO_AGENTS: &str = "gate: for an agent: ";

/// Fails unless an agent is told all of this, in lines of gate's.
#[track_caller]
fn assert_told(code: Option<i32>, stderr: &str, expected: i32, told: &[&str]) {
    assert_eq!(code, Some(expected), "{stderr}");
    let said = stderr.replace("\ngate: ", " ");
    for words in told {
        assert!(said.contains(words), "`{words}`:\n{stderr}");
    }
    let lines: Vec<_> = stderr.lines().collect();
    assert!(
        lines.iter().all(|line| line.starts_with("gate: ")),
        "{stderr}"
    );
    let to_agents = lines.iter().filter(|line| line.starts_with(TO_AGENTS));
    assert_eq!(to_agents.count(), 1, "{stderr}");
}

fn as_claude(agent: &mut Agent<'_>) {
    agent.home.set("CLAUDECODE", "1");
}

#[test]
fn a_rules_no_is_final_and_says_whose_it_is() {
    let live = Live::start();
    let mut agent = agent_with_deploy(&live);
    as_claude(&mut agent);
    agent.rules(
        "no",
        "[[rule]]\nid = \"never\"\ntool = \"deploy\"\ndecision = \"deny\"\nmessage = \"frozen\"\n",
    );
    let denied = run(&mut agent.gate_run(&[], &["deploy", "web"]));
    let told = [
        "denied by rule `never` of the user: frozen",
        "nothing was run",
        "do not look for another way to do the same",
        "this is final for this command",
        "Tell the person you work for",
    ];
    assert_told(denied.code, &denied.stderr, 77, &told);
    // Through the shim of the tool it is the same.
    let shims = agent.home.path().join("shims");
    std::fs::create_dir(&shims).unwrap();
    std::os::unix::fs::symlink(GATE, shims.join("deploy")).unwrap();
    let denied = run(agent.home.command(shims.join("deploy")).arg("web"));
    assert_told(denied.code, &denied.stderr, 77, &told);
    assert_eq!(trace(&agent), "");
}

#[test]
fn a_persons_no_is_final_and_says_who_and_why() {
    let live = Live::start();
    let mut agent = agent_with_deploy(&live);
    as_claude(&mut agent);
    let mut waiting = Running::start(&mut agent.gate_run(&[], &["deploy", "web"]));
    let id = waiting.asked();
    let words = ["deny", &id, "--comment", "not before Monday"];
    assert_eq!(run(&mut live.gate("bob_approver", &words)).code, Some(0));
    let Ended { code, stderr, .. } = waiting.finish();
    let end = stderr
        .get(stderr.rfind("gate: denied by").unwrap()..)
        .unwrap();
    assert_told(
        code,
        end,
        77,
        &[
            "denied by bob",
            "not before Monday",
            "nothing was run",
            "do not look for another way to do the same",
            "this is final for this command",
        ],
    );
    assert_eq!(trace(&agent), "");
}

#[test]
fn no_answer_yet_says_to_run_the_same_command_again_which_goes_on() {
    let live = Live::start();
    let mut agent = agent_with_deploy(&live);
    as_claude(&mut agent);
    let asked = run(&mut agent.gate_run(&["--no-wait"], &["deploy", "web"]));
    let told = [
        "nobody has answered yet: request ",
        "it waits for ",
        "this is neither yes nor no, and nothing was run",
        "later run exactly this command again",
        "nobody is asked twice",
        "Do not look for another way",
    ];
    assert_told(asked.code, &asked.stderr, 75, &told);
    // The agent's own tool call ends before anybody answers.
    let first = only_request(&live).id;
    let mut waiting = Running::start(&mut agent.gate_run(&[], &["deploy", "web"]));
    waiting.wait_for("waiting");
    waiting.signal(Signal::SIGKILL);
    assert_eq!(waiting.finish().signal, Some(9));
    crate::agent::approve_as_bob(&live, &first.to_string());
    let done = run(&mut agent.gate_run(&[], &["deploy", "web"]));
    assert_eq!((done.code, done.stdout.as_str()), (Some(5), "deployed\n"));
    assert!(!done.stderr.contains(TO_AGENTS), "it ran: {done:?}");
    assert_eq!(only_request(&live).id, first);
}

/// What an agent calls is the tool by its name, and its own time for that is over before anybody has
/// answered.
#[test]
fn a_call_by_the_shim_that_was_ended_goes_on_with_its_request_when_it_comes_again() {
    let live = Live::start();
    let mut agent = agent_with_deploy(&live);
    as_claude(&mut agent);
    let (shims, bin) = (agent.home.path().join("shims"), agent.home.bin());
    std::fs::create_dir(&shims).unwrap();
    let small = std::path::Path::new(GATE).with_file_name("gate-shim");
    assert!(small.exists(), "build it: cargo build --workspace --bins");
    std::os::unix::fs::symlink(small, shims.join("deploy")).unwrap();
    let path = [shims, bin, "/usr/bin".into(), "/bin".into()];
    agent.home.set("PATH", std::env::join_paths(path).unwrap());
    let call = || {
        let mut shell = agent.home.command("/bin/sh");
        shell.args(["-c", "exec deploy web"]);
        shell
    };
    for _ in 0..2 {
        let mut waiting = Running::start(&mut call());
        waiting.asked();
        waiting.signal(Signal::SIGKILL);
        assert_eq!(waiting.finish().signal, Some(9));
    }
    let first = only_request(&live).id;
    crate::agent::approve_as_bob(&live, &first.to_string());
    let done = run(&mut call());
    assert_eq!((done.code, done.stdout.as_str()), (Some(5), "deployed\n"));
    assert_eq!(trace(&agent), "ran web\n");
    assert_eq!(only_request(&live).id, first);
}

#[test]
fn nobody_in_time_is_not_yet_a_no_either() {
    let live = Live::start();
    let mut agent = agent_with_deploy(&live);
    as_claude(&mut agent);
    agent.rules(
        "short",
        &asks_always("[rule.approval]\nrequest_ttl = \"1s\""),
    );
    let ended = Running::start(&mut agent.gate_run(&[], &["deploy"])).finish();
    let end = ended
        .stderr
        .get(ended.stderr.rfind("gate: nobody answered").unwrap()..);
    let told = ["nobody answered in time", "this is neither yes nor no"];
    assert_told(ended.code, end.unwrap(), 75, &told);
}

#[test]
fn a_server_that_is_down_is_no_answer_of_anybody() {
    let live = Live::start();
    let mut agent = agent_with_deploy(&live);
    as_claude(&mut agent);
    agent.home.set("GATE_SERVER", DOWN);
    let told = [
        "127.0.0.1:9",
        "nobody was reached, so nobody said yes or no, and nothing was run",
        "Run exactly this command again later",
        "Do not look for another way",
    ];
    let down = run(&mut agent.gate_run(&["--no-wait"], &["deploy", "web"]));
    assert_told(down.code, &down.stderr, 69, &told);
    assert_eq!(trace(&agent), "");
}

#[test]
fn rules_that_cannot_be_read_are_for_a_person_to_mend() {
    let live = Live::start();
    let mut agent = agent_with_deploy(&live);
    as_claude(&mut agent);
    agent.rules("bad", "[[rule]\n");
    let bad = run(&mut agent.gate_run(&[], &["deploy", "web"]));
    let told = ["bad.toml", "change neither gate's settings nor PATH"];
    assert_told(bad.code, &bad.stderr, 78, &told);
}

#[test]
fn a_person_is_not_told_what_agents_are_and_neither_is_who_gets_the_tools_own_end() {
    let live = Live::start();
    let mut agent = agent_with_deploy(&live);
    let asked = run(&mut agent.gate_run(&["--no-wait"], &["deploy", "web"]));
    assert_eq!(asked.code, Some(75));
    assert!(!asked.stderr.contains(TO_AGENTS), "{asked:?}");
    as_claude(&mut agent);
    let missing = run(&mut agent.gate_run(&[], &["no-such-tool"]));
    assert_eq!(missing.code, Some(127));
    assert!(!missing.stderr.contains(TO_AGENTS), "{missing:?}");
    // A program gets it as a line of its last event.
    let asked = run(&mut agent.gate_run(&["--no-wait", "--json"], &["deploy", "web"]));
    let last: serde_json::Value =
        serde_json::from_str(asked.stderr.lines().last().unwrap()).unwrap();
    let lines = last
        .get("lines")
        .and_then(|lines| lines.as_array())
        .unwrap();
    let is_told = |line: &serde_json::Value| line.as_str().unwrap().starts_with("for an agent: ");
    assert!(lines.iter().any(is_told), "{last}");
    assert_eq!(trace(&agent), "");
}
