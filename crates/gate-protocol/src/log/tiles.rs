//! The log as static files that any web server and cache can hand out.
//!
//! Source: C2SP tlog-tiles. A tile has up to 256 hashes of one level of the
//! tree, a bundle the records of a tile of level 0. What is full never changes.

use std::fmt;
use std::ops::Range;

use super::merkle::{ProofError, inclusion_proof, root};
use crate::canonical::Digest;

/// How many hashes a full tile has, and how many records a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// The longest record that fits a bundle, in bytes: its length is two bytes.
pub const MAX_ENTRY_BYTES: usize = 0xffff;

/// The highest level that a tree of 2^64 leaves has.
const MAX_LEVEL: u8 = 7;

/// What a file of the tree holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileContent {
    /// Hashes: of records at level 0, of whole tiles below at the others.
    Hashes {
        /// The level, from 0 to 7.
        level: u8,
    },
    /// The records themselves.
    Entries,
}

/// One file of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// What it holds.
    pub content: TileContent,
    /// Its place in its level, from 0.
    pub index: u64,
    /// How many hashes or records it holds, from 1 to [`TILE_WIDTH`].
    pub width: u16,
}

/// Why a bundle can't be made or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A record is longer than [`MAX_ENTRY_BYTES`].
    #[error("a record of {0} bytes does not fit a bundle, where 65535 is the most")]
    TooLong(usize),
    /// A bundle ends inside of a record.
    #[error("the bundle ends inside of a record")]
    Cut,
}

