//! `gate audit` against a real server, and against logs that were tampered with.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test whose stage can't be set has failed"
)]

#[path = "cli_audit/archived.rs"]
mod archived;
#[path = "live/asked.rs"]
mod asked;
#[path = "cli_audit/delivery.rs"]
mod delivery;
#[path = "cli_audit/erased.rs"]
mod erased;
#[path = "cli_audit/formats.rs"]
mod formats;
#[path = "cli_audit/forwarded.rs"]
mod forwarded;
#[path = "cli_audit/impossible.rs"]
mod impossible;
#[path = "cli_audit/narrowed.rs"]
mod narrowed;
#[path = "cli_audit/proved.rs"]
mod proved;
#[path = "cli_audit/receipts.rs"]
mod receipts;
#[path = "cli_audit/restored.rs"]
mod restored;
#[path = "live/server.rs"]
mod server;
#[path = "cli_audit/tampered.rs"]
mod tampered;
#[path = "cli_audit/whole.rs"]
mod whole;
#[path = "cli_audit/witnessed.rs"]
mod witnessed;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use asked::submit;
use gate_testkit::home::Home;
use gate_testkit::pty::{Size, Terminal};
use serde_json::Value;
use server::{GATE, Live, Ran, run};

/// A server on which something has happened, and its log.
fn live_with_history() -> (Live, String) {
    let live = Live::start();
    let first = submit(&live, "one", "test").id.to_string();
    let second = submit(&live, "two", "test").id.to_string();
    assert_eq!(
        run(&mut live.gate("bob_approver", &["deny", &first])).code,
        Some(0)
    );
    assert_eq!(
        run(&mut live.gate("agent", &["requests", "cancel", &second])).code,
        Some(0)
    );
    (live, first)
}

fn log_key(live: &Live) -> &str {
    live.said("/server/log_key")
}

/// An export in a folder of its own.
struct Exported {
    home: Home,
    key: String,
}

