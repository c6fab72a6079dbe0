//! The tree of a commit, from the object database.
//!
//! Only what a fresh commit or clone has is read: a loose object, or one that stands whole in a
//! pack. Deltas and alternates are not followed; then the answer is not known.
//!
//! Source: gitrepository-layout(5), gitformat-pack(5).

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::{Repository, open};

/// The most bytes of a compressed commit that are read, and of what it inflates to.
const COMMIT_BYTES: usize = 64 << 10;
/// The most packs that are looked through.
const PACKS: usize = 64;
/// What an index of version 2 begins with, the version included.
const INDEX_START: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];
/// Where the names of an index begin: after its start and 256 counts.
const NAMES_AT: u64 = 8 + 256 * 4;
/// The type of a whole commit in a pack.
const COMMIT: u8 = 1;

/// Returns the hash of the tree of `commit`, which is given in hex.
pub(super) fn tree(repository: &Repository, commit: &str) -> Option<Vec<u8>> {
    let objects = repository.common_dir.join("objects");
    let body = match loose(&objects, commit) {
        Some(object) => {
            let end = object.iter().position(|byte| *byte == 0)?;
            let (header, body) = object.split_at(end);
            if !header.starts_with(b"commit ") {
                return None;
            }
            body.get(1..)?.to_vec()
        }
        None => packed(&objects.join("pack"), &bytes(commit)?)?,
    };
    let line = body.split(|byte| *byte == b'\n').next()?;
    bytes(std::str::from_utf8(line.strip_prefix(b"tree ")?).ok()?)
}

/// Returns a loose object with its header.
fn loose(objects: &Path, name: &str) -> Option<Vec<u8>> {
    let (folder, file) = name.split_at_checked(2)?;
    let mut compressed = Vec::new();
    open(&objects.join(folder).join(file))?
        .take(COMMIT_BYTES as u64)
        .read_to_end(&mut compressed)
        .ok()?;
    inflate(&compressed)
}

/// Returns a commit that stands whole in one of the packs.
fn packed(folder: &Path, name: &[u8]) -> Option<Vec<u8>> {
    let entries = std::fs::read_dir(folder).ok()?.take(PACKS * 4).flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "idx"))
        .find_map(|index| {
            let at = offset(&open(&index)?, name)?;
            object_at(&open(&index.with_extension("pack"))?, at)
        })
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

/// Returns the commit that stands whole at `at`.
fn object_at(pack: &File, at: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; COMMIT_BYTES];
    let read = pack.read_at(&mut bytes, at).ok()?;
    let bytes = bytes.get(..read)?;
    let kind = bytes.first()? >> 4 & 7;
    // The length goes on as long as the highest bit is set; the inflated bytes say it again.
    let header = bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
    if kind != COMMIT {
        return None;
    }
    inflate(bytes.get(header..)?)
}

fn inflate(compressed: &[u8]) -> Option<Vec<u8>> {
    miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(compressed, COMMIT_BYTES).ok()
}

/// Reads hexadecimal digits.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks_exact(2);
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (hex.len().is_multiple_of(2) && !hex.is_empty()).then(|| digits.map(pair).collect())?
}
