//! The records of this run: each durable in the local queue before the step
//! that it describes.

mod run;

use std::time::Duration;

use gate_client::Client;
use gate_exec::{Cancel, ExitReason, Outcome};
use gate_policy::{Decision, Evaluation, Layer, Recording};
use gate_protocol::canonical::Digest;
use gate_protocol::event::{AllowedFinishedFact, DecidedFact, Fact, RunOutcome};
use gate_protocol::inert::inert;

use crate::durable;
use crate::failure::{Failure, FailureKind};
use crate::progress::{About, Voice};
use crate::report;
use crate::session;
use crate::spool::{self, Delivered, Durability, Spool, SpoolError, Verified};
use crate::world::World;

pub(crate) use run::RunRecorder;

/// How long a request that was just asked leaves for the records of earlier runs.
const CATCH_UP: Duration = Duration::from_secs(1);
/// How long another gate may hold the queue while a command waits that runs
/// without its record as well.
const BASELINE_LOCK: Duration = Duration::from_secs(1);
/// How long it may hold it while an agent waits for the answer to its hook.
const SOON: Duration = Duration::from_secs(1);
/// How long `gate audit flush` goes on.
const FLUSH: Duration = Duration::from_mins(1);

/// Records a decision that nobody was asked about, as the deciding rule wants it. Returns what
/// records that an allowed command was not started; nothing where there is no record of it.
///
/// # Errors
/// A denial, or a decision by a rule that somebody wrote, can't be recorded.
/// What the built-in baseline lets through is let through all the same, with a
/// warning: refusing `kubectl get` on a full disk would protect nothing.
pub(crate) fn decided(
    world: &World,
    evaluation: &Evaluation,
    voice: Voice,
    shown: impl FnOnce() -> Result<String, Failure>,
) -> Result<Option<OutcomeRecorder>, Failure> {
    if evaluation.obligations.record == Recording::None {
        return Ok(None);
    }
    let fact = decided_fact(world, evaluation, shown()?);
    let by_baseline = evaluation.deciding.layer == Layer::Baseline;
    let is_let_through = by_baseline && evaluation.decision == Decision::Allow;
    let patience = is_let_through.then_some(BASELINE_LOCK);
    let durability = if by_baseline {
        Durability::Written
    } else {
        Durability::Synced
    };
    let recorded = open_within(world, patience).and_then(|mut spool| {
        let decided = spool.append(fact, durability).map_err(cannot_record)?;
        Ok(Some(OutcomeRecorder {
            spool,
            decided,
            voice,
        }))
    });
    match recorded {
        Err(failure) if is_let_through => {
            let why = inert(&failure.to_string()).into_owned();
            let warning = format!("warning: this decision is not recorded: {why}");
            voice.note(About::Record, &[warning]);
            Ok(None)
        }
        recorded => recorded,
    }
}

/// Records commands that were denied before anybody ran them, each with its words, as far as that
/// can be done soon: who waits for the answer takes none in time for a yes, and another gate may
/// hold the queue for ever.
pub(crate) fn denied_beforehand<'d>(
    world: &World,
    denied: impl IntoIterator<Item = (&'d Evaluation, &'d str)>,
) {
    let mut denied = denied
        .into_iter()
        .filter(|(evaluation, _)| evaluation.obligations.record != Recording::None)
        .map(|(evaluation, shown)| decided_fact(world, evaluation, shown.to_owned()))
        .peekable();
    if denied.peek().is_none() {
        return;
    }
    if let Ok(mut spool) = open_within(world, Some(SOON)) {
        // The first that can't be kept is the last that is tried.
        drop(denied.try_for_each(|fact| spool.append(fact, Durability::Synced).map(drop)));
    }
}

fn decided_fact(world: &World, evaluation: &Evaluation, shown: String) -> Fact {
    let decided = DecidedFact {
        decision: evaluation.decision.as_str().to_owned(),
        tool: evaluation.tool.to_string(),
        command: evaluation.command.iter().map(ToString::to_string).collect(),
        effect: evaluation.effect.as_str().to_owned(),
        rule: evaluation.deciding.id.clone(),
        shown,
        whole: None,
        cwd: world.cwd.to_string_lossy().into_owned(),
        mode: crate::circumstances::MODE,
    };
    Fact::Decided(decided.shortened())
}

fn open(world: &World) -> Result<Spool, Failure> {
    open_within(world, None)
}

