//! Values of YAML that go over lines.
//!
//! Source: YAML 1.2.2, sections 8.1 (block scalars) and 7.3.3 (plain ones).

use std::ops::Range;

use super::text::Text;

/// The longest header of a block, as in `|2-`, with blanks.
const HEADER: usize = 8;

/// Returns the lines that belong to the key at `key`, from the end of its own
/// line on: those with a deeper indentation, and empty ones between them.
pub(super) fn below(text: &Text<'_>, key: usize, from: usize) -> Range<usize> {
    let line = text.seek_back(key, |byte| byte == b'\n');
    let indent = text.seek(line, |byte| byte != b' ') - line;
    // The key of a list's first field stands behind the dash.
    let indent = if text.at(line + indent) == Some(b'-') {
        key - line
    } else {
        indent
    };
    let start = text.seek(from, |byte| byte == b'\n');
    let mut end = start;
    let mut at = start + 1;
    while at < text.len() {
        let content = text.seek(at, |byte| byte != b' ');
        let line_end = text.seek(content, |byte| byte == b'\n');
        if content < line_end {
            if content - at <= indent {
                break;
            }
            end = line_end;
        }
        at = line_end + 1;
    }
    start..end
}

/// Returns the bytes of a scalar that stands on the lines below its key: a
/// block (`|`, `>`), or a plain one. A mapping or a list is none.
pub(super) fn scalar_below(text: &Text<'_>, key: usize, value: usize) -> Option<Range<usize>> {
    let line_end = text.seek_within(value, value + HEADER, |byte| byte == b'\n');
    if text.at(line_end) != Some(b'\n') {
        return None;
    }
    let is_block = match text.slice(value..line_end).trim_ascii().split_first() {
        Some((b'|' | b'>', rest)) => rest
            .iter()
            .all(|byte| matches!(byte, b'+' | b'-' | b'0'..=b'9')),
        Some(_) => return None,
        None => false,
    };
    if !is_block && starts_structure(text, text.skip_blanks(line_end)) {
        return None;
    }
    let lines = below(text, key, line_end);
    let start = text.skip_blanks(lines.start);
    (start < lines.end).then_some(start..lines.end)
}

/// Returns the lines on which a plain scalar goes on that starts on the line
/// of its key and ends, there, at `end`.
pub(super) fn continuation(text: &Text<'_>, key: usize, end: usize) -> Option<Range<usize>> {
    if text.at(end) != Some(b'\n') || starts_structure(text, text.skip_blanks(end)) {
        return None;
    }
    let lines = below(text, key, end);
    let start = text.skip_blanks(lines.start);
    (start < lines.end).then_some(start..lines.end)
}

/// Tells whether a mapping or a list starts with the line at `start`.
fn starts_structure(text: &Text<'_>, start: usize) -> bool {
    let end = text.seek(start, |byte| byte == b'\n');
    let line = text.slice(start..end).trim_ascii_end();
    line.starts_with(b"- ")
        || line == b"-"
        || line.ends_with(b":")
        || line.windows(2).any(|pair| pair == b": ")
        || matches!(line.first(), Some(b'{' | b'['))
}

/// Returns where the bracket that opens at `at` is closed, strings skipped.
pub(super) fn closing(text: &Text<'_>, at: usize) -> usize {
    let mut depth = 0_usize;
    let mut index = at;
    while let Some(byte) = text.at(index) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                index = text.seek(index + 1, |byte| byte == b'"');
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        index = text.seek(index + 1, |byte| {
            matches!(byte, b'{' | b'[' | b'}' | b']' | b'"')
        });
    }
    index.min(text.len())
}
