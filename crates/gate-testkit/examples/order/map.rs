//! What a linker says of where it put what.

use std::io;

/// A piece of a program: what the linker moves as a whole.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Its address.
    pub(crate) start: u64,
    pub(crate) bytes: u64,
    /// The name of its section in the file that it comes from.
    pub(crate) section: String,
    /// That file, or `ARCHIVE(MEMBER)`.
    pub(crate) file: String,
}

impl Piece {
    /// Tells whether it is code.
    pub(crate) fn is_code(&self) -> bool {
        self.section.starts_with(".text")
    }

    /// Tells whether it is something that nobody writes.
    pub(crate) fn is_constant(&self) -> bool {
        self.section.starts_with(".rodata")
    }
}

/// The pieces by their addresses.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) pieces: Vec<Piece>,
}

impl Map {
    /// Reads what `ld -Map` writes: a section's name, an address, a size and a file, of which a
    /// long name has a line of its own.
    pub(crate) fn read(text: &str) -> io::Result<Self> {
        let mut pieces = Vec::new();
        let mut name = None;
        for line in text.lines() {
            let mut words: Vec<&str> = line.split_whitespace().collect();
            if line.starts_with(" .") {
                name = Some(words.remove(0));
            }
            if let (Some(section), [start, bytes, file]) = (name, &words[..])
                && let (Some(start), Some(bytes)) = (hexadecimal(start), hexadecimal(bytes))
                && (start > 0 && bytes > 0)
            {
                pieces.push(Piece {
                    start,
                    bytes,
                    section: section.to_owned(),
                    file: (*file).to_owned(),
                });
            }
            if !words.is_empty() {
                name = None;
            }
        }
        pieces.sort_by_key(|piece| piece.start);
        if pieces.is_empty() {
            return Err(io::Error::other("the map names no piece"));
        }
        Ok(Self { pieces })
    }

    /// Returns the piece in which an address lies.
    pub(crate) fn at(&self, address: u64) -> Option<&Piece> {
        let behind = self.pieces.partition_point(|piece| piece.start <= address);
        let piece = self.pieces.get(behind.checked_sub(1)?)?;
        (address < piece.start + piece.bytes).then_some(piece)
    }
}

fn hexadecimal(word: &str) -> Option<u64> {
    u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
}
