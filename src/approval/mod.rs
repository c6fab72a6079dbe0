//! The blocking wait for a person: submit, wait, claim, verify.
//!
//! Its runtime lives in a [`Session`], which whoever calls it has, and keeps for the
//! report of the outcome.

mod cancelled;
mod submission;
mod words;

use std::time::{Duration, Instant};

use gate_client::{Client, ClientError, IdempotencyKey, Submitted, WaitNotice};
use gate_exec::Cancel;
use gate_policy::Evaluation;
use gate_protocol::claim::{ClaimRequest, ExpectedGrant, GrantError, SignedGrant, VerifiedGrant};
use gate_protocol::id::{Nonce, RequestId};
use gate_protocol::inert::inert;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus, Circumstances, SubmitRequest};
use gate_protocol::signed_note::VerifierKey;

use crate::answers;
use crate::audit::{self, RunRecorder};
use crate::binding::Bound;
use crate::circumstances::Env;
use crate::failure::{Failure, FailureKind};
use crate::identity::Identity;
use crate::progress::{Progress, Voice};
use crate::receipts;
use crate::report;
use crate::session::{Session, from_client};
use crate::since_boot::SinceBoot;
use crate::successors;
use crate::world::World;

use submission::submission;

/// How often the live line is looked at.
const TICK: Duration = Duration::from_millis(250);
/// What a claim gets even where the wait is over: a claim that is given up may
/// have used the approval up.
const CLAIM_AT_LEAST: Duration = Duration::from_secs(4);
/// How long a server may take to take a request that nobody waits for.
const ASK: Duration = Duration::from_secs(10);
/// How long a cancelled wait tries to take its request back.
const TAKE_BACK: Duration = Duration::from_secs(3);

/// Whether to wait for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Until it comes, or for so long.
    Wait(Option<Duration>),
    /// Ask, and return at once.
    AskOnly,
}

/// The environment variable that says not to wait, for programs that call a
/// tool by its name and so can't say `--no-wait`.
const NO_WAIT: &str = "GATE_NO_WAIT";

impl Patience {
    /// Returns the patience of a run whose command line says nothing of it: none
    /// where `GATE_NO_WAIT` is set, and otherwise the configuration's. To wait
    /// less is only stricter, so a caller may say it.
    pub(crate) fn usual(env: Env<'_>, limit: Option<Duration>) -> Self {
        match env(NO_WAIT).as_deref().map(str::trim) {
            None | Some("" | "0" | "false" | "no") => Self::Wait(limit),
            Some(_) => Self::AskOnly,
        }
    }

    /// Returns how long everything may take until there is an answer.
    pub(crate) fn limit(self) -> Option<Duration> {
        match self {
            Self::Wait(timeout) => timeout,
            Self::AskOnly => Some(ASK),
        }
    }
}

/// What is asked, beside the bound command.
pub(crate) struct Asking<'a> {
    /// Why a person is asked.
    pub(crate) evaluation: &'a Evaluation,
    /// Where and by what.
    pub(crate) circumstances: Circumstances,
    /// Why the requester wants it.
    pub(crate) reason: Option<String>,
    /// Whether the break-glass people are asked.
    pub(crate) break_glass: bool,
    /// Whether to wait.
    pub(crate) patience: Patience,
    /// How much of [`Patience::limit`] is left.
    pub(crate) left: Option<Duration>,
    /// Who is told of the wait.
    pub(crate) voice: Voice,
}

/// A verified grant, with the record of the start already durable.
pub(crate) struct Approved {
    /// The grant.
    pub(crate) grant: VerifiedGrant,
    /// From when on its time runs.
    pub(crate) received: SinceBoot,
    /// The records of the run.
    pub(crate) recorder: RunRecorder,
}

