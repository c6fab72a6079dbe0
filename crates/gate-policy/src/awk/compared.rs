//! Whether each `>` and `|` of a program surely compares, or stands in a string,
//! a regular expression or a comment.
//!
//! Between parentheses a `>` compares, in every awk; so it does in a pattern,
//! outside of all actions. To count parentheses and braces the strings and the
//! regular expressions must be known, and of a `/` the kinds of awk do not agree
//! everywhere on what it begins: where that is not certain, nothing is believed.
//!
//! Source: POSIX, awk, "Grammar"; gawk 5.3 `awkgram.y`; mawk 1.3.4 `scan.c`.

/// Words behind which a `/` can begin a regular expression.
const BEFORE_REGEX: &[&[u8]] = &[
    b"case", b"delete", b"do", b"else", b"exit", b"getline", b"in", b"length", b"print", b"printf",
    b"return",
];

/// Tells whether nothing of a program leads its output elsewhere.
pub(super) fn only_compares(program: &[u8]) -> bool {
    let (mut braces, mut parentheses) = (0_usize, 0_usize);
    let mut rest = program;
    let mut before = Before::Start;
    while let Some((sign, behind)) = rest.split_first() {
        let Some((length, kind)) = part(rest, before) else {
            return false;
        };
        match sign {
            b'{' => braces += 1,
            b'}' => braces = braces.saturating_sub(1),
            b'(' => parentheses += 1,
            b')' => parentheses = parentheses.saturating_sub(1),
            b'>' if length == 1 => {
                let is_more = matches!(behind.first(), Some(b'>' | b'|' | b'&'));
                if is_more || (braces > 0 && parentheses == 0) {
                    return false;
                }
            }
            b'|' if length == 1 && braces > 0 => return false,
            _ => {}
        }
        before = kind.unwrap_or(before);
        rest = rest.get(length..).unwrap_or_default();
    }
    true
}

/// What stands in front of a sign: it says what a `/` is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Something behind which an expression can only begin.
    Start,
    /// The end of a value, which can only be divided.
    Value,
    /// Something behind which it can be either.
    Either,
}

/// Returns how long the part is with which a text begins, and what it is to what
/// stands behind it; nothing where that is not certain.
fn part(text: &[u8], before: Before) -> Option<(usize, Option<Before>)> {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    match text {
        [b' ' | b'\t' | b'\r', ..] => Some((1, None)),
        [b'#', ..] => Some((until_line_end(text), None)),
        [b'"', ..] => Some((string(text)?, Some(Before::Either))),
        // What `/=` begins is told apart differently.
        [b'/', b'=', ..] if before != Before::Value => None,
        [b'/', ..] => match before {
            Before::Start => Some((regex(text)?, Some(Before::Either))),
            Before::Value => Some((1, Some(Before::Start))),
            Before::Either => None,
        },
        [b'|', b'|', ..] | [b'>', b'=', ..] => Some((2, Some(Before::Start))),
        [
            b'{' | b'}' | b';' | b'\n' | b'(' | b',' | b'~' | b'!' | b'&' | b'|' | b'>' | b'<',
            ..,
        ] => Some((1, Some(Before::Start))),
        [b']', ..] => Some((1, Some(Before::Value))),
        [first, ..] if is_letter(first) => {
            let end = text.iter().position(|byte| !is_letter(byte));
            let word = text.get(..end.unwrap_or(text.len()))?;
            let kind = if BEFORE_REGEX.contains(&word) {
                Before::Either
            } else {
                Before::Value
            };
            Some((word.len(), Some(kind)))
        }
        _ => Some((1, Some(Before::Either))),
    }
}

fn until_line_end(text: &[u8]) -> usize {
    let end = text.iter().position(|byte| *byte == b'\n');
    end.unwrap_or(text.len())
}

/// Returns the length of a string with both of its quotes.
fn string(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\n' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Returns the length of a regular expression with both of its slashes. A slash
/// between brackets ends it in some kinds of awk only.
fn regex(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'/' => return Some(at + 1),
            b'\n' => return None,
            b'\\' => at += 2,
            b'[' => at = behind_brackets(text, at)?,
            _ => at += 1,
        }
    }
}

/// Returns where a bracket expression ends, if every awk reads it alike.
fn behind_brackets(text: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    if text.get(at) == Some(&b'^') {
        at += 1;
    }
    let inside = text.get(at..)?;
    let length = inside.iter().position(|byte| *byte == b']')?;
    let is_plain = |byte: &u8| !matches!(byte, b'/' | b'[' | b'\\' | b'\n');
    (length > 0 && inside.get(..length)?.iter().all(is_plain)).then_some(at + length + 1)
}
