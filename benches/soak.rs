//! Whether a server stays as it is: `cargo bench --bench soak` puts a mixed load on one for half an
//! hour, or for as long as `-- --minutes N` says, and fails unless its memory and its descriptors stay
//! flat, nothing is refused, and its log verifies. How to read it is in `docs/scale.md`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints its table, and one whose stage can't be set has failed"
)]

#[path = "approvals/asked.rs"]
mod asked;
#[path = "load/descriptors.rs"]
mod descriptors;
#[path = "soak/lanes.rs"]
mod lanes;
#[path = "load/people.rs"]
mod people;
#[path = "soak/run.rs"]
mod run;
#[path = "soak/samples.rs"]
mod samples;
#[expect(dead_code, reason = "a load has several servers, which it restarts")]
#[path = "load/stage.rs"]
mod stage;
#[path = "soak/tally.rs"]
mod tally;

use std::time::{Duration, Instant};

use samples::Samples;
use stage::{Ground, Stage};
use tally::Tally;

/// How long `cargo bench` lasts, in minutes.
const MINUTES: u64 = 30;
/// How long `cargo test` lasts.
const SHORT: Duration = Duration::from_secs(20);
/// How many samples are taken.
const SAMPLES: u32 = 120;

fn main() {
    samples::prove();
    let lasts = duration();
    descriptors::allow(2_000);
    let stage = Stage::set(Ground::File);
    run::know_the_server(&stage);
    let tally = Tally::default();
    let parked = lanes::ask_parked(&stage, &tally);
    let end = Instant::now() + lasts;
    let samples = std::thread::scope(|scope| {
        let playing = scope.spawn(|| lanes::play(&stage, &tally, parked, end));
        let samples = watch(&stage, lasts, end);
        playing.join().unwrap();
        samples
    });
    println!("{} s of mixed load\n", lasts.as_secs());
    println!("| what | done |\n|---|---|");
    for (what, count) in tally.counts() {
        println!("| {what} | {count} |");
    }
    samples.print();
    tally.assert_good(&lanes::ALL);
    samples.assert_flat();
    stage.assert_log_verifies();
    println!("\nno error, memory and descriptors flat, the log verifies");
}

/// Returns how long it lasts. cargo says `--bench` to a benchmark, and nothing to a test.
fn duration() -> Duration {
    let arguments: Vec<String> = std::env::args().collect();
    let minutes = arguments.iter().position(|one| one == "--minutes");
    let minutes = minutes.map(|place| arguments[place + 1].parse().unwrap());
    match minutes {
        Some(minutes) => Duration::from_mins(minutes),
        None if arguments.iter().any(|one| one == "--bench") => Duration::from_mins(MINUTES),
        None => SHORT,
    }
}

/// Looks at the server at even distances, until the end.
fn watch(stage: &Stage, lasts: Duration, end: Instant) -> Samples {
    let mut samples = Samples::of(lasts);
    let pause = end.saturating_duration_since(Instant::now()) / SAMPLES;
    while Instant::now() + pause < end {
        std::thread::sleep(pause);
        samples.take(&stage.servers[0]);
    }
    samples
}
