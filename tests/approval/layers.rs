//! Whose rules hold: the server and the machine's owner decide, the user and the
//! project can only ask for more; and rules that can't be read allow nothing.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::agent::Agent;
use crate::namespace::isolated;
use crate::server::{GATE, Live, run};
use crate::stage::{agent_with_deploy, requests, trace};

fn rule(id: &str, matcher: &str, decision: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\n{matcher}\ndecision = \"{decision}\"\nmessage = \"so says {id}\"\n"
    )
}

/// Returns an agent with `deploy`, which asks, and a `kubectl` whose reads pass.
fn agent_with_tools(live: &Live) -> Agent<'_> {
    let agent = agent_with_deploy(live);
    let kubectl = "#!/bin/sh\necho \"ran $*\" >> \"$HOME/trace\"\n";
    agent.home.script("kubectl", kubectl).unwrap();
    agent
}

/// What gate does not understand is allowed only by a rule that says so.
const DEPLOY: &str = "tool = \"deploy\"\neffect = [\"unknown\"]";

const READ: [&str; 3] = ["kubectl", "get", "pods"];

#[track_caller]
fn code(agent: &Agent<'_>, words: &[&str]) -> Option<i32> {
    let ran = run(&mut agent.gate_run(&["--no-wait"], words));
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    ran.code
}

#[test]
fn a_project_can_ask_for_more_and_never_for_less() {
    let live = Live::start();
    let agent = agent_with_tools(&live);
    assert_eq!(code(&agent, &READ), Some(0));
    assert_eq!(trace(&agent), "ran get pods\n");

    agent
        .home
        .write(
            "work/.gate.toml",
            rule("loose", "everything = true", "allow"),
        )
        .unwrap();
    let asked = code(&agent, &["deploy"]);
    assert!(
        matches!(asked, Some(75 | 78)),
        "an allow of a project allows nothing: {asked:?}"
    );
    assert_eq!(trace(&agent), "ran get pods\n");

    agent
        .home
        .write(
            "work/.gate.toml",
            rule("strict", "tool = \"kubectl\"", "require_approval"),
        )
        .unwrap();
    assert_eq!(
        code(&agent, &READ),
        Some(75),
        "a read asks where the project wants it"
    );
    agent
        .home
        .write(
            "work/.gate.toml",
            rule("strict", "tool = \"kubectl\"", "deny"),
        )
        .unwrap();
    let inner = agent.home.work().join("deep/inside");
    std::fs::create_dir_all(&inner).unwrap();
    let denied = run(agent.gate_run(&[], &READ).current_dir(inner));
    assert_eq!(
        denied.code,
        Some(77),
        "also below the project's folder: {denied:?}"
    );
    assert!(denied.stderr.contains("so says strict"), "{denied:?}");
    assert_eq!(trace(&agent), "ran get pods\n");
    agent.assert_log_verifies();
}

#[test]
fn a_user_can_ask_for_more_and_never_for_less() {
    let live = Live::start();
    let agent = agent_with_tools(&live);
    agent.rules("loose", &rule("loose", "everything = true", "allow"));
    let asked = code(&agent, &["deploy"]);
    assert!(
        matches!(asked, Some(75 | 78)),
        "an allow of a user allows nothing: {asked:?}"
    );
    agent.rules("loose", &rule("strict", "effect = [\"read\"]", "deny"));
    assert_eq!(code(&agent, &READ), Some(77));
    assert_eq!(trace(&agent), "");
    agent.assert_log_verifies();
}

#[test]
fn what_the_project_asks_beside_the_user_must_both_be_met() {
    let live = Live::start();
    let agent = agent_with_tools(&live);
    let two = "[rule.approval]\ncount = 2\nrequest_ttl = \"10m\"\n";
    let carol = "[rule.approval]\napprovers = [\"user:carol\"]\nrequest_ttl = \"5m\"\n";
    let user = rule("user", "everything = true", "require_approval") + two;
    let project = rule("project", "everything = true", "require_approval") + carol;
    agent.rules("two", &user);
    agent.home.write("work/.gate.toml", project).unwrap();
    assert_eq!(code(&agent, &["deploy"]), Some(75));
    let terms = crate::stage::only_request(&live).terms;
    assert_eq!(terms.request_ttl_seconds, 300, "the shorter time");
    let wanted = |count, name: &str| {
        let is_met = |one: &gate_protocol::request::Requirement| {
            one.count >= count && one.approvers.iter().any(|approver| approver == name)
        };
        terms.requirements.iter().any(is_met)
    };
    assert!(
        wanted(2, "group:approvers") && wanted(1, "user:carol"),
        "{terms:?}"
    );
    assert!(terms.rules.contains(&"user".to_owned()), "{terms:?}");
    assert!(terms.rules.contains(&"project".to_owned()), "{terms:?}");
    agent.assert_log_verifies();
}

