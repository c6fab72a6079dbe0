//! Objects of the database: loose ones, and those in packs with their deltas.
//!
//! Alternates, multi-pack indexes and promisors are not followed: an object that would have to be
//! fetched is not there.
//!
//! Source: gitrepository-layout(5), gitformat-pack(5).

use std::cell::{Cell, OnceCell};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::{Repository, open};

/// The most bytes of an object.
const OBJECT_BYTES: usize = 1 << 20;
/// The most packs that are looked through.
const PACKS: usize = 64;
/// How many deltas may stand on each other. git itself makes 50.
const DEPTH: u32 = 64;
/// What an index of version 2 begins with, the version included.
const INDEX_START: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];
/// Where the names of an index begin: after its start and 256 counts.
const NAMES_AT: u64 = 8 + 256 * 4;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Commit,
    Tree,
    Other,
}

/// One pack with its index.
struct Pack {
    index: File,
    objects: File,
}

/// The objects of one repository, of which only so many are read.
pub(super) struct Objects {
    folder: PathBuf,
    packs: OnceCell<Vec<Pack>>,
    left: Cell<u32>,
}

impl Objects {
    /// Returns the objects of `repository`; after `most` of them there are no more.
    pub(super) fn of(repository: &Repository, most: u32) -> Self {
        Self {
            folder: repository.common_dir.join("objects"),
            packs: OnceCell::new(),
            left: Cell::new(most),
        }
    }

    /// Returns the object of this name where it is of this kind.
    pub(super) fn read(&self, name: &[u8], kind: Kind) -> Option<Vec<u8>> {
        self.left.set(self.left.get().checked_sub(1)?);
        let (found, body) = self.loose(name).or_else(|| self.packed(name))?;
        (found == kind).then_some(body)
    }

    fn loose(&self, name: &[u8]) -> Option<(Kind, Vec<u8>)> {
        let name = hex(name);
        let (folder, file) = name.split_at_checked(2)?;
        let mut compressed = Vec::new();
        open(&self.folder.join(folder).join(file))?
            .take(OBJECT_BYTES as u64)
            .read_to_end(&mut compressed)
            .ok()?;
        let limit = OBJECT_BYTES;
        let mut object =
            miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&compressed, limit).ok()?;
        let end = object.iter().position(|byte| *byte == 0)?;
        let body = object.split_off(end + 1);
        let kind = match object.split(|byte| *byte == b' ').next()? {
            b"commit" => Kind::Commit,
            b"tree" => Kind::Tree,
            _ => Kind::Other,
        };
        Some((kind, body))
    }

    fn packed(&self, name: &[u8]) -> Option<(Kind, Vec<u8>)> {
        let packs = self.packs.get_or_init(|| packs(&self.folder.join("pack")));
        packs.iter().find_map(|pack| {
            let at = offset(&pack.index, name)?;
            pack.object(at, name.len(), DEPTH)
        })
    }
}

fn packs(folder: &Path) -> Vec<Pack> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let paths = entries.take(PACKS * 4).flatten().map(|entry| entry.path());
    let is_index = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "idx");
    let pack = |path: PathBuf| {
        Some(Pack {
            index: open(&path)?,
            objects: open(&path.with_extension("pack"))?,
        })
    };
    paths
        .filter(is_index)
        .filter_map(pack)
        .take(PACKS)
        .collect()
}

impl Pack {
    /// Returns the object at `at`, whole or made of a delta and what that stands on.
    fn object(&self, at: u64, hash_bytes: usize, depth: u32) -> Option<(Kind, Vec<u8>)> {
        let mut start = [0; 64];
        let read = self.objects.read_at(&mut start, at).ok()?;
        let mut rest = start.get(..read)?;
        let (kind, size) = header(&mut rest)?;
        let depth = depth.checked_sub(1)?;
        let base = match kind {
            1..=4 => None,
            6 => {
                let back = distance(&mut rest)?;
                Some(self.object(at.checked_sub(back)?, hash_bytes, depth)?)
            }
            7 => {
                let (name, after) = rest.split_at_checked(hash_bytes)?;
                rest = after;
                Some(self.object(offset(&self.index, name)?, hash_bytes, depth)?)
            }
            _ => return None,
        };
        let content = self.inflated(at + (read - rest.len()) as u64, size)?;
        match (base, kind) {
            (Some((kind, base)), _) => Some((kind, applied(&base, &content)?)),
            (None, 1) => Some((Kind::Commit, content)),
            (None, 2) => Some((Kind::Tree, content)),
            (None, _) => Some((Kind::Other, content)),
        }
    }

