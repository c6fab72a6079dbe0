//! What gate adds: `cargo bench --bench overhead` prints it as ratios to a direct run and to the
//! least that any wrapper could cost, all measured in turn in the same run. How to read it, and how
//! it stands against the budgets, is in `docs/benchmarks.md`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints its table, and one whose stage can't be set has failed"
)]

#[path = "overhead/beyond.rs"]
mod beyond;
#[path = "overhead/corpus.rs"]
mod corpus;
#[path = "overhead/fast.rs"]
mod fast;
#[path = "overhead/hooks.rs"]
mod hooks;
#[path = "../tests/live/released.rs"]
mod released;
#[path = "overhead/report.rs"]
mod report;
#[path = "../tests/live/server.rs"]
mod server;
#[path = "overhead/timing.rs"]
mod timing;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gate_client::{Client, ClientSettings, ListQuery};
use gate_protocol::request::ApprovalStatus;
use gate_protocol::review::{Answer, SubmitReview};
use gate_testkit::home::Home;
use report::Report;
use server::{GATE, Live, run};
use timing::{Timed, Times, compile, find, in_turn, quantile};

const HEADER: &str = "| command | median µs | p99 µs | × direct | × floor |\n|---|---|---|---|---|";
const FREESTANDING: [&str; 6] = [
    "-nostdlib",
    "-static",
    "-fno-pie",
    "-no-pie",
    "-fno-stack-protector",
    "-fomit-frame-pointer",
];

/// The programs, and a home in which gate has a server.
struct Bench {
    home: Home,
    live: Live,
}

impl Bench {
    fn set() -> Self {
        let live = Live::start();
        let mut home = Home::new().unwrap();
        for (name, define) in [
            ("kubectl", "-DTARGET"),
            ("floor_exec", "-DEXEC"),
            ("floor_sup", "-DWAIT"),
        ] {
            let flags = [&FREESTANDING[..], &[define]].concat();
            compile("floor.c", &flags, &home.bin().join(name));
        }
        compile("rounds.c", &[], &home.bin().join("rounds"));
        std::fs::copy(home.bin().join("kubectl"), home.bin().join("target")).unwrap();
        let shims = home.path().join("shims");
        std::fs::create_dir(&shims).unwrap();
        std::os::unix::fs::symlink(GATE, shims.join("kubectl")).unwrap();
        let (url, key) = (live.said("/url"), live.said("/server/grant_key"));
        let text = format!("[server]\nurl = '{url}'\n\n[keys]\n'{url}' = '{key}'\n");
        home.write(".config/gate/config.toml", text).unwrap();
        home.set("GATE_TOKEN", live.said("/tokens/agent"));
        // Whether the server works or is down, an allowed command never asks it.
        let pulled = run(live.gate("agent", &["whoami"]).stdin(Stdio::null()));
        assert_eq!(pulled.code, Some(0), "{}{}", pulled.stdout, pulled.stderr);
        Self { home, live }
    }

    fn bin(&self, name: &str) -> PathBuf {
        self.home.bin().join(name)
    }

    /// Gives the user so many rules, and no others.
    fn write_rules(&self, rules: usize) {
        let folder = self.home.path().join(".config/gate/rules.d");
        if folder.exists() {
            std::fs::remove_dir_all(folder).unwrap();
        }
        for (number, text) in corpus::rules(rules).enumerate() {
            let file = format!(".config/gate/rules.d/bench-{number}.toml");
            self.home.write(&file, text).unwrap();
        }
    }
}

/// How much is measured.
struct Extent {
    /// Rules of the user, and rounds with so many of them.
    allowed: &'static [(usize, usize)],
    /// The same, through the small shim.
    fast: &'static [(usize, usize)],
    /// Rounds of each real tool.
    real: usize,
    /// Rounds of each hook.
    hooks: usize,
    approved_rounds: usize,
    decision_rules: &'static [usize],
    decision_lines: usize,
    decision_runs: usize,
}

/// What `cargo bench` measures.
const WHOLE: Extent = Extent {
    allowed: &[(0, 300), (10, 300), (1_000, 100)],
    fast: &[(10, 1_000), (1_000, 1_000), (100_000, 1_000)],
    real: 40,
    hooks: 300,
    approved_rounds: 60,
    decision_rules: &[10, 1_000, 10_000],
    decision_lines: 10_000,
    decision_runs: 5,
};

