//! A server whose data was put back from a copy: docs/audit.md, "an older copy of the log".

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use gate_testkit::home::Home;
use serde_json::Value;

use crate::server::{GATE, Ran, run};

/// One server's data, and whoever asks it from the same machine.
pub(crate) struct Place {
    pub(crate) home: Home,
    tokens: Value,
}

/// A server that runs on one copy of the data.
pub(crate) struct Running {
    child: Child,
    pub(crate) ready: Value,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Place {
    pub(crate) fn new() -> (Self, Running) {
        let mut place = Self {
            home: Home::new().unwrap(),
            tokens: Value::Null,
        };
        let running = place.start("first", &["--dev"]);
        place.tokens = running.ready["tokens"].clone();
        (place, running)
    }

    pub(crate) fn data(&self, copy: &str) -> PathBuf {
        self.home.path().join(copy)
    }

    pub(crate) fn start(&self, copy: &str, more: &[&str]) -> Running {
        self.start_set("", copy, more)
    }

    /// Starts with `settings` besides those that every test here has.
    pub(crate) fn start_set(&self, settings: &str, copy: &str, more: &[&str]) -> Running {
        // One admin pushes other rules each time, without a second one.
        let settings = format!("{settings}\n[approving]\ntrusted_admins = ['admin']\n");
        let settings = self.home.write("server.toml", settings).unwrap();
        let mut server = self.home.command(GATE);
        server
            .args(["server", "--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.data(copy))
            .arg("--config")
            .arg(settings)
            .args(more)
            .stdout(Stdio::piped());
        let mut child = server.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        Running { child, ready }
    }

    pub(crate) fn copy(&self, from: &str, to: &str) {
        fs::create_dir(self.data(to)).unwrap();
        fs::set_permissions(
            self.data(to),
            fs::metadata(self.data(from)).unwrap().permissions(),
        )
        .unwrap();
        for entry in fs::read_dir(self.data(from)).unwrap() {
            let from: &Path = &entry.unwrap().path();
            fs::copy(from, self.data(to).join(from.file_name().unwrap())).unwrap();
        }
    }

    pub(crate) fn gate(&self, on: &Running, who: &str, args: &[&str]) -> Ran {
        self.gate_from(&self.home, on, who, args)
    }

    /// The same from another machine.
    pub(crate) fn gate_from(&self, home: &Home, on: &Running, who: &str, args: &[&str]) -> Ran {
        let mut gate = home.command(GATE);
        gate.args(args)
            .env("GATE_SERVER", on.ready["url"].as_str().unwrap())
            .env("GATE_TOKEN", self.tokens[who].as_str().unwrap());
        run(&mut gate)
    }

    /// Makes a record.
    pub(crate) fn push(&self, on: &Running, rule: &str) {
        let text = format!("[[rule]]\nid = \"{rule}\"\ntool = \"git\"\ndecision = \"deny\"\n");
        let rules = self.home.write("rules.toml", text).unwrap();
        let pushed = self.gate(on, "admin", &["rules", "push", rules.to_str().unwrap()]);
        assert_eq!(pushed.code, Some(0), "{pushed:?}");
    }

    fn verified(&self, on: &Running) -> Ran {
        self.gate(on, "auditor", &["audit", "verify", "--live"])
    }
}

#[track_caller]
fn assert_sound(ran: &Ran, last_line: &str) {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let last = ran.stdout.lines().last().unwrap();
    assert!(last.starts_with(last_line), "{ran:?}");
}

#[test]
fn an_older_copy_of_the_log_is_noticed_by_who_verified_the_newer() {
    let (place, first) = Place::new();
    place.push(&first, "a");
    assert_sound(&place.verified(&first), "kept: ");
    drop(first);
    place.copy("first", "backup");
    let first = place.start("first", &[]);
    place.push(&first, "b");
    let gone_on = place.verified(&first);
    assert_sound(&gone_on, "goes on: from the ");
    let size = |ran: &Ran| -> u64 { ran.stdout.split(' ').nth(1).unwrap().parse().unwrap() };
    let newer = size(&gone_on);
    drop(first);

    let backup = place.start("backup", &[]);
    let older = place.verified(&backup);
    assert_eq!(older.code, Some(1), "{older:?}");
    let shorter = format!("first bad record: {}\n", newer - 1);
    assert_eq!(older.stdout, shorter, "{older:?}");
    assert!(older.stderr.contains("an older copy"), "{older:?}");
    // It grows beyond what was there, and is another log all the same.
    for rule in ["c", "d", "e"] {
        place.push(&backup, rule);
    }
    let other = place.verified(&backup);
    assert_eq!(other.code, Some(1), "{other:?}");
    let expected = format!("first bad record: below {newer}\n");
    assert_eq!(other.stdout, expected, "{other:?}");
    drop(backup);

    // Nothing of the copy was kept.
    let first = place.start("first", &[]);
    assert_sound(&place.verified(&first), "goes on: from the ");
}

/// Changes one record of a server that is not running, as whoever owns the machine could.
fn change_record(data: &Path, seq: u32) {
    let script = "import sqlite3, sys\n\
                  log = sqlite3.connect(sys.argv[1])\n\
                  log.execute('DROP TRIGGER log_records_are_never_changed')\n\
                  [record] = log.execute('SELECT record FROM log_records WHERE seq = ?', [sys.argv[2]]).fetchone()\n\
                  changed = bytes(record).replace(b'\"ts\":\"2', b'\"ts\":\"1', 1)\n\
                  assert changed != bytes(record)\n\
                  log.execute('UPDATE log_records SET record = ? WHERE seq = ?', [changed, sys.argv[2]])\n\
                  log.commit()\n";
    let mut python = std::process::Command::new("python3");
    let changed = run(python
        .args(["-c", script])
        .arg(data.join("gate.db"))
        .arg(seq.to_string()));
    assert_eq!(changed.code, Some(0), "{changed:?}");
}

/// `gate audit export --help`: the checkpoint "is signed for exactly these records".
#[test]
fn records_that_are_not_what_was_signed_are_not_exported() {
    let (place, first) = Place::new();
    place.push(&first, "a");
    let out = place.home.path().join("export");
    let export = ["audit", "export", "--out", out.to_str().unwrap()];
    let sound = place.gate(&first, "auditor", &export);
    assert_eq!(sound.code, Some(0), "{sound:?}");
    let records = fs::read_to_string(out.join("records.jsonl")).unwrap();
    let last = u32::try_from(records.lines().count()).unwrap() - 1;
    drop(first);
    fs::remove_dir_all(&out).unwrap();
    // One in the middle breaks the chain; behind the last there is only the root.
    for seq in [last, 2] {
        let copy = format!("changed-{seq}");
        place.copy("first", &copy);
        change_record(&place.data(&copy), seq);
        let server = place.start(&copy, &[]);
        let refused = place.gate(&server, "auditor", &export);
        assert_eq!(refused.code, Some(125), "{seq}: {refused:?}");
        assert!(refused.stderr.contains("does not verify"), "{refused:?}");
        let left = fs::read_dir(place.home.path()).unwrap();
        let left = left.map(|entry| entry.unwrap().file_name());
        let is_export = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("export");
        assert_eq!(left.filter(is_export).count(), 0, "{refused:?}");
    }
}

#[test]
fn a_damaged_checkpoint_is_no_first_verification() {
    let (place, server) = Place::new();
    assert_sound(&place.verified(&server), "kept: ");
    let kept = place.home.state().join("gate/log-checkpoints.json");
    let text = fs::read_to_string(&kept).unwrap();
    for damaged in ["{".to_owned(), text.replacen("/audit\\n", "/audit\\n1", 1)] {
        assert_ne!(damaged, text);
        fs::write(&kept, damaged).unwrap();
        let refused = place.verified(&server);
        assert_eq!(refused.code, Some(78), "{refused:?}");
        assert!(
            refused.stderr.contains("log-checkpoints.json"),
            "{refused:?}"
        );
    }
}

/// What an owner of the file can do, whom no trigger holds.
const CHANGE: &str = "
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as database:
    database.execute('DROP TRIGGER log_records_are_never_changed')
    changed = database.execute(
        'UPDATE log_records SET record = CAST(replace(CAST(record AS TEXT), ?, ?) AS BLOB) WHERE seq = 1',
        ('\"ts\":\"2', '\"ts\":\"1'))
    assert changed.rowcount == 1
";

/// docs/audit.md: "it names the first bad record".
#[test]
fn a_record_that_was_changed_in_the_database_is_named() {
    let (place, first) = Place::new();
    place.push(&first, "a");
    drop(first);
    let changed = std::process::Command::new("python3")
        .args(["-c", CHANGE])
        .arg(place.data("first").join("gate.db"))
        .status()
        .unwrap();
    assert!(changed.success());
    let again = place.start("first", &[]);
    let found = place.verified(&again);
    let named = "first bad record: 1, or the link to it in 2\n";
    assert_eq!(
        (found.code, found.stdout.as_str()),
        (Some(1), named),
        "{found:?}"
    );
}
