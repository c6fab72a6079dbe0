//! What was approved is what runs, or nothing runs, whoever swaps what and when:
//! against somebody who swaps files, folders, the working directory's name and
//! the binary at random times between the question and the run.
//!
//! Every command asks a real server and is approved by a person's token, whatever
//! it binds. What its tool says that it read is held against what the request
//! said would be read. So that this is known to be able to fail, the same racer
//! runs against a program that hashes a file and then starts the tool.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose stage can't be set has failed"
)]

#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "live/agent.rs"]
mod agent;
#[path = "racer/inputs.rs"]
mod inputs;
#[path = "racer/round.rs"]
mod round;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "live/server.rs"]
mod server;
#[path = "racer/swapper.rs"]
mod swapper;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use agent::Agent;
use gate_protocol::canonical::Digest;
use gate_testkit::real::locate;
use round::{Approver, Seen};
use server::Live;
use swapper::{Chance, Swapper, exchange};

/// How often each thing is swapped.
const ROUNDS: usize = 1_000;
/// How many commands are on their way at once: what is waited for is mostly the
/// disk and each other.
const WORKERS: usize = 4;

/// Says what it reads: the file, each file of the folder, and where it is. It
/// starts no program, so that a round is short.
const READS: &str = "#!/bin/sh\nsay() {\n  while read -r line; do echo \"$1:$line\"; done < \"$2\"\n}\n\
                     say file \"$3\"\nfor each in \"$5\"/*; do say \"${each##*/}\" \"$each\"; done\n\
                     echo \"in:$(pwd -P)\"\n";

