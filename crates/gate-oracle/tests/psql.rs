//! gate against the real psql.

use std::io::Write;

use gate_oracle::psql::{Psql, case};
use gate_oracle::{Fault, Outcome, Play, cases_wanted, everything_is_read, gate, seed_wanted};

fn play(cases: usize) -> Outcome<Play> {
    Ok(Play {
        tool: "psql",
        seed: seed_wanted()?,
        cases,
        // Two commands of one server would be taken for each other.
        at_once: 1,
        classifier: gate,
        grammar: case,
    })
}

#[test]
fn psql_changes_reaches_and_starts_nothing_that_gate_let_pass() {
    let play = play(cases_wanted(1500).unwrap()).unwrap();
    let tally = play.run(Psql::new).unwrap();
    // Past the capture of the test's output: the numbers are to be seen when it passes, too.
    writeln!(
        std::io::stdout(),
        "oracle psql, seed {}: {tally}",
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
        ..play(250).unwrap()
    };
    let missed = play.run(Psql::new).unwrap().faults_of(Fault::Missed);
    for event in [
        "the database has changed",
        "redirect: ",
        "started: canary",
        "wrote: cwd/out.txt",
    ] {
        assert!(missed.contains(event), "{event} is never missed:\n{missed}");
    }
}
