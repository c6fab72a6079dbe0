//! Holds the classification of the AWS CLI against the installed one: every
//! operation that it has is classified, and what `tests/aws_models.py` makes of
//! its documentation, its HTTP method and its answer agrees, or somebody looked.
//!
//! The promise: "A read that reveals credentials or secrets is `secret`,
//! permission changes are `access`." The sweep reads what AWS says of an
//! operation and its members; the patterns of `generate/aws.py` have no part in it.
//!
//! Where this fails after a new version of botocore: run `generate/aws.py`, then
//! look at what is printed, and list it with what it is.
#![expect(
    clippy::disallowed_methods,
    reason = "this test starts the testbed's Python; the crate itself starts nothing"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use gate_policy::{CommandLine, Effect, Environment, NoFiles, Stdin, read_invocation};

/// Prints `service operation expected sensitive telling permits` for every operation.
const SWEEP: &str = include_str!("aws_models.py");
/// Operations whose answers were looked at and hold no credential: personal
/// data, checksums, what AWS itself masks, and what only speaks of a secret.
const LOOKED_AT: &str = include_str!("../generate/aws_looked_at.txt");
/// Operations of which the profile says something else than the sweep expects,
/// and those that the CLI makes up itself, each with its effect.
const REVIEWED: &str = include_str!("aws_reviewed.txt");
/// Members of answers that are documented as a credential and are none.
const NO_CREDENTIAL: &str = include_str!("aws_no_credential.txt");
/// Changes that are documented as of permissions and are of none.
const NO_PERMISSION: &str = include_str!("aws_no_permission.txt");

fn python() -> Result<PathBuf, Box<dyn Error>> {
    let testbed = match std::env::var_os("GATE_TESTBED") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(&std::env::var_os("HOME").ok_or("no HOME")?).join(".cache/gate-testbed"),
    };
    Ok(testbed.join("venv/bin/python"))
}

fn effect(service: &str, operation: &str) -> Effect {
    let argv = ["aws", service, operation].map(OsString::from);
    read_invocation(&CommandLine {
        argv: &argv,
        env: &Environment::default(),
        cwd: Path::new("/"),
        stdin: Stdin::Absent,
        files: &NoFiles,
    })
    .effect
}

/// One operation with what was made of its documentation and its answer.
struct Swept {
    name: String,
    expected: String,
    /// Whether the model calls a member of its answer sensitive.
    sensitive: bool,
    /// The members of its answer that are documented as a credential, each as
    /// `service member`.
    telling: Vec<String>,
    /// Whether its documentation speaks of permissions.
    permits: bool,
    effect: Effect,
}

/// The sweep takes half a minute, so that it is done once.
static SWEPT: LazyLock<Result<Vec<Swept>, String>> =
    LazyLock::new(|| sweep().map_err(|error| error.to_string()));

#[expect(clippy::unwrap_used, reason = "a sweep that can't be made has failed")]
fn swept() -> &'static [Swept] {
    SWEPT.as_ref().unwrap()
}

fn sweep() -> Result<Vec<Swept>, Box<dyn Error>> {
    let python = python()?;
    let output = Command::new(&python)
        .args(["-I", "-c", SWEEP])
        .env_clear()
        .output()
        .map_err(|error| format!("cannot run `{}`: {error}", python.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let lines = text.lines().map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let [service, operation, expected, sensitive, telling, permits] = words[..] else {
            return Err(format!("`{line}` has not six words").into());
        };
        let telling = telling.split(',').filter(|member| *member != "-");
        Ok(Swept {
            name: format!("{service} {operation}"),
            expected: expected.to_owned(),
            sensitive: sensitive == "sensitive",
            telling: telling
                .map(|member| format!("{service} {member}"))
                .collect(),
            permits: permits == "permits",
            effect: effect(service, operation),
        })
    });
    lines.collect()
}

impl Swept {
    /// Tells whether the profile says what the sweep expects.
    fn agrees(&self) -> bool {
        let shows = matches!(self.effect, Effect::Read | Effect::Local | Effect::Secret);
        let operation = self.name.split(' ').nth(1).unwrap_or_default();
        let starts = |words: &[&str]| words.iter().any(|word| operation.starts_with(word));
        match self.expected.as_str() {
            // What asks although it only shows is no hole, but what every
            // script uses should not.
            "read" => shows || !starts(&["get-", "list-", "describe-", "head-", "batch-get-"]),
            "change" => self.effect > Effect::Local,
            "remove" => {
                self.effect > Effect::Write
                    || (self.effect == Effect::Write
                        && starts(&["untag", "disassociate-", "stop-"]))
            }
            _ => false,
        }
    }
}