/// Runs the rounds on several agents at once, and returns how many commands ran.
fn on_each_worker(live: &Live, worker: impl Fn(&Agent<'_>, Chance) -> usize + Sync) -> usize {
    on_each_numbered(live, |agent, _, chance| worker(agent, chance))
}

/// Does the same where each worker is told which one it is.
fn on_each_numbered(
    live: &Live,
    worker: impl Fn(&Agent<'_>, usize, Chance) -> usize + Sync,
) -> usize {
    std::thread::scope(|scope| {
        let worker = &worker;
        let started: Vec<_> = (0..WORKERS)
            .map(|at| {
                let chance = Chance::new(at as u64 + 1);
                scope.spawn(move || worker(&Agent::new(live), at, chance))
            })
            .collect();
        let ran = started.into_iter().map(|one| one.join().unwrap());
        ran.sum()
    })
}

/// Two working directories with the same names in them, and a link to one.
fn lay_out(agent: &Agent<'_>) {
    agent.home.script("kubectl", READS).unwrap();
    for place in ["one", "other"] {
        for (name, text) in [("pod.yaml", "pod"), ("manifests/a.yaml", "a")] {
            let name = format!("{place}/{name}");
            agent
                .home
                .write(&name, format!("{text} in {place}\n"))
                .unwrap();
        }
    }
    agent
        .home
        .write("other/manifests/more.yaml", "more\n")
        .unwrap();
    std::os::unix::fs::symlink("one", agent.home.path().join("link")).unwrap();
    std::os::unix::fs::symlink("other", agent.home.path().join("elsewhere")).unwrap();
}

/// Swaps one of the things that `kubectl` is given, in one of many ways.
fn swap_inputs(home: &Path, chance: &mut Chance) {
    let [one, other] = ["one", "other"].map(|name| home.join(name));
    match chance.below(6) {
        0 => exchange(&home.join("link"), &home.join("elsewhere")),
        1 => exchange(&one.join("manifests"), &other.join("manifests")),
        2 => exchange(&one.join("pod.yaml"), &other.join("pod.yaml")),
        3 => std::fs::write(one.join("pod.yaml"), chance.text()).unwrap(),
        4 => std::fs::write(one.join("manifests/a.yaml"), chance.text()).unwrap(),
        _ => {
            let new = home.join("new");
            std::fs::write(&new, chance.text()).unwrap();
            std::fs::rename(&new, other.join("pod.yaml")).unwrap();
        }
    }
}

#[test]
fn no_swap_of_files_folders_or_the_working_directory_changes_what_was_approved() {
    let live = Live::start();
    let ran = on_each_worker(&live, |agent, mut chance| {
        lay_out(agent);
        let home = agent.home.path().to_owned();
        let approver = Approver::new(&live);
        let swapper = Swapper::start(chance.fork(), move |chance| swap_inputs(&home, chance));
        let words = ["kubectl", "apply", "-f", "pod.yaml", "-f", "manifests"];
        let mut ran = 0;
        for _ in 0..ROUNDS / WORKERS {
            let mut command = agent.gate_run(&[], &words);
            command.current_dir(agent.home.path().join("link"));
            let Some(seen) = round::play(&approver, &mut command, chance.wait(3)) else {
                continue;
            };
            ran += 1;
            assert_is_what_was_approved(&seen);
        }
        swapper.stop();
        ran
    });
    assert!(ran > ROUNDS / 2, "most of them run: {ran} of {ROUNDS}");
}

/// Holds what the tool says that it read against the request.
#[track_caller]
fn assert_is_what_was_approved(seen: &Seen) {
    let said = |label: &str| said_of(&seen.stdout, label);
    let bound = |name: &str| {
        let mut inputs = seen.invocation.inputs.iter();
        inputs.find(|one| one.name.shown() == name).unwrap().sha256
    };
    let file = Digest::of_bytes(said("file").as_bytes());
    assert_eq!(file, bound("pod.yaml"), "{seen:?}");
    let mut folder = vec![(b'd', "", Vec::new())];
    for name in ["a.yaml", "more.yaml"] {
        let is_there = seen.stdout.lines().any(|line| line.starts_with(name));
        let text = said(name);
        if is_there || (name == "a.yaml") {
            let content = Digest::of_bytes(text.as_bytes());
            folder.push((b'f', name, content.as_bytes().to_vec()));
        }
    }
    assert_eq!(hash_of_folder(&folder), bound("manifests"), "{seen:?}");
    assert_eq!(
        said("in").trim_end(),
        seen.invocation.cwd.shown(),
        "{seen:?}"
    );
}

/// Returns the lines that the tool read of something, as they were.
fn said_of(stdout: &str, label: &str) -> String {
    let lines = stdout.lines().filter_map(|line| line.split_once(':'));
    let lines = lines.filter(|(name, _)| *name == label);
    lines.flat_map(|(_, text)| [text, "\n"]).collect()
}

/// Returns the hash of a folder as the request has it, of its entries in order.
fn hash_of_folder(entries: &[(u8, &str, Vec<u8>)]) -> Digest {
    let mut bytes = Vec::new();
    for (kind, name, content) in entries {
        for part in [&[*kind][..], name.as_bytes(), content] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
    }
    Digest::of_bytes(&bytes)
}

/// Puts one of two programs in the place of the tool, in one step.
fn put(program: &Path, tool: &Path) {
    let beside = tool.with_extension("new");
    std::fs::copy(program, &beside).unwrap();
    std::fs::rename(&beside, tool).unwrap();
}

#[test]
fn no_swap_of_the_binary_runs_another_than_the_one_that_was_approved() {
    let live = Live::start();
    // What each says when it is given a word tells which one ran.
    let programs = [("echo", "approved\n"), ("printf", "approved")]
        .map(|(name, says)| (locate(name).unwrap().canonicalize().unwrap(), says));
    let hashes = programs
        .clone()
        .map(|(path, says)| (Digest::of_bytes(&std::fs::read(path).unwrap()), says));
    let ran = on_each_worker(&live, |agent, mut chance| {
        let tool = agent.home.bin().join("deploy");
        let approver = Approver::new(&live);
        let mut usual = Duration::from_millis(100);
        let mut ran = 0;
        for turn in 0..ROUNDS / WORKERS {
            put(&programs[turn % 2].0, &tool);
            let other = programs[(turn + 1) % 2].0.clone();
            let (place, at) = (tool.clone(), chance.part_of(usual * 3 / 2));
            let begun = std::time::Instant::now();
            let swapping = std::thread::spawn(move || {
                std::thread::sleep(at);
                put(&other, &place);
            });
            let mut command = agent.gate_run(&[], &["deploy", "approved"]);
            let seen = round::play(&approver, &mut command, Duration::ZERO);
            usual = (usual * 7 + begun.elapsed()) / 8;
            swapping.join().unwrap();
            let Some(seen) = seen else { continue };
            ran += 1;
            let wanted = seen.invocation.tool.sha256;
            let known = hashes.iter().find(|(hash, _)| *hash == wanted);
            assert_eq!(seen.stdout, known.unwrap().1, "{seen:?}");
        }
        ran
    });
    assert!(
        (ROUNDS / 10..ROUNDS).contains(&ran),
        "some run, some are stopped: {ran}"
    );
}

#[test]
fn the_same_racer_wins_against_a_program_that_hashes_and_then_runs() {
    let live = Live::start();
    let agent = Agent::new(&live);
    lay_out(&agent);
    let home = agent.home.path().to_owned();
    let mut chance = Chance::new(9);
    let swapper = Swapper::start(chance.fork(), {
        let home = home.clone();
        move |chance| swap_inputs(&home, chance)
    });
    let tool = agent.home.bin().join("kubectl");
    let is_beaten = (0..ROUNDS).any(|_| {
        let file = home.join("one/pod.yaml");
        let approved = Digest::of_bytes(&std::fs::read(&file).unwrap());
        std::thread::sleep(chance.wait(3));
        let words = ["apply", "-f", file.to_str().unwrap(), "-f", "/nowhere"];
        let ran = Command::new(&tool).args(words).output().unwrap();
        let said = String::from_utf8(ran.stdout).unwrap();
        let read = said_of(&said, "file");
        Digest::of_bytes(read.as_bytes()) != approved
    });
    swapper.stop();
    assert!(is_beaten, "a racer that never wins proves nothing");
}
