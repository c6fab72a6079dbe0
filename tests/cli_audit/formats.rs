//! The log for other systems.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::live_with_history;
use crate::server::{Live, run};

fn export(live: &Live, more: &[&str]) -> Vec<String> {
    let args = [&["audit", "export", "--format"], more].concat();
    let ran = run(&mut live.gate("auditor", &args));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout.lines().map(str::to_owned).collect()
}

/// By the published schema of each event's class, as the package of the testbed has it.
#[test]
fn events_of_ocsf_are_valid_by_the_published_schema() {
    let (live, _) = live_with_history();
    let records = export(&live, &["jsonl"]);
    let events = export(&live, &["ocsf"]);
    assert_eq!(events.len(), records.len());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify_ocsf.py");
    let verify = |events: &str| {
        let mut python = Command::new(gate_testkit::real::locate("python3").unwrap())
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = python.stdin.take().unwrap();
        stdin.write_all(events.as_bytes()).unwrap();
        drop(stdin);
        let output = python.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), said)
    };
    let text = events.join("\n");
    let said = format!("ok {} events\n", events.len());
    assert_eq!(verify(&text), (Some(0), said));
    let wrong = text.replacen("\"severity_id\":1", "\"severity_id\":true", 1);
    assert_eq!(verify(&wrong).0, Some(1));
    let classes: Vec<u64> = events
        .iter()
        .map(|event| serde_json::from_str::<Value>(event).unwrap()["class_uid"].as_u64())
        .map(Option::unwrap)
        .collect();
    assert!(
        classes.contains(&3001) && classes.contains(&6003),
        "{classes:?}"
    );
    let raw: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(raw["raw_data"], records.last().unwrap().as_str());
}

#[test]
fn events_of_cef_are_messages_of_syslog_whose_fields_end_where_they_should() {
    let live = Live::start();
    crate::asked::submit(&live, "web", "a=b|c\\d\u{1b}[0m");
    let lines = export(&live, &["cef"]);
    assert_eq!(lines.len(), export(&live, &["jsonl"]).len());
    for line in &lines {
        let (frame, event) = line.split_once(" - CEF:0|gate|gate|").unwrap();
        let frame: Vec<&str> = frame.split(' ').collect();
        let ["<110>1", time, "-", "gate", "-", kind] = frame[..] else {
            panic!("{line}");
        };
        assert!(time.ends_with('Z'), "{line}");
        let head: Vec<&str> = event.splitn(5, '|').collect();
        assert_eq!((head[1], head[2], head[3]), (kind, kind, "3"), "{line}");
        assert!(head[4].starts_with("rt="), "{line}");
        assert!(!line.contains('\u{1b}'), "{line}");
    }
    let asked = lines.last().unwrap();
    assert!(
        asked.contains(" suser=demo-agent ") && asked.contains("a\\=b|c"),
        "{asked}"
    );
    let from = export(&live, &["cef", "--from", "1"]);
    assert_eq!(from, lines[1..]);
}

#[test]
fn requests_of_otlp_hold_every_record() {
    let (live, first) = live_with_history();
    let records = export(&live, &["jsonl"]);
    let requests = export(&live, &["otlp"]);
    let mut bodies = Vec::new();
    for request in requests {
        let request: Value = serde_json::from_str(&request).unwrap();
        let logs = &request["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
        for log in logs.as_array().unwrap() {
            let time: u128 = log["timeUnixNano"].as_str().unwrap().parse().unwrap();
            assert!(time > 1_700_000_000_000_000_000, "{log}");
            assert_eq!(log["severityNumber"], 9);
            bodies.push(log["body"]["stringValue"].as_str().unwrap().to_owned());
        }
        let text = request.to_string();
        assert!(
            text.contains(&first) && text.contains("\"enduser.id\""),
            "{text}"
        );
    }
    assert_eq!(bodies, records);
    let both = ["audit", "export", "--format", "otlp", "--tiles", "x"];
    assert_eq!(run(&mut live.gate("auditor", &both)).code, Some(64));
}
