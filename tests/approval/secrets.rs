//! A secret on the command line stays on the machine, and is bound all the same.

use std::process::Command;

use gate_testkit::real::locate;

use crate::agent::{Agent, DOWN, Running, approve_as_bob, files_below, shown};
use crate::server::{GATE, Live, Ran, run};
use crate::stage::{agent_with_deploy, requests};

const PASSWORD: &str = "hunter2-Zq9";
const TOKEN: &str = "eyJhbGciOiJ-Kx7";

/// Fails where a secret is in a file below `folder`.
#[track_caller]
fn assert_is_in_no_file(folder: &std::path::Path, secret: &str) {
    for (path, bytes) in files_below(folder) {
        let has_it = bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!has_it, "`{secret}` is in {}", path.display());
    }
}

/// Fails where a secret is anywhere that the server or another person can see.
#[track_caller]
fn assert_is_nowhere(live: &Live, agent: &Agent<'_>, secret: &str) {
    let log = run(&mut live.gate("auditor", &["audit", "log", "--json", "--limit", "1000"]));
    assert!(log.stdout.contains("request.created"), "{log:?}");
    assert!(!log.stdout.contains(secret), "in the log: {log:?}");
    let list = run(&mut live.gate("bob_approver", &["requests", "list", "--json"]));
    assert!(!list.stdout.contains(secret), "in the list: {list:?}");
    assert_is_in_no_file(live.said("/data").as_ref(), secret);
    assert_is_in_no_file(&agent.home.state(), secret);
}

fn ask(agent: &Agent<'_>, words: &[&str]) -> Ran {
    let asked = run(&mut agent.gate_run(&["--no-wait"], words));
    assert_eq!(asked.code, Some(75), "{asked:?}");
    asked
}

#[test]
fn a_password_in_the_address_of_a_database_stays_here_and_is_bound() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.link("psql", &locate("psql").unwrap()).unwrap();
    let words = |password: &str| {
        let address = format!("postgresql://app:{password}@127.0.0.1:1/shop");
        [
            "psql".to_owned(),
            address,
            "-c".to_owned(),
            "drop table items".to_owned(),
        ]
    };
    let ask_with = |password: &str| {
        let words = words(password);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let asked = ask(&agent, &words);
        assert!(!asked.stderr.contains(password), "{asked:?}");
        shown(&live, &requests(&live)[0])
    };
    let first = ask_with(PASSWORD);
    assert_eq!(
        ask_with(PASSWORD).id,
        first.id,
        "the same command is the same request"
    );
    assert_eq!(requests(&live).len(), 1);
    let other = ask_with("hunter3-Zq9");
    assert_ne!(
        other.digest, first.digest,
        "another password is another command"
    );
    let masked = first.invocation.shown_command();
    assert!(
        masked.contains("postgresql://app:‹secret 11 bytes"),
        "{masked}"
    );
    assert!(masked.contains("drop table items"), "{masked}");
    assert_is_nowhere(&live, &agent, PASSWORD);
    agent.assert_log_verifies();
}

#[test]
fn a_token_flag_stays_here_through_the_whole_run() {
    let live = Live::start();
    let agent = Agent::new(&live);
    // The tool itself must get the real token.
    let evidence = agent.home.path().join("got");
    let script = format!("#!/bin/sh\necho \"$1\" > {}\n", evidence.display());
    agent.home.script("kubectl", &script).unwrap();
    let flag = format!("--token={TOKEN}");
    let words = ["kubectl", &flag, "delete", "pod", "web-0"];
    let mut waiting = Running::start(&mut agent.gate_run(&[], &words));
    let id = waiting.asked();
    approve_as_bob(&live, &id);
    let ended = waiting.finish();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        std::fs::read_to_string(&evidence).unwrap(),
        format!("{flag}\n")
    );
    assert!(!ended.stderr.contains(TOKEN), "{ended:?}");
    assert_is_nowhere(&live, &agent, TOKEN);
    let seen = run(&mut live.gate("bob_approver", &["requests", "show", &id]));
    assert!(
        seen.stdout.contains("secret 15 bytes"),
        "the mask is visible: {seen:?}"
    );
    assert!(!seen.stdout.contains(TOKEN), "{seen:?}");
    agent.assert_log_verifies();
}

