//! What an approval costs: `cargo bench --bench approvals` prints the time from the click to the
//! tool's first instruction, what each client that waits takes, and how many requests are made and
//! decided in a second, beside the least that could be done in the same run. How to read it is in
//! `docs/benchmarks.md`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints its table, and one whose stage can't be set has failed"
)]

#[path = "approvals/asked.rs"]
mod asked;
#[path = "approvals/click.rs"]
mod click;
#[path = "approvals/light.rs"]
mod light;
#[path = "approvals/plain.rs"]
mod plain;
#[path = "approvals/rates.rs"]
mod rates;
#[path = "approvals/report.rs"]
mod report;
#[path = "approvals/stage.rs"]
mod stage;
#[path = "approvals/submission.rs"]
mod submission;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use light::{Waiting, send_all, wait};
use rates::{AT_ONCE, Measured};
use report::Report;
use serde_json::Value;
use stage::Stage;
use submission::{approve, submit};

/// The time between two clients that begin to wait.
const BETWEEN: Duration = Duration::from_millis(5);
const LIMITS: &str = "/proc/self/limits";

/// How much is measured.
struct Extent {
    /// Clients that wait beside the one that is told.
    others: usize,
    /// As many, where memory or descriptors do not allow those.
    fewer: usize,
    rounds: usize,
    /// Requests that are made and decided for the rates: blocks, and how many in each.
    requests: (usize, usize),
}

/// What `cargo bench` measures.
const WHOLE: Extent = Extent {
    others: 4_999,
    fewer: 999,
    rounds: 100,
    requests: (20, 50),
};

/// What `cargo test` plays: enough to print every figure, and nothing to read from them.
const SOME: Extent = Extent {
    others: 19,
    fewer: 19,
    rounds: 2,
    requests: (3, 4),
};

fn main() {
    if cfg!(not(target_arch = "x86_64")) {
        println!("the tool is a program for x86-64, so nothing is measured here");
        return;
    }
    // cargo says `--bench` to a benchmark, and nothing to a test.
    let extent = if std::env::args().any(|argument| argument == "--bench") {
        &WHOLE
    } else {
        &SOME
    };
    // It goes last: nobody who waits is hung up on.
    let stage = Stage::set();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let mut report = Report::default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    report.line(&format!("load at the start: {}", load.trim()));
    runtime.block_on(rates(&stage, &mut report, extent.requests));
    click::measure(&stage, &runtime, &mut report, 0, extent.rounds);
    let others = affordable(&mut report, extent);
    let waiting = runtime.block_on(memory(&stage, &mut report, others));
    click::measure(&stage, &runtime, &mut report, others, extent.rounds);
    runtime.block_on(tell(&stage, &mut report, &waiting));
    for name in click::ROWS {
        report.assert_rows(name, 2, 4);
    }
    for name in ["created", "decided"] {
        report.assert_rows(name, 1, 3);
    }
    for name in [
        "`gate run` that waits, private dirty",
        "pending poll at the server",
        "put off by a busy server",
    ] {
        report.assert_rows(name, 1, 1);
    }
}

/// Requests made and decided in a second.
async fn rates(stage: &Stage, report: &mut Report, (blocks, size): (usize, usize)) {
    let at = Measured {
        port: stage.port(),
        database: stage.database(),
        agent: stage.said("/tokens/agent").to_owned(),
        bob: stage.said("/tokens/bob_approver").to_owned(),
    };
    let [created, decided] = rates::measure(&at, blocks, size).await;
    report.line(&format!(
        "\n## Requests in a second, {blocks} blocks of {size} over {AT_ONCE} connections\n\n\
         | what | server | plain store | server × plain |\n|---|---|---|---|"
    ));
    for (name, each) in [("created", created), ("decided", decided)] {
        report.row(name, &rates::cells(&each, size));
    }
}

