//! One record without the log, and the log as tiles: both verify without a server.

use std::fs;
use std::path::Path;

use gate_testkit::home::Home;

use crate::server::{GATE, Live, Ran, run};
use crate::{live_with_history, log_key};

fn verify(live: &Live, file: &Path) -> Ran {
    let home = Home::new().unwrap();
    let mut gate = home.command(GATE);
    run(gate
        .args(["audit", "verify", "--key", log_key(live)])
        .arg(file))
}

#[test]
fn a_proof_of_a_record_verifies_without_a_server_and_a_changed_one_does_not() {
    let (live, request) = live_with_history();
    let home = Home::new().unwrap();
    let file = home.path().join("one.tlog-proof");
    let mut prove = live.gate("auditor", &["audit", "proof", &request, "--out"]);
    let proved = run(prove.arg(&file));
    assert_eq!(proved.code, Some(0), "{proved:?}");
    let verified = verify(&live, &file);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let said = format!(", decision.recorded of {request}, is in the log of ");
    assert!(verified.stdout.contains(&said), "{verified:?}");

    let text = fs::read_to_string(&file).unwrap();
    let printed = run(&mut live.gate("auditor", &["audit", "proof", "0"]));
    assert!(printed.stdout.starts_with("c2sp.org/tlog-proof@v1\nextra "));
    let other_record = printed.stdout.lines().nth(1).unwrap();
    let own_record = text.lines().nth(1).unwrap();
    let hash = text.lines().nth(3).unwrap();
    for (from, to) in [
        (own_record, other_record),
        (hash, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        (own_record, "extra e30="),
        ("index ", "index 1"),
    ] {
        fs::write(&file, text.replacen(from, to, 1)).unwrap();
        let refused = verify(&live, &file);
        assert_eq!(refused.code, Some(1), "{to}: {refused:?}");
    }
    fs::write(&file, text.replacen(&format!("{own_record}\n"), "", 1)).unwrap();
    let empty = verify(&live, &file);
    assert!(
        empty.stderr.contains("does not hold its record"),
        "{empty:?}"
    );
    fs::write(&file, &text).unwrap();
    let stranger = Live::start();
    assert_eq!(verify(&stranger, &file).code, Some(1));
    let nobody = run(&mut live.gate("auditor", &["audit", "proof", "ffffff"]));
    assert_eq!(nobody.code, Some(64), "{nobody:?}");
    let beyond = run(&mut live.gate("auditor", &["audit", "proof", "99999"]));
    assert_eq!(beyond.code, Some(64), "{beyond:?}");
}

#[test]
fn a_log_as_tiles_verifies_and_each_changed_file_is_caught() {
    let (live, _) = live_with_history();
    let home = Home::new().unwrap();
    let folder = home.path().join("tiles");
    let mut export = live.gate("auditor", &["audit", "export", "--tiles"]);
    let exported = run(export.arg(&folder));
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let sound = verify(&live, &folder);
    assert_eq!(sound.code, Some(0), "{sound:?}");
    let only = |path: &str| {
        let entries = fs::read_dir(folder.join(path)).unwrap();
        let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    };
    let hashes = only("tile/0/000.p");
    let entries = only("tile/entries/000.p");
    let served = |path: &Path| {
        let path = path.strip_prefix(&folder).unwrap().to_str().unwrap();
        get(&live, &format!("/v1/log/{path}"))
    };
    for file in [&hashes, &entries] {
        let (head, body) = served(file);
        assert!(head.contains("immutable"), "{head}");
        assert_eq!(body, fs::read(file).unwrap());
    }
    let changed = |file: &Path, change: &dyn Fn(&mut Vec<u8>), first_bad: &str| {
        let good = fs::read(file).unwrap();
        let mut bytes = good.clone();
        change(&mut bytes);
        fs::write(file, bytes).unwrap();
        let refused = verify(&live, &folder);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let said = format!("first bad record: {first_bad}\n");
        assert_eq!(refused.stdout, said, "{refused:?}");
        fs::write(file, good).unwrap();
    };
    changed(&hashes, &|bytes| bytes[40] ^= 1, "0");
    changed(&hashes, &|bytes| bytes.truncate(bytes.len() - 1), "0");
    changed(&entries, &|bytes| bytes[40] ^= 1, "0");
    changed(&entries, &|bytes| bytes.truncate(bytes.len() - 1), "0");
    fs::rename(&entries, folder.join("elsewhere")).unwrap();
    let missing = verify(&live, &folder);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.stderr.contains("is missing"), "{missing:?}");
    let nothing = get(&live, "/v1/log/tile/0/000");
    assert!(nothing.0.contains(" 404 "), "{}", nothing.0);
}

fn get(live: &Live, path: &str) -> (String, Vec<u8>) {
    use std::io::{Read as _, Write as _};
    let address = live.said("/url").strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: Bearer {}\r\n\r\n",
        live.said("/tokens/auditor")
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head, answer[end + 4..].to_vec())
}
