//! The sentences of a wait. What came from outside is inert when it leaves here.

use std::time::Duration;

use dialoguer::console::measure_text_width;
use gate_protocol::inert::inert;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::{Answer, Review};

use super::Moment;

/// The most characters of a command in a line of a log; the page shows it whole.
const COMMAND_LIMIT: usize = 300;
/// A live line in which less of the command fits has none of it.
const SHORTEST_COMMAND: usize = 12;

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
pub(super) fn asked_before(request: &ApprovalRequest, reattached: bool) -> String {
    // Nobody was asked: a standing grant or the server's mode has answered at once.
    let beginning = if reattached { "asked before and " } else { "" };
    let by = match &request.particulars.standing_grant {
        Some(used) => format!(" by a standing grant, use {} of {}", used.number, used.uses),
        None => String::new(),
    };
    format!(
        "{beginning}{}{by}: `{}` ({}) at {}",
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
            let waiting = format!("waiting for {}", approvers(moment.request));
            return waited_for(moment, (&waiting, &said), width);
        }
    };
    let line = format!("gate: {state} · {}", times(moment));
    with_link(moment, &line, width)
}

/// Adds the link, in the same line where it fits.
fn with_link(moment: Moment<'_>, line: &str, width: usize) -> String {
    let url = inert(&moment.request.url);
    let whole = format!("{line} · {url}");
    if measure_text_width(&whole) < width {
        whole
    } else {
        format!("{line}\ngate: {url}")
    }
}

/// What is waited for with the command, as much of it as fits into the line: whoever runs a script
/// has not typed it.
fn waited_for(moment: Moment<'_>, (waiting, said): (&str, &str), width: usize) -> String {
    let command = moment.request.invocation.shown_command();
    let line = |command: &str| format!("gate: {waiting}{command}{said} · {}", times(moment));
    let whole = line(&format!(" to approve `{command}`"));
    if measure_text_width(&whole) < width {
        return with_link(moment, &whole, width);
    }
    let start = beginning(&command, &line(" to approve `…`"), width);
    if start.chars().count() >= SHORTEST_COMMAND {
        return with_link(moment, &line(&format!(" to approve `{start}…`")), width);
    }
    // In a line of its own there is room for more.
    let own = "gate: to run ``";
    let start = beginning(&command, &format!("{own}…"), width);
    let own = if start == command {
        format!("gate: to run `{command}`")
    } else {
        format!("gate: to run `{start}…`")
    };
    with_link(moment, &format!("{}\n{own}", line("")), 0)
}

/// Returns as much of a command as fits beside `rest`.
fn beginning(command: &str, rest: &str, width: usize) -> String {
    let mut room = width.saturating_sub(measure_text_width(rest) + 1);
    let mut start = String::new();
    for letter in command.chars() {
        let wide = measure_text_width(letter.encode_utf8(&mut [0; 4]));
        let Some(left) = room.checked_sub(wide) else {
            break;
        };
        room = left;
        start.push(letter);
    }
    start
}

fn times(moment: Moment<'_>) -> String {
    format!("{}, {} left", span(moment.elapsed), span(moment.left))
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
    if let Some(used) = &moment.request.particulars.standing_grant {
        return format!(
            "approved by a standing grant, use {} of {}: {names} confirmed it",
            used.number, used.uses
        );
    }
    if approvals.is_empty() && moment.request.particulars.observed {
        return "let pass by the server, which only observes".to_owned();
    }
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
