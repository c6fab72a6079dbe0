//! From the approver's click to the tool's first instruction.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::light::{Light, call};
use crate::report::{Report, quantile};
use crate::stage::{GATE, Stage, kib};
use crate::submission::approve;

/// After gate said that it waits, its poll is on the way to the server.
const UNTIL_IT_POLLS: Duration = Duration::from_millis(100);

/// The names of the rows.
pub(crate) const ROWS: [&str; 4] = [
    "bare: notify and spawn",
    "bare, one durable append first",
    "gate: from the click's first byte",
    "gate: from the answer to the click",
];

/// A `gate run` that waits, and the file to which its tool will write the time.
pub(crate) struct Waiter {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
    stamp: PathBuf,
}

impl Waiter {
    /// Starts one and returns when it waits. `name` makes it another command.
    pub(crate) fn start(stage: &Stage, name: &str) -> Self {
        let stamp = stage.home.work().join(name);
        let mut command = stage.home.command(GATE);
        command.args(["run", "--"]).arg(stage.bin("stamp"));
        command.arg(&stamp).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert!(line.starts_with("gate: waiting"), "{line}");
        std::thread::sleep(UNTIL_IT_POLLS);
        Self { child, said, stamp }
    }

    /// Returns what it has for itself alone, in KiB, and ends it.
    pub(crate) fn private_dirty(mut self) -> f64 {
        let size = kib(self.child.id(), "smaps_rollup", "Private_Dirty");
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        size
    }

    /// Waits for its end and returns when the tool began, in nanoseconds.
    fn finish(mut self) -> f64 {
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {rest}");
        read_stamp(&self.stamp)
    }
}

/// Approves what waits, and returns when the click was sent and when it was answered.
fn click(stage: &Stage, runtime: &tokio::runtime::Runtime) -> (f64, f64) {
    let bob = stage.said("/tokens/bob_approver");
    let newest = call("GET", "/v1/requests?status=pending&limit=1", bob, "");
    let page = runtime.block_on(async { Light::connect(stage.port()).await.send(&newest).await });
    let request = approve(bob, &page["requests"][0]);
    let request = stage.home.write("click", request).unwrap();
    let mut command = stage.home.command(stage.bin("click"));
    command.arg(stage.port().to_string()).arg(request);
    let said = stdout(&mut command);
    let (sent, answered) = said.split_once(' ').unwrap();
    (sent.parse().unwrap(), answered.parse().unwrap())
}

/// One round of the bare loop, in nanoseconds.
fn bare(stage: &Stage, durable: &Path) -> f64 {
    let stamp = stage.home.work().join("bare");
    let mut command = stage.home.command(stage.bin("bare"));
    command.arg(durable).arg(stage.bin("stamp")).arg(&stamp);
    let told: f64 = stdout(&mut command).parse().unwrap();
    read_stamp(&stamp) - told
}

fn stdout(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nanoseconds since the start of the machine: exact for a hundred days"
)]
fn read_stamp(stamp: &Path) -> f64 {
    let bytes = std::fs::read(stamp).unwrap();
    let (seconds, nanoseconds) = bytes.split_at(8);
    let number = |part: &[u8]| i64::from_ne_bytes(part.try_into().unwrap());
    (number(seconds) * 1_000_000_000 + number(nanoseconds)) as f64
}

/// Measures so many rounds with `others` clients that wait beside the one that is told. The first
/// round is not counted.
pub(crate) fn measure(
    stage: &Stage,
    runtime: &tokio::runtime::Runtime,
    report: &mut Report,
    others: usize,
    rounds: usize,
) {
    let mut each: [Vec<f64>; 4] = Default::default();
    // On the disk of the server's own database.
    let durable = stage.home.path().join("server/durable");
    for round in 0..=rounds {
        let waiter = Waiter::start(stage, &format!("stamp-{others}-{round}"));
        let (sent, answered) = click(stage, runtime);
        let first = waiter.finish();
        let times = [
            bare(stage, Path::new("")),
            bare(stage, &durable),
            first - sent,
            first - answered,
        ];
        if round > 0 {
            for (all, time) in each.iter_mut().zip(times) {
                all.push(time / 1000.0);
            }
        }
    }
    std::fs::remove_file(durable).unwrap();
    report.line(&format!(
        "\n## From the click to the tool's first instruction, {} waiting, {rounds} rounds\n\n\
         | what | median µs | p99 µs | median × bare | p99 × bare |\n|---|---|---|---|---|",
        others + 1
    ));
    let at = |times: &Vec<f64>, part| quantile(times.clone(), part);
    for (name, times) in ROWS.iter().zip(&each) {
        let (median, p99) = (at(times, 0.5), at(times, 0.99));
        let cells = [
            format!("{median:.0}"),
            format!("{p99:.0}"),
            format!("{:.2}", median / at(&each[0], 0.5)),
            format!("{:.2}", p99 / at(&each[0], 0.99)),
        ];
        report.row(name, &cells);
    }
}
