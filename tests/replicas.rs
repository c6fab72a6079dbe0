//! Two `gate server` processes on one `PostgreSQL`, behind a balancer of the test's own: one is
//! killed while a client waits at it, and the client goes on at the other.
#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gate_testkit::home::Home;
use gate_testkit::real::Postgres;
use serde_json::Value;

const GATE: &str = env!("CARGO_BIN_EXE_gate");

/// Far beyond what any of this takes.
const SOON: Duration = Duration::from_mins(1);

/// Passes each connection to the first of the servers that lets it in.
fn balance(listener: TcpListener, backends: [SocketAddr; 2]) {
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let mut known = backends.iter();
            let server = known.find_map(|one| TcpStream::connect(one).ok());
            if let Some(server) = server {
                pass(client.try_clone().unwrap(), server.try_clone().unwrap());
                pass(server, client);
            }
        }
    });
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        // Whoever ends it, and however: both sides are to know.
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(std::net::Shutdown::Both));
        drop(from.shutdown(std::net::Shutdown::Both));
    });
}

fn told(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A server that ends with the test.
struct Server {
    child: Child,
    /// What it said when it was ready.
    ready: Value,
}

impl Server {
    fn said(&self, pointer: &str) -> &str {
        self.ready.pointer(pointer).unwrap().as_str().unwrap()
    }

    /// Kills it without a word.
    fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a server on a data folder.
fn serve(home: &Home, data: &str) -> Server {
    let mut child = home
        .command(GATE)
        .args(["server", "--json", "--listen", "127.0.0.1:0", "--data"])
        .arg(home.path().join(data))
        .arg("--config")
        .arg(home.path().join("server.toml"))
        .env("GATE_LOG", "error")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let ready = serde_json::from_str(&line).unwrap();
    Server { child, ready }
}

/// Makes the database, the first server's folder, and a copy of its keys for the second; returns
/// the token of `admin`.
fn initialise(home: &Home, postgres: &Postgres, url: &str) -> String {
    postgres.sql("CREATE DATABASE gate").unwrap();
    let environment = postgres.environment();
    let password = environment.iter().find(|(name, _)| *name == "PGPASSWORD");
    let password = password.unwrap().1.to_str().unwrap();
    let file = home.write("password", format!("{password}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let settings = format!(
        "public_url = '{url}'\n[approving]\ntrusted_admins = ['admin']\n[database]\nurl = 'postgres://postgres@127.0.0.1:{}/gate'\n\
         password_file = '{}'\n",
        postgres.port(),
        file.display()
    );
    home.write("server.toml", settings).unwrap();
    let mut init = home.command(GATE);
    init.args(["server", "init", "--data"])
        .arg(home.path().join("first"))
        .arg("--config")
        .arg(home.path().join("server.toml"));
    let token = told(&mut init);
    let second = home.path().join("second");
    std::fs::create_dir(&second).unwrap();
    std::fs::set_permissions(&second, std::fs::Permissions::from_mode(0o700)).unwrap();
    for key in ["grant.key", "log.key", "channels.key"] {
        std::fs::copy(home.path().join("first").join(key), second.join(key)).unwrap();
    }
    token
}

/// Makes two people and an agent, and returns the tokens of who approves and who asks.
fn people(gate: &impl Fn(&str, &str) -> Command, admin: &str) -> (String, String) {
    for person in ["alice", "bob"] {
        let words = format!("admin principals create {person} --kind user --group approvers");
        told(&mut gate(admin, &words));
    }
    let words = "admin principals create deploy-bot --kind agent --owner alice";
    told(&mut gate(admin, words));
    let token = |who: &str, role: &str| {
        let words = format!("admin tokens create --principal {who} --role {role} --ttl 1h");
        told(&mut gate(admin, &words))
    };
    (token("bob", "approver"), token("deploy-bot", "requester"))
}

#[test]
fn a_server_is_killed_under_a_waiting_client_that_goes_on_at_the_other() {
    let postgres = Postgres::start().unwrap();
    let home = Home::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let admin = initialise(&home, &postgres, &url);
    let (mut first, second) = (serve(&home, "first"), serve(&home, "second"));
    let backends = [&first, &second].map(|one| one.said("/listen").parse().unwrap());
    balance(listener, backends);
    let key = first.said("/server/grant_key").to_owned();
    assert_eq!(second.said("/server/grant_key"), key);

    let gate = |token: &str, words: &str| {
        let mut command = home.command(GATE);
        command.args(words.split(' '));
        command.env("GATE_SERVER", &url).env("GATE_TOKEN", token);
        command
    };
    let config = format!("[keys]\n'{url}' = '{key}'\n");
    home.write(".config/gate/config.toml", config).unwrap();
    let (bob, bot) = people(&gate, &admin);
    home.script("deployer", "#!/bin/sh\necho ran >>\"$HOME/canary\"\n")
        .unwrap();
    let waiting = gate(&bot, "run --timeout 120s -- deployer now")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let request = loop {
        let listed = told(&mut gate(&bob, "requests list --json"));
        let listed: Value = serde_json::from_str(&listed).unwrap();
        if let Some(request) = listed.pointer("/requests/0") {
            break request.clone();
        }
        assert!(started.elapsed() < SOON);
    };
    first.kill();
    let text = |member: &str| request[member].as_str().unwrap().to_owned();
    let approve = format!("approve {} --yes --digest {}", text("id"), text("digest"));
    told(&mut gate(&bob, &approve));
    let ran = waiting.wait_with_output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let canary = std::fs::read_to_string(home.path().join("canary")).unwrap();
    assert_eq!(canary, "ran\n");
}
