//! What who waits is told: a program, a log, a terminal, a CI system.

use std::os::unix::process::ExitStatusExt as _;

use gate_testkit::pty::{Size, Terminal};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::agent::{Agent, Ended, Running, WITHIN, approve_as_bob, shown};
use crate::server::{Live, run};
use crate::stage::{agent_with_deploy, only_request};

#[test]
fn a_program_is_told_in_json_lines() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let mut waiting = Running::start(&mut agent.gate_run(&["--json"], &["deploy", "web"]));
    let event = |line: &str| -> Value { serde_json::from_str(line).unwrap() };
    let submitted = event(&waiting.wait_for("submitted"));
    let request = only_request(&live);
    assert_eq!(submitted["event"], "submitted");
    assert_eq!(submitted["request"], request.id.to_string());
    assert_eq!(submitted["status"], "pending");
    assert_eq!(submitted["url"], request.url);
    assert_eq!(submitted["command"], "deploy web");
    assert_eq!(submitted["reattached"], false);
    assert!(
        submitted["may_review"]
            .as_array()
            .is_some_and(|names| !names.is_empty())
    );
    assert!(
        submitted["expires_in_seconds"]
            .as_u64()
            .is_some_and(|left| left > 60)
    );
    approve_as_bob(&live, &request.id.to_string());
    let answered = event(&waiting.wait_for("\"ended\""));
    assert_eq!(answered["status"], "approved");
    assert_eq!(answered["reviews"][0]["reviewer"], "bob");
    let ended = waiting.finish();
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(5), "deployed\n"),
        "{ended:?}"
    );
    let stray: Vec<_> = ended
        .stderr
        .lines()
        .filter(|line| !line.starts_with('{'))
        .collect();
    assert_eq!(stray, Vec::<&str>::new(), "nothing but JSON on stderr");
    agent.assert_log_verifies();
}

#[test]
fn a_program_is_told_in_json_why_nothing_was_run() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let asked = Running::start(&mut agent.gate_run(&["--json", "--no-wait"], &["deploy"])).finish();
    assert_eq!(asked.code, Some(75), "{asked:?}");
    let told: Vec<Value> = asked
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<&Value> = told.iter().map(|event| &event["event"]).collect();
    assert_eq!(names, ["submitted", "not_run"]);
    let members = |event: &Value| -> Vec<String> {
        let members = event.as_object().unwrap().keys();
        members.map(String::clone).collect()
    };
    let last = told.last().unwrap();
    assert_eq!(members(last), ["event", "exit_code", "lines", "message"]);
    assert_eq!(last["exit_code"], 75, "{last}");

    let mut waiting = Running::start(&mut agent.gate_run(&["--json"], &["deploy"]));
    waiting.wait_for("submitted");
    waiting.signal(Signal::SIGTERM);
    let told = waiting.wait_for("not_run");
    let last: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(members(&last), ["event", "lines", "message", "signal"]);
    assert_eq!(last["signal"], 15, "{last}");
    assert_eq!(waiting.finish().signal, Some(15), "as it was told");
    agent.assert_log_verifies();
}

#[test]
fn a_log_gets_plain_lines_of_ours() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let mut waiting = Running::start(&mut agent.gate_run(&[], &["deploy", "web"]));
    let id = waiting.asked();
    approve_as_bob(&live, &id);
    let ended = waiting.finish();
    assert_eq!(ended.code, Some(5), "{ended:?}");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(
        lines.iter().all(|line| line.starts_with("gate: ")),
        "{lines:#?}"
    );
    assert!(!ended.stderr.contains(['\u{1b}', '\r']), "{lines:#?}");
    assert!(
        ended.stderr.contains("to approve `deploy web`"),
        "{lines:#?}"
    );
    assert!(ended.stderr.contains("approved by bob"), "{lines:#?}");
    assert!(
        ended.stderr.contains(&only_request(&live).url),
        "{lines:#?}"
    );
    agent.assert_log_verifies();
}

/// Approves as bob, with a comment.
fn approve_saying(live: &Live, id: &str, comment: &str) {
    let digest = shown(live, id).digest.to_string();
    let args = [
        "approve",
        id,
        "--yes",
        "--digest",
        &digest,
        "--comment",
        comment,
    ];
    let approved = run(&mut live.gate("bob_approver", &args));
    assert_eq!(approved.code, Some(0), "{approved:?}");
}

