//! The shim alone: with a program in gate's place that says that the command was left to it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test whose stage can't be set has failed"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use gate_policy::{Environment, Layer, PolicyBuilder};
use gate_shim::journal;
use gate_shim::place;
use gate_shim::stamp::{Source, Stamp};

#[path = "plain/corpus.rs"]
mod corpus;

/// What the tool says.
const RAN: &str = "the tool: ";
/// What stands in gate's place says.
const LEFT: &str = "left to gate: ";

const KUBECONFIG: &str = "apiVersion: v1
kind: Config
current-context: a
clusters: [{name: c, cluster: {server: 'https://cluster.example'}}]
contexts: [{name: a, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: t}}]
";

/// A home with a shim, a tool and a compiled policy.
/// Puts a program into its place by a process of its own: what this one wrote itself would be open in the
/// children that other tests are starting, and could not be run meanwhile (`ETXTBSY`).
fn install(from: &Path, to: &Path) {
    let mut install = Command::new("install");
    let status = install
        .args(["-m", "755"])
        .args([from, to])
        .status()
        .unwrap();
    assert!(status.success());
}

struct Stage {
    folder: tempfile::TempDir,
    rules: String,
}

impl Stage {
    fn with_rules(rules: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stage = Self {
            folder,
            rules: rules.to_owned(),
        };
        for name in ["programs", "shims", "bin", "home", "work"] {
            fs::create_dir(stage.path(name)).unwrap();
        }
        // Beside another gate than the one that was built.
        let shim = Path::new(env!("CARGO_BIN_EXE_gate-shim"));
        install(shim, &stage.path("programs/gate-shim"));
        stage.script("programs/gate", LEFT);
        for tool in ["kubectl", "psql", "unheard-of"] {
            stage.tool(tool);
        }
        fs::write(stage.path("rules.toml"), rules).unwrap();
        fs::create_dir_all(stage.state().join("spool")).unwrap();
        fs::write(stage.journal(), "").unwrap();
        stage.compile();
        stage
    }

    /// Puts a tool on PATH, and a shim before it, where they are not there yet.
    fn tool(&self, name: &str) {
        let shim = self.path("shims").join(name);
        if !shim.exists() {
            symlink(self.path("programs/gate-shim"), shim).unwrap();
            self.script(&format!("bin/{name}"), RAN);
        }
    }

