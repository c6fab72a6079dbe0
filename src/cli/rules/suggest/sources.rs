//! What people answered, from whatever was named: the memory of this machine, exports of the
//! server's log, lists of requests.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use gate_protocol::inert::inert;
use gate_protocol::invocation::BoundInvocation;
use gate_protocol::log::{AuditRecord, RECORDS_FILE, RecordType};
use gate_protocol::request::{ApprovalRequest, ApprovalStatus};
use gate_protocol::review::Answer;
use jiff::Timestamp;
use serde::Deserialize;
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

/// All that the sources tell.
#[derive(Default)]
pub(super) struct History {
    /// The requests with an answer, the oldest first.
    pub(super) answered: Vec<Answered>,
    /// What was asked for without an answer that is known: it may have been denied.
    pub(super) open: Vec<BoundInvocation>,
    /// The places of what could not be read: each may be a denial of anything.
    pub(super) unread: Vec<String>,
}

/// What is known of each request, by its id: a record tells only a part.
#[derive(Default)]
pub(super) struct Answers {
    requests: BTreeMap<String, Known>,
    unread: Vec<String>,
}

#[derive(Default)]
struct Known {
    invocation: Option<BoundInvocation>,
    verdict: Option<(bool, Timestamp)>,
    reviewers: BTreeMap<String, bool>,
    /// It ended without an answer: nobody gave one in time, or it was taken back.
    is_unanswered: bool,
}

/// A line that is neither a record nor a request.
struct Foreign;

impl Answers {
    /// Reads what this machine remembers; nothing where nobody has asked yet.
    ///
    /// # Errors
    /// A file is there and can't be read.
    pub(super) fn remembered(&mut self, world: &World) -> Result<(), Failure> {
        let files = world.layout.answers()?;
        // The older one last: what moves there meanwhile is then read twice, and not missed.
        for file in [files.file, files.older] {
            let name = file.to_string_lossy();
            match std::fs::File::open(&file).and_then(|opened| whole(opened, LIMIT_BYTES)) {
                Ok(bytes) => {
                    // A line that a crash has cut off is no reason to know nothing.
                    let foreign = self.lines(&name, &bytes);
                    self.unread.extend(foreign);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(&name, error)),
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
        let read = if file == Path::new("-") {
            whole(io::stdin().lock(), LIMIT_BYTES)
        } else {
            std::fs::File::open(records_of(world.cwd.join(file)))
                .and_then(|opened| whole(opened, LIMIT_BYTES))
        };
        let bytes = read.map_err(|error| unreadable(&name, error))?;
        match self.lines(&name, &bytes).first() {
            None => Ok(()),
            Some(place) => Err(Failure::new(
                FailureKind::Configuration,
                format!(
                    "{}: it is neither an audit record nor a request that this gate can read",
                    inert(place)
                ),
            )
            .hint(
                "give what `gate audit export` writes, or `gate audit log --json` prints; update \
                 gate where a newer one wrote it",
            )),
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
                let place = || format!("record {index} of the server's log");
                if let Err(Foreign) = self.line(record.as_bytes(), place) {
                    self.unread.push(place());
                }
            }
        }
    }

    /// Returns all that the sources tell.
    pub(super) fn history(self) -> History {
        let mut history = History {
            unread: self.unread,
            ..History::default()
        };
        for (id, known) in self.requests {
            match (known.invocation, known.verdict) {
                (Some(invocation), Some((is_approved, at))) => {
                    let reviewers = known.reviewers.into_iter();
                    let people = reviewers.filter(|(_, approves)| *approves == is_approved);
                    history.answered.push(Answered {
                        invocation,
                        is_approved,
                        people: people.map(|(name, _)| name).collect(),
                        at,
                    });
                }
                (Some(invocation), None) if !known.is_unanswered => history.open.push(invocation),
                (None, Some((false, _))) => {
                    history
                        .unread
                        .push(format!("the command of request {id}, which was denied"));
                }
                (Some(_) | None, None) | (None, Some((true, _))) => {}
            }
        }
        history.answered.sort_by_key(|answered| answered.at);
        history
    }

    /// Takes lines in, and returns the places of those that are neither record nor request.
    fn lines(&mut self, name: &str, bytes: &[u8]) -> Vec<String> {
        let mut foreign = Vec::new();
        for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let place = || format!("{name}:{}", at + 1);
            if line.trim_ascii().is_empty() {
                continue;
            }
            if let Err(Foreign) = self.line(line, place) {
                foreign.push(place());
            }
        }
        foreign
    }

