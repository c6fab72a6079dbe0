//! gate's reading of SQL against a real `PostgreSQL`.

use std::io::Write;

use gate_oracle::psql::statements::{play, written};
use gate_oracle::{cases_wanted, everything_is_read, gate, seed_wanted};

#[test]
fn no_statement_that_gate_calls_a_read_changes_anything_and_ordinary_reads_are_reads() {
    assert!(written() >= 400, "only {} statements", written());
    let seed = seed_wanted().unwrap();
    let sums = play(gate, seed, cases_wanted(2500).unwrap()).unwrap();
    // Past the capture of the test's output: the numbers are to be seen when it passes, too.
    writeln!(std::io::stdout(), "oracle sql, seed {seed}: {sums}").unwrap();
    assert!(
        sums.missed.is_empty() && sums.needless.is_empty(),
        "MISSED\n{}\nNEEDLESS\n{}",
        sums.missed.join("\n"),
        sums.needless.join("\n")
    );
    assert!(
        sums.run > sums.judged / 8,
        "hardly anything was run: {sums}"
    );
}

#[test]
fn a_classifier_that_calls_every_statement_a_read_is_found_out() {
    let sums = play(everything_is_read, 1, 0).unwrap();
    let missed = sums.missed.join("\n");
    for statement in [
        "select f()",
        "select (t).touched from t",
        "select 5::checked",
        "select nextval('s')",
        "select lo_put(4242, 0, 'y')",
        "select * from t for update",
        "explain (\"analyze\") delete from u",
        "select query_to_xml('select f()', true, false, '')",
        "insert into guarded values (1, 'x')",
        "copy (select 1) to program '{bin}/canary'",
        "copy (select 1) to '{drop}/one.txt'",
        "create role made",
        "alter system set work_mem = '3MB'",
        "grant select on t to app",
    ] {
        assert!(
            missed.contains(&format!("{statement}\n")),
            "`{statement}` is never missed:\n{missed}"
        );
    }
}
