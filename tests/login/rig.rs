//! A server in this process, a home of its own, and the program under test.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gate_protocol::signed_note::SigningKey;
use gate_server::{DevSetup, Settings};
use gate_testkit::home::Home;
use gate_testkit::pty::Terminal;
use gate_testkit::real::{Completed, kernel_session, run, run_with_input};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// The program under test.
pub(crate) const GATE: &str = env!("CARGO_BIN_EXE_gate");

const WITHIN: Duration = Duration::from_mins(1);

/// What the kernel keeps for the commands of a test.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyutils {
    /// A session keyring of its own for each command.
    Open,
    /// A session keyring that lets nobody in.
    Closed,
}

/// A running server and the keys to it.
pub(crate) struct LoginServer {
    pub(crate) setup: DevSetup,
    address: SocketAddr,
    key: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _data: TempDir,
}

impl LoginServer {
    fn start(listener: TcpListener) -> Self {
        let data = tempfile::tempdir().unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let folder = data.path().join("server");
        let runtime = runtime();
        let setup = runtime
            .block_on(gate_server::initialise_dev(&folder, &url))
            .unwrap();
        let settings = Settings::new(folder, &url);
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
        let identity = self::runtime().block_on(client.server_identity()).unwrap();
        Self {
            setup,
            address,
            key: identity.grant_key,
            stop: Some(stop),
            thread: Some(thread),
            _data: data,
        }
    }

    pub(crate) fn stop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for LoginServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// One user at one machine with one server.
pub(crate) struct Rig {
    pub(crate) home: Home,
    pub(crate) server: LoginServer,
    pub(crate) keyutils: Keyutils,
}

impl Rig {
    /// Makes a user who has no session bus and has never logged in.
    pub(crate) fn new() -> Self {
        let mut home = Home::new().unwrap();
        home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
        Self {
            home,
            server: LoginServer::start(TcpListener::bind("127.0.0.1:0").unwrap()),
            keyutils: Keyutils::Open,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    pub(crate) fn key(&self) -> &str {
        &self.server.key
    }

    pub(crate) fn token(&self) -> &str {
        &self.server.setup.alice_requester
    }

    pub(crate) fn credential_file(&self) -> PathBuf {
        self.home.state().join("gate/credential")
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        self.home.path().join("token")
    }

    /// Puts another server, with other keys, where the first one was.
    pub(crate) fn replace_server(&mut self) {
        let address = self.server.address;
        self.server.stop();
        // Another test's connection may have the port for a moment.
        let until = Instant::now() + WITHIN;
        let listener = loop {
            match TcpListener::bind(address) {
                Ok(listener) => break listener,
                Err(error) => assert!(Instant::now() < until, "{address}: {error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        self.server = LoginServer::start(listener);
    }

    /// Returns the program with these arguments, in a session of the kernel's keyring of its own, so
    /// that no test meets the keys of another or of the machine.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let closing = match self.keyutils {
            Keyutils::Open => "",
            Keyutils::Closed => "keyctl setperm @s 0 && ",
        };
        let mut command = kernel_session("sh").unwrap();
        command
            .args(["-c", &format!("{closing}exec \"$0\" \"$@\""), GATE])
            .args(arguments)
            .env_clear()
            .envs(self.home.environment())
            .current_dir(self.home.work());
        command
    }

    /// Runs the program with an empty stdin.
    pub(crate) fn gate(&self, arguments: &[&str]) -> Completed {
        without_keyctl(run(&mut self.command(arguments), WITHIN).unwrap())
    }

    pub(crate) fn whoami(&self) -> Completed {
        let whoami = self.gate(&["whoami", "--json"]);
        assert!(whoami.status.success(), "{}", whoami.stderr);
        whoami
    }

    /// Logs in as alice with the right key.
    pub(crate) fn login(&self) -> Completed {
        self.login_with(self.token())
    }

    /// Logs in with a token and the right key.
    pub(crate) fn login_with(&self, token: &str) -> Completed {
        self.login_as(&["--server-key", self.key()], token)
    }

    /// Logs in with a token from stdin.
    pub(crate) fn login_as(&self, more: &[&str], token: &str) -> Completed {
        let url = self.url();
        let arguments = [&["login", "--token-stdin", "--server", &url][..], more].concat();
        let input = format!("{token}\n");
        let done = run_with_input(&mut self.command(&arguments), input.as_bytes(), WITHIN).unwrap();
        let done = without_keyctl(done);
        let said = format!("{}{}", done.stdout, done.stderr);
        assert!(
            token.is_empty() || !said.contains(token),
            "the token is told: {said}"
        );
        done
    }

    /// Runs a script of several commands in one session of the kernel's keyring; `$GATE`, `$KEY` and
    /// `$TOKEN_FILE` are set.
    pub(crate) fn script(&self, script: &str) -> Completed {
        std::fs::write(self.token_file(), format!("{}\n", self.token())).unwrap();
        let mut command = kernel_session("sh").unwrap();
        command
            .args(["-c", script])
            .env_clear()
            .envs(self.home.environment())
            .env("GATE", GATE)
            .env("KEY", self.key())
            .env("TOKEN_FILE", self.token_file())
            .current_dir(self.home.work());
        without_keyctl(run(&mut command, WITHIN).unwrap())
    }

    pub(crate) fn assert_is_logged_out(&self) {
        let whoami = self.gate(&["whoami"]);
        assert_eq!(whoami.status.code(), Some(78), "{}", whoami.stderr);
        self.assert_nothing_is_stored();
    }

    pub(crate) fn assert_nothing_is_stored(&self) {
        assert!(!self.credential_file().exists());
        assert!(!self.home.config().join("gate/login.toml").exists());
        self.assert_token_is_in_no_file_but(&[]);
    }

    /// Looks through every file of the home for the token.
    pub(crate) fn assert_token_is_in_no_file_but(&self, allowed: &[PathBuf]) {
        let mut folders = vec![self.home.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let kind = path.symlink_metadata().unwrap();
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() && !allowed.contains(&path) {
                    let content = std::fs::read(&path).unwrap();
                    let has_token = content
                        .windows(self.token().len())
                        .any(|part| part == self.token().as_bytes());
                    assert!(!has_token, "the token is in {}", path.display());
                }
            }
        }
    }
}

/// Takes away what keyctl(1) says of the session that it made.
fn without_keyctl(mut done: Completed) -> Completed {
    let is_ours = |line: &&str| !line.starts_with("Joined session keyring");
    done.stderr = done.stderr.split_inclusive('\n').filter(is_ours).collect();
    done
}

/// Returns a well-formed key that no server has.
pub(crate) fn another_key() -> String {
    SigningKey::from_seed("elsewhere", &[7; 32])
        .unwrap()
        .verifier()
        .to_string()
}

pub(crate) fn text_of(terminal: &Terminal) -> String {
    String::from_utf8_lossy(&terminal.transcript()).into_owned()
}

pub(crate) fn mode_of(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
