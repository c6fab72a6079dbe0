//! SQL as its server splits it: words, strings and signs, without comments.
//!
//! Only what a database reads goes through here. Where a comment or a string
//! ends is decided by this and by nothing else: a quote inside a comment opens
//! no string.
//!
//! Source: `PostgreSQL`, "Lexical Structure"; `MySQL`, "Comments".

use std::ops::Range;

use super::literal;
use super::scan::Reading;
use super::text::Text;

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Of a string, what stands between its quotes.
    pub(super) range: Range<usize>,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a name, with the dots inside it.
    Word,
    /// A string in quotes.
    String,
    /// A string between `$$`, which is often code.
    Body,
    Number,
    Sign(u8),
}

/// A text in tokens.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) all: Vec<Token>,
    pub(super) comments: Vec<Range<usize>>,
    /// Where comments and bodies stand, which are searched as texts of their own.
    skipped: Vec<Range<usize>>,
    /// Where strings stand, with their quotes.
    strings: Vec<Range<usize>>,
}

impl Tokens {
    pub(super) fn of(text: &Text<'_>, reading: Reading) -> Self {
        let mut lexer = Lexer {
            text,
            is_mysql: reading == Reading::MySql,
            tokens: Self {
                // A word and a blank, or a sign, for every few bytes.
                all: Vec::with_capacity(text.len() / 4 + 4),
                ..Self::default()
            },
        };
        let mut at = 0;
        while let Some(byte) = text.at(at) {
            at = lexer.step(at, byte);
        }
        lexer.tokens
    }

    /// Returns where the comment or body ends that starts here.
    pub(super) fn skip(&self, at: usize) -> Option<usize> {
        let index = self.skipped.binary_search_by_key(&at, |range| range.start);
        index
            .ok()
            .and_then(|index| self.skipped.get(index))
            .map(|range| range.end)
            .filter(|end| *end > at)
    }

    /// Tells whether a byte stands in a string, between its quotes.
    pub(super) fn is_in_string(&self, at: usize) -> bool {
        let behind = self.strings.partition_point(|range| range.start < at);
        behind
            .checked_sub(1)
            .and_then(|index| self.strings.get(index))
            .is_some_and(|range| at < range.end)
    }
}

struct Lexer<'l, 't> {
    text: &'l Text<'t>,
    is_mysql: bool,
    tokens: Tokens,
}

impl Lexer<'_, '_> {
    /// Reads what starts here; returns where reading goes on.
    fn step(&mut self, at: usize, byte: u8) -> usize {
        if byte.is_ascii_whitespace() {
            return at + 1;
        }
        if let Some(end) = self.comment_end(at) {
            self.tokens.comments.push(at..end);
            self.tokens.skipped.push(at..end);
            return end;
        }
        if let Some(next) = self.string(at, byte) {
            return next;
        }
        if is_word_start(byte) {
            return self.run(at, Kind::Word, |byte| is_word(byte) || byte == b'.');
        }
        if byte.is_ascii_digit() {
            return self.run(at, Kind::Number, |byte| byte.is_ascii_alphanumeric());
        }
        self.push(Kind::Sign(byte), at..at + 1);
        at + 1
    }

    fn push(&mut self, kind: Kind, range: Range<usize>) {
        self.tokens.all.push(Token { kind, range });
    }

    fn run(&mut self, at: usize, kind: Kind, is_part: impl Fn(u8) -> bool) -> usize {
        let end = self.text.seek(at, |byte| !is_part(byte));
        self.push(kind, at..end);
        end
    }

    fn comment_end(&self, at: usize) -> Option<usize> {
        let text = self.text;
        if text.starts(at, b"--") {
            return Some(text.seek(at, |byte| byte == b'\n'));
        }
        // What stands in `/*! */` is executed.
        if !text.starts(at, b"/*") || (self.is_mysql && text.at(at + 2) == Some(b'!')) {
            return None;
        }
        let mut depth = 1_usize;
        let mut from = at + 2;
        loop {
            from = text.seek(from, |byte| matches!(byte, b'*' | b'/'));
            if from >= text.len() {
                return Some(text.len());
            }
            if text.starts(from, b"*/") {
                depth -= 1;
                from += 2;
            } else if !self.is_mysql && text.starts(from, b"/*") {
                depth += 1;
                from += 2;
            } else {
                from += 1;
            }
            if depth == 0 {
                return Some(from);
            }
        }
    }

