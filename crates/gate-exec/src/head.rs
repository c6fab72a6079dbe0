//! The first bytes of a file, read once for everything that is to be learned of it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// Enough for the headers and the notes of most programs, and for an interpreter line.
const HEAD_BYTES: usize = 1024;

/// An open file with its first bytes.
pub(crate) struct Head<'f> {
    file: &'f File,
    bytes: [u8; HEAD_BYTES],
    length: usize,
}

impl<'f> Head<'f> {
    /// Reads the beginning of `file`. One that can't be read has none.
    pub(crate) fn read(file: &'f File) -> Self {
        let mut bytes = [0; HEAD_BYTES];
        let length = file.read_at(&mut bytes, 0).unwrap_or_default();
        Self {
            file,
            bytes,
            length,
        }
    }

    /// Returns what was read.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Copies the bytes at `offset` of the file, which has to have them all.
    pub(crate) fn copy(&self, offset: u64, length: usize) -> Option<Vec<u8>> {
        let known = usize::try_from(offset).ok().and_then(|start| {
            let end = start.checked_add(length)?;
            self.bytes().get(start..end)
        });
        if let Some(known) = known {
            return Some(known.to_vec());
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }
}
