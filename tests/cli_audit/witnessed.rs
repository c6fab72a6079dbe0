//! A server whose head others sign, and the witness that does: C2SP tlog-witness.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gate_protocol::canonical::Digest;
use gate_protocol::log::{
    AddCheckpoint, Checkpoint, SignedCheckpoint, consistency_proof, leaf_hash, root,
};
use gate_protocol::signed_note::{SigningKey, VerifierKey};
use gate_testkit::home::Home;
use serde_json::Value;

use crate::restored::{Place, Running};
use crate::server::{GATE, Ran, run};

const ORIGIN: &str = "gate.example/org/test/audit";

/// A `gate witness serve` that ends with the test.
struct Witness {
    child: Child,
    ready: Value,
}

impl Witness {
    fn start(home: &Home, log: &str) -> Self {
        let mut child = home
            .command(GATE)
            .args(["witness", "serve", "--json", "--listen", "127.0.0.1:0"])
            .args(["--name", "witness.example/w", "--log", log, "--data"])
            .arg(home.path().join("witness"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        Self { child, ready }
    }

    fn key(&self) -> &str {
        self.ready["key"].as_str().unwrap()
    }

    fn url(&self) -> &str {
        self.ready["url"].as_str().unwrap()
    }

    /// Posts to the witness, and returns status, head and body.
    fn post(&self, path: &str, body: &str) -> (u16, String, String) {
        let address = self.url().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_owned(), body.to_owned())
    }

    fn add(&self, asked: &AddCheckpoint) -> (u16, String, String) {
        self.post("/add-checkpoint", &asked.to_string())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[7; 32]).unwrap()
}

fn asked(history: &str, old_size: u64, size: u64) -> AddCheckpoint {
    let leaves: Vec<Digest> = (0..size)
        .map(|index| leaf_hash(format!("{history} {index}").as_bytes()))
        .collect();
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root: root(leaves.iter().copied()),
    };
    AddCheckpoint {
        old_size,
        proof: consistency_proof(&leaves, old_size).unwrap(),
        checkpoint: checkpoint.sign(&[&key()]).unwrap(),
    }
}

/// "A split view (same size, other root) and a rollback are refused", by the statuses of the
/// specification, also after the witness was killed.
#[test]
fn a_witness_signs_one_history_and_answers_by_the_specification() {
    let home = Home::new().unwrap();
    let log = key().verifier();
    let witness = Witness::start(&home, &log.to_string());
    let first = asked("a", 0, 5);
    let (status, _, line) = witness.add(&first);
    assert_eq!(status, 200, "{line}");
    let witness_key: VerifierKey = witness.key().parse().unwrap();
    let note = first.checkpoint.clone() + &line;
    let keys = [witness_key];
    let signed = SignedCheckpoint::verify(note.as_bytes(), &log, &keys).unwrap();
    assert_eq!(signed.cosignatures.len(), 1);
    drop(witness);

    let witness = Witness::start(&home, &log.to_string());
    assert_eq!(witness.key(), keys[0].to_string());
    let split = witness.add(&asked("b", 5, 5));
    assert_eq!((split.0, split.2.as_str()), (409, "5\n"));
    assert!(split.1.contains("text/x.tlog.size"), "{}", split.1);
    let rolled_back = witness.add(&asked("a", 4, 4));
    assert_eq!((rolled_back.0, rolled_back.2.as_str()), (409, "5\n"));
    assert_eq!(witness.add(&asked("b", 5, 7)).0, 422);
    let mut other = asked("a", 5, 6);
    let thief = SigningKey::from_seed(ORIGIN, &[8; 32]).unwrap();
    let (text, _) = other.checkpoint.split_once("\n\n").unwrap();
    let forged = Checkpoint::parse(&format!("{text}\n")).unwrap();
    other.checkpoint = forged.sign(&[&thief]).unwrap();
    assert_eq!(witness.add(&other).0, 403);
    other.checkpoint = other.checkpoint.replacen(ORIGIN, "another.example", 1);
    assert_eq!(witness.add(&other).0, 404);
    assert_eq!(witness.post("/add-checkpoint", "old x\n\n").0, 400);
    assert_eq!(witness.post("/elsewhere", "").0, 404);
    assert_eq!(witness.add(&asked("a", 5, 6)).0, 200);
}

