//! A home with a gate of its own, its shims, and tools that say how they were
//! called.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use gate_testkit::home::Home;

/// The binary under test.
const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; none where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A home with gate installed below it.
pub(crate) struct Stage {
    pub(crate) home: Home,
}

impl Stage {
    /// Sets the stage with the system's folders on PATH.
    pub(crate) fn new() -> Self {
        Self::in_home(Home::new().unwrap())
    }

    fn in_home(mut home: Home) -> Self {
        home.set("SHELL", "/bin/bash");
        let stage = Self { home };
        fs::create_dir(stage.programs()).unwrap();
        stage.add_program("gate");
        stage
    }

    fn programs(&self) -> PathBuf {
        self.home.path().join("programs")
    }

    /// Returns the path of a program of gate's.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs().join(name)
    }

    /// Installs gate under a name: as the same file, or where that can't be, as a copy.
    pub(crate) fn add_program(&self, name: &str) {
        let path = self.program(name);
        fs::hard_link(GATE, &path)
            .or_else(|_| fs::copy(GATE, &path).map(drop))
            .unwrap();
    }

    /// Returns the user's folder of shims.
    pub(crate) fn shims(&self) -> PathBuf {
        self.home.data().join("gate/shims")
    }

    /// Puts a tool on PATH that prints its name and arguments.
    pub(crate) fn tool(&self, name: &str) -> PathBuf {
        tool_at(&self.home.bin().join(name), name)
    }

    /// Runs gate.
    pub(crate) fn gate(&self, args: &[&str]) -> Ran {
        run(self.home.command(self.program("gate")).args(args))
    }
}

/// Writes a tool that prints `said` and its arguments.
pub(crate) fn tool_at(path: &Path, said: &str) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\necho \"{said}: $*\"\n")).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    path.to_owned()
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    let output = loop {
        match command.output() {
            // A program that was just written is open for a moment in the children of other tests.
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            other => break other.unwrap(),
        }
    };
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Fails unless it ended with that code, and returns it.
#[track_caller]
pub(crate) fn assert_ends(ran: Ran, code: i32) -> Ran {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    ran
}
