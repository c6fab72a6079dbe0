//! The wait as JSON lines on stderr, for a program.

use std::time::Duration;

use gate_protocol::inert::inert;
use gate_protocol::request::ApprovalStatus;
use gate_protocol::review::{Answer, Review};
use serde::Serialize;

use super::{About, Minutes, Moment};
use crate::exit_code::Ending;
use crate::failure::{Failure, FailureKind};
use crate::report;

/// Writes the events of one wait. Each function returns one line.
#[derive(Default)]
pub(super) struct Events {
    minutes: Minutes,
    reattached: bool,
}

/// One line. What matters to who waits are spans in whole seconds, so that no
/// clock does. `docs/events.md` is the contract.
#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "event")]
    name: &'static str,
    request: String,
    status: ApprovalStatus,
    url: String,
    command: String,
    expires_in_seconds: u64,
    may_review: Vec<String>,
    elapsed_seconds: u64,
    reattached: bool,
    reviews: Vec<ReviewEvent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in_seconds: Option<u64>,
}

/// What is told outside of a wait.
#[derive(Serialize)]
struct Note<'a> {
    #[serde(rename = "event")]
    name: &'static str,
    about: About,
    message: &'a str,
    lines: &'a [String],
}

/// Returns the event of lines of which the first says what it is.
pub(super) fn note(about: About, lines: &[String]) -> String {
    line(&Note {
        name: "note",
        about,
        message: lines.first().map_or("", String::as_str),
        lines,
    })
}

/// The last event of a gate that has no ending of the tool's to pass on.
#[derive(Serialize)]
struct Last {
    #[serde(rename = "event")]
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    message: String,
    lines: Vec<String>,
}

/// Returns the last event of a run that ends by a failure.
pub(super) fn last(failure: &Failure, ending: Ending) -> String {
    // Its own death by a signal is what the caller sees, and no exit code.
    let (exit_code, signal) = match ending {
        Ending::Code(code) => (Some(code), None),
        Ending::Signal(number) => (None, Some(number)),
    };
    let name = if failure.kind() == FailureKind::OutcomeLost {
        "outcome_lost"
    } else {
        "not_run"
    };
    line(&Last {
        name,
        exit_code,
        signal,
        message: report::shown(&failure.to_string()),
        lines: report::told(failure),
    })
}

#[derive(Serialize)]
struct ReviewEvent<'a> {
    reviewer: String,
    answer: Answer,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    at: jiff::Timestamp,
    channel: std::borrow::Cow<'a, str>,
}

impl Events {
    pub(super) fn submitted(&mut self, moment: Moment<'_>, reattached: bool) -> String {
        self.reattached = reattached;
        line(&self.event("submitted", moment))
    }

    pub(super) fn pending(&self, moment: Moment<'_>) -> String {
        line(&self.event("pending", moment))
    }

    pub(super) fn disconnected(
        &self,
        moment: Moment<'_>,
        error: &str,
        retry_in: Duration,
    ) -> String {
        line(&Event {
            error: Some(inert(error).into_owned()),
            retry_in_seconds: Some(whole_seconds(retry_in)),
            ..self.event("disconnected", moment)
        })
    }

    pub(super) fn reconnected(&self, moment: Moment<'_>) -> String {
        line(&self.event("reconnected", moment))
    }

    pub(super) fn tick(&mut self, moment: Moment<'_>) -> String {
        if !self.minutes.passed(moment.elapsed) {
            return String::new();
        }
        self.pending(moment)
    }

    pub(super) fn ended(&self, moment: Moment<'_>) -> String {
        line(&self.event("ended", moment))
    }

    fn event<'a>(&self, name: &'static str, moment: Moment<'a>) -> Event<'a> {
        let request = moment.request;
        Event {
            name,
            request: request.id.to_string(),
            status: request.status,
            url: inert(&request.url).into_owned(),
            command: request.invocation.shown_command(),
            expires_in_seconds: moment.left.as_secs(),
            may_review: request
                .may_review
                .iter()
                .map(|name| inert(name).into_owned())
                .collect(),
            elapsed_seconds: moment.elapsed.as_secs(),
            reattached: self.reattached,
            reviews: request.reviews.iter().map(review).collect(),
            error: None,
            retry_in_seconds: None,
        }
    }
}

/// Returns the seconds of a span, a begun one counted as whole.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

fn review(review: &Review) -> ReviewEvent<'_> {
    ReviewEvent {
        reviewer: inert(&review.reviewer).into_owned(),
        answer: review.answer,
        comment: review
            .comment
            .as_deref()
            .map(|text| inert(text).into_owned()),
        at: review.at,
        channel: inert(&review.channel),
    }
}

fn line(event: &impl Serialize) -> String {
    // Strings, numbers and lists always have a JSON form.
    serde_json::to_string(event).map_or_else(|_| String::new(), |json| json + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_was_started_is_not_told_as_not_run() {
        for (kind, name) in [
            (FailureKind::OutcomeLost, "outcome_lost"),
            (FailureKind::Internal, "not_run"),
        ] {
            let told = last(&Failure::new(kind, "why"), kind.into());
            assert_eq!(
                told,
                format!(
                    "{{\"event\":\"{name}\",\"exit_code\":125,\"message\":\"why\",\"lines\":[\"why\"]}}\n"
                )
            );
        }
    }
}
