//! A real server that can be killed and started again, a client that trusts its
//! key, and a tool whose only effect is a line in a file.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose stage can't be set has failed"
)]

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use gate_protocol::canonical::Digest;
use gate_protocol::signed_note::SigningKey;
use gate_testkit::home::Home;
use gate_testkit::inside::inside;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::http::{Message, exchange};

/// The binary under test.
pub(crate) const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// Appends its arguments to the canary file. Unknown to gate, so it asks.
pub(crate) const TOOL: &str = "echo \"$*\" >>\"$HOME/canary\"\n";

/// A server in a process of its own, with a folder that outlives it.
pub(crate) struct Server {
    home: Home,
    child: Option<Child>,
    /// What the server said when it was first ready.
    ready: Value,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a server with these settings, in TOML.
    pub(crate) fn start(settings: &str) -> Self {
        let home = Home::new().unwrap();
        home.write("server.toml", settings).unwrap();
        Self::at(home, true)
    }

    /// Starts a server on what `gate server init` made in this home. Nobody has a token yet.
    pub(crate) fn made_in(home: Home) -> Self {
        Self::at(home, false)
    }

    fn at(home: Home, is_dev: bool) -> Self {
        let launched = launch::<&str>(&home, &[], is_dev);
        let (child, ready) = launched.unwrap_or_else(|(_, why)| panic!("{why}"));
        Self {
            address: listen_address(&ready),
            home,
            child: Some(child),
            ready,
        }
    }

    /// Keeps the tokens of `agent`, `bob_approver`, `auditor` and so on.
    pub(crate) fn keep_tokens(&mut self, tokens: Value) {
        self.ready["tokens"] = tokens;
    }

