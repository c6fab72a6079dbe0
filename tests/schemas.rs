//! The published schema says what gate says, as far as a schema can.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "schemas/cases.rs"]
mod cases;
#[path = "schemas/files.rs"]
mod files;
#[path = "schemas/operations.rs"]
mod operations;
#[path = "schemas/profiles.rs"]
mod profiles;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gate_testkit::home::Home;
use gate_testkit::real::testbed;
use serde_json::Value;

const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// Reads each file that is named and prints a line: whether the schema takes it.
const VALIDATE: &str = "
import json, sys, tomllib
from jsonschema import Draft202012Validator as V
schema = json.load(open(sys.argv[1]))
V.check_schema(schema)
for path in sys.argv[2:]:
    with open(path, 'rb') as file:
        print(json.dumps(V(schema).is_valid(tomllib.load(file))))
";

/// What stands behind the id and the decision of a rule, its decision, and whether it is taken.
const CASES: &[(&str, &str, bool)] = &[
    ("tool = 'kubectl'", "deny", true),
    ("tool = ['kubectl', 'git*']", "deny", true),
    ("tool = []", "deny", false),
    ("tool = ''", "deny", false),
    ("tool = '/usr/bin/git'", "deny", false),
    ("tool = 3", "deny", false),
    ("tol = 'git'", "deny", false),
    ("", "deny", false),
    ("command = 'rollout restart'", "deny", true),
    ("command = ' '", "deny", false),
    ("effect = 'write'", "allow", true),
    ("effect = ['write', 'reed']", "deny", false),
    ("effect = []", "deny", false),
    (
        "flags = { force = true, grace = '0', x = false }",
        "deny",
        true,
    ),
    ("flags = { force = 1 }", "deny", false),
    ("flags = {}", "deny", false),
    ("operands = ['a', 'b*']", "deny", true),
    ("operands = ['a', 1]", "deny", false),
    ("target = { namespace = ['prod', 'prod-*'] }", "deny", true),
    ("target = { namespace = true }", "deny", false),
    ("caller = { kind = 'agent', ci = true }", "deny", true),
    ("caller = { kind = 'agent' }", "allow", false),
    ("caller = { terminal = true }", "allow", false),
    (
        "caller = { name = 'alice', host = ['a', 'b'] }",
        "allow",
        true,
    ),
    ("caller = { kind = 'robot' }", "deny", false),
    ("caller = { colour = 'red' }", "deny", false),
    ("caller = {}", "deny", false),
    ("cwd = '/srv/**'", "deny", true),
    ("cwd = ['**/x', 'srv']", "deny", false),
    (
        "time = { days = ['mon', 'sun'], from = '09:30', to = '17:00', zone = '+02:00' }",
        "deny",
        true,
    ),
    ("time = { from = '9:30' }", "deny", false),
    ("time = { from = '24:00' }", "deny", false),
    ("time = { zone = '+15:00' }", "deny", false),
    ("time = { zone = 'Europe/Berlin' }", "deny", false),
    ("time = { days = 'monday' }", "deny", false),
    ("time = {}", "deny", false),
    ("when = 'size(operands) > 1'", "deny", true),
    ("when = ''", "deny", false),
    ("when = true", "deny", false),
    ("everything = true", "deny", true),
    ("everything = false", "deny", false),
    ("everything = true\ntool = 'git'", "deny", false),
    ("everything = false\ntool = 'git'", "deny", true),
    ("tool = 'git'\nmessage = 'no'", "deny", true),
    ("tool = 'git'\nmessage = 3", "deny", false),
    (
        "tool = 'git'\nreason = 'required'",
        "require_approval",
        true,
    ),
    ("tool = 'git'\nreason = 'required'", "deny", false),
    ("tool = 'git'\nreason = 'maybe'", "require_approval", false),
    ("tool = 'git'\nrecord = 'outcome'", "allow", true),
    (
        "tool = 'git'\nrecord = 'outcome'",
        "require_approval",
        false,
    ),
    (
        "tool = 'git'\napproval = { count = 2, approvers = 'group:sre' }",
        "require_approval",
        true,
    ),
    ("tool = 'git'\napproval = { count = 2 }", "allow", false),
    (
        "tool = 'git'\napproval = { count = 0 }",
        "require_approval",
        false,
    ),
    (
        "tool = 'git'\napproval = { count = 101 }",
        "require_approval",
        false,
    ),
    (
        "tool = 'git'\napproval = { all_of = [{ approvers = 'group:a', count = 2 }, { approvers = 'group:b' }] }",
        "require_approval",
        true,
    ),
    (
        "tool = 'git'\napproval = { all_of = [{ approvers = 'group:a' }] }",
        "require_approval",
        false,
    ),
    (
        "tool = 'git'\napproval = { count = 1, all_of = [{ approvers = 'group:a' }, { approvers = 'group:b' }] }",
        "require_approval",
        false,
    ),
    (
        "tool = 'git'\napproval = { escalate_after = '5m', escalate_to = 'group:a', remind_every = '5m' }",
        "require_approval",
        true,
    ),
    (
        "tool = 'git'\napproval = { escalate_after = '5m' }",
        "require_approval",
        false,
    ),
    (
        "tool = 'git'\napproval = { approvers = ['sre'] }",
        "require_approval",
        false,
    ),
    (
        "tool = 'git'\napproval = { approvers = ['group: '] }",
        "require_approval",
        false,
    ),
    (
        "tool = 'git'\napproval = { request_ttl = '30m', permit_ttl = '90s' }",
        "require_approval",
        true,
    ),
    (
        "tool = 'git'\napproval = { request_ttl = '0s' }",
        "require_approval",
        false,
    ),
    (
        "tool = 'git'\napproval = { request_ttl = '30' }",
        "require_approval",
        false,
    ),
    (
        "tool = 'git'\napproval = { ttl = '30m' }",
        "require_approval",
        false,
    ),
    ("tool = 'git'\napproval = {}", "require_approval", false),
    (
        "tool = 'psql'\neffect = 'read'\npostgres = { read_only = true }",
        "allow",
        true,
    ),
    (
        "tool = ['psql']\neffect = ['read', 'secret']\npostgres = { read_only = true, role = 'a-B_1' }",
        "allow",
        true,
    ),
    (
        "tool = 'psql'\neffect = 'read'\npostgres = { read_only = true }",
        "deny",
        false,
    ),
    (
        "tool = 'psql'\neffect = 'read'\npostgres = { read_only = true }",
        "require_approval",
        false,
    ),
    (
        "tool = 'git'\neffect = 'read'\npostgres = { read_only = true }",
        "allow",
        false,
    ),
    (
        "tool = ['psql', 'git']\neffect = 'read'\npostgres = { read_only = true }",
        "allow",
        false,
    ),
    (
        "effect = 'read'\npostgres = { read_only = true }",
        "allow",
        false,
    ),
    (
        "tool = 'psql'\npostgres = { read_only = true }",
        "allow",
        false,
    ),
    (
        "tool = 'psql'\neffect = ['read', 'unknown']\npostgres = { read_only = true }",
        "allow",
        false,
    ),
    (
        "tool = 'psql'\ncommand = 'x'\neffect = 'read'\npostgres = { read_only = true }",
        "allow",
        false,
    ),
    (
        "tool = 'psql'\neffect = 'read'\npostgres = { read_only = false }",
        "allow",
        false,
    ),
    (
        "tool = 'psql'\neffect = 'read'\npostgres = { role = 'reader' }",
        "allow",
        false,
    ),
    (
        "tool = 'psql'\neffect = 'read'\npostgres = { read_only = true, role = 'a b' }",
        "allow",
        false,
    ),
    (
        "tool = 'psql'\neffect = 'read'\npostgres = { read_only = true, role = 'None' }",
        "allow",
        false,
    ),
    (
        "tool = 'psql'\neffect = 'read'\npostgres = {}",
        "allow",
        false,
    ),
    ("tool = 'git'", "maybe", false),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn schema() -> PathBuf {
    root().join("schemas/rules.schema.json")
}

/// What the validator of the testbed says of each file.
fn by_schema(schema: &Path, files: &[PathBuf]) -> Vec<bool> {
    let mut validate = Command::new(testbed().join("venv/bin/python"));
    let output = validate
        .args(["-c", VALIDATE])
        .arg(schema)
        .args(files)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

fn by_gate(home: &Home, file: &Path) -> (bool, String) {
    let mut check = home.command(GATE);
    let output = check
        .args(["rules", "check", "--layer", "machine"])
        .arg(file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    match output.status.code() {
        Some(0) => (true, said),
        Some(78) => (false, said),
        other => panic!("{other:?}: {said}"),
    }
}

/// Each example of a rule file in the documentation, and those that are shipped.
fn examples(home: &Home) -> Vec<PathBuf> {
    let page = fs::read_to_string(root().join("docs/rules.md")).unwrap();
    let blocks = page.split("```toml\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    let mut files: Vec<PathBuf> = blocks
        .enumerate()
        .map(|(at, block)| {
            home.write(&format!("work/example-{at}.toml"), block)
                .unwrap()
        })
        .collect();
    assert!(files.len() > 5);
    files.push(root().join("examples/rules.toml"));
    files.push(root().join("crates/gate-server/src/dev/starter.toml"));
    files
}

#[test]
fn the_schema_and_gate_agree_on_every_case_and_every_example() {
    let home = Home::new().unwrap();
    let mut files = Vec::new();
    for (at, (fields, decision, _)) in CASES.iter().enumerate() {
        let text = format!("[[rule]]\nid = 'team/x'\ndecision = '{decision}'\n{fields}\n");
        files.push(home.write(&format!("work/case-{at}.toml"), text).unwrap());
    }
    for (file, (fields, decision, is_taken)) in files.iter().zip(CASES) {
        let (taken, said) = by_gate(&home, file);
        assert_eq!(taken, *is_taken, "gate of {decision} {fields}: {said}");
    }
    let ids = [
        ("id = 'baseline/x'", false),
        ("id = 'gate/x'", false),
        ("id = 'a b'", false),
        ("id = ''", false),
        ("id = 'team/a.b-c_1'", true),
        ("", false),
    ];
    for (at, (id, is_taken)) in ids.iter().enumerate() {
        let text = format!("[[rule]]\n{id}\ndecision = 'deny'\ntool = 'git'\n");
        let file = home.write(&format!("work/id-{at}.toml"), text).unwrap();
        assert_eq!(by_gate(&home, &file).0, *is_taken, "{id}");
        files.push(file);
    }
    let tops = [
        ("rule = []\n", true),
        ("", true),
        ("rule = 3\n", false),
        ("rules = []\n", false),
    ];
    for (at, (text, is_taken)) in tops.iter().enumerate() {
        let file = home.write(&format!("work/top-{at}.toml"), text).unwrap();
        assert_eq!(by_gate(&home, &file).0, *is_taken, "{text}");
        files.push(file);
    }
    let wanted = CASES.iter().map(|case| case.2);
    let wanted = wanted
        .chain(ids.iter().map(|id| id.1))
        .chain(tops.iter().map(|top| top.1));
    let mut wanted: Vec<bool> = wanted.collect();
    for example in examples(&home) {
        let (taken, said) = by_gate(&home, &example);
        assert!(taken, "{}: {said}", example.display());
        files.push(example);
        wanted.push(true);
    }
    let found = by_schema(&schema(), &files);
    assert_eq!(found.len(), wanted.len());
    for ((file, wanted), found) in files.iter().zip(wanted).zip(found) {
        let text = fs::read_to_string(file).unwrap();
        assert_eq!(found, wanted, "the schema of {text}");
    }
}

#[test]
fn the_schema_that_is_printed_is_the_one_that_is_published_and_has_every_field() {
    let home = Home::new().unwrap();
    let output = home
        .command(GATE)
        .args(["rules", "schema"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout == fs::read(schema()).unwrap());
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of_schema = |at: &str| -> Vec<String> {
        let fields = object.pointer(at).unwrap().as_object().unwrap();
        let mut names: Vec<String> = fields.keys().cloned().collect();
        names.sort();
        names
    };
    // Which fields there are, gate itself says where one is none of them.
    let of_gate = |table: &str| -> Vec<String> {
        let text = format!("[[rule]]\nid = 'x'\ndecision = 'deny'\ntool = 'git'\n{table}\n");
        let file = home.write("work/fields.toml", text).unwrap();
        let (_, said) = by_gate(&home, &file);
        let (_, list) = said
            .split_once("write one of ")
            .unwrap_or_else(|| panic!("{said}"));
        let list = list.lines().next().unwrap();
        let mut names: Vec<String> = list.split(", ").map(str::to_owned).collect();
        names.sort();
        names
    };
    let rule = "/$defs/rule/properties";
    assert_eq!(of_schema(rule), of_gate("qqqqqqqqqqqqqqqqqq = 1"));
    for table in ["caller", "time", "postgres"] {
        let fields = of_gate(&format!("{table} = {{ qqqqqqqqqqqqqqqqqq = 1 }}"));
        assert_eq!(of_schema(&format!("{rule}/{table}/properties")), fields);
    }
    let fields = of_gate("[rule.approval]\nqqqqqqqqqqqqqqqqqq = 1");
    assert_eq!(of_schema(&format!("{rule}/approval/properties")), fields);
}
