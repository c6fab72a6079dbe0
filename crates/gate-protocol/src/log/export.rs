//! The form in which a log leaves the server: a file of JSON Lines, each line
//! one record's bytes and a newline, and beside it the signed checkpoint over
//! exactly these records, and their leaf hashes. The hashes say no more than
//! the checkpoint does, but they say it of each record: where a record was
//! changed, they tell which, even if the whole chain was made anew.

use std::io::{BufRead, ErrorKind, Read};

use super::checkpoint::Checkpoint;
use super::merkle::Frontier;
use super::record::MAX_RECORD_BYTES;
use crate::canonical::Digest;

/// The name of the file of records in an export's folder.
pub const RECORDS_FILE: &str = "records.jsonl";

/// The name of the checkpoint in an export's folder.
pub const CHECKPOINT_FILE: &str = "checkpoint";

/// The name of the leaf hashes in an export's folder: 32 bytes for each record,
/// in order, as in the level 0 of C2SP tlog-tiles.
pub const LEAVES_FILE: &str = "leaves";

/// Reads the leaf hash of the next record; none at the end.
///
/// # Errors
/// The reader's, and `UnexpectedEof` where less than a whole hash is left.
pub fn read_leaf(leaves: &mut impl Read) -> std::io::Result<Option<Digest>> {
    let mut hash = [0; 32];
    let mut filled = 0;
    while let Some(rest) = hash.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match leaves.read(rest) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(Digest::from_bytes(hash)))
}

/// Tells whether the leaf hashes are those that a checkpoint was signed for.
/// Only then do they say anything of the records.
///
/// # Errors
/// As [`read_leaf`].
pub fn are_leaves_of(leaves: &mut impl Read, checkpoint: &Checkpoint) -> std::io::Result<bool> {
    let mut tree = Frontier::default();
    while let Some(leaf) = read_leaf(leaves)? {
        tree.append(leaf);
    }
    Ok(tree.size() == checkpoint.size && tree.root() == checkpoint.root)
}

/// Why the next record of an export can't be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The reader failed.
    #[error("cannot read line {line} of the records")]
    Read {
        /// The line, from 1.
        line: u64,
        /// What the reader says.
        source: std::io::Error,
    },
    /// Longer than any record, or the last line without its newline.
    #[error("line {line} of the records is {fault}")]
    Line {
        /// The line, from 1; the record's index is one less.
        line: u64,
        /// What is wrong with it.
        fault: &'static str,
    },
}

/// Yields the bytes of each record of an export, and nothing after an error.
/// Holds one record in memory.
#[derive(Debug)]
pub struct ExportReader<R> {
    lines: R,
    line: u64,
    is_done: bool,
}

impl<R: BufRead> ExportReader<R> {
    /// Reads the file of records.
    pub const fn new(lines: R) -> Self {
        Self {
            lines,
            line: 0,
            is_done: false,
        }
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        self.line += 1;
        let line = self.line;
        let mut record = Vec::new();
        // One byte more than the largest record and its newline: a file
        // without newlines must not fill the memory.
        (&mut self.lines)
            .take(MAX_RECORD_BYTES as u64 + 1)
            .read_until(b'\n', &mut record)
            .map_err(|source| ExportError::Read { line, source })?;
        if record.is_empty() {
            return Ok(None);
        }
        if record.pop_if(|last| *last == b'\n').is_some() {
            return Ok(Some(record));
        }
        let fault = if record.len() > MAX_RECORD_BYTES {
            "longer than a record can be"
        } else {
            "cut off before its newline"
        };
        Err(ExportError::Line { line, fault })
    }
}

impl<R: BufRead> Iterator for ExportReader<R> {
    type Item = Result<Vec<u8>, ExportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let record = self.read().transpose();
        self.is_done = !matches!(record, Some(Ok(_)));
        record
    }
}
