//! Completions, by the shells themselves: a person types, presses tab, and looks.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "live/asked.rs"]
mod asked;
#[path = "completions/bash.rs"]
mod bash;
#[expect(dead_code, reason = "the server here has settings of its own")]
#[path = "live/server.rs"]
mod server;
#[path = "completions/silence.rs"]
mod silence;
#[path = "completions/stage.rs"]
mod stage;
#[path = "completions/tools.rs"]
mod tools;

use std::time::{Duration, Instant};

use gate_protocol::request::{ApprovalRequest, RequestPage};
use gate_testkit::pty::Terminal;
use server::{GATE, run};
use stage::{RULE, SHELLS, Shell, Stage};

const WITHIN: Duration = Duration::from_mins(1);

/// Clears the line that was typed: ^U does in every shell here.
fn clear(terminal: &Terminal) {
    terminal.send("\x15").unwrap();
}

fn types(terminal: &Terminal, shell: &Shell, typed: &str, shown: &str) {
    terminal.send(format!("{typed}\t")).unwrap();
    let wanted = format!("{}: {typed:?} becomes {shown:?}", shell.name);
    // A shell colours words apart, and a terminal may break the line.
    let is_shown = |screen: &str| screen.contains(shown);
    terminal.wait_until(&wanted, WITHIN, is_shown).unwrap();
    // Escape closes the list that elvish opens where there is a choice.
    clear(terminal);
}

#[test]
fn a_tab_completes_commands_options_values_ids_rules_and_the_command_that_is_wrapped() {
    let stage = Stage::new();
    let id = stage.pending.id.to_string();
    let begun = id.get(..6).unwrap();
    for shell in &SHELLS {
        let terminal = stage.opened(shell);
        terminal.wait_for("> ", WITHIN).unwrap();
        for (typed, shown) in [
            ("gate appr", "gate approve"),
            ("gate requests canc", "gate requests cancel"),
            ("gate run --no-w", "gate run --no-wait"),
            ("gate requests list --status expi", "--status expired"),
            ("gate rules show team", &format!("gate rules show {RULE}")),
            ("gate rules test table-", "gate rules test table-of-cases"),
            ("gate run -- shipc", "gate run -- shipctl"),
            ("gate check -- shipctl lau", "gate check -- shipctl launch"),
            ("gate explain --json -- shipctl lan", "-- shipctl land"),
            (&format!("gate approve {begun}"), &format!("approve {id}")),
        ] {
            types(&terminal, shell, typed, shown);
        }
        stage.assert_inert(shell.name, &terminal.transcript());
    }
}

#[test]
fn what_is_offered_is_told_apart_and_none_of_its_text_is_more_than_text() {
    let stage = Stage::new();
    let (pending, denied) = (stage.pending.id.to_string(), stage.denied.id.to_string());
    for shell in &SHELLS {
        let terminal = stage.opened(shell);
        terminal.wait_for("> ", WITHIN).unwrap();
        let typed = format!("gate requests show {}", shell.tabs);
        terminal.send(typed).unwrap();
        let said = "demo-agent, 0 s: kubectl delete namespace";
        let begins = |screen: &str| {
            let lines: Vec<&str> = screen.lines().collect();
            // fish leaves out some of what stands on the line already.
            let has = |id: &str| {
                lines
                    .iter()
                    .any(|line| line.contains(id.get(12..).unwrap()))
            };
            has(&pending)
                && has(&denied)
                && screen.contains("demo-agent")
                && screen.contains("kubectl delete namespace")
        };
        let wanted = format!("{}: both ids and {said}", shell.name);
        terminal.wait_until(&wanted, WITHIN, begins).unwrap();
        stage.assert_inert(shell.name, &terminal.transcript());
    }
}

#[test]
fn the_id_that_a_tab_brings_is_the_one_that_the_command_takes() {
    let stage = Stage::new();
    for shell in &SHELLS {
        let terminal = stage.opened(shell);
        terminal.wait_for("> ", WITHIN).unwrap();
        // The only one that bob may answer.
        terminal.send("gate approve \t").unwrap();
        let id = stage.pending.id.to_string();
        let shown = |screen: &str| screen.contains(&format!("gate approve {id}"));
        terminal
            .wait_until(&format!("{}: {id}", shell.name), WITHIN, shown)
            .unwrap();
        terminal.send("\r").unwrap();
        terminal.wait_for("to approve it, type", WITHIN).unwrap();
        terminal.send("n\r").unwrap();
        stage.assert_inert(shell.name, b"");
    }
}

