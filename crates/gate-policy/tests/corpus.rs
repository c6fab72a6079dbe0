//! Runs the corpus of command lines through the built-in baseline.
//!
//! The promise: "read and local are allowed, the rest asks", and what the tool
//! would really do is never called milder than it is.
#![expect(
    clippy::disallowed_methods,
    reason = "the corpus is files of this crate"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::ffi::OsString;
use std::path::Path;

use gate_policy::{
    Caller, CallerKind, CommandLine, Decision, Effect, Environment, InputKind, Invocation,
    MapFiles, Occasion, Policy, SecretPlace, Stdin, read_invocation,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    case: Vec<Case>,
}

/// One command line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    argv: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    stdin: Option<String>,
    /// What is read without a word of argv naming it; not given: not asserted.
    implicit: Option<Vec<String>>,
    /// Fields of the target that must be there with these values; not given:
    /// not asserted.
    target: Option<BTreeMap<String, String>>,
    /// What is masked, in the order of its text.
    #[serde(default)]
    secrets: BTreeSet<String>,
    effect: Effect,
    decision: Decision,
}

/// Returns the cases of every file of `tests/corpus/`.
fn corpus() -> Result<Vec<Case>, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "toml") {
            let corpus: Corpus = toml::from_str(&std::fs::read_to_string(&path)?)
                .map_err(|problem| format!("{}: {problem}", path.display()))?;
            cases.extend(corpus.case);
        }
    }
    Ok(cases)
}

/// The folder that every command of the corpus runs in.
const CWD: &str = "/srv/app";

fn read(case: &Case) -> Invocation {
    let argv: Vec<OsString> = case.argv.iter().map(OsString::from).collect();
    let env: Environment = case.env.iter().collect();
    let cwd = Path::new(CWD);
    let files = case.files.iter();
    let files = files.map(|(name, text)| (name.as_str(), text.clone().into_bytes()));
    let stdin = case.stdin.as_ref();
    read_invocation(&CommandLine {
        argv: &argv,
        env: &env,
        cwd,
        stdin: stdin.map_or(Stdin::Absent, |text| Stdin::Content(text.as_bytes())),
        files: &MapFiles::new(cwd, files),
    })
}

fn occasion() -> Occasion {
    Occasion {
        caller: Caller {
            kind: CallerKind::User,
            name: "alice".to_owned(),
            host: "laptop".to_owned(),
            ci: false,
            terminal: true,
        },
        now: jiff::Timestamp::UNIX_EPOCH,
        local_offset: |_| jiff::tz::Offset::UTC,
    }
}

#[test]
fn every_case_has_the_effect_and_decision_that_it_expects() {
    let policy = Policy::baseline();
    let mut wrong = Vec::new();
    for case in corpus().unwrap() {
        let invocation = read(&case);
        let evaluation = policy.evaluate(&invocation, Path::new(CWD), &occasion());
        if (invocation.effect, evaluation.decision) != (case.effect, case.decision) {
            wrong.push(format!(
                "{}: {:?} is {} ({}), not {}: {:?}",
                case.id,
                case.argv,
                invocation.effect,
                evaluation.decision,
                case.effect,
                invocation.reasons
            ));
        }
        for (field, expected) in case.target.iter().flatten() {
            let found = invocation.target.get(field);
            assert_eq!(found, Some(expected), "{}: target {field}", case.id);
        }
        if let Some(expected) = &case.implicit {
            let implicit: Vec<String> = invocation
                .inputs
                .iter()
                .filter(|input| input.argv_index.is_none() && input.kind != InputKind::Stdin)
                .map(|input| format!("{} {}", input.kind.as_str(), input.path.display()))
                .collect();
            assert_eq!(&implicit, expected, "{}", case.id);
        }
        assert_eq!(
            invocation.words.len(),
            case.argv.len(),
            "{}: each word has a role",
            case.id
        );
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_corpus_is_large_enough_and_its_ids_are_unique() {
    let cases = corpus().unwrap();
    let ids: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids.len(), cases.len());
    assert!(
        cases
            .iter()
            .filter(|case| case.id.starts_with("ordinary-"))
            .count()
            >= 80
    );
}

#[test]
fn the_corpus_has_no_secret_but_those_that_its_cases_name() {
    let corpus = corpus().unwrap();
    assert!(corpus.len() >= 600, "{}", corpus.len());
    for case in corpus {
        let invocation = read(&case);
        let masked = invocation.secrets.iter().map(|secret| {
            let text = match &secret.place {
                SecretPlace::Argv(index) => &case.argv[*index],
                SecretPlace::Env(name) => &case.env[name.to_str().unwrap()],
            };
            text.get(secret.range.clone()).unwrap().to_owned()
        });
        assert_eq!(masked.collect::<BTreeSet<_>>(), case.secrets, "{}", case.id);
    }
}
