//! Plain lines for a log: one at once, one a minute, one for each change, and
//! the marks by which a CI system shows them better.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gate_protocol::request::ApprovalStatus;

use super::marks::{Mark, Weight};
use super::{Minutes, Moment, words};
use crate::circumstances::Provider;

/// The name of our section in a GitLab log.
const SECTION: &str = "gate_wait";

/// Lines, and the mark that follows them.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) lines: String,
    pub(super) mark: Option<Mark>,
}

/// Writes the lines of one wait. Each function returns the text to write.
pub(super) struct Log {
    provider: Option<Provider>,
    minutes: Minutes,
    is_connected: bool,
    has_section: bool,
}

impl Log {
    pub(super) fn new(provider: Option<Provider>) -> Self {
        Self {
            provider,
            minutes: Minutes::default(),
            is_connected: true,
            has_section: false,
        }
    }

    pub(super) fn submitted(&mut self, moment: Moment<'_>, reattached: bool) -> Told {
        if moment.request.status != ApprovalStatus::Pending {
            let lines = line(&words::asked_before(moment.request, reattached));
            return Told { lines, mark: None };
        }
        let asked = words::asked(moment, reattached);
        let mut lines = line(&asked);
        if self.provider == Some(Provider::GitLab) {
            self.has_section = true;
            lines.insert_str(0, &section("start"));
        }
        let mark = self.notice("waiting for approval", asked);
        Told { lines, mark }
    }

    fn notice(&self, title: &str, text: String) -> Option<Mark> {
        Mark::annotation(self.provider, Weight::Notice, title, &[text])
    }

    /// Tells of every review after the first `known` ones.
    pub(super) fn changed(moment: Moment<'_>, known: usize) -> String {
        let new = moment.request.reviews.iter().skip(known);
        new.map(|review| line(&words::reviewed(review))).collect()
    }

    /// Tells it once; each further attempt would only repeat it.
    pub(super) fn disconnected(&mut self, error: &str, retry_in: Duration) -> String {
        if !std::mem::replace(&mut self.is_connected, false) {
            return String::new();
        }
        line(&words::disconnected(error, retry_in))
    }

    pub(super) fn reconnected(&mut self) -> String {
        if std::mem::replace(&mut self.is_connected, true) {
            return String::new();
        }
        line("the server answers again")
    }

    pub(super) fn tick(&mut self, moment: Moment<'_>) -> String {
        if !self.minutes.passed(moment.elapsed) {
            return String::new();
        }
        line(&words::still_waiting(moment))
    }

    pub(super) fn ended(&mut self, moment: Moment<'_>) -> Told {
        let approved = match moment.request.status {
            ApprovalStatus::Approved => Some(words::approved(moment)),
            // The failure that follows says what these mean and what to do.
            ApprovalStatus::Pending
            | ApprovalStatus::Denied
            | ApprovalStatus::Expired
            | ApprovalStatus::Cancelled
            | ApprovalStatus::Claimed
            | ApprovalStatus::Started
            | ApprovalStatus::Finished
            | ApprovalStatus::Unknown => None,
        };
        let said = approved.as_deref().map(line).unwrap_or_default();
        Told {
            lines: said + &self.close(),
            mark: approved.and_then(|text| self.notice("approved", text)),
        }
    }

    /// Closes what is open, so that the lines of the tool stand outside.
    pub(super) fn close(&mut self) -> String {
        if std::mem::take(&mut self.has_section) {
            section("end")
        } else {
            String::new()
        }
    }
}

fn line(text: &str) -> String {
    format!("gate: {text}\n")
}

/// Returns the beginning or the end of a section that a GitLab log can fold.
///
/// Source: GitLab, "CI/CD job logs", "Create custom collapsible sections".
fn section(end: &str) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    format!(
        "\u{1b}[0Ksection_{end}:{now}:{SECTION}\r\u{1b}[0K{}",
        match end {
            "start" => "gate: waiting for approval\n",
            _ => "\n",
        }
    )
}
