//! One request in a list.

use jiff::Timestamp;

use gate_protocol::request::ApprovalStatus;

use super::moment;
use super::question::{self, ShownEffect, Status, Target};
use super::remark::Mark;
use super::shown::Shown;
use crate::settings::Production;
use crate::store::requests::Request;

/// How much of a command stands in a list, in bytes. The rest is announced, and
/// nothing is answered from a list.
const ROW_LIMIT: usize = 600;

/// One request in a list.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) command: Shown,
    pub(super) cut_bytes: usize,
    /// What is out of the ordinary about it.
    pub(super) marks: Vec<Mark>,
    pub(super) effect: ShownEffect,
    pub(super) target: Vec<Target>,
    pub(super) requester: Shown,
    pub(super) kind: &'static str,
    pub(super) owner: Option<Shown>,
    pub(super) host: Shown,
    pub(super) asked: String,
    pub(super) status: Status,
    /// When the wait ends, where it waits.
    pub(super) until: Option<String>,
    pub(super) reason: Option<Shown>,
    /// What it would do in one line, as its client read it.
    pub(super) preview: Option<Shown>,
    pub(super) answered_by: Vec<Shown>,
}

impl Row {
    pub(super) fn of(request: &Request, now: Timestamp, production: &Production) -> Self {
        let requester = &request.state.requester;
        let mut command = Shown::of_command(&request.invocation);
        let reviews = request.state.reviews.iter();
        let is_pending = request.state.status == ApprovalStatus::Pending;
        Self {
            id: request.id.to_string(),
            cut_bytes: command.keep(ROW_LIMIT),
            command,
            marks: Mark::of(request),
            effect: question::effect(&request.invocation.effect),
            target: question::target(&request.invocation, production),
            requester: Shown::of(&requester.name),
            kind: requester.kind.as_str(),
            owner: requester.owner.as_deref().map(Shown::of),
            host: Shown::of(&request.circumstances.host),
            asked: moment::ago(now, request.created_at),
            status: question::status(request, now),
            until: is_pending.then(|| request.state.expires_at.to_string()),
            reason: request.reason.as_deref().map(Shown::of),
            preview: request
                .invocation
                .preview
                .as_ref()
                .map(|preview| Shown::of(&preview.summary)),
            answered_by: reviews
                .filter(|answered| answered.review.void.is_none())
                .map(|a| Shown::of(&a.review.reviewer))
                .collect(),
        }
    }

    pub(super) fn is_production(&self) -> bool {
        self.target.iter().any(Target::is_production)
    }
}
