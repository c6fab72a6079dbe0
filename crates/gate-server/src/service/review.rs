//! A person answers.

use gate_protocol::id::RequestId;
use gate_protocol::log::RecordType;
use gate_protocol::request::ApprovalRequest;
use gate_protocol::review::{Answer, COMMENT_LIMIT, Review, SubmitReview};
use serde_json::json;

use super::Channel;
use super::change::Change;
use crate::identity::{Actor, is_same_person};
use crate::lifecycle::{Answered, Event, Happened, Refusal, Reviewer, Transition, apply};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::requests::{self, Request};

impl Server {
    /// Counts a person's answer, or refuses it.
    pub(crate) async fn review(
        &self,
        actor: &Actor,
        id: RequestId,
        submitted: SubmitReview,
        channel: Channel,
    ) -> Result<ApprovalRequest, Failure> {
        let comment = submitted.comment.as_deref().unwrap_or_default();
        if comment.chars().count() > COMMENT_LIMIT {
            let detail = format!("`comment` is longer than {COMMENT_LIMIT} characters");
            return Err(Failure::bad_request(detail));
        }
        let mut change = self.change().await?;
        let now = change.now();
        let request = change
            .request(id)
            .await?
            .filter(|request| actor.sees_requests_of(&request.state.requester.name))
            .ok_or_else(Failure::not_found)?;
        let event = Event::Review {
            reviewer: Reviewer {
                name: actor.name(),
                person: &actor.person,
                groups: &actor.principal.groups,
            },
            answer: submitted.answer,
            digest: submitted.digest,
        };
        let transition = match apply(&request.state, &event, now) {
            Ok(transition) => transition,
            Err(refusal) => {
                if refusal == Refusal::SelfReview {
                    let answer = submitted.answer;
                    record_self_review(&mut change, actor, &request, answer, channel).await?;
                }
                return change.refuse(refusal).await;
            }
        };
        if transition.happened == Happened::Nothing {
            change.commit().await?;
            return Ok(self.view(&request, now));
        }
        let answered = Answered {
            review: Review {
                reviewer: actor.name().to_owned(),
                answer: submitted.answer,
                comment: submitted.comment,
                at: now,
                channel: channel.as_str().to_owned(),
            },
            person: actor.person.clone(),
            groups: actor.principal.groups.clone(),
        };
        let reviewed = count(&mut change, &request, transition, answered).await?;
        change.commit().await?;
        Ok(self.view(&reviewed, now))
    }
}

/// Writes a review that counts, its record and what comes of it.
async fn count(
    change: &mut Change<'_>,
    request: &Request,
    transition: Transition,
    answered: Answered,
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

/// Writes down that somebody tried to review what is their own.
async fn record_self_review(
    change: &mut Change<'_>,
    actor: &Actor,
    request: &Request,
    answer: Answer,
    channel: Channel,
) -> Result<(), Failure> {
    let body = json!({
        "request": request.id,
        "digest": request.state.digest,
        "reviewer": actor.name(),
        "person": actor.person,
        "answer": answer,
        "channel": channel.as_str(),
        "why": "self_review",
    });
    let record_type = RecordType::RequestRejectedReview;
    change.record(&record_type, &body).await?;
    Ok(())
}
