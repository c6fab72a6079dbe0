//! One transaction that changes something.

use std::collections::BTreeSet;
use std::time::SystemTime;

use gate_protocol::id::RequestId;
use gate_protocol::log::{AuditRecord, RecordType};
use gate_protocol::request::ApprovalStatus;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::audit;
use crate::clock;
use crate::lifecycle::{Event, Happened, Refusal, Transition, apply};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::log::{self, Head, Pending};
use crate::store::requests::{self, Request};
use crate::store::{Connection, Writer, outbox};
use crate::telemetry::RecordSpans;

/// What happened to a request, for those who tell people of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// People are asked.
    Asked,
    /// People are asked as break-glass: everybody should hear of it.
    BreakGlassAsked,
    /// Nobody is asked: a standing grant approved it, or the server only observes.
    ApprovedUnasked,
    /// Somebody answered.
    Reviewed,
    /// An approval does not count any more.
    Reopened,
    /// A second group may answer too.
    Escalated,
    /// It has waited for answers for a while.
    Reminded,
    /// A break-glass was used: it is to be reviewed.
    BreakGlassUsed,
}

impl What {
    /// Returns the word for what is told of by itself, beside the status of the request.
    pub(crate) const fn occasion(self) -> Option<&'static str> {
        match self {
            Self::BreakGlassAsked => Some("break_glass"),
            Self::BreakGlassUsed => Some("break_glass_used"),
            Self::Escalated => Some("escalated"),
            Self::Reminded => Some("reminded"),
            Self::Reopened => Some("reopened"),
            Self::Asked | Self::ApprovedUnasked | Self::Reviewed => None,
        }
    }
}

/// One transaction, the time it happens at, and whom it wakes.
pub(crate) struct Change<'s> {
    server: &'s Server,
    writer: Writer,
    now: Timestamp,
    touched: BTreeSet<RequestId>,
    /// Those that changed in a way that nobody is told of.
    woken: BTreeSet<RequestId>,
    /// The records of runs, for who reported them.
    of_runs: Vec<String>,
    /// What was recorded, for who counts it once it is committed.
    recorded: Vec<(RecordType, Value)>,
    begun: SystemTime,
    /// The head behind the records of this change; none where it was not read yet.
    head: Option<Head>,
    /// The records, which are stored together at the end.
    pending: Vec<Pending>,
    /// The database named other keys than the server's when the change began.
    has_other_keys: bool,
}

impl Server {
    /// Begins a change. The clock is read when the writer is free, so times in
    /// the log never go back for waiting in line.
    pub(crate) async fn change(&self) -> Result<Change<'_>, Failure> {
        self.change_not_before(Timestamp::MIN).await
    }

    /// Begins a change that happens at `earliest`, or now where that is later.
    pub(crate) async fn change_not_before(
        &self,
        earliest: Timestamp,
    ) -> Result<Change<'_>, Failure> {
        let (writer, held) = self.writer().await?;
        let known = held.as_ref().and_then(|held| held.keys);
        Ok(Change {
            server: self,
            writer,
            now: clock::now().max(earliest),
            touched: BTreeSet::new(),
            woken: BTreeSet::new(),
            of_runs: Vec::new(),
            recorded: Vec::new(),
            begun: SystemTime::now(),
            head: held.map(|held| held.head),
            pending: Vec::new(),
            has_other_keys: known.is_some_and(|known| known != self.keys.print()),
        })
    }
}

