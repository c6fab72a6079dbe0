//! gate against the real client and server of `MariaDB`.

use gate_oracle::mysql::{MySql, case};
use gate_oracle::{Outcome, Play};

fn play() -> Outcome<Play> {
    Ok(Play {
        // Two commands of one server would be taken for each other.
        at_once: 1,
        ..Play::of_gate("mysql", case, 1500)?
    })
}

#[test]
fn mysql_changes_reaches_and_starts_nothing_that_gate_let_pass() {
    play().unwrap().judged(MySql::new).unwrap();
}

#[test]
fn a_classifier_that_calls_everything_a_read_is_found_out() {
    let events = [
        "the server has changed",
        "redirect: ",
        "started: canary",
        "wrote: cwd/",
        "wrote: drop/x",
    ];
    play().unwrap().finds_out(400, &events, MySql::new).unwrap();
}
