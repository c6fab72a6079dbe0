//! `gate rules test`: cases that hold, cases that don't, and files that are none.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::path::Path;
use std::process::Output;

use gate_testkit::home::Home;
use serde_json::Value;

const GATE: &str = env!("CARGO_BIN_EXE_gate");

const RULES: &str = "[[rule]]\nid = \"team/prod\"\ntool = \"kubectl\"\neffect = [\"write\", \"destroy\"]\n\
                     target = { namespace = \"prod\" }\ncaller = { kind = \"agent\" }\n\
                     time = { days = \"mon\", zone = \"local\" }\ndecision = \"deny\"\n\
                     message = \"not on Mondays\"\n";

const CASES: &str = r#"
[[case]]
name = "an agent on a Monday"
line = "kubectl -n prod delete pod 'web 1'"
caller = { kind = "agent" }
time = "2026-01-05T10:00:00Z"
expect = { decision = "deny", rule = "team/prod", effect = "destroy", reason = "Mondays" }

[[case]]
name = "an agent on a Tuesday"
line = "kubectl -n prod delete pod web-1"
caller = { kind = "agent" }
time = "2026-01-06T10:00:00Z"
expect = { rule = "baseline/kubectl-destroy", target = { namespace = "prod" } }

[[case]]
name = "a script that is piped in"
argv = ["psql", "-h", "db", "shop"]
stdin = "drop table orders;"
expect = { decision = "require_approval", target = { host = "db" } }
"#;

const WRONG: &str = r#"
[[case]]
name = "wrong in three things"
line = "kubectl -n prod delete pod web-1"
expect = { decision = "allow", effect = "read", target = { namespace = "dev" }, tool = "kubectl" }
"#;

/// Each file, where its mistake stands, and what is said of it.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("", "1:1", "write `[[case]]`"),
    (
        "[[case]]\nname = 'a'\nexpect = { decision = 'deny' }\n",
        "1:1",
        "`case.line`: it is missing",
    ),
    (
        "[[case]]\nname = 'a'\nline = 'a | b'\nexpect = { decision = 'deny' }\n",
        "3:8",
        "write argv",
    ),
    (
        "[[case]]\nname = 'a'\nline = 'a'\nargv = ['a']\nexpect = { rule = 'x' }\n",
        "3:8",
        "leave one of them out",
    ),
    (
        "[[case]]\nname = 'a'\nargv = []\nexpect = { rule = 'x' }\n",
        "3:8",
        "give the tool's name",
    ),
    (
        "[[case]]\nname = 'a'\nline = 'a'\n",
        "1:1",
        "write expect = { decision =",
    ),
    (
        "[[case]]\nname = 'a'\nline = 'a'\nexpect = {}\n",
        "4:10",
        "`case.expect`: it is empty",
    ),
    (
        "[[case]]\nname = 'a'\nline = 'a'\nexpect = { effect = 'reed' }\n",
        "4:21",
        "no effect",
    ),
    (
        "[[case]]\nname = 'a'\nline = 'a'\nexpect = { decision = 'maybe' }\n",
        "4:23",
        "maybe",
    ),
    (
        "[[case]]\nname = 'a'\nline = 'a'\ntime = 'noon'\nexpect = { rule = 'x' }\n",
        "4:8",
        "no moment",
    ),
    (
        "[[case]]\nname = 'a'\nline = 'a'\ncwd = 'x'\nexpect = { rule = 'x' }\n",
        "4:7",
        "begin it with `/`",
    ),
    (
        "[[case]]\nname = 'a'\nline = 'a'\nwho = 'x'\nexpect = { rule = 'x' }\n",
        "4:1",
        "who",
    ),
    (
        "[[case]]\nname = 'a'\nline = 'a'\nexpect = { rule = 'x' }\n[[case]]\nname = 'a'\nline = 'a'\nexpect = { rule = 'x' }\n",
        "6:8",
        "has this name too",
    ),
];

