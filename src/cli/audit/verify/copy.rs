//! `gate audit verify FILE`: an export, without a server.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read as _, Seek as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use gate_protocol::archive::{LogStart, START_FILE};
use gate_protocol::canonical::{Digest, from_strict_slice};
use gate_protocol::inert::inert;
use gate_protocol::log;
use gate_protocol::log::{
    AuditRecord, CHECKPOINT_FILE, ExportError, ExportReader, Frontier, LEAVES_FILE, LogVerifier,
    ProofError, RECORDS_FILE, RecordType, VerifiedLog, read_leaf,
};
use gate_protocol::signed_note::MAX_NOTE_BYTES;

use nix::libc::O_NONBLOCK;
use serde::de::DeserializeOwned;

use super::finding::{Finding, conclude};
use super::payloads::Payloads;
use super::witnesses::Witnesses;
use crate::failure::{Failure, FailureKind};
use crate::log_key::LogKeys;
use crate::show::answer;

/// The longest small file that is read, in bytes.
const MOST_SMALL: u64 = 1 << 16;

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
    let lines = ExportReader::new(BufReader::new(opened(&records)?));
    let note = note(note_path)?;
    let mut keys = keys.clone();
    if !keys.have_signed(&note) {
        // The log itself says which key came after the one that is known.
        let again = ExportReader::new(BufReader::new(opened(&records)?));
        keys = keys.and_after(&statements_in(again));
    }
    let key = keys.of_note(&note);
    let signed = witnesses.verify(&note, key)?;
    let start = start(&records)?;
    let Ok(tree) = start.tree() else {
        return conclude(key, Err(Finding::Start(ProofError::Length)));
    };
    let beside = Beside {
        leaves: Leaves::beside(&records, tree.clone(), |tree| {
            tree.size() == signed.checkpoint.size && tree.root() == signed.checkpoint.root
        })?,
        payloads: Payloads::beside(&records)?,
    };
    let said = witnesses.words(&signed);
    let size = signed.checkpoint.size;
    let verifier = LogVerifier::after_pruning(tree, start.last, vec![signed.checkpoint]);
    let found = read(verifier, lines, beside)?.and_then(|log| no_more(log, size));
    conclude(key, found)?;
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
pub(super) enum Leaves {
    /// There is no such file: the copy is of a version that wrote none.
    Missing,
    /// They are those that the checkpoint was signed for.
    Signed(BufReader<File>),
    /// They are not.
    Others,
}

