//! Holds the classification of the AWS CLI against the models that it is made
//! from: an operation whose answer can hold a credential, or what a machine or
//! a program starts with, is no mere read.
#![expect(
    clippy::disallowed_methods,
    reason = "this test starts the testbed's Python; the crate itself starts nothing"
)]

use std::collections::BTreeSet;
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use gate_policy::{CommandLine, Effect, Environment, NoFiles, Stdin, read_invocation};

/// Prints `service operation members` for every operation that looks like a
/// read and whose answer has members that the model calls sensitive or whose
/// names speak of a secret.
const SWEEP: &str = include_str!("aws_models.py");
/// Operations whose answers were looked at and hold no credential: personal
/// data, checksums, what AWS itself masks, and what only speaks of a secret.
const LOOKED_AT: &str = include_str!("aws_models.txt");

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

#[test]
fn no_operation_that_can_print_a_credential_is_a_read() {
    let python = python().unwrap();
    let output = Command::new(&python)
        .args(["-I", "-c", SWEEP])
        .env_clear()
        .output()
        .unwrap_or_else(|error| panic!("cannot run `{}`: {error}", python.display()));
    assert!(output.status.success(), "{:?}", output.stderr);
    let swept = String::from_utf8(output.stdout).unwrap();
    assert!(swept.lines().count() > 300, "{swept}");
    let known: BTreeSet<&str> = LOOKED_AT.lines().collect();
    let passing: Vec<&str> = swept
        .lines()
        .filter(|line| {
            let mut words = line.split(' ');
            let (service, operation) = (words.next().unwrap(), words.next().unwrap());
            effect(service, operation) <= Effect::Local
                && !known.contains(format!("{service} {operation}").as_str())
        })
        .collect();
    assert!(
        passing.is_empty(),
        "they pass as reads; make each `secret`, or look at its answer and list it:\n{}",
        passing.join("\n")
    );
}
