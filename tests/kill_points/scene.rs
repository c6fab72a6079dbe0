//! One server, one proxy, one machine, and what must hold after each kill.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::path::PathBuf;

use nix::sys::stat::Mode;
use serde_json::Value;

use crate::http::Message;
use crate::proxy::Proxy;
use crate::stage::{Machine, Ran, Server, run};

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

/// How often each point is tried.
pub(crate) fn rounds() -> impl Iterator<Item = String> {
    let rounds = std::env::var("GATE_KILL_ROUNDS").map_or(5, |rounds| rounds.parse().unwrap());
    (1..=rounds).map(|round| format!("round-{round}"))
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
        let server = Server::start(&format!("open_requests = 1000\n{settings}"));
        let proxy = Proxy::to(server.address);
        let machine = Machine::of(&server, proxy.address);
        Self {
            server,
            proxy,
            machine,
        }
    }

    /// Makes the tool wait, and returns the ends by which it is heard and let go.
    pub(crate) fn block_tool(&self) -> (PathBuf, PathBuf) {
        let home = self.machine.home.path();
        let (up, go) = (home.join("up"), home.join("go"));
        for fifo in [&up, &go] {
            nix::unistd::mkfifo(fifo, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        }
        self.machine.home.script("deployer", BLOCKING).unwrap();
        (up, go)
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
        let mut request = self.server.request(id);
        while request["status"] != status {
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
}
