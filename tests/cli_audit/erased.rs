//! What people wrote is erased, and both verifiers tell it from what is missing.

use std::fs;
use std::path::Path;

use crate::Exported;
use crate::asked::submit;
use crate::server::{GATE, Live, run};

const REASON: &str = "Ann asked me on the phone";

/// A server on which a request with a reason was denied with a comment.
fn denied() -> (Live, String) {
    let live = Live::start();
    let id = submit(&live, "one", REASON).id.to_string();
    let deny = ["deny", &id, "--comment", "Ann has left us"];
    let denied = run(&mut live.gate("bob_approver", &deny));
    assert_eq!(denied.code, Some(0), "{denied:?}");
    (live, id)
}

fn erase(live: &Live, who: &str, args: &[&str]) -> crate::server::Ran {
    run(&mut live.gate(who, &[&["audit", "erase"], args].concat()))
}

/// Returns the log as an auditor is shown it: as rows, and as JSON.
fn logs(live: &Live) -> [String; 2] {
    let commands: [&[&str]; 2] = [&["audit", "log"], &["audit", "log", "--json"]];
    commands.map(|args| {
        let ran = run(&mut live.gate("auditor", args));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout
    })
}

/// Both verifiers find an export sound, and gate says this of the texts.
#[track_caller]
fn assert_sound(export: &Exported, says: &str) {
    let ours = export.verified();
    assert_eq!(ours.code, Some(0), "{ours:?}");
    assert!(ours.stdout.contains(says), "{ours:?}");
    let theirs = export.verified_independently();
    assert_eq!(theirs.code, Some(0), "{theirs:?}");
}

/// Whoever looks is shown when and why something was erased, and nothing of it.
#[track_caller]
fn assert_shown_as_erased(live: &Live, id: &str) {
    for shown in logs(live) {
        assert!(!shown.contains("Ann"), "{shown}");
        assert!(
            shown.contains("(erased on ") && shown.contains("she asked for it"),
            "{shown}"
        );
    }
    let sheet = run(&mut live.gate("auditor", &["requests", "show", id])).stdout;
    assert!(
        sheet.contains("(erased on ") && !sheet.contains("Ann"),
        "{sheet}"
    );
}

#[test]
fn an_erased_text_is_nowhere_and_the_log_verifies_by_both() {
    let (live, id) = denied();
    for shown in logs(&live) {
        assert!(
            shown.contains("Ann asked me on") && shown.contains("Ann has left us"),
            "{shown}"
        );
    }
    let before = Exported::of(&live);
    assert_sound(&before, "as committed to, 0 erased");
    assert!(!before.records().concat().contains("Ann"));

    let refused = erase(&live, "auditor", &[&id, "--reason", "x"]);
    assert!(refused.stderr.contains("role"), "{refused:?}");
    let erased = erase(
        &live,
        "admin",
        &[id.get(24..).unwrap(), "--reason", "she asked for it"],
    );
    assert_eq!(erased.code, Some(0), "{erased:?}");
    assert!(
        erased
            .stdout
            .starts_with("erased what stood beside 2 records; record ")
    );
    assert_shown_as_erased(&live, &id);

    let after = Exported::of(&live);
    assert_sound(&after, ", 2 erased\n");
    let payloads = fs::read_to_string(after.folder().join("payloads.jsonl")).unwrap();
    assert!(!payloads.contains("Ann"), "{payloads}");
    let live_too = run(&mut live.gate("auditor", &["audit", "verify", "--live"]));
    assert_eq!(live_too.code, Some(0), "{live_too:?}");
    assert!(live_too.stdout.contains(", 2 erased\n"), "{live_too:?}");
    // The records of before are those of now.
    assert!(
        after
            .records()
            .concat()
            .starts_with(&before.records().concat())
    );

    let again = erase(&live, "admin", &[&id, "--reason", "x"]);
    assert_eq!(again.stdout, "nothing was there to erase\n", "{again:?}");
}

fn lines_of(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| format!("{line}\n")).collect()
}