#[test]
fn an_approvers_comment_reaches_who_asked() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let mut waiting = Running::start(&mut agent.gate_run(&[], &["deploy", "web"]));
    let id = waiting.asked();
    approve_saying(&live, &id, "mind the gap");
    let ended = waiting.finish();
    assert_eq!(ended.code, Some(5), "{ended:?}");
    let told = ended
        .stderr
        .lines()
        .find(|line| line.starts_with("gate: approved by bob after "));
    assert!(
        told.is_some_and(|line| line.ends_with(" s: \"mind the gap\"")),
        "{ended:?}"
    );
    agent.assert_log_verifies();
}

/// What every CI system might obey, in the middle of a line and at its beginning: GitHub, Azure,
/// GitLab, `TeamCity`, Travis, Buildkite and the console notes of Jenkins.
const COMMANDS: &str = "100%\n::set-env name=A::b\r##[add-path]/tmp ##vso[task.complete]\n\
     ##teamcity[buildStatus status='FAILURE']\ntravis_fold:end:x\r\n+++ now\n--- then\n\
     \u{1b}[8mha:AAAA\u{1b}[0m\u{1b}]1337;File=x\u{7}\n\
     \u{1b}[0Ksection_end:1:gate_wait\r\u{1b}[0K";

/// How each CI system says that it is there.
const SYSTEMS: [(&str, &str); 13] = [
    ("GITHUB_ACTIONS", "true"),
    ("GITLAB_CI", "true"),
    ("TF_BUILD", "True"),
    ("JENKINS_URL", "https://ci/"),
    ("BUILDKITE", "true"),
    ("CIRCLECI", "true"),
    ("BITBUCKET_BUILD_NUMBER", "1"),
    ("TEAMCITY_VERSION", "2023.09"),
    ("DRONE", "true"),
    ("CI", "woodpecker"),
    ("TRAVIS", "true"),
    ("APPVEYOR", "True"),
    ("CI", "true"),
];

/// What gate itself tells Azure, at the beginning of a line.
const AZURE_ERROR: &str = "##vso[task.logissue type=error]gate: denied: denied by bob";

/// Runs `deploy` in the CI that `variable` names, with such commands for a word, a
/// reason and bob's comment, and returns its request and how it ended.
fn answered_in(
    agent: &Agent<'_>,
    (variable, value): (&str, &str),
    answer: &str,
) -> (String, Ended) {
    let words = ["deploy", variable, value, COMMANDS];
    let mut command = agent.gate_run(&["--reason", COMMANDS], &words);
    let mut waiting = Running::start(command.env(variable, value));
    let id = waiting.asked();
    let digest = shown(agent.live, &id).digest.to_string();
    let mut args = vec![answer, &id, "--comment", COMMANDS];
    if answer == "approve" {
        args.extend(["--yes", "--digest", &digest]);
    }
    let answered = run(&mut agent.live.gate("bob_approver", &args));
    assert_eq!(answered.code, Some(0), "{answered:?}");
    let ended = waiting.finish();
    let azures_own = if variable == "TF_BUILD" {
        AZURE_ERROR
    } else {
        "\u{0}"
    };
    for line in ended.stderr.lines() {
        let rest = line.strip_prefix(azures_own).unwrap_or(line);
        for begins in ["##[", "##vso[", "##teamcity["] {
            assert!(!rest.contains(begins), "{ended:?}");
        }
    }
    (id, ended)
}

#[test]
fn github_actions_shows_the_wait_as_an_annotation() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let (id, ended) = answered_in(&agent, SYSTEMS[0], "approve");
    assert_eq!(ended.code, Some(5), "{ended:?}");
    let (notices, lines): (Vec<_>, Vec<_>) = ended
        .stderr
        .split_terminator(['\n', '\r'])
        .partition(|line| line.starts_with("::"));
    assert_eq!(notices.len(), 2, "{ended:?}");
    assert!(
        notices[0].starts_with("::notice title=gate%3A waiting for approval::"),
        "{notices:?}"
    );
    assert!(
        notices[0].contains(&id) && notices[0].contains("100%25"),
        "{notices:?}"
    );
    assert!(
        notices[1].starts_with("::notice title=gate%3A approved::approved by bob"),
        "{notices:?}"
    );
    assert!(
        lines.iter().all(|line| line.starts_with("gate: ")),
        "{lines:#?}"
    );
    agent.assert_log_verifies();
}

