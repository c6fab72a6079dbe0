//! Plays cases and counts what came of them.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gate_policy::Effect;

use crate::classifier::{everything_is_read, gate};
use crate::sandbox::Placed;
use crate::{Case, Classifier, Dice, Kind, Outcome, Said, Seen};

/// How many cases lie between two lines that say how far a long run has come.
const PROGRESS: usize = 1_000;

/// A real tool with the stubs that it acts on.
pub trait Stage {
    /// Puts in what only the stage knows, so that a report names it.
    fn named(&self, case: Case) -> Case {
        case
    }

    /// Puts the command into its sandbox.
    ///
    /// # Errors
    /// The sandbox cannot be made.
    fn place(&mut self, case: &Case) -> Outcome<Placed>;

    /// Runs the command as gate would after it said so, and tells what was seen of it.
    ///
    /// # Errors
    /// The tool or a stub is not there any more.
    fn see(&mut self, placed: &Placed, said: &Said) -> Outcome<Seen>;
}

/// How gate was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It let a change, a redirect or the start of a program pass.
    Missed,
    /// It asked about an ordinary command that only read.
    Needless,
}

/// One run of many cases.
#[derive(Clone, Copy, Debug)]
pub struct Play {
    /// The tool's name.
    pub tool: &'static str,
    /// Where the dice start.
    pub seed: u64,
    /// How many cases.
    pub cases: usize,
    /// How many commands run at once.
    pub at_once: usize,
    /// Who says what a command does.
    pub classifier: Classifier,
    /// Who makes the commands.
    pub grammar: fn(&mut Dice) -> Case,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Tally {
    /// The faults, each with the case as the corpus has it.
    pub faults: Vec<(Fault, String)>,
    /// How many commands were daily reads.
    pub reads: usize,
    /// How many of these did their work, and only read.
    pub finished_reads: usize,
    /// How many commands gate let pass.
    pub allowed: usize,
    /// How often each kind of event was seen, whatever gate said.
    pub events: BTreeMap<&'static str, usize>,
    /// By shape: how many cases, and in how many of them more than a read was seen.
    pub shapes: BTreeMap<&'static str, (usize, usize)>,
    /// How long it took.
    pub lasted: Duration,
}

impl Tally {
    /// Returns how many faults of a kind there are.
    pub fn count(&self, fault: Fault) -> usize {
        self.faults
            .iter()
            .filter(|(kind, _)| *kind == fault)
            .count()
    }

    /// Returns the faults of a kind, as text.
    pub fn faults_of(&self, fault: Fault) -> String {
        let faults = self.faults.iter().filter(|(kind, _)| *kind == fault);
        let texts: Vec<&str> = faults.map(|(_, text)| text.as_str()).collect();
        texts.join("\n")
    }

    /// Holds gate to the promise: nothing missed, and at most one in a hundred
    /// of the daily reads asked about needlessly.
    ///
    /// # Errors
    /// The faults, each as a case of the corpus.
    pub fn judge(&self) -> Result<(), String> {
        let missed = self.faults_of(Fault::Missed);
        let needless = self.faults_of(Fault::Needless);
        let is_often = self.count(Fault::Needless) * 100 > self.finished_reads;
        if missed.is_empty() && !is_often {
            return Ok(());
        }
        Err(format!("MISSED\n{missed}\nNEEDLESS\n{needless}"))
    }

    fn add(&mut self, id: &str, case: &Case, said: &Said, seen: &Seen) {
        let shape = self.shapes.entry(case.shape).or_default();
        shape.0 += 1;
        shape.1 += usize::from(seen.is_more_than_read());
        for (event, list) in [
            ("mutation", &seen.mutations),
            ("local", &seen.local),
            ("redirect", &seen.redirects),
            ("program", &seen.programs),
        ] {
            *self.events.entry(event).or_default() += usize::from(!list.is_empty());
        }
        let only_read = seen.is_done && !seen.is_more_than_read();
        if case.kind == Kind::Read {
            self.reads += 1;
            self.finished_reads += usize::from(only_read);
        }
        if said.is_allowed() {
            self.allowed += 1;
            let mut why = seen.mutations.clone();
            why.extend(seen.redirects.iter().chain(&seen.programs).cloned());
            if said.effect == Effect::Read {
                why.extend(seen.local.iter().cloned());
            }
            if !why.is_empty() {
                self.faults
                    .push((Fault::Missed, text(id, case, said, &why)));
            }
        } else if case.kind == Kind::Read && only_read {
            let text = text(id, case, said, &said.reasons);
            self.faults.push((Fault::Needless, text));
        }
    }

    /// Prints the faults from there on, and at times how far a long run has come. It goes past the
    /// capture of the test's output: the numbers are to be seen when it passes, too.
    fn tell(&self, play: &Play, known: usize, number: usize) -> Outcome<()> {
        let mut out = std::io::stdout();
        for (fault, text) in self.faults.get(known..).unwrap_or_default() {
            writeln!(out, "{fault:?}\n{text}")?;
        }
        if number % PROGRESS == PROGRESS - 1 {
            let (tool, done, cases) = (play.tool, number + 1, play.cases);
            let faults = self.faults.len();
            writeln!(
                out,
                "oracle {tool}: {done} of {cases}, {faults} missed or needless"
            )?;
        }
        Ok(())
    }
}

fn text(id: &str, case: &Case, said: &Said, why: &[String]) -> String {
    format!(
        "# {}; gate said {} ({}): {}\n{}",
        case.shape,
        said.effect,
        said.decision,
        why.join("; ").replace('\n', " "),
        case.as_corpus_case(id)
    )
}

impl Play {
    /// Returns the run of one tool that holds gate, of as many cases as the
    /// environment wants or else `everyday`.
    ///
    /// # Errors
    /// The environment says something that is no number.
    pub fn of_gate(
        tool: &'static str,
        grammar: fn(&mut Dice) -> Case,
        everyday: usize,
    ) -> Outcome<Self> {
        Ok(Self {
            tool,
            seed: seed_wanted()?,
            cases: cases_wanted(everyday)?,
            at_once: 2,
            classifier: gate,
            grammar,
        })
    }