/// Asks for an approval of `bound`, waits for it, and claims it.
///
/// # Errors
/// Denied, nobody answered, unreachable, cancelled, or the grant is not good:
/// each with its own text and exit code, and nothing was run.
pub(crate) fn obtain(
    (world, session): (&World, &Session),
    bound: &Bound,
    identity: &Identity,
    asking: Asking<'_>,
    cancel: &Cancel,
) -> Result<Approved, Failure> {
    let key = world.configuration()?.server_key()?;
    let deadline = asking
        .left
        .and_then(|left| Instant::now().checked_add(left));
    let wait = Wait {
        world,
        session,
        bound,
        identity,
        key,
        cancel,
        voice: asking.voice,
        deadline,
    };
    wait.obtain(asking)
}

/// Asks for an approval of `bound`, and waits for nobody: nothing is claimed, and nothing runs.
///
/// # Errors
/// The server can't be reached or does not take it.
#[cfg(feature = "mcp")]
pub(crate) fn ask(
    (world, session): (&World, &Session),
    bound: &Bound,
    asking: Asking<'_>,
) -> Result<Submitted, Failure> {
    let voice = asking.voice;
    let submission = submission(bound, asking)?;
    let key = IdempotencyKey::generate().map_err(no_random)?;
    let asked = session.within(Some(ASK), session.client().submit(&submission, &key));
    let submitted = held_against(bound, session.block_on(asked).map_err(from_client)?)?;
    answers::keep(world, &submitted.request, voice);
    Ok(submitted)
}

/// Returns what the server took, if that is what it was sent.
fn held_against(bound: &Bound, submitted: Submitted) -> Result<Submitted, Failure> {
    if submitted.request.digest == bound.digest {
        return Ok(submitted);
    }
    Err(Failure::new(
        FailureKind::Internal,
        "the server's request is for another command than was asked for",
    )
    .hint("nothing was run; tell who runs the server"))
}

struct Wait<'a> {
    world: &'a World,
    session: &'a Session,
    bound: &'a Bound,
    identity: &'a Identity,
    key: VerifierKey,
    cancel: &'a Cancel,
    voice: Voice,
    /// When the caller's patience ends, a keyring and the submission included.
    deadline: Option<Instant>,
}

