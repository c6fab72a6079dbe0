//! Without a terminal: one scenario with real commands.

use std::time::Duration;

use crate::stage::{Machine, Played, play};

/// "In under 15 s after the build."
const PROMISED: Duration = Duration::from_secs(15);

/// What each step says, in its order.
const STEPS: [&str; 8] = [
    "a read passes at once",
    "denied by bob, so nothing ran, and exit code 77",
    "approved by bob, so it ran, once",
    "approved and failing, with its own exit code 1",
    "the audit log verifies",
    "a copy of the log is exported",
    "the copy verifies, without the server",
    "a denial rewritten into an approval is caught in the copy",
];

/// Fails unless `tool` played every step in time and nothing is left.
#[track_caller]
pub(crate) fn assert_every_step_held(machine: &Machine, tool: &str, played: &Played) {
    assert_eq!(
        (played.code, played.stdout.as_str()),
        (Some(0), ""),
        "{played:?}"
    );
    let first = format!("playing one scenario with {tool};");
    assert!(played.stderr.contains(&first), "{played:?}");
    let held = played
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("gate:   ok  "));
    let held: Vec<&str> = held.collect();
    assert_eq!(held.len(), STEPS.len(), "{played:?}");
    for (said, step) in held.iter().zip(STEPS) {
        assert!(said.starts_with(step), "{said}: {played:?}");
    }
    assert!(played.took < PROMISED, "{played:?}");
    machine.assert_nothing_is_left(played.server());
}

/// Plays where only `tools` are installed, and expects `tool` to be taken.
#[track_caller]
fn assert_plays(tools: &[&str], tool: &str) {
    let machine = Machine::with(tools);
    let played = play(&mut machine.scripted());
    assert_every_step_held(&machine, tool, &played);
    assert!(!played.stderr.contains("does not do here"), "{played:?}");
}

#[test]
fn terraform_plays_where_it_is_installed() {
    assert_plays(&["terraform", "psql", "git"], "terraform");
}

#[test]
fn psql_plays_where_there_is_no_terraform() {
    assert_plays(&["psql", "git"], "psql");
}

#[test]
fn git_alone_is_enough() {
    assert_plays(&["git"], "git");
}

#[test]
fn stdin_that_is_no_terminal_is_enough_to_play() {
    let machine = Machine::with(&["git"]);
    let mut demo = machine.home.command(crate::stage::GATE);
    let played = play(demo.arg("demo"));
    assert_every_step_held(&machine, "git", &played);
}

#[test]
fn nothing_of_the_callers_changes_what_is_played() {
    let mut machine = Machine::with(&["git"]);
    machine
        .home
        .write(".gitconfig", "[core]\nhooksPath = /nowhere\n[user]\n")
        .unwrap();
    machine
        .home
        .write(".config/gate/config.toml", "no = 'configuration'")
        .unwrap();
    for (name, value) in [
        ("GATE_SERVER", "https://gate.example"),
        ("GATE_TOKEN", "gate_nothing"),
        ("GATE_CONFIG", "/nowhere"),
        ("GATE_REASON", "none"),
        ("GIT_DIR", "/nowhere"),
        ("PGHOST", "production"),
    ] {
        machine.home.set(name, value);
    }
    let played = play(&mut machine.scripted());
    assert_every_step_held(&machine, "git", &played);
}

#[test]
fn what_cargo_sets_for_gate_changes_nothing_either() {
    let mut machine = Machine::with(&["git"]);
    machine.run_by_cargo(&["/opt/mine"]);
    let played = play(&mut machine.scripted());
    assert_every_step_held(&machine, "git", &played);
}

#[test]
fn a_tool_that_does_not_do_is_said_so_in_a_line_and_the_next_one_plays() {
    let machine = Machine::with(&["terraform", "psql", "git"]);
    // As a version before 1.4, which has no such resource.
    let old = "*apply*) printf '\\n\\342\\224\\202 Error: Invalid resource type\\n' >&2; exit 1;;";
    machine.lie("terraform", old);
    machine.lie("psql", "*create*) exit 3;;");
    let played = play(&mut machine.scripted());
    assert_every_step_held(&machine, "git", &played);
    let told: Vec<&str> = played.stderr.lines().take(2).collect();
    assert_eq!(
        told,
        [
            "gate: terraform does not do here, so psql it is: terraform: Error: Invalid resource type",
            "gate: psql does not do here, so git it is: psql: exit status: 3",
        ],
        "{played:?}"
    );
}

#[test]
fn where_no_tool_does_it_says_why_and_where_none_is_what_to_install() {
    let machine = Machine::with(&["git"]);
    machine.lie(
        "git",
        "*commit*) echo 'fatal: no commits today' >&2; exit 128;;",
    );
    let played = play(&mut machine.scripted());
    assert_eq!(played.code, Some(125), "{played:?}");
    assert_eq!(played.stderr, "gate: git: fatal: no commits today\n");

    let played = play(&mut Machine::with(&[]).scripted());
    assert_eq!(played.code, Some(127), "{played:?}");
    assert!(played.stderr.contains("install git"), "{played:?}");
}

/// Plays with a git that lies, and expects the step to be named and the demo to fail.
#[track_caller]
fn assert_caught(case: &str, step: usize) {
    let machine = Machine::with(&["git"]);
    machine.lie("git", case);
    let played = play(&mut machine.scripted());
    assert_eq!(played.code, Some(125), "{case}: {played:?}");
    let expected = format!("gate: this step did not hold: {}", STEPS[step]);
    assert!(played.stderr.contains(&expected), "{case}: {played:?}");
    let held = played.stderr.matches("gate:   ok  ").count();
    assert_eq!(held, step, "{case}: {played:?}");
    assert!(!played.stderr.contains("every step held"), "{played:?}");
    machine.assert_nothing_is_left(played.server());
}

#[test]
fn a_step_that_did_not_hold_fails_the_demo() {
    assert_caught("log*) exit 0;;", 0);
    assert_caught("log*) echo one; exit 3;;", 0);
    assert_caught("'push -q origin main') exit 0;;", 2);
    assert_caught("'push -q origin main') exit 7;;", 2);
    assert_caught("*no-such-branch) exit 0;;", 3);
    assert_caught("*no-such-branch) kill -KILL $$;;", 3);
}
