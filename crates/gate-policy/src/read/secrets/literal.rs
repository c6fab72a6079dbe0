//! Quoted values: of JSON, YAML, shells, connection strings and SQL.

use std::ops::Range;

use super::text::Text;

/// What a quoted value holds, and where reading goes on behind it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) inner: Range<usize>,
    pub(super) next: usize,
}

/// What a quote inside single quotes looks like. Inside double quotes it is
/// always one behind a backslash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// Either `\'` or `''`: where it is not known who reads it.
    Either,
    /// `''`, as standard SQL has it.
    Doubled,
    /// Not at all, as in shells.
    Never,
}

/// Reads the quoted value that starts here, with the letters and backslashes
/// in front of its quote. One without an end goes to the end of the text.
pub(super) fn read(text: &Text<'_>, at: usize, quoting: Quoting) -> Option<Literal> {
    let (at, quoting) = match (text.at(at)?, text.at(at + 1)) {
        // `E'…'` of PostgreSQL and `$'…'` of bash take backslashes.
        (b'E' | b'e' | b'$', Some(b'\'')) => (at + 1, Quoting::Either),
        (b'N' | b'n' | b'X' | b'x', Some(b'\'')) => (at + 1, quoting),
        (b'U' | b'u', Some(b'&')) if text.at(at + 2) == Some(b'\'') => (at + 2, quoting),
        (b'$', _) => return dollar(text, at),
        _ => (at, quoting),
    };
    let quote_at = text.seek(at, |byte| byte != b'\\');
    let quote = text.at(quote_at)?;
    let start = quote_at + 1;
    let (end, next) = match quote {
        b'"' => double(text, start, quote_at - at),
        b'\'' if quote_at == at => single(text, start, quoting),
        b'\'' => double_of(text, start, quote_at - at, b'\''),
        _ => return None,
    };
    Some(Literal {
        inner: start..end,
        next,
    })
}

/// Reads a string of JavaScript, in which a backslash escapes in any quotes.
pub(super) fn of_script(text: &Text<'_>, at: usize) -> Option<Literal> {
    let quote_at = text.seek(at, |byte| byte != b'\\');
    let quote = text.at(quote_at).filter(|byte| b"\"'`".contains(byte))?;
    let start = quote_at + 1;
    let (end, next) = double_of(text, start, quote_at - at, quote);
    Some(Literal {
        inner: start..end,
        next,
    })
}

fn double(text: &Text<'_>, start: usize, backslashes: usize) -> (usize, usize) {
    double_of(text, start, backslashes, b'"')
}

/// Reads up to a quote with so many backslashes in front of it as the opening
/// one had. A string in a string has one more level: `\"` ends it, `\\\"` is a
/// quote inside it, `\\\\\"` ends it behind a backslash.
fn double_of(text: &Text<'_>, start: usize, backslashes: usize, quote: u8) -> (usize, usize) {
    let mut from = start;
    loop {
        let at = text.seek(from, |byte| byte == quote);
        if at == text.len() {
            return (at, at);
        }
        let run = text.seek_back(at, |byte| byte != b'\\').max(start);
        let count = at - run;
        if count <= backslashes {
            return (run, at + 1);
        }
        if (count - backslashes).is_multiple_of(2 * (backslashes + 1)) {
            return (at - backslashes, at + 1);
        }
        from = at + 1;
    }
}

fn single(text: &Text<'_>, start: usize, quoting: Quoting) -> (usize, usize) {
    let mut from = start;
    loop {
        let at = text.seek(from, |byte| {
            byte == b'\'' || (byte == b'\\' && quoting == Quoting::Either)
        });
        from = match (text.at(at), text.at(at + 1)) {
            (None, _) => return (at, at),
            (Some(b'\\'), _) => at + 2,
            (_, Some(b'\'')) if quoting != Quoting::Never => at + 2,
            // `'a'` and `'b'` on the next line are one string in SQL.
            _ if quoting != Quoting::Never => match continued(text, at + 1) {
                Some(next) => next,
                None => return (at, at + 1),
            },
            _ => return (at, at + 1),
        };
    }
}

fn continued(text: &Text<'_>, from: usize) -> Option<usize> {
    let next = text.skip_blanks(from);
    let has_line_end = text.slice(from..next).contains(&b'\n');
    (has_line_end && text.at(next) == Some(b'\'')).then_some(next + 1)
}

/// `$$…$$` and `$tag$…$tag$`, when they end.
fn dollar(text: &Text<'_>, at: usize) -> Option<Literal> {
    let tag_end = text.seek_within(at + 1, at + 64, |byte| {
        !(byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80)
    });
    let tag = text.slice(at..tag_end + 1);
    let starts_with_digit = text.at(at + 1).is_some_and(|byte| byte.is_ascii_digit());
    if text.at(tag_end) != Some(b'$') || starts_with_digit {
        return None;
    }
    let start = tag_end + 1;
    let end = text.find_rare(start, tag)?;
    Some(Literal {
        inner: start..end,
        next: end + tag.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Quoting, Text, read};

    fn inner(text: &str, quoting: Quoting) -> Option<&str> {
        let literal = read(&Text::new(text.as_bytes()), 0, quoting)?;
        text.get(literal.inner)
    }

    #[test]
    fn a_quoted_value_ends_where_its_language_ends_it() {
        for (text, quoting, expected) in [
            ("'a''b' c", Quoting::Doubled, "a''b"),
            (r"'a\' c'", Quoting::Doubled, r"a\"),
            (r"'a\' c'", Quoting::Either, r"a\' c"),
            (r"E'a\'b' c", Quoting::Doubled, r"a\'b"),
            ("'a''b'", Quoting::Never, "a"),
            ("'a'\n  'b' c", Quoting::Doubled, "a'\n  'b"),
            (r#""a\"b" c"#, Quoting::Never, r#"a\"b"#),
            (r#""a\\" c"#, Quoting::Never, r"a\\"),
            (r#"\"a\\\"b\" c"#, Quoting::Never, r#"a\\\"b"#),
            (r#"\"a\\\\\" c"#, Quoting::Never, r"a\\\\"),
            (r#"\"a" c"#, Quoting::Never, "a"),
            ("$$a'b$$ c", Quoting::Doubled, "a'b"),
            ("$x$a$$b$x$ c", Quoting::Doubled, "a$$b"),
            ("'no end", Quoting::Doubled, "no end"),
            ("U&'a' c", Quoting::Doubled, "a"),
        ] {
            assert_eq!(inner(text, quoting), Some(expected), "{text}");
        }
        for text in ["a", "$2y$10$x", "$argon2id$v=19", "$1", ""] {
            assert_eq!(inner(text, Quoting::Doubled), None, "{text}");
        }
    }
}
