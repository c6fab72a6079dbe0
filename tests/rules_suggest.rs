//! `gate rules suggest`: real approvals through a real server, the rules that they make, and that
//! these let the same command pass and nothing wider.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test whose stage can't be set has failed"
)]

#[expect(dead_code, reason = "the tests of the wait use the rest of it")]
#[path = "live/agent.rs"]
mod agent;
#[path = "rules_suggest/refused.rs"]
mod refused;
#[path = "live/server.rs"]
mod server;
#[path = "rules_suggest/unread.rs"]
mod unread;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use agent::{Agent, approve_as_bob};
use serde_json::Value;
use server::{GATE, Live, Ran, run};

/// Leaves its words in a file.
const KUBECTL: &str = "#!/bin/sh\necho \"ran $*\" >> \"$HOME/trace\"\n";

/// What this machine remembers, in the home of its user.
const MEMORY: &str = ".local/state/gate/answers.jsonl";

const RESTART: &[&str] = &[
    "kubectl",
    "-n",
    "staging",
    "rollout",
    "restart",
    "deployment/web",
];

/// Each of these is more than what was approved.
const WIDER: &[&[&str]] = &[
    &[
        "kubectl",
        "-n",
        "prod",
        "rollout",
        "restart",
        "deployment/web",
    ],
    &["kubectl", "rollout", "restart", "deployment/web"],
    &[
        "kubectl",
        "-n",
        "staging",
        "rollout",
        "restart",
        "deployment/api",
    ],
    &[
        "kubectl",
        "-n",
        "staging",
        "rollout",
        "restart",
        "deployment/web",
        "deployment/api",
    ],
    &[
        "kubectl",
        "-n",
        "staging",
        "rollout",
        "restart",
        "deployment",
    ],
    &[
        "kubectl",
        "-n",
        "staging",
        "rollout",
        "undo",
        "deployment/web",
    ],
    &[
        "kubectl",
        "-n",
        "staging",
        "--context",
        "other",
        "rollout",
        "restart",
        "deployment/web",
    ],
    &[
        "kubectl",
        "-n",
        "staging",
        "rollout",
        "restart",
        "deployment/web",
        "-l",
        "app=x",
    ],
    &["kubectl", "-n", "staging", "delete", "deployment/web"],
];

/// Returns the id of the request that the words ask for.
fn ask(agent: &Agent<'_>, words: &[&str]) -> String {
    let asked = in_home(agent.gate_run(&["--json", "--no-wait"], words), agent);
    let event = asked.stderr.lines().next().unwrap_or_default();
    let event: Value = serde_json::from_str(event).unwrap();
    event["request"].as_str().unwrap().to_owned()
}

fn approved(agent: &Agent<'_>, words: &[&str]) {
    let id = ask(agent, words);
    approve_as_bob(agent.live, &id);
    let done = in_home(agent.gate_run(&["--no-wait"], words), agent);
    assert_eq!(done.code, Some(0), "{done:?}");
}

fn denied(agent: &Agent<'_>, words: &[&str]) {
    let id = ask(agent, words);
    let denied = run(&mut agent.live.gate("bob_approver", &["deny", &id]));
    assert_eq!(denied.code, Some(0), "{denied:?}");
    // Whoever runs it again while the denial is fresh learns of it; the record is the server's.
    drop(in_home(agent.gate_run(&["--no-wait"], words), agent));
}

/// Returns what the machine remembers of the request that the words ask for: nobody has answered.
fn remembered(agent: &Agent<'_>, words: &[&str]) -> Value {
    let id = ask(agent, words);
    let memory = fs::read_to_string(agent.home.path().join(MEMORY)).unwrap();
    let requests = memory
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let mut requests = requests.filter(|request: &Value| request["id"] == id.as_str());
    requests.next().unwrap()
}

/// Returns the request as people have answered it, under another id for each `at`.
fn answered(request: &Value, status: &str, at: usize) -> Value {
    let mut request = request.clone();
    let id = request["id"].as_str().unwrap().to_owned();
    let (before, _) = id.split_at(id.len() - 4);
    request["id"] = format!("{before}{at:04}").into();
    request["status"] = status.into();
    request
}

/// Returns the request as it is approved three times, which is often enough.
fn approvals(request: &Value) -> Vec<Value> {
    (0..3).map(|at| answered(request, "approved", at)).collect()
}

fn lines(values: &[Value]) -> String {
    let mut lines: Vec<String> = values.iter().map(Value::to_string).collect();
    lines.push(String::new());
    lines.join("\n")
}

/// Suggests from these lines, and returns the object, and how it ended without `--json`.
fn from_lines(agent: &Agent<'_>, values: &[Value]) -> (Value, Ran) {
    agent.home.write("given.jsonl", lines(values)).unwrap();
    let told = run(&mut gate(agent, &["rules", "suggest", "given.jsonl"]));
    let ran = run(&mut gate(
        agent,
        &["rules", "suggest", "--json", "given.jsonl"],
    ));
    assert_eq!(
        (ran.code, told.code),
        (Some(0), Some(0)),
        "{ran:?} {told:?}"
    );
    (serde_json::from_str(&ran.stdout).unwrap(), told)
}

