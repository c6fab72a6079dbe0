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

/// Returns where the words of a sentence stand: its quotes and the signs behind
/// a word are not part of it.
pub(super) fn of_prose(text: &[u8]) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let is_border = |byte: &u8| byte.is_ascii_whitespace() || b"`\"'()<>;".contains(byte);
    for part in text.split(is_border) {
        let end = start + part.len();
        let signs = part.iter().rev().take_while(|byte| b".,:!?".contains(byte));
        let word = start..end - signs.count();
        if !word.is_empty() {
            pieces.push(word);
        }
        start = end + 1;
    }
    pieces
}

/// Returns what stands in quotes inside a word, without them, where it is more
/// than one word itself.
pub(super) fn strings(text: &[u8], word: Range<usize>) -> Vec<Range<usize>> {
    let mut strings = Vec::new();
    let mut open: Option<(u8, usize)> = None;
    let mut is_escaped = false;
    for at in word {
        let Some(byte) = text.get(at).copied() else {
            break;
        };
        if is_escaped {
            is_escaped = false;
            continue;
        }
        match (open, byte) {
            (None | Some((b'"', _)), b'\\') => is_escaped = true,
            (None, b'\'' | b'"') => open = Some((byte, at + 1)),
            (Some((quote, start)), _) if quote == byte => {
                open = None;
                let inner = text.get(start..at).unwrap_or_default();
                if inner.iter().any(u8::is_ascii_whitespace) {
                    strings.push(start..at);
                }
            }
            _ => {}
        }
    }
    strings
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
    use super::{of_prose, split, strings};

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
        let sentence = b"use `curl -u a:b`, don't (x).";
        let words: Vec<_> = of_prose(sentence)
            .into_iter()
            .map(|range| sentence.get(range).unwrap())
            .collect();
        assert_eq!(
            words,
            [&b"use"[..], b"curl", b"-u", b"a:b", b"don", b"t", b"x"]
        );
        let list = br#"c=["a b","c",'d "e"']"#;
        let inner: Vec<_> = strings(list, 0..list.len())
            .into_iter()
            .map(|range| list.get(range).unwrap())
            .collect();
        assert_eq!(inner, [&b"a b"[..], b"d \"e\""]);
        assert_eq!(split(b"'").first(), Some(&(0..1)));
    }
}
