//! The worked example of several servers: its one command starts `PostgreSQL`, two servers and
//! haproxy, and a client that waits goes on when one of the servers is killed. One that is told to stop
//! gets no more calls before it goes.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test whose stage can't be set has failed"
)]

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gate_testkit::home::Home;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// Far beyond what any of this takes.
const SOON: Duration = Duration::from_mins(2);

/// Returns the first of four ports in a row that nobody listens on.
fn free_ports() -> u16 {
    let firsts = (20_000..30_000).step_by(4);
    let start = usize::try_from(std::process::id()).unwrap() % 2_500;
    let is_free = |port: &u16| {
        let ports = (*port..*port + 4).map(|port| TcpListener::bind(("127.0.0.1", port)));
        ports.collect::<Result<Vec<_>, _>>().is_ok()
    };
    firsts
        .cycle()
        .skip(start)
        .take(2_500)
        .find(is_free)
        .unwrap()
}

/// The example, with what it said.
struct Example {
    child: Child,
    said: String,
}

impl Example {
    fn start(folder: &Path, port: u16) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/replicas/start");
        let mut child = Command::new(script)
            .arg(folder)
            .env("GATE", GATE)
            .env("PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("Kill one of the two") {
            assert!(stdout.read_line(&mut said).unwrap() > 0, "{said}");
        }
        Self { child, said }
    }

    /// Returns what stands between these two in what it said.
    fn between(&self, before: &str, behind: &str) -> &str {
        let (_, rest) = self.said.split_once(before).unwrap();
        rest.split_once(behind).unwrap().0
    }

    fn end(&mut self) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        if self.child.try_wait().unwrap().is_none() {
            kill(id, Signal::SIGTERM).unwrap();
            self.child.wait().unwrap();
        }
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        self.end();
    }
}

fn told(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[track_caller]
fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(started.elapsed() < SOON);
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The home of all who use the servers, which they know by one address.
struct Users {
    home: Home,
    url: String,
}

impl Users {
    fn new(url: String, key: &str) -> Self {
        let home = Home::new().unwrap();
        home.write(
            ".config/gate/config.toml",
            format!("[keys]\n'{url}' = '{key}'\n"),
        )
        .unwrap();
        home.script("deployer", "#!/bin/sh\necho ran >>\"$HOME/canary\"\n")
            .unwrap();
        Self { home, url }
    }

    fn gate(&self, token: &str, words: &str) -> Command {
        let mut command = self.home.command(GATE);
        command.args(words.split(' '));
        command
            .env("GATE_SERVER", &self.url)
            .env("GATE_TOKEN", token);
        command
    }

    /// Makes somebody who approves and an agent that asks, and returns their tokens.
    fn make(&self, admin: &str) -> (String, String) {
        for words in [
            "admin principals create alice --kind user",
            "admin principals create bob --kind user --group approvers",
            "admin principals create deploy-bot --kind agent --owner alice",
        ] {
            told(&mut self.gate(admin, words));
        }
        let token = |words: &str| {
            let words = format!("admin tokens create --ttl 1h {words}");
            told(&mut self.gate(admin, &words))
        };
        (
            token("--principal bob --role approver"),
            token("--principal deploy-bot --role requester"),
        )
    }

    /// Returns the request that waits, if one does.
    fn pending(&self, token: &str) -> Option<Value> {
        let listed = told(&mut self.gate(token, "requests list --json"));
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let requests = listed["requests"].as_array().unwrap();
        let pending = requests.iter().find(|one| one["status"] == "pending");
        pending.cloned()
    }

    /// Approves a request, as often as it takes.
    fn approve(&self, token: &str, request: &Value) {
        let text = |member: &str| request[member].as_str().unwrap().to_owned();
        let approve = format!("approve {} --yes --digest {}", text("id"), text("digest"));
        until(|| {
            let output = self.gate(token, &approve).output().unwrap();
            output.status.success().then_some(())
        });
    }
}

#[test]
fn one_command_starts_it_and_a_killed_server_costs_nobody_an_answer() {
    let folder = tempfile::Builder::new()
        .prefix("gate-replicas-")
        .tempdir_in("/tmp")
        .unwrap();
    let port = free_ports();
    let mut example = Example::start(&folder.path().join("all"), port);
    let key = example.between("--server-key ", " --token-stdin");
    let users = Users::new(format!("http://127.0.0.1:{port}"), key);
    let admin = std::fs::read_to_string(folder.path().join("all/admin-token")).unwrap();
    let (bob, bot) = users.make(admin.trim());
    for server in ["process ids ", " and "] {
        let words = format!("run --timeout 120s -- deployer {}", server.len());
        let waiting = users
            .gate(&bot, &words)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let request = until(|| users.pending(&bob));
        // The first is killed under who waits, and the second stays.
        if server == "process ids " {
            let id = example.between(server, " and ").parse().unwrap();
            kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
        }
        users.approve(&bob, &request);
        let ran = waiting.wait_with_output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
    }
    let canary = std::fs::read_to_string(users.home.path().join("canary")).unwrap();
    assert_eq!(canary, "ran\nran\n");

    // Told to stop, the other is out of the balance while it still takes calls.
    let id = Pid::from_raw(example.between(" and ", ";").parse().unwrap());
    kill(id, Signal::SIGTERM).unwrap();
    let is_out = "servers/second is DOWN, reason: Layer7 wrong status, code: 503";
    let log = folder.path().join("all/haproxy.log");
    until(|| {
        let log = std::fs::read_to_string(&log).unwrap();
        log.contains(is_out).then_some(())
    });
    assert!(TcpStream::connect(("127.0.0.1", port + 2)).is_ok());
    example.end();
    until(|| TcpListener::bind(("127.0.0.1", port + 3)).ok());
}
