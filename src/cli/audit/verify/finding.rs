//! What a verification says: that everything holds, or the first thing that
//! does not.

use std::error::Error;
use std::fmt::Write as _;

use gate_protocol::inert::inert;
use gate_protocol::log::{
    CheckpointError, ExportError, LogFault, Payloads, ProofError, VerifiedLog,
};
use gate_protocol::signed_note::VerifierKey;

use crate::cli::audit::kept::Break;
use crate::failure::{Failure, FailureKind};
use crate::show::answer;

/// What was found wrong.
pub(super) enum Finding {
    /// The log does not hold.
    Log(LogFault),
    /// A line of an export is no record.
    Line(ExportError),
    /// Records stand after the last one that was signed for.
    Unsigned { signed: u64, records: u64 },
    /// An archive ends before its last record.
    Short { records: u64, to: u64 },
    /// The log does not have what the server handed out.
    Receipt { index: u64 },
    /// A file of tiles is missing, or not what the records make.
    File { first: u64, why: String },
    /// Where the records begin is no state of a tree.
    Start(ProofError),
    /// The records of an archive, up to here, are not the beginning of the log that its checkpoint
    /// is signed for.
    Archive { to: u64, source: ProofError },
    /// The records are good, and the leaf hashes beside them are not theirs.
    Leaves,
}

/// Says that the log holds.
///
/// # Errors
/// It does not, or stdout can't be written to.
pub(super) fn conclude(
    key: &VerifierKey,
    found: Result<VerifiedLog, Finding>,
) -> Result<(), Failure> {
    match found {
        Ok(log) => answer::text(&verified_words(key, &log)),
        Err(finding) => {
            let (first_bad, words) = finding_words(&finding);
            Err(does_not_verify(&first_bad, &words))
        }
    }
}

fn verified_words(key: &VerifierKey, log: &VerifiedLog) -> String {
    let mut words = format!(
        "verified: {} records, root {}\nsigned: the first {} records, by {}\n",
        log.records,
        log.root,
        log.vouched,
        inert(&key.label())
    );
    if log.records > log.vouched {
        words.push_str(
            "the newer records are chained, and will be signed with the next checkpoint\n",
        );
    }
    let Payloads {
        kept,
        erased,
        untold,
    } = log.payloads;
    // Writing to a String can't fail.
    if kept + erased > 0 {
        let _ = writeln!(
            words,
            "beside records: {kept} as committed to, {erased} erased"
        );
    }
    if untold > 0 {
        let _ = writeln!(
            words,
            "beside records: {untold}, which are not in this copy"
        );
    }
    if log.open_claims > 0 {
        let count = log.open_claims;
        let _ = writeln!(words, "claims without an outcome yet: {count}");
    }
    words
}

/// Returns the index of the first bad record, and what is wrong.
fn finding_words(finding: &Finding) -> (String, String) {
    match finding {
        Finding::Log(fault) => {
            let index = match fault {
                LogFault::Record(bad) => bad.place(),
                LogFault::Truncated { records, .. } => records.to_string(),
                LogFault::Before { size, .. } => size.to_string(),
                LogFault::Root { size, .. } | LogFault::Dropped { records: size } => {
                    format!("below {size}")
                }
                _ => "not known".to_owned(),
            };
            (index, chain(fault))
        }
        Finding::Line(error) => {
            let index = match error {
                ExportError::Line { line, .. } | ExportError::Read { line, .. } => {
                    line.saturating_sub(1).to_string()
                }
                _ => "not known".to_owned(),
            };
            (index, error.to_string())
        }
        Finding::Unsigned { signed, records } => (
            signed.to_string(),
            format!(
                "there are {records} records, but the checkpoint was signed for {signed}: the rest was added"
            ),
        ),
        Finding::Short { records, to } => (
            records.to_string(),
            format!("the archive ends at {records}, and should at {to}: records were removed"),
        ),
        Finding::Receipt { index } => (
            index.to_string(),
            "the server handed out another record, whose receipt is kept here: it was changed or removed"
                .to_owned(),
        ),
        Finding::File { first, why } => (first.to_string(), why.clone()),
        Finding::Start(error) => ("0".to_owned(), error.to_string()),
        Finding::Archive { to, source } => (
            format!("below {to}"),
            format!(
                "the records are not the beginning of the log that the checkpoint is signed for: {source}"
            ),
        ),
        Finding::Leaves => (
            "none".to_owned(),
            "the records are those that were signed for, but the leaf hashes beside them are not theirs"
                .to_owned(),
        ),
    }
}

/// Says that the log is not the one that was verified here before.
pub(super) fn does_not_go_on(broken: &Break) -> Failure {
    does_not_verify(&broken.first_bad(), &chain(broken))
}

/// Says that nothing sound is signed.
pub(super) fn refuse_checkpoint(error: &CheckpointError) -> Failure {
    does_not_verify("0, nothing sound is signed", &chain(error))
}

/// Says where the log stops to hold, and returns why.
pub(in crate::cli::audit) fn does_not_verify(first_bad: &str, words: &str) -> Failure {
    if let Err(failure) = answer::line(&format!("first bad record: {first_bad}")) {
        return failure;
    }
    Failure::new(
        FailureKind::Found,
        format!("the log does not verify: {}", inert(words)),
    )
}

/// Returns an error with all of its causes.
pub(in crate::cli::audit) fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String can't fail.
        let _ = write!(words, ": {error}");
        cause = error.source();
    }
    words
}
