//! Servers on data folders of one home, and `gate` as each of the people on them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gate_testkit::home::Home;
use gate_testkit::real::Postgres;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

pub(crate) const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// Far beyond what any of this takes.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// A test asks more in a minute than anybody else does.
const HURRIED: &str = "[approving]\ntrusted_admins = ['admin']\n[flood]\nburst = 100000\n\
    per_minute = 100000\nreason_lifts = true\n\
    [rate]\ncaller_burst = 1000000\naddress_burst = 1000000\n";

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
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

/// A home with the tokens of a server in it.
pub(crate) struct Stage {
    pub(crate) home: Home,
    tokens: Value,
}

/// A server that runs.
pub(crate) struct Running {
    child: Child,
    pub(crate) ready: Value,
    /// What it says on stderr.
    log: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Running {
    pub(crate) fn said(&self, pointer: &str) -> &str {
        self.ready.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn tell_to_stop(&self) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(id, Signal::SIGTERM).unwrap();
    }

    /// Stops it, and returns what it had said.
    pub(crate) fn stop(mut self) -> String {
        self.tell_to_stop();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status:?} {}", self.log());
        self.log()
    }
}

impl Stage {
    /// Starts a server to try things on, in the folder `first`, with what `settings` says too.
    pub(crate) fn new(settings: &str) -> (Self, Running) {
        let mut stage = Self {
            home: Home::new().unwrap(),
            tokens: Value::Null,
        };
        stage
            .home
            .script("deployer", "#!/bin/sh\necho ran >>\"$HOME/canary\"\n")
            .unwrap();
        stage.settings("server.toml", settings);
        let running = stage.serve("first", "server.toml", &["--dev"]);
        stage.tokens = running.ready["tokens"].clone();
        (stage, running)
    }

