//! What thousands who wait meet: `cargo bench --bench load` has them wait at one server, and at three
//! on one `PostgreSQL`, answers some of their requests, stops and starts the servers under them, and
//! prints how soon each was released and what it takes at the server. How to read it is in
//! `docs/scale.md`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints its table, and one whose stage can't be set has failed"
)]

#[path = "approvals/asked.rs"]
mod asked;
#[path = "load/crowd.rs"]
mod crowd;
#[path = "load/descriptors.rs"]
mod descriptors;
#[path = "load/people.rs"]
mod people;
#[path = "approvals/report.rs"]
mod report;
#[path = "load/stage.rs"]
mod stage;

use std::time::{Duration, Instant};

use crowd::Crowd;
use report::{Report, quantile};
use stage::{Ground, Stage};

/// How many wait (`--waiting N` says otherwise), and how many of them are answered before the restart and as many after it.
struct Extent {
    waiting: u32,
    answered: u32,
    /// The time within which they begin to wait.
    spread: Duration,
}

/// What `cargo bench` measures.
const WHOLE: Extent = Extent {
    waiting: 10_000,
    answered: 1_000,
    spread: Duration::from_secs(20),
};

/// What `cargo test` plays: enough to hold every promise, and nothing to read from the figures.
const SOME: Extent = Extent {
    waiting: 300,
    answered: 30,
    spread: Duration::from_secs(1),
};

/// Within this everybody who is answered is told, and everybody is back after a restart.
const SOON: Duration = Duration::from_mins(1);

const RESIDENT: &str = "process_resident_memory_bytes";

fn main() {
    // cargo says `--bench` to a benchmark, and nothing to a test.
    let arguments: Vec<String> = std::env::args().collect();
    let mut extent = if arguments.iter().any(|one| one == "--bench") {
        WHOLE
    } else {
        SOME
    };
    let given = |name: &str| {
        let place = arguments.iter().position(|one| one == name)?;
        arguments.get(place + 1)
    };
    if let Some(waiting) = given("--waiting") {
        extent.waiting = waiting.parse().unwrap();
        extent.answered = extent.waiting / 10;
    }
    let only = given("--only").map(String::as_str);
    descriptors::allow(extent.waiting as usize + 500);
    let mut report = Report::default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    report.line(&format!("load at the start: {}", load.trim()));
    let grounds = [
        ("file", "One server on a file", Ground::File),
        (
            "postgres",
            "Three servers on one PostgreSQL",
            Ground::Postgres(3),
        ),
    ];
    let played = |name: &str| only.is_none_or(|only| only == name);
    for (_, title, ground) in grounds.into_iter().filter(|(name, ..)| played(name)) {
        let (waiting, answered) = (extent.waiting, extent.answered);
        report.line(&format!(
            "\n## {title}: {waiting} wait, {answered} are answered\n"
        ));
        play(ground, &extent, &mut report);
    }
    let count = if only.is_some() { 1 } else { 2 };
    report.assert_rows("released after the answer was sent", 2 * count, 2);
    report.assert_rows("released after the answer was confirmed", 2 * count, 2);
    report.assert_rows("a waiting poll at the server", count, 1);
    report.assert_rows("lost the server", count, 1);
}