fn approve(stage: &Stage, request: &ApprovalRequest) {
    let (id, digest) = (request.id.to_string(), request.digest.to_string());
    let yes = ["approve", &id, "--yes", "--digest", &digest];
    let ran = run(&mut stage.live.gate("bob_approver", &yes));
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// Returns the ids among what is offered.
fn ids(offered: &[String]) -> Vec<&str> {
    let words = offered.iter().skip(1);
    words
        .map(|line| {
            line.split_once('\t')
                .map_or(line.as_str(), |(word, _)| word)
        })
        .collect()
}

#[test]
fn only_the_requests_that_a_command_can_be_about_are_offered() {
    let stage = Stage::new();
    let approved = asked::submit(&stage.live, "approved", "test");
    approve(&stage, &approved);
    let (pending, denied, approved) = (
        stage.pending.id.to_string(),
        stage.denied.id.to_string(),
        approved.id.to_string(),
    );
    let (pending, denied, approved) = (pending.as_str(), denied.as_str(), approved.as_str());
    for (who, words, expected) in [
        ("bob_approver", &["approve", ""][..], &[pending][..]),
        ("bob_approver", &["deny", ""], &[pending, approved]),
        ("bob_approver", &["requests", "cancel", ""], &[]),
        (
            "bob_approver",
            &["requests", "watch", ""],
            &[approved, pending],
        ),
        (
            "bob_approver",
            &["requests", "show", ""],
            &[approved, pending, denied],
        ),
        ("bob_approver", &["approve", pending], &[pending]),
        ("bob_approver", &["approve", "ffff"], &[]),
        // Behind the operand there is none, and a flag stands anywhere.
        ("bob_approver", &["approve", pending, ""], &[]),
        ("bob_approver", &["approve", "--yes", ""], &[pending]),
        // alice owns the agent that asked.
        ("alice_approver", &["approve", ""], &[]),
        ("alice_approver", &["deny", ""], &[]),
        (
            "alice_approver",
            &["requests", "cancel", ""],
            &[pending, approved],
        ),
        ("agent", &["requests", "cancel", ""], &[pending, approved]),
        (
            "auditor",
            &["audit", "log", "--request", ""],
            &[approved, pending, denied],
        ),
        (
            "auditor",
            &["audit", "proof", ""],
            &[approved, pending, denied],
        ),
        // Nobody went past the rules' own approvers.
        ("auditor", &["requests", "review-break-glass", ""], &[]),
    ] {
        let offered = stage.offered(who, "zsh", words);
        assert_eq!(ids(&offered), expected, "{who} {words:?}");
    }
    let offered = stage.offered("bob_approver", "fish", &["audit", "log", "--request=01"]);
    assert!(
        ids(&offered).contains(&format!("--request={pending}").as_str()),
        "{offered:?}"
    );
}

#[test]
fn what_went_past_the_rules_approvers_is_offered_until_somebody_has_reviewed_it() {
    let stage = Stage::new();
    let (url, key) = (
        stage.live.said("/url"),
        stage.live.said("/server/grant_key"),
    );
    let keys = format!("[keys]\n\"{url}\" = \"{key}\"\n");
    stage.home.write(".config/gate/config.toml", keys).unwrap();
    let agent = stage.live.said("/tokens/agent");
    let ask = || {
        let mut asked = stage.home.command(GATE);
        asked.args(["run", "--break-glass", "--reason", "it burns", "--no-wait"]);
        run(asked
            .args(["--", "shipctl", "launch"])
            .env("GATE_TOKEN", agent))
    };
    let ran = ask();
    assert_eq!(ran.code, Some(75), "{ran:?}");
    let list = ["requests", "list", "--limit", "1", "--json"];
    let listed = run(&mut stage.live.gate("bob_approver", &list)).stdout;
    let page: RequestPage = serde_json::from_str(&listed).unwrap();
    let loud = page.requests.first().unwrap();
    approve(&stage, loud);
    let loud = loud.id.to_string();
    assert_eq!(ask().code, Some(0), "it is used where it runs");
    let review = ["requests", "review-break-glass", ""];
    let open = || stage.offered("auditor", "zsh", &review);
    // On a busy machine the server may be too late for a tab.
    let until = Instant::now() + WITHIN;
    let mut offered = open();
    while ids(&offered).is_empty() && Instant::now() < until {
        offered = open();
    }
    assert_eq!(ids(&offered), [&*loud]);
    let done = [
        "requests",
        "review-break-glass",
        &loud,
        "--comment",
        "it did",
    ];
    let done = run(&mut stage.live.gate("auditor", &done));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(ids(&open()), <[&str; 0]>::default());
}

#[test]
fn what_somebody_else_wrote_is_offered_as_plain_text_alone() {
    let stage = Stage::new();
    // A project's rules are whose the project is, up to the names of tools that they are about.
    let rule =
        "[[rule]]\nid = \"x\"\ntool = '`touch canary`$(touch canary)'\ndecision = \"deny\"\n";
    stage.home.write("work/.gate.toml", rule).unwrap();
    let harmless = |c: char| c.is_ascii_alphanumeric() || " \t/._-+@=:,?".contains(c);
    for words in [&["requests", "show", ""][..], &["rules", "show", ""]] {
        let offered = stage.offered("bob_approver", "bash", words);
        assert!(offered.len() > 1, "{offered:?}");
        for line in &offered {
            assert!(line.chars().all(harmless), "{line:?}");
            let word = line.split('\t').next().unwrap();
            assert!(!word.contains(['?', ' ']), "{line:?}");
        }
    }
}

#[test]
fn the_scripts_are_read_without_a_word() {
    let stage = Stage::new();
    for (shell, arguments) in [
        (
            "bash",
            &["--norc", "-uec", "eval \"$(gate completions bash)\""][..],
        ),
        (
            "zsh",
            &[
                "-fc",
                "autoload -U compinit; compinit -u -D; eval \"$(gate completions zsh)\"",
            ],
        ),
        (
            "fish",
            &["--no-config", "-c", "gate completions fish | source"],
        ),
    ] {
        let ran = run(stage.home.command(shell).args(arguments));
        assert_eq!(ran.code, Some(0), "{shell}: {ran:?}");
        assert_eq!(
            (ran.stdout.as_str(), ran.stderr.as_str()),
            ("", ""),
            "{shell}"
        );
    }
    // zsh finds it by itself too, as a file in a folder of fpath.
    let script = run(stage.home.command(GATE).args(["completions", "zsh"])).stdout;
    stage.home.write("functions/_gate", script).unwrap();
    let found =
        "fpath=($HOME/functions $fpath); autoload -U compinit; compinit -u -D; print $_comps[gate]";
    let ran = run(stage.home.command("zsh").args(["-fc", found]));
    assert_eq!(ran.stdout, "_gate\n", "{ran:?}");
}

/// PowerShell can't be had from the package registries: its script is looked at, not run.
#[test]
fn the_script_for_powershell_evaluates_nothing_and_closes_what_it_opens() {
    let stage = Stage::new();
    let script = run(stage.home.command(GATE).args(["completions", "powershell"])).stdout;
    assert!(script.contains("Register-ArgumentCompleter -Native -CommandName gate"));
    for forbidden in ["Invoke-Expression", "iex ", "ExpandString", "InvokeScript"] {
        assert!(!script.contains(forbidden), "{forbidden}");
    }
    for (open, close) in [("{", "}"), ("(", ")"), ("[", "]")] {
        let count = |text: &str| script.matches(text).count();
        assert_eq!(count(open), count(close), "{open}");
    }
    let mut empty = stage.home.command(GATE);
    let ran = run(empty.args(["__complete", "powershell", "--empty", "--", "approve"]));
    assert_eq!(
        ids(&ran.stdout.lines().map(str::to_owned).collect::<Vec<_>>()),
        [stage.pending.id.to_string()]
    );
}