#[test]
fn every_operation_of_the_installed_cli_is_what_an_independent_look_says_that_it_is() {
    let swept = swept();
    assert!(swept.len() > 18_000, "{}", swept.len());
    let reviewed: BTreeMap<&str, &str> = REVIEWED
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .collect();
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    for one in swept {
        let name = one.name.as_str();
        if one.effect == Effect::Unknown {
            wrong.push(format!("{name} is in no list"));
        } else if !one.agrees() {
            used.insert(name);
            if reviewed.get(name) != Some(&one.effect.as_str()) {
                wrong.push(format!(
                    "{name} {}: {} is expected",
                    one.effect, one.expected
                ));
            }
        }
    }
    wrong.extend(
        reviewed
            .keys()
            .filter(|name| !used.contains(**name))
            .map(|name| format!("{name} needs no review")),
    );
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The lines of a list that say something, without what stands behind a `#`.
fn entries(list: &str) -> impl Iterator<Item = &str> {
    let lines = list.lines().filter_map(|line| line.split('#').next());
    lines.map(str::trim).filter(|line| !line.is_empty())
}

#[test]
fn no_operation_whose_answer_is_called_sensitive_is_a_read() {
    let known: BTreeSet<&str> = LOOKED_AT.lines().collect();
    let swept = swept();
    let sensitive = swept.iter().filter(|one| one.sensitive);
    assert!(sensitive.clone().count() > 1_500);
    let passing: Vec<&str> = sensitive
        .filter(|one| one.effect <= Effect::Local)
        .map(|one| one.name.as_str())
        .filter(|name| !known.contains(name))
        .collect();
    assert!(
        passing.is_empty(),
        "they pass as reads; make each `secret`, or look at its answer and list it:\n{}",
        passing.join("\n")
    );
}

#[test]
fn no_operation_whose_answer_is_documented_as_a_credential_is_less_than_a_secret() {
    let known: BTreeSet<&str> = entries(NO_CREDENTIAL).collect();
    let swept = swept();
    let revealing = swept.iter().filter(|one| !one.telling.is_empty());
    assert!(revealing.clone().count() > 600);
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    for one in revealing.filter(|one| one.effect < Effect::Secret) {
        for member in one.telling.iter().map(String::as_str) {
            used.insert(member);
            if !known.contains(member) {
                wrong.push(format!("{} is {}: {member}", one.name, one.effect));
            }
        }
    }
    let idle = known.difference(&used);
    wrong.extend(idle.map(|member| format!("{member} needs no review")));
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_change_that_is_documented_as_of_permissions_is_less_than_access() {
    let known: BTreeSet<String> = entries(NO_PERMISSION)
        .filter_map(|line| line.split_once(' '))
        .flat_map(|(service, operations)| {
            let operations = operations.split_whitespace();
            operations.map(move |operation| format!("{service} {operation}"))
        })
        .collect();
    let swept = swept();
    let permitting = swept.iter().filter(|one| one.permits);
    assert!(permitting.clone().count() > 800);
    let less: BTreeSet<String> = permitting
        .filter(|one| matches!(one.effect, Effect::Write | Effect::Destroy))
        .map(|one| one.name.clone())
        .collect();
    let missing: Vec<&String> = less.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "make each `access`, or list it: {missing:?}"
    );
    let idle: Vec<&String> = known.difference(&less).collect();
    assert!(idle.is_empty(), "they need no review: {idle:?}");
}

#[test]
fn an_operation_or_a_service_that_no_list_has_is_unknown() {
    for (service, operation) in [
        ("ec2", "describe-everything-that-comes"),
        ("ec2", "describe-*"),
        ("ec2", "*"),
        ("brand-new-service", "list-things"),
        ("", "list"),
    ] {
        assert_eq!(
            effect(service, operation),
            Effect::Unknown,
            "{service} {operation}"
        );
    }
}
