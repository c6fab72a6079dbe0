//! Break-glass: asked past the rules' own approvers, heard by everybody, and
//! reviewed afterwards by somebody who had no part in it.

use gate_protocol::break_glass::{BreakGlassEntry, BreakGlassPage, ReviewBreakGlass};
use gate_protocol::id::RequestId;
use gate_protocol::inert::inert;
use gate_protocol::log::RecordType;
use gate_protocol::principal::PrincipalKind;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::{ApprovalRequest, Requirement, SubmitRequest};
use gate_protocol::review::COMMENT_LIMIT;
use jiff::Timestamp;
use serde_json::json;

use super::change::{Change, What};
use super::electorate::voice_of;
use super::{Channel, Paging};
use crate::identity::{Actor, is_same_person};
use crate::lifecycle::{Happened, Transition};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::requests::{self, Request};
use crate::store::{break_glass, edits};

impl Server {
    /// Returns who is asked for break-glass.
    pub(super) fn break_glass_of(
        &self,
        submission: &SubmitRequest,
    ) -> Result<Requirement, Failure> {
        let reason = submission.reason.as_deref().unwrap_or_default();
        if !says_something(reason) {
            return Err(Failure::bad_request(
                "break-glass needs a `reason` with letters that are seen, which whoever reviews it \
                 will read",
            ));
        }
        self.settings.approving.break_glass.clone().ok_or_else(|| {
            Failure::new(
                ProblemCode::Forbidden,
                "this server has no break-glass; ask without it, or have an admin set \
                 `[break_glass]`",
            )
        })
    }

    /// Returns a page of the uses of break-glass, newest first; with `is_open`,
    /// those that nobody has reviewed yet.
    pub(crate) async fn break_glass_uses(
        &self,
        is_open: bool,
        paging: &Paging,
    ) -> Result<BreakGlassPage, Failure> {
        let before = paging.after_as(|key| {
            let (at, id) = key.split_once(' ')?;
            let at = Timestamp::from_millisecond(at.parse().ok()?).ok()?;
            Some((at, id.parse().ok()?))
        })?;
        let mut reader = self.store.read().await?;
        let probe = paging.probe();
        let mut found = break_glass::uses(reader.connection(), is_open, before, probe).await?;
        let next = paging.cut("break-glass", &mut found, |(id, at)| {
            format!("{} {id}", at.as_millisecond())
        });
        let mut uses = Vec::new();
        for (id, used_at) in found {
            let found = requests::find(reader.connection(), id).await?;
            let Some((request, what)) = found
                .and_then(|request| Some((request.particulars.break_glass.clone()?, request)))
                .map(|(what, request)| (request, what))
            else {
                continue;
            };
            let approving = request.state.reviews.iter().filter(|one| one.is_yes());
            uses.push(BreakGlassEntry {
                request: id,
                requester: request.state.requester.name.clone(),
                approved_by: approving.map(|one| one.review.reviewer.clone()).collect(),
                reason: request.reason.clone().unwrap_or_default(),
                used_at,
                break_glass: what,
            });
        }
        Ok(BreakGlassPage { uses, next })
    }

    /// Closes the review of a break-glass that was used.
    pub(crate) async fn review_break_glass(
        &self,
        actor: &Actor,
        id: RequestId,
        review: ReviewBreakGlass,
        channel: Channel,
    ) -> Result<ApprovalRequest, Failure> {
        let length = review.comment.trim().chars().count();
        if length > COMMENT_LIMIT || !says_something(&review.comment) {
            return Err(Failure::bad_request(format!(
                "`comment` must have 1 to {COMMENT_LIMIT} characters, letters that are seen among \
                 them: it is the review"
            )));
        }
        let mut change = self.change().await?;
        let now = change.now();
        let request = change.request(id).await?.ok_or_else(Failure::not_found)?;
        let is_open = request
            .particulars
            .break_glass
            .as_ref()
            .map(|what| what.is_open);
        if is_open != Some(true) {
            let detail = "this request is no break-glass whose review is open";
            return change
                .refuse(Failure::new(ProblemCode::Conflict, detail))
                .await;
        }
        if let Some(refusal) = change.involved_in((actor, channel), &request).await? {
            return change.refuse(refusal).await;
        }
        let unchanged = Transition {
            status: request.state.status,
            expires_at: request.state.expires_at,
            deadline_at: request.state.deadline_at,
            happened: Happened::Nothing,
        };
        let reviewed = change
            .advance(&request, unchanged, |after| {
                if let Some(what) = &mut after.particulars.break_glass {
                    what.is_open = false;
                    what.reviewed_by = Some(actor.name().to_owned());
                    what.reviewed_at = Some(now);
                    what.comment = Some(review.comment.clone());
                }
            })
            .await?;
        let body = json!({ "request": id, "by": actor.name(), "comment": review.comment, "channel": channel.as_str() });
        change
            .record(&RecordType::BreakGlassReviewed, &body)
            .await?;
        change.commit().await?;
        Ok(self.view(&reviewed, now))
    }
}

/// Tells whether a text has a letter or digit that people see. A letter that is drawn as nothing,
/// as the fillers of Hangul are, is one that [`inert`] escapes.
pub(super) fn says_something(text: &str) -> bool {
    let is_seen = |letter: char| {
        let mut buffer = [0; 4];
        let alone: &str = letter.encode_utf8(&mut buffer);
        letter.is_alphanumeric() && inert(alone) == alone
    };
    text.chars().any(is_seen)
}

impl Change<'_> {
    /// Writes down that a break-glass was used, where it was one.
    pub(super) async fn note_break_glass(&mut self, granted: &Request) -> Result<(), Failure> {
        if granted.particulars.break_glass.is_none() {
            return Ok(());
        }
        let now = self.now();
        break_glass::note_use(self.connection(), granted.id, now).await?;
        let approving = granted.state.reviews.iter().filter(|one| one.is_yes());
        let approved_by: Vec<&String> = approving.map(|one| &one.review.reviewer).collect();
        let body = json!({
            "request": granted.id,
            "requester": granted.state.requester,
            "reason": granted.reason,
            "approved_by": approved_by,
        });
        self.record(&RecordType::BreakGlassUsed, &body).await?;
        self.note(granted.id, What::BreakGlassUsed).await
    }

    /// Returns why this person can't review it: they had a part in it.
    async fn involved_in(
        &mut self,
        (actor, channel): (&Actor, Channel),
        request: &Request,
    ) -> Result<Option<Failure>, Failure> {
        let person = actor.person.clone();
        let mut panel = self.panel_of(request).await?;
        panel
            .hear(self.connection(), &voice_of(actor, channel))
            .await?;
        // By who they are now: accounts that are found to be one person's count as such at once.
        let mut has_answered = false;
        for one in &request.state.reviews {
            let reviewer = edits::person_of(self.connection(), &one.review.reviewer).await?;
            has_answered |=
                is_same_person(&reviewer, &person) || is_same_person(&one.person, &person);
        }
        let why = match panel.electorate.exclusion(&person) {
            _ if actor.principal.kind != PrincipalKind::User => "are no person",
            Some(why) => why.words(),
            None if has_answered => "answered it yourself",
            None => return Ok(None),
        };
        let body = json!({
            "request": request.id,
            "digest": request.state.digest,
            "reviewer": actor.name(),
            "answer": "break_glass_review",
            "channel": channel.as_str(),
            "why": why,
        });
        self.record(&RecordType::RequestRejectedReview, &body)
            .await?;
        let detail =
            format!("a break-glass is reviewed by somebody who had no part in it: you {why}");
        Ok(Some(Failure::new(ProblemCode::Excluded, detail)))
    }
}
