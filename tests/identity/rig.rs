//! A server in this process with a real provider beside it, and a home for `gate`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use gate_server::{DevSetup, Settings};
use gate_testkit::home::Home;
use gate_testkit::real::{Completed, run, testbed};
use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub(crate) const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// Long enough for any step on a loaded machine.
pub(crate) const WITHIN: Duration = Duration::from_mins(2);

/// A program that ends with the test.
pub(crate) struct Program {
    child: Child,
    pub(crate) issuer: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/identity")
        .join(name)
}

pub(crate) fn node_modules() -> PathBuf {
    testbed().join("node/node_modules")
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        // What else it says is of no interest, and without a reader it would end.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let said: Value = serde_json::from_str(&line).unwrap();
        let issuer = said.get("issuer").and_then(Value::as_str).unwrap();
        let issuer = issuer.to_owned();
        Self { child, issuer }
    }

    /// Starts the provider, which sends browsers back to `address`.
    pub(crate) fn provider(address: SocketAddr) -> Self {
        let mut command = Command::new("node");
        command
            .arg(script("provider.mjs"))
            .arg(node_modules())
            .arg(format!("http://{address}/login/callback"));
        Self::start(&mut command)
    }

    /// Starts the issuer that signs whatever it is told to.
    pub(crate) fn issuer() -> Self {
        let python = testbed().join("judges/bin/python");
        Self::start(Command::new(python).arg(script("issuer.py")))
    }

    /// Tells the issuer what it says of jobs, or what to sign.
    pub(crate) fn tell(&self, path: &str, body: &Value) -> String {
        let address = self.issuer.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let body = body.to_string();
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let answer = std::io::read_to_string(stream).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) setup: DevSetup,
    pub(crate) url: String,
    pub(crate) key: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _data: TempDir,
}

impl Server {
    /// Starts a server on this listener, with what `settings` says.
    pub(crate) fn start(listener: TcpListener, settings: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let secret = data.path().join("secret");
        std::fs::write(&secret, "a secret with: colons & spaces\n").unwrap();
        // A server takes no secret that everybody on its machine can read.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&secret, mode).unwrap();
        let text = settings.replace("SECRET_FILE", secret.to_str().unwrap());
        let folder = data.path().join("server");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let setup = runtime
            .block_on(gate_server::initialise_dev(&folder, &url))
            .unwrap();
        let settings = Settings::new(folder, &url).with_toml(&text).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let shutdown = async {
                // Dropped or told: either way it is the end.
                drop(stopped.await);
            };
            runtime
                .block_on(gate_server::serve_on(listener, settings, shutdown))
                .unwrap();
        });
        let client = gate_client::ClientSettings::new(url.parse().unwrap());
        let client = gate_client::Client::new(client).unwrap();
        let asking = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let identity = asking.block_on(client.server_identity()).unwrap();
        Self {
            setup,
            url,
            key: identity.grant_key,
            stop: Some(stop),
            thread: Some(thread),
            _data: data,
        }
    }

    /// Runs `gate` as the admin.
    pub(crate) fn admin(&self, home: &Home, args: &[&str]) -> Completed {
        let mut command = home.command(GATE);
        command
            .args(args)
            .env("GATE_SERVER", &self.url)
            .env("GATE_TOKEN", &self.setup.admin);
        run(&mut command, WITHIN).unwrap()
    }

    /// Makes the workload `deploy`, which bob owns.
    pub(crate) fn with_workload(self, home: &Home) -> Self {
        let create = ["admin", "principals", "create", "deploy"];
        let made = self.admin(
            home,
            &[&create[..], &["--kind", "workload", "--owner", "bob"]].concat(),
        );
        assert!(made.status.success(), "{}", made.stderr);
        self
    }

    /// Runs `gate` with these variables and no token.
    pub(crate) fn job(&self, home: &Home, args: &[&str], env: &[(&str, &str)]) -> Completed {
        let mut command = home.command(GATE);
        command.args(args).env("GATE_SERVER", &self.url);
        command.envs(env.iter().copied());
        run(&mut command, WITHIN).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}
