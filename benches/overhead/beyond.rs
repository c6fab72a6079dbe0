//! What an approved command costs beyond the wait for people and the network: from the grant in
//! gate's hand to the tool's first instruction, and from the tool's end to gate's, without the time
//! in which an answer of the server is out.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::report::Report;
use crate::server::{GATE, run};
use crate::timing::{Times, compile};
use crate::{Approver, Bench, FREESTANDING, HEADER};

/// Nanoseconds of `CLOCK_MONOTONIC`.
type Moment = u64;

/// One command, as `between.c` tells of it, and the tool itself.
struct Course {
    started: Moment,
    ended: Moment,
    /// When gate had the answer to its claim.
    granted: Option<Moment>,
    /// Each question to the server, and when the last of its answer was passed on.
    questions: Vec<(Moment, Moment)>,
    /// The tool's first act, and its last but one.
    tool: (Moment, Moment),
}

impl Course {
    /// Returns how long nothing was out at the server between two moments.
    fn own(&self, from: Moment, to: Moment) -> Duration {
        let out = self.questions.iter().map(|(asked, answered)| {
            let (asked, answered) = ((*asked).max(from), (*answered).min(to));
            answered.saturating_sub(asked)
        });
        Duration::from_nanos((to - from).saturating_sub(out.sum()))
    }
}

/// Measures so many rounds.
pub(crate) fn measure(bench: &Bench, report: &mut Report, rounds: usize) {
    compile("between.c", &[], &bench.bin("between"));
    compile("span.c", &FREESTANDING, &bench.bin("span"));
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let (url, key) = (
        format!("http://127.0.0.1:{port}"),
        bench.live.said("/server/grant_key"),
    );
    let settings = format!("[server]\nurl = '{url}'\n\n[keys]\n'{url}' = '{key}'\n");
    let settings = bench.home.write("between.toml", settings).unwrap();
    let mut times = [
        "direct, the clock read",
        "approved, beyond wait and network",
        "grant to first instruction",
        "tool's end to gate's",
    ]
    .map(Times::new);
    let bob = Approver::new(&bench.live);
    for round in 0..rounds {
        let span = bench.bin("span");
        let file = bench.home.path().join(format!("span-{round}"));
        let direct = course(bench, port, &settings, &[&span, &file]);
        let file = bench.home.path().join(format!("approved-{round}"));
        let gate = Path::new(GATE);
        let words = [gate, "run".as_ref(), "--".as_ref(), &span, &file];
        let mut asks = bench.home.command(GATE);
        asks.args(["run", "--no-wait", "--"]).arg(&span).arg(&file);
        let asked = run(asks.stdin(Stdio::null()).stdout(Stdio::null()));
        assert_eq!(asked.code, Some(75), "{asked:?}");
        bob.approve_one();
        let approved = course(bench, port, &settings, &words);
        let granted = approved.granted.unwrap();
        let before = approved.own(granted, approved.tool.0);
        let behind = approved.own(approved.tool.1, approved.ended);
        let tool = Duration::from_nanos(approved.tool.1 - approved.tool.0);
        let spans = [
            Duration::from_nanos(direct.ended - direct.started),
            before + tool + behind,
            before,
            behind,
        ];
        for (times, span) in times.iter_mut().zip(spans) {
            times.each.push(span);
        }
    }
    report.line(&format!(
        "\n## Approved, beyond the wait and the network, {rounds} rounds\n\n{HEADER}"
    ));
    for one in &times {
        report.line(&one.row(&times[0], None));
    }
}

/// Runs a command whose last word is the file that the tool writes, with gate's server behind `port`.
fn course(bench: &Bench, port: u16, settings: &Path, words: &[&Path]) -> Course {
    let mut between = bench.home.command("between");
    let (_, server) = bench.live.said("/listen").rsplit_once(':').unwrap();
    between.arg(port.to_string()).arg(server).args(words);
    between.env("GATE_CONFIG", settings);
    let told = output(&mut between);
    let times = std::fs::read(words.last().unwrap()).unwrap();
    let mut numbers = times
        .chunks_exact(8)
        .map(|bytes| u64::from_ne_bytes(bytes.try_into().unwrap()));
    let mut moment = || numbers.next().unwrap() * 1_000_000_000 + numbers.next().unwrap();
    let mut course = Course {
        started: 0,
        ended: 0,
        granted: None,
        questions: Vec::new(),
        tool: (moment(), moment()),
    };
    for line in told.lines() {
        let (what, at) = line.split_once(' ').unwrap();
        let at = at.parse().unwrap();
        match what {
            "s" => course.started = at,
            "x" => course.ended = at,
            "q" => course.questions.push((at, at)),
            _ => {
                if what == "g" {
                    course.granted = Some(at);
                }
                course.questions.last_mut().unwrap().1 = at;
            }
        }
    }
    course
}

fn output(command: &mut Command) -> String {
    let ran = run(command.stdin(Stdio::null()));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout
}
