//! gate against the real sqlite3.

use gate_oracle::Play;
use gate_oracle::sqlite::{Sqlite, case};

#[test]
fn sqlite3_changes_and_starts_nothing_that_gate_let_pass() {
    let play = Play::of_gate("sqlite3", case, 2000).unwrap();
    play.judged(Sqlite::new).unwrap();
}

#[test]
fn a_classifier_that_calls_everything_a_read_is_found_out() {
    let events = [
        "wrote: cwd/app.db",
        "wrote: cwd/out.txt",
        "made: cwd/out.db",
        "started: canary",
    ];
    let play = Play::of_gate("sqlite3", case, 2000).unwrap();
    play.finds_out(400, &events, Sqlite::new).unwrap();
}
