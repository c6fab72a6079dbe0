//! A person answers.

use gate_protocol::id::RequestId;
use gate_protocol::log::RecordType;
use gate_protocol::principal::Role;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::ApprovalRequest;
use gate_protocol::review::{COMMENT_LIMIT, Review, SubmitReview};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Channel;
use super::change::{Change, What};
use super::electorate::voice_of;
use crate::identity::{Actor, is_same_person};
use crate::lifecycle::{Answered, Event, Happened, Refusal, Reviewer, Transition, apply};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::edits;
use crate::store::requests::{self, Request};

impl Server {
    /// Counts a person's answer, or refuses it. Whoever has no say is refused on
    /// the record, whatever way they came by.
    pub(crate) async fn review(
        &self,
        actor: &Actor,
        id: RequestId,
        submitted: SubmitReview,
        channel: Channel,
    ) -> Result<ApprovalRequest, Failure> {
        if actor.role != Role::Approver {
            return self.refuse_role(actor, id, channel).await;
        }
        let comment = submitted.comment.as_deref().unwrap_or_default();
        if comment.chars().count() > COMMENT_LIMIT {
            let detail = format!("`comment` is longer than {COMMENT_LIMIT} characters");
            return Err(Failure::bad_request(detail));
        }
        let mut change = self.change().await?;
        change.refuse_revoked(actor).await?;
        let now = change.now();
        let request = change
            .request(id)
            .await?
            .filter(|request| actor.sees_requests_of(&request.state.requester.name))
            .ok_or_else(Failure::not_found)?;
        let (request, mut panel) = change.recount(request).await?;
        panel
            .hear(change.connection(), &voice_of(actor, channel))
            .await?;
        let person = edits::person_of(change.connection(), actor.name()).await?;
        let event = Event::Review {
            reviewer: Reviewer {
                name: actor.name(),
                person: &person,
                groups: &actor.principal.groups,
            },
            answer: submitted.answer,
            digest: submitted.digest,
            electorate: &panel.electorate,
        };
        let transition = match apply(&request.state, &event, now) {
            Ok(transition) => transition,
            Err(refusal) => {
                let said = (json!(submitted.answer), channel);
                record_refused(&mut change, actor, &request, said, refusal).await?;
                return change.refuse(refusal).await;
            }
        };
        if transition.happened == Happened::Nothing {
            change.commit().await?;
            return Ok(self.view(&request, now));
        }
        let mut answered = answered_by(actor, person, submitted, (channel, now));
        if answered.is_yes() {
            let groups = &actor.principal.groups;
            answered.groups = panel.electorate.counted_groups(actor.name(), groups);
        }
        let reviewed = count(&mut change, &request, transition, answered, channel).await?;
        change.note(reviewed.id, What::Reviewed).await?;
        change.commit().await?;
        Ok(self.view(&reviewed, now))
    }

    /// Refuses an answer of a token that is for something else: an agent's, a
    /// workload's, an admin's.
    pub(crate) async fn refuse_role<T>(
        &self,
        actor: &Actor,
        id: RequestId,
        channel: Channel,
    ) -> Result<T, Failure> {
        let refusal = Failure::new(
            ProblemCode::Forbidden,
            format!(
                "this is for the role approver, and this token has the role {}",
                actor.role.as_str()
            ),
        );
        self.flood
            .admit(actor.name(), &self.settings.approving.flood)?;
        let mut change = self.change().await?;
        let Some(request) = change.request(id).await? else {
            return change.refuse(refusal).await;
        };
        let said = (Value::Null, channel, "role");
        record_rejected(&mut change, actor, &request, said, None).await?;
        change.refuse(refusal).await
    }
}

/// Returns an answer as it is stored.
fn answered_by(
    actor: &Actor,
    person: String,
    submitted: SubmitReview,
    (channel, at): (Channel, Timestamp),
) -> Answered {
    Answered {
        review: Review {
            reviewer: actor.name().to_owned(),
            answer: submitted.answer,
            comment: submitted.comment,
            at,
            channel: channel.as_str().to_owned(),
            void: None,
        },
        person,
        groups: actor.principal.groups.clone(),
        token: actor.token.clone(),
    }
}

/// Returns the word for the record, where somebody answered who has no say.
fn why_no_say(refusal: Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::SelfReview | Refusal::OwnDenial => Some("self_review"),
        Refusal::Excluded(why) => Some(why.as_str()),
        Refusal::Resting(_) => Some("resting"),
        Refusal::NotAReviewer => Some("not_named"),
        Refusal::OtherDigest
        | Refusal::OtherRunner
        | Refusal::OtherClaim
        | Refusal::ClaimedByOther
        | Refusal::NotApproved
        | Refusal::Expired
        | Refusal::Lapsed
        | Refusal::Overtaken
        | Refusal::TooLate(_) => None,
    }
}

/// Writes a review that counts, its record and what comes of it.
async fn count(
    change: &mut Change<'_>,
    request: &Request,
    transition: Transition,
    answered: Answered,
    channel: Channel,
) -> Result<Request, Failure> {
    let review = &answered.review;
    let body = json!({
        "request": request.id,
        "digest": request.state.digest,
        "reviewer": review.reviewer,
        "person": answered.person,
        "groups": answered.groups,
        "answer": review.answer,
        "comment": review.comment,
        "channel": review.channel,
        "evidence": channel.evidence(),
        "status": transition.status.as_str(),
    });
    requests::put_review(change.connection(), request.id, &answered).await?;
    let reviewed = change
        .advance(request, transition, |after| {
            let reviews = &mut after.state.reviews;
            reviews.retain(|other| !is_same_person(&other.person, &answered.person));
            reviews.push(answered);
        })
        .await?;
    change.record(&RecordType::DecisionRecorded, &body).await?;
    Ok(reviewed)
}

/// Writes down that somebody answered who has no say, where that is why they were refused.
async fn record_refused(
    change: &mut Change<'_>,
    actor: &Actor,
    request: &Request,
    (answer, channel): (Value, Channel),
    refusal: Refusal,
) -> Result<(), Failure> {
    let Some(why) = why_no_say(refusal) else {
        return Ok(());
    };
    let counts_from = if let Refusal::Resting(rest) = refusal {
        Some(rest.until)
    } else {
        None
    };
    record_rejected(change, actor, request, (answer, channel, why), counts_from).await
}

/// Writes down that somebody answered who has no say.
async fn record_rejected(
    change: &mut Change<'_>,
    actor: &Actor,
    request: &Request,
    (answer, channel, why): (Value, Channel, &str),
    counts_from: Option<Timestamp>,
) -> Result<(), Failure> {
    let mut body = json!({
        "request": request.id,
        "digest": request.state.digest,
        "reviewer": actor.name(),
        "person": actor.person,
        "answer": answer,
        "channel": channel.as_str(),
        "why": why,
    });
    if let (Some(members), Some(from)) = (body.as_object_mut(), counts_from) {
        members.insert("counts_from".to_owned(), json!(from));
    }
    let record_type = RecordType::RequestRejectedReview;
    change.record(&record_type, &body).await?;
    Ok(())
}
