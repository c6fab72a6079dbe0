//! gate against the real terraform.

use gate_oracle::terraform::{Terraform, case};
use gate_oracle::{Outcome, Play};

fn play() -> Outcome<Play> {
    Play::of_gate("terraform", case, 1500)
}

#[test]
fn terraform_changes_and_starts_nothing_that_gate_let_pass() {
    play().unwrap().judged(Terraform::new).unwrap();
}

#[test]
fn a_classifier_that_calls_everything_a_read_is_found_out() {
    let events = [
        "wrote: cwd/terraform.tfstate",
        "wrote: cwd/.terraform/environment",
        "started: canary",
        "wrote: home/",
    ];
    play()
        .unwrap()
        .finds_out(200, &events, Terraform::new)
        .unwrap();
}
