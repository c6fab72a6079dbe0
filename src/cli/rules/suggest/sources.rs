//! What people answered, from whatever was named: the memory of this machine, exports of the
//! server's log, lists of requests.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use gate_protocol::inert::inert;
use gate_protocol::invocation::BoundInvocation;
use gate_protocol::log::{AuditRecord, RECORDS_FILE, RecordType};
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::Answer;
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::Value;

use crate::cli::audit::records::Records;
use crate::failure::{Failure, FailureKind};
use crate::session;
use crate::world::World;

/// The most that is read of one source, in bytes.
const LIMIT_BYTES: u64 = 1 << 30;

/// One request that people have answered.
pub(super) struct Answered {
    /// What was asked for.
    pub(super) invocation: BoundInvocation,
    /// Whether it was approved; denied otherwise.
    pub(super) is_approved: bool,
    /// Who answered so.
    pub(super) people: BTreeSet<String>,
    /// When the last of them did.
    pub(super) at: Timestamp,
}

/// What is known of each request, by its id: a record tells only a part.
#[derive(Default)]
pub(super) struct Answers {
    requests: BTreeMap<String, Known>,
    /// Lines that a crash cut off, and commands of a form of another version.
    pub(super) unread: usize,
}

#[derive(Default)]
struct Known {
    invocation: Option<BoundInvocation>,
    verdict: Option<(bool, Timestamp)>,
    reviewers: BTreeMap<String, bool>,
}

impl Answers {
    /// Reads what this machine remembers; nothing where nobody has answered yet.
    ///
    /// # Errors
    /// A file is there and can't be read.
    pub(super) fn remembered(&mut self, world: &World) -> Result<(), Failure> {
        for file in world.layout.answers()? {
            match std::fs::read(&file) {
                // A line that a full disk has cut off is no reason to know nothing.
                Ok(bytes) => self.unread += self.lines(&bytes).len(),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(&file.to_string_lossy(), error)),
            }
        }
        Ok(())
    }

    /// Reads a file, a folder that `gate audit export` made, or stdin for `-`.
    ///
    /// # Errors
    /// It can't be read, or holds a line that is neither a record nor a request.
    pub(super) fn named(&mut self, world: &World, file: &Path) -> Result<(), Failure> {
        let name = file.to_string_lossy();
        let mut bytes = Vec::new();
        let read = if file == Path::new("-") {
            let mut limited = std::io::stdin().lock().take(LIMIT_BYTES);
            limited.read_to_end(&mut bytes)
        } else {
            std::fs::File::open(records_of(world.cwd.join(file)))
                .and_then(|opened| opened.take(LIMIT_BYTES).read_to_end(&mut bytes))
        };
        read.map_err(|error| unreadable(&name, error))?;
        match self.lines(&bytes).first() {
            None => Ok(()),
            Some(line) => Err(Failure::new(
                FailureKind::Configuration,
                format!(
                    "{}:{line}: it is neither an audit record nor a request",
                    inert(&name)
                ),
            )
            .hint("give what `gate audit export` writes, or `gate audit log --json` prints")),
        }
    }

    /// Fetches the whole log of the server.
    ///
    /// # Errors
    /// The server does not answer, or the token is no auditor's.
    pub(super) fn fetched(&mut self, world: &World) -> Result<(), Failure> {
        let session = session::connect(world)?;
        let mut records = Records::from(&session, 0);
        loop {
            let (from, page) = records.page()?;
            if page.records.is_empty() {
                return Ok(());
            }
            for (index, record) in (from..).zip(&page.records) {
                self.line(record.as_bytes()).ok_or_else(|| {
                    let text = format!("record {index} of the log can't be read");
                    Failure::new(FailureKind::Internal, text)
                })?;
            }
        }
    }

    /// Returns the requests with an answer, the oldest first.
    pub(super) fn answered(self) -> Vec<Answered> {
        let requests = self.requests.into_values();
        let mut answered: Vec<Answered> = requests.filter_map(Known::answered).collect();
        answered.sort_by_key(|answered| answered.at);
        answered
    }

    /// Takes lines in, and returns the numbers of those that could not be read.
    fn lines(&mut self, bytes: &[u8]) -> Vec<usize> {
        let lines = bytes.split(|byte| *byte == b'\n').enumerate();
        lines
            .filter(|(_, line)| !line.trim_ascii().is_empty())
            .filter_map(|(at, line)| self.line(line).is_none().then_some(at + 1))
            .collect()
    }

    fn line(&mut self, line: &[u8]) -> Option<()> {
        if let Ok(record) = AuditRecord::parse(line) {
            self.record(&record);
            return Some(());
        }
        let request: ApprovalRequest = serde_json::from_slice(line).ok()?;
        self.request(request);
        Some(())
    }

    fn record(&mut self, record: &AuditRecord) {
        let body = record.body();
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let Some(id) = text("request") else { return };
        if *record.record_type() == RecordType::RequestCreated {
            let invocation = body.get("invocation").map(BoundInvocation::deserialize);
            match invocation {
                Some(Ok(invocation)) => self.known(id).invocation = Some(invocation),
                Some(Err(_)) | None => self.unread += 1,
            }
        } else if *record.record_type() == RecordType::DecisionRecorded {
            let known = self.known(id);
            if let Some(reviewer) = text("reviewer") {
                let approves = text("answer") == Some(Answer::Approve.as_str());
                known.reviewers.insert(reviewer.to_owned(), approves);
            }
            let is = |status: ApprovalStatus| text("status") == Some(status.as_str());
            if is(ApprovalStatus::Approved) || is(ApprovalStatus::Denied) {
                known.verdict = Some((is(ApprovalStatus::Approved), record.at()));
            }
        }
    }

    fn request(&mut self, request: ApprovalRequest) {
        let verdict = verdict(&request);
        let known = self.known(&request.id.to_string());
        for review in request.reviews {
            let approves = review.answer == Answer::Approve;
            known.reviewers.insert(review.reviewer, approves);
        }
        known.invocation = Some(request.invocation);
        known.verdict = verdict.or(known.verdict);
    }

    fn known(&mut self, id: &str) -> &mut Known {
        self.requests.entry(id.to_owned()).or_default()
    }
}

impl Known {
    fn answered(self) -> Option<Answered> {
        let (is_approved, at) = self.verdict?;
        let reviewers = self.reviewers.into_iter();
        Some(Answered {
            invocation: self.invocation?,
            is_approved,
            people: reviewers
                .filter(|(_, approves)| *approves == is_approved)
                .map(|(name, _)| name)
                .collect(),
            at,
        })
    }
}

/// Returns what the people said, and when; none where they have not.
fn verdict(request: &ApprovalRequest) -> Option<(bool, Timestamp)> {
    let is_approved = match request.status {
        ApprovalStatus::Denied => false,
        ApprovalStatus::Approved
        | ApprovalStatus::Claimed
        | ApprovalStatus::Started
        | ApprovalStatus::Finished
        | ApprovalStatus::Unknown => true,
        ApprovalStatus::Pending | ApprovalStatus::Expired | ApprovalStatus::Cancelled => {
            return None;
        }
    };
    let last = request.reviews.iter().map(|review| review.at).max();
    Some((is_approved, last.unwrap_or(request.created_at)))
}

/// An export is a folder, and its records are one file of it.
fn records_of(file: PathBuf) -> PathBuf {
    if file.is_dir() {
        return file.join(RECORDS_FILE);
    }
    file
}

fn unreadable(name: &str, error: std::io::Error) -> Failure {
    let text = format!("cannot read `{}`", inert(name));
    Failure::new(FailureKind::Usage, text).caused_by(error)
}
