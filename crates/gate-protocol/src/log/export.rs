//! The form in which a log leaves the server: a file of JSON Lines, each line
//! one record's bytes and a newline, and beside it the signed checkpoint over
//! exactly these records.

use std::io::{BufRead, Read as _};

use super::record::MAX_RECORD_BYTES;

/// The name of the file of records in an export's folder.
pub const RECORDS_FILE: &str = "records.jsonl";

/// The name of the checkpoint in an export's folder.
pub const CHECKPOINT_FILE: &str = "checkpoint";

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
