//! The fuzz targets on a stable toolchain: every seed and some thousand
//! mutations of them, the same in each run.
//!
//! The files of `fuzz/fuzz_targets/` themselves are compiled here, so that they
//! hold when the code changes; cargo-fuzz looks for new inputs by coverage.
//! `GATE_FUZZ_ROUNDS` sets how many mutations each target gets.
#![expect(
    clippy::disallowed_methods,
    reason = "the seeds are files of this crate, and the number of rounds a variable"
)]
#![expect(
    clippy::duplicate_mod,
    reason = "each target has the bodies for its own, as it has in cargo-fuzz"
)]
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is not there fails the test"
)]

use std::io::Write;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

// A target names the macro by this crate, which here is our own.
extern crate self as libfuzzer_sys;

/// Makes a function of what cargo-fuzz makes a program of.
#[macro_export]
macro_rules! fuzz_target {
    (|$bytes:ident: &[u8]| $body:expr) => {
        pub(crate) fn target($bytes: &[u8]) {
            $body
        }
    };
}

/// Compiles the files of the targets, and lists them with their names.
macro_rules! targets {
    ($($name:ident $file:literal),*) => {
        $(
            #[expect(unused_attributes, reason = "a program of cargo-fuzz has no `main` of its own")]
            #[path = $file]
            mod $name;
        )*
        const TARGETS: &[(&str, Target)] = &[$((stringify!($name), $name::target)),*];
    };
}

/// What a target does with its bytes.
type Target = fn(&[u8]);

targets!(
    argv "../../../fuzz/fuzz_targets/argv.rs",
    profiles "../../../fuzz/fuzz_targets/profiles.rs",
    rules "../../../fuzz/fuzz_targets/rules.rs",
    shell "../../../fuzz/fuzz_targets/shell.rs",
    sql "../../../fuzz/fuzz_targets/sql.rs",
    yaml "../../../fuzz/fuzz_targets/yaml.rs"
);

/// No input may take longer. It is generous: the machine may be busy.
const WATCHDOG: Duration = Duration::from_secs(10);
/// How many mutations each target gets in every test run.
const ROUNDS: usize = 1_500;
/// The longest input: longer ones are the business of `a_huge_input_is_bounded`.
const LONGEST: usize = 1 << 14;

/// Pieces that mean something to one reader or another.
const TOKENS: [&str; 40] = [
    "\0",
    "\0--\0",
    "\0-c\0",
    "\0-f\0",
    "=",
    "'",
    "\"",
    "$(",
    "`",
    ";",
    "|",
    "&&",
    "\n",
    "\\",
    "/*",
    "*/",
    "--",
    "$$",
    "{{",
    "[",
    "]]",
    "(",
    ")",
    "\u{1}HOME=",
    "\u{2}",
    "\u{3}",
    "file://",
    "https://h/x",
    "~/",
    "\u{202e}",
    "\u{feff}",
    "<<EOF\n",
    "delete from t",
    "select ",
    "%",
    "- &a [*a]",
    "\t",
    "2>&1",
    "0x",
    "\u{0}-",
];

/// A generator of numbers. Source: `SplitMix64` (Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (end.max(1) as u64)).unwrap_or(0)
    }
}

fn mutated(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(6) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + dice.below(24)).min(bytes.len());
        match dice.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 => drop(bytes.splice(at..end, [])),
            2 => {
                let piece = bytes[at..end].to_vec();
                let times = 1 + dice.below(40);
                bytes.splice(at..at, piece.repeat(times));
            }
            3 => {
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len() + 1);
                bytes.splice(at..end, other[from..].iter().copied());
            }
            _ => {
                let token = TOKENS[dice.below(TOKENS.len())];
                bytes.splice(at..at, token.bytes());
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

/// The seeds of a target: its committed files, and the corpus of command lines.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut seeds = Vec::new();
    if let Ok(folder) = std::fs::read_dir(tests.join("fuzz/seeds").join(target)) {
        let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        seeds.extend(paths.iter().map(|path| std::fs::read(path).unwrap()));
    }
    let mut paths: Vec<_> = std::fs::read_dir(tests.join("corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    paths.sort();
    if target == "profiles" {
        seeds.extend(own_profiles());
        return seeds;
    }
    for path in paths {
        let text = std::fs::read_to_string(path).unwrap();
        let corpus: toml::Table = toml::from_str(&text).unwrap();
        for case in corpus["case"].as_array().unwrap() {
            seeds.extend(of_case(target, case));
        }
    }
    assert!(seeds.len() >= 5, "{target} has {} seeds", seeds.len());
    seeds
}

/// Profiles, each with a command of its tool: the example, and the smaller ones that are built in.
fn own_profiles() -> Vec<Vec<u8>> {
    let policy = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [
        policy.join("profiles"),
        policy.join("../../examples/tools.d"),
    ];
    let entries = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "toml"));
    paths.sort();
    let texts = paths.iter().map(|path| std::fs::read(path).unwrap());
    let texts = texts.filter(|text| text.len() < LONGEST / 2);
    // What is built in can't be given again; under another name it can.
    let renamed = |text: Vec<u8>| {
        let text = String::from_utf8(text).unwrap();
        let text = text.replacen("name = \"", "name = \"my-", 1);
        format!("{text}\0get\0x\0--flag=v\0-a").into_bytes()
    };
    texts.map(renamed).collect()
}