impl Wait<'_> {
    fn obtain(&self, asking: Asking<'_>) -> Result<Approved, Failure> {
        let env = |name: &str| self.world.env(name);
        let mut progress = Progress::start(asking.voice, &env);
        let patience = asking.patience;
        let submitted = self.submit(&submission(self.bound, asking)?)?;
        self.session
            .block_on(audit::catch_up(self.world, self.client()));
        self.warn(&submitted.request);
        let request = self.decided(submitted, patience, &mut progress)?;
        drop(progress);
        answers::keep(self.world, &request, self.voice);
        match request.status {
            ApprovalStatus::Approved => self.claim(&request),
            ApprovalStatus::Pending
            | ApprovalStatus::Denied
            | ApprovalStatus::Expired
            | ApprovalStatus::Cancelled
            | ApprovalStatus::Claimed
            | ApprovalStatus::Started
            | ApprovalStatus::Finished
            | ApprovalStatus::Unknown => Err(words::not_approved(&request)),
        }
    }

    /// Says what the server warns of, as that too few people can answer.
    fn warn(&self, request: &ApprovalRequest) {
        if self.voice == Voice::Json {
            return;
        }
        for warning in &request.particulars.warnings {
            report::line(&format!("warning: {}", inert(warning)));
        }
    }

    /// Returns the request when it is decided, and tells of the wait.
    fn decided(
        &self,
        submitted: Submitted,
        patience: Patience,
        progress: &mut Progress<'_>,
    ) -> Result<ApprovalRequest, Failure> {
        let Submitted {
            request,
            reattached,
        } = submitted;
        let decided = match (request.status, patience) {
            (ApprovalStatus::Pending, Patience::AskOnly) => {
                progress.asked(&request, reattached);
                return Err(words::not_yet(&request));
            }
            (ApprovalStatus::Pending, Patience::Wait(_)) => {
                progress.submitted(&request, reattached);
                self.wait(request, progress)?
            }
            // Decided already: an approval that nobody has used yet, or a denial.
            (
                ApprovalStatus::Approved
                | ApprovalStatus::Denied
                | ApprovalStatus::Expired
                | ApprovalStatus::Cancelled
                | ApprovalStatus::Claimed
                | ApprovalStatus::Started
                | ApprovalStatus::Finished
                | ApprovalStatus::Unknown,
                Patience::AskOnly | Patience::Wait(_),
            ) => {
                progress.submitted(&request, reattached);
                request
            }
        };
        progress.ended(&decided);
        Ok(decided)
    }

    fn submit(&self, submit: &SubmitRequest) -> Result<Submitted, Failure> {
        // It may have come while the inputs were hashed: then nobody is asked at all.
        if let Some(signal) = self.cancel.signal() {
            return Err(words::stopped_before_asking(signal));
        }
        let key = IdempotencyKey::generate().map_err(no_random)?;
        let submitted = self.session.block_on(async {
            let answer = self
                .session
                .within(self.left(), self.client().submit(submit, &key));
            let answer = async { answer.await.inspect(|submitted| self.remember(submitted)) };
            tokio::pin!(answer);
            tokio::select! {
                biased;
                signal = cancelled::cancelled(self.cancel) => {
                    // It may be at the server already: only its answer says what to take back.
                    let answer = tokio::time::timeout(TAKE_BACK, &mut answer).await;
                    Err(match answer {
                        Ok(Ok(submitted)) => self.take_back(signal, submitted.request.id).await.0,
                        Ok(Err(_)) | Err(_) => words::stopped_while_asking(signal),
                    })
                }
                answer = &mut answer => answer.map_err(from_client),
            }
        })?;
        held_against(self.bound, submitted)
    }

    /// Keeps what is asked before there is an answer, of which this run may never hear. What was
    /// asked before is kept already.
    fn remember(&self, submitted: &Submitted) {
        if submitted.request.status == ApprovalStatus::Pending && !submitted.reattached {
            answers::keep(self.world, &submitted.request, self.voice);
        }
    }

    /// Waits until the request is decided. A signal takes the request back.
    fn wait(
        &self,
        first: ApprovalRequest,
        progress: &mut Progress<'_>,
    ) -> Result<ApprovalRequest, Failure> {
        let id = first.id;
        let asked = first.clone();
        let deadline = self.deadline;
        let progress = std::cell::RefCell::new(progress);
        self.session.block_on(async {
            let mut on = |notice: WaitNotice<'_>| {
                let mut progress = progress.borrow_mut();
                match notice {
                    WaitNotice::Changed(request) => progress.changed(request),
                    WaitNotice::Disconnected { error, retry_in } => {
                        progress.disconnected(&error.to_string(), retry_in);
                    }
                    WaitNotice::Reconnected => progress.reconnected(),
                }
            };
            let verdict = async {
                // Somebody is waited for anyway.
                receipts::catch_up(self.world, self.client(), self.voice).await;
                self.client()
                    .wait_for_verdict(id, first, deadline, &mut on)
                    .await
            };
            tokio::pin!(verdict);
            let mut tick = tokio::time::interval(TICK);
            loop {
                tokio::select! {
                    biased;
                    signal = cancelled::cancelled(self.cancel) => {
                        progress.borrow_mut().interrupted();
                        let (failure, request) = self.take_back(signal, id).await;
                        if let Some(request) = request {
                            progress.borrow_mut().taken_back(&request);
                        }
                        return Err(failure);
                    }
                    decided = &mut verdict => return decided.map_err(|error| {
                        if matches!(error, ClientError::Unanswered) {
                            return words::not_yet(&asked);
                        }
                        from_client(error)
                    }),
                    _ = tick.tick() => progress.borrow_mut().tick(),
                }
            }
        })
    }

    /// Takes the request back, and says whether that is known to have worked: then it is returned
    /// as it stands.
    async fn take_back(&self, signal: i32, id: RequestId) -> (Failure, Option<ApprovalRequest>) {
        match tokio::time::timeout(TAKE_BACK, self.client().cancel(id)).await {
            Ok(Ok(request)) => {
                answers::keep(self.world, &request, self.voice);
                (words::taken_back(signal, id), Some(request))
            }
            Ok(Err(_)) | Err(_) => (words::not_taken_back(signal, id), None),
        }
    }

    /// Claims the approved request, verifies the grant, and makes the record of
    /// the start durable. Space for the records is set aside first.
    fn claim(&self, request: &ApprovalRequest) -> Result<Approved, Failure> {
        let nonce = Nonce::generate().map_err(no_random)?;
        let mut recorder =
            RunRecorder::open(self.world, request.id, nonce, self.voice, self.cancel)?;
        let received = SinceBoot::now().map_err(no_clock)?;
        let signed = self.ask_for_grant(request, nonce)?;
        let grant = self
            .verify(signed.clone(), request, nonce, received)
            .inspect_err(|failure| {
                recorder.abandoned(&failure.to_string());
            })?;
        self.tell_observed(&grant);
        recorder.claimed(signed);
        recorder.started()?;
        Ok(Approved {
            grant,
            received,
            recorder,
        })
    }

    /// Says that nobody approved this: the signature says so, so no setting here can.
    fn tell_observed(&self, grant: &VerifiedGrant) {
        if grant.grant().observed && self.voice != Voice::Json {
            report::line("the server only observes: it would have asked, and nobody approved this");
        }
    }

    fn ask_for_grant(
        &self,
        request: &ApprovalRequest,
        nonce: Nonce,
    ) -> Result<SignedGrant, Failure> {
        let claim = ClaimRequest::sign(request.id, self.bound.digest, nonce, &self.identity.runner)
            .map_err(|error| {
                Failure::new(FailureKind::Internal, "cannot sign the claim").caused_by(error)
            })?;
        // A log that went back since is told by what it gave before.
        let files = self.world.layout.receipts()?;
        let claim = claim.having_seen(receipts::seen(&files, self.client().server(), request));
        let patience = self.left().map(|left| left.max(CLAIM_AT_LEAST));
        let answer = self
            .session
            .within(patience, self.client().claim(request.id, &claim));
        self.session
            .block_on(answer)
            .map_err(|error| words::not_claimed(request, error))
    }

    /// Holds the grant against the pinned key and against what was claimed.
    fn verify(
        &self,
        signed: SignedGrant,
        request: &ApprovalRequest,
        nonce: Nonce,
        received: SinceBoot,
    ) -> Result<VerifiedGrant, Failure> {
        let expected = ExpectedGrant {
            audience: self.key.name().to_owned(),
            request: request.id,
            digest: self.bound.digest,
            runner_key: self.identity.runner.public(),
            nonce,
        };
        let waited = received.elapsed().map_err(no_clock)?.as_secs();
        let verified = match signed.clone().verify(&self.key, &expected, waited) {
            // Another key may have come after the one that is known.
            Err(GrantError::Signature(of)) => match successors::learn(self.world, self.session) {
                Some(key) => signed.verify(&key, &expected, waited),
                None => Err(GrantError::Signature(of)),
            },
            verified => verified,
        };
        verified.map_err(|error| {
            Failure::new(FailureKind::Internal, "the grant is refused")
                .caused_by(error)
                .hint("nothing was run; tell who runs the server")
        })
    }

    fn client(&self) -> &Client {
        self.session.client()
    }

    fn left(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }
}

fn no_clock(error: std::io::Error) -> Failure {
    Failure::new(
        FailureKind::Internal,
        "the system does not say how long it has been up",
    )
    .caused_by(error)
}

fn no_random(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::new(FailureKind::Internal, "the system gives no random bytes").caused_by(error)
}
