//! The oldest records go into an archive, and archive and log verify, together and alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gate_testkit::home::Home;

use crate::asked::submit;
use crate::server::{GATE, Live, Ran, run};
use crate::{Exported, log_key};

/// A server that lets every record go, on which two requests have ended.
fn live() -> Live {
    let live = Live::start_with("keep_records_days = 0\n");
    for word in ["one", "two"] {
        let id = submit(&live, word, "said of it").id.to_string();
        let denied = run(&mut live.gate("bob_approver", &["deny", &id]));
        assert_eq!(denied.code, Some(0), "{denied:?}");
    }
    live
}

/// A folder that is an archive.
struct Archived {
    home: Home,
    key: String,
    wrote: Ran,
}

impl Archived {
    fn of(live: &Live, args: &[&str]) -> Self {
        let home = Home::new().unwrap();
        let out = home.path().join("archive");
        let before = ["audit", "archive", "--before", "2999-01-01"];
        let wrote = run(live.gate("admin", &[&before[..], args].concat()).arg(&out));
        assert_eq!(wrote.code, Some(0), "{wrote:?}");
        Self {
            home,
            key: log_key(live).to_owned(),
            wrote,
        }
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("archive")
    }

    /// The number of the first record behind it.
    fn end(&self) -> u64 {
        let manifest = fs::read_to_string(self.folder().join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        let end = manifest["to"].as_u64().unwrap();
        assert!(end > 4, "{manifest}");
        end
    }

    /// What gate says of it, without a server.
    fn verified(&self) -> Ran {
        let mut command = self.home.command(GATE);
        let verify = command.args(["audit", "verify", "--key", &self.key]);
        run(verify.arg(self.folder()))
    }

    fn verified_independently(&self) -> Ran {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify_archive.py");
        let mut command = Command::new("python3");
        run(command.arg(script).arg(self.folder()).arg(&self.key))
    }

    #[track_caller]
    fn assert_sound(&self) {
        for ran in [self.verified(), self.verified_independently()] {
            assert_eq!(ran.code, Some(0), "{ran:?}");
        }
    }

    #[track_caller]
    fn assert_first_bad(&self, what: &str, index: &str) {
        let ours = self.verified();
        assert_eq!(ours.code, Some(1), "{what}: {ours:?}");
        assert_eq!(
            ours.stdout,
            format!("first bad record: {index}\n"),
            "{what}: {ours:?}"
        );
        let theirs = self.verified_independently();
        assert_eq!(theirs.code, Some(1), "{what}: {theirs:?}");
        assert!(
            theirs.stdout.starts_with(&format!("bad record {index}: ")),
            "{what}: {theirs:?}"
        );
    }
}

/// A server that has let its oldest records go, and the number of the first one that is there.
pub(crate) fn live_with_archive() -> (Live, u64) {
    let live = live();
    let end = Archived::of(&live, &["--prune"]).end();
    (live, end)
}

fn verify_live(live: &Live) {
    let verified = run(&mut live.gate("auditor", &["audit", "verify", "--live"]));
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

/// The log behind an archive verifies alone, and not without the record of what was dropped.
#[track_caller]
fn assert_rest_verifies(live: &Live, begins: &str) {
    let export = Exported::of(live);
    assert_eq!(export.verified().code, Some(0), "{:?}", export.verified());
    let theirs = export.verified_independently();
    assert_eq!(theirs.code, Some(0), "{theirs:?}");
    let records = export.records();
    assert!(records[0].contains(begins), "{records:?}");
    let pruned = records
        .iter()
        .position(|one| one.contains("log.pruned"))
        .unwrap();
    export.replace_records(&records[..pruned]);
    assert_eq!(export.verified().code, Some(1));
    assert_eq!(export.verified_independently().code, Some(1));
}

#[test]
fn an_archive_and_the_log_behind_it_verify_alone_and_one_follows_the_other() {
    let live = live();
    verify_live(&live);
    let first = Archived::of(&live, &["--prune"]);
    first.assert_sound();
    assert!(
        first
            .wrote
            .stdout
            .contains("the server dropped the bodies of records 0 to ")
    );
    let begins = format!("\"seq\":{},", first.end());
    // Held against what was kept of the whole log before.
    verify_live(&live);
    assert_rest_verifies(&live, &begins);

    let id = submit(&live, "three", "said of it").id.to_string();
    assert_eq!(
        run(&mut live.gate("bob_approver", &["deny", &id])).code,
        Some(0)
    );
    let open = submit(&live, "four", "said of it").id.to_string();
    let second = Archived::of(&live, &[]);
    second.assert_sound();
    let records = fs::read_to_string(second.folder().join("records.jsonl")).unwrap();
    assert!(
        records.contains(&id) && !records.contains(&open),
        "{records}"
    );
    assert!(
        records.lines().next().unwrap().contains(&begins),
        "{records}"
    );
    // Dropped later, from the folder.
    let folder = second.folder();
    let folder = folder.to_str().unwrap();
    let pruned = run(&mut live.gate("admin", &["audit", "archive", "--prune", folder]));
    assert_eq!(pruned.code, Some(0), "{pruned:?}");
    verify_live(&live);
    let log = run(&mut live.gate("auditor", &["audit", "log", "--json"])).stdout;
    assert!(!log.contains(&id) && log.contains(&open), "{log}");
    let sheet = run(&mut live.gate("auditor", &["requests", "show", &id])).stdout;
    assert!(sheet.contains("(archived on "), "{sheet}");
    let nothing = run(&mut live.gate(
        "admin",
        &["audit", "archive", "--before", "2999-01-01", "nothing"],
    ));
    assert_eq!(
        nothing.stdout, "no records can be archived\n",
        "{nothing:?}"
    );
}

#[test]
fn a_tampered_archive_is_caught_at_the_first_bad_record() {
    let live = live();
    let archive = Archived::of(&live, &[]);
    archive.assert_sound();
    let records = archive.folder().join("records.jsonl");
    let good = fs::read_to_string(&records).unwrap();
    let lines: Vec<String> = good.lines().map(|line| format!("{line}\n")).collect();
    let last = lines.len() - 1;
    let mut flipped = lines.clone();
    flipped[2] = flipped[2].replacen("\"ts\":\"2", "\"ts\":\"1", 1);
    for (what, tampered, bad) in [
        ("flip", flipped, 2),
        ("delete", [&lines[..1], &lines[2..]].concat(), 1),
        ("cut off", lines[..last].to_vec(), last),
        ("add", [&lines[..], &lines[last..]].concat(), last + 1),
    ] {
        fs::write(&records, tampered.concat()).unwrap();
        archive.assert_first_bad(what, &bad.to_string());
    }
    fs::write(&records, &good).unwrap();
    archive.assert_sound();
    for file in ["leaves", "checkpoint", "manifest.json"] {
        let path = archive.folder().join(file);
        let bytes = fs::read(&path).unwrap();
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(&path, changed).unwrap();
        for ran in [archive.verified(), archive.verified_independently()] {
            assert_ne!(ran.code, Some(0), "{file}: {ran:?}");
        }
        fs::write(&path, bytes).unwrap();
    }
    archive.assert_sound();
}

#[test]
fn the_server_keeps_what_is_young_or_open_and_only_an_admin_prunes() {
    let live = Live::start();
    let id = submit(&live, "one", "said of it").id.to_string();
    assert_eq!(
        run(&mut live.gate("bob_approver", &["deny", &id])).code,
        Some(0)
    );
    let archive = Archived::of(&live, &[]);
    let folder = archive.folder();
    let prune = ["audit", "archive", "--prune", folder.to_str().unwrap()];
    let young = run(&mut live.gate("admin", &prune));
    assert_ne!(young.code, Some(0), "{young:?}");
    assert!(young.stderr.contains("younger than 30 days"), "{young:?}");
    let auditor = run(&mut live.gate("auditor", &prune));
    assert!(auditor.stderr.contains("role"), "{auditor:?}");
    let there = run(live
        .gate("admin", &["audit", "archive", "--before", "2999-01-01"])
        .arg(&folder));
    assert_eq!(there.code, Some(64), "{there:?}");
    verify_live(&live);
}

/// docs/audit.md, "Archives": the folder holds the records "with what stands beside them".
#[test]
fn an_archive_without_what_stands_beside_its_records_is_bad_and_nothing_is_dropped() {
    let live = live();
    let archive = Archived::of(&live, &[]);
    let folder = archive.folder();
    let payloads = folder.join("payloads.jsonl");
    let kept = fs::read(&payloads).unwrap();
    assert!(!kept.is_empty());
    fs::remove_file(&payloads).unwrap();
    let ours = archive.verified();
    assert_eq!(ours.code, Some(1), "{ours:?}");
    assert!(ours.stderr.contains("payloads.jsonl"), "{ours:?}");
    assert_eq!(archive.verified_independently().code, Some(1));
    let prune = ["audit", "archive", "--prune", folder.to_str().unwrap()];
    let refused = run(&mut live.gate("admin", &prune));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let log = run(&mut live.gate("auditor", &["audit", "log", "--json"])).stdout;
    assert!(log.contains("said of it"), "{log}");
    fs::write(&payloads, kept).unwrap();
    archive.assert_sound();
    let pruned = run(&mut live.gate("admin", &prune));
    assert_eq!(pruned.code, Some(0), "{pruned:?}");
    // Again, as one whose answer was lost.
    let again = run(&mut live.gate("admin", &prune));
    assert_eq!((again.code, again.stdout), (Some(0), pruned.stdout));
}
