//! What people wrote is erased, and both verifiers tell it from what is missing.

use std::fs;

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

#[test]
fn an_erased_text_is_nowhere_and_the_log_verifies_by_both() {
    let (live, id) = denied();
    let log = |args: &[&str]| {
        let ran = run(&mut live.gate("auditor", &[&["audit", "log"], args].concat()));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout
    };
    for shown in [log(&[]), log(&["--json"])] {
        assert!(
            shown.contains("Ann asked me on") && shown.contains("Ann has left us"),
            "{shown}"
        );
    }
    let before = Exported::of(&live);
    let said = before.verified();
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.stdout.contains("as committed to, 0 erased"),
        "{said:?}"
    );
    assert_eq!(before.verified_independently().code, Some(0));
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
    for shown in [log(&[]), log(&["--json"])] {
        assert!(!shown.contains("Ann"), "{shown}");
        assert!(
            shown.contains("(erased on ") && shown.contains("she asked for it"),
            "{shown}"
        );
    }
    let sheet = run(&mut live.gate("auditor", &["requests", "show", &id])).stdout;
    assert!(
        sheet.contains("(erased on ") && !sheet.contains("Ann"),
        "{sheet}"
    );

    let after = Exported::of(&live);
    let verified = after.verified();
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(verified.stdout.contains(", 2 erased\n"), "{verified:?}");
    let theirs = after.verified_independently();
    assert_eq!(theirs.code, Some(0), "{theirs:?}");
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
    let good: Vec<String> = fs::read_to_string(&path)
        .unwrap()
        .lines()
        .map(|line| format!("{line}\n"))
        .collect();
    let seq_of = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["seq"].as_u64().unwrap()
    };
    let kept = good
        .iter()
        .position(|line| line.contains("for Eve"))
        .unwrap();
    let gone = good
        .iter()
        .position(|line| line.contains("\"erased\""))
        .unwrap();
    let changed = |at: usize, from: &str, to: &str| {
        let mut lines = good.clone();
        lines[at] = lines[at].replacen(from, to, 1);
        assert_ne!(lines, good);
        lines
    };
    let without = |at: usize| {
        let mut lines = good.clone();
        lines.remove(at);
        lines
    };
    let record = seq_of(good.last().unwrap()) + 1;
    let erasure = good[gone].split_once("\"record\":").unwrap().1;
    let erasure = erasure.split_once('}').unwrap().0;
    for (what, lines, at) in [
        ("another text", changed(kept, "for Eve", "for Ann"), kept),
        (
            "another key",
            changed(kept, "\"key\":\"", "\"key\":\"0"),
            kept,
        ),
        ("a kept one is gone", without(kept), kept),
        ("an erased one is gone", without(gone), gone),
        (
            "erased by something else",
            changed(
                gone,
                &format!("\"record\":{erasure}"),
                &format!("\"record\":{record}"),
            ),
            gone,
        ),
    ] {
        fs::write(&path, lines.concat()).unwrap();
        // A key that is no key is a line that says nothing.
        if what != "another key" {
            export.assert_first_bad(what, &seq_of(&good[at]).to_string());
        }
        assert_eq!(export.verified().code, Some(1), "{what}");
        assert_eq!(export.verified_independently().code, Some(1), "{what}");
    }
    let mut more = good.concat();
    more.push_str("{\"payload\":{\"kept\":{\"key\":\"");
    more.push_str(&"0".repeat(64));
    more.push_str("\",\"parts\":{}}},\"seq\":999999}\n");
    fs::write(&path, more).unwrap();
    assert_eq!(export.verified().code, Some(1));
    assert_eq!(export.verified_independently().code, Some(1));
    // Records alone say that they are alone.
    fs::remove_file(&path).unwrap();
    let alone = export.verified();
    assert_eq!(alone.code, Some(0), "{alone:?}");
    assert!(
        alone.stdout.contains("which are not in this copy"),
        "{alone:?}"
    );
    assert_eq!(export.verified_independently().code, Some(0));
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
