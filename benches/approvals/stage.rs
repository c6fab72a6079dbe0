//! The server in a process of its own, a home in which gate knows it, and the programs.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use gate_testkit::home::Home;
use serde_json::Value;

/// The binary under test.
pub(crate) const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// So many can ask so much at once that no limit is in the way; the rest is as it comes.
const SETTINGS: &str = "open_requests = 100000\n\n\
    [flood]\nopen_requests = 100000\nburst = 1000000\nper_minute = 1000000\n\n\
    [rate]\nwaits = 100000\ncaller_burst = 100000000\naddress_burst = 100000000\n";

const FREESTANDING: [&str; 6] = [
    "-nostdlib",
    "-static",
    "-fno-pie",
    "-no-pie",
    "-fno-stack-protector",
    "-fomit-frame-pointer",
];

/// All that the measurements need. The server ends with it.
pub(crate) struct Stage {
    pub(crate) home: Home,
    server: Child,
    ready: Value,
}

impl Stage {
    pub(crate) fn set() -> Self {
        let home = Home::new().unwrap();
        compile("stamp.c", &FREESTANDING, &home.bin().join("stamp"));
        compile("bare.c", &[], &home.bin().join("bare"));
        compile("click.c", &[], &home.bin().join("click"));
        let settings = home.write("server.toml", SETTINGS).unwrap();
        let mut command = home.command(GATE);
        command.args(["server", "--dev", "--json", "--listen", "127.0.0.1:0"]);
        command.arg("--config").arg(settings);
        command.arg("--data").arg(home.path().join("server"));
        command.env("GATE_LOG", "error").stdout(Stdio::piped());
        let mut server = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(server.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let Ok(ready) = serde_json::from_str(&line) else {
            drop(server.kill());
            panic!("the server did not start: {line:?}");
        };
        let mut stage = Self {
            home,
            server,
            ready,
        };
        stage.know_the_server();
        stage
    }

    /// Tells gate, in its home, whom to ask and as whom: the agent.
    fn know_the_server(&mut self) {
        let (url, key) = (self.said("/url"), self.said("/server/grant_key"));
        let text = format!("[server]\nurl = '{url}'\n\n[keys]\n'{url}' = '{key}'\n");
        self.home.write(".config/gate/config.toml", text).unwrap();
        let token = self.said("/tokens/agent").to_owned();
        self.home.set("GATE_TOKEN", token);
        let mut pull = self.home.command(GATE);
        let pulled = pull.arg("whoami").stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&pulled.stderr);
        assert!(pulled.status.success(), "{said}");
    }

    /// Returns a text that the server printed when it was ready, by its JSON pointer.
    pub(crate) fn said(&self, pointer: &str) -> &str {
        self.ready.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    /// Returns the port of 127.0.0.1 on which the server listens.
    pub(crate) fn port(&self) -> u16 {
        let (_, port) = self.said("/listen").rsplit_once(':').unwrap();
        port.parse().unwrap()
    }

    /// Returns the server's database.
    pub(crate) fn database(&self) -> PathBuf {
        self.home.path().join("server/gate.db")
    }

    /// Returns one of the programs.
    pub(crate) fn bin(&self, name: &str) -> PathBuf {
        self.home.bin().join(name)
    }

    /// Returns the server's resident memory, in KiB.
    pub(crate) fn server_rss(&self) -> f64 {
        kib(self.server.id(), "status", "VmRSS")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// Returns what a file of `/proc` says of a process, in KiB.
pub(crate) fn kib(process: u32, file: &str, key: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

/// Builds one of the C files beside this one.
fn compile(source: &str, flags: &[&str], program: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("benches/approvals")
        .join(source);
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let status = Command::new(compiler)
        .args(["-O2", "-Wall", "-Werror"])
        .args(flags)
        .arg("-o")
        .args([program, &source])
        .status()
        .unwrap();
    assert!(status.success(), "cannot build {}", source.display());
}
