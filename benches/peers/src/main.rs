//! Decisions of gate beside those of cedar-policy and regorus.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml` builds gate
//! with optimisation too, asks all of them the same, fails unless they answer
//! the same, and prints what one decision takes each of them, in one run.

mod gate;
mod peers;
mod questions;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gate::Gate;
use nix::sys::resource::{UsageWho, getrusage};
use peers::{By, Parsed, Peer};
use questions::{Rule, Spread, TOOLS};

const SIZES: [usize; 3] = [10, 1_000, 100_000];
const QUESTIONS: usize = 20_000;
/// How many questions each of them is asked to see that they answer the same.
const COMPARED: usize = 40;

fn main() {
    let folder = std::env::temp_dir().join(format!("gate-peers-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let gate = Gate {
        program: program(),
        folder,
    };
    for spread in [Spread::Even, Spread::OneCommand] {
        println!(
            "\n{}\n",
            match spread {
                Spread::Even => "## Rules over four tools and their commands",
                Spread::OneCommand => "## All rules for `kubectl delete`",
            }
        );
        println!(
            "| tool | rules | gate, text in and out | cedar-policy, parsed | regorus, parsed, best of four | cedar × gate | regorus × gate |"
        );
        println!("|---|---|---|---|---|---|---|");
        let mut loads = Vec::new();
        for size in SIZES {
            let rules = rules(&gate, size, spread);
            for tool in &TOOLS[..if spread == Spread::Even {
                TOOLS.len()
            } else {
                1
            }] {
                let load = row(&gate, &rules, tool, spread);
                if tool.name == "kubectl" {
                    loads.push(format!("| {size} | {load} |"));
                }
            }
        }
        println!("\n| rules | gate, with its start | cedar-policy | regorus |\n|---|---|---|---|");
        println!("{}", loads.join("\n"));
    }
    std::fs::remove_dir_all(&gate.folder).unwrap();
}

/// Returns the release build of gate, built now; `GATE` names another.
fn program() -> PathBuf {
    if let Some(program) = std::env::var_os("GATE") {
        return program.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--bin", "gate"])
        .current_dir(&root)
        .env_remove("CARGO_TARGET_DIR")
        .status()
        .unwrap();
    assert!(status.success(), "gate can't be built");
    root.join("target/release/gate")
}

/// Returns the rules, each with its command as gate reads it.
fn rules(gate: &Gate, size: usize, spread: Spread) -> Vec<Rule> {
    let mut rules: Vec<Rule> = (0..size).map(|n| questions::rule(n, spread)).collect();
    let asked: Vec<_> = rules.iter().map(questions::acting).collect();
    for (rule, answer) in rules.iter_mut().zip(gate.answers("", &asked)) {
        rule.command = parsed(&answer, rule.tool.field).command;
    }
    rules
}

fn parsed(answer: &serde_json::Value, field: &str) -> Parsed {
    let words = answer["command"].as_array().unwrap();
    let words: Vec<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    Parsed {
        tool: text(&answer["tool"]),
        command: words.join(" "),
        target: text(&answer["target"][field]),
        effect: text(&answer["effect"]),
    }
}

/// Prints one row, and returns the times of loading.
fn row(gate: &Gate, rules: &[Rule], tool: &'static questions::Tool, spread: Spread) -> String {
    let text = questions::gate_rules(rules);
    let asked = match spread {
        Spread::Even => questions::about(tool, rules.len(), QUESTIONS),
        Spread::OneCommand => (0..QUESTIONS)
            .map(|n| questions::acting(&questions::rule(n * 7_919 % (2 * rules.len()), spread)))
            .collect(),
    };
    let answers = gate.answers(&text, &asked);
    let parsed: Vec<Parsed> = answers.iter().map(|one| parsed(one, tool.field)).collect();
    let (own, start) = gate.time(&text, &asked);
    let mut cedar = peers::cedar(rules, &parsed);
    let mut rego: Vec<Peer> = [
        (true, By::Interpreter),
        (true, By::Machine),
        (false, By::Interpreter),
        (false, By::Machine),
    ]
    .map(|(is_object, by)| peers::rego(rules, &parsed, is_object, by))
    .into();
    let wanted: Vec<&str> = answers
        .iter()
        .map(|one| one["decision"].as_str().unwrap())
        .collect();
    demand_the_same(&mut cedar, &wanted);
    rego.retain_mut(|peer| answers_the_same(peer, &wanted));
    let of_cedar = cedar.time(QUESTIONS);
    let best = rego
        .iter_mut()
        .map(|peer| (peer.time(QUESTIONS), peer.name, peer.load));
    let (of_rego, name, load) = best.min().unwrap();
    println!(
        "| {} | {} | {:.2} µs | {:.2} µs | {:.2} µs ({name}) | {:.1} | {:.1} |",
        tool.name,
        rules.len(),
        micros(own),
        micros(of_cedar),
        micros(of_rego),
        micros(of_cedar) / micros(own),
        micros(of_rego) / micros(own),
    );
    let ms = |time: Duration| format!("{:.1} ms", micros(time) / 1_000.0);
    format!("{} | {} | {}", ms(start), ms(cedar.load), ms(load))
}

#[track_caller]
fn demand_the_same(peer: &mut Peer, wanted: &[&str]) {
    assert!(
        answers_the_same(peer, wanted),
        "{} answers otherwise",
        peer.name
    );
}

/// Tells whether a peer decides as gate does; one way of writing the rules that
/// does not is left out, and at least one must.
fn answers_the_same(peer: &mut Peer, wanted: &[&str]) -> bool {
    let step = wanted.len() / COMPARED;
    let differs = |question: &usize| peer.decide(*question) != wanted[*question];
    let other = (0..wanted.len()).step_by(step).find(differs);
    if let Some(question) = other {
        let said = peer.decide(question);
        eprintln!("{}: {said} instead of {}", peer.name, wanted[question]);
    }
    other.is_none()
}

/// Returns the processor's time of this process, or of those that it has waited
/// for: what else the machine does is not counted.
fn spent(who: UsageWho) -> Duration {
    let usage = getrusage(who).unwrap();
    let times = [usage.user_time(), usage.system_time()];
    let micros = times.map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Duration::from_micros(u64::try_from(micros.iter().sum::<i64>()).unwrap())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
