//! The sentences of a wait. What came from outside is inert when it leaves here.

use std::time::Duration;

use gate_protocol::inert::inert;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::{Answer, Review};

use super::Moment;

/// The most characters of a command in a line of a log; the page shows it whole.
const COMMAND_LIMIT: usize = 300;

/// What is waited for, in full: the first line of a log.
pub(super) fn asked(moment: Moment<'_>, reattached: bool) -> String {
    let request = moment.request;
    let beginning = if reattached {
        "already asked, waiting again"
    } else {
        "waiting"
    };
    format!(
        "{beginning} for {} to approve `{}` ({}) at {}; ends in {}; cancel with Ctrl-C or `gate requests cancel {}`",
        approvers(request),
        command(request),
        inert(&request.invocation.effect),
        inert(&request.url),
        span(moment.left),
        request.id,
    )
}

/// What an earlier run has asked, with the answer that nobody waits for any more.
pub(super) fn asked_before(request: &ApprovalRequest) -> String {
    format!(
        "asked before and {}: `{}` ({}) at {}",
        request.status.as_str(),
        command(request),
        inert(&request.invocation.effect),
        inert(&request.url),
    )
}

/// That it still goes on: one line a minute.
pub(super) fn still_waiting(moment: Moment<'_>) -> String {
    format!(
        "still waiting for {} after {}, {} left: {}",
        approvers(moment.request),
        span(moment.elapsed),
        span(moment.left),
        inert(&moment.request.url),
    )
}

/// The live text on a terminal: everything that changes, and the link.
///
/// One line where it fits into `width` columns, otherwise a second one for the
/// link: a link that was cut is of no use.
pub(super) fn live(moment: Moment<'_>, trouble: Option<&str>, width: usize) -> String {
    let state = match (trouble, moment.request.status) {
        (Some(trouble), _) => trouble.to_owned(),
        (None, ApprovalStatus::Approved) => "approved, starting".to_owned(),
        (
            None,
            ApprovalStatus::Pending
            | ApprovalStatus::Denied
            | ApprovalStatus::Expired
            | ApprovalStatus::Cancelled
            | ApprovalStatus::Claimed
            | ApprovalStatus::Started
            | ApprovalStatus::Finished
            | ApprovalStatus::Unknown,
        ) => {
            let said: Vec<String> = moment.request.reviews.iter().map(answered).collect();
            let said = if said.is_empty() {
                String::new()
            } else {
                format!(" ({})", said.join(", "))
            };
            format!("waiting for {}{said}", approvers(moment.request))
        }
    };
    let url = inert(&moment.request.url);
    let times = format!("{}, {} left", span(moment.elapsed), span(moment.left));
    let line = format!("gate: {state} · {times} · {url}");
    if dialoguer::console::measure_text_width(&line) < width {
        line
    } else {
        format!("gate: {state} · {times}\ngate: {url}")
    }
}

/// That the server does not answer.
pub(super) fn disconnected(error: &str, retry_in: Duration) -> String {
    let when = match retry_in.as_secs() {
        0 => "now".to_owned(),
        _ => format!("in {}", span(retry_in)),
    };
    let error = inert(error);
    format!("no answer from the server ({error}), trying again {when}")
}

/// What one approver said.
pub(super) fn reviewed(review: &Review) -> String {
    match comment(review) {
        None => answered(review),
        Some(comment) => format!("{}: \"{comment}\"", answered(review)),
    }
}

/// That it was approved, by whom, and what they said: the last word before the tool's own.
pub(super) fn approved(moment: Moment<'_>) -> String {
    let reviews = moment.request.reviews.iter();
    let approvals: Vec<&Review> = reviews
        .filter(|review| review.answer == Answer::Approve)
        .collect();
    let names: Vec<_> = approvals
        .iter()
        .map(|review| inert(&review.reviewer))
        .collect();
    let said: Vec<_> = approvals
        .iter()
        .filter_map(|review| Some((review, comment(review)?)))
        .map(|(review, comment)| match approvals.len() {
            1 => format!("\"{comment}\""),
            _ => format!("{} says \"{comment}\"", inert(&review.reviewer)),
        })
        .collect();
    let said = match said.as_slice() {
        [] => String::new(),
        said => format!(": {}", said.join(", ")),
    };
    let names = names.join(", ");
    format!("approved by {names} after {}{said}", span(moment.elapsed))
}

/// Returns what an approver wrote, inert and without a quote that ends it; none where it is
/// nothing but space.
fn comment(review: &Review) -> Option<String> {
    let text = review.comment.as_deref().map(str::trim)?;
    (!text.is_empty()).then(|| inert(text).replace('"', "\\\""))
}

fn answered(review: &Review) -> String {
    let verb = match review.answer {
        Answer::Approve => "approved",
        Answer::Deny => "denied",
    };
    format!("{} {verb}", inert(&review.reviewer))
}

pub(super) fn approvers(request: &ApprovalRequest) -> String {
    let people = request
        .terms
        .requirements
        .iter()
        .map(|wanted| wanted.count)
        .max()
        .unwrap_or(1);
    let names: Vec<_> = request.may_review.iter().map(|name| inert(name)).collect();
    let names = match names.as_slice() {
        [] => "an approver (the server names nobody who could answer)".to_owned(),
        names => names.join(", "),
    };
    if people > 1 {
        format!("{people} people of {names}")
    } else {
        names
    }
}

fn command(request: &ApprovalRequest) -> String {
    let shown = request.invocation.shown_command();
    let length = shown.chars().count();
    if length <= COMMAND_LIMIT {
        return shown;
    }
    let head: String = shown.chars().take(COMMAND_LIMIT).collect();
    format!("{head}… [{length} characters in all]")
}

/// Returns a span in words; a part of a second counts as none.
pub(super) fn span(duration: Duration) -> String {
    gate_protocol::span::seconds(duration.as_secs())
}
