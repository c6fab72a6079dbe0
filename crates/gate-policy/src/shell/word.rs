//! Words: quotes and expansions.

use super::names::{is_letter, is_name, means_more};
use super::parser::{Dialect, Parser, Problem, parse_at};
use super::syntax::{List, Piece, Word};

/// The variables whose names are a sign or a digit.
const SPECIAL: &[u8] = b"?$!#-@*0123456789";

impl Parser<'_> {
    /// Tells whether a word starts here.
    pub(super) fn is_word_ahead(&self) -> bool {
        match self.peek() {
            None | Some(b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')') => false,
            Some(b'<' | b'>') => self.peek_at(1) == Some(b'('),
            Some(_) => true,
        }
    }

    /// Tells whether what stands so far ahead ends a word.
    fn is_end_at(&self, ahead: usize) -> bool {
        matches!(
            self.peek_at(ahead),
            None | Some(b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b')')
        )
    }

    /// Reads one word, up to what ends it. Line ends behind a backslash are no
    /// part of it.
    pub(super) fn word(&mut self) -> Result<Word, Problem> {
        let start = self.at;
        let mut is_joined = false;
        let mut pieces = Vec::new();
        if matches!(self.peek(), Some(b'<' | b'>')) {
            if self.dialect == Dialect::Posix {
                return Err("not every shell has process substitutions");
            }
            self.at += 2;
            pieces.push(Piece::Process(self.substituted()?));
        }
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => break,
                b'\'' => self.single_quoted(&mut pieces)?,
                b'"' => {
                    self.at += 1;
                    push(&mut pieces, b"", true);
                    self.quoted(&mut pieces, Some(b'"'))?;
                }
                b'\\' => {
                    match self.peek_at(1) {
                        None => return Err("a backslash stands at the end"),
                        Some(b'\n') if self.at == start => {
                            return Err("a word goes on in the next line");
                        }
                        Some(b'\n') => is_joined = true,
                        Some(byte) => push(&mut pieces, &[byte], true),
                    }
                    self.at += 2;
                }
                b'$' => self.dollar(&mut pieces, false)?,
                b'`' => self.backquoted(&mut pieces, false)?,
                _ => {
                    push(&mut pieces, &[byte], false);
                    self.at += 1;
                }
            }
        }
        // What stands right before a redirection can be its number.
        if is_joined && (matches!(self.peek(), Some(b'<' | b'>')) || means_more(&pieces)) {
            return Err("a word goes on in the next line");
        }
        let range = if self.is_as_written {
            start..self.at
        } else {
            0..0
        };
        Ok(Word { pieces, range })
    }

    /// Reads the text of a here-document.
    pub(super) fn here_text(&self, body: &[u8], is_literal: bool) -> Result<Word, Problem> {
        let mut pieces = Vec::new();
        if is_literal {
            push(&mut pieces, body, true);
        } else {
            let mut inside = Parser {
                text: body,
                at: 0,
                dialect: self.dialect,
                pending: Vec::new(),
                here: Vec::new(),
                is_as_written: false,
                ..*self
            };
            inside.deeper(|inside| inside.quoted(&mut pieces, None))?;
            if !inside.here.is_empty() {
                return Err("a here-document stands in a here-document");
            }
        }
        Ok(Word {
            pieces,
            range: 0..0,
        })
    }

    /// Reads the commands of a substitution up to `)`, and takes it. Where the
    /// text of a here-document inside of it or outside of it stands, shells
    /// don't agree.
    fn substituted(&mut self) -> Result<List, Problem> {
        let start = self.at;
        let outside = std::mem::take(&mut self.pending);
        let list = self.list_to_parenthesis()?;
        let has_lines = self.slice(start, self.at).contains(&b'\n');
        if !self.pending.is_empty() || (has_lines && !outside.is_empty()) {
            return Err("a here-document stands across a substitution");
        }
        self.pending = outside;
        Ok(list)
    }

    fn single_quoted(&mut self, pieces: &mut Vec<Piece>) -> Result<(), Problem> {
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\'');
        let length = length.ok_or("a quote is not closed")?;
        push(pieces, rest.get(..length).unwrap_or_default(), true);
        self.at += length + 2;
        Ok(())
    }

    /// Reads what stands between double quotes, or to the end of a
    /// here-document.
    fn quoted(&mut self, pieces: &mut Vec<Piece>, end: Option<u8>) -> Result<(), Problem> {
        loop {
            let Some(byte) = self.peek() else {
                return match end {
                    Some(_) => Err("a quote is not closed"),
                    None => Ok(()),
                };
            };
            match byte {
                _ if Some(byte) == end => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => {
                    match self.peek_at(1) {
                        None => return Err("a backslash stands at the end"),
                        Some(b'\n') => {}
                        Some(byte @ (b'$' | b'`' | b'\\')) => push(pieces, &[byte], true),
                        Some(b'"') if end.is_some() => push(pieces, b"\"", true),
                        Some(byte) => push(pieces, &[b'\\', byte], true),
                    }
                    self.at += 2;
                }
                b'$' => self.dollar(pieces, true)?,
                b'`' => self.backquoted(pieces, true)?,
                _ => {
                    push(pieces, &[byte], true);
                    self.at += 1;
                }
            }
        }
    }

    fn dollar(&mut self, pieces: &mut Vec<Piece>, is_quoted: bool) -> Result<(), Problem> {
        self.at += 1;
        match self.peek() {
            Some(b'(') => {
                if self.peek_at(1) == Some(b'(') {
                    let arithmetic = self.arithmetic(2);
                    let arithmetic = arithmetic.ok_or("`$((` is not understood")?;
                    pieces.push(Piece::Arithmetic(arithmetic));
                    return Ok(());
                }
                self.at += 1;
                let list = self.substituted()?;
                pieces.push(Piece::Substitution(list));
                return Ok(());
            }
            Some(b'{') => {
                let piece = self.deeper(|parser| parser.braced(is_quoted))?;
                pieces.push(piece);
                return Ok(());
            }
            Some(b'[') => return Err("`$[` is not understood"),
            Some(b'+' | b'=' | b'~' | b'^') if self.dialect == Dialect::Zsh => {
                return Err("a sign behind `$` is not understood");
            }
            Some(b'\'') if !is_quoted => self.ansi_quoted(pieces)?,
            Some(b'"') if !is_quoted => return Err("`$\"` is not understood"),
            Some(byte) if SPECIAL.contains(&byte) => {
                let is_longer = self.peek_at(1).is_some_and(|next| next.is_ascii_digit());
                if self.dialect == Dialect::Zsh && byte.is_ascii_digit() && is_longer {
                    return Err("shells do not agree on a number of two digits behind `$`");
                }
                let name = vec![byte];
                self.at += 1;
                pieces.push(Piece::Parameter { name, is_quoted });
            }
            Some(_) => {
                let name = self.name();
                if name.is_empty() {
                    push(pieces, b"$", is_quoted);
                } else {
                    pieces.push(Piece::Parameter { name, is_quoted });
                }
            }
            None => push(pieces, b"$", is_quoted),
        }
        self.end_of_name()
    }

    /// Refuses what would still belong to a name behind `$`: its rest in the
    /// next line, and in zsh a subscript, which calculates, or a modifier.
    fn end_of_name(&self) -> Result<(), Problem> {
        if self.starts_with(b"\\\n") && !self.is_end_at(2) {
            return Err("a name goes on in the next line");
        }
        let is_modifier = self.peek() == Some(b':')
            && self
                .peek_at(1)
                .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'&');
        if self.dialect == Dialect::Zsh && (is_modifier || self.peek() == Some(b'[')) {
            return Err("what stands behind a name is not understood");
        }
        Ok(())
    }

    /// Takes the name of a variable; empty where there is none.
    pub(super) fn name(&mut self) -> Vec<u8> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| is_letter(**byte)).count();
        let name = rest.get(..length).unwrap_or_default();
        if !is_name(name) {
            return Vec::new();
        }
        let name = name.to_vec();
        self.at += length;
        name
    }

    /// Reads `${…}`.
    fn braced(&mut self, is_quoted: bool) -> Result<Piece, Problem> {
        self.at += 1;
        let mut name = self.name();
        if name.is_empty()
            && let Some(byte) = self.peek().filter(|byte| SPECIAL.contains(byte))
        {
            let digits = self.text.get(self.at..).unwrap_or_default();
            let digits = digits
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            let length = if byte.is_ascii_digit() { digits } else { 1 };
            name = self.slice(self.at, self.at + length).to_vec();
            self.at += length;
        }
        if name == b"#" && self.take_length() {
            return Ok(Piece::Parameter { name, is_quoted });
        }
        if !name.is_empty() && self.take(b"}") {
            return Ok(Piece::Parameter { name, is_quoted });
        }
        if !name.is_empty() && self.take_number() {
            return Ok(self.element(&name, is_quoted));
        }
        if let Some(value) = self.plain_default(&name) {
            return Ok(Piece::Default {
                name,
                value,
                is_quoted,
            });
        }
        self.plain_operator(&name)?;
        let is_message = self.starts_with(b"?") || self.starts_with(b":?");
        let pieces = self.behind_operator(is_quoted)?;
        let range = 0..0;
        let words = vec![Word { pieces, range }];
        Ok(Piece::Opaque {
            name,
            words,
            is_message,
        })
    }

    /// Reads the word behind the operator of `${…}`, and takes what closes it.
    fn behind_operator(&mut self, is_quoted: bool) -> Result<Vec<Piece>, Problem> {
        let mut pieces = Vec::new();
        loop {
            match self.peek() {
                None => return Err("`${` is not closed"),
                Some(b'}') => break,
                // Whether it quotes here depends on the operator.
                Some(b'\'') if is_quoted => return Err("a quote stands inside of `\"${`"),
                Some(b'\'') => self.single_quoted(&mut pieces)?,
                Some(b'"') => {
                    self.at += 1;
                    self.deeper(|parser| parser.quoted(&mut pieces, Some(b'"')))?;
                }
                Some(b'\\') if self.peek_at(1) == Some(b'\n') => {
                    return Err("an expansion goes on in the next line");
                }
                Some(b'\\') => self.at += 2,
                Some(b'$') => self.dollar(&mut pieces, is_quoted)?,
                Some(b'`') => self.backquoted(&mut pieces, is_quoted)?,
                Some(b'<' | b'>') if self.peek_at(1) == Some(b'(') => {
                    return Err("a process substitution stands inside of `${`");
                }
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(pieces)
    }

    /// Takes the rest of `${#NAME}`, which is a number as `$#` is one.
    fn take_length(&mut self) -> bool {
        let start = self.at;
        let ends: [&[u8]; 3] = [b"}", b"[@]}", b"[*]}"];
        let is_length = !self.name().is_empty() && ends.into_iter().any(|end| self.take(end));
        if !is_length {
            self.at = start;
        }
        is_length
    }

    /// Returns an element of an array. Of `PIPESTATUS` it is a status, as `$?`
    /// is one, where nothing else was put there.
    fn element(&self, name: &[u8], is_quoted: bool) -> Piece {
        match name {
            b"PIPESTATUS" if self.dialect == Dialect::Bash => Piece::Parameter {
                name: name.to_vec(),
                is_quoted,
            },
            _ => Piece::Opaque {
                name: name.to_vec(),
                words: Vec::new(),
                is_message: false,
            },
        }
    }

    /// Takes `[NUMBER]}`.
    fn take_number(&mut self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let inside = rest.strip_prefix(b"[").unwrap_or_default();
        let digits = inside.iter().take_while(|byte| byte.is_ascii_digit());
        let length = digits.count();
        let is_one = length > 0 && inside.get(length..length + 2) == Some(b"]}");
        if is_one {
            self.at += length + 3;
        }
        is_one
    }

    /// Takes `:-VALUE}` where the value is letters that nothing expands.
    fn plain_default(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        let rest = self.text.get(self.at..)?.strip_prefix(b":-")?;
        let length = rest.iter().position(|byte| *byte == b'}')?;
        let value = rest.get(..length)?;
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./-@,+".contains(byte);
        if name.is_empty() || !value.iter().all(is_plain) {
            return None;
        }
        self.at += length + 3;
        Some(value.to_vec())
    }

    /// Refuses the operators of an expansion that assign, or that calculate or
    /// expand what a value holds: `${x:=y}`, `${!x}`, `${x@P}`, `${x[i]}`,
    /// `${x:i}`.
    fn plain_operator(&self, name: &[u8]) -> Result<(), Problem> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !name.is_empty() && is_plain_operator(rest) {
            Ok(())
        } else {
            Err("an expansion has an operator that is not understood")
        }
    }

    /// Reads a command between backquotes. Backslashes in it are undone before
    /// it is read.
    fn backquoted(&mut self, pieces: &mut Vec<Piece>, is_quoted: bool) -> Result<(), Problem> {
        self.at += 1;
        let mut inside = Vec::new();
        loop {
            match self.peek() {
                None => return Err("a backquote is not closed"),
                Some(b'`') => break,
                Some(b'\\') => {
                    match self.peek_at(1) {
                        Some(byte @ (b'$' | b'`' | b'\\')) => inside.push(byte),
                        Some(b'"') if is_quoted => inside.push(b'"'),
                        Some(byte) => inside.extend([b'\\', byte]),
                        None => return Err("a backquote is not closed"),
                    }
                    self.at += 2;
                }
                Some(byte) => {
                    inside.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        let dialect = self.dialect;
        let script = self.deeper(|parser| parse_at(&inside, dialect, Some(parser.depth)))?;
        if !script.here.is_empty() {
            return Err("a here-document stands between backquotes");
        }
        let list = script.list;
        pieces.push(Piece::Substitution(list));
        Ok(())
    }

    /// Reads `$'…'`.
    fn ansi_quoted(&mut self, pieces: &mut Vec<Piece>) -> Result<(), Problem> {
        if self.dialect == Dialect::Posix {
            return Err("not every shell has `$'`");
        }
        self.at += 1;
        let mut text = Vec::new();
        loop {
            match self.peek() {
                None => return Err("a quote is not closed"),
                Some(b'\'') => break,
                Some(b'\\') => {
                    text.push(match self.peek_at(1) {
                        Some(b'n') => b'\n',
                        Some(b't') => b'\t',
                        Some(b'r') => b'\r',
                        Some(byte @ (b'\\' | b'\'' | b'"')) => byte,
                        _ => return Err("an escape in `$'` is not understood"),
                    });
                    self.at += 2;
                }
                Some(byte) => {
                    text.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        push(pieces, &text, true);
        Ok(())
    }
}

/// Tells whether what stands behind a name in `${` neither assigns nor
/// calculates nor expands what a value holds.
fn is_plain_operator(rest: &[u8]) -> bool {
    match rest {
        [b'-' | b'+' | b'?' | b'#' | b'%' | b'/' | b'^' | b',', ..]
        | [b':', b'-' | b'+' | b'?', ..]
        | [b'[', b'@' | b'*', b']', b'}', ..] => true,
        [b'[', b'@' | b'*', b']', rest @ ..] => {
            rest.first() != Some(&b'[') && is_plain_operator(rest)
        }
        [b':', counts @ ..] => {
            let inside = counts.split(|byte| *byte == b'}').next();
            inside.is_some_and(are_counts)
        }
        _ => false,
    }
}

/// Tells whether `START` or `START:LENGTH` is surely no error, which would end
/// the line, as a length below zero and an octal number with an 8 can be.
fn are_counts(counts: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_digit() || b": -".contains(byte);
    let is_count = |word: &[u8]| {
        let is_octal = word.len() > 1 && word.first() == Some(&b'0');
        !is_octal && word.iter().all(u8::is_ascii_digit)
    };
    let mut words = counts.split(|byte| *byte == b':').map(<[u8]>::trim_ascii);
    let start = words.next().unwrap_or_default();
    let start = start.strip_prefix(b"-").unwrap_or(start);
    !counts.is_empty()
        && counts.iter().all(is_plain)
        && is_count(start)
        && words.next().is_none_or(is_count)
        && words.next().is_none()
}

/// Adds letters to the piece before them where they are of its kind.
fn push(pieces: &mut Vec<Piece>, more: &[u8], is_quoted: bool) {
    if let Some(Piece::Literal {
        bytes,
        is_quoted: before,
    }) = pieces.last_mut()
        && *before == is_quoted
    {
        bytes.extend_from_slice(more);
        return;
    }
    let bytes = more.to_vec();
    pieces.push(Piece::Literal { bytes, is_quoted });
}
