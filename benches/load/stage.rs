//! One server on a file, or several on one `PostgreSQL`, each of which can be stopped and started
//! again at the address that it had.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::iter::Sum;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use gate_client::{Client, ClientSettings};
use gate_testkit::home::Home;
use gate_testkit::real::Postgres;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::people;

/// The binary under test.
pub(crate) const GATE: &str = env!("CARGO_BIN_EXE_gate");
/// Far beyond what a server takes to start or to stop.
const PATIENCE: Duration = Duration::from_mins(2);
/// What asks for what is measured.
const METRICS_TOKEN: &str = "measured";

/// So many can ask so much at once that no limit is in the way; the rest is as it comes.
const SETTINGS: &str = "open_requests = 100000\n\n\
    [approving]\ntrusted_admins = ['admin']\n\n\
    [flood]\nopen_requests = 100000\nburst = 1000000\nper_minute = 1000000\n\n\
    [rate]\nwaits = 100000\ncaller_burst = 100000000\naddress_burst = 100000000\n\n";

/// Where the tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// In a file of the only server.
    File,
    /// In a `PostgreSQL` of their own, for so many servers.
    Postgres(usize),
}

/// The servers and who is known to them.
pub(crate) struct Stage {
    pub(crate) home: Home,
    pub(crate) servers: Vec<Server>,
    /// What the first of them said when it was first ready.
    ready: Value,
    tokens: BTreeMap<&'static str, String>,
    /// Ends after the servers.
    _postgres: Option<Postgres>,
}

