//! What the caller is told when nothing was run: denied, nobody answered, and
//! too late are different texts, each with what to do next. They are read by
//! agents as often as by people.

use gate_client::ClientError;
use gate_protocol::id::RequestId;
use gate_protocol::inert::inert;
use gate_protocol::problem::ProblemCode;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::{Answer, Review};

use crate::failure::{Failure, FailureKind};
use crate::session::from_client;

/// Nobody has answered, and the request goes on.
pub(super) fn not_yet(request: &ApprovalRequest) -> Failure {
    let minutes = request.expires_in_seconds.div_ceil(60);
    Failure::new(
        FailureKind::NoAnswer,
        format!("nobody has answered yet: request {}", request.id),
    )
    .hint(format!(
        "it waits for {} for another {minutes} min: {}\n\
         run the same command again to go on with it, which does not ask twice; or take it\n\
         back with `gate requests cancel {}`",
        reviewers(request),
        inert(&request.url),
        request.id,
    ))
}

/// The request ended, or is no longer this one's to use.
pub(super) fn not_approved(request: &ApprovalRequest) -> Failure {
    let id = request.id;
    match request.status {
        ApprovalStatus::Denied => denied(request),
        ApprovalStatus::Expired => Failure::new(
            FailureKind::NoAnswer,
            format!("nobody answered in time: request {id} has expired"),
        )
        .hint("nothing was run; run the same command again to ask again"),
        ApprovalStatus::Cancelled => {
            Failure::new(FailureKind::NoAnswer, format!("request {id} was cancelled"))
                .hint("nothing was run; run the same command again to ask again")
        }
        ApprovalStatus::Claimed
        | ApprovalStatus::Started
        | ApprovalStatus::Finished
        | ApprovalStatus::Unknown => Failure::new(
            FailureKind::Internal,
            format!("the approval of request {id} was used by another run of this command"),
        )
        .hint("an approval is for one run; run the same command again to ask again"),
        ApprovalStatus::Pending | ApprovalStatus::Approved => Failure::new(
            FailureKind::Internal,
            format!(
                "request {id} is {} and was not waited for",
                request.status.as_str()
            ),
        ),
    }
}

fn denied(request: &ApprovalRequest) -> Failure {
    let by = request
        .reviews
        .iter()
        .rev()
        .find(|review| review.answer == Answer::Deny);
    let who = by.map_or("a reviewer".into(), |review: &Review| {
        inert(&review.reviewer)
    });
    let comment = by
        .and_then(|review| review.comment.as_deref())
        .map(|comment| format!(": \"{}\"", inert(comment).replace('"', "\\\"")));
    Failure::new(
        FailureKind::Denied,
        format!("denied by {who}{}", comment.unwrap_or_default()),
    )
    .hint(
        "nothing was run. This is a person's decision: do not look for another way to do the same;\n\
         change the plan or talk to them; for a while the same command gets the same answer,\n\
         whatever its --reason",
    )
}

/// The approved request could not be claimed.
pub(super) fn not_claimed(request: &ApprovalRequest, error: ClientError) -> Failure {
    if let ClientError::Refused(problem) = &error
        && problem.code == ProblemCode::Lapsed
    {
        return Failure::new(
            FailureKind::NoAnswer,
            format!(
                "an approval of request {} does not count any more, and people are asked again",
                request.id
            ),
        )
        .hint("nothing was run; run the same command again to go on with it");
    }
    if let ClientError::Refused(problem) = &error
        && problem.code == ProblemCode::Conflict
    {
        let detail = problem.detail.as_deref().unwrap_or(&problem.title);
        return Failure::new(
            FailureKind::Internal,
            format!(
                "the approval of request {} can't be used: {}",
                request.id,
                inert(detail)
            ),
        )
        .hint("an approval is for one run; run the same command again to ask again");
    }
    if let ClientError::Garbled { why, .. } = &error {
        return Failure::new(
            FailureKind::Internal,
            format!("the grant is refused: the answer to the claim is garbled: {why}"),
        )
        .hint(format!(
            "nothing was run; the approval of request {} may be used up. See that no proxy or\n\
             portal stands before the server, then run the same command again",
            request.id
        ));
    }
    if error.is_retryable() {
        return from_client(error).hint(format!(
            "request {} is approved and nothing was run; if the claim reached the server it\n\
             counts as used, and as `unknown` in the log: run the same command again",
            request.id
        ));
    }
    from_client(error)
}

/// A signal ended the wait, and the server says that nobody is asked any more.
pub(super) fn taken_back(signal: i32, id: RequestId) -> Failure {
    Failure::new(
        FailureKind::Interrupted(signal),
        format!("cancelled; request {id} is taken back and nothing was run"),
    )
}

/// A signal ended the wait, and the server did not say that it took the request back.
pub(super) fn not_taken_back(signal: i32, id: RequestId) -> Failure {
    Failure::new(
        FailureKind::Interrupted(signal),
        format!("stopped waiting and nothing was run; request {id} could not be taken back"),
    )
    .hint(
        "people may still be asked until it expires; an approval of it runs nothing\n\
         unless you run the same command again",
    )
}

/// A signal came before the request was sent.
pub(super) fn stopped_before_asking(signal: i32) -> Failure {
    Failure::new(
        FailureKind::Interrupted(signal),
        "cancelled before anybody was asked; nothing was run",
    )
}

/// A signal came while the request was on its way.
pub(super) fn stopped_while_asking(signal: i32) -> Failure {
    Failure::new(
        FailureKind::Interrupted(signal),
        "stopped while asking and nothing was run; whether the server has the request is not known",
    )
    .hint(
        "see `gate requests list`; an approval runs nothing unless you run the same command again",
    )
}

fn reviewers(request: &ApprovalRequest) -> String {
    if request.may_review.is_empty() {
        return "an approver".to_owned();
    }
    let names: Vec<_> = request.may_review.iter().map(|name| inert(name)).collect();
    names.join(", ")
}
