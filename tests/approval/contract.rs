//! `gate check`: the fields, their order, and one answer for each line.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use gate_testkit::home::Home;
use gate_testkit::real::run_with_input;
use serde_json::Value;

use crate::agent::WITHIN;
use crate::server::{GATE, run};

const FIELDS: [&str; 9] = [
    "decision",
    "effect",
    "tool",
    "command",
    "target",
    "rule",
    "reasons",
    "inputs",
    "secrets_masked",
];

/// Fails unless the object has the contract's fields, in their order.
#[track_caller]
fn assert_is_an_answer(line: &str) {
    let answer: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
    for field in FIELDS {
        assert!(answer.contains_key(field), "`{field}` is missing in {line}");
    }
    let place = |field: &str| line.find(&format!("\"{field}\":")).unwrap();
    let places: Vec<usize> = FIELDS.iter().map(|field| place(field)).collect();
    assert!(places.is_sorted(), "{line}");
    assert!(
        matches!(
            answer["decision"].as_str(),
            Some("allow" | "require_approval" | "deny")
        ),
        "{line}"
    );
}

#[test]
fn the_answer_has_the_fields_of_the_contract_in_their_order() {
    let home = Home::new().unwrap();
    home.write("work/pod.yaml", "kind: Pod\n").unwrap();
    for (words, begins, masked) in [
        (
            &["kubectl", "delete", "namespace", "prod"][..],
            r#"{"decision":"require_approval","effect":"destroy","tool":"kubectl","command":["delete"],"target":{"#,
            0,
        ),
        (
            &["kubectl", "get", "pods", "-n", "web"],
            r#"{"decision":"allow","effect":"read","tool":"kubectl","command":["get"],"target":{"namespace":"web"},"rule":"baseline/kubectl-read","reasons":["#,
            0,
        ),
        (
            &["kubectl", "--token=hunter2", "delete", "pod", "x"],
            r#"{"decision":"require_approval","effect":"unknown","tool":"kubectl","command":["delete"],"#,
            1,
        ),
        (
            &["no-such-tool", "--help"],
            r#"{"decision":"require_approval","effect":"unknown","tool":"no-such-tool","command":[],"target":{},"rule":"baseline/other-unknown","#,
            0,
        ),
    ] {
        let mut check = home.command(GATE);
        let checked = run(check.args(["check", "--json", "--"]).args(words));
        assert_eq!(
            (checked.code, checked.stderr.as_str()),
            (Some(0), ""),
            "{checked:?}"
        );
        let lines: Vec<&str> = checked.stdout.lines().collect();
        assert_eq!(lines.len(), 1, "one object: {checked:?}");
        assert_is_an_answer(lines[0]);
        assert!(lines[0].starts_with(begins), "{}", lines[0]);
        let answer: Value = serde_json::from_str(lines[0]).unwrap();
        assert_eq!(answer["secrets_masked"], masked, "{}", lines[0]);
        assert_eq!(
            answer.as_object().unwrap().len(),
            FIELDS.len(),
            "{}",
            lines[0]
        );
        assert!(!checked.stdout.contains("hunter2"), "{checked:?}");
    }
    let mut check = home.command(GATE);
    let checked = run(check.args([
        "check", "--json", "--", "kubectl", "apply", "-f", "pod.yaml",
    ]));
    let answer: Value = serde_json::from_str(&checked.stdout).unwrap();
    let inputs = answer["inputs"].as_array().unwrap();
    let is_manifest = |input: &Value| input["path"] == "pod.yaml" && input["kind"] == "file";
    assert!(inputs.iter().any(is_manifest), "{checked:?}");
}

#[test]
fn a_check_needs_neither_the_tool_nor_a_server_nor_a_home() {
    let mut home = Home::with_path(&[]).unwrap();
    home.set("GATE_SERVER", "http://127.0.0.1:9");
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
        home.unset(name);
    }
    let mut check = home.command(GATE);
    let checked = run(check.args(["check", "--json", "--", "terraform", "destroy"]));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert_is_an_answer(checked.stdout.trim_end());
}