/// What a case of the corpus has for a target.
fn of_case(target: &str, case: &toml::Value) -> Vec<Vec<u8>> {
    let argv: Vec<&str> = case["argv"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    let stdin = case.get("stdin").and_then(toml::Value::as_str);
    let of_tool = |names: &[&str]| argv.first().is_some_and(|name| names.contains(name));
    let texts = || {
        argv.iter()
            .skip(2)
            .copied()
            .chain(stdin)
            .map(|text| text.as_bytes().to_vec())
    };
    match target {
        "sql" if of_tool(&["psql", "mysql", "sqlite3"]) => texts().collect(),
        "shell" if of_tool(&["sh", "bash", "ssh"]) => texts().collect(),
        "yaml" if of_tool(&["kubectl"]) => {
            let files = case.get("files").and_then(toml::Value::as_table);
            let texts = files
                .into_iter()
                .flat_map(toml::Table::values)
                .filter_map(toml::Value::as_str);
            texts.map(|text| text.as_bytes().to_vec()).collect()
        }
        "argv" => {
            let mut pieces: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
            for (mark, key) in [('\u{1}', "env"), ('\u{3}', "files")] {
                let pairs = case
                    .get(key)
                    .and_then(toml::Value::as_table)
                    .into_iter()
                    .flatten();
                pieces.extend(
                    pairs.filter_map(|(name, text)| {
                        Some(format!("{mark}{name}={}", text.as_str()?))
                    }),
                );
            }
            pieces.extend(stdin.map(|text| format!("\u{2}{text}")));
            vec![pieces.join("\0").into_bytes()]
        }
        _ => Vec::new(),
    }
}

/// Runs a target over inputs, and says which one it did not survive.
fn drive(target: &str, body: Target, inputs: impl Iterator<Item = Vec<u8>> + Send) {
    let (started, watched) = mpsc::channel::<Option<Vec<u8>>>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for input in inputs {
                started.send(Some(input.clone())).unwrap();
                let outcome = std::panic::catch_unwind(|| body(&input));
                assert!(
                    outcome.is_ok(),
                    "{target} panics on {:?}",
                    String::from_utf8_lossy(&input)
                );
            }
            started.send(None).unwrap();
        });
        let mut last = None;
        loop {
            match watched.recv_timeout(WATCHDOG) {
                Ok(Some(input)) => last = Some(input),
                // It is done, or it has panicked, which the scope passes on.
                Ok(None) | Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    // The thread can't be ended: the process is.
                    let shown = last.as_deref().map(String::from_utf8_lossy);
                    let text = format!("{target} takes longer than {WATCHDOG:?} on {shown:?}\n");
                    // The process ends next: a message that can't be written is lost.
                    drop(std::io::stderr().write_all(text.as_bytes()));
                    std::process::abort();
                }
            }
        }
    });
}

#[test]
fn no_seed_and_no_mutation_of_one_panics_hangs_or_grows() {
    let rounds = std::env::var("GATE_FUZZ_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    for &(target, body) in TARGETS {
        let seeds = seeds(target);
        drive(target, body, seeds.clone().into_iter());
        let mut dice = Dice(target.len() as u64);
        drive(
            target,
            body,
            (0..rounds).map(move |_| mutated(&mut dice, &seeds)),
        );
    }
}

#[test]
fn a_huge_input_is_bounded() {
    for &(target, body) in TARGETS {
        let seeds = seeds(target);
        // Each piece many times over: what nests, nests deep, and what repeats, repeats often.
        let pieces = TOKENS.iter().map(|token| token.as_bytes().to_vec());
        let pieces: Vec<Vec<u8>> = pieces.chain(seeds.into_iter().step_by(997)).collect();
        let huge = pieces.into_iter().filter(|piece| !piece.is_empty());
        drive(
            target,
            body,
            huge.map(|piece| piece.repeat((1 << 15) / piece.len())),
        );
    }
}

#[test]
fn every_target_of_cargo_fuzz_is_played_here_and_built_there() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let entries = std::fs::read_dir(fuzz.join("fuzz_targets")).unwrap();
    let mut files: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let played: Vec<String> = TARGETS
        .iter()
        .map(|(name, _)| format!("{name}.rs"))
        .collect();
    assert_eq!(files, played);
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let programs = manifest["bin"].as_array().unwrap().iter();
    let programs: Vec<&str> = programs.map(|bin| bin["path"].as_str().unwrap()).collect();
    let built: Vec<String> = files
        .iter()
        .map(|file| format!("fuzz_targets/{file}"))
        .collect();
    assert_eq!(programs, built);
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    let script = std::fs::read_to_string(fuzz.join("run")).unwrap();
    let said = format!("set -- {}\n", names.join(" "));
    assert!(script.contains(&said), "fuzz/run does not run `{said}`");
}