impl Exported {
    fn of(live: &Live) -> Self {
        let home = Home::new().unwrap();
        let out = home.path().join("export");
        let exported = run(live
            .gate("auditor", &["audit", "export", "--out"])
            .arg(&out));
        assert_eq!(exported.code, Some(0), "{exported:?}");
        Self {
            home,
            key: log_key(live).to_owned(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.home.path().join("export")
    }

    fn records(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder().join("records.jsonl")).unwrap();
        text.lines().map(|line| format!("{line}\n")).collect()
    }

    fn replace_records(&self, records: &[String]) {
        fs::write(self.folder().join("records.jsonl"), records.concat()).unwrap();
    }

    /// What gate says of the export.
    fn verified(&self) -> Ran {
        let mut command = self.home.command(GATE);
        run(command
            .args(["audit", "verify", "--key", &self.key])
            .arg(self.folder()))
    }

    /// What the verifier in another language says, which shares no code with gate.
    fn verified_independently(&self) -> Ran {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify_log.py");
        let mut command = Command::new("python3");
        let folder = self.folder();
        run(command
            .arg(script)
            .args(["records.jsonl", "checkpoint"].map(|file| folder.join(file)))
            .arg(&self.key)
            .arg(folder.join("leaves"))
            .args(Some(folder.join("payloads.jsonl")).filter(|file| file.exists())))
    }
}

#[test]
fn the_log_shows_what_happened_and_can_be_narrowed() {
    let (live, first) = live_with_history();
    let log = |args: &[&str]| run(&mut live.gate("auditor", &[&["audit", "log"], args].concat()));
    let all = log(&[]);
    assert_eq!(all.code, Some(0), "{all:?}");
    for kind in ["request.created", "decision.recorded", "request.cancelled"] {
        assert!(all.stdout.contains(kind), "{kind}: {all:?}");
    }
    let types = |args: &[&str]| -> Vec<String> {
        let ran = log(&[&["--json"], args].concat());
        let records = ran
            .stdout
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        records
            .map(|record| record["type"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        types(&["--type", "request.created"]),
        ["request.created", "request.created"]
    );
    assert_eq!(types(&["--type", "request"]).len(), 3);
    assert_eq!(types(&["--type", "req"]), [""; 0]);
    assert_eq!(
        types(&["--request", &first]),
        ["request.created", "decision.recorded"]
    );
    assert_eq!(
        types(&["--request", first.get(24..).unwrap()]),
        ["request.created", "decision.recorded"]
    );
    assert_eq!(types(&["--limit", "1"]), ["request.cancelled"]);
    let from = log(&["--from", "1", "--limit", "2", "--json"]);
    let seqs: Vec<Value> = from
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].clone())
        .collect();
    assert_eq!(seqs, [1, 2]);
    let beyond = log(&["--from", "1000000"]);
    assert_eq!(
        (beyond.code, beyond.stdout.as_str()),
        (Some(0), ""),
        "{beyond:?}"
    );
    let refused = run(&mut live.gate("agent", &["audit", "log"]));
    assert_eq!(refused.code, Some(78), "{refused:?}");
}

#[test]
fn a_row_of_the_log_says_what_matters_and_is_cut_where_one_can_see_it() {
    let live = Live::start();
    let long = format!("web-{}", "x".repeat(2_000));
    let id = submit(&live, &long, "test").id.to_string();
    let denied = run(&mut live.gate("bob_approver", &["deny", &id, "--comment", "not now"]));
    assert_eq!(denied.code, Some(0), "{denied:?}");
    let shown = run(&mut live.gate("auditor", &["audit", "log", "--request", &id]));
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let rows: Vec<&str> = shown.stdout.lines().collect();
    let [_, created, decided] = rows[..] else {
        panic!("{shown:?}");
    };
    assert!(
        created.contains(&id) && created.contains("command=\""),
        "{created}"
    );
    assert!(
        created.chars().count() <= 200 && created.ends_with('…'),
        "{created}"
    );
    assert!(!created.contains("digest"), "{created}");
    for part in [
        "reviewer=bob",
        "answer=deny",
        "status=denied",
        "comment=\"not now\"",
    ] {
        assert!(decided.contains(part), "{part}: {decided}");
    }
    let whole = run(&mut live.gate("auditor", &["audit", "log", "--json", "--request", &id]));
    assert!(whole.stdout.contains(&long), "{whole:?}");

    let command = live.gate("auditor", &["audit", "log", "--request", &id]);
    let terminal = Terminal::spawn(command, Size::default()).unwrap();
    let status = terminal.exit_status(Duration::from_secs(30)).unwrap();
    assert_eq!(status.code(), Some(0));
    let screen = terminal.screen();
    assert!(screen.trim_end().lines().count() <= 6, "{screen}");
    let digits = format!("request={} ", id.get(28..).unwrap());
    assert!(screen.contains(&digits) && screen.contains('…'), "{screen}");
    assert!(
        screen.contains("reviewer=bob answer=deny status=denied"),
        "{screen}"
    );
}

#[test]
fn a_followed_log_goes_on_with_what_is_new() {
    use std::io::{BufRead as _, BufReader};
    let live = Live::start();
    let args = [
        "audit",
        "log",
        "--follow",
        "--json",
        "--type",
        "request.created",
    ];
    let mut following = live
        .gate("auditor", &args)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let id = submit(&live, "web", "test").id.to_string();
    let record: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(record["body"]["request"], id);
    following.kill().unwrap();
    following.wait().unwrap();
}

#[test]
fn the_servers_log_verifies_and_its_key_is_pinned_once() {
    let (live, _) = live_with_history();
    let first = run(&mut live.gate("auditor", &["audit", "verify", "--live"]));
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.stdout.starts_with("verified: "), "{first:?}");
    assert!(first.stderr.contains(log_key(&live)), "{first:?}");
    let again = run(&mut live.gate("auditor", &["audit", "verify", "--live"]));
    assert_eq!(
        (again.code, again.stderr.as_str()),
        (Some(0), ""),
        "{again:?}"
    );
    // Another key in the place of the pinned one is what an exchanged log looks like.
    let other = Live::start();
    let wrong = run(&mut live.gate(
        "auditor",
        &["audit", "verify", "--live", "--key", log_key(&other)],
    ));
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.stdout.starts_with("first bad record: "), "{wrong:?}");
}

