//! What the audit log costs: `cargo bench --bench audit` prints how many events a server puts on
//! record in a second, and how many requests it makes and decides, beside the plain store that writes
//! the same rows in the same batches; and how fast a log is verified, beside one SHA-256 pass over its
//! bytes. How to read it is in `docs/benchmarks.md`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints its table, and one whose stage can't be set has failed"
)]

#[path = "audit/appends.rs"]
mod appends;
#[path = "approvals/asked.rs"]
mod asked;
#[expect(dead_code, reason = "others wait over these connections")]
#[path = "approvals/light.rs"]
mod light;
#[path = "approvals/plain.rs"]
mod plain;
#[path = "approvals/rates.rs"]
mod rates;
#[expect(dead_code, reason = "others keep what they print")]
#[path = "approvals/report.rs"]
mod report;
#[path = "approvals/submission.rs"]
mod submission;
#[path = "audit/verification.rs"]
mod verification;

use rates::Blocks;

/// How much is measured.
struct Extent {
    /// Batches of events, and how many events are in each.
    batches: (usize, usize),
    /// Blocks of requests, and how many are in each.
    requests: (usize, usize),
    /// Records of the log that is verified, and how often it is.
    records: (u64, usize),
}

/// What `cargo bench` measures.
const WHOLE: Extent = Extent {
    batches: (40, 500),
    requests: (20, 50),
    records: (100_000, 5),
};

/// What `cargo test` plays: enough to print every figure, and nothing to read from them.
const SOME: Extent = Extent {
    batches: (2, 10),
    requests: (2, 4),
    records: (500, 1),
};

fn main() {
    // cargo says `--bench` to a benchmark, and nothing to a test.
    let extent = if std::env::args().any(|argument| argument == "--bench") {
        &WHOLE
    } else {
        &SOME
    };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    println!("load at the start: {}", load.trim());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (batches, size) = extent.batches;
    let stage = appends::Stage::set();
    let each = runtime.block_on(appends::measure(&stage, batches, size));
    println!("\n## Events in a second, {batches} batches of {size}\n");
    println!("| what | server | plain store | server × plain |\n|---|---|---|---|");
    row("on record", &each, size);

    let (blocks, size) = extent.requests;
    let [created, decided] = runtime.block_on(rates::measure(&stage.measured(), blocks, size));
    println!("\n## Requests in a second, {blocks} blocks of {size}\n");
    println!("| what | server | plain store | server × plain |\n|---|---|---|---|");
    row("created", &created, size);
    row("decided", &decided, size);

    let (records, rounds) = extent.records;
    let log = verification::log_of(records);
    let each: Blocks = (0..rounds).map(|_| verification::measure(&log)).collect();
    println!("\n## Records in a second, a log of {records}, {rounds} rounds\n");
    println!("| what | gate | SHA-256 alone | gate × SHA-256 |\n|---|---|---|---|");
    row("verified", &each, usize::try_from(records).unwrap());
}

/// Prints the median rates of both, and the median of the ratios of each round.
fn row(name: &str, each: &Blocks, count: usize) {
    let cells = rates::cells(each, count);
    let is_figure = |cell: &String| cell.parse::<f64>().is_ok_and(f64::is_finite);
    assert!(cells.iter().all(is_figure), "{name}: {each:?}");
    println!("| {name} | {} |", cells.join(" | "));
}