fn play(ground: Ground, extent: &Extent, report: &mut Report) {
    let mut stage = Stage::set(ground);
    let (begun, empty) = (Instant::now(), stage.file_bytes());
    let requests = crowd::ask(&stage, extent.waiting);
    let rate = f64::from(extent.waiting) / begun.elapsed().as_secs_f64();
    report.line("| what | |\n|---|---|");
    report.row("requests made in a second", &[format!("{rate:.0}")]);
    if let Some(bytes) = stage.file_bytes() {
        let kib = (bytes - empty.unwrap()) / 1024.0 / f64::from(extent.waiting);
        report.row("a request in the file", &[format!("{kib:.2} KiB")]);
    }
    let before = settled(&stage);
    let crowd = Crowd::gather(&stage, requests, extent.spread);
    all_wait(&stage, extent.waiting);
    let each = (settled(&stage) - before) / 1024.0 / f64::from(extent.waiting);
    report.row("a waiting poll at the server", &[format!("{each:.2} KiB")]);
    // Those who are answered are spread over all.
    let step = (extent.waiting / extent.answered) as usize;
    let some = |from: usize| -> Vec<usize> {
        (0..extent.answered as usize)
            .map(|one| one * step + from)
            .collect()
    };
    released(&stage, &crowd, &some(0), report, "before a restart");
    let mut left = extent.waiting - extent.answered;
    all_wait(&stage, left);
    restarted(&mut stage, &crowd, left, report);
    released(&stage, &crowd, &some(step / 2), report, "after it");
    left -= extent.answered;
    all_wait(&stage, left);
    assert_eq!(crowd.released(), 0, "somebody was told of nothing");
    let pending: u32 = stage.servers[0].measured("gate_requests_open{status=\"pending\"}");
    assert_eq!(pending, left, "requests were lost");
    stage.assert_log_verifies();
}

/// Answers some, and says how soon they were told. Nobody else is.
fn released(stage: &Stage, crowd: &Crowd, some: &[usize], report: &mut Report, when: &str) {
    let decided = crowd.decide(stage, some);
    let begun = Instant::now();
    while crowd.released() < some.len() {
        assert!(begun.elapsed() < SOON, "{} told", crowd.released());
        std::thread::sleep(Duration::from_millis(20));
    }
    report.line(&format!("\n| {when} | median ms | p99 ms |\n|---|---|---|"));
    for (what, latencies) in ["sent", "confirmed"].iter().zip(crowd.latencies(&decided)) {
        let cells = [0.5, 0.99].map(|part| format!("{:.1}", quantile(latencies.clone(), part)));
        report.row(&format!("released after the answer was {what}"), &cells);
    }
    crowd.forget_released();
}

/// Stops and starts each server in turn, and says how those who wait came back.
fn restarted(stage: &mut Stage, crowd: &Crowd, left: u32, report: &mut Report) {
    let (mut slowest, mut herd) = (Duration::ZERO, 0);
    for number in 0..stage.servers.len() {
        let ready = stage.restart(number);
        all_wait(stage, left);
        slowest = slowest.max(ready.elapsed());
        herd = herd.max(crowd.tries_after(ready).1);
    }
    let (lost, _) = crowd.tries_after(Instant::now());
    report.line("\n| at the restart | |\n|---|---|");
    report.row("lost the server", &[format!("{lost} times")]);
    let seconds = slowest.as_secs_f64();
    report.row("all are back after", &[format!("{seconds:.1} s")]);
    report.row("most within 100 ms", &[format!("{herd}")]);
    let together = left as usize / stage.servers.len();
    // On a busy machine those who were spread are let in together; all of them never are.
    assert!(
        herd <= together * 5 / 6,
        "{herd} of {together} came together"
    );
}

/// Returns once so many wait at the servers.
fn all_wait(stage: &Stage, count: u32) {
    let begun = Instant::now();
    loop {
        let waiting: u32 = stage.sum("gate_waiters");
        if waiting == count {
            return;
        }
        assert!(begun.elapsed() < SOON, "{waiting} of {count} wait");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Returns the servers' memory once it has stopped to change, in bytes.
fn settled(stage: &Stage) -> f64 {
    let (mut last, mut same) = (0.0, 0);
    for _ in 0..300 {
        std::thread::sleep(Duration::from_millis(100));
        let now: f64 = stage.sum(RESIDENT);
        // What asks for it moves it by a page now and then.
        same = if now > last * 1.002 { 0 } else { same + 1 };
        last = now;
        if same == 5 {
            return now;
        }
    }
    panic!("the servers' memory does not come to rest");
}
