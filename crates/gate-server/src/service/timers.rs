//! What time does to a request that still waits for answers: a second group joins,
//! and people are reminded.

use gate_protocol::log::RecordType;
use gate_protocol::request::ApprovalStatus;
use serde_json::json;

use super::change::{Change, What};
use crate::clock;
use crate::lifecycle::{Happened, Transition};
use crate::problem::Failure;
use crate::store::requests::Request;
use crate::store::timers::{self, Timer, TimerKind};

impl Change<'_> {
    /// Sets the timers of a request that people are asked about.
    pub(super) async fn set_timers(&mut self, request: &Request) -> Result<(), Failure> {
        let after = |seconds| clock::after(request.created_at, seconds);
        let escalations = request.state.requirements.iter();
        let escalations = escalations.filter_map(|one| one.escalation.as_ref());
        let escalations =
            escalations.map(|later| (TimerKind::Escalate, after(later.after_seconds)));
        let reminder = request.terms.remind_seconds;
        let reminder = reminder.map(|every| (TimerKind::Remind, after(every)));
        for (kind, at) in escalations.chain(reminder) {
            // What would come after its end does not come.
            if at < request.state.answer_by {
                let timer = Timer {
                    request: request.id,
                    kind,
                    at,
                };
                timers::set(self.connection(), timer).await?;
            }
        }
        Ok(())
    }

    /// Does what a timer is for, if people are still asked.
    pub(crate) async fn ring(&mut self, timer: Timer) -> Result<(), Failure> {
        // Another server on the same database may have been here first.
        if !timers::unset(self.connection(), timer).await? {
            return Ok(());
        }
        let Some(request) = self.request(timer.request).await? else {
            return Ok(());
        };
        if request.state.status != ApprovalStatus::Pending {
            return Ok(());
        }
        match timer.kind {
            TimerKind::Escalate => self.escalate(&request, timer).await,
            TimerKind::Remind => self.remind(&request).await,
        }
    }

    /// Writes down that others may answer too, which they may by the clock alone.
    async fn escalate(&mut self, request: &Request, timer: Timer) -> Result<(), Failure> {
        let joined: Vec<&String> = request
            .state
            .requirements
            .iter()
            .filter_map(|one| one.escalation.as_ref())
            .filter(|later| clock::after(request.created_at, later.after_seconds) == timer.at)
            .flat_map(|later| &later.to)
            .collect();
        let body = json!({ "request": request.id, "to": joined });
        // The version goes up, so that whoever waits sees who may answer now.
        let unchanged = Transition {
            status: request.state.status,
            expires_at: request.state.expires_at,
            deadline_at: request.state.deadline_at,
            happened: Happened::Nothing,
        };
        self.advance(request, unchanged, |_| {}).await?;
        self.record(&RecordType::RequestEscalated, &body).await?;
        self.note(request.id, What::Escalated).await
    }

    /// Reminds people, and sets the next reminder: from now, since after a long
    /// stop one is enough.
    async fn remind(&mut self, request: &Request) -> Result<(), Failure> {
        self.note(request.id, What::Reminded).await?;
        let Some(every) = request.terms.remind_seconds else {
            return Ok(());
        };
        let next = Timer {
            request: request.id,
            kind: TimerKind::Remind,
            at: clock::after(self.now(), every),
        };
        if next.at < request.state.answer_by {
            timers::set(self.connection(), next).await?;
        }
        Ok(())
    }
}