#[test]
fn what_waits_to_be_reported_holds_no_secret() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.script("kubectl", "#!/bin/sh\n").unwrap();
    let deny =
        "[[rule]]\nid = \"no\"\ntool = \"kubectl\"\ndecision = \"deny\"\nmessage = \"not here\"\n";
    agent.rules("no", deny);
    let flag = format!("--token={TOKEN}");
    let mut command = agent.gate_run(&[], &["kubectl", &flag, "get", "pods"]);
    let denied = run(command.env("GATE_SERVER", DOWN));
    assert_eq!(denied.code, Some(77), "{denied:?}");
    assert!(denied.stderr.contains("not here"), "{denied:?}");
    assert!(!denied.stderr.contains(TOKEN), "{denied:?}");
    let spool = files_below(&agent.home.state().join("gate/spool"));
    let is_recorded =
        |(_, bytes): &(_, Vec<u8>)| String::from_utf8_lossy(bytes).contains("decided");
    assert!(spool.iter().any(is_recorded), "the denial is on record");
    assert_is_in_no_file(&agent.home.state(), TOKEN);
    agent.assert_log_verifies();
}

#[test]
fn who_only_asks_how_a_command_is_read_leaves_no_key_behind() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.script("kubectl", "exit 0").unwrap();
    let mut explain = agent.home.command(GATE);
    let words = ["explain", "--", "kubectl", "get", "pods", "--token=hunter2"];
    let explained = run(explain.args(words));
    assert_eq!(explained.code, Some(0), "{explained:?}");
    assert!(!explained.stdout.contains("hunter2"), "{explained:?}");
    let kept = agent.home.state().join("gate/identity");
    assert!(!kept.exists(), "{}", kept.display());
}

#[test]
fn a_key_that_others_can_read_or_that_is_a_link_is_not_used() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let asked = run(&mut agent.gate_run(&["--no-wait"], &["deploy", "web"]));
    assert_eq!(asked.code, Some(75), "{asked:?}");
    let key = agent.home.state().join("gate/identity/runner.key");
    let refused = |word: &str| {
        let refused = run(&mut agent.gate_run(&["--no-wait"], &["deploy", "web"]));
        assert_eq!(refused.code, Some(78), "{refused:?}");
        assert!(
            refused.stderr.contains("runner.key") && refused.stderr.contains(word),
            "{refused:?}"
        );
    };
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    refused("others can read or write it (mode 640)");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let elsewhere = agent.home.path().join("elsewhere");
    std::fs::rename(&key, &elsewhere).unwrap();
    symlink(&elsewhere, &key).unwrap();
    refused("symbolic link");
}

#[test]
fn a_secret_in_a_reason_stays_here_wherever_the_reason_comes_from() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let ask_because = |options: &[&str], told: &str, word: &str| {
        let mut command = agent.gate_run(&[&["--no-wait"], options].concat(), &["deploy", word]);
        let asked = run(command.env("GATE_REASON", told));
        assert_eq!(asked.code, Some(75), "{asked:?}");
        assert!(!asked.stderr.contains(PASSWORD), "{asked:?}");
        shown(&live, &requests(&live)[0]).reason.unwrap()
    };
    for (index, (said, expected)) in [
        (
            format!("use postgres://u:{PASSWORD}@h/db"),
            "use postgres://u:[secret 11 bytes]@h/db",
        ),
        (
            format!("Authorization: Bearer {PASSWORD}"),
            "Authorization: Bearer [secret 11 bytes]",
        ),
        (format!("token={PASSWORD}"), "token=[secret 11 bytes]"),
    ]
    .into_iter()
    .enumerate()
    {
        let options = ["--reason", &said];
        assert_eq!(
            ask_because(&options, "ticket 7", &format!("a{index}")),
            expected
        );
        assert_eq!(ask_because(&[], &said, &format!("b{index}")), expected);
    }
    assert_is_nowhere(&live, &agent, PASSWORD);
}

