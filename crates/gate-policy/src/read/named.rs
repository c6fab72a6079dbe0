//! The name of an input as a word holds it, whole or in part.

/// One name of an input: its bytes, its word and where it starts there.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) argv_index: usize,
    pub(super) start: usize,
}

impl Named<'_> {
    /// Returns what stands behind a first `@`, or behind `=@`.
    pub(super) fn behind_at(self) -> Option<Self> {
        let skip = match positions(self.bytes, b"=@").next() {
            Some(at) => at + 2,
            None => usize::from(self.bytes.first() == Some(&b'@')),
        };
        let bytes = self.bytes.get(skip..).filter(|_| skip > 0)?;
        Some(Self {
            bytes,
            start: self.start + skip,
            ..self
        })
    }
}

/// Returns the path at the start of a text in the shorthand of the AWS CLI. One
/// that holds another `@=` is none: each of many would reach to the end of the
/// word, and the answer would be the square of the question.
pub(super) fn shorthand_path(text: &[u8]) -> Option<&[u8]> {
    let is_end = |rest: &[u8]| {
        let ends = rest.first().is_none_or(|byte| b",]} ".contains(byte));
        ends || rest.starts_with(b"@=")
    };
    let end = (0..=text.len()).find(|at| text.get(*at..).is_none_or(is_end))?;
    let (path, rest) = text.split_at_checked(end)?;
    (!rest.starts_with(b"@=")).then_some(path)
}

/// Returns where a part stands in a text.
pub(super) fn positions<'t>(text: &'t [u8], part: &'t [u8]) -> impl Iterator<Item = usize> + 't {
    let windows = text.windows(part.len()).enumerate();
    windows
        .filter(move |(_, window)| *window == part)
        .map(|(at, _)| at)
}