impl Leaves {
    /// Opens the file; `is_signed` says of the tree at its end whether it was signed for.
    pub(super) fn beside(
        records: &Path,
        mut tree: Frontier,
        is_signed: impl FnOnce(&Frontier) -> bool,
    ) -> Result<Self, Failure> {
        let path = records.with_file_name(LEAVES_FILE);
        if !path.is_file() {
            return Ok(Self::Missing);
        }
        let failed = |error| unreadable(&path, error);
        let mut leaves = BufReader::new(opened(&path)?);
        let read = loop {
            match read_leaf(&mut leaves) {
                Ok(Some(leaf)) => tree.append(leaf),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        match read {
            Ok(()) if is_signed(&tree) => {
                leaves.rewind().map_err(failed)?;
                Ok(Self::Signed(leaves))
            }
            Ok(()) => Ok(Self::Others),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(Self::Others),
            Err(error) => Err(failed(error)),
        }
    }

    /// Returns the hash that the next record must have, where one is known.
    fn next(&mut self) -> Option<Digest> {
        match self {
            // They were read to their end before; a file that was cut since then tells nothing,
            // and the root still does.
            Self::Signed(leaves) => read_leaf(leaves).ok().flatten(),
            Self::Missing | Self::Others => None,
        }
    }
}

/// The files beside the records.
pub(super) struct Beside {
    pub(super) leaves: Leaves,
    pub(super) payloads: Payloads,
}

impl Beside {
    /// Takes the next record.
    fn feed(&mut self, verifier: &mut LogVerifier, record: &[u8]) -> Result<(), Finding> {
        let payload = self.payloads.of(verifier.records())?;
        let beside = log::Beside {
            leaf: self.leaves.next(),
            payload: self.payloads.told(payload.as_ref()),
        };
        verifier.feed_with(record, beside).map_err(Finding::Log)
    }

    fn finish(self, records: u64) -> Result<(), Finding> {
        self.payloads.finish(records)?;
        match self.leaves {
            Leaves::Others => Err(Finding::Leaves),
            Leaves::Missing | Leaves::Signed(_) => Ok(()),
        }
    }
}

/// Verifies the records; the outer error is that they can't be read.
pub(super) fn read(
    mut verifier: LogVerifier,
    records: ExportReader<BufReader<File>>,
    mut beside: Beside,
) -> Result<Result<VerifiedLog, Finding>, Failure> {
    for record in records {
        match record {
            Ok(record) => {
                if let Err(finding) = beside.feed(&mut verifier, &record) {
                    return Ok(Err(finding));
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
        Ok(log) => beside.finish(log.records).map(|()| log),
        Err(fault) => Err(Finding::Log(fault)),
    })
}

/// Refuses records behind the last one that was signed for.
fn no_more(log: VerifiedLog, signed: u64) -> Result<VerifiedLog, Finding> {
    let records = log.records;
    if records > signed {
        return Err(Finding::Unsigned { signed, records });
    }
    Ok(log)
}

/// Returns where the records begin, by the file beside them; at the first one, without it.
fn start(records: &Path) -> Result<LogStart, Failure> {
    let path = records.with_file_name(START_FILE);
    if path.symlink_metadata().is_err() {
        return Ok(LogStart {
            size: 0,
            last: Digest::ZERO,
            peaks: Vec::new(),
        });
    }
    small(&path)
}

/// Reads a small file of strict JSON.
///
/// # Errors
/// It can't be read, or says something else.
pub(super) fn small<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let mut text = Vec::new();
    let read = opened(path)?.take(MOST_SMALL).read_to_end(&mut text);
    read.map_err(|error| unreadable(path, error))?;
    from_strict_slice(&text).map_err(|error| {
        let shown = inert(&path.to_string_lossy()).into_owned();
        let text = format!("`{shown}` is not what gate writes");
        Failure::new(FailureKind::Usage, text).caused_by(error)
    })
}

/// Opens a file, and nothing else: what is no file can wait for ever, or never end.
///
/// # Errors
/// It is none, or can't be opened.
pub(super) fn opened(path: &Path) -> Result<File, Failure> {
    // Opened without waiting, and asked what it is afterwards: what has the name can change.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open(path);
    let file = opened.map_err(|error| unreadable(path, error))?;
    let found = file.metadata().map_err(|error| unreadable(path, error))?;
    if found.is_file() {
        return Ok(file);
    }
    let shown = inert(&path.to_string_lossy()).into_owned();
    let what = if found.is_dir() {
        "a folder"
    } else {
        "no file"
    };
    Err(
        Failure::new(FailureKind::Usage, format!("`{shown}` is {what}"))
            .hint("name an export that `gate audit export` wrote, or its file of records"),
    )
}

/// Reads a checkpoint, which is short.
pub(super) fn note(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut note = Vec::new();
    let file = opened(path).map_err(|failure| {
        failure.hint(
            "name the folder that `gate audit export` wrote, which holds records.jsonl and \
             checkpoint; a checkpoint elsewhere is given with --checkpoint",
        )
    })?;
    let read = file.take(MAX_NOTE_BYTES as u64 + 1).read_to_end(&mut note);
    read.map_err(|error| unreadable(path, error))?;
    Ok(note)
}

pub(super) fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    let shown = inert(&path.to_string_lossy()).into_owned();
    Failure::new(FailureKind::Usage, format!("cannot read `{shown}`")).caused_by(error)
}
