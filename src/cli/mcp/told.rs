//! How a request is told to an agent: where it stands, and what to do next.

use gate_protocol::inert::inert;
use gate_protocol::masked::MaskedText;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::Answer;
use serde_json::{Value, json};

use crate::advice;
use crate::failure::Failure;

/// Returns a failure with what an agent has to do: whoever speaks this protocol is one.
pub(super) fn with_advice(failure: Failure) -> Failure {
    advice::to_agent(failure)
}

/// Returns what an agent has to know of a request.
pub(super) fn request(request: &ApprovalRequest) -> Value {
    let argv = request.invocation.argv.iter();
    let argv: Vec<String> = argv.map(MaskedText::shown_word).collect();
    let reviews = request.reviews.iter().map(|review| {
        json!({
            "by": inert(&review.reviewer),
            "answer": match review.answer {
                Answer::Approve => "approve",
                Answer::Deny => "deny",
            },
            "comment": review.comment.as_deref().map(inert),
        })
    });
    let may_review: Vec<_> = request.may_review.iter().map(|name| inert(name)).collect();
    json!({
        "request": request.id.to_string(),
        "status": request.status.as_str(),
        "command": argv.join(" "),
        "cwd": request.invocation.cwd.shown(),
        "effect": inert(&request.invocation.effect),
        "may_review": may_review,
        "reviews": reviews.collect::<Vec<_>>(),
        "expires_in_seconds": request.expires_in_seconds,
        "page": inert(&request.url),
        "next": next(request.status),
    })
}

/// Returns what an agent does about a request that stands so.
fn next(status: ApprovalStatus) -> &'static str {
    match status {
        ApprovalStatus::Pending => {
            "nobody has answered yet: wait_for_request waits for a while; or do other work and come \
             back. Nothing was run, and nobody is asked twice for the same command"
        }
        ApprovalStatus::Approved => {
            "run exactly this command with `gate run --` before it, in this folder and with the \
             environment that this server has: it finds the approval, which is for one run"
        }
        ApprovalStatus::Denied => {
            "this is a person's decision and final for this command: change the plan or talk to \
             them, and do not look for another way to do the same"
        }
        ApprovalStatus::Expired | ApprovalStatus::Cancelled => {
            "nobody said yes or no, and nothing was run: ask again if it is still needed"
        }
        ApprovalStatus::Claimed
        | ApprovalStatus::Started
        | ApprovalStatus::Finished
        | ApprovalStatus::Unknown => "the approval was used: ask again for another run",
    }
}