    /// Writes settings, with what a test needs in any case.
    pub(crate) fn settings(&self, name: &str, settings: &str) {
        self.home
            .write(name, format!("{settings}\n{HURRIED}"))
            .unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Starts a server on a data folder.
    pub(crate) fn serve(&self, data: &str, config: &str, more: &[&str]) -> Running {
        let log = self.path(&format!("{data}.log"));
        let mut server = self.home.command(GATE);
        server
            .args(["server", "--json", "--data"])
            .arg(self.path(data))
            .arg("--config")
            .arg(self.path(config))
            .args(more)
            .env("GATE_LOG", "debug,sqlx=error")
            .stderr(fs::File::create(&log).unwrap())
            .stdout(Stdio::piped());
        if !more.contains(&"--listen") {
            server.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = server.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line);
        let ready = ready.unwrap_or_else(|_| unreachable!("{}", fs::read_to_string(&log).unwrap()));
        Running { child, ready, log }
    }

    /// Returns `gate server …` on this home.
    pub(crate) fn server(&self, args: &[&str]) -> Command {
        let mut command = self.home.command(GATE);
        command
            .arg("server")
            .args(args)
            .current_dir(self.home.path());
        command
    }

    pub(crate) fn token(&self, who: &str) -> &str {
        self.tokens[who].as_str().unwrap()
    }

    /// Returns `gate` as the holder of a token.
    pub(crate) fn command(&self, on: &Running, who: &str, args: &[&str]) -> Command {
        let mut gate = self.home.command(GATE);
        gate.args(args)
            .env("GATE_SERVER", on.said("/url"))
            .env("GATE_TOKEN", self.token(who));
        gate
    }

    pub(crate) fn gate(&self, on: &Running, who: &str, args: &[&str]) -> Ran {
        run(&mut self.command(on, who, args))
    }

    /// Runs `gate` as somebody, and returns what it printed.
    pub(crate) fn told(&self, on: &Running, who: &str, args: &[&str]) -> String {
        let ran = self.gate(on, who, args);
        assert_eq!(ran.code, Some(0), "{args:?} {ran:?}");
        ran.stdout
    }

    /// Pins the key of a server for this home.
    pub(crate) fn pin(&self, on: &Running) {
        let (url, key) = (on.said("/url"), on.said("/server/grant_key"));
        let config = format!("[keys]\n'{url}' = '{key}'\n");
        self.home.write(".config/gate/config.toml", config).unwrap();
    }

    /// Makes a record.
    pub(crate) fn push(&self, on: &Running, rule: &str) {
        let text = format!("[[rule]]\nid = \"{rule}\"\ntool = \"git\"\ndecision = \"deny\"\n");
        let rules = self.home.write("rules.toml", text).unwrap();
        self.told(on, "admin", &["rules", "push", rules.to_str().unwrap()]);
    }

    /// Asks as the agent, and returns the id of the request once it is there.
    pub(crate) fn ask(&self, on: &Running, word: &str) -> String {
        self.pin(on);
        let asked = self.gate(on, "agent", &["run", "--no-wait", "--", "deployer", word]);
        assert_eq!(asked.code, Some(75), "{asked:?}");
        let listed = self.requests(on);
        let requests = listed["requests"].as_array().unwrap();
        let is_this = |one: &&Value| one["invocation"].to_string().contains(word);
        let request = requests.iter().find(is_this).unwrap();
        request["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn requests(&self, on: &Running) -> Value {
        let listed = self.told(on, "bob_approver", &["requests", "list", "--json"]);
        serde_json::from_str(&listed).unwrap()
    }

    pub(crate) fn status(&self, on: &Running, id: &str) -> String {
        let shown = self.told(on, "bob_approver", &["requests", "show", id, "--json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        shown["status"].as_str().unwrap().to_owned()
    }

    pub(crate) fn approve(&self, on: &Running, id: &str) {
        let shown = self.told(on, "bob_approver", &["requests", "show", id, "--json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let digest = shown["digest"].as_str().unwrap();
        self.told(
            on,
            "bob_approver",
            &["approve", id, "--yes", "--digest", digest],
        );
    }

    /// Verifies the server's log by gate from a home that never saw it, and an export of it by the
    /// verifier that shares no code with gate.
    pub(crate) fn assert_log_verifies(&self, on: &Running) {
        let fresh = Home::new().unwrap();
        let gate = |args: &[&str]| {
            let mut gate = fresh.command(GATE);
            gate.args(args)
                .env("GATE_SERVER", on.said("/url"))
                .env("GATE_TOKEN", self.token("auditor"));
            run(&mut gate)
        };
        let live = gate(&["audit", "verify", "--live"]);
        assert_eq!(live.code, Some(0), "{live:?}");
        let out = fresh.path().join("export");
        let exported = gate(&["audit", "export", "--out", out.to_str().unwrap()]);
        assert_eq!(exported.code, Some(0), "{exported:?}");
        let judged = run(Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify_log.py"))
            .arg(out.join("records.jsonl"))
            .arg(out.join("checkpoint"))
            .arg(on.said("/server/log_key"))
            .arg(out.join("leaves")));
        assert_eq!(judged.code, Some(0), "{judged:?}");
    }

    /// Returns the bodies of the records of a type.
    pub(crate) fn records(&self, on: &Running, record_type: &str) -> Vec<Value> {
        let args = ["audit", "log", "--json", "--type", record_type];
        let told = self.told(on, "auditor", &args);
        let lines = told
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|record| record["body"].clone()).collect()
    }
}

/// A database on a server of its own, and the settings that name it.
pub(crate) fn database(stage: &Stage, postgres: &Postgres, name: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    postgres.sql(&format!("CREATE DATABASE {name}")).unwrap();
    let environment = postgres.environment();
    let password = environment.iter().find(|(name, _)| *name == "PGPASSWORD");
    let password = password.unwrap().1.to_str().unwrap();
    let file = stage
        .home
        .write("password", format!("{password}\n"))
        .unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    format!(
        "[database]\nurl = 'postgres://postgres@127.0.0.1:{}/{name}'\npassword_file = '{}'\n",
        postgres.port(),
        file.display()
    )
}

/// Waits for something, and returns it.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < SOON, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