    /// Reads a string or a quoted name.
    fn string(&mut self, at: usize, byte: u8) -> Option<usize> {
        let text = self.text;
        let is_string = match byte {
            b'\'' | b'$' => true,
            b'"' | b'`' => return Some(self.quoted_name(at, byte)),
            b'E' | b'e' | b'N' | b'n' | b'X' | b'x' => text.at(at + 1) == Some(b'\''),
            b'U' | b'u' => text.starts(at + 1, b"&'"),
            _ => false,
        };
        if !is_string {
            return None;
        }
        let quoting = if self.is_mysql {
            literal::Quoting::Either
        } else {
            literal::Quoting::Doubled
        };
        let found = literal::read(text, at, quoting)?;
        let is_body = byte == b'$' && text.before(found.inner.start) == Some(b'$');
        // `:'name'` is a variable of psql.
        let is_variable = text.before(at) == Some(b':') && text.before(at - 1) != Some(b':');
        if is_variable {
            self.push(Kind::Sign(b':'), at..found.next);
        } else if is_body {
            self.push(Kind::Body, found.inner);
            self.tokens.skipped.push(at..found.next);
        } else {
            self.push(Kind::String, found.inner);
            self.tokens.strings.push(at..found.next);
        }
        Some(found.next)
    }

    /// A name in double quotes or backticks; in `MySQL` the former is a string.
    fn quoted_name(&mut self, at: usize, quote: u8) -> usize {
        let text = self.text;
        if self.is_mysql
            && quote == b'"'
            && let Some(found) = literal::read(text, at, literal::Quoting::Either)
        {
            self.push(Kind::String, found.inner);
            return found.next;
        }
        let end = text.seek(at + 1, |byte| byte == quote);
        self.push(Kind::Word, at + 1..end);
        (end + 1).min(text.len())
    }
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_word(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

#[cfg(test)]
mod tests {
    use super::{Kind, Reading, Text, Tokens};

    fn split(sql: &str, reading: Reading) -> Vec<(Kind, &str)> {
        let text = Text::new(sql.as_bytes());
        let tokens = Tokens::of(&text, reading);
        let all = tokens.all.into_iter();
        all.map(|token| (token.kind, sql.get(token.range).unwrap()))
            .collect()
    }

    #[test]
    fn a_quote_in_a_comment_opens_no_string() {
        use Kind::{Body, Sign, String, Word};
        for (sql, expected) in [
            ("a /* ' /* */ ' */ 'b'", vec![(Word, "a"), (String, "b")]),
            (
                "a.b--'\n,E'c\\'d'",
                vec![(Word, "a.b"), (Sign(b','), ","), (String, "c\\'d")],
            ),
            ("do $x$ 'a' $x$", vec![(Word, "do"), (Body, " 'a' ")]),
            ("\"A b\" 'c''d'", vec![(Word, "A b"), (String, "c''d")]),
            ("x /* no end '", vec![(Word, "x")]),
        ] {
            assert_eq!(split(sql, Reading::Sql), expected, "{sql}");
        }
        assert_eq!(split("/*! \"a\" */", Reading::MySql).len(), 6);
    }

    #[test]
    fn a_string_and_what_is_skipped_are_found_by_their_place() {
        let text = Text::new(b"a 'b' /* c */ 'd'");
        let tokens = Tokens::of(&text, Reading::Sql);
        assert!(tokens.is_in_string(3) && !tokens.is_in_string(2) && !tokens.is_in_string(5));
        assert_eq!(tokens.skip(6), Some(13));
        assert_eq!(tokens.skip(7), None);
    }
}
