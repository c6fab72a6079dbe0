//! gate against the real terraform.

use std::io::Write;

use gate_oracle::terraform::{Terraform, case};
use gate_oracle::{Fault, Outcome, Play, cases_wanted, everything_is_read, gate, seed_wanted};

fn play(cases: usize) -> Outcome<Play> {
    Ok(Play {
        tool: "terraform",
        seed: seed_wanted()?,
        cases,
        at_once: 2,
        classifier: gate,
        grammar: case,
    })
}

#[test]
fn terraform_changes_and_starts_nothing_that_gate_let_pass() {
    let play = play(cases_wanted(1500).unwrap()).unwrap();
    let tally = play.run(Terraform::new).unwrap();
    // Past the capture of the test's output: the numbers are to be seen when it passes, too.
    writeln!(
        std::io::stdout(),
        "oracle terraform, seed {}: {tally}",
        play.seed
    )
    .unwrap();
    if let Err(faults) = tally.judge() {
        panic!("{faults}");
    }
}

#[test]
fn a_classifier_that_calls_everything_a_read_is_found_out() {
    let play = Play {
        classifier: everything_is_read,
        ..play(200).unwrap()
    };
    let missed = play.run(Terraform::new).unwrap().faults_of(Fault::Missed);
    for event in [
        "wrote: cwd/terraform.tfstate",
        "wrote: cwd/.terraform/environment",
        "started: canary",
        "wrote: home/",
    ] {
        assert!(missed.contains(event), "{event} is never missed:\n{missed}");
    }
}
