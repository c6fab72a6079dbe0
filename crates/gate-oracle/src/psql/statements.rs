//! Single statements and mutations of them: each that gate calls a read runs
//! between two sums of the whole server.

use std::fmt;
use std::time::{Duration, Instant};

use gate_policy::Effect;

use super::{Psql, given_alone};
use crate::mutation::Way::{As, First};
use crate::mutation::{BESIDE, INSIDE, Statements, WITH, WRITTEN};
use crate::play::Stage;
use crate::{Classifier, Dice, Outcome};

const ORDINARY: &str = include_str!("ordinary.txt");
const OTHERS: &str = include_str!("statements.txt");

/// What statements are made of.
const STATEMENTS: Statements = Statements {
    ordinary: ORDINARY,
    others: OTHERS,
    ways: &[
        WITH,
        &[As("with w as materialized ({other}) {text}")],
        INSIDE,
        &[
            As("explain analyze {text}"),
            As("explain (costs off, analyze) {text}"),
            As("prepare w as {text}; execute w"),
            As("begin; declare w cursor for {text}; fetch all from w; commit"),
        ],
        BESIDE,
        &[As("copy ({text}) to stdout"), As("select ({text})::text")],
        WRITTEN,
        &[First(" ", " $x$ $x$ ")],
    ],
};

/// What came of a run of statements.
#[derive(Debug, Default)]
pub struct Sums {
    /// Reads that changed something, each with what was seen.
    pub missed: Vec<String>,
    /// Ordinary reads that were not called reads, each with the reasons, or that
    /// the server refused.
    pub needless: Vec<String>,
    /// How many statements were judged.
    pub judged: usize,
    /// How many were called reads and run.
    pub run: usize,
    /// How many of these the server took.
    pub taken: usize,
    /// How long it took.
    pub lasted: Duration,
}

/// Returns how many statements are written down.
pub fn written() -> usize {
    ORDINARY.lines().count() + OTHERS.lines().count()
}

/// Plays every statement that is written down, and so many mutations of them.
///
/// # Errors
/// The server or the sandbox is not there any more.
pub fn play(classifier: Classifier, seed: u64, mutations: usize) -> Outcome<Sums> {
    let begun = Instant::now();
    let (mut psql, mut sums) = (Psql::new()?, Sums::default());
    for text in ORDINARY.lines() {
        sums.add(&mut psql, classifier, text, true)?;
    }
    for text in OTHERS.lines() {
        sums.add(&mut psql, classifier, text, false)?;
    }
    for number in 0..mutations {
        let text = STATEMENTS.mutated(&mut Dice::of(seed, number));
        sums.add(&mut psql, classifier, &text, false)?;
    }
    sums.lasted = begun.elapsed();
    Ok(sums)
}

impl Sums {
    fn add(
        &mut self,
        psql: &mut Psql,
        classifier: Classifier,
        text: &str,
        is_ordinary: bool,
    ) -> Outcome<()> {
        let placed = psql.place(&given_alone(text))?;
        let said = classifier(&placed);
        self.judged += 1;
        if said.effect != Effect::Read {
            if is_ordinary {
                let why = said.reasons.join("; ");
                self.needless
                    .push(format!("{text}\n  {}: {why}", said.effect));
            }
            return Ok(());
        }
        self.run += 1;
        let moves = psql.moves.clone();
        let mut seen = psql.see(&placed, &said)?;
        if seen.mutations.is_empty() && psql.moves != moves {
            // The checksums can overlook something, but nothing is written
            // without the number of a transaction.
            let what = "it took the number of a transaction, which only a change takes";
            seen.mutations.push(what.to_owned());
        }
        self.taken += usize::from(seen.is_done);
        if is_ordinary && !seen.is_done {
            self.needless
                .push(format!("{text}\n  the server refuses it"));
        }
        let mut events = seen.mutations;
        events.extend(seen.local.into_iter().chain(seen.redirects));
        events.extend(seen.programs);
        if !events.is_empty() {
            self.missed.push(format!("{text}\n  {}", events.join("; ")));
        }
        Ok(())
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} statements in {:.0} s: {} called reads and run, of which the server took {}; {} missed, {} ordinary reads asked about",
            self.judged,
            self.lasted.as_secs_f64(),
            self.run,
            self.taken,
            self.missed.len(),
            self.needless.len(),
        )
    }
}
