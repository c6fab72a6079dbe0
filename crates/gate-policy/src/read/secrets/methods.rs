//! Methods of mongosh that take a password as their second argument:
//! `db.auth('user', 'V')`.

use std::ops::Range;

use super::literal;
use super::marks::Marks;
use super::scan::Reading;
use super::sequence::before_execution;
use super::text::Text;

const METHODS: &[&[u8]] = &[b".auth", b".changeUserPassword"];
/// How long a first argument is that is no string.
const FAR: usize = 200;

/// Marks the passwords of all calls in a text.
pub(super) fn search(bytes: &[u8], reading: Reading, marks: &mut Marks) {
    let text = Text::new(bytes);
    let opens = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'(');
    for (at, _) in opens {
        let before = bytes.get(..at).unwrap_or_default();
        if METHODS.iter().any(|name| before.ends_with(name))
            && let Some(range) = second(&text, at + 1, reading)
        {
            marks.add(range, "password");
        }
    }
}

/// Returns where the second argument stands, without what a shell executes.
fn second(text: &Text<'_>, at: usize, reading: Reading) -> Option<Range<usize>> {
    let first = text.skip_blanks(at);
    let behind = match literal::of_script(text, first) {
        Some(literal) => text.skip_blanks(literal.next),
        None => text.seek_within(first, first + FAR, |byte| matches!(byte, b',' | b')')),
    };
    if text.at(behind) != Some(b',') {
        return None;
    }
    let second = text.skip_blanks(behind + 1);
    let range = literal::of_script(text, second)?.inner;
    let value = text.slice(range.clone());
    // A shell around the script executes some of it, which no mask may hide.
    let value = match reading {
        Reading::Shell => before_execution(value),
        Reading::Word | Reading::Prose | Reading::Sql | Reading::MySql => value,
    };
    Some(range.start..range.start + value.len())
}
