//! gate against the real bash and dash.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex;
use std::time::Instant;

use gate_oracle::shell::{Judged, Reader, Shell, case, every_shape, nothing_is_started, ordinary};
use gate_oracle::{Case, Kind, Outcome, cases_wanted, on_stages, reading, seed_wanted};

/// What came of many scripts.
#[derive(Default)]
struct Tally {
    cases: usize,
    started: usize,
    changed: usize,
    unknown: usize,
    /// Scripts that were not unknown, and started or changed something.
    held: usize,
    missed: Vec<String>,
    /// Ordinary scripts that gate called unknown.
    needless: Vec<String>,
}

impl Tally {
    fn add(&mut self, id: &str, case: &Case, judged: &Judged) {
        self.cases += 1;
        self.started += judged.started;
        self.changed += usize::from(judged.changed);
        self.unknown += usize::from(judged.is_unknown);
        let did = judged.started > 0 || judged.changed;
        self.held += usize::from(did && !judged.is_unknown);
        let text = case.as_corpus_case(id);
        if !judged.missed.is_empty() {
            let missed = judged.missed.join("\n# ");
            self.missed.push(format!("# {missed}\n{text}"));
        }
        if case.kind == Kind::Read && judged.is_unknown {
            let reasons = judged.reasons.join("; ");
            self.needless.push(format!("# {reasons}\n{text}"));
        }
    }
}

/// Plays scripts on two stages at once.
fn play(cases: usize, make: impl Fn(usize) -> Case + Sync, reader: Reader) -> Outcome<Tally> {
    let tally = Mutex::new(Tally::default());
    let play = |shell: &mut Shell, number: usize| -> Outcome<()> {
        let case = make(number);
        let judged = shell.judge(&case, reader)?;
        let id = format!("oracle-shell-{number}");
        let mut tally = tally.lock().map_err(|_| "a worker panicked")?;
        tally.add(&id, &case, &judged);
        Ok(())
    };
    on_stages("shell", 2, cases, Shell::new, play)?;
    Ok(tally.into_inner().map_err(|_| "a worker panicked")?)
}

fn listed(name: &str, cases: &[Case], reader: Reader) -> Outcome<Tally> {
    let last = cases.last().ok_or("there is no script")?;
    let make = |number: usize| cases.get(number).unwrap_or(last).clone();
    report(name, || play(cases.len(), make, reader))
}

/// Prints past the capture of the test's output: the numbers are to be seen
/// when it passes, too.
fn report(name: &str, play: impl FnOnce() -> Outcome<Tally>) -> Outcome<Tally> {
    let begun = Instant::now();
    let tally = play()?;
    writeln!(
        std::io::stdout(),
        "oracle shell, {name}: {} scripts in {:.0} s: {} missed, {} unknown, {} ordinary needlessly; \
         {} commands started, {} scripts changed files; {} of those were held",
        tally.cases,
        begun.elapsed().as_secs_f64(),
        tally.missed.len(),
        tally.unknown,
        tally.needless.len(),
        tally.started,
        tally.changed,
        tally.held,
    )?;
    Ok(tally)
}

#[test]
fn no_generated_script_starts_or_writes_what_gate_did_not_say() {
    let seed = seed_wanted().unwrap();
    let cases = cases_wanted(1600).unwrap();
    let make = |number: usize| case(seed, number);
    let tally = report(&format!("seed {seed}"), || play(cases, make, reading)).unwrap();
    assert!(tally.missed.is_empty(), "{}", tally.missed.join("\n"));
    // That much of what they do is held, and not called unknown.
    assert!(tally.held * 10 > tally.cases, "{} were held", tally.held);
}

#[test]
fn no_ordinary_script_is_unknown() {
    let cases: Vec<Case> = ordinary().collect();
    assert!(cases.len() >= 60);
    let tally = listed("ordinary", &cases, reading).unwrap();
    assert!(tally.missed.is_empty(), "{}", tally.missed.join("\n"));
    assert!(tally.needless.is_empty(), "{}", tally.needless.join("\n"));
}

#[test]
fn a_reader_that_sees_no_command_is_found_out() {
    let cases: Vec<Case> = ordinary().chain(every_shape().take(40)).collect();
    let tally = listed("a wrong reader", &cases, nothing_is_started).unwrap();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for missed in &tally.missed {
        for kind in [
            "# started, and not seen: kubectl delete ns p",
            "# started, and not seen: terraform",
            "# started, and not seen: psql",
            "# started, and not seen: aws",
            "# wrote cwd/",
        ] {
            *kinds.entry(kind).or_default() += usize::from(missed.contains(kind));
        }
    }
    assert!(kinds.values().all(|count| *count > 0), "{kinds:?}");
    assert!(tally.missed.len() > 100, "{}", tally.missed.len());
}
