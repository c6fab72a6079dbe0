//! `gate audit verify FILE`: an export, without a server.

use std::fs::File;
use std::io::{BufReader, Seek as _};
use std::path::Path;

use gate_protocol::inert::inert;
use gate_protocol::log::{
    AuditRecord, CHECKPOINT_FILE, Checkpoint, ExportError, ExportReader, LEAVES_FILE, LogVerifier,
    RECORDS_FILE, RecordType, VerifiedLog, are_leaves_of, read_leaf,
};

use super::finding::{Finding, conclude};
use super::witnesses::Witnesses;
use crate::cli::audit::log_key::LogKeys;
use crate::failure::{Failure, FailureKind};
use crate::show::answer;

/// Verifies an export, its folder or its file of records; the checkpoint is the one beside them
/// where none is given.
pub(super) fn verify(
    keys: &LogKeys,
    file: &Path,
    checkpoint: Option<&Path>,
    witnesses: &Witnesses,
) -> Result<(), Failure> {
    let records = if file.is_dir() {
        file.join(RECORDS_FILE)
    } else {
        file.to_owned()
    };
    let beside = records.with_file_name(CHECKPOINT_FILE);
    let note_path = checkpoint.unwrap_or(&beside);
    let note = std::fs::read(note_path).map_err(|error| unreadable(note_path, error))?;
    let mut keys = keys.clone();
    if !keys.have_signed(&note) {
        // The log itself says which key came after the one that is known.
        let opened = File::open(&records).map_err(|error| unreadable(&records, error))?;
        keys = keys.and_after(&statements_in(ExportReader::new(BufReader::new(opened))));
    }
    let key = keys.of_note(&note);
    let signed = witnesses.verify(&note, key)?;
    let opened = File::open(&records).map_err(|error| unreadable(&records, error))?;
    let lines = ExportReader::new(BufReader::new(opened));
    let leaves = Leaves::beside(&records, &signed.checkpoint)?;
    let said = witnesses.words(&signed);
    conclude(key, read(signed.checkpoint, lines, leaves)?)?;
    answer::text(&said)
}

/// Returns what records say of new keys: each counts only if the key before signed it, and the
/// records are verified afterwards.
fn statements_in(records: ExportReader<BufReader<File>>) -> Vec<String> {
    let said = |record: Vec<u8>| {
        let record = AuditRecord::parse(&record).ok()?;
        let is_one = *record.record_type() == RecordType::LogKeyAdded;
        let said = record.body().get("statement").filter(|_| is_one)?;
        Some(said.as_str()?.to_owned())
    };
    records.map_while(Result::ok).filter_map(said).collect()
}

/// The leaf hashes beside the records.
enum Leaves {
    /// There is no such file: the copy is of a version that wrote none.
    Missing,
    /// They are those that the checkpoint was signed for.
    Signed(BufReader<File>),
    /// They are not.
    Others,
}

impl Leaves {
    fn beside(records: &Path, checkpoint: &Checkpoint) -> Result<Self, Failure> {
        let path = records.with_file_name(LEAVES_FILE);
        if !path.is_file() {
            return Ok(Self::Missing);
        }
        let failed = |error| unreadable(&path, error);
        let mut leaves = BufReader::new(File::open(&path).map_err(failed)?);
        match are_leaves_of(&mut leaves, checkpoint) {
            Ok(true) => {
                leaves.rewind().map_err(failed)?;
                Ok(Self::Signed(leaves))
            }
            Ok(false) => Ok(Self::Others),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(Self::Others),
            Err(error) => Err(failed(error)),
        }
    }

    /// Returns the hash that the next record must have, where one is known.
    fn next(&mut self) -> Option<gate_protocol::canonical::Digest> {
        match self {
            // They were read to their end before; a file that was cut since then tells nothing,
            // and the root still does.
            Self::Signed(leaves) => read_leaf(leaves).ok().flatten(),
            Self::Missing | Self::Others => None,
        }
    }
}

/// Verifies the records; the outer error is that they can't be read.
fn read(
    checkpoint: Checkpoint,
    records: ExportReader<BufReader<File>>,
    mut leaves: Leaves,
) -> Result<Result<VerifiedLog, Finding>, Failure> {
    let signed = checkpoint.size;
    let mut verifier = LogVerifier::new(vec![checkpoint]);
    for record in records {
        match record {
            Ok(record) => {
                if let Err(fault) = verifier.feed_against(&record, leaves.next()) {
                    return Ok(Err(Finding::Log(fault)));
                }
            }
            Err(ExportError::Read { line, source }) => {
                return Err(Failure::new(
                    FailureKind::Usage,
                    format!("cannot read line {line} of the records"),
                )
                .caused_by(source));
            }
            Err(error) => return Ok(Err(Finding::Line(error))),
        }
    }
    Ok(match verifier.finish() {
        Ok(log) if log.records > signed => Err(Finding::Unsigned {
            signed,
            records: log.records,
        }),
        Ok(_) if matches!(leaves, Leaves::Others) => Err(Finding::Leaves),
        finished => finished.map_err(Finding::Log),
    })
}

pub(super) fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    let shown = inert(&path.to_string_lossy()).into_owned();
    Failure::new(FailureKind::Usage, format!("cannot read `{shown}`")).caused_by(error)
}
