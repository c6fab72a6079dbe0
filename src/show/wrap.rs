//! Lines that fit: without losing a character, or cut where one can see it.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar as _;

/// Columns of one character. Ambiguous ones count as wide: a line that comes
/// out short is untidy, a line that overflows could imitate the next one.
fn columns_of(c: char) -> usize {
    c.width_cjk().unwrap_or(0)
}

/// Columns of a text.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Cuts `text` into lines of at most `width` columns, after a space where there
/// is one in the later half. The lines together are the text: no space is
/// dropped and no mark is put in.
pub(super) fn wrap(text: &str, width: Option<usize>) -> Vec<&str> {
    let Some(width) = width else {
        return vec![text];
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(cut) = cut_at(rest, width) {
        let (line, after) = rest.split_at(cut);
        lines.push(line);
        rest = after;
    }
    lines.push(rest);
    lines
}

/// Returns the beginning of `text` that `width` columns hold, with `…` where it goes on.
pub(super) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    const MARK: char = '…';
    if columns(text) <= width {
        return Cow::Borrowed(text);
    }
    let mut left = width.saturating_sub(columns_of(MARK));
    let mut kept = String::new();
    for c in text.chars() {
        let Some(after) = left.checked_sub(columns_of(c)) else {
            break;
        };
        left = after;
        kept.push(c);
    }
    kept.push(MARK);
    Cow::Owned(kept)
}

/// Where the first line of `text` ends, in bytes; none where all of it fits.
fn cut_at(text: &str, width: usize) -> Option<usize> {
    let mut used = 0;
    let mut after_space = None;
    for (at, c) in text.char_indices() {
        used += columns_of(c);
        if used > width {
            // A first character that is wider than the line must still go somewhere.
            let hard = if at == 0 { c.len_utf8() } else { at };
            return Some(after_space.unwrap_or(hard)).filter(|cut| *cut < text.len());
        }
        if c == ' ' && used * 2 > width {
            after_space = Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_says_so_and_fits() {
        assert_eq!(cut("git push", 8), "git push");
        assert_eq!(cut("git push origin", 8), "git pu…");
        assert_eq!(cut("日本語", 5), "日…");
        assert_eq!(cut("ab", 0), "…");
    }

    #[test]
    fn the_lines_together_are_the_text() {
        let texts = [
            "",
            "short",
            "a long line with    many  spaces in it",
            "東京東京東京東京",
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ];
        for text in texts {
            for width in 1..30 {
                let lines = wrap(text, Some(width));
                assert_eq!(lines.concat(), text, "{width}");
                let fits = |line: &&str| columns(line) <= width.max(2);
                assert!(lines.iter().all(fits), "{width}: {lines:?}");
            }
        }
    }

    #[test]
    fn words_stay_whole_where_there_is_room() {
        assert_eq!(
            wrap("delete namespace prod-db", Some(18)),
            ["delete namespace ", "prod-db"]
        );
        assert_eq!(wrap("abcdefghij", Some(4)), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("anything at all", None), ["anything at all"]);
    }
}
