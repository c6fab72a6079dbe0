//! Which texts a parser of several dialects reads as the server does.

use super::statement::Language;

/// Refuses what the parser and the shell of `SQLite` could read differently.
pub(super) fn is_plain(text: &str) -> Result<(), &'static str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        at += match rest {
            [b'/', b'*', ..] => return Err("a comment can be code to the server"),
            [b'-', b'-', ..] => {
                let end = rest.iter().position(|byte| *byte == b'\n');
                end.unwrap_or(rest.len())
            }
            _ => unit(rest, Language::Sqlite)?,
        };
    }
    Ok(())
}

/// Returns the length of the string, the name in quotes or the sign that a text
/// outside of comments starts with. Refused is what the parser and the server, or
/// the client before it, could read differently: strings whose end a setting
/// decides, names that only some take for strings.
pub(super) fn unit(text: &[u8], language: Language) -> Result<usize, &'static str> {
    match text {
        [quote @ (b'\'' | b'"' | b'`'), ..] => string(text, *quote, language),
        [b'[', ..] if language == Language::Sqlite => {
            Err("a name in square brackets stands in a statement")
        }
        [b'\\', ..] => Err("a backslash stands in a statement"),
        [0x80..=0xff, ..] => Err("a character outside of ASCII stands in a statement"),
        [b'\r', ..] => Ok(1),
        [0..=8 | 0x0b..=0x1f, ..] => Err("a control character stands in a statement"),
        _ => Ok(1),
    }
}

/// Returns the length of a string or a name in quotes.
fn string(text: &[u8], quote: u8, language: Language) -> Result<usize, &'static str> {
    let mut at = 1;
    loop {
        match text.get(at..).unwrap_or_default() {
            [] => return Err("a string does not end"),
            // What it does depends on `NO_BACKSLASH_ESCAPES`.
            [b'\\', ..] if language == Language::MySql => {
                return Err("a backslash stands in a string");
            }
            [one, two, ..] if *one == quote && *two == quote => at += 2,
            [one, ..] if *one == quote => return Ok(at + 1),
            _ => at += 1,
        }
    }
}
