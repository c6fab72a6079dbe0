//! Changes of keys that are killed at each call which brings something to the disk: `strace` kills on
//! the way into the call, so the one before is done and this one is not.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use gate_testkit::home::Home;
use gate_testkit::inside::{inside, kill_at_each};
use serde_json::Value;

use crate::stage::{GATE, Running, SOON, Stage, run};

/// Far more calls than a change of keys has.
const MOST: usize = 200;
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Runs a command once for each call of this name, killed there, and has `after` look at what is left.
/// Returns how often it died.
fn kills_at(call: &str, args: &[&str], home: &Home, mut after: impl FnMut()) -> usize {
    kill_at_each(call, MOST, 1, |number, strace| {
        let mut gate = home.command(GATE);
        gate.args(args).current_dir(home.path());
        let output = inside(strace, &gate).output().unwrap();
        let has_died = !output.status.success();
        if has_died {
            let signal = output.status.signal();
            assert_eq!(signal, Some(9), "{call} {number}: {output:?}");
        }
        after();
        has_died
    })
}

/// What a receiver of webhooks gets: the head and the body of each.
pub(crate) type Received = Receiver<(String, String)>;

/// A receiver of webhooks: what it gets, with its head.
fn receiver() -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/gate", listener.local_addr().unwrap());
    let (send, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut head, mut length) = (String::new(), 0);
            while !head.ends_with("\r\n\r\n") {
                let mut line = String::new();
                if stream.read_line(&mut line).unwrap() == 0 {
                    break;
                }
                if let Some((name, value)) = line.split_once(':')
                    && name.eq_ignore_ascii_case("content-length")
                {
                    length = value.trim().parse().unwrap();
                }
                head += &line;
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
            drop(send.send((head, String::from_utf8(body).unwrap())));
        }
    });
    (url, received)
}

/// Holds a webhook's signature against the secret. Source: Standard Webhooks.
const JUDGE: &str = "import base64, hashlib, hmac, sys\n\
    secret, id, time, signature = sys.argv[1:]\n\
    key = base64.b64decode(secret.removeprefix('whsec_'))\n\
    signed = f'{id}.{time}.'.encode() + sys.stdin.buffer.read()\n\
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()\n\
    sys.exit(wanted != signature.removeprefix('v1,'))\n";

fn assert_signed(head: &str, body: &str) {
    let header = |wanted: &str| {
        let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
        let found = pairs.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let (_, value) = found.unwrap_or_else(|| unreachable!("{wanted} of {head}"));
        value.trim().to_owned()
    };
    let values = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
    let mut python = Command::new("python3")
        .args(["-c", JUDGE, SECRET])
        .args(values)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(body.as_bytes()).unwrap();
    drop(stdin);
    assert!(python.wait().unwrap().success(), "{head}");
}

/// Returns a stopped server with two channels, `one` and `two`, and what their receiver gets.
pub(crate) fn stopped_with_channels() -> (Stage, Received) {
    let (url, received) = receiver();
    let (stage, first) = Stage::new("[outbound]\nallow_private = ['127.0.0.0/8']");
    stage.home.write("secret", SECRET).unwrap();
    for name in ["one", "two"] {
        let text = format!(
            "name = '{name}'\nkind = 'webhook'\nurl = '{url}'\nsigning_secret_file = 'secret'\n"
        );
        let file = stage.home.write("channel.toml", text).unwrap();
        let create = ["admin", "channels", "create", file.to_str().unwrap()];
        stage.told(&first, "admin", &create);
    }
    first.stop();
    (stage, received)
}

/// Each of these channels is told something, under its secret.
pub(crate) fn assert_open(stage: &Stage, on: &Running, received: &Received, channels: &[&str]) {
    for name in channels {
        stage.told(on, "admin", &["admin", "channels", "test", name]);
        let (head, body) = received.recv_timeout(SOON).unwrap();
        assert_signed(&head, &body);
    }
}

/// docs/operations.md: "a change that is cut off is finished at the next start".
#[test]
fn the_secrets_of_channels_outlive_a_change_of_their_key_that_was_killed_anywhere() {
    let (stage, received) = stopped_with_channels();
    let key = stage.path("first/channels.key");
    let oldest = fs::read(&key).unwrap();
    let rotate = ["server", "keys", "rotate", "--channels", "--data", "first"];
    for (call, at_least) in [("fsync", 4), ("linkat", 1), ("rename", 2), ("pwrite64", 3)] {
        let kills = kills_at(call, &rotate, &stage.home, || {
            // It reads the secrets of each channel, and does not start where one can't be opened.
            stage.serve("first", "server.toml", &[]).stop();
            assert!(!stage.path("first/channels.key.next").exists());
        });
        assert!(kills >= at_least, "{kills} kills at {call}");
    }

    let last = stage.serve("first", "server.toml", &[]);
    assert_open(&stage, &last, &received, &["one", "two"]);
    assert!(!stage.records(&last, "channel.resealed").is_empty());
    stage.assert_log_verifies(&last);
    last.stop();
    // Who has the key of before, and a copy of now, reads nothing.
    fs::write(&key, oldest).unwrap();
    let with_the_old = run(&mut stage.server(&["--data", "first", "--listen", "127.0.0.1:0"]));
    assert_ne!(with_the_old.code, Some(0));
    assert!(
        with_the_old.stderr.contains("channels.key"),
        "{with_the_old:?}"
    );
}

/// The keys that a witness signs by, the newest first.
fn keys_of_witness(home: &Home, log: &str) -> Vec<String> {
    let mut command = home.command(GATE);
    command.args([
        "witness",
        "serve",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--name",
        "w.example/w",
    ]);
    command
        .args(["--data", "witness", "--log", log])
        .current_dir(home.path());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let before = ready["before"].as_array().unwrap().iter();
    let keys = std::iter::once(&ready["key"]).chain(before);
    keys.map(|key| key.as_str().unwrap().to_owned()).collect()
}

/// A key that anybody may have pinned goes on signing, wherever the change to the next one ended.
#[test]
fn a_witness_whose_change_of_keys_was_killed_anywhere_signs_by_each_key_that_it_showed() {
    let log = "gate-808b18cf/audit+483f56d4+ARFJI05OTRI2L9Aaj3QA88Yd7MLTpRJo5IfJ8kVyOujx";
    let home = Home::new().unwrap();
    let mut shown = keys_of_witness(&home, log);
    assert_eq!(shown.len(), 1);
    let rotate = [
        "witness",
        "rotate",
        "--data",
        "witness",
        "--name",
        "w.example/w",
    ];
    for (call, at_least) in [("fsync", 3), ("linkat", 1), ("rename", 2)] {
        let kills = kills_at(call, &rotate, &home, || {
            let keys = keys_of_witness(&home, log);
            assert!(
                shown.iter().all(|key| keys.contains(key)),
                "{keys:?} of {shown:?}"
            );
            shown = keys;
        });
        assert!(kills >= at_least, "{kills} kills at {call}");
    }
    let (newest, before) = (shown[0].clone(), shown[1..].to_vec());
    let rotated = run(home.command(GATE).args(rotate).current_dir(home.path()));
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    let keys = keys_of_witness(&home, log);
    assert_eq!(keys[0], rotated.stdout.trim());
    assert!(keys.contains(&newest) && keys.len() == before.len() + 2);
    // A key whose file was removed signs nothing any more.
    let hash = newest.split('+').nth(1).unwrap();
    fs::remove_file(home.path().join(format!("witness/witness.key.{hash}"))).unwrap();
    assert!(!keys_of_witness(&home, log).contains(&newest));
}
