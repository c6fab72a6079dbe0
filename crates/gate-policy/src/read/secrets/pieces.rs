//! A text as the words that a shell makes of it, for what is known by the word
//! in front of it: `--password V`, `-u user:V`.

use std::ops::Range;

/// Returns where the words stand, with their quotes. Signs that end a command
/// end a word.
pub(super) fn split(text: &[u8]) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut is_escaped = false;
    for (at, byte) in text.iter().copied().enumerate() {
        let is_border = quote.is_none()
            && !is_escaped
            && (byte.is_ascii_whitespace() || matches!(byte, b';' | b'|' | b'&' | b'(' | b')'));
        if is_border {
            if let Some(start) = start.take() {
                pieces.push(start..at);
            }
            continue;
        }
        start.get_or_insert(at);
        if is_escaped {
            is_escaped = false;
            continue;
        }
        match (quote, byte) {
            (None | Some(b'"'), b'\\') => is_escaped = true,
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    if let Some(start) = start {
        pieces.push(start..text.len());
    }
    pieces
}

/// Leaves the quotes out that stand around a word.
pub(super) fn bare(text: &[u8], range: Range<usize>) -> Range<usize> {
    match text.get(range.clone()) {
        Some([first @ (b'\'' | b'"'), .., last]) if first == last => range.start + 1..range.end - 1,
        _ => range,
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let text = "curl -u 'a b' \"c d\"e f\\ g;h|i";
        let words: Vec<&str> = split(text.as_bytes())
            .into_iter()
            .map(|range| text.get(range).unwrap())
            .collect();
        assert_eq!(
            words,
            ["curl", "-u", "'a b'", "\"c d\"e", "f\\ g", "h", "i"]
        );
        assert!(split(b"  ").is_empty());
        assert_eq!(split(b"'").first(), Some(&(0..1)));
    }
}
