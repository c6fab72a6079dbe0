//! `gate server keys rotate` and `gate server doctor`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::stage::{GATE, Ran, Running, Stage, run, until};

fn rotate(stage: &Stage, more: &[&str]) -> Ran {
    let mut args = vec!["keys", "rotate", "--data", "first"];
    args.extend(more);
    run(&mut stage.server(&args))
}

fn listen_again(url: &str) -> [&str; 2] {
    ["--listen", url.trim_start_matches("http://")]
}

/// docs/operations.md: who pinned the old key goes on by the statement.
#[test]
fn who_pinned_the_key_before_goes_on() {
    let (stage, first) = Stage::new("");
    let url = first.said("/url").to_owned();
    let old_log = first.said("/server/log_key").to_owned();
    let id = stage.ask(&first, "now");
    let kept = stage.gate(&first, "auditor", &["audit", "verify", "--live"]);
    assert_eq!(kept.code, Some(0), "{kept:?}");
    stage.told(
        &first,
        "auditor",
        &["audit", "proof", "1", "--out", "old.tlog-proof"],
    );
    let running = rotate(&stage, &[]);
    assert_eq!(running.code, Some(78), "{running:?}");
    assert!(running.stderr.contains("stop that server"), "{running:?}");
    first.stop();
    let rotated = rotate(&stage, &[]);
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    let second = stage.serve("first", "server.toml", &listen_again(&url));
    let new_log = second.said("/server/log_key").to_owned();
    assert_ne!(new_log, old_log);

    // Of those who verify: gate with what it pinned, from before and in the file of now.
    let live = stage.gate(&second, "auditor", &["audit", "verify", "--live"]);
    assert_eq!(live.code, Some(0), "{live:?}");
    assert!(live.stderr.contains("from now on"), "{live:?}");
    assert!(live.stdout.contains("goes on: from"), "{live:?}");
    let proof = stage.gate(&second, "auditor", &["audit", "verify", "old.tlog-proof"]);
    assert_eq!(proof.code, Some(0), "{proof:?}");
    stage.assert_log_verifies(&second);

    // And of those who ask: the client still has the old key in its configuration.
    stage.approve(&second, &id);
    let ran = stage.gate(&second, "agent", &["run", "--", "deployer", "now"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("the server signs by"), "{ran:?}");
    let again = stage.gate(
        &second,
        "agent",
        &["run", "--no-wait", "--", "deployer", "again"],
    );
    assert_eq!(again.code, Some(75), "{again:?}");
    assert!(!again.stderr.contains("the server signs by"), "{again:?}");
}

/// Returns how many proofs of receipts are kept.
fn proofs(stage: &Stage) -> usize {
    let file = stage.home.state().join("gate/proofs.jsonl");
    fs::read_to_string(file).map_or(0, |text| text.lines().count())
}

/// Runs a command, and has it approved while it waits for people.
fn run_while_somebody_answers(stage: &Stage, on: &Running, word: &str) -> Ran {
    let mut gate = stage.command(on, "agent", &["run", "--", "deployer", word]);
    let (out, err) = (Stdio::piped(), Stdio::piped());
    let waiting = gate.stdout(out).stderr(err).spawn().unwrap();
    let id = until("it is asked", || {
        let listed = stage.requests(on);
        let requests = listed["requests"].as_array().unwrap();
        let is_this = |one: &&Value| one["invocation"].to_string().contains(word);
        let request = requests.iter().find(is_this)?;
        Some(request["id"].as_str().unwrap().to_owned())
    });
    stage.approve(on, &id);
    let output = waiting.wait_with_output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// docs/audit.md: "each `gate run` that waits for people fetches those of the runs just before".
#[test]
fn receipts_are_proved_to_who_pinned_the_key_before_and_the_change_is_told_once() {
    let (stage, first) = Stage::new("");
    let url = first.said("/url").to_owned();
    stage.told(&first, "auditor", &["audit", "verify", "--live"]);
    stage.pin(&first);
    let ran = run_while_somebody_answers(&stage, &first, "one");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(proofs(&stage), 0);
    first.stop();
    let rotated = rotate(&stage, &["--log"]);
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    let second = stage.serve("first", "server.toml", &listen_again(&url));

    // A wait leaves them little time, and the next one goes on.
    let words = ["two", "three", "four", "five", "six"];
    let mut told = 0;
    let fetched = words.iter().any(|word| {
        let ran = run_while_somebody_answers(&stage, &second, word);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(!ran.stderr.contains("warning"), "{ran:?}");
        told += ran.stderr.matches("from now on").count();
        proofs(&stage) >= 3
    });
    assert!(fetched, "{} proofs", proofs(&stage));
    assert_eq!(told, 1);
    second.stop();
    assert_proved_offline(&stage, &url);
    // Who asks the server to prove them anew is told the same.
    let third = stage.serve("first", "server.toml", &listen_again(&url));
    let asked = stage.gate(&third, "agent", &["audit", "verify", "--receipts"]);
    assert_eq!(asked.code, Some(0), "{asked:?}");
}

/// The first three receipts are proved by what is kept.
#[track_caller]
fn assert_proved_offline(stage: &Stage, url: &str) {
    let offline = |args: &[&str]| {
        let mut gate = stage.home.command(GATE);
        run(gate.args(args).env("GATE_SERVER", url))
    };
    let out = stage.path("receipts");
    let shown = offline(&[
        "audit",
        "receipts",
        "--json",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let lines = shown.stdout.lines();
    let receipts: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let first = ["grant.claimed", "run.started", "run.finished"];
    assert!(receipts.len() > first.len(), "{receipts:?}");
    for (receipt, record_type) in receipts.iter().zip(first) {
        assert_eq!(receipt["type"], record_type, "{receipts:?}");
        assert_eq!(receipt["proof"], "holds", "{receipts:?}");
        let file = out.join(format!("{}.tlog-proof", receipt["seq"]));
        let verified = offline(&["audit", "verify", file.to_str().unwrap()]);
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
}

/// The channels' half of a change is refused where others can read their key.
fn rotate_without_channels(stage: &Stage, more: &[&str]) -> Ran {
    let key = stage.path("first/channels.key");
    fs::write(&key, "00").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let halved = rotate(stage, &[&["--log", "--channels"], more].concat());
    assert_eq!(halved.code, Some(78), "{halved:?}");
    assert!(
        halved.stderr.contains("can be read by others"),
        "{halved:?}"
    );
    halved
}

#[test]
fn what_the_first_half_of_a_change_did_is_told_where_the_second_one_fails() {
    let (stage, first) = Stage::new("");
    let before = first.said("/server/log_key").to_owned();
    first.stop();
    let halved = rotate_without_channels(&stage, &[]);
    let after = halved.stdout.trim().strip_prefix("log ").unwrap();
    let told: Vec<&str> = halved.stderr.lines().collect();
    let kept = stage.path("first/log.key.");
    let kept = format!("gate: the log key before is {}", kept.display());
    assert!(told[0].starts_with(&kept), "{halved:?}");
    let next = "gate: start the server; witnesses must be told of a new key of the log";
    assert_eq!(told[1], next, "{halved:?}");

    let as_json = rotate_without_channels(&stage, &["--json"]);
    let told: Value = serde_json::from_str(&as_json.stdout).unwrap();
    let [key] = &told["keys"].as_array().unwrap()[..] else {
        unreachable!("{told}")
    };
    assert_eq!(
        (&key["purpose"], &key["before"]),
        (&"log".into(), &after.into())
    );
    assert!(Path::new(key["kept"].as_str().unwrap()).exists(), "{told}");
    assert_eq!(told["channels"], Value::Null);
    // It is as it was told.
    let second = stage.serve("first", "server.toml", &[]);
    assert_eq!(
        second.said("/server/log_key"),
        key["after"].as_str().unwrap()
    );
    assert_ne!(before, after);
}

/// Verifies an export by gate and by the verifier that shares no code with it.
fn verify(stage: &Stage, on: &Running, out: &Path, key: &str) -> [Option<i32>; 2] {
    let out_text = out.to_str().unwrap();
    let ours = stage.gate(on, "auditor", &["audit", "verify", out_text, "--key", key]);
    let theirs = run(Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify_log.py"))
        .args([out.join("records.jsonl"), out.join("checkpoint")])
        .arg(key)
        .arg(out.join("leaves")));
    [ours.code, theirs.code]
}

#[test]
fn an_export_verifies_by_any_key_of_the_chain_and_not_past_a_broken_link() {
    let (stage, first) = Stage::new("");
    let old = first.said("/server/log_key").to_owned();
    stage.push(&first, "a");
    first.stop();
    assert_eq!(rotate(&stage, &["--log"]).code, Some(0));
    assert_eq!(rotate(&stage, &["--log"]).code, Some(0));
    let second = stage.serve("first", "server.toml", &[]);
    let new = second.said("/server/log_key").to_owned();
    let out = stage.path("export");
    let export = ["audit", "export", "--out", out.to_str().unwrap()];
    stage.told(&second, "auditor", &export);
    for key in [&new, &old] {
        let codes = verify(&stage, &second, &out, key);
        assert_eq!(codes, [Some(0); 2], "{key}");
    }
    // Another server's key is none of the chain.
    let made = run(&mut stage.server(&["init", "--data", "other"]));
    assert_eq!(made.code, Some(0), "{made:?}");
    let other = stage.serve("other", "server.toml", &[]);
    let stranger = other.said("/server/log_key");
    let codes = verify(&stage, &second, &out, stranger);
    assert_eq!(codes, [Some(1); 2]);
    // A statement that one of both keys did not sign leads nowhere.
    let path = out.join("records.jsonl");
    let records = fs::read_to_string(&path).unwrap();
    let changed = records.replacen("\\n\\n\u{2014} ", "\\n\\n\u{2014} x", 1);
    assert_ne!(changed, records);
    fs::write(&path, changed).unwrap();
    let codes = verify(&stage, &second, &out, &old);
    assert_eq!(codes, [Some(1); 2]);
}

#[test]
fn a_change_of_keys_that_was_cut_off_is_finished_at_the_next_start() {
    let (stage, first) = Stage::new("");
    stage.push(&first, "a");
    first.stop();
    let (key, next) = (
        stage.path("first/log.key"),
        stage.path("first/log.key.next"),
    );
    let old = fs::read(&key).unwrap();
    let rotated = rotate(&stage, &["--log", "--json"]);
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    let rotated: Value = serde_json::from_str(&rotated.stdout).unwrap();
    let kept = rotated["keys"][0]["kept"].as_str().unwrap();
    assert_eq!(fs::read(kept).unwrap(), old);
    // As if it had died between the commit and the exchange of the files.
    fs::remove_file(kept).unwrap();
    fs::rename(&key, &next).unwrap();
    fs::write(&key, &old).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let second = stage.serve("first", "server.toml", &[]);
    assert_eq!(
        second.said("/server/log_key"),
        rotated["keys"][0]["after"].as_str().unwrap()
    );
    assert!(!next.exists());
    assert_eq!(fs::read(kept).unwrap(), old);
    stage.assert_log_verifies(&second);
}

fn doctor(stage: &Stage, data: &str) -> (Option<i32>, Value) {
    let ran = run(&mut stage.server(&[
        "doctor",
        "--data",
        data,
        "--config",
        "server.toml",
        "--json",
    ]));
    let told = serde_json::from_str(&ran.stdout);
    (ran.code, told.unwrap_or_else(|_| unreachable!("{ran:?}")))
}

fn state<'a>(told: &'a Value, name: &str) -> &'a str {
    let all = told["findings"].as_array().unwrap();
    let one = all.iter().find(|one| one["name"] == name);
    one.unwrap_or_else(|| unreachable!("{name} of {told:#}"))["state"]
        .as_str()
        .unwrap()
}

#[test]
fn the_doctor_finds_what_is_wrong_and_says_what_to_do() {
    let (stage, first) = Stage::new("");
    stage.push(&first, "a");
    let (code, told) = doctor(&stage, "first");
    assert_eq!(code, Some(0), "{told:#}");
    for name in [
        "folder",
        "files",
        "database",
        "clock",
        "keys",
        "log",
        "certificate",
    ] {
        assert_eq!(state(&told, name), "ok", "{told:#}");
    }
    first.stop();
    let key = stage.path("first/grant.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, told) = doctor(&stage, "first");
    assert_eq!(code, Some(1), "{told:#}");
    assert_eq!(state(&told, "files"), "fail");
    let mend = told["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "files");
    assert!(
        mend.unwrap()["mend"]
            .as_str()
            .unwrap()
            .contains("chmod 600"),
        "{told:#}"
    );
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    // Whoever owns the file can take the trigger away.
    let script = "import sqlite3, sys\n\
        log = sqlite3.connect(sys.argv[1])\n\
        log.execute('DROP TRIGGER log_records_are_never_changed')\n\
        [record] = log.execute('SELECT record FROM log_records WHERE seq = 2').fetchone()\n\
        log.execute('UPDATE log_records SET record = ? WHERE seq = 2', [bytes(record).replace(b'\"ts\":\"2', b'\"ts\":\"1', 1)])\n\
        log.commit()\n";
    let changed = run(Command::new("python3")
        .args(["-c", script])
        .arg(stage.path("first/gate.db")));
    assert_eq!(changed.code, Some(0), "{changed:?}");
    let (code, told) = doctor(&stage, "first");
    assert_eq!((code, state(&told, "log")), (Some(1), "fail"), "{told:#}");
    let (code, told) = doctor(&stage, "nowhere");
    assert_eq!(
        (code, state(&told, "folder")),
        (Some(1), "fail"),
        "{told:#}"
    );
}

#[test]
fn the_doctor_says_when_a_certificate_ends_and_whether_its_key_is_its_own() {
    let (stage, first) = Stage::new("");
    first.stop();
    let certify = |end: (i32, u8, u8)| {
        let mut wanted = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        wanted.not_after = rcgen::date_time_ymd(end.0, end.1, end.2);
        let key = rcgen::KeyPair::generate().unwrap();
        let made = wanted.self_signed(&key).unwrap();
        stage.home.write("cert.pem", made.pem()).unwrap();
        stage.home.write("key.pem", key.serialize_pem()).unwrap();
    };
    let look = || {
        let ran = run(&mut stage.server(&[
            "doctor",
            "--data",
            "first",
            "--tls-cert",
            "cert.pem",
            "--tls-key",
            "key.pem",
            "--json",
        ]));
        let told: Value = serde_json::from_str(&ran.stdout).unwrap();
        state(&told, "certificate").to_owned()
    };
    certify((2049, 1, 2));
    assert_eq!(look(), "ok");
    certify((2001, 1, 2));
    assert_eq!(look(), "fail");
    certify((2051, 1, 2));
    let other = rcgen::KeyPair::generate().unwrap();
    stage.home.write("key.pem", other.serialize_pem()).unwrap();
    assert_eq!(look(), "fail");
}
