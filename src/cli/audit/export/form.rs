//! The files of an export: lines of records, or tiles.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};

use gate_protocol::archive::{LogStart, START_FILE};
use gate_protocol::canonical::to_canonical_bytes;
use gate_protocol::log::{
    LEAVES_FILE, PAYLOADS_FILE, Payload, RECORDS_FILE, RecordPayload, Tile, TileBuilder, leaf_hash,
};

use super::staging::Staging;
use crate::cli::audit::records::Told;
use crate::failure::{Failure, FailureKind};

/// What takes the records of an export, one after another.
pub(in crate::cli::audit) enum Form {
    /// A file of JSON Lines, one of leaf hashes, and one of what stands beside records.
    Lines(Lines),
    /// C2SP tlog-tiles, which have no place for what stands beside records.
    Tiles(TileBuilder),
}

/// The files of lines.
pub(in crate::cli::audit) struct Lines {
    records: BufWriter<File>,
    leaves: BufWriter<File>,
    payloads: BufWriter<File>,
}

impl Lines {
    pub(in crate::cli::audit) fn open(staging: &Staging) -> io::Result<Self> {
        let open = |name| staging.create(name).map(BufWriter::new);
        Ok(Self {
            records: open(RECORDS_FILE)?,
            leaves: open(LEAVES_FILE)?,
            payloads: open(PAYLOADS_FILE)?,
        })
    }

    pub(in crate::cli::audit) fn put(
        &mut self,
        seq: u64,
        record: &str,
        payload: Option<&Payload>,
    ) -> io::Result<()> {
        writeln!(self.records, "{record}")?;
        let leaf = leaf_hash(record.as_bytes());
        self.leaves.write_all(leaf.as_bytes())?;
        if let Some(payload) = payload {
            let payload = payload.clone();
            let line = to_canonical_bytes(&RecordPayload { seq, payload });
            self.payloads.write_all(&line.map_err(io::Error::other)?)?;
            self.payloads.write_all(b"\n")?;
        }
        Ok(())
    }

    pub(in crate::cli::audit) fn finish(self) -> io::Result<()> {
        for file in [self.records, self.leaves, self.payloads] {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
        }
        Ok(())
    }
}

impl Form {
    pub(super) fn lines(staging: &Staging) -> Result<Self, Failure> {
        let opened = Lines::open(staging);
        opened
            .map(Self::Lines)
            .map_err(|error| staging.failed(error))
    }

    pub(super) fn tiles() -> Self {
        Self::Tiles(TileBuilder::default())
    }

    /// Says where the records begin, where that is not the first one.
    pub(super) fn start(&mut self, staging: &Staging, start: &LogStart) -> Result<(), Failure> {
        if start.size == 0 {
            return Ok(());
        }
        match self {
            Self::Lines(_) => {
                let text = to_canonical_bytes(start).map_err(io::Error::other);
                let text = text.map_err(|error| staging.failed(error))?;
                staging.put(START_FILE, &text)
            }
            Self::Tiles(_) => {
                let archived = start.size;
                let text = format!("the log's first {archived} records were archived");
                Err(Failure::new(FailureKind::Usage, text)
                    .hint("export it with --out: tiles begin at the first record"))
            }
        }
    }

    /// Takes the next record, with what stands beside it.
    pub(super) fn put(&mut self, staging: &Staging, told: Told<'_>) -> Result<(), Failure> {
        match self {
            Self::Lines(lines) => lines
                .put(told.index, told.text, told.payload)
                .map_err(|error| staging.failed(error)),
            Self::Tiles(builder) => {
                let record = told.text.as_bytes();
                let made = builder.append(record, leaf_hash(record)).map_err(|error| {
                    Failure::new(FailureKind::Found, "the log can't be written as tiles")
                        .caused_by(error)
                        .hint("export it with --out, whose records can have any length")
                })?;
                put_all(staging, &made)
            }
        }
    }

    /// Ends the log.
    pub(super) fn finish(self, staging: &Staging) -> Result<(), Failure> {
        match self {
            Self::Lines(lines) => lines.finish().map_err(|error| staging.failed(error)),
            Self::Tiles(builder) => put_all(staging, &builder.finish()),
        }
    }
}

fn put_all(staging: &Staging, files: &[(Tile, Vec<u8>)]) -> Result<(), Failure> {
    files
        .iter()
        .try_for_each(|(tile, bytes)| staging.put(&tile.to_string(), bytes))
}
