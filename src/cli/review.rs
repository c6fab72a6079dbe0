//! What `gate approve` and `gate deny` have in common: an answer is given to
//! what was shown, whole, and names its digest.

use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::{Answer, COMMENT_LIMIT, SubmitReview};

use super::change;
use crate::failure::{Failure, FailureKind};
use crate::session::Session;
use crate::show::screen::Screen;
use crate::show::{answer, request};
use crate::world::World;

/// Takes a comment within the limit, which is of what leaves the machine: with
/// its secrets masked.
pub(super) fn parse_comment(text: &str) -> Result<String, String> {
    let masked = gate_policy::masked_prose(text, &[]);
    match masked.chars().count() {
        0..=COMMENT_LIMIT => Ok(masked),
        length => Err(format!(
            "a comment has at most {COMMENT_LIMIT} characters, this one has {length}"
        )),
    }
}

/// Shows the request in full and makes sure that it can still be answered, and
/// that what is shown is what its digest names.
///
/// # Errors
/// It was answered or has ended, or the digest is of something else.
pub(super) fn present(world: &World, request: &ApprovalRequest) -> Result<(), Failure> {
    let shown = request.invocation.digest().map_err(|error| {
        Failure::new(
            FailureKind::Internal,
            "cannot compute the digest of what is shown",
        )
        .caused_by(error)
    })?;
    if shown != request.digest {
        return Err(Failure::new(
            FailureKind::Internal,
            format!(
                "the server shows a command whose digest is {shown}, but asks about {}",
                request.digest
            ),
        )
        .hint("nothing was answered; tell whoever runs the server"));
    }
    let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
    answer::text(&request::sheet(&screen, request))?;
    if request.status == ApprovalStatus::Pending {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Usage,
        format!(
            "request {} can't be answered any more: it is {}",
            request.id,
            request.status.as_str()
        ),
    ))
}

/// Sends the answer to what was shown, and says how the request stands now.
///
/// # Errors
/// The server refuses, as a self-review, or does not answer.
pub(super) fn send(
    world: &World,
    session: &Session,
    shown: &ApprovalRequest,
    review: Answer,
    comment: Option<&str>,
) -> Result<(), Failure> {
    let submitted = SubmitReview {
        answer: review,
        digest: shown.digest,
        comment: comment.map(str::to_owned),
    };
    let after = change::ask(session, session.client().review(shown.id, &submitted))?;
    let screen = Screen::of_stdout(world.env("NO_COLOR").is_some());
    let done = match review {
        Answer::Approve => "approved by you",
        Answer::Deny => "denied by you",
    };
    let stands = request::status_line(&screen, &after);
    answer::line(&format!("\n{} {done}. It is now {stands}", after.id))
}