/// Returns how many clients can wait beside the one that is told.
fn affordable(report: &mut Report, extent: &Extent) -> usize {
    let limits = std::fs::read_to_string(LIMITS).unwrap();
    let mut lines = limits.lines();
    let files = lines.find_map(|line| line.strip_prefix("Max open files"));
    let soft = files.unwrap().split_whitespace().next().unwrap();
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap();
    let mut lines = memory.lines();
    let left = lines.find_map(|line| line.strip_prefix("MemAvailable:"));
    let left: usize = left
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    // The server and this process have a descriptor for each, and a few more.
    let has_files = soft == "unlimited" || soft.parse::<usize>().unwrap() > extent.others + 200;
    // A generous 64 KiB for each at both ends, with what the kernel keeps for a connection.
    if has_files && left > 256 * 1024 + extent.others * 64 {
        return extent.others;
    }
    report.line(&format!(
        "{} clients wait, not {}: {soft} descriptors, {left} KiB of memory left",
        extent.fewer + 1,
        extent.others + 1
    ));
    extent.fewer
}

/// The clients that wait, and one request of theirs.
struct Crowd {
    clients: Vec<tokio::task::JoinHandle<()>>,
    waiting: Arc<Waiting>,
    one: Value,
}

/// What each client that waits takes. They go on waiting.
async fn memory(stage: &Stage, report: &mut Report, others: usize) -> Crowd {
    let (port, agent) = (stage.port(), stage.said("/tokens/agent"));
    let gate = click::Waiter::start(stage, "memory").private_dirty();
    let calls = (0..others).map(|number| submit(agent, &format!("wait-{number}")));
    let (made, _) = send_all(port, calls.collect(), AT_ONCE).await;
    let one = made[0].clone();
    let before = settled(stage).await;
    let waiting = Arc::new(Waiting::default());
    let mut clients = Vec::new();
    for request in made {
        let client = wait(port, agent.to_owned(), request, waiting.clone());
        clients.push(tokio::spawn(client));
        // 5,000 begin within one poll's time: they come when they come, not all at once.
        tokio::time::sleep(BETWEEN).await;
    }
    while waiting.sent.load(Ordering::Relaxed) < others {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let after = settled(stage).await;
    assert_eq!(
        waiting.told.load(Ordering::Relaxed),
        0,
        "none was to be told"
    );
    let each = (after - before) / f64::from(u32::try_from(others).unwrap());
    report.line(&format!(
        "\n## Memory of a client that waits, {others} polls\n\n| what | KiB |\n|---|---|"
    ));
    report.row(
        "`gate run` that waits, private dirty",
        &[format!("{gate:.0}")],
    );
    report.row("pending poll at the server", &[format!("{each:.2}")]);
    Crowd {
        clients,
        waiting,
        one,
    }
}

/// Returns the server's memory once it has stopped to change, in KiB.
async fn settled(stage: &Stage) -> f64 {
    let (mut last, mut same) = (stage.server_rss(), 0);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = stage.server_rss();
        same = if now > last { 0 } else { same + 1 };
        last = now;
        if same == 5 {
            return now;
        }
    }
    panic!("the server's memory does not come to rest");
}

/// Proves that they really waited: one is told at once of an answer, and nobody else.
async fn tell(stage: &Stage, report: &mut Report, crowd: &Crowd) {
    let told = || crowd.waiting.told.load(Ordering::Relaxed);
    assert_eq!(told(), 0, "somebody was told of nothing");
    let bob = stage.said("/tokens/bob_approver");
    send_all(stage.port(), vec![approve(bob, &crowd.one)], 1).await;
    for _ in 0..600 {
        if told() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(told(), 1, "the one that waits for it is told");
    let ended = crowd.clients.iter().filter(|client| client.is_finished());
    assert_eq!(ended.count(), 1, "all others wait on");
    let put_off = crowd.waiting.put_off.load(Ordering::Relaxed);
    report.line("\n| what | polls |\n|---|---|");
    report.row("put off by a busy server", &[put_off.to_string()]);
}