/// Returns the key of a server's log.
fn log_key(server: &Running) -> String {
    server.ready["server"]["log_key"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Returns the settings of a server that asks this witness.
fn settings_of(witness: &Witness) -> String {
    let (url, key) = (witness.url(), witness.key());
    format!("[[witness]]\nurl = '{url}'\nkey = '{key}'\n")
}

#[test]
fn a_server_asks_its_witness_and_its_signature_is_demanded() {
    let (place, first) = Place::new();
    place.push(&first, "a");
    let log = log_key(&first);
    drop(first);
    let home = Home::new().unwrap();
    let witness = Witness::start(&home, &log);
    let settings = settings_of(&witness);
    let server = place.start_set(&settings, "first", &[]);
    run_approved(&place, &server);
    let verify = |more: &[&str]| {
        let args = [
            &["audit", "verify", "--live", "--witness", witness.key()],
            more,
        ]
        .concat();
        place.gate(&server, "auditor", &args)
    };
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut verified = verify(&[]);
    while verified.code != Some(0) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(200));
        verified = verify(&[]);
    }
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let said = "cosigned: by 1 of 1 witnesses, the first ";
    assert!(verified.stdout.contains(said), "{verified:?}");

    let stranger = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";
    let of_two = verify(&["--witness", stranger]);
    assert_eq!(of_two.code, Some(1), "{of_two:?}");
    assert!(of_two.stderr.contains("1 of the 2 witnesses"), "{of_two:?}");
    // It is no word for a log that is bad.
    assert!(of_two.stdout.contains("too few witnesses"), "{of_two:?}");
    let one_of_two = verify(&["--witness", stranger, "--witnesses", "1"]);
    assert_eq!(one_of_two.code, Some(0), "{one_of_two:?}");
    let no_witness = verify(&["--witness", &log]);
    assert_eq!(no_witness.code, Some(64), "{no_witness:?}");

    assert_copies_are_signed(&place, &server, &home, (&log, witness.key(), stranger));
    assert_a_proof_is_signed(&place, &server, &home, (&log, witness.key(), stranger));
    assert_receipts_are_signed(&place, &server, (&log, witness.key(), stranger));
}

