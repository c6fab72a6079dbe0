//! The files of an export: lines of records, or tiles.

use std::fs::File;
use std::io::{BufWriter, Write as _};

use gate_protocol::log::{LEAVES_FILE, RECORDS_FILE, Tile, TileBuilder, leaf_hash};

use super::staging::Staging;
use crate::failure::{Failure, FailureKind};

/// What takes the records of an export, one after another.
pub(super) enum Form {
    /// A file of JSON Lines, and one of leaf hashes.
    Lines {
        records: BufWriter<File>,
        leaves: BufWriter<File>,
    },
    /// C2SP tlog-tiles.
    Tiles(TileBuilder),
}

impl Form {
    pub(super) fn lines(staging: &Staging) -> Result<Self, Failure> {
        let open = |name| staging.create(name).map(BufWriter::new);
        let opened = open(RECORDS_FILE).and_then(|records| Ok((records, open(LEAVES_FILE)?)));
        let (records, leaves) = opened.map_err(|error| staging.failed(error))?;
        Ok(Self::Lines { records, leaves })
    }

    pub(super) fn tiles() -> Self {
        Self::Tiles(TileBuilder::default())
    }

    /// Takes the next record.
    pub(super) fn put(&mut self, staging: &Staging, record: &str) -> Result<(), Failure> {
        let leaf = leaf_hash(record.as_bytes());
        match self {
            Self::Lines { records, leaves } => writeln!(records, "{record}")
                .and_then(|()| leaves.write_all(leaf.as_bytes()))
                .map_err(|error| staging.failed(error)),
            Self::Tiles(builder) => {
                let made = builder.append(record.as_bytes(), leaf).map_err(|error| {
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
            Self::Lines { records, leaves } => [records, leaves].into_iter().try_for_each(|file| {
                file.into_inner()
                    .map_err(std::io::IntoInnerError::into_error)
                    .and_then(|file| file.sync_all())
                    .map_err(|error| staging.failed(error))
            }),
            Self::Tiles(builder) => put_all(staging, &builder.finish()),
        }
    }
}

fn put_all(staging: &Staging, files: &[(Tile, Vec<u8>)]) -> Result<(), Failure> {
    files
        .iter()
        .try_for_each(|(tile, bytes)| staging.put(&tile.to_string(), bytes))
}
