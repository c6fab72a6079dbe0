//! The summary of a job of GitHub Actions: what was asked, of whom, who decided,
//! and how it ended, on the page of the run.
//!
//! Two pieces, so that the first is there while the tool still runs: the request
//! with its answer, and the end of the run. It is for people who look at the
//! run later; what it can't write is nobody's loss.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use gate_exec::{ExitReason, Outcome};
use gate_protocol::id::RequestId;
use gate_protocol::inert::inert;
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::span;
use nix::fcntl::OFlag;

use super::words;
use crate::circumstances::{Env, Provider, provider};
use crate::failure::Failure;
use crate::report;

/// The variable that names the step's file.
const VARIABLE: &str = "GITHUB_STEP_SUMMARY";
/// The most that GitHub takes of one step; beyond, it shows nothing of it.
const LIMIT_BYTES: u64 = 1024 * 1024;
/// The most characters of a command; the page of the request shows it whole.
const COMMAND_LIMIT: usize = 4_000;

/// The summary of the step that gate runs in.
struct Summary(PathBuf);

impl Summary {
    /// Returns the summary, where the CI system has one.
    fn find(env: Env<'_>) -> Option<Self> {
        // Others set the variable too; what they do with the file is not known.
        if provider(env) != Some(Provider::GitHub) {
            return None;
        }
        let path = PathBuf::from(env(VARIABLE)?);
        path.is_absolute().then_some(Self(path))
    }

    /// Adds to the file as the runner made it for the step. Anything else under
    /// that name, a link, a pipe that nobody reads, is not it.
    fn append(&self, html: &str) -> std::io::Result<()> {
        let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let mut file = OpenOptions::new()
            .append(true)
            .custom_flags(flags.bits())
            .open(&self.0)?;
        let there = file.metadata()?;
        let size = there.len().saturating_add(html.len() as u64);
        if there.is_file() && size <= LIMIT_BYTES {
            file.write_all(html.as_bytes())?;
        }
        Ok(())
    }
}

/// Tells whether there is a summary to be told.
pub(super) fn is_wanted(env: Env<'_>) -> bool {
    Summary::find(env).is_some()
}

/// Tells how an approved command ended, where the CI system has a summary.
pub(crate) fn tell_end(env: Env<'_>, request: RequestId, ran: &Result<Outcome, Failure>) {
    tell(env, || of_end(request, ran));
}

/// Tells that a rule said no, and nobody was asked.
pub(crate) fn tell_denial(env: Env<'_>, command: &str, failure: &Failure) {
    tell(env, || {
        let mut table = Table::new(&failure.to_string());
        table.row("command", &code(&report::shown(command)));
        table.end()
    });
}

/// Tells of a request as it stands when nobody waits for it any more. `is_interrupted`: a signal
/// ended the wait.
pub(super) fn tell_asked(env: Env<'_>, request: &ApprovalRequest, is_interrupted: bool) {
    tell(env, || of_request(request, is_interrupted));
}

fn tell(env: Env<'_>, html: impl FnOnce() -> String) {
    if let Some(summary) = Summary::find(env) {
        // The run does not end for it, and there is nobody to be told.
        drop(summary.append(&html()));
    }
}

fn of_end(request: RequestId, ran: &Result<Outcome, Failure>) -> String {
    let how = match ran {
        Ok(outcome) => {
            let end = match outcome.reason {
                ExitReason::Code(code) => format!("it ran and ended with exit code {code}"),
                ExitReason::Signal { number, .. } => {
                    format!("it ran and was ended by signal {number}")
                }
            };
            format!("{end} after {}", span::seconds(outcome.duration.as_secs()))
        }
        Err(failure) => failure.to_string(),
    };
    let mut table = Table::new(&how);
    table.row("request", &text(&request.to_string()));
    table.end()
}

fn of_request(request: &ApprovalRequest, is_interrupted: bool) -> String {
    let mut table = Table::new(&standing(request, is_interrupted));
    let command = request.invocation.shown_command();
    let length = command.chars().count();
    let mut shown: String = command.chars().take(COMMAND_LIMIT).collect();
    if length > COMMAND_LIMIT {
        // Writing to a String can't fail.
        let _ = write!(shown, "… [{length} characters in all]");
    }
    table.row("command", &code(&shown));
    table.row("effect", &text(&inert(&request.invocation.effect)));
    if let Some(reason) = &request.reason {
        table.row("reason", &code(&inert(reason)));
    }
    if !request.may_review.is_empty() {
        table.row("asked", &code(&words::approvers(request)));
    }
    for review in &request.reviews {
        table.row("answer", &code(&words::reviewed(review)));
    }
    let id = text(&request.id.to_string());
    let url = &request.url;
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    if is_web && is_plain {
        table.row("request", &format!("<a href=\"{}\">{id}</a>", text(url)));
    } else {
        table.row("request", &id);
    }
    table.end()
}

fn standing(request: &ApprovalRequest, is_interrupted: bool) -> String {
    let by = |verb: &str| {
        let names = request.reviews.iter().map(|review| inert(&review.reviewer));
        format!("{verb} by {}", names.collect::<Vec<_>>().join(", "))
    };
    match request.status {
        ApprovalStatus::Approved => by("approved"),
        ApprovalStatus::Denied => by("denied"),
        ApprovalStatus::Pending if is_interrupted => {
            "interrupted before anybody answered; whether the request is taken back is not known"
                .to_owned()
        }
        ApprovalStatus::Cancelled if is_interrupted => {
            "interrupted before anybody answered; the request is taken back".to_owned()
        }
        ApprovalStatus::Pending => {
            "nobody has answered yet; run it again to go on with it".to_owned()
        }
        ApprovalStatus::Expired => "nobody answered in time".to_owned(),
        ApprovalStatus::Cancelled => "taken back".to_owned(),
        ApprovalStatus::Claimed
        | ApprovalStatus::Started
        | ApprovalStatus::Finished
        | ApprovalStatus::Unknown => "used by another run of this command".to_owned(),
    }
}

/// A table of HTML: without an empty line in it, nothing of it is read as
/// Markdown.
struct Table(String);

impl Table {
    fn new(heading: &str) -> Self {
        let heading = text(&report::shown(heading));
        Self(format!(
            "\n\n<table>\n<tr><th colspan=\"2\" align=\"left\">gate: {heading}</th></tr>\n"
        ))
    }

    /// Adds a row; `html` is escaped already.
    fn row(&mut self, name: &str, html: &str) {
        // Writing to a String can't fail.
        let _ = writeln!(self.0, "<tr><td>{name}</td><td>{html}</td></tr>");
    }

    fn end(self) -> String {
        self.0 + "</table>\n\n"
    }
}

fn code(inert: &str) -> String {
    format!("<code>{}</code>", text(inert))
}

/// Returns text of which nothing is HTML, Markdown, a link, a mention of a person
/// or of an issue: every mark is written by its number.
///
/// Source: `CommonMark` 0.31, "Entity and numeric character references": one
/// can't stand for a character that has a meaning in the structure.
fn text(inert: &str) -> String {
    let mut html = String::with_capacity(inert.len() * 2);
    for c in inert.chars() {
        if c.is_alphanumeric() || c == ' ' {
            html.push(c);
        } else {
            // Writing to a String can't fail.
            let _ = write!(html, "&#{};", u32::from(c));
        }
    }
    html
}