/// What `cargo test` plays: enough to print every figure, and nothing to read from them.
const SOME: Extent = Extent {
    allowed: &[(0, 2), (10, 2)],
    fast: &[(10, 2)],
    real: 1,
    hooks: 1,
    approved_rounds: 2,
    decision_rules: &[10],
    decision_lines: 1_000,
    decision_runs: 1,
};

fn main() {
    if cfg!(not(target_arch = "x86_64")) {
        println!("the floors are programs for x86-64, so nothing is measured here");
        return;
    }
    // cargo says `--bench` to a benchmark, and nothing to a test.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let extent = if is_bench { &WHOLE } else { &SOME };
    let bench = Bench::set();
    let mut report = Report::default();
    fast::measure(&bench, &mut report, extent);
    hooks::measure(&bench, &mut report, extent.hooks, is_bench);
    let mut direct = 0.0;
    for (rules, rounds) in extent.allowed {
        direct = allowed(&bench, &mut report, *rules, *rounds);
    }
    bench.write_rules(0);
    approved(&bench, &mut report, extent.approved_rounds);
    beyond::measure(&bench, &mut report, extent.approved_rounds);
    waiting_memory(&bench, &mut report);
    decisions(&bench, &mut report, extent, direct);
    report.assert_complete(extent.allowed.len(), extent.fast.len());
}

/// Returns the median of a direct run, in microseconds.
fn allowed(bench: &Bench, report: &mut Report, rules: usize, rounds: usize) -> f64 {
    bench.write_rules(rules);
    let tool = bench.bin("kubectl");
    let shim = bench.home.path().join("shims/kubectl");
    let commands = [
        Timed::new("direct", &[&tool, &"get", &"pods"]),
        Timed::new(
            "floor_exec",
            &[&bench.bin("floor_exec"), &tool, &"get", &"pods"],
        ),
        Timed::new(
            "floor_sup",
            &[&bench.bin("floor_sup"), &tool, &"get", &"pods"],
        ),
        Timed::new(
            "gate run, allowed",
            &[&GATE, &"run", &"--", &"kubectl", &"get", &"pods"],
        ),
        Timed::new("gate as shim, allowed", &[&shim, &"get", &"pods"]),
    ];
    let times = in_turn(bench.home.command("rounds"), rounds, &commands);
    report.line(&format!(
        "\n## Allowed, {rules} rules of the user, {rounds} rounds\n\n{HEADER}"
    ));
    for one in &times {
        report.line(&one.row(&times[0], Some(&times[1])));
    }
    times[0].median()
}

fn approved(bench: &Bench, report: &mut Report, rounds: usize) {
    // Where it would ask for a password there is nothing to compare with.
    let sudo = find("sudo").filter(|sudo| {
        let mut tried = bench.home.command(sudo);
        tried.arg("-n").arg(bench.bin("target"));
        let tried = tried.stdout(Stdio::null()).stderr(Stdio::null()).status();
        tried.unwrap().success()
    });
    let mut all = [
        "direct",
        "gate run --no-wait: asks",
        "gate run: approved already",
        "sudo -n",
    ]
    .map(Times::new);
    let approver = Approver::new(&bench.live);
    for round in 0..rounds {
        // Each round is another command, so that each one is asked about.
        let number = round.to_string();
        let target = bench.bin("target");
        let gate = |arguments: &[&str]| {
            let mut command = bench.home.command(GATE);
            command.arg("run").args(arguments).arg(&target).arg(&number);
            command
        };
        let mut direct = bench.home.command(&target);
        all[0].each.push(timed(direct.arg(&number), 0));
        all[1].each.push(timed(&mut gate(&["--no-wait", "--"]), 75));
        approver.approve_one();
        all[2].each.push(timed(&mut gate(&["--"]), 0));
        if let Some(sudo) = &sudo {
            let mut command = bench.home.command(sudo);
            all[3].each.push(timed(command.arg("-n").arg(&target), 0));
        }
    }
    report.line(&format!("\n## Approved, {rounds} rounds\n\n{HEADER}"));
    for one in all.iter().filter(|times| !times.each.is_empty()) {
        report.line(&one.row(&all[0], None));
    }
    report.line(&format!(
        "\nBeyond asking: {:.0} µs more than `--no-wait`",
        all[2].median() - all[1].median()
    ));
    if sudo.is_none() {
        report.line("sudo is not here, or asks for a password, so there is no row of it");
    }
}

