//! A person answers.

use gate_protocol::id::RequestId;
use gate_protocol::log::RecordType;
use gate_protocol::request::ApprovalRequest;
use gate_protocol::review::{Answer, Review, SubmitReview};
use serde_json::json;

use super::Channel;
use crate::identity::Actor;
use crate::lifecycle::{Answered, Effect, Event, Refusal, Reviewer, apply};
use crate::problem::Failure;
use crate::state::Server;
use crate::store::requests;

/// The longest comment, in characters.
const COMMENT_LIMIT: usize = 500;

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
                groups: &actor.principal.groups,
            },
            answer: submitted.answer,
            digest: submitted.digest,
        };
        let answer = match submitted.answer {
            Answer::Approve => "approve",
            Answer::Deny => "deny",
        };
        let transition = match apply(&request.state, &event, now) {
            Ok(transition) => transition,
            Err(refusal) => {
                if refusal == Refusal::SelfReview {
                    let body = json!({
                        "request": id,
                        "digest": request.state.digest,
                        "reviewer": actor.name(),
                        "answer": answer,
                        "channel": channel.as_str(),
                        "why": "self_review",
                    });
                    change
                        .record(&RecordType::RequestRejectedReview, &body)
                        .await?;
                }
                return change.refuse(refusal).await;
            }
        };
        if transition.effect == Effect::Nothing {
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
            groups: actor.principal.groups.clone(),
        };
        let body = json!({
            "request": id,
            "digest": request.state.digest,
            "reviewer": actor.name(),
            "groups": answered.groups,
            "answer": answer,
            "comment": answered.review.comment,
            "channel": channel.as_str(),
            "status": transition.status.as_str(),
        });
        requests::put_review(change.connection(), id, &answered).await?;
        let reviewed = change
            .advance(&request, transition, |after| {
                let reviews = &mut after.state.reviews;
                reviews.retain(|other| other.review.reviewer != answered.review.reviewer);
                reviews.push(answered);
            })
            .await?;
        change.record(&RecordType::DecisionRecorded, &body).await?;
        change.commit().await?;
        Ok(self.view(&reviewed, now))
    }
}