fn decisions(suggested: &Value) -> Vec<&str> {
    let rules = suggested["rules"].as_array().unwrap().iter();
    rules
        .map(|rule| rule["decision"].as_str().unwrap())
        .collect()
}

fn gate(agent: &Agent<'_>, args: &[&str]) -> Command {
    let mut command = agent.home.command(GATE);
    command.args(args).current_dir(agent.home.path());
    command
}

fn in_home(mut command: Command, agent: &Agent<'_>) -> Ran {
    run(command.current_dir(agent.home.path()))
}

fn decision(agent: &Agent<'_>, rules: &str, words: &[&str]) -> (String, String) {
    let args = [&["check", "--json", "--rules", rules, "--"], words].concat();
    let checked = run(&mut gate(agent, &args));
    let checked: Value = serde_json::from_str(&checked.stdout).unwrap();
    let text = |field: &str| checked[field].as_str().unwrap().to_owned();
    (text("decision"), text("rule"))
}

/// A history: three approvals of one command, one of another, three of a tool that gate does not
/// know, and one denial.
fn history(live: &Live) -> Agent<'_> {
    let agent = Agent::new(live);
    agent.home.script("kubectl", KUBECTL).unwrap();
    agent.home.script("deploy", KUBECTL).unwrap();
    for _ in 0..3 {
        approved(&agent, RESTART);
        approved(&agent, &["deploy", "web"]);
    }
    approved(
        &agent,
        &[
            "kubectl",
            "-n",
            "dev",
            "scale",
            "deployment/web",
            "--replicas=2",
        ],
    );
    denied(&agent, &["kubectl", "-n", "prod", "delete", "pod", "web-1"]);
    agent
}

fn exported(live: &Live, agent: &Agent<'_>) -> PathBuf {
    let out = agent.home.path().join("export");
    let args = ["audit", "export", "--out"];
    let exported = run(live.gate("auditor", &args).arg(&out));
    assert_eq!(exported.code, Some(0), "{exported:?}");
    out
}

/// Returns the file of the rules that are suggested, which `gate rules check` has taken.
fn suggested(agent: &Agent<'_>) -> String {
    let suggested = run(&mut gate(agent, &["rules", "suggest"]));
    assert_eq!(suggested.code, Some(0), "{suggested:?}");
    let text = &suggested.stdout;
    assert!(
        text.contains("# approved 3 times, never denied, by 1 person\n"),
        "{text}"
    );
    for left_out in [
        "deploy (unknown): no rule is proposed to allow the effect unknown (approved 3, denied 0)",
        "kubectl scale (write, namespace dev): fewer than 3 approvals (approved 1, denied 0)",
    ] {
        assert!(suggested.stderr.contains(left_out), "{suggested:?}");
    }
    agent.home.write("suggested.toml", text).unwrap();
    let rules = agent.home.path().join("suggested.toml");
    let rules = rules.to_str().unwrap().to_owned();
    let checked = run(&mut gate(agent, &["rules", "check", &rules]));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    rules
}

#[test]
fn what_was_approved_passes_by_the_rules_that_it_makes_and_nothing_wider_does() {
    let live = Live::start();
    let agent = history(&live);
    let rules = &suggested(&agent);

    let (decided, by) = decision(&agent, rules, RESTART);
    assert_eq!(decided, "allow");
    assert!(by.starts_with("suggested/kubectl-rollout-restart-"), "{by}");
    for words in WIDER {
        let (decided, by) = decision(&agent, rules, words);
        assert_ne!(decided, "allow", "{words:?} by {by}");
    }
    let elsewhere = run(gate(&agent, &["check", "--json", "--rules", rules, "--"])
        .args(RESTART)
        .current_dir("/"));
    assert!(
        elsewhere.stdout.contains("require_approval"),
        "{elsewhere:?}"
    );

    // In force at the server, they let the real command run without a question.
    let pushed = run(&mut live.gate("admin", &["rules", "push", rules]));
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    let pulled = run(&mut gate(&agent, &["rules", "pull"]));
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    let ran = in_home(agent.gate_run(&["--no-wait"], RESTART), &agent);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for words in WIDER {
        let asked = in_home(agent.gate_run(&["--no-wait"], words), &agent);
        assert_eq!(asked.code, Some(75), "{words:?}: {asked:?}");
    }
}

#[test]
fn what_a_file_said_of_the_target_stands_in_the_rule() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.script("kubectl", KUBECTL).unwrap();
    let settings = |namespace: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: dev\n\
             contexts:\n- name: dev\n  context:\n    cluster: dev\n    namespace: {namespace}\n\
             clusters:\n- name: dev\n  cluster:\n    server: https://dev.example:6443\n"
        );
        agent.home.write(".kube/config", text).unwrap();
    };
    settings("shop");
    let words = &["kubectl", "scale", "deployment/web", "--replicas=2"];
    approved(&agent, words);
    let made = run(&mut gate(&agent, &["rules", "suggest", "--min", "1"]));
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.stdout.contains("\"namespace\" = \"shop\""), "{made:?}");
    agent.home.write("suggested.toml", &made.stdout).unwrap();
    let rules = agent.home.path().join("suggested.toml");
    let rules = rules.to_str().unwrap();
    assert_eq!(decision(&agent, rules, words).0, "allow");
    settings("prod");
    assert_eq!(decision(&agent, rules, words).0, "require_approval");
}

