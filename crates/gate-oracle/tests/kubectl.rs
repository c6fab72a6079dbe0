//! gate against the real kubectl.

use gate_oracle::kubectl::{Kubectl, case};
use gate_oracle::{Outcome, Play};

fn play() -> Outcome<Play> {
    Play::of_gate("kubectl", case, 1500)
}

#[test]
fn kubectl_changes_reaches_and_starts_nothing_that_gate_let_pass() {
    play().unwrap().judged(Kubectl::new).unwrap();
}

#[test]
fn a_classifier_that_calls_everything_a_read_is_found_out() {
    let events = ["sent: DELETE", "redirect: ", "started: ", "wrote: "];
    play()
        .unwrap()
        .finds_out(150, &events, Kubectl::new)
        .unwrap();
}
