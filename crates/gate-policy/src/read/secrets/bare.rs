//! Where a value without quotes ends. Each reader ends it elsewhere.

use super::looks;
use super::scan::{Reading, Scan};
use super::value::{Extent, How, NameKind};

/// Returns where a value ends that starts here without a quote.
pub(super) fn end(scan: &Scan<'_, '_>, start: usize, how: &How) -> usize {
    let text = scan.text;
    let is_shell = scan.is_shell();
    let mut inside = 0_usize;
    let mut at = start;
    while let Some(byte) = text.at(at) {
        let is_end = Some(byte) == scan.quote
            || ends_line_or_word(scan, at, byte, how)
            || (is_shell && matches!(byte, b';' | b'|' | b'&' | b'<' | b'>' | b'(' | b')'))
            || (inside == 0 && scan.open > 0 && matches!(byte, b'}' | b']' | b')'))
            || separates(scan, at, byte, how);
        if is_end {
            break;
        }
        match byte {
            b'{' | b'[' | b'(' => inside += 1,
            b'}' | b']' | b')' => inside = inside.saturating_sub(1),
            b'\\' => at += 1,
            b'"' | b'\'' if is_shell => at = text.seek(at + 1, |close| close == byte),
            _ => {}
        }
        at += 1;
    }
    let end = at.min(text.len());
    looks::add(end - start);
    end
}

fn ends_line_or_word(scan: &Scan<'_, '_>, at: usize, byte: u8, how: &How) -> bool {
    let text = scan.text;
    if byte == b'\\' {
        // `\"` and `\n` of the JSON string around it.
        return scan.quote == Some(b'"')
            && matches!(text.at(at + 1), Some(b'"' | b'n' | b'r' | b'\\'));
    }
    let is_line = how.extent == Extent::Line;
    let is_one_word = !is_line || scan.is_shell() || scan.is_sql();
    if byte.is_ascii_whitespace() {
        return is_one_word || matches!(byte, b'\n' | b'\r');
    }
    // A comment of YAML.
    let is_behind_blank = || {
        text.before(at)
            .is_some_and(|byte| byte.is_ascii_whitespace())
    };
    byte == b'#' && is_line && how.name != NameKind::Header && is_behind_blank()
}

/// Tells whether the next value of a list starts behind this byte.
fn separates(scan: &Scan<'_, '_>, at: usize, byte: u8, how: &How) -> bool {
    let text = scan.text;
    match (byte, how.name) {
        (b',', NameKind::Header) => scan.open > 0,
        (b';' | b'&', NameKind::Header) => false,
        (b',', _) => scan.open > 0 || scan.is_sql() || starts_pair(scan, at + 1),
        (b';', _) if scan.is_sql() => true,
        (b';', _) => {
            let next = text.skip_blanks(at + 1);
            next == text.len() || next > at + 1 || starts_pair(scan, next)
        }
        // The element around it ends: `<password>V</password>`.
        (b'&' | b'#', NameKind::Query) | (b'<', NameKind::Element) => true,
        (b'&', _) => starts_pair(scan, at + 1),
        (b'\'' | b'"', _) => scan.is_sql(),
        _ => false,
    }
}

/// Tells whether `name=` stands here.
fn starts_pair(scan: &Scan<'_, '_>, at: usize) -> bool {
    let end = scan.text.seek(at, |byte| {
        !(byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b'.' | b' ' | b'[' | b']' | b'/'))
    });
    end > at && scan.text.at(end) == Some(b'=')
}

impl Scan<'_, '_> {
    /// Tells whether a shell splits words where the text stands now.
    pub(super) fn is_shell(&self) -> bool {
        self.setting.reading == Reading::Shell && self.quote.is_none()
    }

    pub(super) fn is_sql(&self) -> bool {
        matches!(self.setting.reading, Reading::Sql | Reading::MySql)
    }
}
