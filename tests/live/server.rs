//! A real `gate server --dev` in a process of its own, and `gate` as each of
//! the people on it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose stage can't be set has failed"
)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use gate_testkit::home::Home;
use serde_json::Value;

/// The binary under test.
pub(crate) const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// A server that ends with the test.
pub(crate) struct Live {
    child: Child,
    /// What the server printed when it was ready.
    pub(crate) ready: Value,
    home: Home,
}

/// A test asks more in a minute than anybody else does, and again right after a no.
const HURRIED: &str = "[flood]\nburst = 100000\nper_minute = 100000\nreason_lifts = true\n\
    [rate]\ncaller_burst = 1000000\naddress_burst = 1000000\n";

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; none where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Live {
    /// Starts a server on a free port with a data folder of its own.
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// Starts one with what `settings` says, as in server.toml.
    pub(crate) fn start_with(settings: &str) -> Self {
        let home = Home::new().unwrap();
        let settings = format!(
            "{settings}
{HURRIED}"
        );
        let settings = home.write("server.toml", &settings).unwrap();
        let mut child = home
            .command(GATE)
            .args([
                "server",
                "--dev",
                "--json",
                "--listen",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(home.path().join("server"))
            .arg("--config")
            .arg(settings)
            .env("GATE_LOG", "warn")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let Ok(ready) = serde_json::from_str(&line) else {
            let mut said = String::new();
            // It ended, or it never will: either way this is all it has to say.
            drop(child.kill());
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut said)
                .unwrap();
            panic!("the server did not start: {line:?} {said}");
        };
        // The server's log is only of interest where it fails to start; a full pipe would stop it.
        let mut log = child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, ready, home }
    }

    /// Returns one of the texts that the server printed when it was ready, by its
    /// JSON pointer: `/url`, `/server/log_key`, `/tokens/agent`.
    pub(crate) fn said(&self, pointer: &str) -> &str {
        self.ready.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    /// Returns `gate` with the arguments, as the holder of the token `who`:
    /// `agent`, `alice_requester`, `alice_approver`, `bob_approver`, `admin`, `auditor`.
    pub(crate) fn gate(&self, who: &str, args: &[&str]) -> Command {
        let mut command = self.home.command(GATE);
        command
            .args(args)
            .env("GATE_SERVER", self.said("/url"))
            .env("GATE_TOKEN", self.said(&format!("/tokens/{who}")));
        command
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
