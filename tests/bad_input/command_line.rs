//! Flags, and the URL of the server.

use crate::stage::{Machine, Server, assert_told, run};

/// Command lines that make no sense, each with a word of what must be said.
const LINES: [(&[&str], &str); 47] = [
    (&["run"], "COMMAND"),
    (&["run", "deployer", "now"], "deployer"),
    (&["run", "--"], "COMMAND"),
    (&["run", "--timeout", "soon", "--", "deployer"], "soon"),
    (
        &["run", "--timeout", "0s", "--", "deployer"],
        "`0s` is no time at all; write more than nothing",
    ),
    (&["run", "--timeout", "-5m", "--", "deployer"], "-5"),
    (&["run", "--timeout", "", "--", "deployer"], "span of time"),
    // One grammar, here and in rules: a number and a unit.
    (
        &["run", "--timeout", "1h 30m", "--", "deployer"],
        "as 90s, 30m, 1h or 30d",
    ),
    (
        &["run", "--timeout", "PT1H", "--", "deployer"],
        "as 90s, 30m, 1h or 30d",
    ),
    (
        &["run", "--timeout", "1w", "--", "deployer"],
        "as 90s, 30m, 1h or 30d",
    ),
    (
        &[
            "run",
            "--timeout",
            "99999999999999999999h",
            "--",
            "deployer",
        ],
        "span",
    ),
    (
        &["run", "--timeout", "1s\u{1b}[2J", "--", "deployer"],
        "span",
    ),
    (&["run", "--timeout"], "--timeout"),
    (
        &[
            "run",
            "--timeout",
            "1s",
            "--timeout",
            "2s",
            "--",
            "deployer",
        ],
        "--timeout",
    ),
    (
        &["run", "--no-wait", "--timeout", "1s", "--", "deployer"],
        "--timeout",
    ),
    (&["run", "--reason"], "--reason"),
    (&["run", "--nonsense", "--", "deployer"], "--nonsense"),
    (&["run", "--json=yes", "--", "deployer"], "--json"),
    (&["check"], "COMMAND"),
    (&["check", "--json", "--jsonl"], "--jsonl"),
    (&["explain"], "COMMAND"),
    (&["login", "--server", "gate.example"], "gate.example"),
    (&["login", "--server", "ftp://gate.example"], "ftp"),
    (&["login", "--server", "http://gate.example"], "https"),
    (&["login", "--server-key", "short"], "--server-key"),
    (&["logout", "--server", "::"], "--server"),
    (&["requests", "list", "--status", "perhaps"], "perhaps"),
    (&["requests", "list", "--limit", "0"], "0"),
    (&["requests", "list", "--limit", "many"], "many"),
    (&["requests", "show"], "ID"),
    (&["approve"], "ID"),
    (&["approve", "x", "--digest", "zz"], "--digest"),
    (&["approve", "x", "--yes"], "--digest"),
    (&["deny"], "ID"),
    (&["rules", "check", "--layer", "baseline", "x"], "--layer"),
    (&["rules", "push", "x", "--expected-version", "-1"], "-1"),
    (&["audit", "log", "--limit", "0"], "0"),
    (&["audit", "log", "--request", "xyz"], "--request"),
    (&["audit", "verify", "--key", "nonsense"], "--key"),
    (&["audit", "verify", "--live", "--spool"], "--spool"),
    (&["server", "--listen", "everywhere"], "everywhere"),
    (&["server", "--listen", "127.0.0.1:99999"], "99999"),
    (&["server", "--url", "ftp://x"], "--url"),
    (&["server", "--tls-cert", "x"], "--tls-key"),
    (&["completions", "cobol"], "cobol"),
    (&["approvee", "x"], "approvee"),
    (&["--nonsense"], "--nonsense"),
];

#[test]
fn a_command_line_that_makes_no_sense_is_a_usage_error_that_names_the_word() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    for (args, word) in LINES {
        let ran = run(&mut machine.gate(args));
        let case = format!("{args:?}");
        assert_eq!(ran.code, Some(64), "{case}: {ran:?}");
        assert_eq!(ran.stdout, "", "{case}: {ran:?}");
        assert!(ran.stderr.contains(word), "{case}: {ran:?}");
        let is_ours = |line: &str| {
            let text = line.strip_prefix("gate: ");
            text.is_some_and(|text| !text.trim().is_empty())
        };
        assert!(ran.stderr.lines().all(is_ours), "{case}: {ran:?}");
        assert!(!ran.stderr.contains(['\u{1b}']), "{case}: {ran:?}");
    }
    assert_eq!(machine.canary(), [""; 0]);
}

