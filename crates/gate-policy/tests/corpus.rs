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
    Caller, CallerKind, CommandLine, Decision, Effect, Environment, EnvironmentAction, InputKind,
    Invocation, Layer, MapFiles, Occasion, Policy, PolicyBuilder, SecretPlace, Stdin,
    read_invocation,
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
    /// What must be among its inputs, each as its kind and its path.
    #[serde(default)]
    inputs: Vec<String>,
    /// What must become of these variables.
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// A part of one of the reasons.
    reason: Option<String>,
    /// Fields of the target that must be there with these values; not given:
    /// not asserted.
    target: Option<BTreeMap<String, String>>,
    /// Fields of the target that must not be there.
    #[serde(default)]
    no_target: Vec<String>,
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

/// Holds the inputs, the variables and the reason that a case names.
fn assert_reads_and_says(case: &Case, invocation: &Invocation) {
    let (id, reasons) = (&case.id, &invocation.reasons);
    for expected in &case.inputs {
        let mut inputs = invocation.inputs.iter();
        let is_there = inputs
            .any(|input| *expected == format!("{} {}", input.kind.as_str(), input.path.display()));
        assert!(is_there, "{id}: {expected}: {:?}", invocation.inputs);
    }
    for (name, expected) in &case.environment {
        let mut notes = invocation.environment.iter();
        let note = notes.find(|note| note.name.to_str() == Some(name));
        let becomes = note.map(|note| match &note.action {
            EnvironmentAction::Binds => "binds".to_owned(),
            EnvironmentAction::Merges => "merges".to_owned(),
            EnvironmentAction::Stripped => "is stripped".to_owned(),
            EnvironmentAction::FirstKept => "is kept once".to_owned(),
            EnvironmentAction::Set(value) => format!("is set to {}", value.display()),
            EnvironmentAction::MakesUnknown => "makes unknown".to_owned(),
        });
        assert_eq!(becomes.as_ref(), Some(expected), "{id}: {name}");
    }
    if let Some(expected) = &case.reason {
        let is_said = reasons.iter().any(|reason| reason.contains(expected));
        assert!(is_said, "{id}: {expected}: {reasons:?}");
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
        let mut absent = case.no_target.iter();
        let found = absent.find(|field| invocation.target.contains_key(*field));
        assert_eq!(found, None, "{}: {:?}", case.id, invocation.target);
        assert_reads_and_says(&case, &invocation);
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
fn every_field_of_a_target_can_stand_in_a_rule() {
    let mut fields = BTreeSet::new();
    for case in corpus().unwrap() {
        let invocation = read(&case);
        // What a command inside it says of its target is matched there.
        let inner: BTreeSet<String> = invocation
            .inner()
            .flat_map(|inner| inner.invocation.target.keys().cloned())
            .collect();
        let own = invocation.target.into_keys();
        let own = own.filter(|field| !inner.contains(field));
        fields.extend(own.map(|field| (invocation.tool.clone(), field)));
    }
    assert!(fields.len() >= 60, "{}", fields.len());
    let mut refused = Vec::new();
    for (tool, field) in fields {
        let rule = format!(
            "[[rule]]\nid = 'a'\ntool = '{tool}'\ntarget = {{ '{field}' = 'x' }}\ndecision = 'deny'\n"
        );
        let taken = PolicyBuilder::new().layer(Layer::User, "rules.toml", &rule);
        if taken.is_err() {
            refused.push((tool, field));
        }
    }
    assert!(refused.is_empty(), "{refused:?}");
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

/// The catalogue of ways around gate: what stands for each of its inputs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Threats {
    row: Vec<Row>,
}

/// A row of the catalogue.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    section: String,
    name: String,
    /// Each input with the cases and the tests that stand for it.
    inputs: BTreeMap<String, Vec<String>>,
}

/// How many rows and inputs each section has: none is lost unseen.
const ROWS: &[(&str, usize, usize)] = &[
    ("2.1", 6, 121),
    ("2.2", 13, 68),
    ("2.3", 1, 28),
    ("2.4", 2, 14),
    ("2.5", 1, 12),
    ("2.6", 7, 16),
];

#[test]
fn every_input_of_the_catalogue_is_a_case_or_a_test() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(here.join("tests/threats.toml")).unwrap();
    let Threats { row: rows } = toml::from_str(&text).unwrap();
    let corpus = corpus().unwrap();
    let cases: BTreeMap<&str, &Case> = corpus.iter().map(|case| (&*case.id, case)).collect();
    let mut counts: BTreeMap<&str, (BTreeSet<&str>, usize)> = BTreeMap::new();
    for row in &rows {
        let (names, inputs) = counts.entry(&row.section).or_default();
        assert!(names.insert(&row.name), "{} stands twice", row.name);
        *inputs += row.inputs.len();
        for (input, stand_ins) in &row.inputs {
            assert!(!stand_ins.is_empty(), "{} {input}", row.name);
            for stand_in in stand_ins {
                match stand_in.split_once("::") {
                    Some((file, function)) => {
                        assert_is_a_test(&here.join("../..").join(file), function);
                    }
                    None => assert_says_why(cases[&**stand_in]),
                }
            }
        }
    }
    let counts = counts
        .iter()
        .map(|(section, (names, inputs))| (*section, names.len(), *inputs));
    assert_eq!(counts.collect::<Vec<_>>(), ROWS);
}

/// Holds that a function is there and is run: under `#[test]`, or as a case of
/// a contract, which is a function with a wrapper.
fn assert_is_a_test(file: &Path, function: &str) {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let name = format!("fn {function}(");
    let before = text.split_once(&name).map(|(before, _)| before);
    assert!(before.is_some(), "{}: no {function}", file.display());
    let before = before.unwrap_or_default();
    let attributes = before.rsplit("\n\n").next().unwrap_or_default();
    let is_of_contract = text.contains(&format!("{name}wrapper: &Wrapper)"));
    assert!(
        is_of_contract || attributes.contains("test]"),
        "{function} is no test"
    );
    assert!(!attributes.contains("#[ignore"), "{function} is ignored");
}

fn assert_says_why(case: &Case) {
    assert!(case.reason.is_some(), "{} has no reason", case.id);
}