    fn inflated(&self, at: u64, size: usize) -> Option<Vec<u8>> {
        if size > OBJECT_BYTES {
            return None;
        }
        // What does not compress gets a little longer. What stands behind it is not looked at.
        let mut compressed = vec![0; size + size / 8 + 256];
        let read = self.objects.read_at(&mut compressed, at).ok()?;
        let compressed = compressed.get(..read)?;
        // A little more than is wanted, so that what is longer is seen to be.
        let limit = size + 64;
        let content =
            miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(compressed, limit).ok()?;
        (content.len() == size).then_some(content)
    }
}

/// Reads the kind and the length that an object of a pack begins with.
fn header(rest: &mut &[u8]) -> Option<(u8, usize)> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    let mut size = usize::from(first & 0x0f);
    let mut byte = *first;
    let mut shift = 4;
    while byte & 0x80 != 0 {
        let (next, after) = rest.split_first()?;
        *rest = after;
        byte = *next;
        size |= usize::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
    }
    Some((first >> 4 & 7, size))
}

/// Reads how far back in its pack a delta's base stands.
fn distance(rest: &mut &[u8]) -> Option<u64> {
    let mut distance: u64 = 0;
    for at in 0..9 {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        distance = (distance << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(distance);
        }
        // Each further byte stands for one more, so that no distance has two forms.
        distance += u64::from(at < 8);
    }
    None
}

/// Applies a delta: pieces of its base, and new bytes.
fn applied(base: &[u8], mut delta: &[u8]) -> Option<Vec<u8>> {
    let (from, size) = (length(&mut delta)?, length(&mut delta)?);
    if from != base.len() || size > OBJECT_BYTES {
        return None;
    }
    let mut made = Vec::with_capacity(size);
    while let Some((code, after)) = delta.split_first() {
        delta = after;
        if code & 0x80 == 0 {
            let (new, after) = delta.split_at_checked(usize::from(*code))?;
            delta = after;
            made.extend_from_slice(new);
            continue;
        }
        let mut number = |bits: std::ops::Range<u32>| {
            let first = bits.start;
            let mut number = 0;
            for bit in bits {
                if code >> bit & 1 == 1 {
                    let (byte, after) = delta.split_first()?;
                    delta = after;
                    number |= usize::from(*byte) << ((bit - first) * 8);
                }
            }
            Some(number)
        };
        let at = number(0..4)?;
        let length = match number(4..7)? {
            0 => 0x1_0000,
            length => length,
        };
        made.extend_from_slice(base.get(at..at.checked_add(length)?)?);
        if made.len() > size {
            return None;
        }
    }
    (made.len() == size).then_some(made)
}

fn length(delta: &mut &[u8]) -> Option<usize> {
    let (mut length, mut shift) = (0, 0);
    loop {
        let (byte, after) = delta.split_first()?;
        *delta = after;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(length);
        }
    }
}

/// Returns where the object stands in the pack of this index.
fn offset(index: &File, name: &[u8]) -> Option<u64> {
    let mut start = [0; 8];
    index.read_exact_at(&mut start, 0).ok()?;
    if start != INDEX_START {
        return None;
    }
    let first = u64::from(*name.first()?);
    let up_to = |byte: u64| number(index, 8 + byte * 4);
    let total = up_to(255)?;
    let (mut low, mut high) = (
        if first == 0 { 0 } else { up_to(first - 1)? },
        up_to(first)?,
    );
    let width = name.len() as u64;
    let mut found = vec![0; name.len()];
    while low < high {
        let middle = low + (high - low) / 2;
        index
            .read_exact_at(&mut found, NAMES_AT + middle * width)
            .ok()?;
        match found.as_slice().cmp(name) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => {
                // The checksums stand between the names and the offsets.
                let at = number(index, NAMES_AT + total * (width + 4) + middle * 4)?;
                // The highest bit says that the offset is a large one, in a table of its own.
                return (at < 1 << 31).then_some(at);
            }
        }
    }
    None
}

fn number(file: &File, at: u64) -> Option<u64> {
    let mut bytes = [0; 4];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(u64::from(u32::from_be_bytes(bytes)))
}

/// Writes a name in hexadecimal digits.
pub(super) fn hex(name: &[u8]) -> String {
    let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or_default();
    let digits = name.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

/// Reads hexadecimal digits.
pub(super) fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks_exact(2);
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (hex.len().is_multiple_of(2) && !hex.is_empty()).then(|| digits.map(pair).collect())?
}
