//! What stands beside the records of a copy, line by line.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use gate_protocol::canonical::from_strict_slice;
use gate_protocol::log::{PAYLOADS_FILE, Payload, RecordPayload, Told};

use super::copy::opened;
use super::finding::Finding;
use crate::failure::Failure;

/// The longest line that is read, in bytes: what stands beside a record was once sent with it.
const MOST_BYTES: u64 = 2 << 20;

/// The lines of `payloads.jsonl`, in the order of the records.
pub(super) struct Payloads {
    /// None where there is no such file: the copy is of the records alone.
    lines: Option<BufReader<File>>,
    next: Option<RecordPayload>,
    /// The number of the line that was read last.
    line: u64,
}

impl Payloads {
    /// Opens the file beside the records.
    pub(super) fn beside(records: &Path) -> Result<Self, Failure> {
        let path = records.with_file_name(PAYLOADS_FILE);
        let lines = match path.symlink_metadata() {
            Ok(_) => Some(BufReader::new(opened(&path)?)),
            Err(_) => None,
        };
        Ok(Self {
            lines,
            next: None,
            line: 0,
        })
    }

    /// Tells whether there is no such file.
    pub(super) const fn are_untold(&self) -> bool {
        self.lines.is_none()
    }

    /// Returns what stands beside the record of an index, and goes on behind it.
    pub(super) fn of(&mut self, index: u64) -> Result<Option<Payload>, Finding> {
        if self.next.is_none() {
            self.next = self.read(index)?;
        }
        match &self.next {
            Some(next) if next.seq < index => Err(self.bad(index, "is out of order")),
            Some(next) if next.seq == index => Ok(self.next.take().map(|next| next.payload)),
            Some(_) | None => Ok(None),
        }
    }

    /// Returns what the verifier is told of it.
    pub(super) fn told<'p>(&self, payload: Option<&'p Payload>) -> Told<'p> {
        match self.lines {
            Some(_) => Told::Told(payload),
            None => Told::Untold,
        }
    }

    /// Ends: nothing may be left over.
    pub(super) fn finish(mut self, records: u64) -> Result<(), Finding> {
        match self.of(records)? {
            None if self.next.is_none() => Ok(()),
            Some(_) | None => Err(self.bad(records, "stands beside no record")),
        }
    }

    fn read(&mut self, index: u64) -> Result<Option<RecordPayload>, Finding> {
        let Some(lines) = &mut self.lines else {
            return Ok(None);
        };
        self.line += 1;
        let mut line = Vec::new();
        let read = lines.take(MOST_BYTES).read_until(b'\n', &mut line);
        match read {
            Ok(0) => Ok(None),
            Ok(_) => match line.strip_suffix(b"\n").map(from_strict_slice) {
                Some(Ok(payload)) => Ok(Some(payload)),
                Some(Err(_)) | None => Err(self.bad(index, "is not what gate writes")),
            },
            Err(_) => Err(self.bad(index, "can't be read")),
        }
    }

    fn bad(&self, first: u64, what: &str) -> Finding {
        Finding::File {
            first,
            why: format!("line {} of `{PAYLOADS_FILE}` {what}", self.line),
        }
    }
}