/// Opens the queue, and waits for another gate that holds it for `patience`, or
/// for as long as what must be recorded is worth.
fn open_within(world: &World, patience: Option<Duration>) -> Result<Spool, Failure> {
    let folder = world.layout.spool()?;
    match patience {
        Some(patience) => Spool::open_within(&folder, patience),
        None => Spool::open(&folder),
    }
    .map_err(|error| cannot_open(world, error))
}

/// As [`cannot_record`], where it is the folder that can't be used.
fn cannot_open(world: &World, error: SpoolError) -> Failure {
    let mend = matches!(error, SpoolError::Io { .. }).then(|| world.layout.state_mend());
    let failure = cannot_record(error);
    match mend {
        Some(mend) => failure.and_hint(&mend),
        None => failure,
    }
}

/// Opens the queue for a command that is about to run. A signal ends the wait for
/// another gate: nothing was started yet.
fn open_unless_stopped(world: &World, cancel: &Cancel) -> Result<Spool, Failure> {
    let folder = world.layout.spool()?;
    Spool::open_until(&folder, || cancel.signal().is_some()).map_err(|error| {
        match (&error, cancel.signal()) {
            (SpoolError::Held { .. }, Some(signal)) => Failure::new(
                FailureKind::Interrupted(signal),
                "stopped before the command was started",
            ),
            _ => cannot_open(world, error),
        }
    })
}

/// The records of one allowed command: of its outcome where a rule wants to know it, and where it
/// was not started.
pub(crate) struct OutcomeRecorder {
    spool: Spool,
    decided: Digest,
    voice: Voice,
}

impl OutcomeRecorder {
    /// Records that the command is allowed, with space set aside for its outcome.
    ///
    /// # Errors
    /// There is no record or no space, or a signal came while another gate held
    /// the queue: then nothing may run.
    pub(crate) fn decided(
        world: &World,
        evaluation: &Evaluation,
        voice: Voice,
        shown: String,
        cancel: &Cancel,
    ) -> Result<Self, Failure> {
        let fact = decided_fact(world, evaluation, shown);
        let mut spool = open_unless_stopped(world, cancel)?;
        let decided = spool
            .append(fact, Durability::Synced)
            .map_err(cannot_record)?;
        spool.reserve().map_err(cannot_record)?;
        Ok(Self {
            spool,
            decided,
            voice,
        })
    }

    /// Records how the command ended, or why it was not started. Whoever next
    /// reaches the server delivers it: nobody waits for that here. An end that
    /// is not known is left open, for there is nothing true to say of it.
    pub(crate) fn ended(&mut self, ran: &Result<Outcome, Failure>) {
        let outcome = match ran {
            Ok(outcome) => on_the_wire(outcome),
            Err(failure) if failure.kind() == FailureKind::OutcomeLost => return,
            Err(failure) => not_run(failure.to_string()),
        };
        let fact = Fact::AllowedFinished(AllowedFinishedFact {
            decided: self.decided,
            outcome,
        });
        keep(
            &mut self.spool,
            fact,
            self.voice,
            "the log will not say how the command ended",
        );
    }
}

/// Keeps a fact about what has already happened: there is no step left to
/// hold back, so a failure is told and the tool's own ending stands.
fn keep(spool: &mut Spool, fact: Fact, voice: Voice, otherwise: &str) {
    if let Err(error) = spool.append(fact, Durability::Synced) {
        let failure = cannot_record(error).hint(otherwise);
        voice.note(About::Record, &report::told(&failure));
    }
}

/// Delivers what earlier runs left, since the server has just answered. What it does not take soon
/// goes on waiting, and the run that this is part of does not care.
pub(crate) async fn catch_up(world: &World, client: &Client) {
    // Whoever holds the queue now is at it already, or will never let go.
    let Ok(mut spool) = open_within(world, Some(Duration::ZERO)) else {
        return;
    };
    if spool.waiting().is_ok_and(|events| events > 0) {
        drop(spool::deliver(&mut spool, client, CATCH_UP).await);
    }
}

/// What a flush did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flushed {
    /// Events that the server confirmed now.
    pub(crate) delivered: u64,
    /// Events that still wait.
    pub(crate) left: u64,
}