impl Tile {
    /// Reads a path below the log's prefix, as `tile/0/x001/234.p/5`.
    ///
    /// None where it names no tile, or not in its only spelling.
    pub fn parse(path: &str) -> Option<Self> {
        let (first, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let content = match first {
            "entries" => TileContent::Entries,
            level => TileContent::Hashes {
                level: level.parse().ok().filter(|level| *level <= MAX_LEVEL)?,
            },
        };
        let (place, width) = match rest.split_once(".p/") {
            Some((place, width)) => (place, width.parse().ok()?),
            None => (rest, TILE_WIDTH),
        };
        let digits: String = place.chars().filter(char::is_ascii_digit).collect();
        let tile = Self {
            content,
            index: digits.parse().ok()?,
            width,
        };
        let is_tile = (1..=TILE_WIDTH).contains(&width) && tile.to_string() == path;
        is_tile.then_some(tile)
    }

    /// Returns which leaves it stands for; none where no tree has so many.
    pub fn leaves(&self) -> Option<Range<u64>> {
        let each = self.leaves_of_each()?;
        let first = self.index.checked_mul(u64::from(TILE_WIDTH))?;
        let start = first.checked_mul(each)?;
        let length = each.checked_mul(u64::from(self.width))?;
        Some(start..start.checked_add(length)?)
    }

    /// Returns the hashes of a tile of hashes, from the hashes of its leaves.
    pub fn hashes(&self, leaves: &[Digest]) -> Vec<u8> {
        let each = self
            .leaves_of_each()
            .and_then(|each| usize::try_from(each).ok());
        leaves
            .chunks(each.unwrap_or(usize::MAX))
            .flat_map(|below| *root(below.iter().copied()).as_bytes())
            .collect()
    }

    fn leaves_of_each(&self) -> Option<u64> {
        match self.content {
            TileContent::Entries => Some(1),
            TileContent::Hashes { level } => u64::from(TILE_WIDTH).checked_pow(level.into()),
        }
    }
}

/// The path below the log's prefix.
impl fmt::Display for Tile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            TileContent::Entries => write!(formatter, "tile/entries")?,
            TileContent::Hashes { level } => write!(formatter, "tile/{level}")?,
        }
        let digits = self.index.to_string();
        let digits = format!("{:0>1$}", digits, digits.len().div_ceil(3) * 3);
        let groups = digits.len() / 3;
        for (place, character) in digits.chars().enumerate() {
            if place % 3 == 0 {
                let mark = if place / 3 + 1 < groups { "/x" } else { "/" };
                formatter.write_str(mark)?;
            }
            write!(formatter, "{character}")?;
        }
        if self.width < TILE_WIDTH {
            write!(formatter, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// Returns the proof that the leaf at `index` is in the tree, as
/// [`inclusion_proof`] does, from the leaves of its tile of level 0, `tile`,
/// and the roots of all of them, `roots`. The last tile may not be full.
///
/// A tree is split at powers of two. Above [`TILE_WIDTH`] leaves these are
/// multiples of it, so it is a tree of its tiles' roots too.
///
/// # Errors
/// [`ProofError::OutOfRange`].
pub fn inclusion_proof_of_tile(
    tile: &[Digest],
    roots: &[Digest],
    index: u64,
) -> Result<Vec<Digest>, ProofError> {
    let width = u64::from(TILE_WIDTH);
    let mut proof = inclusion_proof(tile, index % width)?;
    proof.extend(inclusion_proof(roots, index / width)?);
    Ok(proof)
}

/// Appends a record to a bundle.
///
/// # Errors
/// [`BundleError::TooLong`].
pub fn append_entry(bundle: &mut Vec<u8>, record: &[u8]) -> Result<(), BundleError> {
    let length = u16::try_from(record.len()).map_err(|_| BundleError::TooLong(record.len()))?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(record);
    Ok(())
}

/// Returns the records of a bundle.
///
/// # Errors
/// [`BundleError::Cut`].
pub fn entries(mut bundle: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    while !bundle.is_empty() {
        let (length, rest) = bundle.split_first_chunk::<2>().ok_or(BundleError::Cut)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, rest) = rest.split_at_checked(length).ok_or(BundleError::Cut)?;
        entries.push(entry);
        bundle = rest;
    }
    Ok(entries)
}

/// Makes all tiles of a log from its records, one record at a time. Holds one
/// bundle and one tile of each level.
#[derive(Debug, Default)]
pub struct TileBuilder {
    bundle: Vec<u8>,
    /// The hashes of the tile that is not full yet, by level.
    levels: Vec<Vec<Digest>>,
    /// How many full tiles were made, by level.
    full: Vec<u64>,
}

impl TileBuilder {
    /// Takes the next record, and returns the files that it fills.
    ///
    /// # Errors
    /// [`BundleError::TooLong`].
    pub fn append(
        &mut self,
        record: &[u8],
        leaf: Digest,
    ) -> Result<Vec<(Tile, Vec<u8>)>, BundleError> {
        append_entry(&mut self.bundle, record)?;
        let mut made = Vec::new();
        let mut hash = leaf;
        for level in 0..=MAX_LEVEL {
            let place = usize::from(level);
            if self.levels.len() <= place {
                self.levels.push(Vec::new());
                self.full.push(0);
            }
            let (Some(hashes), Some(full)) = (self.levels.get_mut(place), self.full.get_mut(place))
            else {
                break;
            };
            hashes.push(hash);
            if hashes.len() < usize::from(TILE_WIDTH) {
                break;
            }
            let index = *full;
            *full += 1;
            let hashes = std::mem::take(hashes);
            hash = root(hashes.iter().copied());
            if level == 0 {
                let bundle = std::mem::take(&mut self.bundle);
                made.push((tile(TileContent::Entries, index, TILE_WIDTH), bundle));
            }
            let content = TileContent::Hashes { level };
            made.push((tile(content, index, TILE_WIDTH), bytes_of(&hashes)));
        }
        Ok(made)
    }

    /// Ends the log, and returns the files that are not full.
    pub fn finish(self) -> Vec<(Tile, Vec<u8>)> {
        let mut made = Vec::new();
        let levels = (0..=MAX_LEVEL).zip(self.levels).zip(self.full);
        let mut bundle = Some(self.bundle);
        for ((level, hashes), index) in levels {
            let width = u16::try_from(hashes.len()).unwrap_or(TILE_WIDTH);
            if width == 0 {
                continue;
            }
            if let Some(bundle) = bundle.take().filter(|_| level == 0) {
                made.push((tile(TileContent::Entries, index, width), bundle));
            }
            let content = TileContent::Hashes { level };
            made.push((tile(content, index, width), bytes_of(&hashes)));
        }
        made
    }
}

const fn tile(content: TileContent, index: u64, width: u16) -> Tile {
    Tile {
        content,
        index,
        width,
    }
}

fn bytes_of(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}