#[test]
fn a_secret_of_the_command_is_masked_in_its_reason_too() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let reason = format!("{PASSWORD} leaked");
    let options = ["--no-wait", "--reason", &reason];
    let flag = format!("--password={PASSWORD}");
    let asked = run(&mut agent.gate_run(&options, &["deploy", &flag]));
    assert_eq!(asked.code, Some(75), "{asked:?}");
    let request = shown(&live, &requests(&live)[0]);
    assert_eq!(request.reason.as_deref(), Some("[secret 11 bytes] leaked"));
    assert_is_nowhere(&live, &agent, PASSWORD);
}

/// Promise: docs/decisions/0016. Of a variable that nothing is known of, the
/// value is masked where it is none of a sentence's own words.
#[test]
fn a_variable_that_is_a_word_takes_no_word_out_of_a_sentence() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent
        .home
        .script("terraform", "#!/bin/sh\nexit 0\n")
        .unwrap();
    let folder = agent.home.path().join("infra");
    std::fs::create_dir(&folder).unwrap();
    let reason = format!("terraform apply, as {PASSWORD} said");
    let words = ["terraform", "apply", "-input=false"];
    let with_variables = |mut command: Command| {
        command.env("MYWORD", "apply").env("OTHER", "terraform");
        run(command.env("WHOSE", PASSWORD).current_dir(&folder))
    };
    let mut check = agent.home.command(GATE);
    check.args(["check", "--json", "--"]).args(words);
    let checked = with_variables(check);
    assert!(checked.stdout.contains("terraform apply"), "{checked:?}");
    assert!(!checked.stdout.contains("‹secret"), "{checked:?}");
    let asked = with_variables(agent.gate_run(&["--no-wait", "--reason", &reason], &words));
    assert_eq!(asked.code, Some(75), "{asked:?}");
    let request = shown(&live, &requests(&live)[0]);
    assert_eq!(
        request.reason.as_deref(),
        Some("terraform apply, as [secret 11 bytes] said")
    );
    assert_is_nowhere(&live, &agent, PASSWORD);
}

#[test]
fn a_secret_in_a_comment_stays_with_who_answers() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let asked = run(&mut agent.gate_run(&["--no-wait"], &["deploy", "web"]));
    assert_eq!(asked.code, Some(75), "{asked:?}");
    let id = requests(&live).remove(0);
    let comment = format!("use --password={PASSWORD} instead");
    let denied = run(&mut live.gate("bob_approver", &["deny", &id, "--comment", &comment]));
    assert_eq!(denied.code, Some(0), "{denied:?}");
    let request = shown(&live, &id);
    assert_eq!(
        request.reviews[0].comment.as_deref(),
        Some("use --password=[secret 11 bytes] instead")
    );
    assert_is_nowhere(&live, &agent, PASSWORD);
}

#[test]
fn a_denial_still_answers_the_same_reason_with_another_secret_in_it() {
    let live = Live::start();
    let agent = agent_with_deploy(&live);
    let ask_because = |reason: &str| {
        let options = ["--no-wait", "--reason", reason];
        run(&mut agent.gate_run(&options, &["deploy", "web"])).code
    };
    assert_eq!(ask_because("token=hunter2-a is in use"), Some(75));
    let id = requests(&live).remove(0);
    let denied = run(&mut live.gate("bob_approver", &["deny", &id]));
    assert_eq!(denied.code, Some(0), "{denied:?}");
    // People read the same words, so it is the same question to them.
    assert_eq!(ask_because("token=hunter2-b is in use"), Some(77));
    assert_eq!(ask_because("the token is free again"), Some(75));
    assert_eq!(requests(&live).len(), 2);
}
