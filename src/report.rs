//! The only writer to the user's stderr.
//!
//! Every line of ours starts with `gate: `, so that nobody takes it for the
//! tool's; a closed or full stderr is no reason to stop.

use std::io::Write as _;

use gate_protocol::inert::inert;

use crate::failure::Failure;

/// Writes one line. `text` is ours: what came from a command, a reason or a
/// name must have been through [`inert`] when it was put in.
pub(crate) fn line(text: &str) {
    raw(&format!("gate: {text}\n"));
}

/// Writes each line of a failure.
pub(crate) fn failure(failure: &Failure) {
    for text in told(failure) {
        line(&text);
    }
}

/// Returns the lines of a failure, inert.
pub(crate) fn told(failure: &Failure) -> Vec<String> {
    let lines = failure.lines().into_iter();
    // Its parts were made inert where they were put in; what a library says was not. A second
    // time changes nothing but the backslashes of the first.
    lines
        .map(|text| inert(&text).replace("\\\\", "\\"))
        .collect()
}

/// Writes bytes as they are: a line in a format of another program, as a CI
/// annotation or a JSON event.
pub(crate) fn raw(text: &str) {
    // Nobody is left to be told when stderr is gone; the run goes on.
    drop(std::io::stderr().write_all(text.as_bytes()));
}
