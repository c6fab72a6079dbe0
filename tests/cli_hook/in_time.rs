//! An answer in time: agents end a hook after ten seconds, and most go on with the command then.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::reason_of;
use crate::stage::{GATE, Stage, question};

/// What the hooks are given that gate sets, less what a busy machine takes to start it.
const IN_TIME: Duration = Duration::from_secs(9);

#[test]
fn who_holds_the_queue_holds_up_no_denial() {
    let stage = Stage::new();
    stage.rules("[[rule]]\nid = \"no\"\ntool = \"kubectl\"\ndecision = \"deny\"\n");
    assert!(stage.says_no("kubectl get pods").is_some());
    let before = stage.spooled();
    assert!(before.contains("kubectl get pods"), "{before}");
    let lock = File::open(stage.home.state().join("gate/spool/lock")).unwrap();
    lock.lock().unwrap();
    let begun = Instant::now();
    let many = "kubectl get pods; ".repeat(20);
    let told = stage.says_no(&many).unwrap();
    assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
    assert!(told.contains("denied by rule `no`"), "{told}");
    assert_eq!(stage.spooled(), before);
}

#[test]
fn a_question_without_an_end_is_a_no() {
    let stage = Stage::new();
    let mut ended = stage
        .home
        .command(GATE)
        .args(["hook", "claude-code"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = ended.stdin.take().unwrap();
    let asked = question("claude-code", "Bash").to_string();
    input.write_all(asked.as_bytes()).unwrap();
    let begun = Instant::now();
    let mut said = String::new();
    ended
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
    assert!(ended.wait().unwrap().success());
    let answer: Value = serde_json::from_str(&said).unwrap();
    let reason = reason_of("claude-code", &answer);
    assert!(reason.contains("could not tell in time"), "{reason}");
    drop(input);
}