#[test]
fn gitlab_folds_the_wait_into_a_section() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let (_, ended) = answered_in(&agent, SYSTEMS[1], "approve");
    assert_eq!(ended.code, Some(5), "{ended:?}");
    let (marks, lines): (Vec<_>, Vec<_>) = ended
        .stderr
        .lines()
        .partition(|line| line.contains(['\u{1b}', '\r']));
    let [start, end] = marks[..] else {
        panic!("{ended:?}");
    };
    for (mark, name, said) in [
        (start, "section_start:", "gate: waiting for approval"),
        (end, "section_end:", ""),
    ] {
        let rest = mark.strip_prefix(&format!("\u{1b}[0K{name}")).unwrap();
        let (at, rest) = rest.split_once(':').unwrap();
        assert!(at.parse::<u64>().is_ok_and(|at| at > 1), "{mark:?}");
        assert_eq!(rest, format!("gate_wait\r\u{1b}[0K{said}"));
    }
    assert!(
        lines.iter().all(|line| line.starts_with("gate: ")),
        "{lines:#?}"
    );
    let place = |word: &str| ended.stderr.find(word).unwrap();
    assert!(place("section_start") < place("gate: waiting for group:approvers"));
    assert!(place("gate: approved by bob") < place(end));
    agent.assert_log_verifies();
}

#[test]
fn no_ci_system_finds_a_command_in_a_denial() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    for system in SYSTEMS {
        let (_, ended) = answered_in(&agent, system, "deny");
        assert_eq!(ended.code, Some(77), "{ended:?}");
        assert!(ended.stderr.contains("denied by bob"), "{ended:?}");
        let marks: &[&str] = match system.0 {
            "GITHUB_ACTIONS" => &[
                "::notice title=gate%3A waiting for approval::waiting",
                "::error title=gate%3A denied::denied by bob",
            ],
            "TF_BUILD" => &[AZURE_ERROR],
            _ => &[],
        };
        let is_ours = |line: &&str| line.starts_with("gate: ");
        let is_section = |line: &&str| system.0 == "GITLAB_CI" && line.contains("section_");
        let lines = ended.stderr.lines();
        let others: Vec<_> = lines
            .filter(|line| !is_ours(line) && !is_section(line))
            .collect();
        assert_eq!(others.len(), marks.len(), "{others:#?}");
        for (line, mark) in others.iter().zip(marks) {
            assert!(line.starts_with(mark), "{line}");
        }
        if system.0 != "GITLAB_CI" {
            assert!(
                !ended.stderr.contains(['\u{1b}', '\r', '\u{7}']),
                "{ended:?}"
            );
        }
    }
    agent.assert_log_verifies();
}

/// Says that it has started, and ends at a key.
const PATIENT: &str =
    "#!/bin/sh\necho the tool has started\nread answer\necho \"it read $answer\"\n";

#[test]
fn of_the_live_line_only_who_approved_is_left_when_the_tool_starts() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.script("patient", PATIENT).unwrap();
    let terminal = Terminal::spawn(agent.gate_run(&[], &["patient"]), Size::default()).unwrap();
    terminal.wait_for("waiting for", WITHIN).unwrap();
    let request = only_request(&live);
    terminal.wait_for(&request.url, WITHIN).unwrap();
    approve_saying(&live, &request.id.to_string(), "mind the\u{1b}[2J gap");
    terminal.wait_for("the tool has started", WITHIN).unwrap();
    let screen = terminal.screen();
    let lines: Vec<&str> = screen.trim_end().lines().map(str::trim_end).collect();
    let [ours, tools] = lines[..] else {
        panic!("one line of ours is left: {screen:?}");
    };
    assert!(ours.starts_with("gate: approved by bob after "), "{ours:?}");
    assert!(ours.ends_with(r#" s: "mind the\u{1b}[2J gap""#), "{ours:?}");
    assert_eq!(tools, "the tool has started");
    terminal.send("yes\r").unwrap();
    let status = terminal.exit_status(WITHIN).unwrap();
    assert_eq!(status.code(), Some(0), "{}", terminal.screen());
    assert!(
        terminal.screen().contains("it read yes"),
        "{}",
        terminal.screen()
    );
    agent.assert_log_verifies();
}

#[test]
fn ctrl_c_at_the_terminal_takes_the_line_and_the_request_away() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let terminal = Terminal::spawn(agent.gate_run(&[], &["deploy"]), Size::default()).unwrap();
    terminal.wait_for("waiting for", WITHIN).unwrap();
    terminal.send("\x03").unwrap();
    let status = terminal.exit_status(WITHIN).unwrap();
    assert_eq!(status.signal(), Some(2), "{}", terminal.screen());
    assert!(
        !terminal.screen().contains("waiting for"),
        "{}",
        terminal.screen()
    );
    assert!(
        terminal.screen().contains("gate: cancelled"),
        "{}",
        terminal.screen()
    );
    assert_eq!(only_request(&live).status.as_str(), "cancelled");
    agent.assert_log_verifies();
}