/// Has a command approved and runs it, as the agent of this machine.
fn run_approved(place: &Place, server: &Running) {
    let said = |pointer: &str| server.ready.pointer(pointer).unwrap().as_str().unwrap();
    let keys = format!(
        "[keys]\n'{}' = '{}'\n",
        said("/url"),
        said("/server/grant_key")
    );
    place.home.write(".config/gate/config.toml", keys).unwrap();
    let program = place.home.bin().join("deploy");
    fs::write(&program, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let command = ["run", "--no-wait", "--", "deploy"];
    let asked = place.gate(server, "agent", &command);
    assert_eq!(asked.code, Some(75), "{asked:?}");
    let listed = place.gate(server, "agent", &["requests", "list", "--json"]);
    let page: Value = serde_json::from_str(&listed.stdout).unwrap();
    let part = |name: &str| page["requests"][0][name].as_str().unwrap();
    let approve = ["approve", part("id"), "--yes", "--digest", part("digest")];
    let approved = place.gate(server, "bob_approver", &approve);
    assert_eq!(approved.code, Some(0), "{approved:?}");
    let ran = place.gate(server, "agent", &command);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// A proof that was fetched before the witness signed gives way to one that it signed.
fn assert_receipts_are_signed(
    place: &Place,
    server: &Running,
    (log, witness, stranger): (&str, &str, &str),
) {
    let agent = |args: &[&str]| place.gate(server, "agent", args);
    let out = place.home.path().join("receipts");
    let folder = out.to_str().unwrap();
    let show = |by: &str| {
        agent(&[
            "audit",
            "receipts",
            "--key",
            log,
            "--witness",
            by,
            "--out",
            folder,
        ])
    };
    let deadline = Instant::now() + Duration::from_secs(90);
    let mut shown = show(witness);
    while !shown.stdout.contains("cosigned: by 1 of 1") || shown.code != Some(0) {
        assert!(Instant::now() < deadline, "{shown:?}");
        std::thread::sleep(Duration::from_millis(200));
        let flushed = agent(&["audit", "flush"]);
        assert_eq!(flushed.code, Some(0), "{flushed:?}");
        shown = show(witness);
    }
    assert_eq!(
        shown.stdout.matches("cosigned: by 1 of 1").count(),
        3,
        "{shown:?}"
    );
    assert_eq!(show(stranger).code, Some(1));
    let files: Vec<_> = fs::read_dir(&out).unwrap().collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify_proof.py");
        let mut python = Command::new("python3");
        python.arg(script).arg("proof").arg(file.unwrap().path());
        let verified = run(python.args([log, witness]));
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
}

/// The proof of one record takes the signatures along, by gate's own word and by that of the verifier
/// that shares no code with it.
fn assert_a_proof_is_signed(
    place: &Place,
    server: &Running,
    home: &Home,
    (log, witness, stranger): (&str, &str, &str),
) {
    let file = place.home.path().join("first.tlog-proof");
    let file = file.to_str().unwrap();
    let proved = place.gate(server, "auditor", &["audit", "proof", "0", "--out", file]);
    assert_eq!(proved.code, Some(0), "{proved:?}");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify_proof.py");
    let both = |witness: &str| {
        let args = ["audit", "verify", "--key", log, "--witness", witness, file];
        let mut python = Command::new("python3");
        python.arg(&script).args(["proof", file, log, witness]);
        [run(home.command(GATE).args(args)), run(&mut python)]
    };
    for verified in both(witness) {
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
    for refused in both(stranger) {
        assert_eq!(refused.code, Some(1), "{refused:?}");
    }
}

/// An export takes the signatures along, and so does one as tiles.
fn assert_copies_are_signed(
    place: &Place,
    server: &Running,
    home: &Home,
    (log, witness, stranger): (&str, &str, &str),
) {
    let said = "cosigned: by 1 of 1 witnesses, the first ";
    for form in ["--out", "--tiles"] {
        let folder = place.home.path().join(form.trim_start_matches('-'));
        let folder = folder.to_str().unwrap();
        let args = ["audit", "export", "--cosigned", form, folder];
        let exported = place.gate(server, "auditor", &args);
        assert_eq!(exported.code, Some(0), "{exported:?}");
        let offline = |witness: &str| {
            let mut gate = home.command(GATE);
            let args = [
                "audit",
                "verify",
                "--key",
                log,
                "--witness",
                witness,
                folder,
            ];
            run(gate.args(args))
        };
        let verified = offline(witness);
        assert_eq!(verified.code, Some(0), "{verified:?}");
        assert!(verified.stdout.contains(said), "{verified:?}");
        assert_eq!(offline(stranger).code, Some(1));
    }
}

/// Puts the signed heads of one server's data into another's, as who has both can.
const GRAFT: &str = "
import sqlite3, sys
with sqlite3.connect(sys.argv[2]) as database:
    database.execute('ATTACH ? AS other', [sys.argv[1]])
    for table in ('log_checkpoints', 'log_cosignatures'):
        database.execute(f'INSERT OR REPLACE INTO {table} SELECT * FROM other.{table}')
";

/// Waits until the witness has signed, by the word of a machine that has seen nothing before, and
/// returns how many records it signed.
fn signed_by(place: &Place, server: &Running, witness: &str) -> u64 {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let verified = verified_anew(place, server, witness);
        if verified.code == Some(0) {
            let (_, size) = verified.stdout.split_once("witnesses, the first ").unwrap();
            return size.split_once(' ').unwrap().0.parse().unwrap();
        }
        assert!(Instant::now() < deadline, "{verified:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn verified_anew(place: &Place, server: &Running, witness: &str) -> Ran {
    let home = Home::new().unwrap();
    let args = ["audit", "verify", "--live", "--witness", witness];
    place.gate_from(&home, server, "auditor", &args)
}

/// docs/audit.md, "Witnesses": who demands the signature "can't be shown another history".
#[test]
fn another_history_than_the_one_that_was_cosigned_is_found_behind_an_archive_too() {
    let (place, first) = Place::new();
    place.push(&first, "a");
    let log = log_key(&first);
    drop(first);
    place.copy("first", "backup");
    let home = Home::new().unwrap();
    let witness = Witness::start(&home, &log);
    let settings = settings_of(&witness);
    let first = place.start_set(&settings, "first", &[]);
    place.push(&first, "b");
    let signed = signed_by(&place, &first, witness.key());
    drop(first);
    // An older copy goes on by itself, and gets the genuine signatures of the other one.
    let backup = place.start("backup", &[]);
    for rule in ["c", "d", "e", "f"] {
        place.push(&backup, rule);
    }
    drop(backup);
    let mut python = Command::new("python3");
    let data = |copy: &str| place.data(copy).join("gate.db");
    let grafted = run(python
        .args(["-c", GRAFT])
        .arg(data("first"))
        .arg(data("backup")));
    assert_eq!(grafted.code, Some(0), "{grafted:?}");
    let backup = place.start_set("keep_records_days = 0", "backup", &[]);
    let found = || {
        let found = verified_anew(&place, &backup, witness.key());
        assert_eq!(found.code, Some(1), "{found:?}");
        let first_bad = format!("first bad record: below {signed}\n");
        assert_eq!(found.stdout, first_bad, "{found:?}");
        let why = format!("the first {signed} records are not those that witnesses signed");
        assert!(found.stderr.contains(&why), "{found:?}");
    };
    found();
    let folder = place.home.path().join("archive");
    let folder = folder.to_str().unwrap();
    let archive = [
        "audit",
        "archive",
        "--before",
        "2999-01-01",
        "--prune",
        folder,
    ];
    let pruned = place.gate(&backup, "admin", &archive);
    assert_eq!(pruned.code, Some(0), "{pruned:?}");
    found();
}
