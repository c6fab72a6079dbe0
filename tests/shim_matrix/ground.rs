//! What the matrix is played on: tools that note their calls, behind a shim of kubectl.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::stage::{Stage, assert_ends, run};

/// What a rule of the user's forbids; anything else about kubectl that is asked for
/// here is a read.
const DENY: &str = "[[rule]]\nid = \"t/no-delete\"\ntool = \"kubectl\"\neffect = [\"destroy\"]\n\
                    decision = \"deny\"\n";
pub(crate) const DENIED: i32 = 77;

/// A stage whose tools note each call, behind a shim of kubectl.
pub(crate) struct Matrix {
    pub(crate) stage: Stage,
}

impl Matrix {
    pub(crate) fn new() -> Self {
        let stage = Stage::new();
        let rules = ".config/gate/rules.d/deny.toml";
        stage.home.write(rules, DENY).unwrap();
        let matrix = Self { stage };
        matrix.tool("real", "kubectl");
        assert_ends(matrix.stage.gate(&["shim", "install", "kubectl"]), 0);
        matrix
    }

    /// Returns a folder below the home, which is made.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.stage.home.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Writes an executable script.
    pub(crate) fn script(&self, folder: &str, name: &str, text: &str) -> PathBuf {
        let path = self.folder(folder).join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Puts a tool into a folder that notes where it lies and how it was called.
    pub(crate) fn tool(&self, folder: &str, name: &str) -> PathBuf {
        let log = self.stage.home.path().join("calls");
        let text = format!(
            "#!/bin/sh\necho \"{folder}/{name} $*\" >>'{}'\n",
            log.display()
        );
        self.script(folder, name, &text)
    }

    /// Returns what the tools have noted, and forgets it.
    pub(crate) fn calls(&self) -> Vec<String> {
        let log = self.stage.home.path().join("calls");
        let calls = fs::read_to_string(&log).unwrap_or_default();
        drop(fs::remove_file(log));
        calls.lines().map(str::to_owned).collect()
    }

    pub(crate) fn shims(&self) -> PathBuf {
        self.stage.shims()
    }

    /// Joins folders to a PATH; `shims` is the folder of the shims, names without a `/` in front
    /// are below the home, and `.x` is the relative entry `x`.
    pub(crate) fn path(&self, entries: &str) -> OsString {
        let entry = |name: &str| -> PathBuf {
            match name {
                "shims" => self.shims(),
                "" => PathBuf::new(),
                _ => match name.strip_prefix('.') {
                    Some(relative) => PathBuf::from(relative),
                    None if name.starts_with('/') => PathBuf::from(name),
                    None => self.stage.home.path().join(name),
                },
            }
        };
        std::env::join_paths(entries.split(':').map(entry)).unwrap()
    }

    /// A shell with this PATH, which runs `script`.
    pub(crate) fn sh(&self, path: &str, script: &str) -> Command {
        let mut command = self.stage.home.command("/bin/bash");
        command.env("PATH", self.path(path)).args(["-c", script]);
        command
    }

    /// Has a read and a change called, and fails unless the read was run once, by
    /// the tool in `folder`, and the change by none.
    #[track_caller]
    pub(crate) fn assert_judged(&self, path: &str, called: &str, folder: &str) {
        let read = run(&mut self.sh(path, &format!("{called} get pods")));
        assert_eq!(read.code, Some(0), "{path} {called}: {read:?}");
        let expected = [format!("{folder}/kubectl get pods")];
        assert_eq!(self.calls(), expected, "{path} {called}");
        self.assert_denied(path, called);
    }

    #[track_caller]
    pub(crate) fn assert_denied(&self, path: &str, called: &str) {
        let denied = run(&mut self.sh(path, &format!("{called} delete namespace prod")));
        assert_eq!(denied.code, Some(DENIED), "{path} {called}: {denied:?}");
        assert!(denied.stderr.contains("t/no-delete"), "{path} {called}");
        assert_eq!(self.calls(), Vec::<String>::new(), "{path} {called}");
    }

    /// Another gate: the same program in another file.
    pub(crate) fn other_gate(&self) -> PathBuf {
        let program = self.folder("other-gate").join("gate");
        fs::copy(self.stage.program("gate"), &program).unwrap();
        program
    }
}

/// Where the system's own programs are.
pub(crate) const SYSTEM: &str = "/usr/bin:/bin";