fn test(home: &Home, args: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = home
        .command(GATE)
        .args(["rules", "test"])
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn cases_that_hold_are_counted() {
    let home = Home::new().unwrap();
    home.write("work/rules.toml", RULES).unwrap();
    home.write("work/cases.toml", CASES).unwrap();
    let (code, stdout, stderr) = test(&home, &["--rules", "rules.toml", "cases.toml"]);
    assert_eq!(
        (code, stdout.as_str(), stderr.as_str()),
        (
            Some(0),
            "running 3 cases\ncase an agent on a Monday ... ok\ncase an agent on a Tuesday ... \
             ok\ncase a script that is piped in ... ok\n\nresult: ok. 3 passed; 0 failed; 0 \
             filtered out\n",
            ""
        )
    );
}

#[test]
fn what_is_not_as_expected_is_shown_field_by_field() {
    let home = Home::new().unwrap();
    home.write("work/wrong.toml", WRONG).unwrap();
    home.write("work/cases.toml", CASES).unwrap();
    home.write("work/rules.toml", RULES).unwrap();
    let args = [
        "--rules",
        "rules.toml",
        "cases.toml",
        "wrong.toml",
        "--filter",
        "wrong",
    ];
    let (code, stdout, stderr) = test(&home, &args);
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(
        stdout,
        "running 1 cases\ncase wrong in three things ... FAILED\n\n---- wrong in three things \
         (wrong.toml:2) ----\n  decision\n    - allow\n    + require_approval\n  effect\n    - \
         read\n    + destroy\n  target.namespace\n    - dev\n    + prod\n\nresult: FAILED. 0 \
         passed; 1 failed; 3 filtered out\n"
    );
    assert_eq!(stderr, "gate: 1 of 1 cases failed\n");
    let (code, stdout, _) = test(&home, &[&["--json"], &args[..]].concat());
    assert_eq!(code, Some(1));
    let object: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(object["failed"], 1);
    assert_eq!(object["filtered_out"], 3);
    assert_eq!(object["cases"][0]["differences"][1]["found"], "destroy");
    let (code, _, stderr) = test(&home, &["cases.toml", "--filter", "no such"]);
    assert_eq!(code, Some(64), "{stderr}");
}

#[test]
fn without_rules_of_their_own_those_in_force_are_tested() {
    let home = Home::new().unwrap();
    home.write(".config/gate/rules.d/mine.toml", RULES).unwrap();
    home.write("work/cases.toml", CASES).unwrap();
    let (code, stdout, stderr) = test(&home, &["cases.toml"]);
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    home.write(".config/gate/rules.d/mine.toml", "nonsense")
        .unwrap();
    assert_eq!(test(&home, &["cases.toml"]).0, Some(78));
}

#[test]
fn every_mistake_in_a_file_of_cases_has_its_place_its_field_and_its_mend() {
    let home = Home::new().unwrap();
    for (cases, place, said) in MISTAKES {
        home.write("work/bad.toml", cases).unwrap();
        let (code, _, stderr) = test(&home, &["bad.toml"]);
        assert_eq!(code, Some(78), "{cases}: {stderr}");
        let start = format!("gate: bad.toml:{place}: ");
        assert!(
            stderr.starts_with(&start) && stderr.contains(said),
            "{cases}: {stderr}"
        );
    }
}

#[test]
fn the_cases_that_are_shipped_hold_for_the_rules_that_are() {
    let home = Home::new().unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let file = |name: &str| examples.join(name).to_str().unwrap().to_owned();
    let (code, stdout, stderr) = test(
        &home,
        &["--rules", &file("rules.toml"), &file("cases.toml")],
    );
    assert_eq!(code, Some(0), "{stdout}{stderr}");
}

#[test]
fn text_of_a_file_of_cases_acts_on_no_terminal() {
    let home = Home::new().unwrap();
    let evil = "[[case]]\nname = \"\\u001b[2J\\nresult: ok\"\nline = 'a'\nexpect = { rule = \"\\u001b[1m\" }\n";
    home.write("work/evil.toml", evil).unwrap();
    let (code, stdout, stderr) = test(&home, &["evil.toml"]);
    assert_eq!(code, Some(1));
    assert!(
        !format!("{stdout}{stderr}").contains('\u{1b}'),
        "{stdout}{stderr}"
    );
    assert!(
        !stdout.lines().any(|line| line.starts_with("result: ok")),
        "{stdout}"
    );
}
