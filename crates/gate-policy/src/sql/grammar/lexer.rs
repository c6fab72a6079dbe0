//! `PostgreSQL`'s scanner (`scan.l`, and the look ahead of `parser.c`).
//!
//! Two texts are refused that the server takes, because a setting of the server
//! decides what they are: a backslash right before a quote in a plain string
//! (`standard_conforming_strings`), and a letter outside of ASCII in a name
//! without quotes (which some encodings turn into one of ASCII).

use super::automaton::END_OF_FILE;
use super::symbols::{CHARACTERS, KEYWORD_PLACES, KEYWORDS, token};
use crate::slots;

/// A terminal symbol and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The number of the symbol.
    pub(crate) kind: u16,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// Where a text stops being SQL, and why when that is more than a word at the
/// wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) start: u32,
    pub(crate) what: &'static str,
}

impl Problem {
    pub(super) fn at(start: u32) -> Self {
        Self {
            start,
            what: "it is not SQL",
        }
    }
}

/// What the strings of a text are written in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    /// A quote is doubled.
    None,
    /// A quote is doubled or has a backslash before it.
    Backslash,
}

/// Takes one token after the other.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
    /// A token that was looked at already.
    ahead: Option<Token>,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
            ahead: None,
        }
    }

    /// Starts at a byte of the text.
    pub(crate) fn starting_at(text: &'t str, at: usize) -> Self {
        Self {
            at,
            ..Self::new(text)
        }
    }

    /// Returns how many bytes were read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn problem(&self, what: &'static str) -> Problem {
        Problem {
            start: position(self.at),
            what,
        }
    }

    /// Returns the next token as the grammar takes it: some words are two
    /// symbols, by the word that follows (`base_yylex` of `parser.c`).
    pub(crate) fn next_of_grammar(&mut self) -> Result<Token, Problem> {
        let mut current = self.next_or_ahead()?;
        if !matches!(
            current.kind,
            token::FORMAT
                | token::NOT
                | token::NULLS_P
                | token::WITH
                | token::WITHOUT
                | token::UIDENT
                | token::USCONST
        ) {
            return Ok(current);
        }
        let next = self.next()?;
        self.ahead = Some(next);
        current.kind = match (current.kind, next.kind) {
            (token::FORMAT, token::JSON) => token::FORMAT_LA,
            (
                token::NOT,
                token::BETWEEN | token::IN_P | token::LIKE | token::ILIKE | token::SIMILAR,
            ) => token::NOT_LA,
            (token::NULLS_P, token::FIRST_P | token::LAST_P) => token::NULLS_LA,
            (token::WITH, token::TIME | token::ORDINALITY) => token::WITH_LA,
            (token::WITHOUT, token::TIME) => token::WITHOUT_LA,
            (kind @ (token::UIDENT | token::USCONST), follows) => {
                if follows == token::UESCAPE {
                    let escape = self.next()?;
                    if escape.kind != token::SCONST {
                        return Err(Problem::at(escape.start));
                    }
                    self.ahead = None;
                    current.end = escape.end;
                }
                if kind == token::UIDENT {
                    token::IDENT
                } else {
                    token::SCONST
                }
            }
            (kind, _) => kind,
        };
        Ok(current)
    }

    fn next_or_ahead(&mut self) -> Result<Token, Problem> {
        match self.ahead.take() {
            Some(token) => Ok(token),
            None => self.next(),
        }
    }

    /// Returns the next token of the scanner itself.
    pub(crate) fn next(&mut self) -> Result<Token, Problem> {
        self.skip_blanks()?;
        let start = self.at;
        let Some(byte) = self.peek(0) else {
            return Ok(Token {
                kind: END_OF_FILE,
                start: position(start),
                end: position(start),
            });
        };
        let kind = match byte {
            b'\'' => self.string(0, Escapes::None, token::SCONST)?,
            b'"' => self.name_in_quotes(0, token::IDENT)?,
            b'$' => self.dollar()?,
            b'0'..=b'9' => self.number()?,
            b'.' if self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) => self.number()?,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(byte)?,
            0x80.. => return Err(self.problem("a character outside of ASCII stands in a name")),
            _ => self.sign(byte)?,
        };
        Ok(Token {
            kind,
            start: position(start),
            end: position(self.at),
        })
    }

    /// Moves behind blanks and comments.
    pub(crate) fn skip_blanks(&mut self) -> Result<(), Problem> {
        loop {
            match self.rest() {
                [b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c, ..] => self.at += 1,
                [b'-', b'-', ..] => self.skip_line(),
                [b'/', b'*', ..] => self.skip_comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = self.rest();
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        self.at += end.unwrap_or(rest.len());
    }

    /// Comments stand in comments.
    fn skip_comment(&mut self) -> Result<(), Problem> {
        let begun = self.problem("a comment does not end");
        let mut depth = 0_usize;
        loop {
            match self.rest() {
                [b'/', b'*', ..] => {
                    depth += 1;
                    self.at += 2;
                }
                [b'*', b'/', ..] => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                [_, ..] => self.at += 1,
                [] => return Err(begun),
            }
        }
    }

    /// Moves behind a string with `prefix` letters before its quote, and behind
    /// those that continue it in later lines.
    fn string(&mut self, prefix: usize, escapes: Escapes, kind: u16) -> Result<u16, Problem> {
        let begun = self.problem("a string does not end");
        self.at += prefix + 1;
        loop {
            match self.rest() {
                [b'\\', _, ..] if escapes == Escapes::Backslash => self.at += 2,
                [b'\\', b'\'', ..] => {
                    return Err(self.problem("a backslash stands before a quote"));
                }
                [b'\'', b'\'', ..] => self.at += 2,
                [b'\'', ..] => {
                    self.at += 1;
                    match self.continuation() {
                        Some(quote) => self.at = quote + 1,
                        None => return Ok(kind),
                    }
                }
                [_, ..] => self.at += 1,
                [] => return Err(begun),
            }
        }
    }

    /// Finds the quote that continues a string: only blanks and line comments
    /// stand before it, and a line end is among them.
    fn continuation(&self) -> Option<usize> {
        let mut ahead = self.clone();
        let mut is_later_line = false;
        loop {
            match ahead.rest() {
                [b'\n' | b'\r', ..] => {
                    is_later_line = true;
                    ahead.at += 1;
                }
                [b' ' | b'\t' | 0x0b | 0x0c, ..] => ahead.at += 1,
                [b'-', b'-', ..] => ahead.skip_line(),
                [b'\'', ..] if is_later_line => return Some(ahead.at),
                _ => return None,
            }
        }
    }

    fn name_in_quotes(&mut self, prefix: usize, kind: u16) -> Result<u16, Problem> {
        let begun = self.problem("a name does not end");
        self.at += prefix + 1;
        let inside = self.at;
        loop {
            match self.rest() {
                [b'"', b'"', ..] => self.at += 2,
                [b'"', ..] if self.at == inside => return Err(begun),
                [b'"', ..] => {
                    self.at += 1;
                    return Ok(kind);
                }
                [_, ..] => self.at += 1,
                [] => return Err(begun),
            }
        }
    }

    /// A parameter, or a string between two equal words of dollars.
    fn dollar(&mut self) -> Result<u16, Problem> {
        let rest = self.rest();
        let behind = rest.get(1..).unwrap_or_default();
        if behind.first().is_some_and(u8::is_ascii_digit) {
            let digits = behind
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            self.at += 1 + digits;
            return self.no_word_behind(token::PARAM);
        }
        let word = match behind {
            [first, ..] if is_word_start(*first) => {
                let is_in = |byte: &&u8| is_word_start(**byte) || byte.is_ascii_digit();
                behind.iter().take_while(is_in).count()
            }
            _ => 0,
        };
        if behind.get(word) != Some(&b'$') {
            return Err(self.problem("a `$` stands alone"));
        }
        let fence = rest.get(..word + 2).unwrap_or_default();
        let body = rest.get(word + 2..).unwrap_or_default();
        let end = body.windows(fence.len()).position(|window| window == fence);
        let end = end.ok_or_else(|| self.problem("a string between dollars does not end"))?;
        self.at += end + 2 * fence.len();
        Ok(token::SCONST)
    }

    fn number(&mut self) -> Result<u16, Problem> {
        let radix: Option<fn(&u8) -> bool> = match self.rest() {
            [b'0', b'x' | b'X', ..] => Some(u8::is_ascii_hexdigit),
            [b'0', b'o' | b'O', ..] => Some(|byte| matches!(byte, b'0'..=b'7')),
            [b'0', b'b' | b'B', ..] => Some(|byte| matches!(byte, b'0' | b'1')),
            _ => None,
        };
        if let Some(is_digit) = radix {
            self.at += 2;
            if self.peek(0) == Some(b'_') {
                self.at += 1;
            }
            if !self.peek(0).is_some_and(|byte| is_digit(&byte)) {
                return Err(self.problem("a number does not end"));
            }
            self.digits(is_digit);
            return self.no_word_behind(token::ICONST);
        }
        let mut kind = token::ICONST;
        self.digits(u8::is_ascii_digit);
        // `1..10` is two numbers.
        if self.peek(0) == Some(b'.') && self.peek(1) != Some(b'.') {
            kind = token::FCONST;
            self.at += 1;
            self.digits(u8::is_ascii_digit);
        }
        if matches!(self.peek(0), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.peek(1), Some(b'+' | b'-')));
            if !self
                .peek(1 + sign)
                .is_some_and(|byte| byte.is_ascii_digit())
            {
                return Err(self.problem("a number does not end"));
            }
            kind = token::FCONST;
            self.at += 1 + sign;
            self.digits(u8::is_ascii_digit);
        }
        self.no_word_behind(kind)
    }

    /// Digits, each pair with at most one `_` between.
    fn digits(&mut self, is_digit: fn(&u8) -> bool) {
        loop {
            match self.rest() {
                [byte, ..] if is_digit(byte) => self.at += 1,
                [b'_', next, ..] if is_digit(next) => self.at += 2,
                _ => return,
            }
        }
    }

    /// Old versions take `1x` for two tokens, new ones for none.
    fn no_word_behind(&self, kind: u16) -> Result<u16, Problem> {
        match self.peek(0) {
            Some(byte) if is_word_start(byte) => Err(self.problem("a number runs into a word")),
            _ => Ok(kind),
        }
    }

    fn word(&mut self, first: u8) -> Result<u16, Problem> {
        match (first, self.peek(1), self.peek(2)) {
            (b'e' | b'E', Some(b'\''), _) => {
                return self.string(1, Escapes::Backslash, token::SCONST);
            }
            (b'b' | b'B', Some(b'\''), _) => return self.string(1, Escapes::None, token::BCONST),
            (b'x' | b'X', Some(b'\''), _) => return self.string(1, Escapes::None, token::XCONST),
            // `N'x'` is the word `nchar` and a string.
            (b'n' | b'N', Some(b'\''), _) => {
                self.at += 1;
                return Ok(token::NCHAR);
            }
            (b'u' | b'U', Some(b'&'), Some(b'\'')) => {
                return self.string(2, Escapes::None, token::USCONST);
            }
            (b'u' | b'U', Some(b'&'), Some(b'"')) => {
                return self.name_in_quotes(2, token::UIDENT);
            }
            _ => {}
        }
        let is_in = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
        let length = self.rest().iter().take_while(is_in).count();
        let word = self.rest().get(..length).unwrap_or_default();
        self.at += length;
        if self.peek(0).is_some_and(|byte| byte >= 0x80) {
            return Err(self.problem("a character outside of ASCII stands in a name"));
        }
        Ok(keyword(word).unwrap_or(token::IDENT))
    }

    /// A sign alone or an operator, which ends where a comment starts.
    fn sign(&mut self, byte: u8) -> Result<u16, Problem> {
        let rest = self.rest();
        let (kind, length) = match rest {
            [b':', b':', ..] => (token::TYPECAST, 2),
            [b':', b'=', ..] => (token::COLON_EQUALS, 2),
            [b'.', b'.', ..] => (token::DOT_DOT, 2),
            _ if is_of_operator(byte) => operator(rest),
            _ => (character(byte), 1),
        };
        if kind == END_OF_FILE {
            return Err(self.problem("a character has no meaning"));
        }
        self.at += length;
        Ok(kind)
    }
}

