//! `gate server backup` and `gate server restore`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::stage::{Ran, Stage, run};

fn backup(stage: &Stage, out: &str, more: &[&str]) -> Ran {
    let mut args = vec!["backup", "--data", "first", "--out", out];
    args.extend(more);
    run(&mut stage.server(&args))
}

fn restore(stage: &Stage, from: &str, to: &str, more: &[&str]) -> Ran {
    let mut args = vec!["restore", from, "--data", to];
    args.extend(more);
    run(&mut stage.server(&args))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A copy without keys is three files, which nobody else can read.
#[track_caller]
fn assert_is_private(copy: &Path) {
    assert_eq!(mode(copy), 0o700);
    let mut names: Vec<_> = fs::read_dir(copy)
        .unwrap()
        .map(|one| one.unwrap().path())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["checkpoint", "gate.db", "manifest"].map(|name| copy.join(name))
    );
    assert!(names.iter().all(|path| mode(path) == 0o600), "{names:?}");
}

/// A copy without keys comes back with those of the folder `first`, and not without.
#[track_caller]
fn assert_comes_back_with_keys(stage: &Stage, from: &str, to: &str) {
    let without = restore(stage, from, to, &[]);
    assert_eq!(without.code, Some(64), "{without:?}");
    assert!(without.stderr.contains("--keys"), "{without:?}");
    assert!(!stage.path(to).exists());
    let restored = restore(stage, from, to, &["--keys", "first"]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert!(restored.stdout.contains("epoch 2"), "{restored:?}");
    assert_eq!(mode(&stage.path(to)), 0o700);
    assert_eq!(mode(&stage.path(to).join("grant.key")), 0o600);
}

/// docs/operations.md: what was approved and not claimed is void, and the log says so.
#[test]
fn a_server_comes_back_from_a_copy_that_was_made_while_it_ran() {
    let (stage, first) = Stage::new("");
    let approved = stage.ask(&first, "approved");
    stage.approve(&first, &approved);
    let pending = stage.ask(&first, "pending");
    let made = backup(&stage, "copy", &[]);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.stderr.contains("keep grant.key, log.key"), "{made:?}");
    assert_is_private(&stage.path("copy"));
    // The approval is used after the copy was made: whoever has the copy does not know.
    let ran = stage.gate(&first, "agent", &["run", "--", "deployer", "approved"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    drop(first);

    assert_comes_back_with_keys(&stage, "copy", "second");
    let second = stage.serve("second", "server.toml", &[]);
    assert_eq!(stage.status(&second, &approved), "expired");
    assert_eq!(stage.status(&second, &pending), "pending");
    let epochs = stage.records(&second, "server.epoch");
    let [epoch] = &*epochs else {
        unreachable!("{epochs:?}")
    };
    assert_eq!(
        (&epoch["epoch"], &epoch["why"]),
        (&Value::from(2), &Value::from("restored"))
    );
    assert_eq!(epoch["claims_ended"], 1);
    stage.assert_log_verifies(&second);
    // The same command is asked anew, and does not run on the old approval.
    stage.pin(&second);
    let again = stage.gate(
        &second,
        "agent",
        &["run", "--no-wait", "--", "deployer", "approved"],
    );
    assert_eq!(again.code, Some(75), "{again:?}");
    let canary = fs::read_to_string(stage.path("canary")).unwrap();
    assert_eq!(canary, "ran\n");
}

#[test]
fn a_copy_that_was_changed_is_refused_and_leaves_nothing() {
    let (stage, first) = Stage::new("");
    stage.push(&first, "a");
    let made = backup(&stage, "copy", &["--with-keys"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.stderr.contains("secret keys are in it"), "{made:?}");
    drop(first);
    let flip = |file: &str, at: fn(usize) -> usize| {
        let path = stage.path("copy").join(file);
        let sound = fs::read(&path).unwrap();
        let mut bytes = sound.clone();
        let place = at(bytes.len());
        bytes[place] ^= 1;
        fs::write(&path, &bytes).unwrap();
        (path, sound)
    };
    for (file, place) in [
        ("gate.db", (|size| size / 2) as fn(usize) -> usize),
        ("checkpoint", |size| size - 10),
        ("manifest", |_| 40),
        ("keys/log.key", |_| 3),
    ] {
        let (path, sound) = flip(file, place);
        let refused = restore(&stage, "copy", "second", &[]);
        assert!(matches!(refused.code, Some(1 | 78)), "{file}: {refused:?}");
        assert!(!stage.path("second").exists(), "{file}");
        fs::write(path, sound).unwrap();
    }
    fs::write(stage.path("copy/more"), "x").unwrap();
    let refused = restore(&stage, "copy", "second", &[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("`more` is in the backup"),
        "{refused:?}"
    );
    fs::remove_file(stage.path("copy/more")).unwrap();
    // A manifest that was made anew for other bytes is not signed.
    let (path, _) = flip("gate.db", |size| size / 2);
    let script = "import hashlib, json, sys\n\
        manifest = sys.argv[1] + '/manifest'\n\
        text = open(manifest).read()\n\
        head, line, rest = text.split('\\n', 2)\n\
        said = json.loads(line)\n\
        content = open(sys.argv[1] + '/gate.db', 'rb').read()\n\
        said['files']['gate.db']['sha256'] = hashlib.sha256(content).hexdigest()\n\
        open(manifest, 'w').write('\\n'.join([head, json.dumps(said), rest]))\n";
    let forged = run(std::process::Command::new("python3")
        .args(["-c", script])
        .arg(path.parent().unwrap()));
    assert_eq!(forged.code, Some(0), "{forged:?}");
    let refused = restore(&stage, "copy", "second", &[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("not signed"), "{refused:?}");
}

#[test]
fn nothing_is_overwritten_by_a_copy_or_by_the_way_back() {
    let (stage, _first) = Stage::new("");
    assert_eq!(backup(&stage, "copy", &["--with-keys"]).code, Some(0));
    let twice = backup(&stage, "copy", &[]);
    assert_eq!(twice.code, Some(64), "{twice:?}");
    let onto = restore(&stage, "copy", "first", &[]);
    assert_eq!(onto.code, Some(64), "{onto:?}");
    assert!(onto.stderr.contains("is not empty"), "{onto:?}");
    let nowhere = run(&mut stage.server(&["backup", "--data", "none", "--out", "other"]));
    assert_eq!(nowhere.code, Some(78), "{nowhere:?}");
    assert!(!stage.path("other").exists());
    // Another server's keys are none of this one's.
    let made = run(&mut stage.server(&["init", "--data", "stranger"]));
    assert_eq!(made.code, Some(0), "{made:?}");
    let refused = restore(&stage, "copy", "second", &["--keys", "stranger"]);
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(refused.stderr.contains("another server"), "{refused:?}");
}

/// docs/operations.md: "`--with-keys` is refused while a change of the key of channels is cut off".
#[test]
fn the_keys_are_not_copied_while_a_change_of_one_is_cut_off() {
    let (stage, first) = Stage::new("");
    first.stop();
    let next = stage.path("first/channels.key.next");
    fs::copy(stage.path("first/log.key"), &next).unwrap();
    let refused = backup(&stage, "copy", &["--with-keys"]);
    assert_eq!(refused.code, Some(78), "{refused:?}");
    assert!(
        refused.stderr.contains(next.to_str().unwrap())
            && refused.stderr.contains("start the server once"),
        "{refused:?}"
    );
    assert!(!stage.path("copy").exists());
    let without = backup(&stage, "copy", &[]);
    assert_eq!(without.code, Some(0), "{without:?}");
    assert_is_private(&stage.path("copy"));
    fs::remove_file(&next).unwrap();
    let later = backup(&stage, "later", &["--with-keys"]);
    assert_eq!(later.code, Some(0), "{later:?}");
}

#[test]
fn copies_are_sound_while_the_log_grows() {
    let (stage, first) = Stage::new("");
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
                stage.push(&first, &format!("rule-{number}"));
            }
        });
        let mut sizes = Vec::new();
        for number in 0..3 {
            let made = backup(
                &stage,
                &format!("copy-{number}"),
                &["--with-keys", "--json"],
            );
            assert_eq!(made.code, Some(0), "{made:?}");
            let made: Value = serde_json::from_str(&made.stdout).unwrap();
            sizes.push(made["manifest"]["log"]["size"].as_u64().unwrap());
        }
        is_done.store(true, Ordering::Relaxed);
        assert!(sizes.is_sorted(), "{sizes:?}");
    });
    for number in 0..3 {
        let (from, to) = (format!("copy-{number}"), format!("back-{number}"));
        let restored = restore(&stage, &from, &to, &[]);
        assert_eq!(restored.code, Some(0), "{restored:?}");
    }
    drop(first);
    let last = stage.serve("back-2", "server.toml", &[]);
    stage.assert_log_verifies(&last);
}