/// A server in a process of its own.
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Stage {
    pub(crate) fn set(ground: Ground) -> Self {
        let home = Home::new().unwrap();
        let secret = |name: &str, text: &str| {
            let file = home.write(name, format!("{text}\n")).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
            file.display().to_string()
        };
        let metrics = secret("metrics", METRICS_TOKEN);
        let mut settings = format!("{SETTINGS}[metrics]\ntoken_file = '{metrics}'\n\n");
        let (mut postgres, mut more) = (None, 0);
        if let Ground::Postgres(servers) = ground {
            let database = Postgres::start().unwrap();
            database.sql("CREATE DATABASE gate").unwrap();
            let environment = database.environment();
            let password = environment.iter().find(|(name, _)| *name == "PGPASSWORD");
            let password = secret("password", password.unwrap().1.to_str().unwrap());
            let port = database.port();
            settings = format!(
                "{settings}[database]\nurl = 'postgres://postgres@127.0.0.1:{port}/gate'\n\
                 password_file = '{password}'\n"
            );
            (postgres, more) = (Some(database), servers - 1);
        }
        home.write("server.toml", settings).unwrap();
        let admin = initialise(&home);
        let (first, ready) = Server::start(&home, "first", 0);
        let tokens = people::make(ready["url"].as_str().unwrap(), &admin);
        let mut servers = vec![first];
        for name in ["second", "third"].into_iter().take(more) {
            share_keys(&home, name);
            servers.push(Server::start(&home, name, 0).0);
        }
        Self {
            home,
            servers,
            ready,
            tokens,
            _postgres: postgres,
        }
    }

    /// Returns a text that the first server printed when it was ready, by its JSON pointer.
    pub(crate) fn said(&self, pointer: &str) -> &str {
        self.ready.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    /// Returns the token of `agent`, `bob_approver` or `auditor`.
    pub(crate) fn token(&self, who: &str) -> &str {
        &self.tokens[who]
    }

    /// Returns the client of somebody at one of the servers.
    pub(crate) fn client(&self, server: usize, who: &str) -> Client {
        let url = format!("http://127.0.0.1:{}", self.servers[server].port);
        let token = self.token(who).parse().unwrap();
        let mut settings = ClientSettings::new(url.parse().unwrap()).with_token(token);
        // Thousands of them share two processors with their server.
        settings.connect_timeout = Duration::from_secs(30);
        settings.request_timeout = Duration::from_secs(30);
        Client::new(settings).unwrap()
    }

    /// Stops a server as its service does, and starts it again; returns when it was ready.
    pub(crate) fn restart(&mut self, number: usize) -> Instant {
        let server = &mut self.servers[number];
        server.stop();
        (*server, _) = Server::start(&self.home, server.name, server.port);
        Instant::now()
    }

    /// Adds up a figure over all servers.
    pub(crate) fn sum<T: FromStr + Sum>(&self, metric: &str) -> T {
        let each = self.servers.iter();
        each.map(|server| server.measured::<T>(metric)).sum()
    }

    /// Returns the size of the file that the tables are in, with what is still to be put into it; none
    /// where they are elsewhere.
    pub(crate) fn file_bytes(&self) -> Option<f64> {
        let folder = self.home.path().join("first");
        let size = |name: &str| Some(fs::metadata(folder.join(name)).ok()?.len());
        let bytes = size("gate.db")? + size("gate.db-wal").unwrap_or_default();
        Some(f64::from(u32::try_from(bytes).unwrap()))
    }

    /// Holds the whole log against its signed head, as an auditor does.
    pub(crate) fn assert_log_verifies(&self) {
        let mut verify = self.home.command(GATE);
        verify
            .args(["audit", "verify", "--live", "--key"])
            .arg(self.said("/server/log_key"))
            .env("GATE_SERVER", self.said("/url"))
            .env("GATE_TOKEN", self.token("auditor"));
        let verified = verify.output().unwrap();
        assert!(verified.status.success(), "{verified:?}");
        for server in &self.servers {
            let log = fs::read_to_string(server.log(&self.home)).unwrap();
            assert!(!log.contains("panicked"), "{log}");
        }
    }
}

/// Makes the first server's folder and the tables, and returns the admin's token.
fn initialise(home: &Home) -> String {
    let mut init = home.command(GATE);
    init.args(["server", "init", "--data"])
        .arg(home.path().join("first"))
        .arg("--config")
        .arg(home.path().join("server.toml"));
    let made = init.output().unwrap();
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// Gives another server the keys of the first.
fn share_keys(home: &Home, name: &str) {
    let folder = home.path().join(name);
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    for key in ["grant.key", "log.key", "channels.key"] {
        fs::copy(home.path().join("first").join(key), folder.join(key)).unwrap();
    }
}

impl Server {
    /// Starts it on its folder, at this port or at any free one.
    fn start(home: &Home, name: &'static str, port: u16) -> (Self, Value) {
        let mut command = home.command(GATE);
        command.args(["server", "--json", "--listen"]);
        command.arg(format!("127.0.0.1:{port}"));
        command.arg("--data").arg(home.path().join(name));
        command.arg("--config").arg(home.path().join("server.toml"));
        let log = home.path().join(format!("{name}.log"));
        let log = File::options().create(true).append(true).open(log).unwrap();
        command.env("GATE_LOG", "warn,sqlx=error");
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let mut server = Self { name, child, port };
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            let log = fs::read_to_string(server.log(home)).unwrap();
            panic!("the server did not start: {line:?} {log}")
        });
        let (_, port) = ready["listen"].as_str().unwrap().rsplit_once(':').unwrap();
        server.port = port.parse().unwrap();
        (server, ready)
    }

    fn stop(&mut self) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(id, Signal::SIGTERM).unwrap();
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "the server does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn log(&self, home: &Home) -> std::path::PathBuf {
        home.path().join(format!("{}.log", self.name))
    }

    /// Returns one of the figures that it shows.
    pub(crate) fn measured<T: FromStr>(&self, metric: &str) -> T {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let call = format!(
            "GET /metrics HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n\
             authorization: Bearer {METRICS_TOKEN}\r\n\r\n"
        );
        stream.write_all(call.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        let value = value.and_then(|value| value.parse().ok());
        value.unwrap_or_else(|| panic!("`{metric}` is not measured: {text}"))
    }
}
