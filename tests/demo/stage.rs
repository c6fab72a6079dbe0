//! A machine on which only some tools are installed, and what is left of a demo.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use gate_testkit::home::Home;
use gate_testkit::real::locate;
use tempfile::TempDir;

/// The binary under test.
pub(crate) const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// The rest of what cargo 1.95 and rustup set, beside `CARGO` and `LD_LIBRARY_PATH`.
pub(crate) const FROM_CARGO: [(&str, &str); 21] = [
    ("CARGO_MANIFEST_DIR", "/src/gate"),
    ("CARGO_MANIFEST_PATH", "/src/gate/Cargo.toml"),
    ("CARGO_PKG_AUTHORS", ""),
    ("CARGO_PKG_DESCRIPTION", "gate"),
    ("CARGO_PKG_HOMEPAGE", ""),
    ("CARGO_PKG_LICENSE", "MIT"),
    ("CARGO_PKG_LICENSE_FILE", ""),
    ("CARGO_PKG_NAME", "gate"),
    ("CARGO_PKG_README", "README.md"),
    ("CARGO_PKG_REPOSITORY", ""),
    ("CARGO_PKG_RUST_VERSION", "1.95"),
    ("CARGO_PKG_VERSION", "0.1.0"),
    ("CARGO_PKG_VERSION_MAJOR", "0"),
    ("CARGO_PKG_VERSION_MINOR", "1"),
    ("CARGO_PKG_VERSION_PATCH", "0"),
    ("CARGO_PKG_VERSION_PRE", ""),
    ("RUSTUP_TOOLCHAIN", "stable-x86_64-unknown-linux-gnu"),
    ("RUSTUP_TOOLCHAIN_SOURCE", "default"),
    ("RUST_RECURSION_COUNT", "1"),
    ("SSL_CERT_FILE", "/usr/lib/ssl/cert.pem"),
    ("SSL_CERT_DIR", "/usr/lib/ssl/certs"),
];

/// A machine where these tools are on PATH and nothing else.
pub(crate) struct Machine {
    pub(crate) home: Home,
    temporary: PathBuf,
    _folder: Option<TempDir>,
}

impl Machine {
    pub(crate) fn with(tools: &[&str]) -> Self {
        // PostgreSQL runs as another user than root, who must be able to pass through.
        let folder = tempfile::Builder::new().prefix("d-").tempdir().unwrap();
        let temporary = folder.path().to_owned();
        std::fs::set_permissions(&temporary, PermissionsExt::from_mode(0o711)).unwrap();
        let mut machine = Self::at_home();
        machine.home.set("TMPDIR", &temporary);
        machine.home.set_path(&[]).unwrap();
        for tool in tools {
            machine.home.link(tool, &locate(tool).unwrap()).unwrap();
        }
        Self {
            temporary,
            _folder: Some(folder),
            ..machine
        }
    }

    /// Returns a machine with the system's PATH, whose temporary folder is in the home.
    pub(crate) fn at_home() -> Self {
        let home = Home::new().unwrap();
        Self {
            temporary: home.path().join("tmp"),
            home,
            _folder: None,
        }
    }

    /// Sets what `cargo run` sets for the program that it runs, in front of the
    /// user's own folders of libraries.
    pub(crate) fn run_by_cargo(&mut self, libraries: &[&str]) {
        let cargo = Path::new(env!("CARGO"));
        let toolchain = cargo.parent().and_then(Path::parent).unwrap();
        let built = Path::new(GATE).parent().unwrap();
        let mut folders = vec![
            built.to_owned(),
            built.join("deps"),
            toolchain.join("lib/rustlib/x86_64-unknown-linux-gnu/lib"),
            toolchain.join("lib"),
        ];
        folders.extend(libraries.iter().map(PathBuf::from));
        let libraries = std::env::join_paths(folders).unwrap();
        self.home.set("LD_LIBRARY_PATH", libraries);
        self.home.set("CARGO", cargo);
        self.home.set_all(FROM_CARGO);
    }

    /// Returns `gate demo --scripted`.
    pub(crate) fn scripted(&self) -> Command {
        let mut command = self.home.command(GATE);
        command.args(["demo", "--scripted"]);
        command
    }

    /// Puts a tool first on PATH that hands on to the real one, unless its words
    /// are as `case` says: a branch of a `case` of `sh`.
    pub(crate) fn lie(&self, tool: &str, case: &str) {
        let real = locate(tool).unwrap();
        drop(std::fs::remove_file(self.home.bin().join(tool)));
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in\n{case}\nesac\nexec '{}' \"$@\"\n",
            real.display()
        );
        self.home.script(tool, &script).unwrap();
    }

    /// Fails unless the demo has left no file, no server and no process.
    #[track_caller]
    pub(crate) fn assert_nothing_is_left(&self, server: SocketAddr) {
        let left: Vec<_> = std::fs::read_dir(&self.temporary).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let connected = TcpStream::connect(server);
        assert!(connected.is_err(), "{server} still listens");
        let still = running_in(&self.temporary);
        assert!(still.is_empty(), "{still:?}");
    }
}

/// Returns the command line of each process that works in `folder` or names it.
fn running_in(folder: &Path) -> Vec<String> {
    let name = folder.to_string_lossy();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| {
        let cwd = std::fs::read_link(process.path().join("cwd")).unwrap_or_default();
        let words = std::fs::read(process.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&words).replace('\0', " ");
        (cwd.starts_with(folder) || line.contains(&*name)).then_some(line)
    });
    lines.collect()
}

/// How a demo ended and what it said.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Played {
    /// Returns where its server was.
    #[track_caller]
    pub(crate) fn server(&self) -> SocketAddr {
        address_in(&self.stderr).unwrap_or_else(|| panic!("{self:?}"))
    }
}

/// Runs a demo to its end.
pub(crate) fn play(command: &mut Command) -> Played {
    let begun = Instant::now();
    let output = command.output().unwrap();
    Played {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        took: begun.elapsed(),
    }
}

/// Returns the address of the first URL in a text.
pub(crate) fn address_in(text: &str) -> Option<SocketAddr> {
    let (_, rest) = text.split_once("http://")?;
    let is_end = |c: char| !c.is_ascii_digit() && c != '.' && c != ':';
    rest.split(is_end).next()?.parse().ok()
}
