//! gate against the real psql.

use gate_oracle::psql::{Psql, case};
use gate_oracle::{Outcome, Play};

fn play() -> Outcome<Play> {
    Ok(Play {
        // Two commands of one server would be taken for each other.
        at_once: 1,
        ..Play::of_gate("psql", case, 1500)?
    })
}

#[test]
fn psql_changes_reaches_and_starts_nothing_that_gate_let_pass() {
    play().unwrap().judged(Psql::new).unwrap();
}

#[test]
fn a_classifier_that_calls_everything_a_read_is_found_out() {
    let events = [
        "the database has changed",
        "redirect: ",
        "started: canary",
        "wrote: cwd/out.txt",
    ];
    play().unwrap().finds_out(250, &events, Psql::new).unwrap();
}