/// Returns `gate WORDS` where `etc` is the folder `/etc`.
fn with_machine_rules(agent: &Agent<'_>, etc: &Path, words: &[&str]) -> Command {
    let mut command = isolated(&agent.home, etc, "exec \"$0\" \"$@\"");
    command.args(words);
    command
}

#[test]
fn the_machines_owner_decides_and_nearer_layers_tighten() {
    let live = Live::start();
    let agent = agent_with_tools(&live);
    let etc = agent.home.path().join("etc");
    let deny = rule(
        "machine/deny",
        "tool = \"kubectl\"\ncommand = \"delete\"",
        "deny",
    );
    let allow = rule("machine/allow", DEPLOY, "allow");
    let file = agent
        .home
        .write("etc/gate/rules.d/owner.toml", format!("{allow}{deny}"))
        .unwrap();
    let decided = |words: &[&str]| {
        let check = [&["check", "--json", "--"], words].concat();
        let checked = run(&mut with_machine_rules(&agent, &etc, &check));
        let answer: Value = serde_json::from_str(&checked.stdout)
            .unwrap_or_else(|error| panic!("{error}: {checked:?}"));
        format!(
            "{} {}",
            answer["decision"].as_str().unwrap(),
            answer["rule"].as_str().unwrap()
        )
    };
    assert_eq!(decided(&["deploy"]), "allow machine/allow");
    assert_eq!(
        decided(&["kubectl", "delete", "pod", "x"]),
        "deny machine/deny"
    );
    agent
        .home
        .write(
            "work/.gate.toml",
            rule("project", "tool = \"deploy\"", "require_approval"),
        )
        .unwrap();
    assert_eq!(decided(&["deploy"]), "require_approval project");

    let words = ["run", "--", "kubectl", "delete", "pod", "x"];
    let denied = run(&mut with_machine_rules(&agent, &etc, &words));
    assert_eq!(denied.code, Some(77), "{denied:?}");
    assert!(denied.stderr.contains("so says machine/deny"), "{denied:?}");

    // A file of the owner's that others can write is nobody's word.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let check = ["check", "--json", "--", "kubectl", "get", "pods"];
    let refused = run(&mut with_machine_rules(&agent, &etc, &check));
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(
        refused.stderr.contains("others can write it"),
        "{refused:?}"
    );
    assert_eq!(trace(&agent), "");
    agent.assert_log_verifies();
}

#[test]
fn a_projects_message_is_not_the_owners() {
    let live = Live::start();
    let agent = agent_with_tools(&live);
    let etc = agent.home.path().join("etc");
    let silent = |decision: &str| {
        format!("[[rule]]\nid = \"prod\"\ntool = \"deploy\"\ndecision = \"{decision}\"\n")
    };
    let spoken = |decision: &str| silent(decision) + "message = \"already agreed\"\n";
    let run_with = |decision: &str| {
        let owner = silent(decision);
        agent
            .home
            .write("etc/gate/rules.d/owner.toml", owner)
            .unwrap();
        agent
            .home
            .write("work/.gate.toml", spoken(decision))
            .unwrap();
        let words = ["run", "--no-wait", "--", "deploy"];
        run(&mut with_machine_rules(&agent, &etc, &words))
    };
    let denied = run_with("deny");
    assert_eq!(denied.code, Some(77), "{denied:?}");
    let said = "gate: denied by rule `prod`; rule `prod` of the project adds: already agreed\n";
    assert!(denied.stderr.starts_with(said), "{denied:?}");

    let asked = run_with("require_approval");
    assert_eq!(asked.code, Some(75), "{asked:?}");
    let said = "gate: rule `prod` of the project: already agreed\n";
    assert!(asked.stderr.starts_with(said), "{asked:?}");
    let reasons = crate::stage::only_request(&live).terms.reasons;
    let of_rules: Vec<&String> = reasons
        .iter()
        .filter(|one| one.starts_with("rule"))
        .collect();
    assert_eq!(
        of_rules,
        [
            "rule `prod` says require_approval",
            "rule `prod` of the project says require_approval: already agreed",
        ]
    );
    assert_eq!(trace(&agent), "");
    agent.assert_log_verifies();
}