fn answers(home: &Home, input: &str) -> Vec<String> {
    let mut check = home.command(GATE);
    check.args(["check", "--jsonl"]);
    let done = run_with_input(&mut check, input.as_bytes(), WITHIN).unwrap();
    assert_eq!(
        (done.status.code(), done.stderr.as_str()),
        (Some(0), ""),
        "{done:?}"
    );
    done.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn each_line_is_answered_in_order_with_its_id() {
    let home = Home::new().unwrap();
    let ids = [
        "1",
        "\"two\"",
        "[3,{\"a\":null}]",
        "{\"b\":1.50}",
        "true",
        "null",
    ];
    let questions = ids.map(|id| format!("{{\"id\":{id},\"argv\":[\"git\",\"status\"]}}\n"));
    let mut input = questions.concat();
    input.push_str("{\"argv\":[\"git\",\"push\"]}\n\n   \n{\"id\":9,\"argv\":[\"git\",\"log\"]}");
    let answers = answers(&home, &input);
    assert_eq!(answers.len(), ids.len() + 4, "{answers:#?}");
    for (id, answer) in ids.iter().zip(&answers) {
        assert!(
            answer.starts_with(&format!("{{\"id\":{id},\"decision\":\"allow\"")),
            "{answer}"
        );
        assert_is_an_answer(answer);
    }
    let beginnings = [
        "{\"decision\":\"require_approval\"",
        // A blank line is a bad one: whoever counts the answers does not lose count.
        "{\"error\":",
        "{\"error\":",
        "{\"id\":9,\"decision\":\"allow\"",
    ];
    for (beginning, answer) in beginnings.iter().zip(answers.iter().skip(ids.len())) {
        assert!(answer.starts_with(beginning), "{answer}");
    }
}

#[test]
fn a_bad_line_is_answered_by_an_error_and_the_next_as_ever() {
    let home = Home::new().unwrap();
    let deep = "[".repeat(100_000);
    let bad = [
        "no json",
        "{}",
        "[]",
        "null",
        "{\"argv\":[]}",
        "{\"argv\":\"git status\"}",
        "{\"argv\":[1]}",
        "{\"argv\":[\"git\"],\"argvv\":[]}",
        "{\"argv\":[\"git\"]",
        "{\"argv\":[\"git\"]} {}",
        "{\"argv\":[\"git\"],\"env\":[]}",
        "{\"argv\":[\"git\"],\"argv\":[\"git\"]}",
        "{\"argv\":[\"git\",\"status\",\"\\u0000\"]}",
        "{\"argv\":[\"git\",\"status\"],\"env\":{\"A\":\"b\\u0000c\"}}",
        "{\"argv\":[\"git\",\"status\"],\"cwd\":\"/a\\u0000\"}",
        &deep,
    ];
    for line in bad {
        let input = format!("{line}\n{{\"id\":1,\"argv\":[\"git\",\"status\"]}}\n");
        let answers = answers(&home, &input);
        let shown: String = line.chars().take(80).collect();
        assert_eq!(answers.len(), 2, "{shown}: {answers:?}");
        let error: Value = serde_json::from_str(&answers[0]).unwrap();
        assert!(
            error["error"].as_str().is_some_and(|text| !text.is_empty()),
            "{shown}: {error}"
        );
        assert!(error.get("decision").is_none(), "{shown}: {error}");
        assert_is_an_answer(&answers[1]);
    }
    let ids = answers(
        &home,
        "{\"id\":null}\n{\"id\":[1],\"argv\":[]}\n{\"argv\":[]}\n",
    );
    for (answer, beginning) in ids
        .iter()
        .zip(["{\"id\":null,", "{\"id\":[1],", "{\"error\":"])
    {
        assert!(answer.starts_with(beginning), "{answer}");
    }
    let not_text = run_with_input(
        home.command(GATE).args(["check", "--jsonl"]),
        b"{\"argv\":[\"git\xff\"]}\n",
        WITHIN,
    )
    .unwrap();
    assert!(not_text.stdout.starts_with("{\"error\":"), "{not_text:?}");
}

#[test]
fn what_a_line_does_not_give_does_not_exist() {
    let mut home = Home::new().unwrap();
    home.set("PGHOST", "production");
    home.write("work/q.sql", "drop table items;").unwrap();
    let input = "{\"argv\":[\"psql\",\"-f\",\"q.sql\"]}\n\
                 {\"argv\":[\"psql\",\"-f\",\"q.sql\"],\"files\":{\"q.sql\":\"select 1;\"},\"env\":{\"PGHOST\":\"test\"}}\n\
                 {\"argv\":[\"psql\",\"-X\"],\"stdin\":\"delete from items;\"}\n";
    let answers: Vec<Value> = answers(&home, input)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers[0]["decision"], "require_approval", "{}", answers[0]);
    assert_eq!(answers[0]["target"].get("host"), None, "{}", answers[0]);
    assert_eq!(
        (&answers[1]["decision"], &answers[1]["target"]["host"]),
        (&"allow".into(), &"test".into())
    );
    assert_eq!(answers[2]["decision"], "require_approval", "{}", answers[2]);
}

#[test]
fn nobody_reading_ends_it_quietly() {
    let home = Home::new().unwrap();
    let mut check = home.command(GATE);
    let mut child = check
        .args(["check", "--jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    let line = "{\"argv\":[\"git\",\"status\"]}\n";
    // It ends before it has read all of this, which is why writing may fail.
    let written = (0..100_000).try_for_each(|_| input.write_all(line.as_bytes()));
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(written.is_err(), "it read on with nobody to tell");
    let ending = (output.status.code(), output.status.signal());
    assert!(
        matches!(ending, (Some(0), None) | (None, Some(13))),
        "{ending:?}"
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
