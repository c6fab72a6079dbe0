//! The records of one approved run, from its claim on.

use std::time::{Duration, Instant};

use gate_client::{Client, ClientError};
use gate_exec::{Cancel, Outcome};
use gate_protocol::claim::SignedGrant;
use gate_protocol::event::{Fact, RunAbandonedFact, RunFinishedFact, RunStartedFact};
use gate_protocol::id::{Nonce, RequestId};
use gate_protocol::problem::ProblemCode;

use super::{cannot_record, keep, on_the_wire, open_unless_stopped};
use crate::answers::PATIENCE;
use crate::failure::{Failure, FailureKind};
use crate::layout::KeptFiles;
use crate::progress::{About, Voice};
use crate::receipts;
use crate::session::{self, Session};
use crate::spool::{self, DeliverError, Delivered, Durability, Sent, Spool};
use crate::world::World;

/// How long a run that is over waits for the server to take its records. What
/// is not taken stays in the queue for the next gate.
const AFTER_RUN: Duration = Duration::from_secs(3);
/// How long a tool has run when the server is told of its start. Of one that is over by then it is
/// told with the end.
const TELL_AFTER: Duration = Duration::from_millis(5);
/// How often it is looked whether the server has answered that, each time after twice as long: for
/// 2.5 s in all.
const LOOKS: u32 = 9;
/// What a lost outcome of an approved run means.
const UNKNOWN: &str = "the server will show this run as `unknown`; tell who runs it what happened";

/// The records of one approved run, from its claim on.
pub(crate) struct RunRecorder {
    pub(super) spool: Spool,
    pub(super) request: RequestId,
    pub(super) claim_nonce: Nonce,
    pub(super) voice: Voice,
    pub(super) telling: Telling,
}

/// What is told beside the tool's run.
#[derive(Default)]
pub(super) struct Telling {
    /// What proves that the server has the record of the claim, until it is kept.
    claimed: Option<SignedGrant>,
    /// The record of the start, on its way to the server.
    start: Option<Sent>,
    /// How often the tool still ran when it was looked.
    looks: u32,
}

impl RunRecorder {
    /// Opens the queue and sets space aside for everything that will follow.
    /// To be called before the claim: what can't be recorded is not claimed.
    ///
    /// # Errors
    /// There is no queue or no space, or a signal came while another gate held the
    /// queue: then nothing may run.
    pub(crate) fn open(
        world: &World,
        request: RequestId,
        claim_nonce: Nonce,
        voice: Voice,
        cancel: &Cancel,
    ) -> Result<Self, Failure> {
        let mut spool = open_unless_stopped(world, cancel)?;
        spool.reserve().map_err(cannot_record)?;
        Ok(Self {
            spool,
            request,
            claim_nonce,
            voice,
            telling: Telling::default(),
        })
    }

    /// Takes what the server gave for the claim, to keep it as a receipt beside the run.
    pub(crate) fn claimed(&mut self, signed: SignedGrant) {
        self.telling.claimed = Some(signed);
    }

    /// Records that the tool is about to be started.
    ///
    /// # Errors
    /// It is not durable: then nothing may run.
    pub(crate) fn started(&mut self) -> Result<(), Failure> {
        let fact = Fact::RunStarted(RunStartedFact {
            request: self.request,
            claim_nonce: self.claim_nonce,
        });
        self.spool
            .append(fact, Durability::Synced)
            .map(drop)
            .map_err(cannot_record)
    }

    /// Tells the server of the start while the tool runs, and waits for nothing; returns when that
    /// goes on. The record is durable here already: what the server does not take now it gets later.
    pub(crate) fn meanwhile(&mut self, session: &Session) -> Option<Duration> {
        let looks = self.telling.looks;
        self.telling.looks += 1;
        if looks == 0 {
            return Some(TELL_AFTER);
        }
        // Where another gate writes its own just now, it is kept at the next look, or at the end.
        drop(self.keep_claim(session, Duration::ZERO));
        if let Some(start) = &self.telling.start {
            session.go_on();
            if start.is_answered() {
                return None;
            }
        } else {
            self.telling.start = self.spool.send(session).ok().flatten();
        }
        (looks < LOOKS).then(|| TELL_AFTER * 2_u32.pow(looks))
    }

    /// Keeps what proves that the server has the record of the claim.
    fn keep_claim(&mut self, session: &Session, patience: Duration) -> std::io::Result<()> {
        let Some(claimed) = &self.telling.claimed else {
            return Ok(());
        };
        let files = KeptFiles::receipts_beside(self.spool.folder());
        receipts::keep_claim(&files, session.client().server(), claimed, patience)?;
        self.telling.claimed = None;
        Ok(())
    }

    /// Records that the grant was not used.
    pub(crate) fn abandoned(&mut self, why: &str) {
        let fact = Fact::RunAbandoned(RunAbandonedFact {
            request: self.request,
            claim_nonce: self.claim_nonce,
            why: why.to_owned(),
        });
        keep(&mut self.spool, fact, self.voice, UNKNOWN);
    }

    /// Records how the run ended, or that the grant was not used. Of a tool that
    /// was started and whose end is not known the start is on record already;
    /// the server makes it `unknown` when no more comes, and that is what it is.
    pub(crate) fn ended(&mut self, ran: &Result<Outcome, Failure>) {
        match ran {
            Ok(outcome) => self.finished(outcome),
            Err(failure) if failure.kind() == FailureKind::OutcomeLost => {
                self.voice.note(About::Record, &[UNKNOWN.to_owned()]);
            }
            Err(failure) => self.abandoned(&failure.to_string()),
        }
    }

    fn finished(&mut self, outcome: &Outcome) {
        let fact = Fact::RunFinished(RunFinishedFact {
            request: self.request,
            claim_nonce: self.claim_nonce,
            outcome: on_the_wire(outcome),
        });
        keep(&mut self.spool, fact, self.voice, UNKNOWN);
    }

    /// Delivers what is in the queue, if the server answers soon, and keeps the receipt of the claim.
    /// That it can't be kept is told: the record is there all the same.
    pub(crate) fn deliver(&mut self, world: &World, session: &Session) {
        if let Err(why) = self.keep_claim(session, PATIENCE) {
            let told = format!("warning: no receipt of this claim is kept: {why}");
            self.voice.note(About::Record, &[told]);
        }
        let mut delivered = session.block_on(self.report(session.client()));
        if delivered.as_ref().is_err_and(is_ended_token) {
            // The run outlived its token. The tool is over: a keyring gets no more time than the server.
            if let Ok(session) = session::connect_within(world, Some(AFTER_RUN), self.voice) {
                delivered = session.block_on(self.report(session.client()));
            }
        }
        if delivered.is_err() {
            let lines = [
                "the outcome is recorded here and not yet at the server",
                "it is delivered when somebody is next asked, or by `gate audit flush`",
            ];
            self.voice.note(About::Delivery, &lines.map(str::to_owned));
        }
    }

    async fn report(&mut self, client: &Client) -> Result<Delivered, DeliverError> {
        let begun = Instant::now();
        if let Some(start) = self.telling.start.take() {
            let answered = self.spool.take_answer(start, client);
            drop(tokio::time::timeout(AFTER_RUN, answered).await);
        }
        let left = AFTER_RUN.saturating_sub(begun.elapsed());
        spool::deliver(&mut self.spool, client, left).await
    }
}

fn is_ended_token(error: &DeliverError) -> bool {
    let DeliverError::Client(ClientError::Refused(problem)) = error else {
        return false;
    };
    problem.code == ProblemCode::Unauthorized
}
