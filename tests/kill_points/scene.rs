//! One server, one proxy, one machine, and what must hold after each kill.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use gate_testkit::home::Home;
use gate_testkit::inside::{inside, killing};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use serde_json::Value;

use crate::http::Message;
use crate::proxy::Proxy;
use crate::stage::{GATE, Machine, Ran, Server, TOOL, run};

/// Everything that was recorded of a request that was asked, approved and run.
pub(crate) const WHOLE: [&str; 5] = [
    "request.created",
    "decision.recorded",
    "grant.claimed",
    "run.started",
    "run.finished",
];

/// Says that it runs, waits to be let go, and ends with 3.
const BLOCKING: &str = "#!/bin/sh\necho \"$*\" >>\"$HOME/canary\"\n\
    echo up >\"$HOME/up\"\nread line <\"$HOME/go\"\nexit 3\n";

/// A test asks more in a minute than anybody else does.
const HURRIED: &str = "[flood]\nburst = 100000\nper_minute = 100000\n\
    [rate]\ncaller_burst = 1000000\naddress_burst = 1000000\nwaits = 100000\n";

/// One kill, of the client or the server, with a word of its own.
pub(crate) type KillPoint = fn(&mut Scene, &str);

/// How often each point is tried.
pub(crate) fn rounds_or(few: u32) -> impl Iterator<Item = String> {
    let rounds = std::env::var("GATE_TEST_ROUNDS").map_or(few, |rounds| rounds.parse().unwrap());
    (1..=rounds).map(|round| format!("round-{round}"))
}

/// Returns settings of the server with room for all rounds.
pub(crate) fn roomy(settings: &str) -> String {
    format!("open_requests = 100000\n{settings}\n{HURRIED}")
}

/// The stage of one kill point.
pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) proxy: Proxy,
    pub(crate) machine: Machine,
}

impl Scene {
    /// Sets the stage, with these settings of the server beside room for all rounds.
    pub(crate) fn with(settings: &str) -> Self {
        Self::of(Server::start(&roomy(settings)))
    }

    /// Sets the stage around a server.
    pub(crate) fn of(server: Server) -> Self {
        let proxy = Proxy::to(server.address);
        let machine = Machine::of(&server, proxy.address);
        Self {
            server,
            proxy,
            machine,
        }
    }

    /// Kills at the point, round after round, and then holds the log against its head.
    pub(crate) fn play(mut self, point: KillPoint) {
        for word in rounds_or(5) {
            point(&mut self, &word);
        }
        self.assert_verified();
    }

    /// Makes the tool wait, and returns the ends by which it is heard and let go.
    pub(crate) fn block_tool(&self) -> (PathBuf, PathBuf) {
        let home = self.machine.home.path();
        let (up, go) = (home.join("up"), home.join("go"));
        for fifo in [&up, &go] {
            if !fifo.exists() {
                nix::unistd::mkfifo(fifo, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
            }
        }
        self.machine.home.script("deployer", BLOCKING).unwrap();
        (up, go)
    }

    /// Makes the tool wait no more.
    pub(crate) fn unblock_tool(&self) {
        let tool = format!("#!/bin/sh\n{TOOL}");
        self.machine.home.script("deployer", &tool).unwrap();
    }

    /// Kills the server and starts it again on what it left.
    pub(crate) fn crash(&mut self) {
        self.server.kill();
        self.restart();
    }

    /// Starts the killed server again.
    pub(crate) fn restart(&mut self) {
        self.server.restart();
        self.proxy.redirect(self.server.address);
    }

    /// Runs the same command to its end.
    pub(crate) fn again(&self, word: &str) -> Ran {
        run(&mut self.machine.deploy("20s", word))
    }

    /// Runs the same command and kills it as it is about to make the process of the tool.
    pub(crate) fn kill_at_start(&self, word: &str) {
        // The first is for what counts the signals of the group.
        let outer = killing("clone", 2);
        let killed = run(&mut inside(&outer, &self.machine.deploy("20s", word)));
        assert_eq!(killed.signal, Some(Signal::SIGKILL as i32), "{killed:?}");
    }

    /// Asks for the same command and does not wait: 75, a new or an old question.
    pub(crate) fn assert_asks(&self, word: &str) {
        let args = ["run", "--no-wait", "--", "deployer", word];
        let asked = run(&mut self.machine.gate(&args));
        assert_eq!(asked.code, Some(75), "{asked:?}");
    }

    /// Returns how often the tool ran with this word.
    pub(crate) fn runs(&self, word: &str) -> usize {
        let canary = self.machine.canary();
        canary.iter().filter(|line| *line == word).count()
    }

    /// Delivers what is queued, and returns how many events that were.
    pub(crate) fn flush(&self) -> u64 {
        let flushed = run(&mut self.machine.gate(&["audit", "flush"]));
        assert_eq!(flushed.code, Some(0), "{flushed:?}");
        let count = flushed.stdout.split(' ').nth(1).unwrap();
        count.parse().unwrap()
    }

    /// Waits until the request is in `status`, by long poll.
    pub(crate) fn until(&self, id: &str, status: &str) -> Value {
        self.until_one_of(id, &[status])
    }

    /// Waits until the request is in one of these, by long poll.
    pub(crate) fn until_one_of(&self, id: &str, wanted: &[&str]) -> Value {
        let mut request = self.server.request(id);
        while !wanted.contains(&request["status"].as_str().unwrap()) {
            let path = format!("/v1/requests/{id}?wait=30&after={}", request["version"]);
            let asked = Message::ask("GET", &path);
            let later = self.server.ask("bob_approver", asked).json();
            assert_ne!(later["version"], request["version"], "{later}");
            request = later;
        }
        request
    }

    /// Returns how many people were asked, in all.
    pub(crate) fn asked(&self) -> usize {
        let records = self.server.records();
        let created = records
            .iter()
            .filter(|record| record["type"] == "request.created");
        created.count()
    }

    /// The whole story of a request is in the log, each part once.
    pub(crate) fn assert_whole(&self, id: &str) {
        assert_eq!(self.server.history(id), WHOLE);
        assert_eq!(self.flush(), 0);
    }

    /// The log is what its head says, by gate's own word and by that of the verifier that shares no
    /// code with it.
    pub(crate) fn assert_verified(&self) {
        self.server.assert_log_verifies();
        let home = Home::new().unwrap();
        let out = home.path().join("export");
        let mut export = home.command(GATE);
        export
            .args(["audit", "export", "--out"])
            .arg(&out)
            .env("GATE_SERVER", format!("http://{}", self.server.address))
            .env("GATE_TOKEN", self.server.token("auditor"));
        let exported = run(&mut export);
        assert_eq!(exported.code, Some(0), "{exported:?}");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify_log.py");
        let verified = run(Command::new("python3")
            .arg(script)
            .args(["records.jsonl", "checkpoint"].map(|file| out.join(file)))
            .arg(self.server.said("/server/log_key"))
            .arg(out.join("leaves")));
        assert_eq!(verified.code, Some(0), "{verified:?}");
        assert!(verified.stdout.starts_with("ok "), "{verified:?}");
    }
}
