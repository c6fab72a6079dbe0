//! A coding agent at a machine of its own, and the people who answer what it
//! asks: each with the real binary, against a real server.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose stage can't be set has failed"
)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use gate_protocol::request::ApprovalRequest;
use gate_testkit::home::Home;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::server::{GATE, Live, Ran, run};

/// Longer than anything here takes on a busy machine.
pub(crate) const WITHIN: Duration = Duration::from_mins(1);

/// A server that is down: nobody listens on the discard port of a test machine.
pub(crate) const DOWN: &str = "http://127.0.0.1:9";

/// The agent `demo-agent`, whom alice owns, with the server's key pinned.
pub(crate) struct Agent<'a> {
    pub(crate) live: &'a Live,
    pub(crate) home: Home,
}

impl<'a> Agent<'a> {
    pub(crate) fn new(live: &'a Live) -> Self {
        let mut home = Home::new().unwrap();
        let (url, key) = (live.said("/url"), live.said("/server/grant_key"));
        home.write(
            ".config/gate/config.toml",
            format!("[keys]\n\"{url}\" = \"{key}\"\n\"{DOWN}\" = \"{key}\"\n"),
        )
        .unwrap();
        home.set("GATE_SERVER", url);
        home.set("GATE_TOKEN", live.said("/tokens/agent"));
        Self { live, home }
    }

    /// Returns `gate run OPTIONS -- WORDS`.
    pub(crate) fn gate_run(&self, options: &[&str], words: &[&str]) -> Command {
        let mut command = self.home.command(GATE);
        command.arg("run").args(options).arg("--").args(words);
        command
    }

    /// Writes a rule file of the user's.
    pub(crate) fn rules(&self, name: &str, text: &str) {
        let path = format!(".config/gate/rules.d/{name}.toml");
        self.home.write(&path, text).unwrap();
    }

    /// Fails unless the server's whole log verifies under the log's key.
    #[track_caller]
    pub(crate) fn assert_log_verifies(&self) {
        let key = self.live.said("/server/log_key");
        let args = ["audit", "verify", "--live", "--key", key];
        let verified = run(&mut self.live.gate("auditor", &args));
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
}

/// Returns a request as the server shows it to bob.
#[track_caller]
pub(crate) fn shown(live: &Live, id: &str) -> ApprovalRequest {
    let shown = run(&mut live.gate("bob_approver", &["requests", "show", id, "--json"]));
    serde_json::from_str(&shown.stdout).unwrap_or_else(|error| panic!("{error}: {shown:?}"))
}

/// Returns where a request stands.
#[track_caller]
pub(crate) fn status(live: &Live, id: &str) -> &'static str {
    shown(live, id).status.as_str()
}

/// Approves a request as the holder of the token `who`, naming its digest.
pub(crate) fn approve(live: &Live, who: &str, id: &str) -> Ran {
    let digest = shown(live, id).digest.to_string();
    run(&mut live.gate(who, &["approve", id, "--yes", "--digest", &digest]))
}

/// Approves a request as bob, who may.
#[track_caller]
pub(crate) fn approve_as_bob(live: &Live, id: &str) {
    let approved = approve(live, "bob_approver", id);
    assert_eq!(approved.code, Some(0), "{approved:?}");
}

/// A started command whose stderr is read line by line while it runs. Killed
/// when dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    lines: Receiver<String>,
    said: String,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Running {
    /// Starts a command with stdout and stderr in pipes.
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            // The test may be over; then nobody wants the rest.
            stderr
                .lines()
                .map_while(Result::ok)
                .all(|line| sender.send(line).is_ok())
        });
        let stdout = thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).unwrap();
            bytes
        });
        Self {
            child,
            stdout: Some(stdout),
            lines,
            said: String::new(),
        }
    }

    /// Waits for a line of stderr that has `word` in it, and returns the line.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, word: &str) -> String {
        let deadline = Instant::now() + WITHIN;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.said.push_str(&line);
                    self.said.push('\n');
                    if line.contains(word) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("`{word}` did not come; it said:\n{}", self.said)
                }
            }
        }
    }

    /// Waits until gate says that it waits for an answer, and returns the
    /// request's id.
    #[track_caller]
    pub(crate) fn asked(&mut self) -> String {
        let before = "gate requests cancel ";
        let line = self.wait_for(before);
        let (_, id) = line.split_once(before).unwrap();
        id.trim_end_matches('`').to_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(
            Pid::from_raw(i32::try_from(self.child.id()).unwrap()),
            signal,
        )
        .unwrap();
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Ended {
        let deadline = Instant::now() + WITHIN;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "it does not end; it said:\n{}",
                self.said
            );
            thread::sleep(Duration::from_millis(5));
        };
        while let Ok(line) = self.lines.recv_timeout(WITHIN) {
            self.said.push_str(&line);
            self.said.push('\n');
        }
        let stdout = self.stdout.take().unwrap().join().unwrap();
        Ended {
            code: status.code(),
            signal: status.signal(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: std::mem::take(&mut self.said),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Returns the files below a folder with their content.
pub(crate) fn files_below(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.symlink_metadata().unwrap();
        if kind.is_dir() {
            found.extend(files_below(&path));
        } else if kind.is_file() {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found
}
