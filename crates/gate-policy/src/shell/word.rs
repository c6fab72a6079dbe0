//! Words: quotes and expansions.

use super::parser::{Dialect, Parser, Problem, is_name, parse_at};
use super::syntax::{Arithmetic, Piece, Word};

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

    /// Reads one word, up to what ends it.
    pub(super) fn word(&mut self) -> Result<Word, Problem> {
        let start = self.at;
        let mut pieces = Vec::new();
        if matches!(self.peek(), Some(b'<' | b'>')) {
            if self.dialect == Dialect::Posix {
                return Err("not every shell has process substitutions");
            }
            self.at += 2;
            pieces.push(Piece::Process(self.list_to_parenthesis()?));
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
                        Some(b'\n') => {}
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
                if self.peek_at(1) == Some(b'(')
                    && let Some(arithmetic) = self.arithmetic(2)
                {
                    pieces.push(Piece::Arithmetic(arithmetic));
                    return Ok(());
                }
                self.at += 1;
                let list = self.list_to_parenthesis()?;
                pieces.push(Piece::Substitution(list));
            }
            Some(b'{') => {
                let piece = self.deeper(|parser| parser.braced(is_quoted))?;
                pieces.push(piece);
            }
            Some(b'[') => return Err("`$[` is not understood"),
            Some(b'\'') if !is_quoted => self.ansi_quoted(pieces)?,
            Some(b'"') if !is_quoted => return Err("`$\"` is not understood"),
            Some(byte) if SPECIAL.contains(&byte) => {
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
        Ok(())
    }

    /// Takes the name of a variable; empty where there is none.
    pub(super) fn name(&mut self) -> Vec<u8> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let length = rest.iter().take_while(|byte| is_letter(byte)).count();
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
        if !name.is_empty() && self.take(b"}") {
            return Ok(Piece::Parameter { name, is_quoted });
        }
        if let Some(value) = self.plain_default(&name) {
            return Ok(Piece::Default {
                name,
                value,
                is_quoted,
            });
        }
        self.plain_operator(&name)?;
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
        let range = 0..0;
        let words = vec![Word { pieces, range }];
        Ok(Piece::Opaque(words))
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
        let is_length = rest.first() == Some(&b'#') && name.is_empty();
        let is_plain = match rest {
            _ if is_length => true,
            [b'-' | b'+' | b'?' | b'#' | b'%' | b'/' | b'^' | b',', ..]
            | [b':', b'-' | b'+' | b'?', ..] => !name.is_empty(),
            [b':', counts @ ..] => {
                let mut inside = counts.split(|byte| *byte == b'}');
                let is_count = |byte: &u8| byte.is_ascii_digit() || b": -".contains(byte);
                inside
                    .next()
                    .is_some_and(|counts| counts.iter().all(is_count))
            }
            [b'[', b'@' | b'*', b']', ..] => true,
            _ => false,
        };
        if is_plain {
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

    /// Reads a calculation behind so many `(` to as many `)`, where it holds
    /// nothing but numbers, signs and names; else nothing is taken.
    pub(super) fn arithmetic(&mut self, open: usize) -> Option<Arithmetic> {
        let start = self.at + open;
        let rest = self.text.get(start..).unwrap_or_default();
        let mut depth = 0_usize;
        let mut end = None;
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' if depth == 0 => {
                    end = Some(at);
                    break;
                }
                b')' => depth -= 1,
                b'0'..=b'9'
                | b'a'..=b'z'
                | b'A'..=b'Z'
                | b'_'
                | b'$'
                | b' '
                | b'\t'
                | b'+'
                | b'-'
                | b'*'
                | b'/'
                | b'%'
                | b'<'
                | b'>'
                | b'='
                | b'!'
                | b'&'
                | b'|'
                | b'^'
                | b'~'
                | b'?'
                | b':'
                | b',' => {}
                _ => break,
            }
        }
        let end = end.filter(|end| rest.get(*end + 1) == Some(&b')'))?;
        let text = rest.get(..end).unwrap_or_default();
        // Two words beside each other are no calculation, whatever a shell makes of it.
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
        let parts: Vec<&[u8]> = text
            .split(is_blank)
            .filter(|part| !part.is_empty())
            .collect();
        let are_words = parts.windows(2).any(|two| {
            let before = two.first().and_then(|part| part.last());
            let behind = two.last().and_then(|part| part.first());
            before.is_some_and(is_word) && behind.is_some_and(is_word)
        });
        if are_words || text.windows(2).any(|two| two == b"$(") {
            return None;
        }
        self.at = start + end + 2;
        Some(calculation(text))
    }
}

/// Returns the names of a calculation, and whether it assigns.
fn calculation(text: &[u8]) -> Arithmetic {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let names = text
        .split(|byte| !is_letter(byte))
        .filter(|part| is_name(part));
    let compares = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        let is_shift = at.checked_sub(2).and_then(|at| text.get(at)) == before;
        text.get(at + 1) == Some(&b'=')
            || match before {
                Some(b'=' | b'!') => true,
                Some(b'<' | b'>') => !is_shift,
                _ => false,
            }
    };
    let mut equals = text.iter().enumerate().filter(|(_, byte)| **byte == b'=');
    let steps = text.windows(2).any(|two| two == b"++" || two == b"--");
    Arithmetic {
        names: names.map(<[u8]>::to_vec).collect(),
        assigns: steps || equals.any(|(at, _)| !compares(at)),
    }
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