    /// Kills the server without a word.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        if child.try_wait().unwrap().is_none() {
            // What it runs inside would leave it running.
            let _ = kill(self.pid(), Signal::SIGKILL);
            child.kill().unwrap();
        }
        child.wait().unwrap();
    }

    /// Starts it again on what it left, at another address.
    pub(crate) fn restart(&mut self) {
        // What was killed inside another program can hold its folder for a moment yet.
        let until = Instant::now() + Duration::from_secs(10);
        while !self.restart_within::<&str>(&[]) {
            assert!(Instant::now() < until, "{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Starts it again inside another program, as `strace`; false where it ended before it was
    /// ready. Its people are those that it has.
    pub(crate) fn restart_within<Word: AsRef<OsStr>>(&mut self, outer: &[Word]) -> bool {
        let launched = launch(&self.home, outer, false);
        let is_ready = launched.is_ok();
        match launched {
            Ok((child, ready)) => {
                self.child = Some(child);
                self.address = listen_address(&ready);
                self.ready["pid"] = ready["pid"].clone();
            }
            Err((mut child, _)) => drop(child.wait()),
        }
        is_ready
    }

    /// Gives it other settings, from its next start on.
    pub(crate) fn set(&self, settings: &str) {
        self.home.write("server.toml", settings).unwrap();
    }

    /// Returns the id of the server's own process, whatever it runs inside.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.ready["pid"].as_u64().unwrap()).unwrap())
    }

    /// Tells whether it has ended, by whoever's doing.
    pub(crate) fn has_ended(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_none_or(|child| child.try_wait().unwrap().is_some())
    }

    /// Returns what the server said at first, by its JSON pointer.
    pub(crate) fn said(&self, pointer: &str) -> &str {
        self.ready.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    /// Returns the token of `agent`, `bob_approver`, `auditor` and so on.
    pub(crate) fn token(&self, who: &str) -> &str {
        self.said(&format!("/tokens/{who}"))
    }

    /// Returns the key that signs grants and rules.
    pub(crate) fn signing_key(&self) -> SigningKey {
        let path = self.home.path().join("server/grant.key");
        let text = std::fs::read_to_string(path).unwrap();
        let seed: Digest = text.trim_end().parse().unwrap();
        SigningKey::from_seed(self.said("/server/audience"), seed.as_bytes()).unwrap()
    }

    /// Returns the folder of the server's keys and database.
    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("server")
    }

    /// Returns everything that all lives of the server wrote to their log.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("server.log")).unwrap()
    }

    /// Asks the server as the holder of a token.
    pub(crate) fn ask(&self, who: &str, asked: Message) -> Message {
        let bearer = format!("Bearer {}", self.token(who));
        exchange(self.address, &asked.with("authorization", &bearer)).unwrap()
    }

    /// Returns a request as the server has it.
    pub(crate) fn request(&self, id: &str) -> Value {
        let asked = Message::ask("GET", &format!("/v1/requests/{id}"));
        self.ask("bob_approver", asked).json()
    }

    /// Approves a request as bob.
    pub(crate) fn approve(&self, id: &str) {
        assert_eq!(self.bob().approve(id), 200, "{:?}", self.request(id));
    }

    /// Returns bob as somebody who can act while others wait.
    pub(crate) fn bob(&self) -> Approver {
        Approver {
            address: self.address,
            bearer: format!("Bearer {}", self.token("bob_approver")),
        }
    }

    /// Returns all records of the log.
    pub(crate) fn records(&self) -> Vec<Value> {
        let mut records = Vec::new();
        loop {
            let path = format!("/v1/audit/records?from={}", records.len());
            let page = self.ask("auditor", Message::ask("GET", &path)).json();
            let some = page["records"].as_array().unwrap();
            if some.is_empty() {
                return records;
            }
            let texts = some.iter().map(|text| text.as_str().unwrap());
            records.extend(texts.map(|text| serde_json::from_str::<Value>(text).unwrap()));
        }
    }

    /// Returns the types of the records about a request.
    pub(crate) fn history(&self, id: &str) -> Vec<String> {
        let records = self.records();
        let of_request = records
            .iter()
            .filter(|record| record["body"]["request"] == id);
        of_request
            .map(|record| record["type"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Holds the whole log against its signed head, as the auditor does.
    pub(crate) fn assert_log_verifies(&self) {
        let home = Home::new().unwrap();
        let verified = home
            .command(GATE)
            .args([
                "audit",
                "verify",
                "--live",
                "--key",
                self.said("/server/log_key"),
            ])
            .env("GATE_SERVER", format!("http://{}", self.address))
            .env("GATE_TOKEN", self.token("auditor"))
            .output()
            .unwrap();
        assert!(verified.status.success(), "{verified:?}");
        assert!(!self.log().contains("panicked"), "{}", self.log());
    }
}

/// One approver with their token.
#[derive(Clone)]
pub(crate) struct Approver {
    address: SocketAddr,
    bearer: String,
}

impl Approver {
    /// Approves the request that a poll asks about, before its state is told.
    pub(crate) fn approve_polled(&self, asked: &Message) {
        let (_, path) = asked.line();
        let rest = path.strip_prefix("/v1/requests/").unwrap_or_default();
        if let Some(id) = rest.split('?').next().filter(|id| !id.contains('/')) {
            // The second time it is approved already.
            let _ = self.approve(id);
        }
    }

    /// Approves a request as it is now, and returns the status of the answer.
    pub(crate) fn approve(&self, id: &str) -> u16 {
        self.approve_at(self.address, id).unwrap()
    }

    /// Approves a request at a server that may be gone.
    pub(crate) fn approve_at(&self, address: SocketAddr, id: &str) -> io::Result<u16> {
        let path = format!("/v1/requests/{id}");
        let shown = Message::ask("GET", &path).with("authorization", &self.bearer);
        let digest = exchange(address, &shown)?.json()["digest"].clone();
        let body = serde_json::json!({"answer": "approve", "digest": digest}).to_string();
        let asked = Message::ask("POST", &format!("{path}/reviews"))
            .with("authorization", &self.bearer)
            .with("content-type", "application/json")
            .with_body(body);
        Ok(exchange(address, &asked)?.status())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

/// Starts a server and waits until it is ready, or returns the one that will not be and why.
fn launch<Word: AsRef<OsStr>>(
    home: &Home,
    outer: &[Word],
    is_dev: bool,
) -> Result<(Child, Value), (Child, String)> {
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .open(home.path().join("server.log"))
        .unwrap();
    let mut server = home.command(GATE);
    server
        .args(["server", "--json", "--listen", "127.0.0.1:0"])
        .args(is_dev.then_some("--dev"))
        .arg("--data")
        .arg(home.path().join("server"))
        .arg("--config")
        .arg(home.path().join("server.toml"))
        .env("GATE_LOG", "warn");
    let mut child = inside(outer, &server)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    if let Ok(ready) = serde_json::from_str(&line) {
        return Ok((child, ready));
    }
    let log = text_of(&home.path().join("server.log"));
    Err((child, format!("the server did not start: {line:?} {log}")))
}

fn listen_address(ready: &Value) -> SocketAddr {
    ready["listen"].as_str().unwrap().parse().unwrap()
}

/// One machine with gate on it, and the tool `deployer`.
pub(crate) struct Machine {
    pub(crate) home: Home,
}

impl Machine {
    /// Makes a machine that asks `server` at `address` and trusts its key.
    pub(crate) fn of(server: &Server, address: SocketAddr) -> Self {
        let mut home = Home::new().unwrap();
        let (url, key) = (
            format!("http://{address}"),
            server.said("/server/grant_key"),
        );
        home.write(
            ".config/gate/config.toml",
            format!("[keys]\n'{url}' = '{key}'\n"),
        )
        .unwrap();
        home.script("deployer", &format!("#!/bin/sh\n{TOOL}"))
            .unwrap();
        home.set("GATE_SERVER", url);
        home.set("GATE_TOKEN", server.token("agent"));
        Self { home }
    }

    /// Returns `gate` with these arguments.
    pub(crate) fn gate(&self, args: &[&str]) -> Command {
        let mut command = self.home.command(GATE);
        command.args(args);
        command
    }

    /// Returns `gate run --timeout TIMEOUT -- deployer WORD`.
    pub(crate) fn deploy(&self, timeout: &str, word: &str) -> Command {
        self.gate(&["run", "--timeout", timeout, "--", "deployer", word])
    }

    /// Returns each line that the tool has left.
    pub(crate) fn canary(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.home.path().join("canary")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Returns the folder of the local queue.
    pub(crate) fn spool(&self) -> PathBuf {
        self.home.state().join("gate/spool")
    }
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; none where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code(),
        signal: output.status.signal(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A `gate run --json` whose wait can be followed.
pub(crate) struct Waiting {
    pub(crate) child: Child,
    stderr: BufReader<ChildStderr>,
    told: String,
}

impl Waiting {
    /// Starts `gate run --json -- deployer WORD`.
    pub(crate) fn start(machine: &Machine, word: &str) -> Self {
        let args = ["run", "--json", "--timeout", "60s", "--", "deployer", word];
        let mut child = machine
            .gate(&args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            stderr: BufReader::new(child.stderr.take().unwrap()),
            child,
            told: String::new(),
        }
    }

    /// Waits for the event of this name and returns it.
    pub(crate) fn until(&mut self, event: &str) -> Value {
        loop {
            let mut line = String::new();
            if self.stderr.read_line(&mut line).unwrap() == 0 {
                let ended = self.child.wait();
                panic!("no `{event}` came: {ended:?} {}", self.told);
            }
            self.told.push_str(&line);
            let told: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
            if told["event"] == event {
                return told;
            }
        }
    }

    /// Waits until the request is asked, and returns its id.
    pub(crate) fn asked(&mut self) -> String {
        self.until("submitted")["request"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(pid, signal).unwrap();
    }

    /// Kills it without a word.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ran {
        let status = self.child.wait().unwrap();
        self.stderr.read_to_string(&mut self.told).unwrap();
        Ran {
            code: status.code(),
            signal: status.signal(),
            stdout: String::new(),
            stderr: self.told,
        }
    }
}

/// Holds what was said to the promise: every line is gate's, the first says what
/// went wrong, and one that comes later says what to do `next`.
pub(crate) fn assert_told(case: &str, ran: &Ran, next: &str) {
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(
        lines.iter().all(|line| line.starts_with("gate: ")),
        "{case}: {ran:?}"
    );
    assert!(
        lines.iter().skip(1).any(|line| line.contains(next)),
        "{case} does not say `{next}`: {ran:?}"
    );
    assert_eq!(ran.stdout, "", "{case}: {ran:?}");
}

/// Returns a file's text, empty where there is none.
pub(crate) fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
