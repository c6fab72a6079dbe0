//! gate against the driver of the real AWS command line.

use std::io::Write;

use gate_oracle::aws::{Aws, case};
use gate_oracle::{Fault, Outcome, Play, cases_wanted, everything_is_read, gate, seed_wanted};

fn play(cases: usize) -> Outcome<Play> {
    Ok(Play {
        tool: "aws",
        seed: seed_wanted()?,
        cases,
        at_once: 2,
        classifier: gate,
        grammar: case,
    })
}

#[test]
fn aws_changes_reaches_and_starts_nothing_that_gate_let_pass() {
    let play = play(cases_wanted(1500).unwrap()).unwrap();
    let tally = play.run(Aws::new).unwrap();
    // Past the capture of the test's output: the numbers are to be seen when it passes, too.
    writeln!(std::io::stdout(), "oracle aws, seed {}: {tally}", play.seed).unwrap();
    if let Err(faults) = tally.judge() {
        panic!("{faults}");
    }
}

#[test]
fn a_classifier_that_calls_everything_a_read_is_found_out() {
    let play = Play {
        classifier: everything_is_read,
        ..play(300).unwrap()
    };
    let missed = play.run(Aws::new).unwrap().faults_of(Fault::Missed);
    for event in [
        "sent: ec2 TerminateInstances",
        "redirect: elsewhere",
        "started: ",
        "wrote: ",
    ] {
        assert!(missed.contains(event), "{event} is never missed:\n{missed}");
    }
}
