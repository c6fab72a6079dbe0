//! A change of the key of channels that ended between its commit and the exchange of the files, and
//! what the next start makes of it. docs/operations.md.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cut_off::{Received, assert_open, stopped_with_channels};
use crate::stage::{Running, Stage, run};

/// A server whose change of the key was cut off: the old key is in its place and the next one beside
/// it, and the secrets of both channels are under the next.
struct CutOff {
    stage: Stage,
    received: Received,
    /// The bytes of both keys.
    old: Vec<u8>,
    next: Vec<u8>,
    /// Where the old key is once the next has its place.
    kept: PathBuf,
    /// The secrets of `one` and of `two` under the old key.
    sealed_by_old: [String; 2],
}

impl CutOff {
    fn new() -> Self {
        let (stage, received) = stopped_with_channels();
        let sealed = |name: &str| {
            let select = format!("SELECT hex(sealed) FROM channels WHERE name = '{name}'");
            sql(&stage, &select)
        };
        let sealed_by_old = ["one", "two"].map(sealed);
        let rotate = ["keys", "rotate", "--channels", "--json", "--data", "first"];
        let rotated = run(&mut stage.server(&rotate));
        assert_eq!(rotated.code, Some(0), "{rotated:?}");
        let told: Value = serde_json::from_str(&rotated.stdout).unwrap();
        let kept = PathBuf::from(told["channels"]["kept"].as_str().unwrap());
        let (key, staged) = places(&stage);
        let (old, next) = (fs::read(&kept).unwrap(), fs::read(&key).unwrap());
        fs::rename(&key, staged).unwrap();
        fs::rename(&kept, key).unwrap();
        Self {
            stage,
            received,
            old,
            next,
            kept,
            sealed_by_old,
        }
    }

    /// Puts what is encrypted by the old key back, as if it had been made by another server since.
    fn put_back(&self, name: &str, sealed: &str) {
        let update = format!("UPDATE channels SET sealed = x'{sealed}' WHERE name = '{name}'");
        sql(&self.stage, &update);
    }

    fn start(&self) -> Running {
        self.stage.serve("first", "server.toml", &[])
    }

    /// The next key has its place, and the old one is beside it.
    #[track_caller]
    fn assert_finished(&self) {
        let (key, staged) = places(&self.stage);
        assert_eq!(fs::read(key).unwrap(), self.next);
        assert_eq!(fs::read(&self.kept).unwrap(), self.old);
        assert!(!staged.exists());
        assert!(unused(&self.stage).is_empty());
    }
}

/// Where the key is, and where one is that is to come.
fn places(stage: &Stage) -> (PathBuf, PathBuf) {
    let place = |name: &str| stage.path("first").join(name);
    (place("channels.key"), place("channels.key.next"))
}

/// The keys that were to come and did not.
fn unused(stage: &Stage) -> Vec<PathBuf> {
    let all = fs::read_dir(stage.path("first")).unwrap();
    let all = all.map(|one| one.unwrap().path());
    let is_unused = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let hash = name.strip_prefix("channels.key.unused.");
        hash.is_some_and(|hash| hash.len() == 8)
    };
    all.filter(is_unused).collect()
}

/// Runs a statement on the database of a server that is stopped, and returns its one value.
fn sql(stage: &Stage, statement: &str) -> String {
    const SCRIPT: &str = "import sqlite3, sys\n\
        database = sqlite3.connect(sys.argv[1])\n\
        for row in database.execute(sys.argv[2]):\n    print(row[0])\n\
        database.commit()\n";
    let database = stage.path("first/gate.db");
    let ran = run(Command::new("python3")
        .args(["-c", SCRIPT])
        .args([database.as_path(), Path::new(statement)]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout.trim().to_owned()
}

#[test]
fn where_nothing_is_under_the_next_key_it_is_set_aside_and_the_old_one_stays() {
    let cut = CutOff::new();
    for (name, sealed) in ["one", "two"].iter().zip(&cut.sealed_by_old) {
        cut.put_back(name, sealed);
    }
    let running = cut.start();
    assert_open(&cut.stage, &running, &cut.received, &["one", "two"]);
    let (key, staged) = places(&cut.stage);
    assert_eq!(fs::read(key).unwrap(), cut.old);
    assert!(!staged.exists() && !cut.kept.exists());
    // A key is never deleted: it may be the only copy.
    let [aside] = &unused(&cut.stage)[..] else {
        unreachable!("{:?}", unused(&cut.stage))
    };
    assert_eq!(fs::read(aside).unwrap(), cut.next);
}

#[test]
fn where_all_is_under_the_next_key_it_takes_the_place_and_the_old_one_stays_beside_it() {
    let cut = CutOff::new();
    let running = cut.start();
    cut.assert_finished();
    assert_open(&cut.stage, &running, &cut.received, &["one", "two"]);
}

#[test]
fn what_another_server_has_encrypted_by_the_old_key_since_is_encrypted_anew() {
    let cut = CutOff::new();
    let [_, two] = &cut.sealed_by_old;
    cut.put_back("two", two);
    let running = cut.start();
    cut.assert_finished();
    assert_open(&cut.stage, &running, &cut.received, &["one", "two"]);
    // And so it is for who starts next, with the next key alone.
    running.stop();
    fs::remove_file(&cut.kept).unwrap();
    let again = cut.start();
    assert_open(&cut.stage, &again, &cut.received, &["one", "two"]);
}

#[test]
fn what_neither_key_opens_is_told_in_the_log_and_stops_nothing_else() {
    let cut = CutOff::new();
    cut.put_back("two", &"ab".repeat(100));
    let running = cut.start();
    cut.assert_finished();
    let said = running.log();
    assert!(said.contains("neither key opens its secrets"), "{said}");
    assert_open(&cut.stage, &running, &cut.received, &["one"]);
    // Its place is free again once somebody has taken it away.
    let delete = ["admin", "channels", "delete", "two"];
    cut.stage.told(&running, "admin", &delete);
    let said = running.stop();
    assert!(said.contains("can't be opened"), "{said}");
    let again = cut.start();
    assert_open(&cut.stage, &again, &cut.received, &["one"]);
    assert!(!again.log().contains("can't be opened"), "{}", again.log());
}
