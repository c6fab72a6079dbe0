//! What the audit log costs: `cargo bench --bench audit` prints how many events a server puts on
//! record in a second, beside the plain store that writes the same rows in the same batches, and how
//! fast a log is verified, beside one SHA-256 pass over its bytes. How to read it is in
//! `docs/benchmarks.md`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints its table, and one whose stage can't be set has failed"
)]

#[path = "audit/appends.rs"]
mod appends;
#[path = "audit/verification.rs"]
mod verification;

/// How much is measured.
struct Extent {
    /// Batches of events, and how many events are in each.
    batches: (usize, usize),
    /// Records of the log that is verified, and how often it is.
    records: (u64, usize),
}

/// What `cargo bench` measures.
const WHOLE: Extent = Extent {
    batches: (40, 500),
    records: (100_000, 5),
};

/// What `cargo test` plays: enough to print every figure, and nothing to read from them.
const SOME: Extent = Extent {
    batches: (2, 10),
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
    let each = runtime.block_on(appends::measure(batches, size));
    println!("\n## Events in a second, {batches} batches of {size}\n");
    println!("| what | server | plain store | server × plain |\n|---|---|---|---|");
    row("on record", &each, u32::try_from(size).unwrap());

    let (records, rounds) = extent.records;
    let log = verification::log_of(records);
    let each: Vec<(f64, f64)> = (0..rounds).map(|_| verification::measure(&log)).collect();
    println!("\n## Records in a second, a log of {records}, {rounds} rounds\n");
    println!("| what | gate | SHA-256 alone | gate × SHA-256 |\n|---|---|---|---|");
    row("verified", &each, u32::try_from(records).unwrap());
}

/// Prints the median rates of both, and the median of the ratios of each round.
fn row(name: &str, each: &[(f64, f64)], count: u32) {
    let median = |value: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = each.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap()
    };
    let count = f64::from(count);
    let rates = [
        count / median(|(ours, _)| *ours),
        count / median(|(_, other)| *other),
    ];
    assert!(
        rates.iter().all(|rate| rate.is_finite()),
        "{name}: {each:?}"
    );
    let [ours, other] = rates;
    let ratio = median(|(ours, other)| other / ours);
    println!("| {name} | {ours:.0} | {other:.0} | {ratio:.3} |");
}