    /// Plays, prints the numbers and judges.
    ///
    /// # Errors
    /// The faults, or what broke the oracle itself.
    pub fn judged<S: Stage>(&self, make: impl Fn() -> Outcome<S> + Sync) -> Outcome<()> {
        let tally = self.run(make)?;
        // Past the capture of the test's output: the numbers are to be seen when it passes, too.
        let (tool, seed) = (self.tool, self.seed);
        writeln!(std::io::stdout(), "oracle {tool}, seed {seed}: {tally}")?;
        Ok(tally.judge()?)
    }

    /// Plays so many cases with a classifier that calls everything a read, and
    /// holds that each of these events is missed: an oracle that finds nothing
    /// could not be told from a gate that is right.
    ///
    /// # Errors
    /// What was never missed, or what broke the oracle itself.
    pub fn finds_out<S: Stage>(
        self,
        cases: usize,
        events: &[&str],
        make: impl Fn() -> Outcome<S> + Sync,
    ) -> Outcome<()> {
        let wrong = Self {
            cases,
            classifier: everything_is_read,
            ..self
        };
        let missed = wrong.run(make)?.faults_of(Fault::Missed);
        match events.iter().find(|event| !missed.contains(**event)) {
            Some(event) => Err(format!("{event} is never missed:\n{missed}").into()),
            None => Ok(()),
        }
    }

    /// Plays the cases on as many stages as run at once.
    ///
    /// # Errors
    /// A stage cannot be made, or breaks twice at one case: that says nothing about gate.
    pub fn run<S: Stage>(&self, make: impl Fn() -> Outcome<S> + Sync) -> Outcome<Tally> {
        let begun = Instant::now();
        let tally = Mutex::new(Tally::default());
        let play = |stage: &mut S, number| self.play(stage, number, &tally);
        on_stages(self.tool, self.at_once, self.cases, make, play)?;
        let mut tally = tally.into_inner().map_err(|_| "a worker panicked")?;
        tally.faults.sort();
        tally.lasted = begun.elapsed();
        Ok(tally)
    }

    fn play<S: Stage>(&self, stage: &mut S, number: usize, tally: &Mutex<Tally>) -> Outcome<()> {
        let case = stage.named((self.grammar)(&mut Dice::of(self.seed, number)));
        let placed = stage.place(&case)?;
        let said = (self.classifier)(&placed);
        let seen = stage.see(&placed, &said)?;
        let id = format!("oracle-{}-{}-{number}", self.tool, self.seed);
        let mut tally = tally.lock().map_err(|_| "a worker panicked")?;
        let known = tally.faults.len();
        tally.add(&id, &case, &said, &seen);
        tally.tell(self, known, number)
    }
}

/// Plays so many cases, by their numbers, on as many stages as run at once.
///
/// # Errors
/// A stage cannot be made, or breaks twice at one case: that says nothing about gate.
pub fn on_stages<S>(
    tool: &str,
    at_once: usize,
    cases: usize,
    make: impl Fn() -> Outcome<S> + Sync,
    play: impl Fn(&mut S, usize) -> Outcome<()> + Sync,
) -> Outcome<()> {
    let next = AtomicUsize::new(0);
    let work = || -> Outcome<()> {
        let mut stage = make()?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= cases {
                return Ok(());
            }
            if let Err(problem) = play(&mut stage, number) {
                // A stage that broke says nothing about gate. The case is played on another.
                writeln!(
                    std::io::stdout(),
                    "oracle {tool}: case {number} is played again: {problem}"
                )?;
                stage = make()?;
                play(&mut stage, number)?;
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| "a worker panicked")?)
    })
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cases: usize = self.shapes.values().map(|(cases, _)| cases).sum();
        write!(
            f,
            "{cases} cases in {:.0} s: {} missed, {} needless of {} daily reads ({} more did something or failed), {} let pass; seen",
            self.lasted.as_secs_f64(),
            self.count(Fault::Missed),
            self.count(Fault::Needless),
            self.finished_reads,
            self.reads - self.finished_reads,
            self.allowed,
        )?;
        for (event, count) in &self.events {
            write!(f, " {event} {count}")?;
        }
        for (shape, (cases, acted)) in &self.shapes {
            write!(f, "\n  {shape}: {acted} of {cases} did more than read")?;
        }
        Ok(())
    }
}

/// Returns how many cases to play: `GATE_ORACLE_CASES`, or what a tool plays in every test run.
///
/// # Errors
/// The variable is no number.
pub fn cases_wanted(usual: usize) -> Outcome<usize> {
    number("GATE_ORACLE_CASES").map(|wanted| wanted.unwrap_or(usual))
}

/// Returns the seed: `GATE_ORACLE_SEED`, or the one of every test run.
///
/// # Errors
/// The variable is no number.
pub fn seed_wanted() -> Outcome<u64> {
    Ok(number("GATE_ORACLE_SEED")?.map_or(20_261_128, |seed| seed as u64))
}

fn number(name: &str) -> Outcome<Option<usize>> {
    match std::env::var(name) {
        Ok(text) => Ok(Some(
            text.parse()
                .map_err(|_| format!("{name} is `{text}`, no number"))?,
        )),
        Err(_) => Ok(None),
    }
}
