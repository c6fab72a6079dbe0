//! `gate audit verify DIR`, where the folder holds the log as tiles.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use gate_protocol::canonical::Digest;
use gate_protocol::log::{
    Beside, CHECKPOINT_FILE, Checkpoint, LogVerifier, TILE_WIDTH, Tile, TileBuilder, TileContent,
    Told, VerifiedLog, are_leaves_of, entries, leaf_hash,
};

use super::copy::unreadable;
use super::finding::{Finding, conclude};
use super::witnesses::Witnesses;
use crate::failure::Failure;
use crate::log_key::LogKeys;
use crate::show::answer;

/// Tells whether a folder holds tiles.
pub(super) fn are_in(folder: &Path) -> bool {
    folder.join("tile").is_dir()
}

/// Verifies the records in the bundles, and each tile against them.
pub(super) fn verify(keys: &LogKeys, folder: &Path, witnesses: &Witnesses) -> Result<(), Failure> {
    let note_path = folder.join(CHECKPOINT_FILE);
    let note = std::fs::read(&note_path).map_err(|error| unreadable(&note_path, error))?;
    let key = keys.of_note(&note);
    let signed = witnesses.verify(&note, key)?;
    let said = witnesses.words(&signed);
    let log = Tiled {
        folder,
        size: signed.checkpoint.size,
    };
    conclude(key, log.read(signed.checkpoint))?;
    answer::text(&said)
}

/// A log in a folder.
struct Tiled<'a> {
    folder: &'a Path,
    size: u64,
}

impl Tiled<'_> {
    fn read(&self, checkpoint: Checkpoint) -> Result<VerifiedLog, Finding> {
        let mut hashes = self.hashes();
        let are_signed = are_leaves_of(&mut hashes, &checkpoint).unwrap_or(false);
        let mut verifier = LogVerifier::new(vec![checkpoint]);
        let mut builder = TileBuilder::default();
        for bundle in self.tiles(TileContent::Entries) {
            let first = bundle.index * u64::from(TILE_WIDTH);
            let missing = |why: String| Finding::File { first, why };
            let bytes = self
                .file(&bundle)
                .map_err(|error| missing(words(&bundle, &error)))?;
            let records = entries(&bytes).map_err(|error| missing(error.to_string()))?;
            let leaves = if are_signed {
                self.leaves_of(&bundle)
            } else {
                Vec::new()
            };
            for (place, record) in records.iter().enumerate() {
                verifier
                    .feed_with(
                        record,
                        Beside {
                            leaf: leaves.get(place).copied(),
                            payload: Told::Untold,
                        },
                    )
                    .map_err(Finding::Log)?;
                let made = builder
                    .append(record, leaf_hash(record))
                    .map_err(|error| missing(error.to_string()))?;
                self.compare(&made)?;
            }
            if records.len() != usize::from(bundle.width) {
                let (found, width) = (records.len(), bundle.width);
                return Err(missing(format!(
                    "`{bundle}` has {found} records, not {width}"
                )));
            }
        }
        let log = verifier.finish().map_err(Finding::Log)?;
        self.compare(&builder.finish())?;
        Ok(log)
    }

    /// Holds the files against those that the records make.
    fn compare(&self, made: &[(Tile, Vec<u8>)]) -> Result<(), Finding> {
        for (tile, bytes) in made {
            let first = tile.leaves().map_or(0, |leaves| leaves.start);
            let why = match self.file(tile) {
                Ok(found) if found == *bytes => continue,
                Ok(_) => format!("`{tile}` has other hashes than the records"),
                Err(error) => words(tile, &error),
            };
            return Err(Finding::File { first, why });
        }
        Ok(())
    }

    /// Returns the tiles of the lowest level, or the bundles.
    fn tiles(&self, content: TileContent) -> impl Iterator<Item = Tile> + use<> {
        let width = u64::from(TILE_WIDTH);
        let size = self.size;
        (0..size.div_ceil(width)).map(move |index| Tile {
            content,
            index,
            width: u16::try_from((size - index * width).min(width)).unwrap_or(TILE_WIDTH),
        })
    }

    fn file(&self, tile: &Tile) -> io::Result<Vec<u8>> {
        std::fs::read(self.folder.join(tile.to_string()))
    }

    fn leaves_of(&self, bundle: &Tile) -> Vec<Digest> {
        let tile = Tile {
            content: TileContent::Hashes { level: 0 },
            ..*bundle
        };
        let bytes = self.file(&tile).unwrap_or_default();
        let (hashes, _) = bytes.as_chunks::<32>();
        hashes.iter().copied().map(Digest::from_bytes).collect()
    }

    fn hashes(&self) -> Hashes {
        let tiles = self.tiles(TileContent::Hashes { level: 0 });
        Hashes {
            files: tiles
                .map(|tile| self.folder.join(tile.to_string()))
                .collect(),
            rest: io::Cursor::default(),
        }
    }
}

fn words(tile: &Tile, error: &io::Error) -> String {
    if error.kind() == ErrorKind::NotFound {
        format!("`{tile}` is missing")
    } else {
        format!("`{tile}` can't be read: {error}")
    }
}

/// The tiles of the lowest level as one stream of hashes.
struct Hashes {
    files: std::collections::VecDeque<PathBuf>,
    rest: io::Cursor<Vec<u8>>,
}

impl Read for Hashes {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.rest.read(into)? {
                0 => match self.files.pop_front() {
                    Some(file) => self.rest = io::Cursor::new(std::fs::read(file)?),
                    None => return Ok(0),
                },
                count => return Ok(count),
            }
        }
    }
}
