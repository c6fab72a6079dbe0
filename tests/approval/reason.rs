//! A rule can want to know why.

use gate_testkit::pty::{Size, Terminal};

use crate::agent::{Running, WITHIN};
use crate::server::{Live, run};
use crate::stage::{agent_with_deploy, asks_always, only_request, requests, trace};

#[test]
fn without_a_terminal_a_missing_reason_is_an_error_that_says_how_to_give_one() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    agent.rules("why", &asks_always("reason = \"required\""));
    for reason in [None, Some(""), Some("  \n")] {
        let mut command = agent.gate_run(&[], &["deploy"]);
        command.envs(reason.map(|reason| ("GATE_REASON", reason)));
        let refused = run(&mut command);
        assert_eq!(refused.code, Some(64), "{reason:?}: {refused:?}");
        for mend in ["--reason", "GATE_REASON"] {
            assert!(refused.stderr.contains(mend), "{reason:?}: {refused:?}");
        }
    }
    assert_eq!(requests(&live), Vec::<String>::new(), "nobody was asked");
    assert_eq!(trace(&agent), "");
    agent.assert_log_verifies();
}

#[test]
fn the_reason_comes_from_the_environment_or_the_command_line() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    agent.rules("why", &asks_always("reason = \"required\""));
    let from = |options: &[&str], word: &str| {
        let mut command = agent.gate_run(&[&["--no-wait"], options].concat(), &["deploy", word]);
        let asked = run(command.env("GATE_REASON", "ticket 7"));
        assert_eq!(asked.code, Some(75), "{asked:?}");
        let ids = requests(&live);
        crate::agent::shown(&live, &ids[0]).reason
    };
    assert_eq!(from(&[], "one").as_deref(), Some("ticket 7"));
    let told = from(&["--reason", "rotate the keys"], "two");
    assert_eq!(
        told.as_deref(),
        Some("rotate the keys"),
        "the command line is nearer"
    );
    agent.assert_log_verifies();
}

#[test]
fn at_a_terminal_a_person_is_asked_for_the_reason() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    agent.rules("why", &asks_always("reason = \"required\""));
    let terminal = Terminal::spawn(agent.gate_run(&[], &["deploy"]), Size::default()).unwrap();
    terminal.wait_for("why?", WITHIN).unwrap();
    terminal.send("the disk is full\r").unwrap();
    terminal.wait_for("waiting for", WITHIN).unwrap();
    let request = only_request(&live);
    assert_eq!(request.reason.as_deref(), Some("the disk is full"));
    assert!(request.circumstances.terminal);
    terminal.send("\x03").unwrap();
    terminal.exit_status(WITHIN).unwrap();
    assert_eq!(only_request(&live).status.as_str(), "cancelled");
    assert_eq!(trace(&agent), "");
    agent.assert_log_verifies();
}

/// A system that has no thread left: its stack would be larger than the address space.
#[test]
fn where_no_thread_can_be_made_the_question_is_an_error_and_no_panic() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    agent.rules("why", &asks_always("reason = \"required\""));
    let mut command = agent.gate_run(&[], &["deploy"]);
    command.env("RUST_MIN_STACK", (1_u64 << 50).to_string());
    let terminal = Terminal::spawn(command, Size::default()).unwrap();
    let status = terminal.exit_status(WITHIN).unwrap();
    assert_eq!(status.code(), Some(125), "{}", terminal.screen());
    assert!(
        terminal
            .screen()
            .contains("gate: cannot ask at the terminal"),
        "{}",
        terminal.screen()
    );
    assert_eq!(requests(&live), Vec::<String>::new(), "nobody was asked");
    agent.assert_log_verifies();
}

/// docs/events.md: nothing but events is on stderr.
#[test]
fn a_program_at_a_terminal_is_not_asked_for_the_reason() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    agent.rules("why", &asks_always("reason = \"required\""));
    let command = agent.gate_run(&["--json"], &["deploy"]);
    let terminal = Terminal::spawn(command, Size::default()).unwrap();
    let status = terminal.exit_status(WITHIN).unwrap();
    assert_eq!(status.code(), Some(64), "{}", terminal.screen());
    let screen = terminal.screen();
    assert!(screen.starts_with("{\"event\":\"not_run\""), "{screen}");
    assert!(!screen.contains("why?"), "{screen}");
    agent.assert_log_verifies();
}

#[test]
fn a_reason_is_shown_inert_to_who_answers() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let options = ["--reason", "fine\u{1b}[2J\u{202e}"];
    let mut waiting = Running::start(&mut agent.gate_run(&options, &["deploy"]));
    let id = waiting.asked();
    let shown = run(&mut live.gate("bob_approver", &["requests", "show", &id]));
    assert!(shown.stdout.contains("fine"), "{shown:?}");
    assert!(!shown.stdout.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    agent.assert_log_verifies();
}
