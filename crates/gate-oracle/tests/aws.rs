//! gate against the driver of the real AWS command line.

use gate_oracle::aws::{Aws, case};
use gate_oracle::{Outcome, Play};

fn play() -> Outcome<Play> {
    Play::of_gate("aws", case, 1500)
}

#[test]
fn aws_changes_reaches_and_starts_nothing_that_gate_let_pass() {
    play().unwrap().judged(Aws::new).unwrap();
}

#[test]
fn a_classifier_that_calls_everything_a_read_is_found_out() {
    let events = [
        "sent: ec2 TerminateInstances",
        "redirect: elsewhere",
        "started: ",
        "wrote: ",
    ];
    play().unwrap().finds_out(300, &events, Aws::new).unwrap();
}