#[test]
fn an_export_verifies_here_and_by_another_program() {
    let (live, _) = live_with_history();
    let export = Exported::of(&live);
    let ours = export.verified();
    assert_eq!(ours.code, Some(0), "{ours:?}");
    let count = export.records().len();
    assert!(
        ours.stdout
            .starts_with(&format!("verified: {count} records, root ")),
        "{ours:?}"
    );
    let theirs = export.verified_independently();
    assert_eq!(theirs.code, Some(0), "{theirs:?}");
    let root = ours
        .stdout
        .lines()
        .next()
        .unwrap()
        .rsplit(' ')
        .next()
        .unwrap();
    assert_eq!(theirs.stdout, format!("ok {count} records root {root}\n"));
    let again = run(live
        .gate("auditor", &["audit", "export", "--out"])
        .arg(export.folder()));
    assert_eq!(
        again.code,
        Some(64),
        "an export never replaces another: {again:?}"
    );
    assert_eq!(export.verified().code, Some(0));
}

#[test]
fn a_record_that_was_added_after_the_signature_is_named() {
    let (live, _) = live_with_history();
    let early = Exported::of(&live);
    let signed = early.records().len();
    submit(&live, "three", "test");
    let late = Exported::of(&live);
    assert!(late.records().len() > signed);
    // A longer, sound chain under the older checkpoint: what a writer without the key can make.
    early.replace_records(&late.records());
    let ours = early.verified();
    assert_eq!(ours.code, Some(1), "{ours:?}");
    assert_eq!(ours.stdout, format!("first bad record: {signed}\n"));
    assert_eq!(early.verified_independently().code, Some(1));
}

#[test]
fn a_chain_that_was_made_anew_is_caught_by_the_signature() {
    let (one, _) = live_with_history();
    let (two, _) = live_with_history();
    let (first, second) = (Exported::of(&one), Exported::of(&two));
    first.replace_records(&second.records());
    let ours = first.verified();
    assert_eq!(ours.code, Some(1), "{ours:?}");
    assert_eq!(ours.stdout, "first bad record: 0\n", "{ours:?}");
    fs::copy(
        second.folder().join("checkpoint"),
        first.folder().join("checkpoint"),
    )
    .unwrap();
    let signed_by_another = first.verified();
    assert_eq!(signed_by_another.code, Some(1), "{signed_by_another:?}");
    assert_eq!(first.verified_independently().code, Some(1));
}

#[test]
fn what_cannot_be_verified_is_a_usage_error_and_no_verdict() {
    let home = Home::new().unwrap();
    let key = "gate.example/org/acme/audit+85e1d4ed+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
    for (args, code) in [
        (vec!["audit", "verify", "missing", "--key", key], 64),
        (vec!["audit", "verify", "missing"], 78),
        (vec!["audit", "verify", "missing", "--key", "no key"], 64),
        (vec!["audit", "verify", "missing", "--live"], 64),
        (vec!["audit", "verify", "--spool", "--live"], 64),
        (vec!["audit", "verify", "--checkpoint", "file"], 64),
        (vec!["audit", "export"], 64),
        (vec!["audit", "log", "--from", "-1"], 64),
        (vec!["audit", "log", "--limit", "0"], 64),
        (vec!["audit", "log", "--request", "xyz"], 64),
        (vec!["audit", "verify"], 64),
        (vec!["audit", "verify", "--live"], 78),
        (vec!["audit", "verify", "missing", "--spool"], 64),
        (vec!["audit", "verify", "/etc/passwd", "--key", key], 64),
        (vec!["audit", "verify", "/dev/zero", "--key", key], 64),
        (vec!["audit", "archive", "x"], 64),
        (vec!["audit", "archive", "--before", "yesterday", "x"], 64),
    ] {
        let refused = run(home.command(GATE).args(&args));
        assert_eq!(refused.code, Some(code), "{args:?}: {refused:?}");
        assert_eq!(refused.stdout, "", "{args:?}");
        assert!(refused.stderr.starts_with("gate: "), "{refused:?}");
    }
}

