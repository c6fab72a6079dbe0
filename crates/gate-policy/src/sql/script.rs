//! Splits a psql script into SQL and backslash commands, as psql's own scanner
//! would, and refuses every text of which the two could disagree.

use std::borrow::Cow;
use std::ops::Range;

/// A part of a script.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Statements between backslash commands, with blanks for the comments:
    /// where a comment starts is decided here and by no other parser.
    Sql(Cow<'t, str>),
    /// One backslash command without the backslash.
    Meta(&'t str),
}

/// Splits a text. `is_command` is true for the value of `-c`, which psql takes
/// whole: for one backslash command when it starts with a backslash, else for
/// SQL only.
///
/// What is refused, and why: a backslash inside SQL, because what it means
/// depends on a setting of the server; a variable (`:name`), because its value
/// is text of the statement; a text that ends inside a string or comment.
pub(super) fn split(text: &str, is_command: bool) -> Result<Vec<Piece<'_>>, &'static str> {
    let mut pieces = Vec::new();
    if is_command && text.starts_with('\\') {
        let command = text.get(1..).unwrap_or_default();
        if command.contains('\n') {
            return Err("a backslash command goes on in a second line");
        }
        pieces.push(Piece::Meta(command));
        return Ok(pieces);
    }
    let mut scan = Scan {
        text,
        at: 0,
        comments: Vec::new(),
    };
    let mut start = 0;
    let mut is_open = false;
    while let Some(byte) = scan.peek(0) {
        match byte {
            b'\\' if is_command || is_open => {
                return Err("a backslash stands inside a statement");
            }
            b'\\' => {
                push_sql(&mut pieces, &mut scan, start);
                let end = text.get(scan.at..).unwrap_or_default();
                let length = end.find('\n').unwrap_or(end.len());
                pieces.push(Piece::Meta(end.get(1..length).unwrap_or_default()));
                scan.at += length;
                start = scan.at;
            }
            _ => {
                let was = scan.at;
                scan.step(byte)?;
                is_open = match byte {
                    b';' => false,
                    _ if byte.is_ascii_whitespace() => is_open,
                    b'-' | b'/' if scan.at - was > 1 => is_open,
                    _ => true,
                };
            }
        }
    }
    push_sql(&mut pieces, &mut scan, start);
    Ok(pieces)
}

fn push_sql<'t>(pieces: &mut Vec<Piece<'t>>, scan: &mut Scan<'t>, start: usize) {
    let Some(text) = scan.text.get(start..scan.at) else {
        return;
    };
    let comments = std::mem::take(&mut scan.comments);
    let text = if comments.is_empty() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(blank(text, start, &comments))
    };
    if !text.trim().is_empty() {
        pieces.push(Piece::Sql(text));
    }
}

/// Replaces each byte of the comments by a blank.
fn blank(text: &str, start: usize, comments: &[Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for comment in comments {
        let range = comment.start.saturating_sub(start)..comment.end.saturating_sub(start);
        if let Some(inside) = bytes.get_mut(range) {
            inside.fill(b' ');
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    comments: Vec<Range<usize>>,
}

impl Scan<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Moves behind one string, comment or byte of SQL.
    fn step(&mut self, byte: u8) -> Result<(), &'static str> {
        match byte {
            b'\'' | b'"' => self.quoted(byte),
            b'-' if self.rest().starts_with(b"--") => {
                let end = self
                    .rest()
                    .iter()
                    .position(|byte| matches!(byte, b'\n' | b'\r'));
                let length = end.unwrap_or(self.rest().len());
                self.comments.push(self.at..self.at + length);
                self.at += length;
                Ok(())
            }
            b'/' if self.rest().starts_with(b"/*") => self.comment(),
            // A name may hold a `$`, so that `a$$` starts no quoted string.
            b'$' => Err("a `$` stands in a statement"),
            b':' => self.colon(),
            b'\r' if self.peek(1) != Some(b'\n') => Err("a carriage return stands alone"),
            0 | 0x0b | 0x0c | 0x80.. => Err("a character outside of ASCII stands in a statement"),
            _ => {
                self.at += 1;
                Ok(())
            }
        }
    }

    /// A doubled quote inside a string is two strings for this scanner, which
    /// ends at the same place.
    fn quoted(&mut self, quote: u8) -> Result<(), &'static str> {
        let body = self.rest().get(1..).unwrap_or_default();
        let Some(end) = body.iter().position(|byte| *byte == quote) else {
            return Err("a string does not end");
        };
        let inside = body.get(..end).unwrap_or_default();
        if inside.contains(&b'\\') {
            return Err("a backslash stands inside a string");
        }
        self.at += end + 2;
        Ok(())
    }

    /// `PostgreSQL` nests comments, other SQL doesn't: a nested one is refused.
    fn comment(&mut self) -> Result<(), &'static str> {
        let body = self.rest().get(2..).unwrap_or_default();
        let Some(end) = body.windows(2).position(|two| two == b"*/") else {
            return Err("a comment does not end");
        };
        let inside = body.get(..end).unwrap_or_default();
        if inside.windows(2).any(|two| two == b"/*") || inside.contains(&b'\\') {
            return Err("a comment holds a comment or a backslash");
        }
        self.comments.push(self.at..self.at + end + 4);
        self.at += end + 4;
        Ok(())
    }

    /// `::type` is a cast; everything else could be a variable.
    fn colon(&mut self) -> Result<(), &'static str> {
        match self.peek(1) {
            Some(b':') => {
                self.at += 2;
                Ok(())
            }
            _ => Err("a variable stands in a statement"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_split_at_backslash_commands() {
        assert_eq!(
            split("select 1;\n\\d t\nselect 2;", false).unwrap(),
            [
                Piece::Sql("select 1;\n".into()),
                Piece::Meta("d t"),
                Piece::Sql("\nselect 2;".into())
            ]
        );
        assert_eq!(split("\\dt", true).unwrap(), [Piece::Meta("dt")]);
        assert_eq!(split(" -- only a comment", false).unwrap(), []);
    }

    #[test]
    fn what_psql_could_read_differently_is_refused() {
        for text in [
            "select :x",
            "select :'x'",
            "select '\\'",
            "select 1 \\gexec",
            "select 'a",
            "/* a",
            "select $1",
            "select a$$",
            "select a[1:n]",
            "/* /* */ */ select 1",
            "select 1 --\r; drop table t",
            "select\u{a0}1",
        ] {
            assert!(split(text, false).is_err(), "{text}");
        }
        assert!(split("select 1; \\d", true).is_err());
        assert!(split("\\d\ndrop table t", true).is_err());
    }

    #[test]
    fn strings_and_comments_hide_what_is_in_them() {
        for text in [
            "select ':x'",
            "select 1::int",
            "/* :x */ select 1",
            "select 'ü'",
        ] {
            assert!(split(text, false).is_ok(), "{text}");
        }
    }
}
