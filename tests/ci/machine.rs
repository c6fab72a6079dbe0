//! A machine on which jobs run: with a tool that gate does not know, so that it asks.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gate_testkit::home::Home;
use serde_json::Value;

use crate::agent::{Ended, Running, shown};
use crate::server::{GATE, Live, Ran, run};

/// The version of a release.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// 64 bytes in base64: who asks, on each of the machines of a test.
pub(crate) const RUNNER_KEY: &str =
    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==";

/// Leaves its words, says so, and ends with the code 5.
const DEPLOY: &str = "#!/bin/sh\necho \"ran $*\" >> \"$HOME/trace\"\necho deployed\nexit 5\n";

/// A machine with gate and `deploy` on its PATH.
pub(crate) struct Machine<'a> {
    pub(crate) live: &'a Live,
    pub(crate) home: Home,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(live: &'a Live) -> Self {
        let mut home = Home::new().unwrap();
        home.link("gate", Path::new(GATE)).unwrap();
        home.script("deploy", DEPLOY).unwrap();
        // A runner sets none of these.
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"] {
            home.unset(name);
        }
        home.set("CI", "true");
        Self { live, home }
    }

    /// Takes away what a job leaves behind, as where each has a machine of its own.
    pub(crate) fn is_new_again(&self) {
        for name in [".local", ".config", ".gate-ci", "work"] {
            let path = self.home.path().join(name);
            if path.exists() {
                fs::remove_dir_all(&path).unwrap();
            }
        }
        fs::create_dir(self.home.work()).unwrap();
    }

    /// Returns what the tool has left: a line for each run.
    pub(crate) fn trace(&self) -> String {
        fs::read_to_string(self.home.path().join("trace")).unwrap_or_default()
    }

    /// Returns a command in the work folder with these variables and folders first on PATH.
    pub(crate) fn command(
        &self,
        program: &str,
        variables: &BTreeMap<String, String>,
        first: &[PathBuf],
    ) -> Command {
        let usual = &self.home.environment()[OsStr::new("PATH")];
        let path = first.iter().cloned().chain(std::env::split_paths(usual));
        let mut command = self.home.command(program);
        command
            .envs(variables)
            .env("PATH", std::env::join_paths(path).unwrap())
            .stdin(Stdio::null());
        command
    }

    /// Writes the archive of a release as `packaging/dist` writes it, and returns its path and
    /// SHA-256.
    pub(crate) fn archive(&self) -> (PathBuf, String) {
        let stage = self.home.path().join("dist-stage");
        let programs = stage.join("triple/release");
        fs::create_dir_all(&programs).unwrap();
        for name in ["gate", "gate-shim"] {
            // Not a link: another test's new link would be a change of the file that tar reads. And
            // without what a debugger wants, as in a release.
            let built = Path::new(GATE).with_file_name(name);
            let mut strip = Command::new("strip");
            let stripped = run(strip.arg("-o").arg(programs.join(name)).arg(built));
            assert_eq!(stripped.code, Some(0), "{stripped:?}");
        }
        fs::write(stage.join("third-party-licenses.txt"), "none\n").unwrap();
        let name = format!("gate-{VERSION}-x86_64-linux");
        let archive = self.home.path().join(format!("{name}.tar.gz"));
        // Packed less tightly: nobody keeps it.
        let write = "set -euo pipefail; gzip() { command gzip -1n; }; \
                     . packaging/steps/bundle.sh; write_tarball \"$1\"";
        let mut bash = Command::new("bash");
        bash.args(["-c", write, "bash"]).arg(&archive);
        bash.current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("SOURCE_DATE_EPOCH", "1000000000")
            .env("stage", &stage)
            .envs([("triple", "triple"), ("name", &name)]);
        let packed = run(&mut bash);
        assert_eq!(packed.code, Some(0), "{packed:?}");
        let summed = run(Command::new("sha256sum").arg(&archive));
        let digest = summed.stdout.split(' ').next().unwrap().to_owned();
        (archive, digest)
    }
}

/// Lets bob answer the request that a command has just asked, and returns how it ended.
#[track_caller]
pub(crate) fn answered(live: &Live, command: &mut Command, answer: &str) -> Ended {
    let mut waiting = Running::start(command);
    let id = waiting.asked();
    answer_as_bob(live, &id, answer);
    waiting.finish()
}

#[track_caller]
pub(crate) fn answer_as_bob(live: &Live, id: &str, answer: &str) {
    let digest = shown(live, id).digest.to_string();
    let args: &[&str] = if answer == "approve" {
        &["approve", id, "--yes", "--digest", &digest]
    } else {
        &["deny", id, "--comment", "not on a Friday"]
    };
    let said = run(&mut live.gate("bob_approver", args));
    assert_eq!(said.code, Some(0), "{said:?}");
}

/// Returns the ids of all requests that the server has.
pub(crate) fn requests(live: &Live) -> Vec<String> {
    let listed = run(&mut live.gate("bob_approver", &["requests", "list", "--json"]));
    let page: Value = serde_json::from_str(&listed.stdout).unwrap();
    let requests = page["requests"].as_array().unwrap();
    let ids = requests
        .iter()
        .map(|request| request["id"].as_str().unwrap().to_owned());
    ids.collect()
}

#[track_caller]
pub(crate) fn assert_code(ran: &Ran, code: i32) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
}