#[test]
fn what_is_no_export_is_refused_at_once_and_says_what_to_name() {
    let home = Home::new().unwrap();
    let key = "gate.example/org/acme/audit+85e1d4ed+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
    let pipe = home.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    for file in [pipe.to_str().unwrap(), "/dev/zero", "/etc/passwd"] {
        for args in [
            vec!["audit", "verify", "--key", key, file],
            vec![
                "audit",
                "verify",
                "--key",
                key,
                "--checkpoint",
                file,
                "/etc/passwd",
            ],
        ] {
            let refused = run(home.command(GATE).args(&args));
            assert_eq!(refused.stdout.matches("verified").count(), 0, "{refused:?}");
            assert_ne!(refused.code, Some(0), "{args:?}: {refused:?}");
        }
        let refused = run(home
            .command(GATE)
            .args(["audit", "verify", "--key", key, file]));
        assert_eq!(refused.code, Some(64), "{refused:?}");
        assert!(refused.stderr.contains("gate audit export"), "{refused:?}");
    }
}

#[test]
fn records_that_can_not_be_read_end_the_same_whether_they_are_missing_or_a_folder() {
    let (live, _) = live_with_history();
    let export = Exported::of(&live);
    let records = export.folder().join("records.jsonl");
    fs::remove_file(&records).unwrap();
    let missing = export.verified();
    assert_eq!(missing.code, Some(64), "{missing:?}");
    fs::create_dir(&records).unwrap();
    let folder = export.verified();
    assert_eq!(folder.code, Some(64), "{folder:?}");
    for refused in [missing, folder] {
        assert_eq!(refused.stdout, "", "no verdict: {refused:?}");
    }
}

/// README: 125 is "gate itself failed, also to write a file".
#[test]
fn an_export_that_can_not_be_written_is_a_failure_of_gate() {
    let live = Live::start();
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("missing/export");
    for out in ["/proc/export", nowhere.to_str().unwrap()] {
        let failed = run(&mut live.gate("auditor", &["audit", "export", "--out", out]));
        assert_eq!(failed.code, Some(125), "{out}: {failed:?}");
        assert!(
            failed.stderr.contains("cannot write the export"),
            "{failed:?}"
        );
    }
}

/// README: "nothing else ends with 77".
#[test]
fn a_log_whose_key_was_exchanged_is_refused_and_nobody_takes_it_for_a_denial() {
    let live = Live::start();
    let home = Home::new().unwrap();
    let log = || {
        run(home
            .command(GATE)
            .args(["audit", "verify", "--live"])
            .env("GATE_SERVER", live.said("/url"))
            .env("GATE_TOKEN", live.said("/tokens/auditor")))
    };
    let first = log();
    assert_eq!(first.code, Some(0), "{first:?}");
    let pins = home.state().join("gate/log-keys.json");
    let other = Live::start();
    let text = fs::read_to_string(&pins).unwrap();
    fs::write(&pins, text.replace(log_key(&live), log_key(&other))).unwrap();
    let refused = log();
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.stderr.contains("now claims the key"), "{refused:?}");
}

#[test]
fn a_machine_that_recorded_nothing_has_nothing_to_verify_and_nothing_to_deliver() {
    let live = Live::start();
    let verified = run(&mut live.gate("agent", &["audit", "verify", "--spool"]));
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let flushed = run(&mut live.gate("agent", &["audit", "flush"]));
    assert_eq!(
        (flushed.code, flushed.stdout.as_str()),
        (Some(0), "delivered 0 events\n"),
        "{flushed:?}"
    );
}
