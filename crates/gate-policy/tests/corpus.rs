//! Runs the corpus of command lines through the built-in baseline.
//!
//! The promise: "read and local are allowed, the rest asks", and what the tool
//! would really do is never called milder than it is.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use gate_policy::{
    Caller, CallerKind, CommandLine, Decision, Effect, Environment, InputKind, MapFiles, Occasion,
    Policy, Stdin, read_invocation,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    case: Vec<Case>,
}

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
    effect: Effect,
    decision: Decision,
}

fn corpus() -> Result<Vec<Case>, toml::de::Error> {
    let corpus: Corpus = toml::from_str(include_str!("corpus.toml"))?;
    Ok(corpus.case)
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
    let cwd = Path::new("/srv/app");
    let mut wrong = Vec::new();
    for case in corpus().unwrap() {
        let argv: Vec<OsString> = case.argv.iter().map(OsString::from).collect();
        let env: Environment = case.env.iter().collect();
        let files = case
            .files
            .iter()
            .map(|(name, text)| (name.as_str(), text.clone().into_bytes()));
        let files = MapFiles::new(cwd, files);
        let stdin = case.stdin.as_ref();
        let invocation = read_invocation(&CommandLine {
            argv: &argv,
            env: &env,
            cwd,
            stdin: stdin.map_or(Stdin::Absent, |text| Stdin::Content(text.as_bytes())),
            files: &files,
        });
        let evaluation = policy.evaluate(&invocation, cwd, &occasion());
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
            argv.len(),
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
