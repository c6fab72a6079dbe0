//! Events that a client delivers, and the same records in the plain store.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

use gate_client::{Client, ClientSettings};
use gate_protocol::canonical::Digest;
use gate_protocol::event::{ClientEvent, DecidedFact, EventBatch, Fact};
use gate_protocol::id::{ClientId, EpochId};
use gate_protocol::mode::Mode;
use gate_testkit::home::Home;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};

use crate::rates::Measured;

/// A server that ends with it.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// So many can ask so much at once that no limit is in the way.
const SETTINGS: &str = "open_requests = 100000\n\n\
    [flood]\nopen_requests = 100000\nburst = 1000000\nper_minute = 1000000\n\n\
    [rate]\ncaller_burst = 100000000\naddress_burst = 100000000\n";

/// A server on a file, with people to try things.
pub(crate) struct Stage {
    home: Home,
    ready: Value,
    _server: Server,
}

impl Stage {
    pub(crate) fn set() -> Self {
        let home = Home::new().unwrap();
        let (server, ready) = start(&home);
        Self {
            home,
            ready,
            _server: server,
        }
    }

    fn said(&self, pointer: &str) -> &str {
        self.ready.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    /// Returns what is asked and decided on it.
    pub(crate) fn measured(&self) -> Measured {
        let (_, port) = self.said("/listen").rsplit_once(':').unwrap();
        Measured {
            port: port.parse().unwrap(),
            database: self.home.path().join("server/gate.db"),
            agent: self.said("/tokens/agent").to_owned(),
            bob: self.said("/tokens/bob_approver").to_owned(),
        }
    }
}

/// Returns the seconds that each batch took the server and the plain store, which take turns, so that
/// what disturbs the machine disturbs both.
pub(crate) async fn measure(stage: &Stage, batches: usize, size: usize) -> Vec<(f64, f64)> {
    let settings = ClientSettings::new(stage.said("/url").parse().unwrap())
        .with_token(stage.said("/tokens/agent").parse().unwrap());
    let client = Client::new(settings).unwrap();
    let served = stage.measured().database;
    let mut plain = copy(&served, &stage.home.path().join("plain.db")).await;
    let (who, epoch) = (ClientId::generate(), EpochId::generate());
    let (mut seq, mut prev) = (0, Digest::ZERO);
    let mut each = Vec::new();
    for _ in 0..batches {
        let mut events = Vec::new();
        for _ in 0..size {
            seq += 1;
            let event = event(seq, prev);
            prev = event.hash().unwrap();
            events.push(event);
        }
        let batch = EventBatch {
            client: who,
            epoch,
            events,
        };
        let since = Instant::now();
        let receipt = client.deliver(&batch).await.unwrap();
        let answered = since.elapsed().as_secs_f64();
        assert_eq!(receipt.through, seq);
        each.push((answered, insert(&mut plain, &served, size).await));
    }
    each
}

fn start(home: &Home) -> (Server, Value) {
    let mut command = home.command(env!("CARGO_BIN_EXE_gate"));
    command.args([
        "server",
        "--dev",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--data",
    ]);
    command.arg(home.path().join("server"));
    let settings = home.write("server.toml", SETTINGS).unwrap();
    command.arg("--config").arg(settings);
    command.env("GATE_LOG", "error").stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let server = Server(child);
    let ready = serde_json::from_str(&line);
    (
        server,
        ready.unwrap_or_else(|_| panic!("the server did not start: {line:?}")),
    )
}

fn event(seq: u64, prev: Digest) -> ClientEvent {
    let fact = DecidedFact {
        decision: "allow".to_owned(),
        tool: "kubectl".to_owned(),
        command: vec!["get".to_owned()],
        effect: "read".to_owned(),
        rule: "baseline/kubectl-read".to_owned(),
        shown: format!("kubectl get pods -n team-{seq} -o wide"),
        whole: None,
        cwd: "/srv/app".to_owned(),
        mode: Mode::Advisory,
    };
    ClientEvent {
        seq,
        prev,
        at: Timestamp::UNIX_EPOCH,
        fact: Fact::Decided(fact),
    }
}

/// Copies the server's database, and opens the copy as the server opens its own.
async fn copy(served: &Path, to: &Path) -> SqliteConnection {
    let source = SqliteConnectOptions::new().filename(served);
    let mut source = source.connect().await.unwrap();
    let copy = sqlx::query("VACUUM INTO ?").bind(to.to_str().unwrap());
    copy.execute(&mut source).await.unwrap();
    let options = SqliteConnectOptions::new()
        .filename(to)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    options.connect().await.unwrap()
}

/// Writes the newest records of the server again, in one durable transaction, and returns the seconds
/// that took.
async fn insert(plain: &mut SqliteConnection, served: &Path, size: usize) -> f64 {
    let source = SqliteConnectOptions::new().filename(served).read_only(true);
    let mut source = source.connect().await.unwrap();
    let newest = "SELECT seq, record, leaf FROM log_records ORDER BY seq DESC LIMIT ?";
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(newest)
        .bind(i64::try_from(size).unwrap())
        .fetch_all(&mut source)
        .await
        .unwrap();
    assert_eq!(rows.len(), size);
    let since = Instant::now();
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut *plain)
        .await
        .unwrap();
    for (seq, record, leaf) in &rows {
        let insert = sqlx::query("INSERT INTO log_records (seq, record, leaf) VALUES (?, ?, ?)");
        let insert = insert.bind(seq).bind(record).bind(leaf);
        insert.execute(&mut *plain).await.unwrap();
    }
    sqlx::query("COMMIT").execute(&mut *plain).await.unwrap();
    since.elapsed().as_secs_f64()
}
