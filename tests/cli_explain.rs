//! `gate explain`: what a person is shown, and what a program is given.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::fs;
use std::path::Path;

use gate_testkit::home::Home;
use serde_json::Value;

const GATE: &str = env!("CARGO_BIN_EXE_gate");

const RULES: &str = r#"
[[rule]]
id = "mine/deploys"
tool = "deploy"
operands = "web-*"
decision = "deny"
message = "not from here"

[[rule]]
id = "mine/agents-deploy"
tool = "deploy"
caller = { kind = "agent" }
decision = "deny"

[[rule]]
id = "mine/deploy-pass"
tool = "deploy"
effect = "unknown"
decision = "allow"

[[rule]]
id = "mine/prod"
tool = "kubectl"
effect = ["write", "destroy"]
target = { namespace = ["prod", "prod-*"] }
decision = "deny"
message = "not from here"

[[rule]]
id = "mine/agents"
tool = "kubectl"
caller = { kind = "agent" }
decision = "deny"

[[rule]]
id = "mine/allow"
tool = "kubectl"
command = "delete"
decision = "allow"

[[rule]]
id = "mine/elsewhere"
tool = "git"
command = "push"
decision = "deny"
"#;

const SECRET: &str = "hunter2-but-longer";

fn home() -> Home {
    let home = Home::new().unwrap();
    home.script("kubectl", "exit 0").unwrap();
    home.script("psql", "exit 0").unwrap();
    home.script("deploy", "exit 0").unwrap();
    home.write(".config/gate/rules.d/mine.toml", RULES).unwrap();
    home
}

/// What is shown, with the home's own path and the mask's keyed marks left out.
fn explained(home: &Home, args: &[&str]) -> String {
    let output = home
        .command(GATE)
        .arg("explain")
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    let shown = shown.replace(home.path().to_str().unwrap(), "/home/alice");
    without_marks(&shown)
}

/// A mark is a key's word for a value, and each home has its own key.
fn without_marks(text: &str) -> String {
    let mut parts = text.split(", hmac ");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(", hmac ····");
        kept.push_str(part.get(4..).unwrap_or_default());
    }
    kept
}

/// Compares with a file that is checked in; `GATE_BLESS=1` writes it anew.
#[track_caller]
fn assert_golden(name: &str, shown: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cli_explain")
        .join(name);
    if std::env::var_os("GATE_BLESS").is_some() {
        fs::write(&path, shown).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == shown,
        "{} is not what is shown; GATE_BLESS=1 writes it anew:\n{shown}",
        path.display()
    );
}

/// A tool of which gate knows nothing: what it learns of others does not change these files.
const DEPLOY: &[&str] = &["deploy", "--to", "prod", "web-1"];

#[test]
fn the_tree_says_what_decides_and_why() {
    let home = home();
    let shown = explained(&home, &[&["--"], DEPLOY].concat());
    assert_golden("deploy.txt", &shown);
    assert!(!shown.contains('\u{1b}'), "a pipe gets no colours");
}

#[test]
fn the_object_has_the_shape_that_is_documented() {
    let home = home();
    let shown = explained(&home, &[&["--json", "--"], DEPLOY].concat());
    let object: Value = serde_json::from_str(&shown).unwrap();
    assert_golden("deploy.json", &format!("{object:#}\n"));
}