/// Returns the symbol of a word of the grammar.
fn keyword(word: &[u8]) -> Option<u16> {
    slots::find(&KEYWORD_PLACES, word, |place| {
        let (known, kind) = KEYWORDS.get(usize::from(*place).checked_sub(1)?)?;
        Some((known.as_bytes().eq_ignore_ascii_case(word), *kind))
    })
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_of_operator(byte: u8) -> bool {
    b"~!@#^&|`?+-*/%<>=".contains(&byte)
}

fn character(byte: u8) -> u16 {
    CHARACTERS
        .get(usize::from(byte))
        .copied()
        .unwrap_or(END_OF_FILE)
}

/// Returns the symbol of an operator and its length.
fn operator(rest: &[u8]) -> (u16, usize) {
    let run = rest
        .iter()
        .take_while(|byte| is_of_operator(**byte))
        .count();
    let signs = rest.get(..run).unwrap_or_default();
    let comment = signs
        .windows(2)
        .position(|two| matches!(two, b"/*" | b"--"));
    let mut signs = signs.get(..comment.unwrap_or(run)).unwrap_or_default();
    // A `+` or `-` at the end belongs to what follows, unless a sign that the
    // standard does not use stands before it.
    if !signs.iter().any(|byte| b"~!@#^&|`?%".contains(byte)) {
        while let [front @ .., b'+' | b'-'] = signs {
            if front.is_empty() {
                break;
            }
            signs = front;
        }
    }
    let kind = match signs {
        b"=>" => token::EQUALS_GREATER,
        b"<=" => token::LESS_EQUALS,
        b">=" => token::GREATER_EQUALS,
        b"<>" | b"!=" => token::NOT_EQUALS,
        [single] if character(*single) != END_OF_FILE => character(*single),
        _ => token::Op,
    };
    (kind, signs.len())
}

fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_grammar_is_found_in_any_case_and_no_other_is() {
        assert!(KEYWORDS.len() > 400);
        for (word, kind) in KEYWORDS {
            let upper = word.to_ascii_uppercase();
            for word in [*word, &upper] {
                assert_eq!(keyword(word.as_bytes()), Some(*kind), "{word}");
            }
            for other in [
                format!("{word}x"),
                format!("x{word}"),
                word.replace('e', ""),
            ] {
                let is_known = KEYWORDS.iter().any(|(known, _)| *known == other);
                assert_eq!(keyword(other.as_bytes()).is_some(), is_known, "{other}");
            }
        }
    }
}
