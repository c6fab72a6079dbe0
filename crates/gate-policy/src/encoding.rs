//! The byte form of what gate keeps between two runs: a compiled policy, a line of a journal.
//!
//! Numbers are little-endian; a text has its length in front. Nothing is aligned and nothing is
//! parsed: a part is found by its place and read where it lies. Each part has a [`sum`] beside it,
//! which tells damage, and no forgery: who may write the file is the file system's to say.

/// Puts values one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// Returns an encoder that holds nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts one byte.
    pub fn byte(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Puts a truth.
    pub fn truth(&mut self, value: bool) {
        self.byte(u8::from(value));
    }

    /// Puts a number of four bytes.
    pub fn number(&mut self, value: u32) {
        self.bytes.extend(value.to_le_bytes());
    }

    /// Puts a number of eight bytes.
    pub fn long(&mut self, value: u64) {
        self.bytes.extend(value.to_le_bytes());
    }

    /// Puts a text with its length. One of four gigabytes and more is not kept whole, and what
    /// reads it finds the rest of the part damaged.
    pub fn text(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        self.number(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.bytes.extend(text);
    }

    /// Puts a list, each item by `put`.
    pub fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        mut put: impl FnMut(&mut Self, T),
    ) {
        let items = items.into_iter();
        self.number(u32::try_from(items.len()).unwrap_or(u32::MAX));
        for item in items {
            put(self, item);
        }
    }

    /// Puts bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Returns how many bytes there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Tells whether nothing was put.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns what was put.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Takes values in the order in which they were put. Each is `None` where the bytes end before.
#[derive(Clone, Copy, Debug)]
pub struct Decoder<'b> {
    left: &'b [u8],
}

impl<'b> Decoder<'b> {
    /// Returns a decoder at the start of `bytes`.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { left: bytes }
    }

    /// Returns a decoder at a place of `bytes`.
    pub fn at(bytes: &'b [u8], offset: u32) -> Option<Self> {
        let left = bytes.get(usize::try_from(offset).ok()?..)?;
        Some(Self { left })
    }

    /// Takes one byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.raw(1)?.first().copied()
    }

    /// Takes a truth.
    pub fn truth(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// Takes a number of four bytes.
    pub fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.raw(4)?.try_into().ok()?))
    }

    /// Takes a number of eight bytes.
    pub fn long(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.raw(8)?.try_into().ok()?))
    }

    /// Takes bytes with their length in front.
    pub fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = self.number()?;
        self.raw(usize::try_from(length).ok()?)
    }

    /// Takes a text.
    pub fn text(&mut self) -> Option<&'b str> {
        str::from_utf8(self.bytes()?).ok()
    }

    /// Takes a list, each item by `take`.
    pub fn list<T>(&mut self, mut take: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        for _ in 0..self.number()? {
            items.push(take(self)?);
        }
        Some(items)
    }

    /// Takes so many bytes as they are.
    pub fn raw(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, left) = self.left.split_at_checked(length)?;
        self.left = left;
        Some(taken)
    }

    /// Returns what is left.
    pub fn rest(&self) -> &'b [u8] {
        self.left
    }
}

/// Returns a sum of 64 bits over `bytes`: any bit that flips changes it.
pub fn sum(bytes: &[u8]) -> u64 {
    /// An odd number, so that multiplying loses nothing: 2^64 divided by the golden ratio.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let take = |sum: u64, part: u64| {
        let sum = (sum ^ part).wrapping_mul(FACTOR);
        sum ^ (sum >> 32)
    };
    let mut parts = bytes.chunks_exact(8);
    let mut sum = take(FACTOR, bytes.len() as u64);
    for part in &mut parts {
        sum = take(sum, u64::from_le_bytes(part.try_into().unwrap_or_default()));
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(parts.remainder()) {
        *to = *from;
    }
    take(sum, u64::from_le_bytes(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_taken_again_and_nothing_beyond_the_end() {
        let mut encoder = Encoder::new();
        encoder.truth(true);
        encoder.number(7);
        encoder.long(u64::MAX);
        encoder.text("naïve");
        encoder.list(["a", ""], Encoder::text);
        let bytes = encoder.into_bytes();
        let read = |bytes: &[u8]| {
            let mut decoder = Decoder::new(bytes);
            let all = (
                decoder.truth()?,
                decoder.number()?,
                decoder.long()?,
                decoder.text()?.to_owned(),
                decoder.list(|decoder| decoder.text().map(str::to_owned))?,
            );
            decoder.rest().is_empty().then_some(all)
        };
        let texts = vec!["a".to_owned(), String::new()];
        assert_eq!(
            read(&bytes),
            Some((true, 7, u64::MAX, "naïve".to_owned(), texts))
        );
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), None, "{end} bytes");
        }
    }

    #[test]
    fn a_length_beyond_the_end_takes_no_memory() {
        let mut decoder = Decoder::new(&[0xff, 0xff, 0xff, 0xff, 1]);
        assert_eq!(decoder.list(Decoder::long), None);
    }

    #[test]
    fn each_bit_counts_in_the_sum() {
        let bytes: Vec<u8> = (0..67).collect();
        let whole = sum(&bytes);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(sum(&damaged), whole, "bit {bit}");
        }
        assert_ne!(sum(&bytes[..66]), whole);
        assert_ne!(sum(&[0]), sum(&[0, 0]));
    }
}