#[test]
fn the_tree_says_what_each_word_is_and_what_became_of_each_rule() {
    let home = home();
    let delete = ["kubectl", "-n", "prod-eu", "delete", "pod", "web-1"];
    let shown = explained(&home, &[&["--"], &delete[..]].concat());
    for line in [
        "deny: kubectl delete, effect destroy (mine/prod)",
        "│  ├─ -n       option namespace",
        "│  ├─ prod-eu  value namespace",
        "│  ├─ delete   command",
        "│  └─ web-1    operand",
        "├─ effect destroy",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    for part in [
        "─ namespace  prod-eu",
        "✓ mine/prod ",
        "no: caller.kind wants agent, found user (user, /home/alice/.config/gate/rules.d/mine.toml:",
        "not heard: it allows, and its layer can only tighten",
        "rules about something else",
        "mine/prod (user)  not from here",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
}

#[test]
fn every_rule_says_the_first_field_that_keeps_it_from_matching() {
    let home = home();
    let of = |words: &[&str], id: &str| {
        let shown = explained(&home, &[&["--json", "--"], words].concat());
        let object: Value = serde_json::from_str(&shown).unwrap();
        let rules = object["rules"].as_array().unwrap().clone();
        rules.into_iter().find(|rule| rule["id"] == id).unwrap()
    };
    let shop = ["kubectl", "-n", "shop", "delete", "pod", "web-1"];
    let prod = of(&shop, "mine/prod");
    assert_eq!(prod["outcome"], "misses");
    assert_eq!(prod["field"], "target.namespace");
    assert_eq!(prod["wanted"], "prod or prod-*");
    assert_eq!(prod["found"], "shop");
    assert_eq!(
        of(&["kubectl", "delete", "pod", "x"], "mine/prod")["found"],
        "not named"
    );
    assert_eq!(of(&shop, "mine/agents")["field"], "caller.kind");
    let silent = of(&shop, "mine/allow");
    assert_eq!(
        (&silent["outcome"], &silent["decision"]),
        (&"silent".into(), &"allow".into())
    );
    assert!(silent["why"].as_str().unwrap().contains("can only tighten"));
    let get = ["kubectl", "-n", "prod", "get", "pods"];
    assert_eq!(of(&get, "mine/prod")["field"], "effect");
}

#[test]
fn no_secret_stands_in_a_word_a_reason_or_a_statement() {
    let home = home();
    let statement = format!("alter role app password '{SECRET}'; select 1");
    let token = format!("--token={SECRET}");
    for args in [
        vec!["--", "psql", "-c", &statement],
        vec!["--json", "--", "psql", "-c", &statement],
        vec!["--", "kubectl", "get", "pods", &token],
        vec!["--json", "--", "kubectl", "get", "pods", &token],
    ] {
        let shown = explained(&home, &args);
        assert!(shown.contains("secret"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn the_words_of_a_variable_stand_among_those_of_the_command() {
    let home = home();
    home.script("terraform", "exit 0").unwrap();
    let explained = |args: &[&str]| {
        let mut command = home.command(GATE);
        command.env("TF_CLI_ARGS_apply", format!("-destroy -var token={SECRET}"));
        let output = command.arg("explain").args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let object = explained(&["--json", "--", "terraform", "apply", "-no-color"]);
    assert!(!object.contains("hunter2"), "{object}");
    let object: Value = serde_json::from_str(&object).unwrap();
    assert_eq!(object["effect"], "destroy");
    let words = object["words"].as_array().unwrap().iter();
    let words: Vec<(&str, bool)> = words
        .map(|word| {
            let text = word["text"].as_str().unwrap().split('=').next().unwrap();
            (text, word["variable"] == "TF_CLI_ARGS_apply")
        })
        .collect();
    assert_eq!(
        words,
        [
            ("terraform", false),
            ("apply", false),
            ("-destroy", true),
            ("-var", true),
            ("token", true),
            ("-no-color", false)
        ]
    );
    let mut variables = object["environment"].as_array().unwrap().iter();
    assert!(variables.any(|one| one["name"] == "TF_CLI_ARGS_apply" && one["action"] == "merges"));
    let tree = explained(&["--", "terraform", "apply"]);
    assert!(
        tree.contains("option destroy, of TF_CLI_ARGS_apply"),
        "{tree}"
    );
    assert!(!tree.contains("hunter2"), "{tree}");
}

/// Variables that add words to a command, and its own words.
type Added = (
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

const MERGED: &[Added] = &[
    (
        &[
            ("TF_CLI_ARGS", "-general"),
            ("TF_CLI_ARGS_apply", "-one \"two x\" 'three y' -v='a b'"),
        ],
        &["apply", "last"],
    ),
    (&[("TF_CLI_ARGS", "destroy")], &[]),
    (&[("TF_CLI_ARGS", "destroy")], &["-chdir=/"]),
    (
        &[
            ("TF_CLI_ARGS", "list"),
            ("TF_CLI_ARGS_workspace", "select q"),
            ("TF_CLI_ARGS_workspace_select", "-no"),
        ],
        &["workspace"],
    ),
    (
        &[("TF_CLI_ARGS_state_replace_provider", "-id=z\t#c ~ *")],
        &["state", "replace-provider"],
    ),
    (&[("TF_CLI_ARGS_plan", "-no")], &["apply"]),
];

/// Returns the words that terraform takes, as its log has them: quoted as Go does.
fn words_of_terraform(home: &Home, variables: &[(&str, &str)], words: &[&str]) -> Vec<String> {
    let terraform = gate_testkit::real::locate("terraform").unwrap();
    let mut command = home.command(terraform);
    command.envs(variables.iter().copied()).args(words);
    command.env("TF_LOG", "info").env("CHECKPOINT_DISABLE", "1");
    let output = command.output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    let (_, list) = log.split_once("CLI command args: []string{").unwrap();
    let list = format!("[{}]", list.split_once('}').unwrap().0);
    serde_json::from_str(&list).unwrap()
}

#[test]
fn the_words_of_variables_stand_where_terraform_puts_them() {
    let home = home();
    home.script("terraform", "exit 0").unwrap();
    for (variables, words) in MERGED {
        let mut command = home.command(GATE);
        command.envs(variables.iter().copied());
        command
            .args(["explain", "--json", "--", "terraform"])
            .args(*words);
        let output = command.output().unwrap();
        let object: Value = serde_json::from_slice(&output.stdout).unwrap();
        let read = object["words"].as_array().unwrap().iter().skip(1);
        let read = read.map(|word| word["text"].as_str().unwrap().trim_matches('\''));
        let read: Vec<&str> = read.filter(|word| !word.starts_with("-chdir=")).collect();
        assert_eq!(
            read,
            words_of_terraform(&home, variables, words),
            "{words:?}"
        );
    }
}

#[test]
fn each_variable_says_what_becomes_of_it() {
    let home = home();
    home.script("git", "exit 0").unwrap();
    let cases = [
        (
            &["git", "status"][..],
            ("GIT_ASKPASS", "/tmp/ask"),
            "stripped",
            "is taken away",
        ),
        (
            &["git", "fetch"],
            ("GIT_ASKPASS", "/tmp/ask"),
            "makes_unknown",
            "makes the command unknown",
        ),
        (
            &["psql", "-c", "select 1"],
            ("PGHOST", "db"),
            "binds",
            "matters",
        ),
        (
            &["psql", "-c", "select 1"],
            ("PSQLRC", "/tmp/rc"),
            "set",
            "is set by gate to",
        ),
    ];
    for (words, (name, value), action, said) in cases {
        let told = |form: &[&str]| {
            let mut command = home.command(GATE);
            command
                .env(name, value)
                .arg("explain")
                .args(form)
                .args(words);
            String::from_utf8(command.output().unwrap().stdout).unwrap()
        };
        let object: Value = serde_json::from_str(&told(&["--json", "--"])).unwrap();
        let mut variables = object["environment"].as_array().unwrap().iter();
        let found = variables.find(|one| one["name"] == name).unwrap();
        assert_eq!(found["action"], action, "{words:?}: {found}");
        let tree = told(&["--"]);
        let mut lines = tree.lines();
        assert!(
            lines.any(|line| line.contains(name) && line.contains(said)),
            "{tree}"
        );
    }
}

#[test]
fn text_from_a_command_draws_no_branch_of_its_own() {
    let home = home();
    let shown = explained(
        &home,
        &[
            "--",
            "kubectl",
            "get",
            "pods\n└─ ✓ baseline/x  allow\u{1b}[2J",
        ],
    );
    assert!(!shown.contains('\u{1b}'), "{shown}");
    assert!(
        !shown.lines().any(|line| line.starts_with("└─ ✓")),
        "{shown}"
    );
}

#[test]
fn nothing_is_promised_where_nobody_is_asked() {
    let home = home();
    let allowed = explained(&home, &["--", "kubectl", "get", "pods"]);
    assert!(allowed.starts_with("allow: "), "{allowed}");
    for promise in ["is part of what is approved", "hashed again", "copy"] {
        assert!(!allowed.contains(promise), "{promise}\n{allowed}");
    }
    let asked = explained(&home, &["--", "kubectl", "apply", "-f", "nothere.yaml"]);
    assert!(asked.contains("is part of what is approved"), "{asked}");
    let missing = asked.lines().find(|line| line.contains("nothere.yaml ("));
    assert!(missing.unwrap().ends_with(": not there"), "{asked}");
}

#[test]
fn files_that_are_not_there_are_one_line() {
    let home = home();
    home.script("docker", "exit 0").unwrap();
    let shown = explained(&home, &["--", "docker", "compose", "up", "-d"]);
    let folded = "that are not there and must not appear: ";
    assert_eq!(shown.matches(folded).count(), 1, "{shown}");
}
