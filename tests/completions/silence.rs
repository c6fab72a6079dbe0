//! A completion says nothing, asks nobody, never waits long and changes nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use gate_testkit::home::Home;
use gate_testkit::real::SecretService;

use crate::server::{GATE, run};
use crate::stage::Stage;

/// Half a second is what it promises; the rest is what a busy machine takes to start it.
const SOON: Duration = Duration::from_secs(3);

/// Runs `gate __complete` for an id, and fails unless it offers nothing, soon, and in silence.
#[track_caller]
fn assert_nothing(home: &Home, variables: &[(&str, &str)]) {
    let begun = Instant::now();
    let mut command = home.command(GATE);
    command.args(["__complete", "bash", "--", "approve", ""]);
    let ran = run(command.envs(variables.iter().copied()));
    let said = (ran.code, ran.stdout.as_str(), ran.stderr.as_str());
    assert_eq!(said, (Some(0), "words\n", ""), "{variables:?}");
    assert!(
        begun.elapsed() < SOON,
        "{variables:?}: {:?}",
        begun.elapsed()
    );
}

#[test]
fn where_there_is_no_server_no_token_or_no_answer_nothing_is_offered_soon_and_in_silence() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    let home = Home::new().unwrap();
    let token = "gate_req_0000000000000000000000000000000000000000000";
    for variables in [
        &[][..],
        &[("GATE_SERVER", "gate.example")],
        &[("GATE_SERVER", silent.as_str())],
        &[("GATE_SERVER", silent.as_str()), ("GATE_TOKEN", "a b")],
        // It takes the connection and says nothing.
        &[("GATE_SERVER", silent.as_str()), ("GATE_TOKEN", token)],
        &[("GATE_SERVER", "http://127.0.0.1:9"), ("GATE_TOKEN", token)],
        &[
            ("GATE_SERVER", "https://gate.invalid"),
            ("GATE_TOKEN", token),
        ],
    ] {
        assert_nothing(&home, variables);
    }
    home.write(".config/gate/config.toml", "this is no TOML")
        .unwrap();
    assert_nothing(
        &home,
        &[("GATE_SERVER", silent.as_str()), ("GATE_TOKEN", token)],
    );
}

#[test]
fn words_that_make_no_sense_have_no_completion_and_no_message() {
    let stage = Stage::new();
    for words in [
        &["frobnicate", ""][..],
        &["approve", "--frobnicate", ""],
        &["run", "kubectl", ""],
        &["requests", "list", "extra", ""],
        &["\u{1b}[2J"],
        &[],
    ] {
        let offered = stage.offered("bob_approver", "zsh", words);
        assert!(offered.len() <= 2, "{words:?}: {offered:?}");
        assert_eq!(offered.first().map(String::as_str), Some("words"));
    }
}

#[test]
fn a_keyring_is_read_where_it_is_open_and_never_unlocked_for_a_completion() {
    let stage = Stage::new();
    let id = stage.pending.id.to_string();
    let open = SecretService::start().unwrap();
    let environment = open.environment();
    log_in(&stage, environment.clone());
    let ask = |environment: Vec<_>| {
        let mut command = stage.home.command(GATE);
        command
            .args(["__complete", "bash", "--", "approve", ""])
            .envs(environment)
            .env("HOME", stage.home.path())
            .env_remove("GATE_TOKEN");
        run(&mut command)
    };
    let ran = ask(environment.clone());
    assert!(ran.stdout.contains(&id), "{ran:?}");

    let call = |member: &str, argument: &str| {
        let mut send = stage.home.command("dbus-send");
        send.args([
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.secrets",
        ])
        .args(["/org/freedesktop/secrets", member, argument])
        .envs(environment.clone());
        let answer = run(&mut send);
        assert_eq!(answer.code, Some(0), "{answer:?}");
    };
    call(
        "org.freedesktop.Secret.Service.Lock",
        "array:objpath:/org/freedesktop/secrets/collection/login",
    );
    let monitor = Monitor::start(&stage.home, environment.clone());
    let begun = Instant::now();
    let ran = ask(environment.clone());
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("words\n", ""));
    assert!(begun.elapsed() < SOON);
    // What was said before it has been seen when this is.
    call("org.freedesktop.Secret.Service.ReadAlias", "string:default");
    let seen = monitor.wait_for("member=ReadAlias");
    assert!(seen.contains("member=SearchItems"), "{seen}");
    assert!(!seen.contains("member=Unlock"), "{seen}");
}

/// Logs bob in, with his token in the keyring.
fn log_in(stage: &Stage, environment: Vec<(&'static str, OsString)>) {
    let token = stage.live.said("/tokens/bob_approver");
    let token = stage.home.write("token", token).unwrap();
    let (url, key) = (
        stage.live.said("/url"),
        stage.live.said("/server/grant_key"),
    );
    let mut login = stage.home.command(GATE);
    login
        .args([
            "login",
            "--token-stdin",
            "--server",
            url,
            "--server-key",
            key,
        ])
        .stdin(File::open(token).unwrap())
        .envs(environment)
        .env("HOME", stage.home.path())
        .env_remove("GATE_TOKEN");
    let ran = run(&mut login);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("Secret Service"), "{ran:?}");
}

/// Sees what is asked of the keyring. Ended when dropped.
struct Monitor {
    child: Child,
    seen: PathBuf,
}

impl Monitor {
    fn start(home: &Home, environment: Vec<(&'static str, OsString)>) -> Self {
        let seen = home.path().join("seen");
        let mut command = home.command("dbus-monitor");
        command
            .args(["--session", "interface=org.freedesktop.Secret.Service"])
            .envs(environment)
            .stdout(File::create(&seen).unwrap())
            .stderr(Stdio::null());
        let monitor = Self {
            child: command.spawn().unwrap(),
            seen,
        };
        // A monitor has no name of its own any more.
        monitor.wait_for("member=NameLost");
        monitor
    }

    #[track_caller]
    fn wait_for(&self, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let seen = std::fs::read_to_string(&self.seen).unwrap();
            if seen.contains(text) {
                return seen;
            }
            assert!(Instant::now() < deadline, "{text} in {seen}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Every file below a folder with what it holds.
fn files(folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.is_file() {
            let content = std::fs::read(&path).unwrap();
            found.insert(path.to_string_lossy().into_owned(), content);
        }
    }
}

#[test]
fn a_completion_changes_nothing() {
    let stage = Stage::new();
    let look = || {
        let mut found = BTreeMap::new();
        files(stage.home.path(), &mut found);
        let listed = run(&mut stage
            .live
            .gate("bob_approver", &["requests", "list", "--json"]));
        // How long each has left is all that may have changed.
        let mut page: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        for request in page["requests"].as_array_mut().unwrap() {
            request
                .as_object_mut()
                .unwrap()
                .remove("expires_in_seconds");
        }
        let audit = run(&mut stage.live.gate("auditor", &["audit", "log", "--json"]));
        (found, page, audit.stdout)
    };
    let before = look();
    for words in [
        &[""][..],
        &["approve", ""],
        &["requests", "cancel", ""],
        &["rules", "show", ""],
        &["shim", "install", ""],
        &["shim", "remove", ""],
        &["run", "--", "kubectl", "delete", ""],
    ] {
        stage.offered("bob_approver", "bash", words);
    }
    assert!(before == look());
}