    /// Returns the value of PATH.
    fn search(&self) -> String {
        let path = [self.path("shims"), self.path("bin")].map(|path| path.display().to_string());
        format!("{}:/usr/bin:/bin", path.join(":"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn state(&self) -> PathBuf {
        self.path("home/.local/state/gate")
    }

    fn journal(&self) -> PathBuf {
        place::journal(&self.state().join("spool"))
    }

    fn script(&self, name: &str, says: &str) {
        let text = format!("#!/bin/sh\necho \"{says}$0 $* $PSQLRC\"\nexit 7\n");
        let written = self.path("written");
        fs::write(&written, text).unwrap();
        install(&written, &self.path(name));
    }

    fn compile(&self) {
        let mut builder = PolicyBuilder::new();
        builder
            .layer(Layer::Machine, "rules.toml", &self.rules)
            .unwrap();
        let home = self.path("home");
        let env: Environment = [("HOME", home.as_os_str())].into_iter().collect();
        let rules = Source::content(&self.path("rules.toml")).unwrap();
        let stamp = Stamp::of_caller(vec![rules], &env);
        let file = builder.build().compile(&stamp.encode()).unwrap();
        let policy = place::compiled(&self.state());
        fs::write(&policy, file).unwrap();
        fs::set_permissions(&policy, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn command(&self, line: &[&str]) -> Command {
        let mut command = Command::new(self.path("shims").join(line[0]));
        command
            .args(&line[1..])
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", self.search())
            .current_dir(self.path("work"))
            .stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn assert_ran(&self, command: &mut Command) {
        assert!(self.journal().exists(), "nothing could be recorded");
        said(&command.output().unwrap(), RAN, "bin");
    }

    #[track_caller]
    fn assert_left(&self, command: &mut Command) {
        let before = fs::read(self.journal()).unwrap_or_default();
        said(&command.output().unwrap(), LEFT, "programs");
        let after = fs::read(self.journal()).unwrap_or_default();
        assert_eq!(after, before, "it was recorded and not run");
    }

    fn entries(&self) -> Vec<journal::Entry> {
        let found = journal::read(&fs::read(self.journal()).unwrap());
        assert_eq!(found.damaged_bytes, 0);
        found.entries
    }
}

#[track_caller]
fn said(output: &Output, wanted: &str, folder: &str) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.starts_with(wanted) && said.contains(&format!("/{folder}/")),
        "{output:?}"
    );
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn what_is_plainly_allowed_runs_and_is_recorded_once() {
    let stage = Stage::with_rules("");
    stage.assert_ran(&mut stage.command(&["kubectl", "get", "pods", "-n", "a b"]));
    let [entry] = stage.entries().try_into().unwrap();
    assert_eq!(entry.tool, "kubectl");
    assert_eq!(entry.command, ["get"]);
    assert_eq!(entry.effect, "read");
    assert_eq!(entry.rule, "baseline/kubectl-read");
    assert_eq!(entry.cwd, stage.path("work").canonicalize().unwrap());
    assert_eq!(entry.argv[1..], ["get", "pods", "-n", "a b"]);
}

#[test]
fn what_asks_is_denied_or_not_understood_is_left_to_gate() {
    let rules =
        "[[rule]]\nid = \"no\"\ntool = \"kubectl\"\ncommand = \"logs\"\ndecision = \"deny\"\n";
    let stage = Stage::with_rules(rules);
    for line in [
        &["kubectl", "delete", "pod", "web"][..],
        &["kubectl", "logs", "web"],
        &["kubectl", "-n", "x", "delete", "ns", "p"],
        &["kubectl", "delete", "pod", "web", "--dry-run=none"],
        &["kubectl", "no-such-command"],
        &["unheard-of", "list"],
        &["psql", "-c", "drop table t"],
        &["psql"],
    ] {
        stage.assert_left(&mut stage.command(line));
    }
    stage.assert_ran(&mut stage.command(&["kubectl", "get", "pods"]));
}

#[test]
fn a_rule_decides_what_is_recorded() {
    let rule = |record: &str| {
        format!(
            "[[rule]]\nid = \"ours\"\ntool = \"kubectl\"\ncommand = \"scale\"\n\
             effect = [\"read\", \"write\"]\ndecision = \"allow\"\nrecord = \"{record}\"\n"
        )
    };
    let line = ["kubectl", "scale", "deployment/web", "--replicas=2"];
    let stage = Stage::with_rules(&rule("none"));
    stage.assert_ran(&mut stage.command(&line));
    assert_eq!(stage.entries(), []);
    let stage = Stage::with_rules(&rule("decision"));
    stage.assert_ran(&mut stage.command(&line));
    assert_eq!(stage.entries()[0].rule, "ours");
    let stage = Stage::with_rules(&rule("outcome"));
    stage.assert_left(&mut stage.command(&line));
}

#[test]
fn what_can_not_be_recorded_is_left_to_gate() {
    let stage = Stage::with_rules("");
    let read = ["kubectl", "get", "pods"];
    let held = journal::hold(&stage.journal(), Duration::ZERO).unwrap();
    stage.assert_left(&mut stage.command(&read));
    drop(held);
    // A process that another test starts holds it too, until it has become its program.
    let mut tries = 0..100;
    while tries.next().is_some() && stage.entries().is_empty() {
        stage.command(&read).output().unwrap();
    }
    assert_eq!(stage.entries().len(), 1);
    fs::remove_file(stage.journal()).unwrap();
    stage.assert_left(&mut stage.command(&read));
    assert!(!stage.journal().exists());
}

#[test]
fn a_tool_that_the_kernel_refuses_is_left_to_gate_and_leaves_no_entry() {
    let stage = Stage::with_rules("");
    let script = "#!/no/such/interpreter\n";
    fs::write(stage.path("bin/kubectl"), script).unwrap();
    let mut command = stage.command(&["kubectl", "get", "pods"]);
    said(&command.output().unwrap(), LEFT, "programs");
    assert_eq!(stage.entries(), []);
    assert!(
        !fs::read(stage.journal()).unwrap().is_empty(),
        "it never came to the record, so this test shows nothing"
    );
}

#[test]
fn a_policy_that_is_stale_damaged_missing_or_open_to_others_decides_nothing() {
    let stage = Stage::with_rules("");
    let read = ["kubectl", "get", "pods"];
    let policy = place::compiled(&stage.state());
    let good = fs::read(&policy).unwrap();
    stage.assert_ran(&mut stage.command(&read));

    fs::write(stage.path("rules.toml"), "# changed").unwrap();
    stage.assert_left(&mut stage.command(&read));
    stage.compile();
    stage.assert_ran(&mut stage.command(&read));

    let good_now = fs::read(&policy).unwrap();
    for damaged in [
        &good[..],
        &good_now[..good_now.len() - 1],
        b"",
        b"gatepol\x01",
    ] {
        fs::write(&policy, damaged).unwrap();
        stage.assert_left(&mut stage.command(&read));
    }
    fs::write(&policy, &good_now).unwrap();
    stage.assert_ran(&mut stage.command(&read));
    fs::set_permissions(&policy, fs::Permissions::from_mode(0o622)).unwrap();
    stage.assert_left(&mut stage.command(&read));
    fs::set_permissions(&policy, fs::Permissions::from_mode(0o600)).unwrap();
    let elsewhere = stage.path("policy");
    fs::rename(&policy, &elsewhere).unwrap();
    stage.assert_left(&mut stage.command(&read));
    symlink(&elsewhere, &policy).unwrap();
    stage.assert_left(&mut stage.command(&read));
}

#[test]
fn surroundings_that_are_not_plain_are_left_to_gate() {
    let stage = Stage::with_rules("");
    let read = || stage.command(&["kubectl", "get", "pods"]);
    stage.assert_ran(&mut read());
    for (name, value) in [
        ("GATE_CONFIG", "/etc/hostname"),
        ("GATE_SERVER", "https://gate.example"),
        ("XDG_STATE_HOME", "/tmp"),
        ("XDG_CONFIG_HOME", "/tmp"),
        ("HOME", "relative"),
        ("HOME", ""),
    ] {
        stage.assert_left(read().env(name, value));
    }
    stage.assert_left(read().env_remove("HOME"));
    fs::write(stage.path("work/.gate.toml"), "").unwrap();
    stage.assert_left(&mut read());
    fs::remove_file(stage.path("work/.gate.toml")).unwrap();
    symlink("/nowhere", stage.path(".gate.toml")).unwrap();
    stage.assert_left(&mut read());
    fs::remove_file(stage.path(".gate.toml")).unwrap();
    stage.assert_ran(&mut read());
}

/// A version manager may lead back here, which only the full gate can tell from the first time.
#[test]
fn a_version_manager_and_who_comes_back_from_one_are_left_to_gate() {
    let stage = Stage::with_rules("");
    let by = |folders: &[&str]| {
        let mut command = stage.command(&["kubectl", "get", "pods"]);
        let folders = folders.iter().map(|folder| stage.path(folder));
        command.env("PATH", std::env::join_paths(folders).unwrap());
        command
    };
    for manager in [
        "home/.pyenv/shims",
        "home/.asdf/shims",
        "home/.local/share/mise/shims",
        "home/.volta/bin",
    ] {
        fs::create_dir_all(stage.path(manager)).unwrap();
        stage.script(&format!("{manager}/kubectl"), RAN);
        stage.assert_left(&mut by(&["shims", manager, "bin"]));
        // The real tool comes first, or the manager is what found the shim.
        stage.assert_ran(&mut by(&["shims", "bin", manager]));
        stage.assert_ran(&mut by(&[manager, "shims", "bin"]));
    }
    for told in ["", "1", "self:1:1:1-1/kubectl"] {
        let mut command = by(&["shims", "bin"]);
        stage.assert_left(command.env("GATE_PASSED", told));
    }
}

#[test]
fn a_file_that_decides_is_read_and_one_that_the_tool_must_get_as_it_was_is_left_to_gate() {
    let stage = Stage::with_rules("");
    let config = stage.path("home/.kube/config");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    fs::write(&config, KUBECONFIG).unwrap();
    stage.assert_ran(&mut stage.command(&["kubectl", "get", "pods"]));
    fs::write(&config, "{ not yaml").unwrap();
    stage.assert_left(&mut stage.command(&["kubectl", "get", "pods"]));
    fs::write(stage.path("work/q.sql"), "select 1").unwrap();
    stage.assert_left(&mut stage.command(&["psql", "-X", "-f", "q.sql"]));
}

#[test]
fn the_tool_gets_the_environment_as_its_profile_wants_it() {
    let stage = Stage::with_rules("");
    let mut command = stage.command(&["psql", "-c", "select 1"]);
    let output = command.env("PSQLRC", "/tmp/evil").output().unwrap();
    said(&output, RAN, "bin");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.ends_with(" -c select 1 /dev/null\n"), "{said}");
}

#[test]
fn without_gate_beside_it_nothing_runs_and_it_says_so() {
    let stage = Stage::with_rules("");
    fs::remove_file(stage.path("programs/gate")).unwrap();
    let output = stage
        .command(&["kubectl", "delete", "pod", "web"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.starts_with("gate: cannot start ") && said.ends_with("nothing was run\n"),
        "{said}"
    );
    // What is allowed needs no gate.
    stage.assert_ran(&mut stage.command(&["kubectl", "get", "pods"]));
}

#[test]
fn an_allowed_command_makes_no_thread_no_socket_and_opens_what_it_has_to() {
    let stage = Stage::with_rules("");
    let trace = stage.path("trace");
    let mut strace = Command::new("strace");
    let shim = stage.command(&["kubectl", "get", "pods"]);
    strace.arg("-o").arg(&trace).arg(shim.get_program());
    strace.args(shim.get_args()).env_clear();
    for (name, value) in shim.get_envs() {
        strace.env(name, value.unwrap());
    }
    let ran = strace.current_dir(stage.path("work")).output().unwrap();
    said(&ran, RAN, "bin");
    let trace = fs::read_to_string(&trace).unwrap();
    let mut calls: Vec<&str> = trace.lines().collect();
    let is_exec = |call: &&str| call.starts_with("execve(");
    let begun = calls.iter().position(is_exec).unwrap();
    let ended = calls.iter().skip(begun + 1).position(is_exec).unwrap();
    calls.truncate(begun + 1 + ended);
    for call in &calls {
        for refused in ["clone", "fork", "vfork", "socket(", "epoll", "connect("] {
            assert!(!call.starts_with(refused), "{call}");
        }
    }
    let mut opened: Vec<&Path> = calls
        .iter()
        .filter(|call| call.starts_with("open") && !call.contains("= -1"))
        .filter_map(|call| call.split('"').nth(1))
        .map(Path::new)
        // The dynamic loader of a test build; the program that is installed has none.
        .filter(|path| !path.starts_with("/lib") && !path.starts_with("/etc/ld.so.cache"))
        .filter(|path| !path.starts_with("/usr/lib"))
        .collect();
    opened.dedup();
    let wanted = [
        place::compiled(&stage.state()),
        stage.path("bin/kubectl"),
        stage.journal(),
    ];
    assert_eq!(opened, wanted.each_ref().map(PathBuf::as_path));
}
