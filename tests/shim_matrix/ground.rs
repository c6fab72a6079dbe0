//! What the matrix is played on: tools that note their calls, behind a shim of kubectl.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::stage::{Stage, assert_ends, run};

/// What a rule of the user's forbids; anything else about kubectl that is asked for
/// here is a read.
const DENY: &str = "[[rule]]\nid = \"t/no-delete\"\ntool = \"kubectl\"\neffect = [\"destroy\"]\n\
                    decision = \"deny\"\n";
pub(crate) const DENIED: i32 = 77;

/// The program that a shim leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// gate itself.
    Gate,
    /// The small program, which decides about a read by compiled rules.
    Shim,
}

/// A stage whose tools note each call, behind a shim of kubectl.
pub(crate) struct Matrix {
    pub(crate) stage: Stage,
    pub(crate) front: Front,
}

impl Matrix {
    /// One stage for each program that a shim can lead to.
    pub(crate) fn each() -> impl Iterator<Item = Self> {
        [Front::Gate, Front::Shim].into_iter().map(Self::of)
    }

    pub(crate) fn of(front: Front) -> Self {
        let stage = Stage::new();
        let rules = ".config/gate/rules.d/deny.toml";
        stage.home.write(rules, DENY).unwrap();
        let matrix = Self { stage, front };
        matrix.tool("real", "kubectl");
        if front == Front::Shim {
            let small = Path::new(env!("CARGO_BIN_EXE_gate")).with_file_name("gate-shim");
            assert!(small.exists(), "build it: cargo build --workspace --bins");
            fs::copy(small, matrix.program()).unwrap();
        }
        assert_ends(matrix.stage.gate(&["shim", "install", "kubectl"]), 0);
        if front == Front::Shim {
            matrix.compile();
        }
        matrix
    }

    /// What the shims lead to.
    pub(crate) fn program(&self) -> PathBuf {
        self.stage.program(match self.front {
            Front::Gate => "gate",
            Front::Shim => "gate-shim",
        })
    }

    /// Compiles the rules.
    pub(crate) fn compile(&self) {
        // What was written this very moment is not compiled.
        while self.stage.gate(&["rules", "compile"]).code != Some(0) {}
    }

    /// How many bytes the small program has written of what it allowed, since gate took them.
    fn journal_bytes(&self) -> u64 {
        let journal = self.stage.home.state().join("gate/spool/allowed");
        fs::metadata(journal).map_or(0, |found| found.len())
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
    /// the tool in `folder`, and the change by none. Where the small program is what shims lead to,
    /// it is what decided about the read.
    #[track_caller]
    pub(crate) fn assert_judged(&self, path: &str, called: &str, folder: &str) {
        let before = self.journal_bytes();
        self.assert_judged_by_any(path, called, folder, |matrix| {
            let front = matrix.front;
            let by_small = matrix.journal_bytes() > before;
            assert_eq!(by_small, front == Front::Shim, "{front:?} {path} {called}");
        });
    }

    /// As [`Self::assert_judged`], by whichever gate it is that is met first.
    #[track_caller]
    pub(crate) fn assert_judged_by_other(&self, path: &str, called: &str, folder: &str) {
        self.assert_judged_by_any(path, called, folder, |_| ());
    }

    #[track_caller]
    fn assert_judged_by_any(
        &self,
        path: &str,
        called: &str,
        folder: &str,
        read_was_run: impl FnOnce(&Self),
    ) {
        let front = self.front;
        let read = run(&mut self.sh(path, &format!("{called} get pods")));
        assert_eq!(read.code, Some(0), "{front:?} {path} {called}: {read:?}");
        let expected = [format!("{folder}/kubectl get pods")];
        assert_eq!(self.calls(), expected, "{front:?} {path} {called}");
        read_was_run(self);
        self.assert_denied(path, called);
    }

    #[track_caller]
    pub(crate) fn assert_denied(&self, path: &str, called: &str) {
        let denied = run(&mut self.sh(path, &format!("{called} delete namespace prod")));
        let front = self.front;
        assert_eq!(
            denied.code,
            Some(DENIED),
            "{front:?} {path} {called}: {denied:?}"
        );
        assert!(
            denied.stderr.contains("t/no-delete"),
            "{front:?} {path} {called}"
        );
        assert_eq!(
            self.calls(),
            Vec::<String>::new(),
            "{front:?} {path} {called}"
        );
    }

    /// Another gate: of another version, in a folder of its own. Returns what its shims lead to.
    pub(crate) fn other_gate(&self) -> PathBuf {
        let folder = self.folder("other-gate");
        let own = env!("CARGO_PKG_VERSION");
        let other = own.replace(|digit: char| digit.is_ascii_digit(), "9");
        let program = self.program();
        for name in ["gate", program.file_name().unwrap().to_str().unwrap()] {
            // The version stands in the program, and nothing else of it is as long.
            let mut sed = Command::new("sed");
            sed.env("LC_ALL", "C")
                .arg(format!("s/{}/{other}/g", own.replace('.', "\\.")));
            let changed = sed.arg(self.stage.program(name)).output().unwrap();
            assert!(changed.status.success(), "{changed:?}");
            fs::write(folder.join(name), changed.stdout).unwrap();
            fs::set_permissions(folder.join(name), Permissions::from_mode(0o755)).unwrap();
        }
        let said = run(Command::new(folder.join("gate")).arg("--version"));
        assert_eq!(said.stdout, format!("gate {other}\n"));
        folder.join(program.file_name().unwrap())
    }
}

/// Where the system's own programs are.
pub(crate) const SYSTEM: &str = "/usr/bin:/bin";