/// What a CI system obeys in the middle of a line.
const COMMAND: &str = "##[set-output name=pwn]1 ##vso[task.setvariable variable=a]b";

/// Starts gate as a job of GitHub Actions would.
fn in_github(mut command: std::process::Command) -> Running {
    Running::start(command.env("GITHUB_ACTIONS", "true"))
}

/// Waits for the end, and fails where what was said holds a command of a CI system, or lacks
/// the text that came from outside.
#[track_caller]
fn told_without_commands(waiting: Running, code: i32) -> String {
    let ended = waiting.finish();
    assert_eq!(ended.code, Some(code), "{ended:?}");
    let obeyed = ["##[", "##vso["].map(|mark| ended.stderr.contains(mark));
    assert_eq!(obeyed, [false, false], "{ended:?}");
    assert!(ended.stderr.contains("##"), "it is told: {ended:?}");
    ended.stderr
}

#[test]
fn no_line_of_ours_holds_a_command_of_a_ci_system() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let rule = |decision: &str| {
        agent.rules(
            "project",
            &format!("[[rule]]\nid = \"p\"\ntool = \"git\"\ncommand = \"push\"\ndecision = \"{decision}\"\nmessage = \"{COMMAND}\"\n"),
        );
    };
    agent.home.script("git", "#!/bin/sh\nexit 5\n").unwrap();
    let push = ["git", "push", "origin", "x"];
    rule("require_approval");
    told_without_commands(in_github(agent.gate_run(&["--no-wait"], &push)), 75);
    rule("deny");
    told_without_commands(in_github(agent.gate_run(&[], &push)), 77);
    told_without_commands(in_github(agent.gate_run(&["--json"], &push)), 77);
    told_without_commands(in_github(agent.gate_run(&[], &[COMMAND])), 127);

    let id = {
        let waiting = in_github(agent.gate_run(&["--json", "--no-wait"], &["deploy", COMMAND]));
        let told = told_without_commands(waiting, 75);
        let event: Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
        let command = event["command"].as_str().unwrap();
        assert!(
            command.contains(COMMAND),
            "a program reads the text itself: {command}"
        );
        event["request"].as_str().unwrap().to_owned()
    };
    let deny = ["deny", &id, "--comment", COMMAND];
    let denied = run(&mut live.gate("bob_approver", &deny));
    assert_eq!(denied.code, Some(0), "{denied:?}");
    no_answer_holds_a_command(&live, &id);
    let told = told_without_commands(in_github(agent.gate_run(&[], &["deploy", COMMAND])), 77);
    assert!(
        told.starts_with("gate: asked before and denied: `deploy "),
        "nobody waits for what was denied before: {told}"
    );
}

/// A job that looks at a request or at a command prints what it finds there.
#[track_caller]
fn no_answer_holds_a_command(live: &Live, id: &str) {
    let check = ["check", "--json", "--", "deploy", COMMAND];
    let explain = ["explain", "--", "kubectl", "delete", "ns", COMMAND];
    for args in [
        &["requests", "show", id][..],
        &["requests", "show", id, "--json"],
        &["requests", "list"],
        &explain,
        &check,
    ] {
        let told = run(&mut live.gate("bob_approver", args));
        assert_eq!(told.code, Some(0), "{told:?}");
        let obeyed = ["##[", "##vso["].map(|mark| told.stdout.contains(mark));
        assert_eq!(obeyed, [false, false], "{told:?}");
    }
    let shown = shown(live, id);
    assert!(
        shown.invocation.shown_command().contains(COMMAND),
        "JSON means the same"
    );
}
