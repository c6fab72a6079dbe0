//! A text under search, and the only loops over it.
//!
//! Whatever looks further than one byte goes through [`Text::seek`] or
//! [`Text::find`], which count the bytes they look at ([`looks`]). A test holds
//! the count to a multiple of the length: no input makes the search quadratic.

use std::cell::Cell;
use std::ops::Range;

use super::looks;

/// Bytes that may hold a secret.
pub(super) struct Text<'t> {
    bytes: &'t [u8],
    misses: Cell<usize>,
}

/// How often a text may be searched to its end in vain.
const MISSES: usize = 16;

impl<'t> Text<'t> {
    pub(super) fn new(bytes: &'t [u8]) -> Self {
        Self {
            bytes,
            misses: Cell::new(0),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn at(&self, index: usize) -> Option<u8> {
        self.bytes.get(index).copied()
    }

    pub(super) fn before(&self, index: usize) -> Option<u8> {
        index.checked_sub(1).and_then(|index| self.at(index))
    }

    pub(super) fn slice(&self, range: Range<usize>) -> &'t [u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    pub(super) fn starts(&self, at: usize, prefix: &[u8]) -> bool {
        self.slice(at..at + prefix.len()) == prefix
    }

    pub(super) fn rest(&self, from: usize) -> &'t [u8] {
        self.slice(from..self.len())
    }

    /// Tells whether a prefix stands here in any case.
    pub(super) fn starts_folded(&self, at: usize, prefix: &[u8]) -> bool {
        self.slice(at..at + prefix.len())
            .eq_ignore_ascii_case(prefix)
    }

    /// Returns where the first byte of this kind stands, or the end.
    pub(super) fn seek(&self, from: usize, is_wanted: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        let found = rest.iter().position(|byte| is_wanted(*byte));
        let looked = found.unwrap_or(rest.len());
        looks::add(looked);
        from.min(self.len()) + looked
    }

    /// Returns the same, and looks no further than `limit`.
    pub(super) fn seek_within(
        &self,
        from: usize,
        limit: usize,
        is_wanted: impl Fn(u8) -> bool,
    ) -> usize {
        let limit = limit.min(self.len());
        let rest = self.bytes.get(from..limit).unwrap_or_default();
        let looked = rest.iter().position(|byte| is_wanted(*byte));
        let looked = looked.unwrap_or(rest.len());
        looks::add(looked);
        from.min(limit) + looked
    }

    /// Returns where the stretch without a byte of this kind starts that ends
    /// before `to`.
    pub(super) fn seek_back(&self, to: usize, is_wanted: impl Fn(u8) -> bool) -> usize {
        let before = self.bytes.get(..to).unwrap_or_default();
        let start = before
            .iter()
            .rposition(|byte| is_wanted(*byte))
            .map_or(0, |at| at + 1);
        looks::add(to.saturating_sub(start));
        start
    }

    /// Returns where a text stands behind `from`, and looks no further than
    /// `limit`.
    pub(super) fn find(&self, from: usize, limit: usize, wanted: &[u8]) -> Option<usize> {
        let limit = limit.min(self.len());
        let rest = self.bytes.get(from..limit).unwrap_or_default();
        let found = rest
            .windows(wanted.len().max(1))
            .position(|window| window == wanted);
        looks::add(found.unwrap_or(rest.len()));
        found.map(|at| from + at)
    }

    /// Returns where a text stands behind `from`. It gives up on a text in which
    /// too much was looked for in vain: each search could go to the end.
    pub(super) fn find_rare(&self, from: usize, wanted: &[u8]) -> Option<usize> {
        if self.misses.get() >= MISSES {
            return None;
        }
        let found = self.find(from, self.len(), wanted);
        if found.is_none() {
            self.misses.set(self.misses.get() + 1);
        }
        found
    }

    pub(super) fn skip_blanks(&self, from: usize) -> usize {
        self.seek(from, |byte| !byte.is_ascii_whitespace())
    }
}

/// Which bytes can be part of a name or of a token. Bytes above ASCII are: a name in another
/// script is still one name.
static NAME_BYTES: [bool; 256] = {
    let mut bytes = [false; 256];
    let mut rest = bytes.as_mut_slice();
    let mut byte = 0_u8;
    while let [first, behind @ ..] = rest {
        *first = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || byte >= 0x80;
        byte = byte.wrapping_add(1);
        rest = behind;
    }
    bytes
};

/// Tells whether a byte can be part of a name or of a token.
pub(super) fn is_name_byte(byte: u8) -> bool {
    NAME_BYTES.get(usize::from(byte)).is_some_and(|is| *is)
}

pub(super) fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'')
}

/// Returns where the run of name bytes ends that starts here. An escape of
/// JSON or of a URI that stands for a letter is part of it.
pub(super) fn run_end(text: &Text<'_>, start: usize) -> usize {
    let mut at = start;
    loop {
        at = text.seek(at, |byte| !is_name_byte(byte));
        match escape_length(text, at) {
            0 => return at,
            length => at += length,
        }
    }
}

/// A dash is part of a name; two of them start a comment of SQL.
pub(super) fn before_comment(text: &Text<'_>, start: usize, end: usize) -> usize {
    if !text.slice(start..end).contains(&b'-') {
        return end;
    }
    // What starts with them is no comment, or it would have been skipped.
    text.find(start + 1, end, b"--").unwrap_or(end)
}

pub(super) fn escape_length(text: &Text<'_>, at: usize) -> usize {
    let (digits, length) = match text.at(at) {
        Some(b'%') => (text.slice(at + 1..at + 3), 3),
        Some(b'\\') if text.at(at + 1) == Some(b'u') => (text.slice(at + 2..at + 6), 6),
        _ => return 0,
    };
    let is_letter = match digits {
        [b'4'..=b'7', low] | [b'0', b'0', b'4'..=b'7', low] => low.is_ascii_hexdigit(),
        _ => false,
    };
    if is_letter { length } else { 0 }
}
