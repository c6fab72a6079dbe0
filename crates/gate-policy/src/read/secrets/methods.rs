//! Methods of mongosh that take a password as their second argument:
//! `db.auth('user', 'V')`.

use std::ops::Range;

use super::literal;
use super::marks::Marks;
use super::scan::Reading;
use super::sequence::before_execution;
use super::text::Text;

const METHODS: &[&[u8]] = &[b"auth", b"changeUserPassword"];
/// How long a first argument is that is no string.
const FAR: usize = 200;

/// Marks the passwords of all calls in a text.
pub(super) fn search(bytes: &[u8], reading: Reading, marks: &mut Marks) {
    if !bytes.contains(&b'(') {
        return;
    }
    let text = Text::new(bytes);
    let opens = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'(');
    for (at, _) in opens {
        let before = bytes.get(..at).unwrap_or_default();
        if names_method(before)
            && let Some(range) = second(&text, at + 1, reading)
        {
            marks.add(range, "password");
        }
    }
}

/// Tells whether a text ends in `.auth`, `.auth?.` or `['auth']`.
fn names_method(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    let before = before.strip_suffix(b"?.").unwrap_or(before);
    let before = before.trim_ascii_end();
    let is_quote = |byte: &u8| b"'\"`\\".contains(byte);
    let (name, signs) = match before.strip_suffix(b"]") {
        None => (before, &b"."[..]),
        Some(inside) => {
            let inside = inside.trim_ascii_end();
            let quotes = inside
                .iter()
                .rev()
                .take_while(|byte| is_quote(byte))
                .count();
            let end = inside.len() - quotes;
            (inside.get(..end).unwrap_or_default(), &b"'\"`"[..])
        }
    };
    METHODS.iter().any(|method| {
        let owner = name.strip_suffix(*method).map(<[u8]>::trim_ascii_end);
        owner
            .and_then(<[u8]>::last)
            .is_some_and(|sign| signs.contains(sign))
    })
}

/// Goes on behind blanks and comments.
fn skip(text: &Text<'_>, from: usize) -> usize {
    let at = text.skip_blanks(from);
    if text.at(at) != Some(b'/') || text.at(at + 1) != Some(b'*') {
        return at;
    }
    let end = text.find_rare(at + 2, b"*/");
    end.map_or(at, |end| text.skip_blanks(end + 2))
}

/// Returns where the second argument stands, without what a shell executes.
fn second(text: &Text<'_>, at: usize, reading: Reading) -> Option<Range<usize>> {
    let first = skip(text, at);
    let behind = match literal::of_script(text, first) {
        Some(literal) => skip(text, literal.next),
        None => text.seek_within(first, first + FAR, |byte| matches!(byte, b',' | b')')),
    };
    if text.at(behind) != Some(b',') {
        return None;
    }
    let second = skip(text, behind + 1);
    let range = literal::of_script(text, second)?.inner;
    let value = text.slice(range.clone());
    // A shell around the script executes some of it, which no mask may hide.
    let value = match reading {
        Reading::Shell => before_execution(value),
        Reading::Word | Reading::Prose | Reading::Sql | Reading::MySql => value,
    };
    Some(range.start..range.start + value.len())
}