fn seq_of(line: &str) -> u64 {
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    value["seq"].as_u64().unwrap()
}

/// Returns the lines with one text for another in one of them.
fn changed(good: &[String], at: usize, from: &str, to: &str) -> Vec<String> {
    let mut lines = good.to_vec();
    lines[at] = lines[at].replacen(from, to, 1);
    assert_ne!(lines, good);
    lines
}

fn without(good: &[String], at: usize) -> Vec<String> {
    let mut lines = good.to_vec();
    lines.remove(at);
    lines
}

/// Returns payloads that were tampered with: how, their lines, and which line of before is bad.
fn tampered(good: &[String]) -> [(&'static str, Vec<String>, usize); 5] {
    let place_of = |text: &str| good.iter().position(|line| line.contains(text)).unwrap();
    let kept = place_of("for Eve");
    let gone = place_of("\"erased\"");
    let erasure = good[gone].split_once("\"record\":").unwrap().1;
    let erasure = erasure.split_once('}').unwrap().0;
    let erasure = format!("\"record\":{erasure}");
    let another = format!("\"record\":{}", seq_of(good.last().unwrap()) + 1);
    [
        (
            "another text",
            changed(good, kept, "for Eve", "for Ann"),
            kept,
        ),
        (
            "another key",
            changed(good, kept, "\"key\":\"", "\"key\":\"0"),
            kept,
        ),
        ("a kept one is gone", without(good, kept), kept),
        ("an erased one is gone", without(good, gone), gone),
        (
            "erased by something else",
            changed(good, gone, &erasure, &another),
            gone,
        ),
    ]
}

#[track_caller]
fn assert_both_refuse(export: &Exported, what: &str) {
    assert_eq!(export.verified().code, Some(1), "{what}");
    assert_eq!(export.verified_independently().code, Some(1), "{what}");
}

#[test]
fn a_text_that_was_changed_or_is_missing_is_named_by_both() {
    let (live, id) = denied();
    let second = submit(&live, "two", "for Eve").id.to_string();
    let cancelled = run(&mut live.gate("agent", &["requests", "cancel", &second]));
    assert_eq!(cancelled.code, Some(0), "{cancelled:?}");
    let erased = erase(&live, "admin", &[&id, "--reason", "she asked for it"]);
    assert_eq!(erased.code, Some(0), "{erased:?}");
    let export = Exported::of(&live);
    let path = export.folder().join("payloads.jsonl");
    let good = lines_of(&path);
    for (what, lines, at) in tampered(&good) {
        fs::write(&path, lines.concat()).unwrap();
        // A key that is no key is a line that says nothing.
        if what != "another key" {
            export.assert_first_bad(what, &seq_of(&good[at]).to_string());
        }
        assert_both_refuse(&export, what);
    }
    let mut more = good.concat();
    more.push_str("{\"payload\":{\"kept\":{\"key\":\"");
    more.push_str(&"0".repeat(64));
    more.push_str("\",\"parts\":{}}},\"seq\":999999}\n");
    fs::write(&path, more).unwrap();
    assert_both_refuse(&export, "one more");
    // Records alone say that they are alone.
    fs::remove_file(&path).unwrap();
    assert_sound(&export, "which are not in this copy");
}

#[test]
fn what_can_not_be_erased_is_said() {
    let live = Live::start();
    let open = submit(&live, "one", REASON).id.to_string();
    let refused = erase(&live, "admin", &[&open, "--reason", "x"]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(refused.stderr.contains("has not ended"), "{refused:?}");
    let person = erase(&live, "admin", &["--person", "nobody", "--reason", "x"]);
    assert_eq!(person.stdout, "nothing was there to erase\n", "{person:?}");
    for args in [
        vec!["audit", "erase"],
        vec!["audit", "erase", &open],
        vec!["audit", "erase", &open, "--person", "bob", "--reason", "x"],
    ] {
        let home = gate_testkit::home::Home::new().unwrap();
        assert_eq!(
            run(home.command(GATE).args(&args)).code,
            Some(64),
            "{args:?}"
        );
    }
}