/// Command lines in which gate can't see that a command begins, each with what was meant.
const WITHOUT_SEPARATOR: [(&[&str], Option<&str>); 10] = [
    (
        &["kubectl", "get", "pods"],
        Some("to run `kubectl` through gate: gate run -- kubectl ARGUMENTS"),
    ),
    (
        &["kubectl", "get", "--", "pods"],
        Some("gate run -- kubectl ARGUMENTS"),
    ),
    (&["x\u{1b}[2J"], Some("gate run -- x\\u{1b}[2J ARGUMENTS")),
    (
        &["run", "git", "log"],
        Some("put `--` before the command: gate run -- COMMAND"),
    ),
    (
        &["check", "git", "log"],
        Some("put `--` before the command: gate check -- COMMAND"),
    ),
    (
        &["explain", "git", "log"],
        Some("put `--` before the command: gate explain -- COMMAND"),
    ),
    (&["approvee", "x"], None),
    (&["requests", "kubectl"], None),
    (&["check", "--json", "--jsonl"], None),
    (&["run", "--"], None),
];

#[test]
fn who_forgets_the_separator_is_told_where_it_belongs() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    for (args, hint) in WITHOUT_SEPARATOR {
        let ran = run(&mut machine.gate(args));
        assert_eq!(ran.code, Some(64), "{args:?}: {ran:?}");
        match hint {
            Some(hint) => assert!(ran.stderr.contains(hint), "{args:?}: {ran:?}"),
            None => assert!(
                !ran.stderr.contains(" -- COMMAND ARGUMENTS")
                    && !ran.stderr.contains("through gate"),
                "{args:?}: {ran:?}"
            ),
        }
    }
}

/// Texts that name no server, each with a word of what must be said.
const URLS: [(&str, &str); 16] = [
    ("gate.example.com", "not a URL"),
    ("https://", "not a URL"),
    ("://", "not a URL"),
    ("ftp://gate.example", "ftp"),
    ("file:///etc/passwd", "file"),
    ("javascript:alert(1)", "javascript"),
    ("http://gate.example", "https"),
    ("http://10.0.0.1:80", "https"),
    ("https://user:hunter2@gate.example", "user name or password"),
    ("https://gate.example/path", "a path"),
    ("https://gate.example?x=1", "a query"),
    ("https://gate.example#x", "a fragment"),
    ("https://gate.example:0", "port 0"),
    ("https://gate.example:99999", "not a URL"),
    ("https://gate example", "not a URL"),
    ("https://\u{1b}[2J", "not a URL"),
];

#[test]
fn a_url_that_names_no_server_is_a_mistake_of_configuration() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    for (url, word) in URLS {
        let ran = run(machine.deploy("5s", "now").env("GATE_SERVER", url));
        assert_eq!(ran.code, Some(78), "{url:?}: {ran:?}");
        assert_told(url, &ran, "set it to https://HOST, or unset it");
        assert!(ran.stderr.contains("GATE_SERVER"), "{url:?}: {ran:?}");
        assert!(ran.stderr.contains(word), "{url:?}: {ran:?}");
        assert!(!ran.stderr.contains("hunter2"), "{url:?}: {ran:?}");
        assert!(!ran.stderr.contains('\u{1b}'), "{url:?}: {ran:?}");
    }
    assert_eq!(machine.canary(), [""; 0]);
}

#[test]
fn a_command_that_nobody_can_judge_is_asked_of_nobody() {
    let server = Server::start("");
    let machine = Machine::of(&server, server.address);
    let mut words = vec!["run", "--", "deployer"];
    words.resize(10_010, "x");
    let ran = run(&mut machine.gate(&words));
    assert_eq!(ran.code, Some(126), "{}", ran.stderr);
    assert_told("10,007 words", &ran, "shorten it: do it in parts");
    assert!(
        ran.stderr.contains("longer than anybody can judge"),
        "{}",
        ran.stderr
    );
    assert_eq!(machine.canary(), [""; 0]);
    let asked = server.records();
    assert!(
        asked
            .iter()
            .all(|record| record["type"] != "request.created")
    );
}