/// Delivers everything in the queue.
///
/// # Errors
/// The queue can't be read, or the server does not take what is in it.
pub(crate) fn flush(world: &World) -> Result<Flushed, Failure> {
    let mut spool = open(world)?;
    let session = session::connect(world)?;
    let delivered = spool::deliver(&mut spool, session.client(), FLUSH);
    let delivered = session.block_on(delivered);
    let Delivered { events } = delivered.map_err(|error| match error {
        spool::DeliverError::Client(error) => session::from_client(error),
        spool::DeliverError::Spool(error) => cannot_record(error),
        slow @ spool::DeliverError::Slow(_) => {
            Failure::new(FailureKind::Unreachable, slow.to_string())
                .hint("what was confirmed is confirmed; run it again for the rest")
        }
    })?;
    Ok(Flushed {
        delivered: events,
        left: spool.waiting().map_err(cannot_record)?,
    })
}

/// Holds the queue against its chain and against what the server confirmed.
///
/// # Errors
/// The queue can't be read.
pub(crate) fn verify_spool(world: &World) -> Result<Verified, Failure> {
    spool::verify(&world.layout.spool()?).map_err(|error| {
        Failure::new(FailureKind::Internal, "cannot verify the queue").caused_by(error)
    })
}

fn cannot_record(error: SpoolError) -> Failure {
    let hint = match error {
        SpoolError::Held { .. } => durable::HELD_HINT,
        SpoolError::TooLong { .. } => "nothing runs without its record: name less in one command",
        SpoolError::Io { .. } | SpoolError::Canonical(_) => {
            "nothing privileged runs without a record: make room or mend the folder, then run it again"
        }
    };
    Failure::new(
        FailureKind::Internal,
        "cannot record what is about to happen",
    )
    .caused_by(error)
    .hint(hint)
}

fn on_the_wire(outcome: &Outcome) -> RunOutcome {
    let (exit_code, signal) = match outcome.reason {
        ExitReason::Code(code) => (Some(code), None),
        ExitReason::Signal { number, .. } => (None, u32::try_from(number).ok()),
    };
    RunOutcome {
        exit_code,
        signal,
        not_run: None,
        duration_ms: milliseconds(outcome.duration),
        user_ms: milliseconds(outcome.user_time),
        system_ms: milliseconds(outcome.system_time),
        max_rss_bytes: outcome.max_rss_bytes,
    }
}

fn not_run(why: String) -> RunOutcome {
    RunOutcome {
        exit_code: None,
        signal: None,
        not_run: Some(why),
        duration_ms: 0,
        user_ms: 0,
        system_ms: 0,
        max_rss_bytes: 0,
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use gate_protocol::id::Nonce;

    use super::run::Telling;
    use super::*;

    fn lost() -> Result<Outcome, Failure> {
        Err(Failure::new(FailureKind::OutcomeLost, "was started"))
    }

    fn not_started() -> Result<Outcome, Failure> {
        Err(Failure::new(FailureKind::Internal, "was changed"))
    }

    /// The queue's text after the recorder of each kind was told of an end.
    fn recorded(ran: &Result<Outcome, Failure>) -> [String; 2] {
        let queue = |tell: &dyn Fn(Spool)| {
            let folder = tempfile::tempdir().unwrap();
            tell(Spool::open(folder.path()).unwrap());
            std::fs::read_to_string(folder.path().join("events.jsonl")).unwrap()
        };
        let approved = queue(&|spool| {
            let mut recorder = RunRecorder {
                spool,
                request: "0199a3c0-1111-7000-8000-0000deadbeef".parse().unwrap(),
                claim_nonce: Nonce::generate().unwrap(),
                voice: Voice::Human,
                telling: Telling::default(),
            };
            recorder.started().unwrap();
            recorder.ended(ran);
        });
        let allowed = queue(&|spool| {
            let decided = Digest::ZERO;
            let voice = Voice::Human;
            let mut recorder = OutcomeRecorder {
                spool,
                decided,
                voice,
            };
            recorder.ended(ran);
        });
        [approved, allowed]
    }

    /// `RunAbandonedFact`: "a grant was held and the tool was not started".
    #[test]
    fn a_tool_that_was_started_is_never_recorded_as_not_run() {
        let [approved, allowed] = recorded(&lost());
        assert_eq!(approved.lines().count(), 1, "{approved}");
        assert!(approved.contains("run_started"), "{approved}");
        assert_eq!(allowed, "");
        let [approved, allowed] = recorded(&not_started());
        assert!(approved.contains("run_abandoned"), "{approved}");
        assert!(allowed.contains("\"not_run\""), "{allowed}");
    }
}