impl<'s> Change<'s> {
    pub(crate) fn server(&self) -> &'s Server {
        self.server
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        self.writer.connection()
    }

    /// Appends a record, which is stored with the others of this change when it is committed; every
    /// so many the head is signed on the spot.
    pub(crate) async fn record(
        &mut self,
        record_type: &RecordType,
        body: &Value,
    ) -> Result<AuditRecord, Failure> {
        let now = self.now;
        if self.has_other_keys {
            // Who changes the keys names them in this very change.
            let server = self.server;
            server.refuse_other_keys(self.connection()).await?;
            self.has_other_keys = false;
        }
        let mut head = match self.head.take() {
            Some(head) => head,
            None => log::head(self.connection()).await?,
        };
        let made = audit::next(&mut head, now, record_type, body)?;
        let record = made.record.clone();
        let every = self.server.settings.leases.checkpoint_records.max(1);
        let size = head.tree.size();
        if size.is_multiple_of(every) {
            let server = self.server;
            let note = server.sign_head(self.connection(), &head).await?;
            log::insert_checkpoint(self.connection(), size, &note, now).await?;
        }
        self.recorded.push((record_type.clone(), outline(body)));
        self.pending.push(made);
        self.head = Some(head);
        if matches!(
            record_type,
            RecordType::RunStarted | RecordType::RunFinished | RecordType::RunAbandoned
        ) {
            let text = String::from_utf8_lossy(record.bytes()).into_owned();
            self.of_runs.push(text);
        }
        Ok(record)
    }

    /// Returns the records of runs that this change made, which are what its
    /// caller can hold the log against.
    pub(crate) fn take_receipts(&mut self) -> Vec<String> {
        std::mem::take(&mut self.of_runs)
    }

    /// Returns a request as it is now: what time has done to it is written down first.
    pub(crate) async fn request(&mut self, id: RequestId) -> Result<Option<Request>, Failure> {
        let Some(request) = requests::find(self.connection(), id).await? else {
            return Ok(None);
        };
        let transition = apply(&request.state, &Event::Pass, self.now)?;
        let was = request.state.status;
        let record_type = match transition.happened {
            Happened::Expired => RecordType::RequestExpired,
            Happened::LostTrack => RecordType::RunUnknown,
            Happened::Nothing
            | Happened::Reviewed
            | Happened::Confirmed
            | Happened::Observed
            | Happened::Reopened
            | Happened::Cancelled
            | Happened::Claimed
            | Happened::ClaimedBefore
            | Happened::Started
            | Happened::Finished
            | Happened::StartedAndFinished
            | Happened::Abandoned
            | Happened::OutcomeAfterAll => return Ok(Some(request)),
        };
        let settled = self.advance(&request, transition, |_| {}).await?;
        self.record(&record_type, &json!({ "request": id, "was": was.as_str() }))
            .await?;
        Ok(Some(settled))
    }

    /// Writes a transition down, with what else `amend` changes, and returns
    /// the request as it then is.
    pub(crate) async fn advance(
        &mut self,
        before: &Request,
        transition: Transition,
        amend: impl FnOnce(&mut Request),
    ) -> Result<Request, Failure> {
        let mut after = before.clone();
        after.version += 1;
        after.state.status = transition.status;
        after.state.expires_at = transition.expires_at;
        after.state.deadline_at = transition.deadline_at;
        amend(&mut after);
        after.state.has_outcome = after.outcome.is_some();
        if !requests::swap(self.connection(), before, &after).await? {
            return Err(self.overtaken(before.id).await);
        }
        self.touched.insert(before.id);
        Ok(after)
    }

    /// Says why the swap was lost: where the request stands now, which only
    /// another look at it can tell.
    async fn overtaken(&mut self, id: RequestId) -> Failure {
        match requests::glance(self.connection(), id).await {
            Ok(Some(now)) => match now.status {
                ApprovalStatus::Pending | ApprovalStatus::Approved => Refusal::Overtaken.into(),
                ApprovalStatus::Denied
                | ApprovalStatus::Expired
                | ApprovalStatus::Cancelled
                | ApprovalStatus::Claimed
                | ApprovalStatus::Started
                | ApprovalStatus::Finished
                | ApprovalStatus::Unknown => Refusal::TooLate(now.status).into(),
            },
            Ok(None) => Failure::not_found(),
            Err(error) => error.into(),
        }
    }

    /// Says what happened to a request. Who waits for it is woken after the
    /// commit; what tells people elsewhere gets it in this transaction.
    pub(crate) async fn note(&mut self, id: RequestId, what: What) -> Result<(), Failure> {
        tracing::debug!(request = %id, ?what, "noted");
        let now = self.now;
        if let Some(occasion) = what.occasion()
            && self.server.channels.is_any()
        {
            outbox::note(self.connection(), id, Some(occasion), now).await?;
        }
        self.touched.insert(id);
        Ok(())
    }

    /// Remembers to wake who waits for a request, and tells nobody elsewhere.
    pub(crate) fn touch(&mut self, id: RequestId) {
        self.woken.insert(id);
    }

    /// Returns once everything is durable, and wakes who waits for it.
    pub(crate) async fn commit(mut self) -> Result<(), Failure> {
        let tells = !self.touched.is_empty() && self.server.channels.is_any();
        if tells {
            // With the change or not at all: no channel is told of what never was.
            for id in &self.touched {
                outbox::note(self.writer.connection(), *id, None, self.now).await?;
            }
        }
        if let Some(head) = &self.head {
            log::append(self.writer.connection(), &self.pending, head).await?;
        }
        let spans = if self.server.telemetry.is_on() {
            let connection = self.writer.connection();
            Some(RecordSpans::of(connection, self.begun, &self.recorded).await?)
        } else {
            None
        };
        self.writer.commit().await?;
        if let Some(head) = &self.head {
            self.server.known_head.committed(head);
        }
        if let Some(spans) = spans {
            spans.send(self.server);
        }
        for (record_type, body) in &self.recorded {
            self.server.metrics.record(record_type, body);
        }
        if tells {
            self.server.channels.wake();
        }
        if !self.touched.is_empty() {
            self.server.deadlines.notify_one();
        }
        for id in self.touched.into_iter().chain(self.woken) {
            self.server.waiters.wake(id);
        }
        Ok(())
    }

    /// Ends with a refusal: what time had done stays written, nothing else was.
    pub(crate) async fn refuse<T>(self, why: impl Into<Failure>) -> Result<T, Failure> {
        self.commit().await?;
        Err(why.into())
    }
}

/// Returns what is counted of a record's body: whom it is about, and what was answered.
fn outline(body: &Value) -> Value {
    let named = ["request", "answer"].into_iter();
    let found = named.filter_map(|name| Some((name.to_owned(), body.get(name)?.clone())));
    Value::Object(found.collect())
}