fn timed(command: &mut Command, code: i32) -> Duration {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let since = Instant::now();
    let status = command.status().unwrap();
    let spent = since.elapsed();
    assert_eq!(status.code(), Some(code), "{command:?}");
    spent
}

/// bob, who approves what waits.
struct Approver {
    client: Client,
    runtime: tokio::runtime::Runtime,
}

impl Approver {
    fn new(live: &Live) -> Self {
        let settings = ClientSettings::new(live.said("/url").parse().unwrap())
            .with_token(live.said("/tokens/bob_approver").parse().unwrap());
        Self {
            client: Client::new(settings).unwrap(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    fn approve_one(&self) {
        let pending = ListQuery {
            status: Some(ApprovalStatus::Pending),
            ..ListQuery::default()
        };
        self.runtime.block_on(async {
            let page = self.client.list(&pending).await.unwrap();
            let [request] = page.requests.as_slice() else {
                panic!("{} requests wait, not one", page.requests.len());
            };
            let review = SubmitReview {
                answer: Answer::Approve,
                digest: request.digest,
                comment: None,
            };
            self.client.review(request.id, &review).await.unwrap();
        });
    }
}

/// What a client that waits for an answer has for itself alone.
fn waiting_memory(bench: &Bench, report: &mut Report) {
    let mut command = bench.home.command(GATE);
    command
        .args(["run", "--"])
        .arg(bench.bin("target"))
        .arg("wait");
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    said.read_line(&mut line).unwrap();
    assert!(line.starts_with("gate: waiting"), "{line}");
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", child.id())).unwrap();
    report.line("\n## A client that waits\n");
    for key in ["Rss", "Pss", "Private_Dirty"] {
        let line = rollup
            .lines()
            .find(|line| line.starts_with(&format!("{key}:")));
        report.line(line.unwrap());
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What one line costs, in microseconds and as a part of a direct run of the empty program.
fn decisions(bench: &Bench, report: &mut Report, extent: &Extent, direct: f64) {
    let (lines, runs) = (extent.decision_lines, extent.decision_runs);
    report.line(&format!(
        "\n## One line of `gate check --jsonl`, {lines} lines, median of {runs} runs\n"
    ));
    let (mut header, mut rule) = (String::from("| tool |"), String::from("|---|"));
    for rules in extent.decision_rules {
        write!(header, " {rules} rules | × direct |").unwrap();
        rule.push_str("---|---|");
    }
    report.line(&format!("{header}\n{rule}"));
    let empty = bench.home.write("empty.jsonl", "").unwrap();
    let mut loading = String::from("| (reading the rules, once) |");
    for tool in corpus::TOOLS {
        let questions = corpus::questions(tool, lines);
        let questions = bench.home.write("questions.jsonl", questions).unwrap();
        let mut row = format!("| {tool} |");
        for rules in extent.decision_rules {
            let text: String = corpus::rules(*rules).collect();
            let rules_file = bench.home.write("rules.toml", text).unwrap();
            let check = |input: &PathBuf| {
                let mut command = bench.home.command(GATE);
                command
                    .args(["check", "--jsonl", "--rules"])
                    .arg(&rules_file);
                timed(command.stdin(File::open(input).unwrap()), 0).as_secs_f64() * 1e6
            };
            let pairs = (0..runs).map(|_| (check(&empty), check(&questions)));
            let (empty, full): (Vec<f64>, Vec<f64>) = pairs.unzip();
            let (empty, full) = (quantile(empty, 0.5), quantile(full, 0.5));
            let each = (full - empty) / count(lines);
            write!(row, " {each:.2} µs | {:.4} |", each / direct).unwrap();
            if tool == corpus::TOOLS[0] {
                write!(
                    loading,
                    " {:.1} ms | {:.1} |",
                    empty / 1000.0,
                    empty / direct
                )
                .unwrap();
            }
        }
        report.line(&row);
    }
    report.line(&loading);
}

fn count(lines: usize) -> f64 {
    f64::from(u32::try_from(lines).unwrap())
}