#[test]
fn a_part_of_the_target_that_a_command_leaves_is_no_part_of_its_rule() {
    let live = Live::start();
    let agent = Agent::new(&live);
    agent.home.script("kubectl", KUBECTL).unwrap();
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: dev\n\
                contexts:\n- name: dev\n  context:\n    cluster: dev\n    namespace: shop\n\
                clusters:\n- name: dev\n  cluster:\n    server: https://dev.example:6443\n";
    agent.home.write(".kube/config", text).unwrap();
    let cordon = &["kubectl", "cordon", "n1"];
    let everywhere = &[
        "kubectl", "-n", "shop", "label", "pods", "-A", "a=b", "-l", "a=c",
    ];
    approved(&agent, cordon);
    approved(&agent, everywhere);
    let made = run(&mut gate(&agent, &["rules", "suggest", "--min", "1"]));
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.stdout.contains("\"context\" = \"dev\""), "{made:?}");
    assert!(!made.stdout.contains("\"namespace\" = "), "{made:?}");
    let left_out = "could not let it pass by `target.namespace`";
    assert!(made.stderr.contains(left_out), "{made:?}");
    agent.home.write("suggested.toml", &made.stdout).unwrap();
    let rules = agent.home.path().join("suggested.toml");
    let rules = rules.to_str().unwrap();
    assert_eq!(decision(&agent, rules, cordon).0, "allow");
    for other in [&["kubectl", "cordon", "n2"][..], everywhere] {
        assert_eq!(decision(&agent, rules, other).0, "require_approval");
    }
}

#[test]
fn an_export_makes_the_same_rules_and_knows_of_every_denial() {
    let live = Live::start();
    let agent = history(&live);
    let out = exported(&live, &agent);
    let out = out.to_str().unwrap();
    let suggest = |args: &[&str]| {
        let ran = run(&mut gate(&agent, &[&["rules", "suggest"], args].concat()));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout
    };
    let text = suggest(&[out]);
    assert!(
        text.contains("suggested/kubectl-rollout-restart-"),
        "{text}"
    );
    let by_denial = "# never approved, denied once, by 1 person";
    assert!(text.contains(by_denial), "{text}");
    assert!(text.contains("decision = \"require_approval\""), "{text}");
    // Once is enough where once is asked for.
    let strict: Value = serde_json::from_str(&suggest(&["--json", "--min", "1", out])).unwrap();
    let rules = strict["rules"].as_array().unwrap();
    let decisions = rules.iter().map(|rule| {
        let command = rule["command"].as_array().unwrap().iter();
        let words: Vec<&str> = command.map(|word| word.as_str().unwrap()).collect();
        (words.join(" "), rule["decision"].as_str().unwrap())
    });
    let decisions: Vec<(String, &str)> = decisions.collect();
    let expected = [
        ("delete", "deny"),
        ("rollout restart", "allow"),
        ("scale", "allow"),
    ];
    assert_eq!(
        decisions,
        expected.map(|(command, decided)| (command.to_owned(), decided))
    );
    assert_eq!(strict["answers"], 8);
    // The records themselves say the same as the folder of them.
    let records = run(&mut live.gate("auditor", &["audit", "log", "--json", "--limit", "1000"]));
    agent.home.write("records.jsonl", &records.stdout).unwrap();
    assert_eq!(suggest(&["records.jsonl"]), text);
    let server = run(&mut live.gate("auditor", &["rules", "suggest", "--server"]));
    assert_eq!(server.stdout, text, "{server:?}");
}

#[test]
fn a_file_that_is_no_record_is_refused_and_no_history_is_no_mistake() {
    let live = Live::start();
    let agent = Agent::new(&live);
    let nothing = run(&mut gate(&agent, &["rules", "suggest"]));
    assert_eq!(
        (nothing.code, nothing.stdout.as_str()),
        (Some(0), ""),
        "{nothing:?}"
    );
    assert!(nothing.stderr.contains("nothing to propose"), "{nothing:?}");
    agent.home.write("log.jsonl", "\n{\"a\":1}\n").unwrap();
    let refused = run(&mut gate(&agent, &["rules", "suggest", "log.jsonl"]));
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.stderr.contains("log.jsonl:2: "), "{refused:?}");
    let absent = run(&mut gate(&agent, &["rules", "suggest", "absent.jsonl"]));
    assert_eq!(absent.code, Some(64), "{absent:?}");
    for (refused, mend) in [
        (refused, "give what `gate audit export` writes"),
        (absent, "see that the name is right"),
    ] {
        assert!(refused.stderr.contains(mend), "{refused:?}");
    }
}
