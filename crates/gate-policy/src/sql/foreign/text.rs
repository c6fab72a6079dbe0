//! Which texts a parser of several dialects reads as the server does, and where
//! they hold a command of the client.

use super::statement::Language;

/// Refuses what the parser and the server, or the client before it, could read
/// differently: strings whose end a setting decides, comments that one takes for
/// code or that one ends elsewhere, names that only some take for strings.
pub(super) fn is_plain(text: &str, language: Language) -> Result<(), &'static str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        let rest = bytes.get(at..).unwrap_or_default();
        at += match rest {
            [b'/', b'*', ..] => return Err("a comment can be code to the server"),
            [b'#', ..] if language == Language::MySql => return Err("a `#` stands in a statement"),
            [b'-', b'-', ..] => {
                if language == Language::MySql && !rest.get(2).is_none_or(u8::is_ascii_whitespace) {
                    return Err("`--` is a comment to some and two signs to others");
                }
                let end = rest.iter().position(|byte| *byte == b'\n');
                end.unwrap_or(rest.len())
            }
            [b'\'' | b'"' | b'`', ..] => string(rest, byte, language)?,
            [b'[', ..] if language == Language::Sqlite => {
                return Err("a name in square brackets stands in a statement");
            }
            [b'\\', ..] => return Err("a backslash stands in a statement"),
            [0x80..=0xff, ..] => return Err("a character outside of ASCII stands in a statement"),
            [0..=8 | 0x0b..=0x1f, ..] if byte != b'\r' => {
                return Err("a control character stands in a statement");
            }
            _ => 1,
        };
    }
    Ok(())
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