    fn line(&mut self, line: &[u8], place: impl Fn() -> String) -> Result<(), Foreign> {
        let is_read = if let Ok(record) = AuditRecord::parse(line) {
            self.record(&record)
        } else {
            let request = serde_json::from_slice(line).map_err(|_| Foreign)?;
            self.request(request)
        };
        if is_read.is_none() {
            self.unread.push(place());
        }
        Ok(())
    }

    /// Takes a record in; none where it may tell of an answer and can't be understood.
    fn record(&mut self, record: &AuditRecord) -> Option<()> {
        let body = record.body();
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let kind = record.record_type();
        if *kind == RecordType::RequestCreated {
            let invocation = field(body.get("invocation"))?;
            self.known(text("request")?).invocation = Some(understood(invocation)?);
        } else if *kind == RecordType::DecisionRecorded {
            let answer: Answer = field(body.get("answer"))?;
            let status: ApprovalStatus = field(body.get("status"))?;
            let reviewer = text("reviewer")?.to_owned();
            let known = self.known(text("request")?);
            known.reviewers.insert(reviewer, answer == Answer::Approve);
            if matches!(status, ApprovalStatus::Approved | ApprovalStatus::Denied) {
                known.verdict = Some((status == ApprovalStatus::Approved, record.at()));
            }
        } else if matches!(
            kind,
            RecordType::RequestCancelled | RecordType::RequestExpired
        ) {
            self.known(text("request")?).is_unanswered = true;
        } else if matches!(kind, RecordType::Unknown(_)) && body.get("request").is_some() {
            return None;
        }
        Some(())
    }

    /// Takes a request in; none where its command can't be understood.
    fn request(&mut self, request: ApprovalRequest) -> Option<()> {
        let verdict = verdict(&request);
        let known = self.known(&request.id.to_string());
        for review in request.reviews {
            let approves = review.answer == Answer::Approve;
            known.reviewers.insert(review.reviewer, approves);
        }
        known.invocation = Some(understood(request.invocation)?);
        known.verdict = verdict.or(known.verdict);
        known.is_unanswered |= matches!(
            request.status,
            ApprovalStatus::Expired | ApprovalStatus::Cancelled
        );
        Some(())
    }

    fn known(&mut self, id: &str) -> &mut Known {
        self.requests.entry(id.to_owned()).or_default()
    }
}

fn field<'v, T: Deserialize<'v>>(value: Option<&'v Value>) -> Option<T> {
    T::deserialize(value?).ok()
}

/// A form of another version may mean something else by the same fields.
fn understood(invocation: BoundInvocation) -> Option<BoundInvocation> {
    (invocation.v == BoundInvocation::VERSION).then_some(invocation)
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

/// Reads all of a source: a denial may stand at its very end, so none is cut.
fn whole(source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = source
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if u64::try_from(read).is_ok_and(|read| read <= limit) {
        return Ok(bytes);
    }
    let text = format!("it is longer than {limit} bytes");
    Err(io::Error::new(ErrorKind::FileTooLarge, text))
}

fn unreadable(name: &str, error: io::Error) -> Failure {
    let hint = if error.kind() == ErrorKind::FileTooLarge {
        "split it at ends of lines, and name all parts in one call"
    } else {
        "see that the name is right and that you may read it"
    };
    let text = format!("cannot read `{}`", inert(name));
    Failure::new(FailureKind::Usage, text)
        .caused_by(error)
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_whole_or_refused() {
        assert_eq!(whole(&b"12345"[..], 5).unwrap(), b"12345");
        let refused = whole(&b"123456"[..], 5).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::FileTooLarge);
        let told = unreadable("log", refused).lines().join("\n");
        assert!(told.contains("longer than 5 bytes"), "{told}");
        assert!(told.contains("name all parts"), "{told}");
    }
}
