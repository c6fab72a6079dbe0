//! A server, and a browser that plays one scenario in front of it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gate_testkit::display;
use gate_testkit::real::testbed;
use serde_json::{Value, json};

use crate::server::{Live, run};
use crate::submissions;

/// The server has break-glass, for the people who answer anyway.
const SETTINGS: &str = "[break_glass]\napprovers = ['group:approvers']\ncount = 1\n";

/// How much of the table of THREATS 2.6 stands in one request, in characters.
const ROOM: usize = 1_500;

/// Plays a scenario of `tests/web/*.mjs`.
#[track_caller]
pub(crate) fn play(scenario: &str) {
    let live = Live::start_with(SETTINGS);
    put_second_rules(&live);
    let script = folder().join("run.mjs");
    let mut node = Command::new("timeout");
    node.args(["--kill-after=10", "240", "node"])
        .arg(script)
        .arg(scenario)
        .env("GATE_NODE_MODULES", testbed().join("node/node_modules"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if std::env::var_os("GATE_SCREENSHOTS").is_some() {
        let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images");
        node.env("GATE_SCREENSHOTS_IN", images);
    }
    let mut child = node.spawn().unwrap();
    let stage = stage(&live).to_string();
    // Where the script ends early, what it says is worth more than the broken pipe.
    drop(child.stdin.take().unwrap().write_all(stage.as_bytes()));
    let played = child.wait_with_output().unwrap();
    assert!(
        played.status.success(),
        "{scenario}: {}{}",
        String::from_utf8_lossy(&played.stdout),
        String::from_utf8_lossy(&played.stderr)
    );
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web")
}

/// The second version of the rules changes the one that every scenario's requests name.
fn put_second_rules(live: &Live) {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.toml");
    std::fs::write(&rules, submissions::RULES).unwrap();
    let pushed = run(&mut live.gate("admin", &["rules", "push", rules.to_str().unwrap()]));
    let said = pushed.stdout + &pushed.stderr;
    assert_eq!(pushed.code, Some(0), "{said}");
}

fn stage(live: &Live) -> Value {
    let (mut submissions, mut hostile) = (submissions::ordinary(), Vec::new());
    for (at, text) in submissions::HOSTILE.iter().enumerate() {
        let name = format!("hostile{at}");
        submissions.push((name.clone(), submissions::everywhere(text)));
        hostile.push(name);
    }
    let mut corpus = serde_json::Map::new();
    for (at, load) in display::loads(ROOM).iter().enumerate() {
        let name = format!("corpus{at}");
        submissions.push((name.clone(), submissions::with_load(load)));
        let shown: Vec<&String> = load.iter().flat_map(|row| &row.shown).collect();
        let is_odd = load.iter().any(|row| row.sentence == "imitation");
        corpus.insert(name, json!({ "shown": shown, "isOdd": is_odd }));
    }
    let submissions: serde_json::Map<String, Value> = submissions
        .into_iter()
        .map(|(name, body)| (name, serde_json::to_value(body).unwrap()))
        .collect();
    json!({
        "url": live.said("/url"),
        "tokens": live.ready.get("tokens").unwrap(),
        "submissions": submissions,
        "hostile": hostile,
        "corpus": corpus,
        "unseen": display::unseen().map(u32::from).collect::<Vec<u32>>(),
        "reason": display::REASON,
    })
}