#[test]
fn the_servers_rules_hold_once_they_are_pulled() {
    let live = Live::start();
    let agent = agent_with_tools(&live);
    let file = agent.home.work().join("server.toml");
    let push = || {
        let path = file.to_str().unwrap();
        run(&mut live.gate("admin", &["rules", "push", path]))
    };
    std::fs::write(
        &file,
        rule("central", "tool = \"kubectl\"\neffect = [\"read\"]", "deny"),
    )
    .unwrap();
    let pushed = push();
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    let mut pull = agent.home.command(GATE);
    let pulled = run(pull.args(["rules", "pull"]));
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    let denied = run(&mut agent.gate_run(&[], &READ));
    assert_eq!(denied.code, Some(77), "{denied:?}");
    assert!(denied.stderr.contains("so says central"), "{denied:?}");

    std::fs::write(&file, rule("central", DEPLOY, "allow")).unwrap();
    assert_eq!(push().code, Some(0));
    assert_eq!(
        code(&agent, &READ),
        Some(77),
        "the copy that was pulled holds until the next"
    );
    assert_eq!(run(pull.args::<[&str; 0], &str>([])).code, Some(0));
    assert_eq!(code(&agent, &READ), Some(0));
    assert_eq!(code(&agent, &["deploy"]), Some(5), "the owner may allow");
    assert_eq!(trace(&agent), "ran get pods\nran \n");

    // A copy that somebody has changed is no rule of the server's.
    let bundle = agent.home.state().join("gate/rules/bundle.json");
    let text = std::fs::read_to_string(&bundle).unwrap();
    std::fs::write(&bundle, text.replace("deploy", "kubectl")).unwrap();
    assert_eq!(code(&agent, &READ), Some(78));
    std::fs::remove_file(&bundle).unwrap();
    assert_eq!(code(&agent, &READ), Some(78), "nor is one that is gone");
    assert_eq!(trace(&agent), "ran get pods\nran \n");
    agent.assert_log_verifies();
}

#[test]
fn with_rules_that_cannot_be_read_not_even_a_read_runs() {
    let live = Live::start();
    let agent = agent_with_tools(&live);
    let path = agent.home.config().join("gate/rules.d/bad.toml");
    let good = rule("good", "tool = \"psql\"", "deny");
    for (bad, word) in [
        ("[[rule", "bad.toml"),
        ("[[rule]]\nid = \"x\"\n", "decision"),
        (
            "[[rule]]\nid = \"x\"\ntool = \"kubectl\"\ndecision = \"alow\"\n",
            "alow",
        ),
        (
            "[[rule]]\nid = \"x\"\ntoool = \"kubectl\"\neffect = \"read\"\ndecision = \"deny\"\n",
            "toool",
        ),
    ] {
        agent.rules("bad", bad);
        assert_refused(&agent, word);
    }
    agent.rules("bad", &good);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert_refused(&agent, "others can write it");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert_refused(&agent, "not a regular file");
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, b"\xff\xfe").unwrap();
    assert_refused(&agent, "bad.toml");
    std::fs::remove_file(&path).unwrap();
    let folder = path.parent().unwrap();
    std::fs::remove_dir(folder).unwrap();
    std::fs::write(folder, "no folder").unwrap();
    assert_refused(&agent, "rules.d");
    std::fs::remove_file(folder).unwrap();

    agent.home.write("work/.gate.toml", "rules = 3\n").unwrap();
    assert_refused(&agent, ".gate.toml");
    std::fs::remove_file(agent.home.work().join(".gate.toml")).unwrap();
    assert_eq!(requests(&live), Vec::<String>::new());
    assert_eq!(code(&agent, &READ), Some(0), "mended, it runs");
    agent.assert_log_verifies();
}

/// Fails unless a read is refused with 78 and `word`, and did not run.
#[track_caller]
fn assert_refused(agent: &Agent<'_>, word: &str) {
    for words in [&READ[..], &["deploy"]] {
        let refused = run(&mut agent.gate_run(&["--no-wait"], words));
        assert_eq!(refused.code, Some(78), "{word}: {refused:?}");
        assert!(refused.stderr.starts_with("gate: "), "{word}: {refused:?}");
        assert!(refused.stderr.contains(word), "{word}: {refused:?}");
    }
    assert_eq!(trace(agent), "", "{word}");
}

#[test]
fn a_window_of_local_time_is_the_machines_and_not_the_callers() {
    let live = Live::start();
    let agent = agent_with_tools(&live);
    let clock = |when: &str| {
        let mut date = Command::new("date");
        let said = run(date.env_remove("TZ").args(["-d", when, "+%H:%M"]));
        said.stdout.trim().to_owned()
    };
    let (from, to) = (clock("1 hour ago"), clock("1 hour"));
    let now = format!("effect = [\"read\"]\ntime = {{ from = \"{from}\", to = \"{to}\" }}");
    agent.rules("now", &rule("now", &now, "deny"));
    for zone in [None, Some("Etc/GMT+9"), Some("Etc/GMT-9"), Some("UTC-6")] {
        let mut command = agent.gate_run(&["--no-wait"], &READ);
        if let Some(zone) = zone {
            command.env("TZ", zone);
        }
        assert_eq!(run(&mut command).code, Some(77), "{zone:?}");
    }
    assert_eq!(trace(&agent), "");
}
